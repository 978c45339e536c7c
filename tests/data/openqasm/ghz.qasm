// A GHZ state of four qubits in constant depth: pairs, joined by a parity and a feedforward of all later qubits.
// Source: Bäumer et al., PRX Quantum 5, 030339 (2024)
OPENQASM 3.0;
include "stdgates.inc";
qubit[4] q;
qubit joint;
bit parity;
bit[4] out;
h q[0];
cx q[0], q[1];
h q[2];
cx q[2], q[3];
cx q[1], joint;
cx q[2], joint;
parity = measure joint;
if (parity) {
  x q[2];
  x q[3];
}
out = measure q;
