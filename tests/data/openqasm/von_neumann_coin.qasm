// A fair coin from a biased one: two tosses of Ry(1)|0> until they differ, at most three times.
// Source: von Neumann, Nat. Bur. Stand. Appl. Math. Ser. 12, 36 (1951)
OPENQASM 3.0;
include "stdgates.inc";
qubit coin;
bit[2] toss;
bit done = 0;
bit fair = 0;
for int i in [0:2] {
  reset coin;
  ry(1.0) coin;
  toss[0] = measure coin;
  reset coin;
  ry(1.0) coin;
  toss[1] = measure coin;
  if (toss[0] != toss[1]) {
    done = 1;
    fair = toss[0];
    break;
  }
}
