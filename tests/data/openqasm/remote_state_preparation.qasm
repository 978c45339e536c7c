// A state on the equator is made at the other end of a Bell pair by a measurement and one bit; turned back, it reads 0.
// Source: Pati, Phys. Rev. A 63, 014302 (2000)
OPENQASM 3.0;
include "stdgates.inc";
qubit near;
qubit far;
bit z_part;
bit out;
h near;
cx near, far;
p(0.9) near;
h near;
z_part = measure near;
if (z_part) z far;
p(-0.9) far;
h far;
out = measure far;
