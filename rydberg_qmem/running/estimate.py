"""What a run will cost, before it runs: a pilot of a few rounds, scaled up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from rydberg_qmem.arguments import taking
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.compile.steps import RepeatStep, Segment, all_steps, steps_in, uses_ensemble
from rydberg_qmem.emulators.exact import evolution_method
from rydberg_qmem.emulators.protocol import Emulator, RoundByRound
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.branches import MAX_BRANCHES, branches_expected
from rydberg_qmem.engine.context import NEGLIGIBLE
from rydberg_qmem.engine.evolution import plan_of
from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import InputError, as_html
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program
from rydberg_qmem.running.job import Job, noise_settings_of, prepare
from rydberg_qmem.running.memory_estimate import ALLOWANCE, kept_bytes, libraries_bytes, sums_bytes, working_bytes
from rydberg_qmem.running.pilot import BUDGET_S, PILOT_ROUNDS, PILOT_SHOTS, Pilot, further, pilot_of
from rydberg_qmem.running.run_arguments import CONDITIONS
from rydberg_qmem.running.units import units_of
from rydberg_qmem.store.records import record_bytes

WARM_ROUNDS = 4
"""Rounds that fill the caches; the later ones of the pilot tell how fast the rest will be."""
MORE = 8
LEAST_PART = 0.1
"""The part of the mean time of a step that a further one takes at the least."""
QUICK_SECONDS = 0.1
"""A pilot that is quicker is made with so many times the shots too."""


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
    accuracy: float | None = None,
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
        emulator: As in `run`: a name ("exact" by default), or an object with its options; none that runs jobs.
        state: "vector", "density_matrix" or "auto", as in `run`.
        noise: As in `run`; the program's own if not given.
        hardware: As in `run`; the program's own if not given.
        neglect: Largest angle (rad) by which an interaction that is left out may turn an amplitude, as in `run`.
        accuracy: Infidelity that all that is left out may make, in place of `neglect`, as in `run`.

    Raises ProgramError for a program that does not pass `check`; InputError for arguments that do not fit, and for
    an emulator that runs jobs.

    >>> made = estimate("two_port_memristor", shots=100, parameters={"period": 4})
    >>> made.groups[0].atoms, made.groups[0].dimension
    (('s', 'a'), 9)
    """
    if isinstance(emulator_of(emulator), RoundByRound):
        raise InputError(
            f"emulator: an estimate tries rounds out, which would be jobs of a machine ({emulator_of(emulator).name})"
        )
    job = Job(load(program), dict(inputs or {}), rounds, shots, 0, emulator, state, neglect=neglect, accuracy=accuracy)
    job = replace(job, noise_settings=noise_settings_of(job.program, noise, hardware))
    return estimate_of(job, prepare(job, dict(parameters or {})))


def estimate_of(job: Job, compiled: Compiled) -> Estimate:
    """Run a few rounds of a point that is compiled already, and scale up what they took."""
    shots, end = job.shots, time.thread_time() + BUDGET_S
    some = None if shots is None else min(shots, PILOT_SHOTS)
    first = pilot_of(job, compiled, 1, some, end - 0.75 * BUDGET_S)
    warm, early = further(first, job, compiled, WARM_ROUNDS, some, end - 0.6 * BUDGET_S)
    spent, walk = further((warm, early), job, compiled, PILOT_ROUNDS, some, end - 0.4 * BUDGET_S)
    total = steps_in(compiled.steps)
    if spent < QUICK_SECONDS and total > MORE * walk.walked:  # short times say little of a long run
        warm, early = spent, walk
        spent, walk = further((warm, early), job, compiled, MORE * PILOT_ROUNDS, some, end - 0.4 * BUDGET_S)
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
    working = working_bytes(job, compiled, walk, rows, growth, end)
    return Estimate(
        seconds=one * repeats * slower,
        memory_bytes=libraries_bytes()
        + int(ALLOWANCE * record)
        + int(working)
        + walk.reckoned_bytes
        + kept_bytes(early, walk, total)
        + sums_bytes(job, compiled, units),
        record_bytes=record,
        laboratory_us=walk.cursor.clock_ns / 1000 * max(longer, 1.0),
        groups=_groups(walk),
        shots=shots,
        hardware=job.noise_settings.hardware.name,
    )


def _branches(compiled: Compiled, walk: Pilot) -> float:
    """Return how many branches an exact run will have, as the pilot's rounds let expect."""
    longest = max((step.times for step in compiled.steps if isinstance(step, RepeatStep)), default=0)
    counts = [count for count, _ in walk.cursor.branches]
    coming = branches_expected(compiled, counts, longest - len(counts), minimum=64) if counts else 1.0
    return min(max(coming, float(walk.rows)), float(MAX_BRANCHES))


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
    other_spent = min(pilot_of(job, compiled, PILOT_ROUNDS, other, *limit)[0] for _ in range(2))
    per_shot = max((other_spent - spent) / (other - some), 0.0)
    return min(1 + per_shot * (shots - some) / spent, shots / some)


def _groups(walk: Pilot) -> tuple[Group, ...]:
    places = {step.index: step for step in all_steps(walk.run.compiled.steps) if isinstance(step, Segment)}
    made = []
    found = walk.cursor.groups
    for (index, atoms), rows in sorted(found.items()):
        if any(index == other and {*atoms} < {*more} for other, more in found):
            continue  # gates are played in stages, each on the atoms that are entangled by then
        plan, target = plan_of(walk.run, places[index]), walk.run.compiled.target
        how = "ideal gates"
        if walk.run.is_noisy:
            how = (
                "density matrices" if walk.run.representation.is_mixed else "vectors, quantum jumps where they decohere"
            )
        elif isinstance(plan, Plan):
            how = evolution_method(target, plan.excited, atoms, plan.drives_together(atoms))
        names = tuple(target.atoms[i] for i in atoms)
        dimension = walk.cursor.dimensions[index, atoms]
        made.append(Group(places[index].place, names, dimension, rows, how))
    return tuple(made)
