// A W state of three qubits: turned alike, their number of ones is measured, odd first, then one or three; tried twice.
// Source: Piroli, Styliaris and Cirac, Phys. Rev. Lett. 133, 230401 (2024)
OPENQASM 3.0;
include "stdgates.inc";
const float[64] theta = 2 * arcsin(sqrt(1.0 / 3.0));
qubit[3] q;
qubit counter;
bit odd;
bit three;
bit done = 0;
bit[3] out;
for int attempt in [0:1] {
  reset q;
  reset counter;
  ry(theta) q;
  for int i in [0:2] { cx q[i], counter; }
  odd = measure counter;
  if (odd) {
    reset counter;
    h counter;
    for int i in [0:2] { cp(pi / 2) counter, q[i]; }
    p(-pi / 2) counter;
    h counter;
    three = measure counter;
    if (!three) {
      done = 1;
      break;
    }
  }
}
out = measure q;
