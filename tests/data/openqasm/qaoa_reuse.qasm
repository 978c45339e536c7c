// One layer of QAOA for the cut of a path of three, on two qubits: the first vertex is read early, and its qubit used again.
// Source: DeCross et al., Phys. Rev. X 13, 041057 (2023); Farhi et al., arXiv:1411.4028
OPENQASM 3.0;
include "stdgates.inc";
const float[64] gamma = 0.8;
const float[64] beta = -0.6;
gate edge(a) p, r { cx p, r; rz(a) r; cx p, r; }
qubit[2] q;
bit[3] vertex;
bit cut;
h q;
edge(gamma) q[0], q[1];
rx(beta) q[0];
vertex[0] = measure q[0];
reset q[0];
h q[0];
edge(gamma) q[1], q[0];
rx(beta) q;
vertex[1] = measure q[1];
vertex[2] = measure q[0];
cut = vertex[0] ^ vertex[1];
