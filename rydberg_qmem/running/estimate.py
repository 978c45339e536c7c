"""What a run will cost, before it runs: a pilot of a few rounds, scaled up."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import ceil, inf
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from rydberg_qmem.arguments import taking
from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.compile.semantics import interpret
from rydberg_qmem.compile.steps import Compiled, RepeatStep, Segment, Step, WhenStep, all_steps, uses_ensemble
from rydberg_qmem.emulators.exact import CACHE_BYTES, HALVED_DIMENSION, Exact, method
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.engine import interpreter
from rydberg_qmem.engine.branches import MAX_BRANCHES, branches_expected
from rydberg_qmem.engine.context import NEGLIGIBLE
from rydberg_qmem.engine.evolution import plan_of
from rydberg_qmem.engine.memory import amplitudes_of
from rydberg_qmem.engine.own_states import OwnStates
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT, Draws
from rydberg_qmem.errors import InputError, as_html
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program
from rydberg_qmem.running.conditions import CONDITIONS
from rydberg_qmem.running.job import Job, context_of, one_thread, prepare, surroundings
from rydberg_qmem.running.pilot import BUDGET_S, OutOfTimeError, Pilot
from rydberg_qmem.running.units import Unit, units_of
from rydberg_qmem.store.records import record_bytes

PILOT_ROUNDS = 12
PILOT_SHOTS = COHORT
WARM_ROUNDS = 4
"""Rounds that fill the caches; the later ones of the pilot tell how fast the rest will be."""
MORE = 8
LEAST_PART = 0.1
"""The part of the mean time of a step that a further one takes at the least."""
QUICK_SECONDS = 0.1
"""A pilot that is quicker is made with so many times the shots too."""

LIBRARIES_BYTES = 325_000_000
"""What a process with Python, NumPy, SciPy, Pulser and xarray takes, 15 % added: it differs from one to the next."""
TORCH_BYTES = 215_000_000
"""What PyTorch takes, 15 % added; Pulser imports it where it is installed."""
ALLOWANCE = 1.25
"""By how much a run may pass what its pilot took: memory that is free but not given back."""
LARGE_AMPLITUDE = 360
"""Bytes of an amplitude of a large state while it is evolved and read: the terms of an expansion, its diagonal, digits,
chances of outcomes."""
ROW_BYTES = 64
"""What each row takes that no array of a pilot shows: its order, its weight, its place."""


@dataclass(frozen=True)
class Group:
    """Atoms that a segment evolves together, and how.

    Attributes:
        place: The block where the segment begins, such as "body[0].body[1].beam_splitter".
        atoms: Their names.
        dimension: Number of basis states, levels to the power of atoms.
        rows: Number of different states that are evolved, shots that agree counted once.
        method: How the emulator evolves them, in words.
    """

    place: str
    atoms: tuple[str, ...]
    dimension: int
    rows: int
    method: str


@dataclass(frozen=True)
class Estimate:
    """What a run will take on this computer, and on a machine.

    Attributes:
        seconds: Time of the whole run on one processor (s).
        memory_bytes: Memory of one process at its highest, libraries and record included (bytes).
        record_bytes: Memory of the record alone (bytes).
        laboratory_us: Time of one shot on a machine (µs).
        groups: For each segment of the pilot, the atoms that it evolves together.
        shots: Number of shots; None for an exact run.
        hardware: Name of the hardware profile.
    """

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


@taking(**CONDITIONS)
def estimate(
    program: Program | str | Path | Mapping[str, Any],
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    shots: int | None = COHORT,
    emulator: str | Emulator = "exact",
    state: str = "auto",
    noise: Any = None,
    hardware: Any = None,
    neglect: float = NEGLIGIBLE,
) -> Estimate:
    """Return what a run will take, and how it will be computed, from a few of its rounds with a few of its shots.

    With a hardware profile it says the shot budget too: the time on a machine, loading of atoms between shots not
    counted. It takes about a second at most.

    Args:
        program: As in `run`: a `Program`, a bundled one's name, a path, or what `Program.to_dict` gives.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        inputs: For each input by name, an expression of the round k, or one number for each round, shape (rounds,).
        rounds: How many rounds the inputs that are expressions have; as the program says if not given.
        shots: How many times the program would run; None for an exact run.
        emulator: "exact" (the default), "ideal", or one of these as an object.
        state: "vector", "density_matrix" or "auto", as in `run`.
        noise: As in `run`; the program's own if not given.
        hardware: As in `run`; the program's own if not given.
        neglect: Largest angle (rad) by which an interaction that is left out may turn an amplitude, as in `run`.

    Raises ProgramError for a program that does not pass `check`; InputError for arguments that do not fit, and for
    names of other emulators.

    >>> made = estimate("two_port_memristor", shots=100, parameters={"period": 4})
    >>> made.groups[0].atoms, made.groups[0].dimension
    (('s', 'a'), 9)
    """
    if isinstance(emulator, str) and emulator not in ("exact", "ideal"):
        raise InputError(f"emulator: an estimate knows exact and ideal ({emulator})")
    job = Job(load(program), dict(inputs or {}), rounds, shots, 0, emulator, state, neglect=neglect)
    job = replace(job, around=surroundings(job.program, noise, hardware))
    return estimate_of(job, prepare(job, dict(parameters or {})))


def estimate_of(job: Job, compiled: Compiled) -> Estimate:
    """Run a few rounds of a point that is compiled already, and scale up what they took."""
    shots, end = job.shots, time.thread_time() + BUDGET_S
    some = None if shots is None else min(shots, PILOT_SHOTS)
    first = _pilot(job, compiled, 1, some, end - 0.75 * BUDGET_S)
    warm, early = _further(first, job, compiled, WARM_ROUNDS, some, end - 0.6 * BUDGET_S)
    spent, walk = _further((warm, early), job, compiled, PILOT_ROUNDS, some, end - 0.4 * BUDGET_S)
    total = _rounds(compiled.steps)
    if spent < QUICK_SECONDS and total > MORE * walk.walked:  # short times say little of a long run
        warm, early = spent, walk
        spent, walk = _further((warm, early), job, compiled, MORE * PILOT_ROUNDS, some, end - 0.4 * BUDGET_S)
    mean, more = spent / max(walk.walked, 1), walk.walked - early.walked
    per_round = (spent - warm) / more if more > 0 else mean
    per_round = max(per_round, LEAST_PART * mean)  # two short times may differ by nothing
    longer = total / max(walk.walked, 1)
    growth = _growth(early, walk, some, longer)
    one = spent + per_round * growth * max(total - walk.walked, 0)
    one += walk.reckoned_s * max(longer, 1.0)
    units = units_of(job, [compiled])
    repeats = len(units) if shots is not None and shots > PILOT_SHOTS else 1
    slower = 1.0
    if shots is not None and some is not None and not uses_ensemble(compiled.steps):
        slower = _slower(job, compiled, spent, some, shots / repeats, end - 0.2 * BUDGET_S)
    record = record_bytes(compiled, shots)
    rows = float(units[0].shots or 1) if shots is not None else _branches(compiled, walk)
    working = _working_bytes(job, compiled, walk, rows, growth, end)
    return Estimate(
        seconds=one * repeats * slower,
        memory_bytes=libraries_bytes()
        + int(ALLOWANCE * record)
        + int(working)
        + walk.reckoned_bytes
        + _kept_bytes(early, walk, total)
        + _trace_bytes(job, compiled, units),
        record_bytes=record,
        laboratory_us=walk.cursor.clock_ns / 1000 * max(longer, 1.0),
        groups=_groups(walk),
        shots=shots,
        hardware=job.around.hardware.name,
    )


def _branches(compiled: Compiled, walk: Pilot) -> float:
    """Return how many branches an exact run will have, as the pilot's rounds let expect."""
    longest = max((step.times for step in compiled.steps if isinstance(step, RepeatStep)), default=0)
    counts = [count for count, _ in walk.cursor.branches]
    coming = branches_expected(compiled, counts, longest - len(counts), least=64) if counts else 1.0
    return min(max(coming, float(walk.rows)), float(MAX_BRANCHES))


