"""Run a program: points of a sweep, cohorts of shots, one record."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem.compile.check import check
from rydberg_qmem.compile.layout import with_reports
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Compiled, PushStep, SetStep, Step, WhenStep
from rydberg_qmem.emulators.protocol import Emulator, Holding, check_capabilities
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.errors import InputError, ProgramError, did_you_mean
from rydberg_qmem.execute import records
from rydberg_qmem.execute import store as _store
from rydberg_qmem.execute.draws import COHORT, Draws
from rydberg_qmem.execute.environment import NOTHING, Surroundings, check_surroundings, kind_of_state
from rydberg_qmem.execute.kinds import KINDS
from rydberg_qmem.execute.trace import Trace
from rydberg_qmem.execute.walk import Walk
from rydberg_qmem.language.hardware import HardwareProfile, profile_of
from rydberg_qmem.language.library import load
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.program import Program

if TYPE_CHECKING:
    import xarray as xr

MAX_SHOTS = 100_000_000
_MAX_RECORD_BYTES = 4_000_000_000
BATCH_BYTES = 200_000_000
BATCH_COHORTS = 20

Progress = Callable[[int, int], None]


def run(
    program: Program | str | Path,
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    shots: int | None = COHORT,
    seed: int | None = None,
    emulator: str | Emulator = "exact",
    state: str = "auto",
    noise: Noise | Mapping[str, Any] | Any | None = None,
    hardware: HardwareProfile | Mapping[str, Any] | str | Path | None = None,
    sweep: Mapping[str, Sequence[float]] | None = None,
    store: str | Path | None = None,
    overwrite: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Run a program, given as an object, a ready sequence's name or a path, and return its record.

    With `shots=None` nothing is sampled: the record holds exact expectation values, without the `shot`
    dimension. A `sweep` maps parameter names to values; all combinations are run, along `point`. The same
    program, seed and versions give the same record, whatever `workers`; `seed=None` draws one and writes it
    into the record. The `state` of a branch is a `vector`, or a `density_matrix`, which needs no chance for what is
    never read: resets do not multiply branches; `auto` takes what is cheaper, and with noise either density matrices
    or quantum-jump trajectories, one per shot. `noise` (a mapping, or a `pulser.NoiseModel`) and `hardware` (a
    profile, a mapping, a profile's name or a YAML file) stand in for the program's own; both are ideal if neither
    says. `progress` is called with the shots (or rounds) done and their total.

    >>> program = Program(
    ...     name="half",
    ...     register={"atoms": {"q": (0, 0)}},
    ...     body=[{"rotate": {"atom": "q", "angle": "pi / 2"}}, {"measure": {"atoms": "q", "key": "m"}}],
    ... )
    >>> round(float(run(program, shots=None).m), 9)
    0.5
    """
    began = time.perf_counter()
    program = load(program)
    if store is not None:
        _store.check_free(store, overwrite=overwrite)
    around = surroundings(program, noise, hardware)
    job = Job(program, dict(inputs or {}), rounds, _shots(shots), _seed(seed, shots), emulator, _state(state), around)
    points = _points(program, parameters, sweep)
    compiled = [prepare(job, point) for point in points]
    _refuse_too_large(compiled, shots)
    finished = _execute(job, points, compiled, workers, progress)
    made = [records.dataset(c, trace) for c, (trace, _) in zip(compiled, finished, strict=True)]
    record = made[0] if sweep is None else records.combine(made, [_swept(point, sweep) for point in points])
    record.attrs = records.provenance(
        compiled[0],
        seed=job.seed,
        shots=shots,
        emulator=emulator_of(emulator).name,
        pruned=max(pruned for _, pruned in finished),
        wall_s=time.perf_counter() - began,
        varied=_varied(compiled),
        around=job.around,
        state=kind_of_state(job.state, job.around, compiled[0], job.shots),
    )
    if store is not None:
        _store.save_record(record, store, overwrite=overwrite)
    return record


def _varied(compiled: list[Compiled]) -> frozenset[str]:
    """Return the parameters that are not the same in all points."""
    first = compiled[0].parameters
    return frozenset(name for name in first if any(one.parameters[name] != first[name] for one in compiled))


