// The Bacon-Shor code of four qubits: pairs measured along x, along z after a turn Rx(0.7), and along x again.
// Source: Bacon, Phys. Rev. A 73, 012340 (2006)
OPENQASM 3.0;
include "stdgates.inc";
def along_x(qubit anc, qubit a, qubit b) -> bit {
  reset anc;
  h anc;
  cx anc, a;
  cx anc, b;
  h anc;
  return measure anc;
}
def along_z(qubit anc, qubit a, qubit b) -> bit {
  reset anc;
  cx a, anc;
  cx b, anc;
  return measure anc;
}
qubit[4] q;
qubit anc;
bit[2] x_first;
bit[2] x_second;
bit[2] z_gauge;
bit flipped;
bit turned;
x_first[0] = along_x(anc, q[0], q[2]);
x_first[1] = along_x(anc, q[1], q[3]);
rx(0.7) q[1];
z_gauge[0] = along_z(anc, q[0], q[1]);
z_gauge[1] = along_z(anc, q[2], q[3]);
x_second[0] = along_x(anc, q[0], q[2]);
x_second[1] = along_x(anc, q[1], q[3]);
flipped = z_gauge[0] ^ z_gauge[1];
turned = x_first[0] ^ x_first[1] ^ x_second[0] ^ x_second[1];
