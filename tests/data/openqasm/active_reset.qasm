// A qubit in Ry(1.2)|0> is measured and flipped back: it reads 0 afterwards.
// Source: Ristè et al., Phys. Rev. Lett. 109, 240502 (2012)
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
bit before;
bit after;
ry(1.2) q;
before = measure q;
if (before == 1) { x q; }
after = measure q;
