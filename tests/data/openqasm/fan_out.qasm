// A fan-out from one control to two targets by Bell pairs, parities and feedforward, with the control in Ry(0.9)|0>.
// Source: Pham and Svore, Quantum Inf. Comput. 13, 937 (2013)
OPENQASM 3.0;
include "stdgates.inc";
qubit control;
qubit[2] helper;
qubit[2] target;
bit z_part;
bit x_part;
bit[3] out;
ry(0.9) control;
h helper[1];
cx helper[1], helper[0];
cx control, helper[0];
z_part = measure helper[0];
if (z_part) x helper[1];
cx helper[1], target[0];
cx helper[1], target[1];
h helper[1];
x_part = measure helper[1];
if (x_part) z control;
out[0] = measure control;
out[1] = measure target[0];
out[2] = measure target[1];
