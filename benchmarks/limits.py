"""The page of limits: memory against atoms and levels, by the engine's own account.

Usage: python benchmarks/limits.py docs/limits.md
"""

from __future__ import annotations

import sys
from pathlib import Path

import rydberg_qmem as rq
from rydberg_qmem.compile.bind import MAX_ROUNDS
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE
from rydberg_qmem.engine.branches import MAX_BRANCHES
from rydberg_qmem.running.run_arguments import MAX_SHOTS
from rydberg_qmem.units import spoken_bytes
from rydberg_qmem.verification import MAX_ATOMS
from rydberg_qmem.verification._sizes import MAX_BLOCKS, MAX_KNOWN, MAX_NAMES, MAX_NESTED

TEXT = """# Limits

Written by `python benchmarks/limits.py docs/limits.md`.

## Atoms, levels, memory

What states take when *all* atoms are entangled at once, at the engine's own {bytes} bytes per amplitude; to it come
{base:.2f} GB of libraries, by `rq.estimate` of a run of two atoms. Atoms that are not entangled are kept apart and
cost next to nothing. Shots share a state until outcomes and live memory part them: a run lies between one state and
one for each shot; `rqm estimate NAME --shots N` says where. Three levels are those of atoms that pulses or gates take
to r and to h: others have those alone that anything fills. Vectors are refused beyond dimension {largest}.

{table}

`emu_sv` and `emu_mps` have their own limits: up to 20 atoms, and tens of atoms with little entanglement.

## What is not followed

- Motion: heating by recoil, transport of atoms between zones, Doppler shifts beyond Pulser's own `temperature`.
- Programs with a measurement in the middle run on emulators only; see [what is possible today](status.md).
- Exact runs keep at most {branches} branches: programs whose live memory differs in every history need shots.
- At most {atoms} atoms in a program, {rounds} rounds (of all inputs together, too), {shots} shots.
- At most {blocks} blocks with each `for_each` written out, repeats {nested} deep, {names} parameters, inputs and
  memory variables together, and {known} blocks times names of memory and keys: counted before anything is expanded.
- `check` proves what a budget of counted work allows. Beyond it a note says "undecided", and the run checks each value.
- A pulse's duration must fit the device's clock, and its values the device's limits: nothing is rounded or clipped.
"""


def row(atoms: int, levels: int) -> str:
    """Return one line of the table."""
    dimension = levels**atoms
    sizes = (rows * BYTES_PER_AMPLITUDE for rows in (dimension, 1000 * dimension, dimension**2))
    return f"| {atoms} | {levels} | {dimension:,} | " + " | ".join(map(spoken_bytes, sizes)) + " |"


def table() -> str:
    """Return the table in Markdown."""
    rows = ["| atoms | levels | dimension | one state | 1,000 states | density matrix |", "|---|---|---|---|---|---|"]
    rows += [row(atoms, 2) for atoms in (2, 4, 8, 12, 16, 20, 22)] + [row(atoms, 3) for atoms in (2, 4, 6, 8, 10, 13)]
    return "\n".join(rows)


def page(base_gb: float) -> str:
    """Return the page, given what libraries take."""
    return TEXT.format(
        table=table(),
        bytes=BYTES_PER_AMPLITUDE,
        base=base_gb,
        largest=f"{Exact().capabilities.largest_dimension:,}",
        branches=f"{MAX_BRANCHES:,}",
        atoms=MAX_ATOMS,
        rounds=f"{MAX_ROUNDS:,}",
        shots=f"{MAX_SHOTS:,}",
        blocks=f"{MAX_BLOCKS:,}",
        nested=MAX_NESTED,
        names=f"{MAX_NAMES:,}",
        known=f"{MAX_KNOWN:,}",
    )


def main(path: str) -> None:
    """Write the page."""
    base_gb = rq.estimate("two_port_memristor", shots=100).memory_bytes / 1e9
    Path(path).write_text(page(base_gb), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
