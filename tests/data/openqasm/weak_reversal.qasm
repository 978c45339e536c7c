// A weak measurement and its reversal by another on the flipped qubit: where both read 0, the state is the first one again.
// Source: Korotkov and Jordan, Phys. Rev. Lett. 97, 166805 (2006)
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
qubit meter;
bit weak;
bit again;
bit lost;
bit out;
ry(1.0) q;
cry(1.4) q, meter;
weak = measure meter;
reset meter;
x q;
cry(1.4) q, meter;
again = measure meter;
x q;
ry(-1.0) q;
out = measure q;
lost = weak | again;
