"""Walk a compiled program with a population of rows: the meaning of every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.shapes import column
from rydberg_qmem.compile.steps import (
    Compiled,
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    expressions_of,
)
from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.emulators.protocol import Emulator, Replaying
from rydberg_qmem.errors import RunError
from rydberg_qmem.execute.draws import MEASURING, Draws, RowSource
from rydberg_qmem.execute.population import (
    Population,
    Split,
    choose,
    join,
    merge_branches,
    merge_states,
    project,
    projector,
    refresher,
)
from rydberg_qmem.execute.probes import probe_totals
from rydberg_qmem.execute.sharing import distinct
from rydberg_qmem.execute.trace import Trace
from rydberg_qmem.language.expressions import Columns, Expression
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
PRUNE_BELOW = 1e-14
"""Probability below which exact runs drop a branch; the record states the sum."""
MAX_BRANCHES = 2_000_000


@dataclass
class Walk:
    """One walk: the cohorts of one point (sampled, with draws) or all branches (exact, without)."""

    compiled: Compiled
    emulator: Emulator
    trace: Trace
    draws: Draws | None
    prune_below: float = PRUNE_BELOW
    on_round: Callable[[int], None] | None = None
    at: dict[str, int] = field(default_factory=dict)
    scope: dict[str, float] = field(default_factory=dict)
    clock_ns: float = 0.0
    pruned: float = 0.0

    def __post_init__(self) -> None:
        self.layout = Layout.of(self.compiled.target)
        self._plans: dict[int, Any] = {}
        self._splits: dict[tuple[object, ...], Split] = {}

    def run(self, shots: int | None) -> Population:
        """Walk the whole program and write the trace."""
        population = self._steps(self.compiled.steps, self._start(shots))
        for name in self.compiled.scalars:
            self._write("final", name, population, population.values[name])
        return population

    def _start(self, shots: int | None) -> Population:
        rows = shots if shots is not None else 1
        states = (self.layout.initial if self.emulator.capabilities.states else np.ones(1, dtype=complex))[None]
        population = Population(states, np.zeros(rows, dtype=np.int64), np.ones(rows), np.arange(rows), {})
        for name, initial in self.compiled.scalars.items():
            declared = name in self.compiled.program.memory
            unknown = np.full(rows, np.nan)  # a name that its first set introduces
            value = self._evaluate(initial, population, f"memory.{name}.initial") if declared else unknown
            population = population.with_values(**{name: value})
        for name, (size, initial) in self.compiled.windows.items():
            value = self._evaluate(initial, population, f"memory.{name}.initial")
            population = population.with_values(**{name: np.repeat(value[:, None], size, axis=1)})
        return population

    # ------------------------------------------------------------------ steps

    def _steps(self, steps: tuple[Step, ...], population: Population) -> Population:
        for step in steps:
            if not len(population):
                return population
            population = self._step(step, population)
        return population

    def _step(self, step: Step, population: Population) -> Population:
        match step:
            case Segment():
                return self._segment(step, population)
            case MeasureStep():
                return self._measure(step, population)
            case ResetStep():
                return self._reset(step, population)
            case ProbeStep():
                return self._probe(step, population)
            case SetStep():
                return self._set(step, population)
            case PushStep():
                return self._push(step, population)
            case RepeatStep():
                return self._repeat(step, population)
            case WhenStep():
                return self._when(step, population)
            case _:
                assert_never(step)

    def _plan(self, segment: Segment) -> tuple[Any, tuple[Expression, ...]]:
        if segment.index not in self._plans:
            made = self.emulator.plan(segment, self.compiled.target)
            self._plans[segment.index] = (made, expressions_of(segment))
        return self._plans[segment.index]  # type: ignore[no-any-return]

    def _segment(self, step: Segment, population: Population) -> Population:
        plan, expressions = self._plan(step)
        names = frozenset().union(*(e.names for e in expressions))
        scope = self._scope(population, names)
        controls = [column(e, scope) for e in expressions]
        for expression, values in zip(expressions, controls, strict=True):
            self._finite(values, expression, step.place)
        varying = [values for values in controls if len(values) > 1]
        first, which = distinct([population.state_of, *varying])
        part = self._scope(population.take(first), names)
        try:
            states, durations = self.emulator.evolve(plan, part, population.states[population.state_of[first]])
        except RunError as error:
            raise RunError(f"{self._round()}{error}") from None
        longest = int(durations.max())
        for duration in np.unique(durations):
            if duration < longest:
                rows = durations == duration
                states[rows] = self.emulator.wait(self.compiled.target, states[rows], longest - int(duration))
        self.clock_ns += longest
        return replace(population, states=states, state_of=which)

    def _split(self, kind: str, atoms: tuple[int, ...], basis: str) -> Split:
        key = (kind, atoms, basis)
        if key not in self._splits:
            if kind == "measure":
                self._splits[key] = Split(self.layout.code(atoms, basis), 2 ** len(atoms))
            else:
                self._splits[key] = Split(self.layout.level_code(atoms), len(self.layout.levels) ** len(atoms))
        return self._splits[key]

    def _measure(self, step: MeasureStep, population: Population) -> Population:
        width = len(step.atoms)
        if isinstance(self.emulator, Replaying):
            bits = self.emulator.outcomes(step.key, dict(self.at), population.shots, width).astype(float)
        else:
            split = self._split("measure", step.atoms, step.basis)
            population, outcome, chances = self._chosen(population, split, step)
            population = project(population, outcome, chances, projector(split))
            bits = ((outcome[:, None] >> np.arange(width - 1, -1, -1)) & 1).astype(float)
        self._write("key", step.key, population, bits)
        return population.with_values(**{step.key: bits})

    def _reset(self, step: ResetStep, population: Population) -> Population:
        if self.emulator.capabilities.states:
            split = self._split("reset", step.atoms, "")
            population, outcome, chances = self._chosen(population, split, step)
            population = project(population, outcome, chances, refresher(self.layout, step.atoms, split))
        return self._merged(population, step)

    def _probe(self, step: ProbeStep, population: Population) -> Population:
        counts = np.bincount(population.state_of, population.weights, minlength=len(population.states))
        weights = counts.astype(float)
        for quantity, total in probe_totals(self.layout, step, population.states, weights).items():
            self.trace.write_mean(quantity, step.probe.key, total, float(weights.sum()), self.at)
        return population

    def _set(self, step: SetStep, population: Population) -> Population:
        made = {}
        for name, expression in step.values:
            made[name] = self._evaluate(expression, population, f"{step.place}.{name}")
        return population.with_values(**made)

    def _push(self, step: PushStep, population: Population) -> Population:
        made = {}
        for name, expression in step.values:
            value = self._evaluate(expression, population, f"{step.place}.{name}")
            made[name] = np.concatenate([value[:, None], population.values[name][:, :-1]], axis=1)
        return population.with_values(**made)

    def _repeat(self, step: RepeatStep, population: Population) -> Population:
        outer = dict(self.scope)
        for k in range(step.times):
            self.at[step.name] = k
            self.scope[step.counter] = float(k)
            for signal in step.signals:
                self.scope[signal] = float(self.compiled.inputs[signal][k])
            self.trace.write_time(step.name, self.clock_ns, self.at)
            for name in step.recorded:
                self._write("memory", name, population, population.values[name])
            population = self._merged(self._steps(step.body, population), step.body[-1] if step.body else step)
            if self.on_round is not None:
                self.on_round(1)
            if not len(population):
                break
        del self.at[step.name]
        self.scope = outer
        return population

    def _when(self, step: WhenStep, population: Population) -> Population:
        chance = step.condition.bernoulli() if self.draws is None else None
        if chance is not None:
            yes, no = self._chance(step, chance, population)
        else:
            holds = self._evaluate(step.condition, population, f"{step.place}.if") != 0
            yes, no = population.take(holds), population.take(~holds)
        begin = self.clock_ns
        yes = self._steps(step.then, yes)
        then_ns, self.clock_ns = self.clock_ns - begin, begin
        no = self._steps(step.otherwise, no)
        otherwise_ns = self.clock_ns - begin
        self.clock_ns = begin + max(then_ns, otherwise_ns)
        yes, no = self._idle(yes, otherwise_ns - then_ns), self._idle(no, then_ns - otherwise_ns)
        return self._merged(join(yes, no), step)

    def _chance(self, step: WhenStep, chance: Expression, population: Population) -> tuple[Population, Population]:
        p = self._evaluate(chance, population, f"{step.place}.if")
        p = np.clip(p, 0.0, 1.0)  # uniform() < p holds never for p <= 0 and always for p >= 1
        yes = replace(population, weights=population.weights * p)
        no = replace(population, weights=population.weights * (1 - p))
        return yes.take(yes.weights > 0), no.take(no.weights > 0)

    def _idle(self, population: Population, duration_ns: float) -> Population:
        if duration_ns <= 0 or not len(population) or not self.emulator.capabilities.states:
            return population
        states = self.emulator.wait(self.compiled.target, population.states, int(duration_ns))
        return replace(population, states=states)

    # ---------------------------------------------------------------- details

    def _uniform(self) -> Callable[[Any], Array] | None:
        draws = self.draws
        return None if draws is None else lambda shots: draws.uniform(shots, MEASURING)

    def _merged(self, population: Population, step: Step) -> Population:
        population = merge_states(population) if len(population) else population
        if self.draws is not None or isinstance(self.emulator, Replaying):
            return population
        return merge_branches(population, self.compiled.live_after[id(step)])

    def _chosen(self, population: Population, split: Split, step: Step) -> tuple[Population, Any, Array]:
        before = float(population.weights.sum())
        population, outcome, chances = choose(population, split, self._uniform(), self.prune_below)
        if self.draws is None:
            self.pruned += max(0.0, before - float(population.weights.sum()))
            if len(population) > MAX_BRANCHES:
                raise RunError(
                    f"{self._round()}{step.place}: {len(population)} branches in an exact run, more than "
                    f"{MAX_BRANCHES}; run with shots, or let less memory stay live"
                )
        return population, outcome, chances

    def _scope(self, population: Population, names: frozenset[str]) -> dict[str, Any]:
        scope: dict[str, Any] = {}
        for name in names:
            if name in self.scope:
                scope[name] = self.scope[name]
            elif name in population.values:
                value = population.values[name]
                scope[name] = Columns(self.compiled.keys[name], value) if name in self.compiled.keys else value
        return scope

    def _evaluate(self, expression: Expression, population: Population, place: str) -> Array:
        random = RowSource(self.draws, population.shots) if self.draws is not None else None
        if expression.is_random and random is None:
            raise RunError(f"{place}: {expression} draws random numbers, so the program needs shots")
        scope = self._scope(population, expression.names)
        try:
            value = expression.evaluate(scope, random=random, weights=population.weights)
        except RunError as error:
            raise RunError(f"{self._round()}{place}: {error}") from None
        values = np.broadcast_to(np.asarray(value, dtype=float), (len(population),))
        self._finite(values, expression, place)
        return np.array(values)

    def _finite(self, values: Array, expression: Expression, place: str) -> None:
        if not np.isfinite(values).all():
            bad = float(values[~np.isfinite(values)][0])
            raise RunError(f"{self._round()}{place}: {expression} is {bad}, not a finite number")

    def _round(self) -> str:
        where = ", ".join(f"{name} {k}" for name, k in self.at.items())
        return f"{where}: " if where else ""

    def _write(self, origin: str, source: str, population: Population, values: Array) -> None:
        self.trace.write(origin, source, values, population.weights, population.shots, self.at)


def elapsed_us(walk: Walk) -> float:
    """Return the laboratory time of a finished walk (µs)."""
    return walk.clock_ns / NS_PER_US
