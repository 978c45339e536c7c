// A T gate is done by teleporting through a Bell pair that has it already: corrections S X and Z; turned back, it reads 0.
// Source: Gottesman and Chuang, Nature 402, 390 (1999); OpenQASM 3, examples/gateteleport.qasm
OPENQASM 3.0;
include "stdgates.inc";
qubit data;
qubit[2] pair;
bit z_part;
bit x_part;
bit out;
ry(0.7) data;
h pair[0];
cx pair[0], pair[1];
t pair[1];
cx data, pair[0];
h data;
z_part = measure data;
x_part = measure pair[0];
if (x_part) {
  x pair[1];
  s pair[1];
}
if (z_part) z pair[1];
tdg pair[1];
ry(-0.7) pair[1];
out = measure pair[1];