def libraries_bytes() -> int:
    """Return what a process with all libraries takes before it runs anything."""
    return LIBRARIES_BYTES + (TORCH_BYTES if find_spec("torch") is not None else 0)


def _growth(early: Pilot, late: Pilot, shots: int | None, longer: float) -> float:
    """Return by how much a round will still grow: where histories keep branching, until each shot has its own."""
    before, now = (max(walk.cursor.groups.values(), default=1) for walk in (early, late))
    return max(1.0, min(shots / now, longer)) if shots is not None and now > 1.5 * before else 1.0


def _slower(job: Job, compiled: Compiled, spent: float, some: int, shots: float, until: float = inf) -> float:
    """Return by how much a unit of all its shots is slower than the pilot's, from a pilot of another size.

    Shots that share their histories cost next to nothing. Where the pilot is quick the other is larger, as a line
    through two short times reaches far beyond them; where it is not, it is smaller.
    """
    other = min(int(shots), MORE * some) if spent < QUICK_SECONDS else some // 4
    if shots <= some or other in (0, some):
        return 1.0
    if time.thread_time() + spent > until:
        return shots / some  # no time to find out
    limit = () if until == inf else (until,)
    other_spent = min(_pilot(job, compiled, PILOT_ROUNDS, other, *limit)[0] for _ in range(2))
    per_shot = max((other_spent - spent) / (other - some), 0.0)
    return min(1 + per_shot * (shots - some) / spent, shots / some)


