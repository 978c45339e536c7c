"""Random OpenQASM 3 circuits over all that is read: gates, modifiers, branches, loops, arithmetic, subroutines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

HEAD = """OPENQASM 3.0;
include "stdgates.inc";
gate turn(a, b) p { rx(a) p; inv @ rz(b) p; gphase(a - b); }
gate both(a) p, r { ctrl @ turn(a, 0.3) p, r; pow(2) @ ry(a) r; negctrl @ x p, r; }
def rotated(qubit p, uint[3] n) -> bit {
  bit seen = 0;
  if (n > 2) { ry(0.4) p; return 1; }
  for uint[3] i in [0:1] { rx(0.2 * n + i) p; }
  seen = measure p;
  return seen;
}
def twice(qubit[2] p, float a) { ry(a) p[0]; cx p[0], p[1]; }
const int[8] two = 2;
"""
ONE = ("x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "id")
TURNS = ("rx", "ry", "rz", "p", "phase", "u1")
PAIRS = ("cx", "cy", "cz", "ch", "swap", "CX")
PAIR_TURNS = ("cp", "crx", "cry", "crz", "cphase", "both")


@dataclass
class Circuit:
    """A circuit that grows: how many measurements it may still have, and what to draw from."""

    random: Random
    looks: int = 6
    lines: list[str] = field(default_factory=list)
    loops: int = 0

    def one_of(self, *choices: str) -> str:
        return self.random.choice(choices)

    # --- expressions ---

    def angle(self) -> str:
        fixed = f"{self.random.uniform(-4, 4):.3f}"
        return self.one_of(
            fixed,
            "pi / 4",
            "-pi / 3",
            "2 * a",
            f"f + {fixed}",
            "0.3 * n",
            "a + 0.1",
            f"{fixed} * d",
            "sin(f) * u",
            "sqrt(u + 1.0)",
        )

    def whole(self) -> str:
        return self.one_of(
            "n",
            "u",
            "d",
            "n + 1",
            "u - n",
            "3 * n",
            "n % 3",
            "d / 2",
            "n & u",
            "n ^ u",
            "~u",
            "n << 1",
            "u >> 1",
            "popcount(c)",
            "d - 2",
            "two * n",
            "-d",
            "int[5](c[1])",
            "rotl(u, 1)",
            "two ** 2",
            "n | 2",
        )

    def condition(self) -> str:
        return self.one_of(
            "c[0]",
            "!c[1]",
            "c == 2",
            "n > u",
            "d != 1",
            "c[0] && f < 1.0",
            "b || c[2]",
            "c[0] == c[2]",
            "n == 3",
            "b",
            "d <= 0",
            "c[0:1] == 3",
            "bool(n)",
        )

    # --- statements ---

    def gate(self) -> str:
        q = self.random.sample(range(3), 3)
        a, b, c = (f"q[{k}]" for k in q)
        angle = self.angle()
        return self.one_of(
            f"{self.one_of(*ONE)} {a};",
            f"{self.one_of(*TURNS)}({angle}) {a};",
            f"{self.one_of(*PAIRS)} {a}, {b};",
            f"{self.one_of(*PAIR_TURNS)}({angle}) {a}, {b};",
            f"U({angle}, 0.2, {self.angle()}) {a};",
            f"turn({angle}, 0.7) {a};",
            f"u2({angle}, 0.4) {a};",
            f"u3({angle}, 0.1, 0.2) {a};",
            f"cu({angle}, 0.1, 0.2, 0.3) {a}, {b};",
            f"ctrl @ {self.one_of(*TURNS)}({angle}) {a}, {b};",
            f"negctrl @ {self.one_of(*ONE)} {a}, {b};",
            f"inv @ {self.one_of('s', 't', 'sx', 'h')} {a};",
            f"pow({self.one_of('2', '-1', '3')}) @ turn(0.4, 0.2) {a};",
            f"pow({self.one_of('0.5', '-0.25', '1.5')}) @ {self.one_of('x', 'y', 'h', 's', 'cx', 'sx')} {a}{{}};",
            f"ctrl @ gphase({angle}) {a};",
            f"ctrl @ U({angle}, 0.3, 0.4) {a}, {b};",
            f"ccx {a}, {b}, {c};",
            f"cswap {a}, {b}, {c};",
            f"ctrl(2) @ ry({angle}) {a}, {b}, {c};",
            f"inv @ both(0.4) {a}, {b};",
            f"ctrl @ inv @ pow(2) @ s {a}, {b};",
            "h q;",
            "cx q[0], q[{1, 2}];",
            f"twice(q[{{0, 2}}], {angle});",
            "barrier q;",
            "delay[100ns] q[1];",
            "rx(0.3) pair;",
        ).replace("{}", f", {b}")

    def assignment(self) -> str:
        return self.one_of(
            f"n = {self.whole()};",
            f"u += {self.whole()};",
            f"d = {self.whole()};",
            f"f = {self.angle()};",
            f"a = {self.angle()};",
            "a += 0.5;",
            "c <<= 1;",
            "c = ~c;",
            "c[1] = c[0] ^ b;",
            "b = n > 2;",
            "u[0] = c[0];",
            "d -= n;",
            'c = c & "110";',
            "a = 2 * a;",
            "n *= 2;",
            "c[0] = b;",
            "f *= 0.5;",
            "arr[1] = n;",
            "u = arr[0] + arr[1];",
        )

    def measurement(self) -> str:
        if self.looks <= 0 or self.loops > 1:
            return self.gate()
        cost = self.random.choice((1, 1, 1, 2))
        self.looks -= cost * (3 if self.loops else 1)
        k, i = self.random.randrange(3), self.random.randrange(3)
        if cost == 2:
            return self.one_of("c[0:1] = measure pair;", f"b = rotated(q[{k}], {self.one_of('n', '1', 'u')});")
        return self.one_of(
            f"c[{i}] = measure q[{k}];",
            f"b = measure q[{k}];",
            f"reset q[{k}];",
            f"measure q[{k}];",
            f"c[{i}] = measure q[{k}];",
        )

    def statement(self, depth: int) -> str:
        kind = self.random.random()
        if kind < 0.45:
            return self.gate()
        if kind < 0.6:
            return self.measurement()
        if kind < 0.78 or depth > 1:
            return self.assignment()
        if kind < 0.9:
            return self.branch(depth)
        return self.loop(depth)

    def branch(self, depth: int) -> str:
        then, other = self.block(depth, 2), self.block(depth, 1)
        return self.one_of(
            f"if ({self.condition()}) {{ {then} }}",
            f"if ({self.condition()}) {{ {then} }} else {{ {other} }}",
            f"switch (n) {{ case 0, 2 {{ {then} }} case 1 {{ {other} }} default {{ z q[0]; }} }}",
        )

    def loop(self, depth: int) -> str:
        self.loops += 1
        body = self.block(depth, 2)
        stop = self.one_of("", "", f"if ({self.condition()}) break;", f"if ({self.condition()}) continue;")
        last = self.gate()
        self.loops -= 1
        head = self.one_of("int i in [0:2]", "int i in [2:-1:1]", "uint[4] i in {1, 2}", "int i in [0:1]")
        use = self.one_of("rx(0.1 * i) q[1];", "ry(0.2) q[i];", "d += i;", "if (i == n) { x q[0]; }")
        return f"for {head} {{ {use} {body} {stop} {last} }}"

    def block(self, depth: int, count: int) -> str:
        return " ".join(self.statement(depth + 1) for _ in range(self.random.randint(1, count)))


def circuit(seed: int, statements: int = 9) -> str:
    """Return the text of a random circuit on three qubits, whose variables all end in what was measured."""
    made = Circuit(Random(seed))
    start = "uint[3] n = 1; uint[3] u = 2; int[5] d = -1; float f = 0.3; angle[4] a = 0.6; bool b = false;"
    start += " array[uint[3], 2] arr = {1, 2};"
    lines = [made.statement(0) for _ in range(statements)]
    body = "\n".join(HALF.sub(_single, line) for line in lines)
    return f"{HEAD}qubit[3] q; let pair = q[0:1]; bit[3] c;\n{start}\n{FIRST}\n{body}\n{END}"


FIRST = "ry(0.7) q[0]; ry(1.1) q[1]; rx(0.9) q[2]; cx q[0], q[1];"
END = "rx(0.6) q; bit[3] e = measure q; c[2] = e[0]; uint[8] total = 0; if (c[2]) { total = n + 8 * u; } f += total;"


HALF = re.compile(r"(pow\([-\d.]*\.\d+\) @ )(x|y|h|s|cx|sx) (q\[\d\]), (q\[\d\]);")


def _single(found: re.Match[str]) -> str:
    """Return a power of a gate of one atom without the second operand that only cx takes."""
    second = f", {found[4]}" if found[2] == "cx" else ""
    return f"{found[1]}{found[2]} {found[3]}{second};"
