// Iterative phase estimation to three bits of 2 pi 0.3, which three bits cannot say: a distribution over all eight.
// Source: Kitaev, arXiv:quant-ph/9511026; Dobšíček et al., Phys. Rev. A 76, 030306 (2007)
OPENQASM 3.0;
include "stdgates.inc";
qubit counter;
qubit eigen;
bit[3] found;
x eigen;
h counter;
cp(2.4 * pi) counter, eigen;
h counter;
found[0] = measure counter;
reset counter;
h counter;
cp(1.2 * pi) counter, eigen;
if (found[0]) p(-pi / 2) counter;
h counter;
found[1] = measure counter;
reset counter;
h counter;
cp(0.6 * pi) counter, eigen;
if (found[0]) p(-pi / 4) counter;
if (found[1]) p(-pi / 2) counter;
h counter;
found[2] = measure counter;
