"""Run one program on many input series in one walk: rows of one population, each with its own inputs.

A single run checks, compiles and plans for one set of inputs. Here the inputs are values of the rows, as memory is:
all series share the compiled program, the emulator's plans, and every evolution that two of them have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.semantics import interpret
from rydberg_qmem.compile.steps import MeasureStep, RepeatStep, Step, all_steps, numbered
from rydberg_qmem.emulators.protocol import Emulator, Holding, Replaying, RoundByRound
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.emulators.requirements import check_capabilities
from rydberg_qmem.engine import interpreter
from rydberg_qmem.engine.context import Cursor, RunContext, SeriesInputs
from rydberg_qmem.engine.noise_settings import NoiseSettings, check_noise, kind_of_state
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.representation import REPRESENTATIONS
from rydberg_qmem.engine.rng import COHORT, Draws
from rydberg_qmem.engine.row_values import SERIES
from rydberg_qmem.engine.walk import walk_on
from rydberg_qmem.errors import InputError, ProgramError, RunError, short
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.library import load
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.program import Program
from rydberg_qmem.running.job import noise_settings_of
from rydberg_qmem.running.processes import in_processes
from rydberg_qmem.running.series_means import BatchState, Floats, SeriesMeans, SeriesRecorder, SeriesState

_ROWS = 200_000
"""Sampled rows that are walked together."""


def run_series(
    program: Program | str | Path,
    inputs: Mapping[str, ArrayLike],
    *,
    parameters: Mapping[str, float] | None = None,
    shots: int | None = None,
    seed: int = 0,
    emulator: str | Emulator = "ideal",
    state: str = "auto",
    noise: Noise | Mapping[str, Any] | Any | None = None,
    hardware: HardwareProfile | Mapping[str, Any] | str | Path | None = None,
    batch: int = 1000,
    workers: int = 1,
    start: SeriesState | None = None,
    keep_state: bool = False,
) -> SeriesMeans:
    """Run a program once for each input series, (series, round) per input, and return means over shots.

    With `shots=None` means are exact; else each series has that many shots, all of which make up its ensemble.
    Means are those that `rydberg_qmem.run` records for each series by itself. `batch` series are walked together, and
    batches are spread over `workers` processes, which changes no number. `noise` and `hardware` are as in `run`.
    `keep_state` returns where the series stand after the loop over the inputs; from there `start` goes on, with the
    rounds that follow: what stands before the loop is not done again, and the loop's counter counts on. Sampled series
    need a `seed` of their own each time. Raises ProgramError for problems of the program; InputError for inputs that do
    not fit it, for a `start` of another program or other options, and where a state is kept of a program that has not
    one loop over its inputs in the body; RunError for a program that measures a key twice in one round, or that holds
    probes other than occupations and correlations.

    >>> means = run_series("two_port_memristor", {"n_in": [[0.0, 1.0], [1.0, 1.0]]}, parameters={"window": 1}).means
    >>> means["R"].round(9).tolist()
    [[0.5, 0.0], [0.5, 1.0]]
    """
    program = load(program)
    table = _table(program, inputs)
    noise_settings = noise_settings_of(program, noise, hardware)
    compiled = _compiled(program, table, parameters, noise_settings)
    found = emulator_of(emulator)
    kind = kind_of_state(state, noise_settings, compiled, shots, emulator=found)
    check_noise(noise_settings, found, compiled, exact=shots is None)
    check_capabilities(found, compiled, exact=shots is None, state=kind)
    if isinstance(found, Holding | RoundByRound | Replaying):
        raise InputError(f"emulator: {found.name} takes one series at a time; use rydberg_qmem.run for each")
    together = batch if shots is None else max(1, min(batch, _ROWS // shots))
    job = _SeriesJob(program, dict(parameters or {}), emulator, shots, seed, kind, noise_settings, keep_state)
    count, rounds = next(iter(table.values())).shape
    parts = [{name: values[rows] for name, values in table.items()} for rows in _chunks(count, together)]
    machine = (found.name, shots, kind, noise_settings)
    identity = (program.fingerprint(), sorted(job.parameters.items()), *machine, count, together)
    begin = _standings(start, identity, len(parts))
    if start is not None or keep_state:
        _loop_over_inputs(compiled)
    tasks: list[_Task] = [(job, number, part, begin[number]) for number, part in enumerate(parts)]
    if whole_workers(workers) == 1 or len(tasks) == 1:
        made = [_walked(job, compiled, found, number, part, where) for _, number, part, where in tasks]
    else:
        done = {task[1]: result for task, result in in_processes(_remote, tasks, workers, _name_of)}
        made = [done[number] for number in range(len(tasks))]
    ends = tuple(end for _, end in made if end is not None)
    behind = start.rounds if start is not None else 0
    return _joined([one for one, _ in made], SeriesState(identity, behind + rounds, ends) if keep_state else None)


def _joined(batches: Sequence[SeriesMeans], state: SeriesState | None) -> SeriesMeans:
    """Return the means of all batches, one after the other, and where all series stand."""
    first = batches[0]
    means = {name: np.concatenate([one.means[name] for one in batches]) for name in first.means}
    pairs = {name: np.concatenate([one.pairs[name] for one in batches]) for name in first.pairs}
    return replace(first, means=means, pairs=pairs, pruned=max(one.pruned for one in batches), state=state)


def _standings(
    start: SeriesState | None, job: tuple[object, ...], batches: int
) -> tuple[tuple[BatchState, int] | None, ...]:
    """Return where each batch begins, and how many rounds it has behind it; refuse a state of something else."""
    if start is None:
        return (None,) * batches
    if not isinstance(start, SeriesState):
        raise InputError(f"start: must be the state that a run of series kept ({short(start)})")
    names = ("program", "parameters", "emulator", "shots", "state", "noise or hardware", "series", "batch")
    other = [name for name, old, new in zip(names, start.job, job, strict=True) if old != new]
    if other:
        raise InputError(f"start: series can go on with what they began with only, but differ in {', '.join(other)}")
    return tuple((one, start.rounds) for one in start.batches)


def _goes_over_inputs(step: Step) -> bool:
    return isinstance(step, RepeatStep) and bool(step.signals) and step.tells_memory and step.tells_time


def _loop_over_inputs(compiled: Compiled) -> int:
    """Return which step of the body is the loop over the inputs, the only one, or raise InputError."""
    found = [i for i, step in enumerate(compiled.steps) if _goes_over_inputs(step)]
    every = [step for step in all_steps(compiled.steps) if _goes_over_inputs(step)]
    if len(found) != 1 or len(every) != 1:
        raise InputError(
            f"program {compiled.program.name!r} must have one repeat over its inputs, in its body, to go on from where "
            f"its series stand, but has {len(found)} there and {len(every)} in all"
        )
    return found[0]


@dataclass(frozen=True, eq=False)
class _SeriesJob:
    """What all batches of series share."""

    program: Program
    parameters: dict[str, float]
    emulator: str | Emulator
    shots: int | None
    seed: int
    state: str
    noise_settings: NoiseSettings
    keep_state: bool = False


_Task = tuple[_SeriesJob, int, dict[str, Floats], tuple[BatchState, int] | None]
_Walked = tuple[SeriesMeans, BatchState | None]


def whole_workers(workers: object) -> int:
    """Return a number of processes, or raise InputError.

    >>> whole_workers(2)
    2
    """
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer) or workers < 1:
        raise InputError(f"workers: must be a whole number of at least 1 ({workers})")
    return int(workers)


def _name_of(task: _Task) -> str:
    return f"batch {task[1]} of the series"


def _remote(task: _Task) -> _Walked:
    job, number, part, begin = task
    compiled = _compiled(job.program, part, job.parameters, job.noise_settings, checked=True)
    return _walked(job, compiled, emulator_of(job.emulator), number, part, begin)


def _table(program: Program, inputs: Mapping[str, ArrayLike]) -> dict[str, Floats]:
    table = {name: np.asarray(values, dtype=float) for name, values in inputs.items()}
    if set(table) != set(program.inputs):
        raise InputError(f"inputs must be given for {sorted(program.inputs)}, but are for {sorted(table)}")
    shapes = {values.shape for values in table.values()}
    if len(shapes) != 1 or len(next(iter(shapes), ())) != 2 or not all(next(iter(shapes))):
        raise InputError(f"inputs must all be of one shape (series, round), but are of {sorted(shapes)}")
    if not all(np.isfinite(values).all() for values in table.values()):
        raise InputError("inputs must be finite")
    return table


def _compiled(
    program: Program,
    table: dict[str, Floats],
    parameters: Mapping[str, float] | None,
    noise_settings: NoiseSettings,
    *,
    checked: bool = False,
) -> Compiled:
    """Check the program with the smallest, the largest and the first inputs, and compile it once."""
    from rydberg_qmem.verification import check

    first = {name: v[0] for name, v in table.items()}
    low, high = ({name: f(v, axis=0) for name, v in table.items()} for f in (np.min, np.max))
    several = any(len(v) > 1 for v in table.values())
    for given in () if checked else (first, low, high) if several else (first,):
        problems = check(program, parameters=parameters, inputs=given, hardware=noise_settings.hardware)
        if problems:
            raise ProgramError(problems)
    one = {name: values[0] for name, values in table.items()}
    leakage = noise_settings.noise is not None and noise_settings.noise.with_leakage
    compiled = compile_program(program, parameters=parameters, inputs=one, rounds=None, leakage=leakage)
    if compiled.remeasured:
        raise RunError(f"many series: {sorted(compiled.remeasured)} is measured more than once in a round")
    kept = {SERIES, *table}
    live = {step: names | kept for step, names in compiled.live_after.items()}
    return replace(compiled, live_after=live)


def _chunks(total: int, size: int) -> Iterator[slice]:
    yield from (slice(first, min(total, first + size)) for first in range(0, total, size))


def _walked(
    job: _SeriesJob, compiled: Compiled, emulator: Emulator, number: int, table: dict[str, Floats],
    begin: tuple[BatchState, int] | None,
) -> _Walked:  # fmt: skip
    from threadpoolctl import threadpool_limits

    count, each = len(next(iter(table.values()))), job.shots or 1
    cohorts = tuple(range(-(-count * each // COHORT)))
    draws = None if job.shots is None else Draws(job.seed, number, cohorts, COHORT)
    going_on = compiled if begin is None else _steps_from(compiled, _loop_over_inputs(compiled))
    recorder, cursor, standing = SeriesRecorder(going_on, count), Cursor(), None if begin is None else begin[0]
    inputs = SeriesInputs(table, 0 if begin is None else begin[1])
    run = interpreter.prepare(
        going_on, emulator, recorder, draws, REPRESENTATIONS[job.state], job.noise_settings,
        shots=count * each, drawn=None if standing is None else standing.settings, series=inputs,
    )  # fmt: skip
    with threadpool_limits(1, user_api="blas"):
        population = _begun(run, cursor, standing, count * each, each)
        if job.keep_state:
            past = _loop_over_inputs(going_on) + 1
            population = interpret(going_on.steps[:past], population, interpreter.steps(run, cursor))
            drawn = _drawn(run)
            end = BatchState(population, drawn, cursor.clock_ns)
            rest = going_on.steps[past:]
        else:
            walk_on(run, cursor, population)
            return recorder.finished(cursor.dropped), None
        population = interpret(rest, population, interpreter.steps(run, cursor))
        interpreter.finish(run, cursor, population)
    return recorder.finished(cursor.dropped), end


def _steps_from(compiled: Compiled, first: int) -> Compiled:
    """Return a program without the steps of its body before the `first`, the others numbered from 0 on."""
    steps = compiled.steps[first:]
    gone = steps[0].number if steps else 0
    live = {number - gone: names for number, names in compiled.live_after.items() if number >= gone}
    return replace(compiled, steps=numbered(steps), live_after=live)


def _drawn(run: RunContext) -> dict[str, Floats]:
    """Return what each shot has drawn of noise that differs from shot to shot."""
    return run.acting_noise.settings if run.acting_noise is not None else {}


def _begun(run: RunContext, cursor: Cursor, standing: BatchState | None, rows: int, each: int) -> Population:
    """Return the rows that series begin with, or go on with, each of which knows its series."""
    if standing is not None:
        cursor.clock_ns = standing.clock_ns
        return standing.population
    started = interpreter.start(run, cursor, rows)  # a branch that begins split keeps the number of its shot
    return started.with_values(**{SERIES: cast(Floats, started.shots // each)})


def measured_keys(compiled: Compiled) -> tuple[str, ...]:
    """Return the keys that a compiled program measures, in order."""
    return tuple(dict.fromkeys(step.key for step in all_steps(compiled.steps) if isinstance(step, MeasureStep)))
