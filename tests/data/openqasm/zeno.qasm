// Six small turns that add up to pi, each followed by a measurement: the qubit stays with chance cos^2(pi/12) each.
// Source: Itano et al., Phys. Rev. A 41, 2295 (1990)
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
bit seen;
uint[4] stayed = 0;
for int i in [1:6] {
  ry(pi / 6) q;
  seen = measure q;
  if (seen) break;
  stayed += 1;
}
