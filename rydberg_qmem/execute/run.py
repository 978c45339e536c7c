"""Run a program: points of a sweep, cohorts of shots, one record."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem.arguments import SEED, Kind, flag, one_of, optional, path, real, taking, whole
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.compile.check import check_and_compile, check_values
from rydberg_qmem.compile.layout import with_reports
from rydberg_qmem.compile.liveness import atoms_after, segment_names
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.semantics import interpret
from rydberg_qmem.compile.steps import (
    Compiled,
    MeasureStep,
    ResetStep,
    Segment,
    WhenStep,
    all_steps,
    uses_ensemble,
)
from rydberg_qmem.emulators.protocol import (
    DURATIONS,
    READOUT,
    READOUT_NOISE,
    Emulator,
    Holding,
    RoundByRound,
    check_capabilities,
)
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine import interpreter
from rydberg_qmem.engine.context import MOST_GB, NEGLIGIBLE, Cursor, RunContext
from rydberg_qmem.engine.noise import NOTHING, NoiseSettings, check_surroundings, kind_of_state
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.representation import REPRESENTATIONS
from rydberg_qmem.engine.rng import COHORT, Draws
from rydberg_qmem.errors import InputError, ProgramError, RunError
from rydberg_qmem.execute import records
from rydberg_qmem.execute import store as _store
from rydberg_qmem.execute.gathered import Gathered
from rydberg_qmem.execute.points import Points
from rydberg_qmem.execute.processes import in_processes
from rydberg_qmem.execute.progress import Progress, begin, listener
from rydberg_qmem.execute.scale import Scale, cluster
from rydberg_qmem.execute.scale import shard as shard_
from rydberg_qmem.execute.sweep import Sweep, points_of, sweep_of, swept_names
from rydberg_qmem.language import library
from rydberg_qmem.language.hardware import HardwareProfile, profile_of
from rydberg_qmem.language.library import load
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.program import Program

if TYPE_CHECKING:
    import xarray as xr

MAX_SHOTS = 100_000_000
MAX_WORKERS = 10_000
BATCH_BYTES = 200_000_000
BATCH_COHORTS = 20


def emulator(name: str, value: Any) -> str | Emulator:
    """Take an emulator, or the name of one."""
    emulator_of(value)
    return cast("str | Emulator", value)


CONDITIONS: dict[str, Kind] = {
    **SETTINGS,
    "program": library.program,
    "shots": optional(whole(1, MAX_SHOTS, also=", or None for an exact run")),
    "emulator": emulator,
    "state": one_of("auto", *REPRESENTATIONS),
    "neglect": real(0.0, also=", an angle (rad)"),
}
"""What a run and its estimate may be asked for."""


@taking(
    **CONDITIONS,
    seed=optional(SEED),
    sweep=optional(sweep_of),
    store=optional(path),
    overwrite=flag,
    workers=whole(1, MAX_WORKERS),
    client=optional(cluster),
    shard=optional(shard_),
    max_memory_gb=real(above=0, finite=False),
    max_seconds=optional(real(above=0, finite=False)),
)
def run(
    program: Program | str | Path | Mapping[str, Any],
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
    sweep: Sweep | None = None,
    store: str | Path | None = None,
    overwrite: bool = False,
    workers: int = 1,
    client: Any = None,
    shard: tuple[int, int] | str | None = None,
    max_memory_gb: float = MOST_GB,
    max_seconds: float | None = None,
    neglect: float = NEGLIGIBLE,
    progress: Progress | bool | None = None,
) -> xr.Dataset:
    """Run a program and return its record: its outcomes by shot and round, an `xarray.Dataset`.

    The same program, seed and versions give the same record, whatever `workers`, `client` or `shard`. Atoms that are
    not entangled are evolved apart, as `neglect` says; the record's attribute `neglected` bounds the error that this
    makes in any probability.

    Args:
        program: A `Program`, the name of a bundled one (`rqm list`), the path of a YAML or JSON file, or what
            `Program.to_dict` gives.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        inputs: For each input by name, an expression of the round k and the parameters, or one number for each round
            (shape (rounds,)); the others keep their defaults.
        rounds: How many rounds the inputs that are expressions have; as the program says if not given.
        shots: How many times the program runs; None for exact expectation values, with no dimension `shot`.
        seed: Starts the random numbers, a whole number of at least 0; if not given, one is drawn and written into the
            record, or taken from the record in `store`.
        emulator: "exact" (pulses, the default), "ideal" (gates), "qutip", "emu_sv", "emu_mps", "pulser_backend", or an
            object of `rydberg_qmem.emulators` with its options, among them `Replay`.
        state: "vector"; "density_matrix", which averages over unread outcomes, so that resets create no branches; or
            "auto", the cheaper one. With noise, vectors are quantum-jump trajectories, one for each shot.
        noise: A `Noise`, a mapping of its fields, or a `pulser.NoiseModel`; overrides the program's own. The default is
            the program's, and no noise if it has none.
        hardware: A `HardwareProfile`, a mapping of its fields, a profile's name, or the path of a YAML or JSON file;
            overrides the program's own. The default is the program's, and an ideal machine if it has none.
        sweep: Values for each swept parameter, by name; all combinations are run, along `point`. Names joined by
            commas, or a tuple of names, have tuples of values and vary together. None runs one point.
        store: Folder to which the record is written as it comes (zarr); the same run goes on with what is there. None
            keeps the record in memory.
        overwrite: Whether a record in `store` is replaced, in place of being continued (default False).
        workers: Number of processes on this computer.
        client: A connected `dask.distributed.Client` whose workers do the work; needs `store`, excludes `workers`.
        shard: (i, N) or "i/N": this call runs the i-th of N parts, i from 1, of a run that N calls share; needs `store`
            and a seed.
        max_memory_gb: Memory (GB, default 8) that record and states may take; a run that needs more does not begin.
        max_seconds: Time (s) on one processor that `estimate` may foretell before the run is refused; None for any.
        neglect: An interaction that turns no amplitude by more than this angle (rad) in a segment is left out between
            atoms that are not entangled; 0 keeps all.
        progress: True shows one line in the notebook's cell or the terminal; a function is called with the shots done
            and their total (points, in exact runs); None shows nothing.

    Raises ProgramError, with every problem, for a program that does not pass `check`; InputError for arguments that do
    not fit, or a run beyond its limits; CapabilityError, an InputError, for what the emulator cannot do; StoreError for
    a `store` that is damaged, or holds another run; RunError, with point, round and block, where a value goes wrong on
    the way.

    >>> program = Program(
    ...     name="half",
    ...     register={"atoms": {"q": (0, 0)}},
    ...     body=[{"rotate": {"atom": "q", "angle": "pi / 2"}}, {"measure": {"atoms": "q", "key": "m"}}],
    ... )
    >>> round(float(run(program, shots=None).m), 9)
    0.5
    >>> run(program, shots=100, seed=7).m.sizes
    Frozen({'shot': 100})
    """
    began = time.perf_counter()
    program, told = load(program), listener(progress)
    scale = _scale(workers, client, None if shard is None else shard_("shard", shard), store)
    place = None if store is None else _store.check_free(store, overwrite=True)
    if place is not None:
        seed = _store.seed_of(place) if seed is None and not overwrite else seed
    if shard is not None and seed is None and shots is not None:
        raise InputError("shards need a seed: each would draw another")
    around = surroundings(program, noise, hardware)
    limits = Limits(max_memory_gb, max_seconds)
    job = Job(
        program, dict(inputs or {}), rounds, shots, _seed(seed, shots), emulator, state, around, neglect, max_memory_gb
    )

    _refuse_several(job, scale)
    settings, swept = points_of(program, parameters, sweep), None if sweep is None else swept_names(sweep)
    points = Points(
        program, settings, swept or (), partial(prepare, job), alike=partial(prepare_alike, job), inputs=job.inputs,
        rounds=rounds,
    )  # fmt: skip

    from rydberg_qmem.execute.guards import check_limits

    check_limits(points, job, limits, place=place, workers=scale.workers)
    if place is not None:
        from rydberg_qmem.execute.stored import run_into

        return run_into(
            place, job, settings, points, swept=swept, scale=scale, overwrite=overwrite, progress=told
        )  # fmt: skip
    record, lost, neglected = _execute(job, points, workers, told, swept)
    record.attrs = records.provenance(
        points[0],
        seed=job.seed,
        shots=shots,
        emulator=emulator_of(emulator).name,
        pruned=lost,
        neglect=job.neglect,
        neglected=neglected,
        wall_s=time.perf_counter() - began,
        varied=points.varied(),
        around=job.around,
        state=kind_of_state(job.state, job.around, points[0], job.shots, emulator=emulator_of(emulator)),
    )
    return record


@dataclass(frozen=True)
class Limits:
    """What a run may take at most: memory (GB), and seconds of one processor."""

    memory_gb: float = MOST_GB
    seconds: float | None = None


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
    around: NoiseSettings = NOTHING
    neglect: float = NEGLIGIBLE
    memory_gb: float = MOST_GB
    """What its states may take while it runs."""


def surroundings(program: Program, noise: Any, hardware: Any) -> NoiseSettings:
    """Return noise and hardware as given, else as the program has them."""
    profile = profile_of(hardware if hardware is not None else program.hardware)
    made = Noise.of(noise if noise is not None else program.noise)
    return NoiseSettings(made, profile if profile is not None else NOTHING.hardware)


def _seed(seed: int | None, shots: int | None) -> int | None:
    if shots is None:
        return None
    if seed is None:
        return int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]  # fresh entropy is one integer
    return seed


def prepare(job: Job, point: Mapping[str, float], *, checked: bool = False) -> Compiled:
    """Check and compile one point; every problem is raised before anything runs, once for all workers.

    A point that is `checked` already is not checked again.
    """
    settings: dict[str, Any] = {"parameters": point, "inputs": job.inputs, "rounds": job.rounds}
    compiled = None
    if not checked:
        problems, compiled = check_and_compile(job.program, hardware=job.around.hardware, **settings)
        if problems:
            raise ProgramError(problems)
    noise = job.around.noise
    leakage = noise is not None and noise.with_leakage
    if compiled is None or leakage:
        compiled = compile_program(job.program, leakage=leakage, **settings)
    return _fit(job, compiled)


def prepare_alike(job: Job, compiled: Compiled) -> Compiled:
    """Check the values of one more point of a program that was checked; ProgramError if they are wrong."""
    problems = check_values(compiled, hardware=job.around.hardware)
    if problems:
        raise ProgramError(problems)
    return _fit(job, compiled)


def _fit(job: Job, compiled: Compiled) -> Compiled:
    """Hold a compiled point against what its emulator can do."""
    emulator, exact = emulator_of(job.emulator), job.shots is None
    check_surroundings(job.around, emulator, compiled, exact=exact)
    state = kind_of_state(job.state, job.around, compiled, job.shots, emulator=emulator)
    check_capabilities(emulator, compiled, exact=exact, state=state)
    return with_reports(compiled, emulator.reports) if isinstance(emulator, Holding) else compiled


def context_of(
    job: Job, compiled: Compiled, recorder: Recorder, draws: Draws | None, *, shots: int | None, **options: Any
) -> RunContext:
    """Return what the run of a compiled point stands on, its states kept as asked or as is cheaper."""
    emulator = emulator_of(job.emulator)
    kept = REPRESENTATIONS[kind_of_state(job.state, job.around, compiled, job.shots, emulator=emulator)]
    options = {"neglect": job.neglect, "max_bytes": job.memory_gb * 1e9, **options}
    return interpreter.prepare(compiled, emulator, recorder, draws, kept, job.around, shots=shots, **options)


def one_thread() -> Any:
    """Return a context in which the linear algebra of loaded libraries runs in one thread."""
    return _threads(len(sys.modules)).limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _threads(modules: int) -> Any:
    """Return who knows the threads of the libraries that are loaded: looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass(frozen=True)