def _pilot(job: Job, compiled: Compiled, most: int, shots: int | None, until: float = inf) -> tuple[float, Pilot]:
    """Walk a few rounds, but no longer than `until` (s, of this thread's time)."""
    short = replace(compiled, steps=_shortened(compiled.steps, most))
    draws = None if shots is None else Draws(0, 0, tuple(range(ceil(shots / COHORT))), COHORT)
    walk = Pilot(Recorder(short, shots, alone=True), until)
    began = time.thread_time()  # of the processor: what else the machine does is not scaled up
    with one_thread(), suppress(OutOfTimeError):  # as a run has it
        walk.run = context_of(job, short, walk.recorder, draws, shots=shots, notice=walk.notice)
        if isinstance(walk.run.states, OwnStates):
            walk.run = replace(walk.run, states=replace(walk.run.states, evolve_group=walk.evolve_group))
        population = interpreter.start(walk.run, walk.cursor, shots)
        population = interpret(short.steps, population, interpreter.steps(walk.run, walk.cursor))
        interpreter.finish(walk.run, walk.cursor, population)
    return time.thread_time() - began, walk


def _further(
    before: tuple[float, Pilot], job: Job, compiled: Compiled, most: int, shots: int | None, until: float
) -> tuple[float, Pilot]:
    """Walk once more; where no time is left for any step, what was walked before is all that is known."""
    return _pilot(job, compiled, most, shots, until) if time.thread_time() < until else before


