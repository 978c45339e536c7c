// Two copies of Ry(1)|0> or of Ry(-1)|0>: the second is read along an axis that the first chose, as well as both at once.
// Source: Acín et al., Phys. Rev. A 71, 032338 (2005)
OPENQASM 3.0;
include "stdgates.inc";
const float[64] omega = arctan(1.0 / cos(1.0));
qubit coin;
qubit q;
bit sent;
bit first;
bit guess;
bit wrong;
h coin;
sent = measure coin;
if (sent) { ry(1.0) q; } else { ry(-1.0) q; }
ry(pi / 2) q;
first = measure q;
reset q;
if (sent) { ry(1.0) q; } else { ry(-1.0) q; }
if (first) { ry(pi - omega) q; } else { ry(omega) q; }
guess = measure q;
wrong = guess ^ sent;
