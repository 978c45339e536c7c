"""Three memristor cells (six atoms in three levels), 50 rounds × 1,000 shots, cells 40 µm and 1 mm apart.

At 40 µm the cells' interactions are not negligible and all six atoms are evolved together (729 amplitudes); at 1 mm
they are, and each cell is evolved alone.
"""

from __future__ import annotations

from typing import Any

from timing import seconds, table

import rydberg_qmem as rq


def program(gap_um: float) -> rq.Program:
    """Return three two-port memristors beside each other."""
    cells = range(3)
    body: list[Any] = []
    for c in cells:
        body.append({"rotate": {"atom": f"s{c}", "angle": f"2 * asin(abs(sin(pi * k / 24 + {c})))"}})
        body.append({"beam_splitter": {"system": f"s{c}", "ancilla": f"a{c}", "reflectivity": f"R{c}"}})
    body.append({"measure": {"atoms": "all", "key": "m"}})
    body.append({"reset": {"atoms": "all"}})
    body.append({"push": {f"w{c}": f"m.a{c} + m.s{c}" for c in cells}})
    body.append({"set": {f"R{c}": f"clip(mean(w{c}), 0, 1)" for c in cells}})
    return rq.Program(
        name="three_cells",
        device="MockDevice",
        register={"atoms": {f"{x}{c}": (c * gap_um + dx, 0) for c in cells for x, dx in (("s", 0), ("a", 5))}},
        memory={f"R{c}": {"initial": 0.5} for c in cells} | {f"w{c}": {"window": 9, "initial": 0.5} for c in cells},
        body=[{"repeat": {"times": 50, "body": body}}],
    )


def main() -> None:
    """Print the table."""
    rq.run(program(1000), shots=2, seed=1)
    far = seconds(lambda: rq.run(program(1000), shots=1000, seed=1))
    near = seconds(lambda: rq.run(program(40), shots=1000, seed=1))
    rows = [("cells 1 mm apart (three parts)", far, 1.0), ("cells 40 µm apart (one part)", near, near / far)]
    table("three memristor cells, 50 rounds × 1000 shots", rows)


if __name__ == "__main__":
    main()
