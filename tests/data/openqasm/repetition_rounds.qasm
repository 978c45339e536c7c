// Three rounds of the three-qubit bit-flip code, with a turn Rx(0.5) of every qubit in each; corrections are counted.
// Source: Kelly et al., Nature 519, 66 (2015); OpenQASM 3, examples/qec.qasm
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] data;
qubit[2] anc;
bit[2] syndrome;
uint[3] corrected = 0;
bit[3] out;
for int r in [1:3] {
  rx(0.5) data;
  reset anc;
  cx data[0], anc[0];
  cx data[1], anc[0];
  cx data[1], anc[1];
  cx data[2], anc[1];
  syndrome = measure anc;
  if (syndrome == 1) x data[0];
  if (syndrome == 2) x data[2];
  if (syndrome == 3) x data[1];
  if (syndrome != 0) corrected += 1;
}
out = measure data;
