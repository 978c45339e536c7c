// Iterative phase estimation of the phase 2 pi 5/8 with one ancilla: bits from the least significant on.
// Source: OpenQASM 3, examples/ipe.qasm; Dobšíček et al., Phys. Rev. A 76, 030306 (2007)
OPENQASM 3.0;
include "stdgates.inc";
const int[8] bits = 3;
qubit counter;
qubit eigen;
angle[bits] estimate = 0;
bit[bits] found;
x eigen;
for int[8] k in [0:bits - 1] {
  reset counter;
  h counter;
  for int[8] j in [1:1 << (bits - 1 - k)] { cp(2 * pi * 5 / 8) counter, eigen; }
  estimate >>= 1;
  rz(-estimate) counter;
  h counter;
  found[k] = measure counter;
  estimate[bits - 1] = found[k];
}
