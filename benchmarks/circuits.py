"""OpenQASM circuits as programs: ideal gates against closed forms and Qiskit Aer, pulses against ideal gates.

    pip install qiskit qiskit-aer qiskit-qasm3-import    # else the page says that Aer is left out
    python benchmarks/circuits.py docs/circuits.md

Every circuit of `tests/data/openqasm` is read, placed on `MockDevice`, and run: exactly, by ideal gates and by pulses,
and in 100,000 shots, which Qiskit Aer takes too, of the file and of the circuit that the program is written as.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import rydberg_qmem as rq

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.openqasm_aer import found_by_aer  # noqa: E402
from tests.openqasm_compared import Values, chances, marginal, p_value, readable, sampled  # noqa: E402
from tests.openqasm_reference import distribution  # noqa: E402

CIRCUITS = ROOT / "tests" / "data" / "openqasm"
SHOTS = 100_000
ERROR_RATE = 1e-3
PACKAGES = ("qiskit", "qiskit-aer", "qiskit-qasm3-import")
HEAD = """# Circuits from OpenQASM

How {number} public dynamic circuits come out, from teleportation to the Bacon–Shor code: with ideal gates, in Qiskit
Aer, and pulse by pulse. How circuits are read is told in [circuits in and out](concepts/circuits.md). Each circuit is a
file of `tests/data/openqasm`, written for this table after the source that it names, and read by
`Program.from_openqasm(path, device="MockDevice")`. One command makes the page:
`python benchmarks/circuits.py docs/circuits.md`.

{verdict}

- **closed form**: the largest difference between the chance that a bit is 1, exactly and with ideal gates, and its
  closed form (`closed_forms.json` beside the circuits).
- **Aer**: p-value (chi-square) of {shots:,} shots of the program with ideal gates beside {shots:,} shots of the file in
  Aer, over all values of the file's variables; 1 where only one value is possible. Where a star stands, the file has
  what Qiskit does not read (subroutines, numbers, breaks), and its histories went to Aer as branches.
- **round trip**: the same, where Aer has the circuit that `program.to_openqasm()` writes.
- **pulses**: total variation distance of pulses (`exact`) from ideal gates, over the same values: what blockade gates
  of infidelity 1e-4 cost each circuit. Nothing is lost where atoms are turned one by one, or where one atom of each
  pair is in 1 whenever they meet: pulses of two-atom gates leave it dark.

| circuit | what it does | atoms | closed form | Aer | round trip | pulses |
|---|---|---|---|---|---|---|
"""
SOURCES = """
## Sources

"""


@dataclass(frozen=True)
class Row:
    """What was found for one circuit: p-values are None where Aer is not installed."""

    name: str
    about: str
    source: str
    atoms: int
    closed: float
    aer: tuple[float, str] | None
    again: tuple[float, str] | None
    pulses: float

    def line(self) -> str:
        """Return the circuit's line of the table."""
        about = self.about.replace("|", "\\|")
        columns = (_distance(self.closed, 0), _p_text(self.aer), _p_text(self.again), _distance(self.pulses, 1))
        return f"| `{self.name}` | {about} | {self.atoms} | {' | '.join(columns)} |"


def _distance(value: float, digits: int) -> str:
    """Return a distance; rounding is none."""
    return "< 1e-15" if value < 1e-15 else f"{value:.{digits}e}"


def _p_text(found: tuple[float, str] | None) -> str:
    if found is None:
        return "–"
    p, reader = found
    return ("1" if p == 1 else f"{p:.3f}" if p >= 0.001 else f"{p:.1e}") + ("" if reader == "Qiskit" else " ★")


def beside_aer(
    text: str, names: list[str], shots: Mapping[Values | None, int], exact: Mapping[Values, float], seed: int
) -> tuple[float, str]:
    """Return the p-value of shots beside those that Aer takes of a circuit, and how Aer got it."""
    reader, own, found = found_by_aer(text, SHOTS, seed)
    kept = [name for name in names if name in own]
    places, ours = [own.index(name) for name in kept], [names.index(name) for name in kept]
    aer: Counter[Values | None] = Counter()
    for values, count in found.items():
        aer[None if values is None else tuple(values[i] for i in places)] += count
    beside: Counter[Values | None] = Counter()
    for values, count in shots.items():
        beside[None if values is None else tuple(values[i] for i in ours)] += count
    return p_value(beside, aer, marginal(names, exact, kept)), reader


def row(name: str, forms: dict[str, str], seed: int, *, aer: bool) -> Row:
    """Return what was found for one circuit."""
    path = CIRCUITS / f"{name}.qasm"
    text = path.read_text(encoding="utf-8")
    program = rq.Program.from_openqasm(path, device="MockDevice")
    names, wanted = distribution(text)
    reads = readable(program, names)
    kept = list(reads)
    exact = marginal(names, wanted, kept)
    outcomes = list(exact)
    ideal, pulses = (
        np.array(chances(program, list(reads.values()), outcomes, emulator)) for emulator in ("ideal", "exact")
    )
    closed = 0.0
    for bit, form in forms.items():
        ones = np.array([values[kept.index(bit.replace(".", "_"))] for values in outcomes])
        closed = max(closed, abs(float(ideal @ ones) - float(rq.Expression(form).evaluate({}))))
    apart = float(np.abs(ideal - pulses).sum() + abs(1 - pulses.sum())) / 2
    first = again = None
    if aer:
        shots: Counter[Values | None] = Counter(dict(sampled(program, list(reads.values()), SHOTS, seed)))
        first = beside_aer(text, kept, shots, exact, seed)
        again = beside_aer(program.to_openqasm(), kept, shots, exact, seed + 1_000_000)
    about, source = (line.removeprefix("// ").removeprefix("Source: ") for line in text.splitlines()[:2])
    return Row(name, about, source, len(program.register.names), closed, first, again, apart)


def verdict(rows: list[Row]) -> str:
    """Return what the tests against Aer say together."""
    found = [p for row in rows for p in (row.aer, row.again) if p is not None]
    if not found:
        return f"Aer is left out here: {', '.join(PACKAGES)} are not all installed."
    limit = ERROR_RATE / len(found)
    low = min(p for p, _ in found)
    apart = sum(p < limit for p, _ in found)
    said = "none is" if not apart else f"**{apart} are**"
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Of {len(found)} comparisons with Aer ({versions}), {said} below p = {limit:.1e}, which equal distributions "
        f"pass all together with a chance of {1 - ERROR_RATE:.1%}; the smallest p-value is {low:.3g}."
    )


def main() -> None:
    """Write the page."""
    forms = json.loads((CIRCUITS / "closed_forms.json").read_text(encoding="utf-8"))
    aer = all(find_spec(name.replace("-", "_")) for name in PACKAGES)
    rows = []
    for i, name in enumerate(sorted(forms)):
        rows.append(row(name, forms[name], 1_000_000 * (2 * i + 1), aer=aer))
        print(rows[-1].line(), flush=True)
    text = HEAD.format(number=len(rows), verdict=verdict(rows), shots=SHOTS)
    text += "\n".join(one.line() for one in rows) + "\n" + SOURCES
    text += "\n".join(f"- `{one.name}`: {one.source}" for one in rows) + "\n"
    Path(sys.argv[1]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
