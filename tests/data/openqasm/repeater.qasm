// Three Bell pairs in a row, joined by two Bell measurements; the parities of their outcomes correct one end.
// Source: Briegel et al., Phys. Rev. Lett. 81, 5932 (1998)
OPENQASM 3.0;
include "stdgates.inc";
gate bell a, b { h a; cx a, b; }
qubit[6] q;
bit[2] z_part;
bit[2] x_part;
bit[2] outer;
bell q[0], q[1];
bell q[2], q[3];
bell q[4], q[5];
inv @ bell q[1], q[2];
inv @ bell q[3], q[4];
z_part[0] = measure q[1];
x_part[0] = measure q[2];
z_part[1] = measure q[3];
x_part[1] = measure q[4];
if (x_part[0] ^ x_part[1]) x q[5];
if (z_part[0] ^ z_part[1]) z q[5];
inv @ bell q[0], q[5];
outer[0] = measure q[0];
outer[1] = measure q[5];
