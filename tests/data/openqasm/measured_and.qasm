// The AND of two qubits is made by a Toffoli gate, used for a controlled S, and taken back by a measurement and CZ.
// Source: Gidney, Quantum 2, 74 (2018)
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
qubit both;
bit z_part;
bit[2] out;
ry(1.0) q[0];
ry(0.8) q[1];
ccx q[0], q[1], both;
s both;
h both;
z_part = measure both;
if (z_part) cz q[0], q[1];
cp(-pi / 2) q[0], q[1];
ry(-1.0) q[0];
ry(-0.8) q[1];
out = measure q;
