"""OpenQASM circuits as programs: ideal gates against closed forms, pulses against ideal gates.

    python benchmarks/circuits.py docs/circuits.md

Every circuit of `tests/data/openqasm` is read, placed on `MockDevice`, and run exactly: the largest difference of its
bits' chances from their closed forms, and the total variation distance of all of its bits between pulses and gates.
"""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.language.blocks import Measure, walk

CIRCUITS = Path(__file__).parent.parent / "tests" / "data" / "openqasm"
HEAD = """# Circuits from OpenQASM

Made by `python benchmarks/circuits.py docs/circuits.md`. Each circuit is a file of `tests/data/openqasm`, read by
`Program.from_openqasm(path, device="MockDevice")` and run exactly. The fourth column is the largest difference, with
ideal gates, between the chance that a bit is 1 and its closed form; the last the total variation distance of pulses
(`exact`) from ideal gates, over the bits that have a closed form: what blockade gates of infidelity
1e-4 cost each circuit. How circuits are read is told in [circuits in and out](concepts/circuits.md).

| circuit | what it does | atoms | ideal, closed form | pulses, ideal |
|---|---|---|---|---|
"""


def read_as(program: rq.Program, bit: str) -> str:
    """Return how expressions read a bit of a circuit: memory, the key of its name, or a part of one."""
    register, _, place = bit.partition(".")
    if not place:
        return register
    if f"{register}_{place}" in program.memory:
        return f"{register}_{place}"
    for block in walk(program.body):
        if isinstance(block, Measure) and block.key == register:
            return f"{register}.{block.atoms[int(place)]}"
    return f"{register}_{place}"


def chances(program: rq.Program, reads: list[str], emulator: str) -> np.ndarray:
    """Return the exact chance of each outcome of some bits."""
    outcomes = list(product((0, 1), repeat=len(reads)))
    sets = {
        f"p_{k}": " and ".join(f"{text} == {bit}" for text, bit in zip(reads, bits, strict=True))
        for k, bits in enumerate(outcomes)
    }
    memory = {**program.memory, **dict.fromkeys(sets, rq.Memory())}
    counted = program.with_(memory=memory, body=(*program.body, rq.Set(values=sets)))
    record = rq.run(counted, shots=None, emulator=emulator)
    return np.array([float(record[name]) for name in sets])


def row(name: str, forms: dict[str, str]) -> str:
    """Return the line of one circuit."""
    path = CIRCUITS / f"{name}.qasm"
    program = rq.Program.from_openqasm(path, device="MockDevice")
    reads = [read_as(program, bit) for bit in forms]
    ideal, pulses = (chances(program, reads, emulator) for emulator in ("ideal", "exact"))
    outcomes = np.array(list(product((0, 1), repeat=len(reads))))
    closed = np.array([float(rq.Expression(form).evaluate({})) for form in forms.values()])
    off = float(np.max(np.abs(ideal @ outcomes - closed)))
    apart = float(np.abs(ideal - pulses).sum() / 2)
    about = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("// ").replace("|", "\\|")
    return f"| `{name}` | {about} | {len(program.register.names)} | {off:.0e} | {apart:.1e} |"


def main() -> None:
    """Write the page."""
    forms = json.loads((CIRCUITS / "closed_forms.json").read_text(encoding="utf-8"))
    text = HEAD + "\n".join(row(name, forms[name]) for name in sorted(forms)) + "\n"
    Path(sys.argv[1]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