@dataclass(frozen=True)
class Job:
    """What all points of a run share."""

    program: Program
    inputs: dict[str, ArrayLike | str]
    rounds: int | None
    shots: int | None
    seed: int | None
    emulator: str | Emulator
    state: str
    around: Surroundings = NOTHING


def surroundings(program: Program, noise: Any, hardware: Any) -> Surroundings:
    """Return noise and hardware as given, else as the program has them."""
    profile = profile_of(hardware if hardware is not None else program.hardware)
    made = Noise.of(noise if noise is not None else program.noise)
    return Surroundings(made, profile if profile is not None else NOTHING.hardware)


def _state(state: str) -> str:
    known = ["auto", *KINDS]
    if state not in known:
        raise InputError(f"state: must be one of {', '.join(known)}{did_you_mean(state, known)} ({state})")
    return state


def _shots(shots: int | None) -> int | None:
    if shots is not None and (isinstance(shots, bool) or shots != int(shots) or not 1 <= shots <= MAX_SHOTS):
        raise InputError(f"shots: must be a whole number from 1 to {MAX_SHOTS}, or None for an exact run ({shots})")
    return None if shots is None else int(shots)


def _seed(seed: int | None, shots: int | None) -> int | None:
    if shots is None:
        return None
    if seed is None:
        return int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]  # fresh entropy is one integer
    if isinstance(seed, bool) or seed != int(seed) or seed < 0:
        raise InputError(f"seed: must be a whole number, not negative ({seed})")
    return int(seed)


def _points(
    program: Program, parameters: Mapping[str, float] | None, sweep: Mapping[str, Sequence[float]] | None
) -> list[dict[str, float]]:
    base = dict(parameters or {})
    if sweep is None:
        return [base]
    for name, values in sweep.items():
        if name not in program.parameters:
            raise InputError(f"sweep: no parameter {name!r}{did_you_mean(name, list(program.parameters))}")
        if not len(values):
            raise InputError(f"sweep.{name}: must have at least one value")
    return [
        {**base, **dict(zip(sweep, map(float, values), strict=True))} for values in itertools.product(*sweep.values())
    ]


def _swept(point: Mapping[str, float], sweep: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: point[name] for name in sweep}


def prepare(job: Job, point: Mapping[str, float]) -> Compiled:
    """Check and compile one point; every problem is raised before anything runs."""
    problems = check(job.program, parameters=point, inputs=job.inputs, rounds=job.rounds)
    if problems:
        raise ProgramError(problems)
    noise, emulator, exact = job.around.noise, emulator_of(job.emulator), job.shots is None
    compiled = compile_program(
        job.program, parameters=point, inputs=job.inputs, rounds=job.rounds,
        leakage=noise is not None and noise.with_leakage,
    )  # fmt: skip
    check_surroundings(job.around, emulator, compiled, exact=exact)
    check_capabilities(emulator, compiled, exact=exact, state=kind_of_state(job.state, job.around, compiled, job.shots))
    return with_reports(compiled, emulator.reports) if isinstance(emulator, Holding) else compiled


def walk_of(job: Job, compiled: Compiled, trace: Trace, draws: Draws | None, **options: Any) -> Walk:
    """Return a walk through a compiled point, its states kept as asked or as is cheaper."""
    kind = KINDS[kind_of_state(job.state, job.around, compiled, job.shots)]
    return Walk(compiled, emulator_of(job.emulator), trace, draws, kind, job.around, **options)


def record_bytes(compiled: Compiled, shots: int | None) -> int:
    """Return the size of a point's record in memory."""
    total = 0
    for variable in compiled.variables:
        size = int(np.prod([compiled.rounds[loop] for loop in variable.loops], dtype=float))
        size *= int(np.prod(variable.extra_shape, dtype=float)) * (1 if variable.dtype == "int8" else 8)
        if variable.origin in ("key", "memory", "final"):
            size *= shots or 1
        total += size
    return total


def _refuse_too_large(compiled: list[Compiled], shots: int | None) -> None:
    total = sum(record_bytes(one, shots) for one in compiled)
    if total > _MAX_RECORD_BYTES:
        raise InputError(
            f"the record would need {total / 1e9:.1f} GB, more than {_MAX_RECORD_BYTES / 1e9:.0f} GB in memory: "
            "use fewer shots, rounds or points"
        )


