// A state Ry(0.9)|0> is sent to q[2], and over a second Bell pair, of qubits that were reset, back to q[0].
// Source: Bennett et al., Phys. Rev. Lett. 70, 1895 (1993)
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit[2] there;
bit[2] back;
bit out;
ry(0.9) q[0];
h q[1];
cx q[1], q[2];
cx q[0], q[1];
h q[0];
there = measure q[0:1];
if (there[1]) x q[2];
if (there[0]) z q[2];
reset q[0];
reset q[1];
h q[1];
cx q[1], q[0];
cx q[2], q[1];
h q[2];
back[0] = measure q[2];
back[1] = measure q[1];
if (back[1]) x q[0];
if (back[0]) z q[0];
ry(-0.9) q[0];
out = measure q[0];
