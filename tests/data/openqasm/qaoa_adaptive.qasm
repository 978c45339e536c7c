// QAOA for the cut of a triangle: one vertex is read after the first layer, and its edges are fields in the second.
// Source: Bravyi et al., Phys. Rev. Lett. 125, 260505 (2020); Farhi et al., arXiv:1411.4028
OPENQASM 3.0;
include "stdgates.inc";
gate edge(a) p, r { cx p, r; rz(a) r; cx p, r; }
qubit[3] q;
bit[3] vertex;
h q;
edge(0.7) q[0], q[1];
edge(0.7) q[1], q[2];
edge(0.7) q[0], q[2];
rx(-0.5) q;
vertex[0] = measure q[0];
if (vertex[0]) {
  rz(-0.9) q[1];
  rz(-0.9) q[2];
} else {
  rz(0.9) q[1];
  rz(0.9) q[2];
}
edge(0.9) q[1], q[2];
rx(-0.8) q[1];
rx(-0.8) q[2];
vertex[1] = measure q[1];
vertex[2] = measure q[2];
