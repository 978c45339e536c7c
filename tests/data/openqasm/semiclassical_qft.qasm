// An inverse Fourier transform of three qubits with phases 2 pi 0.2, where each measurement turns the qubits after it.
// Source: Griffiths and Niu, Phys. Rev. Lett. 76, 3228 (1996); OpenQASM 3, examples/inverseqft1.qasm
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit[3] found;
h q;
p(0.4 * pi) q[0];
p(0.8 * pi) q[1];
p(1.6 * pi) q[2];
h q[2];
found[0] = measure q[2];
if (found[0]) p(-pi / 2) q[1];
h q[1];
found[1] = measure q[1];
if (found[0]) p(-pi / 4) q[0];
if (found[1]) p(-pi / 2) q[0];
h q[0];
found[2] = measure q[0];
