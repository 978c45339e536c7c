// The five-qubit code: four stabilisers before and after a turn Ry(0.6) of one qubit; what has changed names the correction.
// Source: Laflamme et al., Phys. Rev. Lett. 77, 198 (1996); Knill et al., Phys. Rev. Lett. 86, 5811 (2001)
OPENQASM 3.0;
include "stdgates.inc";
def stabiliser(qubit anc, qubit a, qubit b, qubit c, qubit d) -> bit {
  reset anc;
  h anc;
  cx anc, a;
  cz anc, b;
  cz anc, c;
  cx anc, d;
  h anc;
  return measure anc;
}
qubit[5] q;
qubit anc;
bit[4] before;
bit[4] after;
bit logical;
for int k in [0:3] { before[k] = stabiliser(anc, q[k], q[(k + 1) % 5], q[(k + 2) % 5], q[(k + 3) % 5]); }
ry(0.6) q[2];
for int k in [0:3] { after[k] = stabiliser(anc, q[k], q[(k + 1) % 5], q[(k + 2) % 5], q[(k + 3) % 5]); }
switch (int[5](before ^ after)) {
  case 1 { x q[1]; }
  case 2 { z q[4]; }
  case 3 { x q[2]; }
  case 4 { z q[2]; }
  case 5 { z q[0]; }
  case 6 { x q[3]; }
  case 7 { y q[2]; }
  case 8 { x q[0]; }
  case 9 { z q[3]; }
  case 10 { z q[1]; }
  case 11 { y q[1]; }
  case 12 { x q[4]; }
  case 13 { y q[0]; }
  case 14 { y q[4]; }
  case 15 { y q[3]; }
  default { }
}
reset anc;
for int k in [0:4] { cx q[k], anc; }
logical = measure anc;
