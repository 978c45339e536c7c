"""Notes on what may be a slip, and is no problem: angles that look like degrees, parameters that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rydberg_qmem.errors import Problem
from rydberg_qmem.language.blocks import Rotate, walk_places
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification._expression_places import placed_expressions


def degrees(program: Program) -> Iterator[Problem]:
    """Note angles that look like degrees: written-out numbers of more than two full turns."""
    for place, block in walk_places(program.body, "body"):
        if isinstance(block, Rotate) and block.angle is not None and not block.angle.names:
            angle = float(np.asarray(block.angle.evaluate({}))) if not block.angle.is_random else 0.0
            if abs(angle) > 4 * np.pi:
                rule = f"is {angle / (2 * np.pi):.3g} full turns: angles are in rad; degrees are written x * pi / 180"
                yield Problem(f"{place}.angle", rule, block.angle.text, severity="note")


def unread(program: Program) -> Iterator[Problem]:
    """Note parameters that nothing reads: a name may be misspelt where it should be read.

    >>> p = Program(name="p", register={"atoms": {"q": (0, 0)}}, parameters={"tau": 1}, body=())
    >>> [str(note) for note in unread(p)]
    ['parameters.tau: is read by nothing']
    """
    read = {
        name
        for part in (*program.body, *_declared(program))
        for _, e in placed_expressions(part, "")
        for name in e.names
    }
    for name in program.parameters:
        if name not in read:
            yield Problem(f"parameters.{name}", "is read by nothing", severity="note")


def _declared(program: Program) -> Iterator[object]:
    yield from program.parameters.values()
    for source in program.inputs.values():
        yield from (source.default, source.rounds)
    for memory in program.memory.values():
        yield from (memory.initial, memory.window)
