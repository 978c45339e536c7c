// A state Rz(0.4) Ry(1.1)|0> is sent from q[0] to q[2]; turned back there, it always reads 0.
// Source: Bennett et al., Phys. Rev. Lett. 70, 1895 (1993); OpenQASM 3, examples/teleport.qasm
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit parity;
bit flip;
bit out;
ry(1.1) q[0];
rz(0.4) q[0];
h q[1];
cx q[1], q[2];
cx q[0], q[1];
h q[0];
flip = measure q[0];
parity = measure q[1];
if (parity) x q[2];
if (flip) z q[2];
rz(-0.4) q[2];
ry(-1.1) q[2];
out = measure q[2];
