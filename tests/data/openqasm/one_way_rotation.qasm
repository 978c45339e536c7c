// Three measurements on a chain of four make a rotation, each angle's sign by the outcomes before; turned back, it reads 0.
// Source: Raussendorf and Briegel, Phys. Rev. Lett. 86, 5188 (2001)
OPENQASM 3.0;
include "stdgates.inc";
qubit[4] q;
bit[3] m;
bit out;
h q;
cz q[0], q[1];
cz q[1], q[2];
cz q[2], q[3];
rz(0.7) q[0];
h q[0];
m[0] = measure q[0];
if (m[0]) { rz(-1.2) q[1]; } else { rz(1.2) q[1]; }
h q[1];
m[1] = measure q[1];
if (m[1]) { rz(-0.4) q[2]; } else { rz(0.4) q[2]; }
h q[2];
m[2] = measure q[2];
if (m[0]) x q[3];
if (m[1]) z q[3];
if (m[2]) x q[3];
h q[3];
rz(-0.4) q[3];
h q[3];
rz(-1.2) q[3];
h q[3];
rz(-0.7) q[3];
h q[3];
out = measure q[3];
