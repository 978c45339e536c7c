// A T gate on |+> by a magic state, a CNOT, a measurement and S as feedforward; H after it reads 1 with sin^2(pi/8).
// Source: Zhou, Leung and Chuang, Phys. Rev. A 62, 052316 (2000)
OPENQASM 3.0;
include "stdgates.inc";
qubit data;
qubit magic;
bit outcome;
bit out;
h data;
h magic;
t magic;
cx data, magic;
outcome = measure magic;
if (outcome) { s data; }
h data;
out = measure data;
