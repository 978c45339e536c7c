"""The units of a job: consecutive cohorts of one point, each run by itself, wherever that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.liveness import atoms_after, segment_names
from rydberg_qmem.compile.steps import MeasureStep, ResetStep, Segment, Step, WhenStep, all_steps, uses_ensemble
from rydberg_qmem.emulators.protocol import DURATIONS, READOUT, READOUT_NOISE, RoundByRound
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.context import Cursor
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT, Draws
from rydberg_qmem.engine.walk import walk
from rydberg_qmem.errors import RunError
from rydberg_qmem.running.error_budget import budget_of
from rydberg_qmem.running.job import Job, context_of, one_thread, prepare
from rydberg_qmem.store.records import record_bytes

BATCH_BYTES = 200_000_000
BATCH_COHORTS = 20


@dataclass(frozen=True)
class Unit:
    """Consecutive cohorts of one point, run together."""

    point: int
    cohorts: tuple[int, ...]
    shots: int | None
    alone: bool = False
    """Whether what it writes is all that is known of its point: nothing will be added to it."""


@dataclass(frozen=True, eq=False)
class Task:
    """One unit, with all that a worker needs to run it."""

    job: Job
    settings: dict[str, float]
    swept: tuple[str, ...]
    unit: Unit
    checked: bool = True
    """Whether its point was checked already."""

    def __str__(self) -> str:
        return name_of(self.unit, {name: self.settings[name] for name in self.swept})


def name_of(unit: Unit, swept: Mapping[str, float]) -> str:
    """Name a unit in words: its point and its cohorts.

    >>> name_of(Unit(3, (0, 1), 2000), {"angle": 0.5})
    'point 3 (angle = 0.5), cohorts 0 to 1'
    """
    values = ", ".join(f"{name} = {value:g}" for name, value in swept.items())
    point = f"point {unit.point}{f' ({values})' if values else ''}"
    if not unit.cohorts:
        return point
    first, last = unit.cohorts[0], unit.cohorts[-1]
    return f"{point}, cohort {first}" if first == last else f"{point}, cohorts {first} to {last}"


def units_of(job: Job, compiled: Sequence[Compiled], *, together: int | None = None) -> list[Unit]:
    """Return the units of a run, in order; how many cohorts go together never depends on the number of shots."""
    if job.shots is None:
        return [Unit(point, (), None) for point in range(len(compiled))]
    together = together or cohorts_together(job, compiled)
    return [_unit(point, first, together, job.shots) for point in range(len(compiled))
            for first in range(0, -(-job.shots // COHORT), together)]  # fmt: skip


def _unit(point: int, first: int, together: int, shots: int) -> Unit:
    last = min(first + together, -(-shots // COHORT))
    return Unit(point, tuple(range(first, last)), min(shots, last * COHORT) - first * COHORT)


def cohorts_together(job: Job, compiled: Sequence[Compiled]) -> int:
    """Return how many cohorts are run at once: more share more, fewer take less memory."""
    by_jobs = isinstance(emulator_of(job.emulator), RoundByRound)
    if by_jobs and any(uses_ensemble(one.steps) for one in dict.fromkeys(compiled)):
        return 1  # a job has one value of each control, and a cohort its own mean
    if emulator_of(job.emulator).capabilities.clifford:
        own = [COHORT * len(one.target.atoms) * 2 * 4 for one in dict.fromkeys(compiled)]
    else:
        own = [
            COHORT * one.target.dimension * 16 * 4 for one in dict.fromkeys(compiled) if not shares_one_state(job, one)
        ]
    states = max(own, default=1)
    written = max(record_bytes(one, COHORT) for one in dict.fromkeys(compiled))
    return max(1, min(BATCH_COHORTS, BATCH_BYTES // states, BATCH_BYTES // max(written, 1)))


def shares_one_state(job: Job, compiled: Compiled) -> bool:
    """Return whether all shots surely have the same state until their atoms are looked at for the last time."""
    quiet = DURATIONS | READOUT | READOUT_NOISE
    if not all(field.partition(".")[2] in quiet for field in job.noise_settings.fields):
        return False
    atoms = frozenset(range(len(compiled.target.atoms)))
    after = atoms_after(compiled.steps, atoms, timeless=not job.noise_settings.fields)
    own = frozenset({*compiled.scalars, *compiled.windows, *compiled.keys})
    for step in all_steps(compiled.steps):
        if isinstance(step, WhenStep) or (isinstance(step, MeasureStep | ResetStep) and after[step.number]):
            return False
        if isinstance(step, Segment) and not own.isdisjoint(segment_names(step)):
            return False
    return True


def run_unit(
    task: Task, compiled: Compiled, notice: Callable[[Step, Population], None] | None = None
) -> tuple[Recorder, float]:
    """Run one unit; return what it wrote and the probability it dropped. RunError says which unit it was.

    `notice` is told of each step before it is done.
    """
    job, unit = task.job, task.unit
    recorder, cursor = Recorder(compiled, unit.shots, alone=unit.alone or unit.shots is None), Cursor()
    draws = None if job.shots is None else Draws(job.seed or 0, unit.point, unit.cohorts, COHORT)
    try:
        with (
            one_thread(),
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        ):  # many small products: threads wait for each other more than they help
            context = context_of(
                job, compiled, recorder, draws, shots=unit.shots, notice=notice, budget=budget_of(job, compiled)
            )
            walk(context, cursor, unit.shots)
    except RunError as error:
        raise RunError(f"{task}: {error}") from None
    recorder.neglected[0] = cursor.neglected
    return recorder, cursor.dropped


def prepare_and_run(task: Task) -> tuple[Recorder, float]:
    """Run one unit where nothing but the task is known, as in another process."""
    return run_unit(task, prepare(task.job, task.settings, checked=task.checked))
