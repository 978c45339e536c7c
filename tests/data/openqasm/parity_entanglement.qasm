// The parity of two qubits in |+> is measured by a third and corrected: a Bell pair, each time.
// Source: Ristè et al., Nature 502, 350 (2013)
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
qubit helper;
bit parity;
bit[2] out;
h q;
cx q[0], helper;
cx q[1], helper;
parity = measure helper;
if (parity) x q[1];
cx q[0], q[1];
h q[0];
out = measure q;
