// A coin tossed four times: the position is kept in memory and turns a second qubit by pi/8 for each step.
// Source: Aharonov, Davidovich and Zagury, Phys. Rev. A 48, 1687 (1993)
OPENQASM 3.0;
include "stdgates.inc";
qubit coin;
qubit pointer;
int[8] position = 0;
bit side;
bit out;
for int i in [1:4] {
  reset coin;
  h coin;
  side = measure coin;
  if (side) { position += 1; } else { position -= 1; }
}
ry(pi / 8 * position) pointer;
out = measure pointer;
