// The order of 11 modulo 15 by one counting qubit, used three times, and the two bits of 11 that change: 0 or 4 eighths.
// Source: Parker and Plenio, Phys. Rev. Lett. 85, 3049 (2000); Vandersypen et al., Nature 414, 883 (2001)
OPENQASM 3.0;
include "stdgates.inc";
def multiply(qubit c, qubit[2] value, int[8] power) {
  for int i in [1:power % 2] { cx c, value[0]; cx c, value[1]; }
}
qubit counter;
qubit[2] value;
bit[3] found;
uint[3] eighths = 0;
for int[8] k in [0:2] {
  reset counter;
  h counter;
  multiply(counter, value, 1 << (2 - k));
  rz(-pi * eighths / (1 << k)) counter;
  h counter;
  found[k] = measure counter;
  if (found[k]) eighths += 1 << k;
}
