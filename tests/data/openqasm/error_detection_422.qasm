// The [[4,2,2]] code: after a turn Rx(0.7) of one qubit two parities tell an error, and the state is made again, once.
// Source: Vaidman et al., Phys. Rev. A 54, R1745 (1996); Linke et al., Science Adv. 3, e1701074 (2017)
OPENQASM 3.0;
include "stdgates.inc";
qubit[4] q;
qubit anc;
bit z_error;
bit x_error;
bit detected;
bit[4] out;
for int attempt in [0:1] {
  reset q;
  h q[0];
  cx q[0], q[1];
  cx q[1], q[2];
  cx q[2], q[3];
  rx(0.7) q[1];
  reset anc;
  for int i in [0:3] { cx q[i], anc; }
  z_error = measure anc;
  reset anc;
  h anc;
  for int i in [0:3] { cx anc, q[i]; }
  h anc;
  x_error = measure anc;
  detected = z_error | x_error;
  if (!detected) break;
}
out = measure q;
