"""A program as a table of HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from rydberg_qmem.arguments import taking
from rydberg_qmem.compile.clock import clock_of
from rydberg_qmem.errors import as_html
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import AnyBlock, Measure, Probe, Timed, walk
from rydberg_qmem.language.html import listed, table
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification import check_and_compile


@taking(program=library.program)
def program_table(program: Program) -> str:
    """Return a program as an HTML table: device, atoms, blocks, rounds, keys, memory, duration.

    The last row says whether only emulators can run it.

    Args:
        program: The program; what only a program that passes `check` has is left out.

    Raises InputError for something that is no program.

    >>> flip = [{"rotate": {"atom": "q", "angle": "pi"}}, {"measure": {"atoms": "q", "key": "m"}}]
    >>> made = program_table(Program(name="flip", register={"atoms": {"q": (0, 0)}}, body=flip))
    >>> "<b>flip</b>" in made, "µs of pulses and waits" in made
    (True, True)
    """
    blocks = list(walk(program.body))
    names = program.register.names
    rows = [
        ("device", program.device_name),
        ("atoms", f"{len(names)}: {listed(names)}"),
        ("blocks", str(len(blocks))),
        *_compiled_rows(program),
        ("memory", listed(tuple(program.memory)) or "none"),
        ("emulator only", _emulator_only(program, blocks)),
    ]
    return table(f"<b>{as_html(program.name)}</b> <code>{program.fingerprint()[:8]}</code>", rows)


def _emulator_only(program: Program, blocks: Sequence[AnyBlock]) -> str:
    if any(isinstance(block, Probe) for block in blocks):
        return "yes: it probes the state"
    kinds = [isinstance(block, get_args(Timed)) for block in program.body]
    last = program.body[kinds.index(False) :] if False in kinds else ()
    if all(isinstance(block, Measure) for block in last):
        return "no: it measures at its end only"
    return "where a machine cannot measure, reset or feed forward in the middle"


def _compiled_rows(program: Program) -> list[tuple[str, str]]:
    problems, compiled = check_and_compile(program)
    if problems or compiled is None:
        return [("problem", str(problem)) for problem in problems]
    clock = clock_of(compiled)
    rounds = ", ".join(f"{name} {times}" for name, times in compiled.rounds.items())
    keys = [f"{key} ({listed(atoms)})" for key, atoms in compiled.keys.items() if not key.endswith("__")]
    duration = f"{clock.total_ns / 1000:.6g} µs of pulses and waits"
    duration += ", without what is set in the run" if clock.open_places else ""
    return [("rounds", rounds or "none"), ("keys", listed(keys) or "none"), ("duration", duration)]
