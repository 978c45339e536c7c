// Three-qubit phase-flip code: a Z turn on the middle qubit is found and undone; the logical |+> reads 0.
// Source: Nielsen and Chuang, Quantum Computation and Quantum Information (2000), 10.1.2
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] data;
qubit anc;
bit[2] syndrome;
bit out;
cx data[0], data[1];
cx data[0], data[2];
h data;
rz(0.8) data[1];
h data;
for int i in [0:1] {
  reset anc;
  cx data[i], anc;
  cx data[i + 1], anc;
  syndrome[i] = measure anc;
}
if (syndrome == 3) { x data[1]; }
cx data[0], data[2];
cx data[0], data[1];
out = measure data[0];