def uses_ensemble(steps: tuple[Step, ...]) -> bool:
    """Return whether any step reads a mean over the cohort."""
    for step in steps:
        match step:
            case SetStep() | PushStep():
                if any(value.uses_ensemble for _, value in step.values):
                    return True
            case WhenStep():
                if step.condition.uses_ensemble or uses_ensemble((*step.then, *step.otherwise)):
                    return True
            case _:
                if uses_ensemble(getattr(step, "body", ())):
                    return True
    return False


@dataclass(frozen=True)
class Unit:
    """Consecutive cohorts of one point, walked together."""

    point: int
    cohorts: tuple[int, ...]
    shots: int | None


def units_of(job: Job, compiled: list[Compiled]) -> list[Unit]:
    """Return the units of a run, in order."""
    return list(_units(job, compiled))


def _units(job: Job, compiled: list[Compiled]) -> Iterator[Unit]:
    for point, one in enumerate(compiled):
        if job.shots is None:
            yield Unit(point, (), None)
            continue
        together = 1 if uses_ensemble(one.steps) else _cohorts_together(one)
        cohorts = range(-(-job.shots // COHORT))
        for first in range(0, len(cohorts), together):
            group = tuple(cohorts[first : first + together])
            yield Unit(point, group, min(job.shots, (group[-1] + 1) * COHORT) - first * COHORT)


def _cohorts_together(compiled: Compiled) -> int:
    per_cohort = COHORT * compiled.target.dimension * 16 * 4
    return max(1, min(BATCH_COHORTS, BATCH_BYTES // per_cohort))


def walk_unit(
    job: Job, compiled: Compiled, unit: Unit, on_round: Callable[[int], None] | None = None
) -> tuple[Trace, float]:
    """Walk one unit; return what it wrote and the probability it dropped."""
    from threadpoolctl import threadpool_limits

    trace = Trace(compiled, unit.shots)
    draws = None if job.shots is None else Draws(job.seed or 0, unit.point, unit.cohorts, COHORT)
    walk = walk_of(job, compiled, trace, draws, on_round=on_round)
    with threadpool_limits(1, user_api="blas"):  # many small products: threads wait for each other more than they help
        walk.run(unit.shots)
    return trace, walk.pruned


def _execute(
    job: Job,
    points: list[dict[str, float]],
    compiled: list[Compiled],
    workers: int,
    progress: Progress | None,
) -> list[tuple[Trace, float]]:
    units = units_of(job, compiled)
    alone = Counter(unit.point for unit in units)
    totals = [Trace(one, job.shots if alone[point] > 1 else 0) for point, one in enumerate(compiled)]
    pruned = [0.0] * len(compiled)
    done = 0
    for unit, (trace, lost) in _walked(job, points, compiled, units, workers):
        first = unit.cohorts[0] * COHORT if unit.cohorts else 0
        if alone[unit.point] == 1:
            totals[unit.point] = trace
        else:
            totals[unit.point].absorb(trace, slice(first, first + (unit.shots or 0)))
        pruned[unit.point] = max(pruned[unit.point], lost)
        done += unit.shots or 1
        if progress is not None:
            progress(done, sum(u.shots or 1 for u in units))
    return list(zip(totals, pruned, strict=True))


def _walked(
    job: Job, points: list[dict[str, float]], compiled: list[Compiled], units: list[Unit], workers: int
) -> Iterator[tuple[Unit, tuple[Trace, float]]]:
    if workers < 1:
        raise InputError(f"workers: must be at least 1 ({workers})")
    if workers == 1 or len(units) == 1:
        for unit in units:
            yield unit, walk_unit(job, compiled[unit.point], unit)
        return
    with ProcessPoolExecutor(min(workers, len(units), (os.cpu_count() or 1) * 4)) as pool:
        yield from zip(units, pool.map(_remote, [(job, points[u.point], u) for u in units]), strict=True)


def _remote(task: tuple[Job, dict[str, float], Unit]) -> Any:
    job, point, unit = task
    return walk_unit(job, prepare(job, point), unit)
