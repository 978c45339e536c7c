// The secret 1011 of a parity is read bit by bit with one qubit, which is reset and used again.
// Source: Bernstein and Vazirani, SIAM J. Comput. 26, 1411 (1997); Hua et al., arXiv:2211.01925
OPENQASM 3.0;
include "stdgates.inc";
const uint[4] secret = 11;
qubit data;
qubit minus;
bit[4] found;
x minus;
h minus;
for int i in [0:3] {
  reset data;
  h data;
  if (secret[i]) { cx data, minus; }
  h data;
  found[i] = measure data;
}
