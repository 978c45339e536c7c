"""Run one program on many input series in one walk: rows of one population, each with its own inputs.

A single run checks, compiles and plans for one set of inputs. Here the inputs are values of the rows, as memory is:
all series share the compiled program, the emulator's plans, and every evolution that two of them have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Compiled, MeasureStep, ProbeStep, RepeatStep, Variable, all_steps, steps_from
from rydberg_qmem.compile.target import ONE
from rydberg_qmem.emulators.protocol import Emulator, Holding, Replaying, RoundByRound, check_capabilities
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.errors import InputError, ProgramError, RunError, short
from rydberg_qmem.execute.draws import COHORT, Draws
from rydberg_qmem.execute.environment import Surroundings, check_surroundings, kind_of_state
from rydberg_qmem.execute.kinds import KINDS
from rydberg_qmem.execute.population import Population, product
from rydberg_qmem.execute.processes import in_processes
from rydberg_qmem.execute.run import surroundings
from rydberg_qmem.execute.sharing import Index
from rydberg_qmem.execute.trace import Trace
from rydberg_qmem.execute.walk import Walk
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.library import load
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.program import Program

Floats = NDArray[np.float64]

_SERIES = "series of the row"  # no identifier, so that no name of a program can clash with it
_ROWS = 200_000
"""Sampled rows that are walked together."""


@dataclass(frozen=True)
class SeriesMeans:
    """Means over the shots of each series: `means` by variable of the record, (series, rounds..., atom).

    `pairs` holds, for each key of more than one atom, the mean products of its outcomes in one round, pairs in the
    order of `numpy.triu_indices(atoms, 1)`. `labels` names the atoms of each key. `pruned` is the largest probability
    that an exact walk dropped. `variables` say of each mean what it is of, and `signalled` names the loops over the
    inputs. `state` is where the series stand after their last round, where `run_series` was asked to keep it.
    """

    means: dict[str, Floats]
    pairs: dict[str, Floats]
    labels: dict[str, tuple[str, ...]]
    pruned: float
    variables: dict[str, Variable] = field(default_factory=dict)
    signalled: tuple[str, ...] = ()
    state: SeriesState | None = None


@dataclass(frozen=True, eq=False)
class SeriesState:
    """Where series stand after `rounds` rounds: memory, atoms, and what each shot keeps; `run_series` goes on from it.

    Shots keep what they drew of noise that differs from shot to shot, and the laboratory's clock goes on.
    """

    job: tuple[object, ...]
    rounds: int
    batches: tuple[_Standing, ...]


@dataclass(frozen=True, eq=False)
class _Standing:
    """The rows of one batch at the end of its last round."""

    population: Population
    settings: dict[str, Floats]
    clock_ns: float


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
    around = surroundings(program, noise, hardware)
    compiled = _compiled(program, table, parameters, around)
    found = emulator_of(emulator)
    kind = kind_of_state(state, around, compiled, shots, emulator=found)
    check_surroundings(around, found, compiled, exact=shots is None)
    check_capabilities(found, compiled, exact=shots is None, state=kind)
    if isinstance(found, Holding | RoundByRound | Replaying):
        raise InputError(f"emulator: {found.name} takes one series at a time; use rydberg_qmem.run for each")
    together = batch if shots is None else max(1, min(batch, _ROWS // shots))
    job = _SeriesJob(program, dict(parameters or {}), emulator, shots, seed, kind, around, keep_state)
    count, rounds = next(iter(table.values())).shape
    parts = [{name: values[rows] for name, values in table.items()} for rows in _chunks(count, together)]
    identity = (program.fingerprint(), sorted(job.parameters.items()), found.name, shots, kind, around, count, together)
    begin = _standings(start, identity, len(parts))
    if start is not None or keep_state:
        _loop_over_inputs(compiled)
    tasks: list[_Task] = [(job, number, part, begin[number]) for number, part in enumerate(parts)]
    if whole_workers(workers) == 1 or len(tasks) == 1:
        made = [_walked(job, compiled, found, number, part, where) for _, number, part, where in tasks]
    else:
        done = {task[1]: result for task, result in in_processes(_remote, tasks, workers, _name_of)}
        made = [done[number] for number in range(len(tasks))]
    means = {name: np.concatenate([one.means[name] for one, _ in made]) for name in made[0][0].means}
    pairs = {name: np.concatenate([one.pairs[name] for one, _ in made]) for name in made[0][0].pairs}
    ends = tuple(end for _, end in made if end is not None)
    behind = start.rounds if start is not None else 0
    stand = SeriesState(identity, behind + rounds, ends) if keep_state else None
    pruned = max(one.pruned for one, _ in made)
    return replace(made[0][0], means=means, pairs=pairs, pruned=pruned, state=stand)


def _standings(
    start: SeriesState | None, job: tuple[object, ...], batches: int
) -> tuple[tuple[_Standing, int] | None, ...]:
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


def _loop_over_inputs(compiled: Compiled) -> int:
    """Return which step of the body is the loop over the inputs, the only one, or raise InputError."""
    found = [i for i, step in enumerate(compiled.steps) if isinstance(step, RepeatStep) and step.signals]
    every = [step for step in all_steps(compiled.steps) if isinstance(step, RepeatStep) and step.signals]
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
    around: Surroundings
    keep_state: bool = False


_Task = tuple[_SeriesJob, int, dict[str, Floats], tuple[_Standing, int] | None]
_Walked = tuple[SeriesMeans, _Standing | None]


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
    compiled = _compiled(job.program, part, job.parameters, job.around, checked=True)
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
    around: Surroundings,
    *,
    checked: bool = False,
) -> Compiled:
    """Check the program with the smallest, the largest and the first inputs, and compile it once."""
    from rydberg_qmem.compile.check import check

    first = {name: v[0] for name, v in table.items()}
    low, high = ({name: f(v, axis=0) for name, v in table.items()} for f in (np.min, np.max))
    several = any(len(v) > 1 for v in table.values())
    for given in () if checked else (first, low, high) if several else (first,):
        problems = check(program, parameters=parameters, inputs=given, hardware=around.hardware)
        if problems:
            raise ProgramError(problems)
    one = {name: values[0] for name, values in table.items()}
    leakage = around.noise is not None and around.noise.with_leakage
    compiled = compile_program(program, parameters=parameters, inputs=one, rounds=None, leakage=leakage)
    if compiled.remeasured:
        raise RunError(f"many series: {sorted(compiled.remeasured)} is measured more than once in a round")
    kept = {_SERIES, *table}
    live = {step: names | kept for step, names in compiled.live_after.items()}
    return replace(compiled, live_after=live)


def _chunks(total: int, size: int) -> Iterator[slice]:
    yield from (slice(first, min(total, first + size)) for first in range(0, total, size))


def _walked(
    job: _SeriesJob, compiled: Compiled, emulator: Emulator, number: int, table: dict[str, Floats],
    begin: tuple[_Standing, int] | None,
) -> _Walked:  # fmt: skip
    from threadpoolctl import threadpool_limits

    count, each = len(next(iter(table.values()))), job.shots or 1
    cohorts = tuple(range(-(-count * each // COHORT)))
    draws = None if job.shots is None else Draws(job.seed, number, cohorts, COHORT)
    going_on = compiled if begin is None else steps_from(compiled, _loop_over_inputs(compiled))
    trace, kind = Trace(compiled, None), KINDS[job.state]
    walk = _SeriesWalk(going_on, emulator, trace, draws, kind, job.around, table=table, each=each, begin=begin)
    with threadpool_limits(1, user_api="blas"):
        walk.run(count * each)
    return walk.finished(), walk.end if job.keep_state else None


@dataclass
class _SeriesWalk(Walk):
    """A walk whose rows belong to series, see their own inputs and are averaged by series."""

    table: dict[str, Floats] = field(default_factory=dict)
    each: int = 1
    begin: tuple[_Standing, int] | None = None
    end: _Standing | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.count = len(next(iter(self.table.values())))
        self._sums: dict[tuple[str, str], tuple[Floats, Floats]] = {}

    def finished(self) -> SeriesMeans:
        """Return the means; NaN where no row came by."""
        with np.errstate(invalid="ignore", divide="ignore"):
            every = {place: total / weight for place, (total, weight) in self._sums.items()}
        means = {self._named(*place): mean for place, mean in every.items() if place[0] != "pairs"}
        pairs = {source: mean for (origin, source), mean in every.items() if origin == "pairs"}
        variables = {variable.name: variable for variable in self.compiled.variables}
        loops = (step for step in all_steps(self.compiled.steps) if isinstance(step, RepeatStep))
        signalled = tuple(loop.name for loop in loops if loop.signals)
        return SeriesMeans(means, pairs, dict(self.compiled.keys), self.pruned, variables, signalled)

    def _named(self, origin: str, source: str) -> str:
        return next(v.name for v in self.compiled.variables if (v.origin, v.source) == (origin, source))

    def _start(self, shots: int | None) -> Population:
        if self.begin is not None:
            standing, _ = self.begin
            self.clock_ns = standing.clock_ns
            if self.environment is not None:
                self.environment.settings = standing.settings
            return standing.population
        started = super()._start(shots or 1)  # a branch that begins split keeps the number of its shot
        return started.with_values(**{_SERIES: cast(Floats, started.shots // self.each)})

    def _signalled(self, step: RepeatStep, k: int, population: Population) -> Population:
        if not step.signals:
            return population
        behind = self.begin[1] if self.begin is not None else 0
        self.scope[step.counter] = float(behind + k)
        which = population.values[_SERIES]
        return population.with_values(**{signal: self.table[signal][which, k] for signal in step.signals})

    def _repeat(self, step: RepeatStep, population: Population) -> Population:
        population = super()._repeat(step, population)
        if step.signals:
            settings = self.environment.settings if self.environment is not None else {}
            self.end = _Standing(population, settings, self.clock_ns)
        return population

    def _cohort_of(self, population: Population) -> Index | None:
        return np.asarray(population.values[_SERIES]) if _SERIES in population.values else None

    def _measure(self, step: MeasureStep, population: Population) -> Population:
        population = super()._measure(step, population)
        if len(step.atoms) > 1:
            values = population.values[step.key]
            one, two = np.triu_indices(len(step.atoms), 1)
            loops = self._loops("key", step.key)
            both = np.where(np.minimum(values[:, one], values[:, two]) < 0, -1.0, values[:, one] * values[:, two])
            self._add(("pairs", step.key), loops, population, both)
        return population

    def _write(self, origin: str, source: str, population: Population, values: Floats) -> None:
        known = [v for v in self.compiled.variables if (v.origin, v.source) == (origin, source)]
        if known:
            if known[0].extra_shape == () and values.ndim == 2:
                values = values[:, 0]
            self._add((origin, source), known[0].loops, population, values)

    def _loops(self, origin: str, source: str) -> tuple[str, ...]:
        return next(v.loops for v in self.compiled.variables if (v.origin, v.source) == (origin, source))

    def _add(
        self, place: tuple[str, str], loops: tuple[str, ...], population: Population, values: NDArray[Any]
    ) -> None:
        lengths = tuple(self.compiled.rounds[loop] for loop in loops)
        if place not in self._sums:
            shape = (self.count, *lengths, *values.shape[1:])
            self._sums[place] = np.zeros(shape), np.zeros(shape)
        there = (values >= 0) | (place[0] not in ("key", "pairs"))  # means are over outcomes of atoms that were there
        which = population.values[_SERIES]
        where: tuple[Any, ...] = (slice(None), *(self.at[loop] for loop in loops))
        for sums, columns in zip(self._sums[place], (np.where(there, values, 0.0), there), strict=True):
            flat = columns.reshape(len(columns), -1).T
            added = [np.bincount(which, population.weights * column, minlength=self.count) for column in flat]
            sums[where] += np.stack(added, axis=1).reshape(self.count, *values.shape[1:])

    def _probe(self, step: ProbeStep, population: Population) -> Population:
        part = product(population.holding(step.atoms), len(self.layout.levels))
        layout, one = self._layout(len(part.atoms)), ONE[step.basis]
        bits = np.stack([layout.is_level(part.atoms.index(atom), one) for atom in step.atoms], axis=1).astype(float)
        chances = part.populations
        for quantity in step.probe.quantities:
            origin = f"probe:{quantity}"
            loops = self._loops(origin, step.probe.key)
            if quantity == "occupation":
                self._add((origin, step.probe.key), loops, population, (chances @ bits)[part.state_of])
            elif quantity == "correlations":
                both = (bits[:, :, None] * bits[:, None, :]).reshape(len(bits), -1)
                shape = (-1, bits.shape[1], bits.shape[1])
                self._add((origin, step.probe.key), loops, population, (chances @ both).reshape(shape)[part.state_of])
            else:
                raise RunError(f"{step.place}: many series are probed for occupation and correlations, not {quantity}")
        return population


def measured_keys(compiled: Compiled) -> tuple[str, ...]:
    """Return the keys that a compiled program measures, in order."""
    return tuple(dict.fromkeys(step.key for step in all_steps(compiled.steps) if isinstance(step, MeasureStep)))
