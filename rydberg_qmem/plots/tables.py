"""Programs, registers, hardware profiles and noise as tables of HTML, for notebooks: escaped, in the page's colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import dist
from typing import get_args

from rydberg_qmem.compile.check import check_and_compile
from rydberg_qmem.compile.clock import clock_of
from rydberg_qmem.errors import as_html, short
from rydberg_qmem.language.blocks import AnyBlock, Measure, Probe, Timed, walk
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register

_CELL = "text-align:left;vertical-align:top;padding:0.1em 0.8em 0.1em 0;background:none;color:inherit"
_MOST_ROWS = 40


def program_table(program: Program) -> str:
    """Return a program as a table: device, atoms, blocks, rounds, keys, memory, duration, and whether it only emulates.

    >>> flip = [{"rotate": {"atom": "q", "angle": "pi"}}, {"measure": {"atoms": "q", "key": "m"}}]
    >>> table = program_table(Program(name="flip", register={"atoms": {"q": (0, 0)}}, body=flip))
    >>> "<b>flip</b>" in table, "µs of pulses and waits" in table
    (True, True)
    """
    blocks = list(walk(program.body))
    names = program.register.names
    rows = [
        ("device", program.device_name),
        ("atoms", f"{len(names)}: {_listed(names)}"),
        ("blocks", str(len(blocks))),
        *_compiled_rows(program),
        ("memory", _listed(tuple(program.memory)) or "none"),
        ("emulator only", _emulator_only(program, blocks)),
    ]
    return _table(f"<b>{as_html(program.name)}</b> <code>{program.fingerprint()[:8]}</code>", rows)


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
    keys = [f"{key} ({_listed(atoms)})" for key, atoms in compiled.keys.items() if not key.endswith("__")]
    duration = f"{clock.total_ns / 1000:.6g} µs of pulses and waits"
    duration += ", without what is set in the run" if clock.open_places else ""
    return [("rounds", rounds or "none"), ("keys", _listed(keys) or "none"), ("duration", duration)]


def register_table(register: Register) -> str:
    """Return a register as a table of its atoms' coordinates (µm)."""
    places = list(register.positions.items())
    rows = [(name, ", ".join(f"{x:g}" for x in place)) for name, place in places[:_MOST_ROWS]]
    if len(places) > _MOST_ROWS:
        rows.append(("…", f"{len(places) - _MOST_ROWS} more"))
    count = f"{len(places)} atom{'s' * (len(places) != 1)}"
    gaps = [dist(p, q) for (_, p), (_, q) in combinations(places[:_MOST_ROWS], 2)]
    nearest = f", nearest {min(gaps):.4g} µm apart" if gaps and len(places) <= _MOST_ROWS else ""
    return _table(f"<b>register</b> {count}{nearest}; positions in µm", rows)


def hardware_table(profile: HardwareProfile) -> str:
    """Return a hardware profile as a table: each number that is not zero, with its source.

    >>> "given by you" in hardware_table(HardwareProfile(name="mine", imaging_us=20))
    True
    """
    rows = [(name, f"{value}: {source}") for name, value, source in profile.rows()]
    about = f" {as_html(profile.about)}" if profile.about else ""
    return _table(f"<b>{as_html(profile.name)}</b>{about}", rows or [("all", "0: by definition")])


def noise_table(noise: Noise) -> str:
    """Return a noise model as a table of what is not as Pulser has it by default.

    >>> "relaxation_rate" in noise_table(Noise(relaxation_rate=0.01))
    True
    """
    rows = [(name, short(value)) for name, value in noise.to_dict().items()]
    return _table("<b>noise</b>, as fields of pulser.NoiseModel", rows or [("all", "off")])


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a table; `title` is HTML, the rows are text."""
    body = "".join(
        f'<tr style="background:none"><th style="{_CELL};font-weight:normal;opacity:0.7">{as_html(name)}</th>'
        f'<td style="{_CELL}">{as_html(text)}</td></tr>'
        for name, text in rows
    )
    look = "border-collapse:collapse;border:none;color:inherit;background:none"
    return f'<table style="{look}"><caption style="{_CELL}">{title}</caption><tbody>{body}</tbody></table>'


def _listed(items: Sequence[str], most: int = 12) -> str:
    kept = list(items) if len(items) <= most else [*items[: most - 1], "…", items[-1]]
    return ", ".join(kept)
