// Two Bell pairs, a Bell measurement on their inner qubits, corrections: the outer qubits are a Bell pair.
// Source: Żukowski et al., Phys. Rev. Lett. 71, 4287 (1993)
OPENQASM 3.0;
include "stdgates.inc";
gate bell a, b { h a; cx a, b; }
qubit[4] q;
bit[2] inner;
bit[2] outer;
bell q[0], q[1];
bell q[2], q[3];
inv @ bell q[1], q[2];
inner = measure q[1:2];
if (inner[1]) x q[3];
if (inner[0]) z q[3];
inv @ bell q[0], q[3];
outer[0] = measure q[0];
outer[1] = measure q[3];
