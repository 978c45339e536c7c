// Two hops of a teleportation whose corrections are kept as bits, and put into the outcome alone.
// Source: OpenQASM 3, examples/varteleport.qasm; Knill, Nature 434, 39 (2005)
OPENQASM 3.0;
include "stdgates.inc";
qubit[5] q;
bit[2] x_part;
bit[2] z_part;
bit raw;
bit out;
ry(1.1) q[0];
h q[1];
cx q[1], q[2];
h q[3];
cx q[3], q[4];
for int i in [0:1] {
  cx q[2 * i], q[2 * i + 1];
  h q[2 * i];
  z_part[i] = measure q[2 * i];
  x_part[i] = measure q[2 * i + 1];
}
raw = measure q[4];
out = raw ^ x_part[0] ^ x_part[1];