def _shortened(steps: tuple[Step, ...], most: int) -> tuple[Step, ...]:
    """Return steps whose loops are cut: one in another goes round as often as the outer one leaves of `most`."""
    made: list[Step] = []
    for step in steps:
        match step:
            case RepeatStep():
                times = min(step.times, most)
                made.append(replace(step, times=times, body=_shortened(step.body, max(1, most // times))))
            case WhenStep():
                then, otherwise = _shortened(step.then, most), _shortened(step.otherwise, most)
                made.append(replace(step, then=then, otherwise=otherwise))
            case _:
                made.append(step)
    return tuple(made)


def _rounds(steps: tuple[Step, ...]) -> int:
    """Return how many steps a walk takes."""
    total = 0
    for step in steps:
        match step:
            case RepeatStep():
                total += step.times * _rounds(step.body)
            case WhenStep():
                total += _rounds(step.then) + _rounds(step.otherwise)
            case _:
                total += 1
    return total


def _working_bytes(
    job: Job, compiled: Compiled, walk: Pilot, rows: float, growth: float, end: float
) -> float:  # fmt: skip
    """Return what a unit takes while it runs, beside its record: measured in a pilot and scaled to its rows.

    What shots share does not grow with them: two pilots of different sizes tell it from what does.
    """
    some = max(walk.rows, 1)
    peak = _traced(job, compiled, None if job.shots is None else min(job.shots, PILOT_SHOTS), end)
    if rows > some and job.shots is not None and some >= 8:
        fewer = some // 4
        slope = max(peak - _traced(job, compiled, fewer, end), 0.0) / (some - fewer)
        peak += slope * growth * (rows - some) + slope * (growth - 1) * some
    elif rows > some:
        peak *= rows / some
    states = max(
        (count * _state_bytes(walk, len(atoms)) for (_, atoms), count in walk.cursor.groups.items()), default=0.0
    )
    return max(ALLOWANCE * peak, states) + ROW_BYTES * rows


def _state_bytes(walk: Pilot, atoms: int) -> float:
    amplitudes = amplitudes_of(walk.run, atoms)
    return amplitudes * (BYTES_PER_AMPLITUDE if amplitudes < HALVED_DIMENSION else LARGE_AMPLITUDE)


def _traced(job: Job, compiled: Compiled, shots: int | None, end: float) -> float:
    """Return the largest memory that a pilot took at one time for what it made, beside its record."""
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    try:
        _, walk = _pilot(job, compiled, PILOT_ROUNDS, shots, max(end, time.thread_time() + 0.05 * BUDGET_S))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return float(max(peak - walk.recorder.nbytes, 0))


def _trace_bytes(job: Job, compiled: Compiled, units: list[Unit]) -> int:
    """Return what sums over shots take until the last of several units is there, and what becomes of them."""
    alone = job.shots is None or len(units) == 1
    sums = Recorder.sums_bytes(compiled, alone=alone)
    written = record_bytes(compiled, units[0].shots)
    return (2 if alone else 4) * sums + (0 if alone else written)


def _kept_bytes(early: Pilot, late: Pilot, total: int) -> int:
    """Return what kept propagators will take, and the making of them: as many more in each round as in the pilot's."""
    if not isinstance(early.run.emulator, Exact) or not isinstance(late.run.emulator, Exact):
        return 0
    now = late.run.emulator.kept_bytes
    per_step = (now - early.run.emulator.kept_bytes) / max(late.walked - early.walked, 1)
    return (
        int(min(now + max(per_step, 0.0) * max(total - late.walked, 0), CACHE_BYTES)) + late.run.emulator.largest_build
    )


def _groups(walk: Pilot) -> tuple[Group, ...]:
    places = {step.index: step for step in all_steps(walk.run.compiled.steps) if isinstance(step, Segment)}
    made = []
    for (index, atoms), rows in sorted(walk.cursor.groups.items()):
        plan, target = plan_of(walk.run, places[index]), walk.run.compiled.target
        how = "ideal gates"
        if walk.run.is_noisy:
            how = (
                "density matrices" if walk.run.representation.is_mixed else "vectors, quantum jumps where they decohere"
            )
        elif isinstance(plan, Plan):
            how = method(target, plan.excited, atoms, plan.drives_together(atoms))
        names = tuple(target.atoms[i] for i in atoms)
        made.append(Group(places[index].place, names, target.subset(atoms).dimension, rows, how))
    return tuple(made)
