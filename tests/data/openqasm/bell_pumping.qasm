// Whatever two qubits are in, they are pumped into a Bell pair: ZZ and XX are measured and set right by one turn each.
// Source: Barreiro et al., Nature 470, 486 (2011)
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
qubit helper;
bit odd;
bit minus;
bit[2] out;
ry(0.5) q[0];
ry(1.3) q[1];
cx q[0], helper;
cx q[1], helper;
odd = measure helper;
if (odd) x q[1];
reset helper;
h helper;
cx helper, q[0];
cx helper, q[1];
h helper;
minus = measure helper;
if (minus) z q[0];
cx q[0], q[1];
h q[0];
out = measure q;
