// A CNOT between two stations by one Bell pair and two bits, then undone by a local one: both qubits read 0.
// Source: Eisert et al., Phys. Rev. A 62, 052317 (2000)
OPENQASM 3.0;
include "stdgates.inc";
qubit control;
qubit[2] pair;
qubit target;
bit x_part;
bit z_part;
bit[2] out;
h control;
ry(0.5) target;
h pair[0];
cx pair[0], pair[1];
cx control, pair[0];
x_part = measure pair[0];
if (x_part) x pair[1];
cx pair[1], target;
h pair[1];
z_part = measure pair[1];
if (z_part) z control;
cx control, target;
h control;
ry(-0.5) target;
out[0] = measure control;
out[1] = measure target;
