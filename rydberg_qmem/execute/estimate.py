"""What a run will cost, before it runs: a pilot of a few rounds, scaled up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.compile.steps import Compiled, RepeatStep, Segment, Step, WhenStep, all_steps, uses_ensemble
from rydberg_qmem.emulators.exact import CACHE_BYTES, Exact, method
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.errors import InputError, as_html
from rydberg_qmem.execute.draws import COHORT, Draws
from rydberg_qmem.execute.records import record_bytes
from rydberg_qmem.execute.run import Job, prepare, surroundings, units_of, walk_of
from rydberg_qmem.execute.trace import Trace
from rydberg_qmem.execute.walk import Walk
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program

PILOT_ROUNDS = 12
PILOT_SHOTS = COHORT
WARM_ROUNDS = 4
"""Rounds that fill the caches; the later ones of the pilot tell how fast the rest will be."""
MORE = 8
QUICK_SECONDS = 0.1
"""A pilot that is quicker is made with so many times the shots too."""

LIBRARIES_BYTES = 150_000_000
"""What a process with Python, NumPy, Pulser and xarray takes at the least."""
TORCH_BYTES = 220_000_000
"""What PyTorch takes at the least; Pulser imports it where it is installed."""


@dataclass(frozen=True)
class Group:
    """Atoms that a segment evolves together, and how."""

    place: str
    atoms: tuple[str, ...]
    dimension: int
    rows: int
    method: str


@dataclass(frozen=True)
class Estimate:
    """Seconds, bytes, and the methods chosen; `laboratory_us` is the time of one shot on a machine."""

    seconds: float
    memory_bytes: int
    record_bytes: int
    laboratory_us: float
    groups: tuple[Group, ...]
    shots: int | None = None
    hardware: str = "ideal"

    def __str__(self) -> str:
        lines = [
            f"time     {self.seconds:.3g} s",
            f"memory   {self.memory_bytes / 1e6:.0f} MB, of which the record {self.record_bytes / 1e6:.3g} MB",
            f"on atoms {self.laboratory_us:.6g} µs per shot ({self._with})",
            *self._budget(),
        ]
        for group in self.groups:
            names = " ".join(group.atoms)
            lines.append(f"{group.place}: atoms {names}: {group.rows} states of {group.dimension}, {group.method}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{as_html(str(self))}</pre>"

    @property
    def _with(self) -> str:
        return "pulses only" if self.hardware == "ideal" else f"hardware {self.hardware}"

    def _budget(self) -> list[str]:
        """Say how long all shots take on a machine, one after the other, loading of atoms between them not counted."""
        if self.hardware == "ideal" or self.shots is None:
            return []
        one = self.laboratory_us / 1e6
        return [f"budget   {one:.4g} s per shot, {one * self.shots / 3600:.4g} hours for {self.shots} shots"]


def estimate(
    program: Program | str | Path,
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    shots: int | None = COHORT,
    emulator: str | Emulator = "exact",
    state: str = "auto",
    noise: Any = None,
    hardware: Any = None,
) -> Estimate:
    """Run a few rounds with a few shots and say what the whole run will take, and how it will be computed.

    With a hardware profile it says the shot budget: how long the shots take on a machine.

    >>> made = estimate("two_port_memristor", shots=100, parameters={"period": 4})
    >>> made.groups[0].atoms, made.groups[0].dimension
    (('s', 'a'), 9)
    """
    if isinstance(emulator, str) and emulator not in ("exact", "ideal"):
        raise InputError(f"estimate: knows the emulators exact and ideal ({emulator})")
    job = Job(load(program), dict(inputs or {}), rounds, shots, 0, emulator, state)
    job = replace(job, around=surroundings(job.program, noise, hardware))
    return estimate_of(job, prepare(job, dict(parameters or {})))


def estimate_of(job: Job, compiled: Compiled) -> Estimate:
    """Run a few rounds of a point that is compiled already, and scale up what they took."""
    shots = job.shots
    some = None if shots is None else min(shots, PILOT_SHOTS)
    _pilot(job, compiled, 1, some)
    warm, early = _pilot(job, compiled, WARM_ROUNDS, some)
    spent, walk = _pilot(job, compiled, PILOT_ROUNDS, some)
    total, piloted, warmed = (_rounds(compiled.steps, most) for most in (10**9, PILOT_ROUNDS, WARM_ROUNDS))
    per_round = max(spent - warm, 0.0) / max(piloted - warmed, 1)
    per_round *= _growth(early, walk, some, total / max(piloted, 1))
    one = spent + per_round * (total - piloted)
    repeats = len(units_of(job, [compiled])) if shots is not None and shots > PILOT_SHOTS else 1
    scale = 1.0 if some is None or shots is None else max(1.0, 0.3 * ceil(shots / (repeats * some)))
    slower = scale
    if (
        shots is not None and some is not None and not uses_ensemble(compiled.steps)
    ):  # part of a cohort is another program
        slower = _slower(job, compiled, spent, some, shots / repeats)
    record = record_bytes(compiled, shots)
    return Estimate(
        seconds=one * repeats * slower,
        memory_bytes=libraries_bytes()
        + record
        + int(_working_bytes(walk) * scale)
        + _kept_bytes(early, walk, total, piloted, warmed),
        record_bytes=record,
        laboratory_us=walk.clock_ns / 1000 * total / max(piloted, 1),
        groups=_groups(walk),
        shots=shots,
        hardware=job.around.hardware.name,
    )


def libraries_bytes() -> int:
    """Return what a process takes at the least before it runs anything."""
    return LIBRARIES_BYTES + (TORCH_BYTES if find_spec("torch") is not None else 0)


def _growth(early: Walk, late: Walk, shots: int | None, longer: float) -> float:
    """Return by how much a round will still grow: where histories keep branching, until each shot has its own."""
    before, now = (max(walk.groups.values(), default=1) for walk in (early, late))
    return min(shots / now, longer) if shots is not None and now > 1.5 * before else 1.0


def _slower(job: Job, compiled: Compiled, spent: float, some: int, shots: float) -> float:
    """Return by how much a unit of all its shots is slower than the pilot's, from a pilot of another size.

    Shots that share their histories cost next to nothing. Where the pilot is quick the other is larger, as a line
    through two short times reaches far beyond them; where it is not, it is smaller.
    """
    other = min(int(shots), MORE * some) if spent < QUICK_SECONDS else some // 4
    if shots <= some or other in (0, some):
        return 1.0
    other_spent = min(_pilot(job, compiled, PILOT_ROUNDS, other)[0] for _ in range(2))
    per_shot = max((other_spent - spent) / (other - some), 0.0)
    return min(1 + per_shot * (shots - some) / spent, shots / some)


def _pilot(job: Job, compiled: Compiled, most: int, shots: int | None) -> tuple[float, Walk]:
    from threadpoolctl import threadpool_limits

    short = replace(compiled, steps=_shortened(compiled.steps, most))
    live = dict(compiled.live_after)
    _same_liveness(compiled.steps, short.steps, live)
    short = replace(short, live_after=live)
    draws = None if shots is None else Draws(0, 0, tuple(range(ceil(shots / COHORT))), COHORT)
    walk = walk_of(job, short, Trace(short, shots), draws)
    began = time.thread_time()  # of the processor: what else the machine does is not scaled up
    with threadpool_limits(1, user_api="blas"):  # as a run has it
        walk.run(shots)
    return time.thread_time() - began, walk


def _shortened(steps: tuple[Step, ...], most: int) -> tuple[Step, ...]:
    made: list[Step] = []
    for step in steps:
        match step:
            case RepeatStep():
                made.append(replace(step, times=min(step.times, most), body=_shortened(step.body, most)))
            case WhenStep():
                then, otherwise = _shortened(step.then, most), _shortened(step.otherwise, most)
                made.append(replace(step, then=then, otherwise=otherwise))
            case _:
                made.append(step)
    return tuple(made)


def _same_liveness(old: tuple[Step, ...], new: tuple[Step, ...], live: dict[int, frozenset[str]]) -> None:
    for one, two in zip(old, new, strict=True):
        live[id(two)] = live[id(one)]
        if isinstance(one, RepeatStep) and isinstance(two, RepeatStep):
            _same_liveness(one.body, two.body, live)
        elif isinstance(one, WhenStep) and isinstance(two, WhenStep):
            _same_liveness(one.then, two.then, live)
            _same_liveness(one.otherwise, two.otherwise, live)


def _rounds(steps: tuple[Step, ...], most: int) -> int:
    """Return how many steps a walk takes, loops cut to `most` rounds."""
    total = 0
    for step in steps:
        match step:
            case RepeatStep():
                total += min(step.times, most) * max(1, _rounds(step.body, most))
            case WhenStep():
                total += max(_rounds(step.then, most), _rounds(step.otherwise, most))
            case _:
                total += 1
    return total


def _working_bytes(walk: Walk) -> int:
    largest = 0
    for (_, atoms), rows in walk.groups.items():
        size = len(walk.layout.levels) ** len(atoms)
        columns = size if walk.kind.traces else 1
        largest = max(largest, rows * size * columns * BYTES_PER_AMPLITUDE)
    return largest


def _kept_bytes(early: Walk, late: Walk, total: int, piloted: int, warmed: int) -> int:
    """Return what kept propagators will take, and the making of them: as many more in each round as in the pilot's."""
    if not isinstance(early.emulator, Exact) or not isinstance(late.emulator, Exact):
        return 0
    now = late.emulator.kept_bytes
    per_step = (now - early.emulator.kept_bytes) / max(piloted - warmed, 1)
    return int(min(now + per_step * (total - piloted), CACHE_BYTES)) + late.emulator.largest_build


def _groups(walk: Walk) -> tuple[Group, ...]:
    places = {step.index: step for step in all_steps(walk.compiled.steps) if isinstance(step, Segment)}
    made = []
    for (index, atoms), rows in sorted(walk.groups.items()):
        plan, target = walk.plan_of(places[index]), walk.compiled.target
        how = "ideal gates"
        if walk.is_noisy:
            how = "density matrices" if walk.kind.traces else "vectors, quantum jumps where they decohere"
        elif isinstance(plan, Plan):
            how = method(target, plan.excited, atoms, plan.drives_together(atoms))
        names = tuple(target.atoms[i] for i in atoms)
        made.append(Group(places[index].place, names, target.subset(atoms).dimension, rows, how))
    return tuple(made)
