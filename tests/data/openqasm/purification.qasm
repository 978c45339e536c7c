// Two Bell pairs with a flip of chance sin^2(0.25) each: CNOTs on both sides and a measured pair tell a single flip.
// Source: Bennett et al., Phys. Rev. Lett. 76, 722 (1996); Deutsch et al., Phys. Rev. Lett. 77, 2818 (1996)
OPENQASM 3.0;
include "stdgates.inc";
gate bell a, b { h a; cx a, b; }
qubit[2] near;
qubit[2] far;
bit[2] seen;
bit lost;
bit[2] out;
bell near[0], far[0];
bell near[1], far[1];
rx(0.5) far;
cx near[0], near[1];
cx far[0], far[1];
seen[0] = measure near[1];
seen[1] = measure far[1];
lost = seen[0] ^ seen[1];
inv @ bell near[0], far[0];
out[0] = measure near[0];
out[1] = measure far[0];
