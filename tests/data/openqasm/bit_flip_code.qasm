// Three-qubit repetition code: one flip of known chance sin^2(0.3) on each qubit, two syndrome bits, feedforward.
// Source: Nielsen and Chuang, Quantum Computation and Quantum Information (2000), 10.1.1
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] data;
qubit[2] anc;
bit[2] syndrome;
bit[3] out;
def parity(qubit a, qubit b, qubit c) -> bit {
  cx a, c;
  cx b, c;
  return measure c;
}
x data[0];
cx data[0], data[1];
cx data[0], data[2];
rx(0.6) data;
syndrome[0] = parity(data[0], data[1], anc[0]);
syndrome[1] = parity(data[1], data[2], anc[1]);
switch (int[4](syndrome)) {
  case 1 { x data[0]; }
  case 2 { x data[2]; }
  case 3 { x data[1]; }
  default { }
}
out = measure data;
