// Rz-like turns by two ancillas: V = (I + 2i Z)/sqrt(5), tried until both read 0, at most three times.
// Source: Paetznick and Svore, Quantum Inf. Comput. 14, 1277 (2014); OpenQASM 3, examples/rus.qasm
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] anc;
qubit target;
bit[2] flags;
bit done = 0;
bit out;
h target;
for int i in [0:2] {
  reset anc;
  h anc;
  ccx anc[0], anc[1], target;
  s target;
  ccx anc[0], anc[1], target;
  z target;
  h anc;
  flags = measure anc;
  if (flags == 0) {
    done = 1;
    break;
  }
}
out = measure target;