class Unit:
    """Consecutive cohorts of one point, walked together."""

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
    """Return how many cohorts are walked at once: more share more, fewer take less memory."""
    by_jobs = isinstance(emulator_of(job.emulator), RoundByRound)
    if by_jobs and any(uses_ensemble(one.steps) for one in _different(compiled)):
        return 1  # a job has one value of each control, and a cohort its own mean
    own = [COHORT * one.target.dimension * 16 * 4 for one in _different(compiled) if not shares_one_state(job, one)]
    states = max(own, default=1)
    written = max(records.record_bytes(one, COHORT) for one in _different(compiled))
    return max(1, min(BATCH_COHORTS, BATCH_BYTES // states, BATCH_BYTES // max(written, 1)))


def _different(compiled: Sequence[Compiled]) -> list[Compiled]:
    return list({id(one): one for one in compiled}.values())


def shares_one_state(job: Job, compiled: Compiled) -> bool:
    """Return whether all shots surely have the same state until their atoms are looked at for the last time."""
    quiet = DURATIONS | READOUT | READOUT_NOISE
    if not all(field.partition(".")[2] in quiet for field in job.around.fields):
        return False
    atoms = frozenset(range(len(compiled.target.atoms)))
    after = atoms_after(compiled.steps, atoms, timeless=not job.around.fields)
    own = frozenset({*compiled.scalars, *compiled.windows, *compiled.keys})
    for step in all_steps(compiled.steps):
        if isinstance(step, WhenStep) or (isinstance(step, MeasureStep | ResetStep) and after[step.number]):
            return False
        if isinstance(step, Segment) and not own.isdisjoint(segment_names(step)):
            return False
    return True


def walk_unit(
    job: Job,
    compiled: Compiled,
    unit: Unit,
    on_round: Callable[[int], None] | None = None,
) -> tuple[Recorder, float]:
    """Walk one unit; return what it wrote and the probability it dropped."""
    recorder, cursor = Recorder(compiled, unit.shots, alone=unit.alone or unit.shots is None), Cursor()
    draws = None if job.shots is None else Draws(job.seed or 0, unit.point, unit.cohorts, COHORT)
    with (
        one_thread(),
        np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
    ):  # many small products: threads wait for each other more than they help
        context = context_of(job, compiled, recorder, draws, shots=unit.shots, on_round=on_round)
        population = interpreter.start(context, cursor, unit.shots)
        population = interpret(compiled.steps, population, interpreter.steps(context, cursor))
        interpreter.finish(context, cursor, population)
    recorder.neglected[0] = cursor.neglected
    return recorder, cursor.dropped


def _execute(
    job: Job,
    points: Points,
    workers: int,
    progress: Progress | None,
    swept: tuple[str, ...] | None,
) -> tuple[xr.Dataset, float, float]:
    """Return the record, and how much probability was dropped and how much interaction left out at most."""
    layouts = points.layouts
    units = units_of(job, layouts)
    parts = Counter(unit.point for unit in units)
    units = [replace(unit, alone=parts[unit.point] == 1) for unit in units]
    tasks = [Task(job, dict(points.settings[unit.point]), swept or (), unit, not points.come_late) for unit in units]
    gathered = None if swept is None else Gathered(layouts, job.shots)
    total: Recorder | None = None
    lost = neglected = 0.0
    done, wanted = 0, sum(unit.shots or 1 for unit in units)
    begin(progress, done, wanted)
    for unit, (trace, pruned) in _walked(tasks, points, workers):
        first = unit.cohorts[0] * COHORT if unit.cohorts else 0
        if unit.alone:
            total = trace
        else:
            total = Recorder(layouts[unit.point], job.shots) if total is None else total
            total.absorb(trace, slice(first, first + (unit.shots or 0)))
        lost, neglected, done = max(lost, pruned), max(neglected, float(trace.neglected[0])), done + (unit.shots or 1)
        if gathered is not None and first + (unit.shots or 1) >= (job.shots or 1):
            gathered.add(unit.point, layouts[unit.point].inputs, total)
            points.forget(unit.point)
            total = None
        if progress is not None:
            progress(done, wanted)
    if gathered is None:
        assert total is not None  # a run has at least one unit
        return records.dataset(layouts[0], total), lost, neglected
    return gathered.dataset(swept or (), points.settings), lost, neglected


def _walked(tasks: list[Task], points: Points, workers: int) -> Iterator[tuple[Unit, tuple[Recorder, float]]]:
    if workers == 1 or len(tasks) == 1:
        for task in tasks:
            yield task.unit, _walk_named(task, points[task.unit.point])
        return
    coming = iter(in_processes(_remote, tasks, workers, str))
    early: dict[Unit, tuple[Recorder, float]] = {}
    for task in tasks:  # sums are added in this order, whoever is first
        while task.unit not in early:
            other, result = next(coming)
            early[other.unit] = result
        yield task.unit, early.pop(task.unit)


def _remote(task: Task) -> tuple[Recorder, float]:
    return _walk_named(task, prepare(task.job, task.settings, checked=task.checked))


def _walk_named(task: Task, compiled: Compiled) -> tuple[Recorder, float]:
    try:
        return walk_unit(task.job, compiled, task.unit)
    except RunError as error:
        raise RunError(f"{task}: {error}") from None


def _refuse_several(job: Job, scale: Scale) -> None:
    """Refuse to spread jobs of a machine over processes: they are made one after the other."""
    if (scale.workers > 1 or scale.client is not None) and isinstance(emulator_of(job.emulator), RoundByRound):
        name = emulator_of(job.emulator).name
        raise InputError(f"workers: {name} runs its jobs one after the other, in one process")


def _scale(
    workers: int, client: Any, shard: tuple[int, int] | None, store: str | Path | None
) -> Scale:  # fmt: skip
    if store is None and (client is not None or shard is not None):
        raise InputError("client and shard need a store: workers write there, and hand back only counts")
    return Scale(workers, client, shard)
