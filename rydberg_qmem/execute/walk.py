"""Walk a compiled program with a population of rows: the meaning of every step."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.carried import CARRIED, carries, ledger_of
from rydberg_qmem.compile.steps import (
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
)
from rydberg_qmem.execute import held as own
from rydberg_qmem.execute.apparatus import Apparatus
from rydberg_qmem.execute.environment import Environment
from rydberg_qmem.execute.frames import KeptFrames
from rydberg_qmem.execute.looking import Looking
from rydberg_qmem.execute.population import Population, fresh, join, product
from rydberg_qmem.execute.probes import of_all_rows, of_mean_state, probe_totals
from rydberg_qmem.language.expressions import Expression

Array = NDArray[np.float64]


class Walk(Looking):
    """One walk through a program: what its control flow and its memory do to the rows."""

    def run(self, shots: int | None) -> Population:
        """Walk the whole program and write the trace."""
        self.environment = Environment.of(self.around, self.compiled, self.emulator, self.draws, shots)
        self.kept_frames = KeptFrames.of(self.compiled, self.around, self.emulator)
        if self.environment is not None:
            self.apparatus = Apparatus(self.around, self.compiled.target.atoms, self.layout, self.kind)
        population = self._steps(self.compiled.steps, self._start(shots))
        for name in self.compiled.scalars:
            self._write("final", name, population, population.values[name])
        if population.held is not None:
            self._report(population, population.held)
        return population

    def _start(self, shots: int | None) -> Population:
        rows = shots if shots is not None else 1
        if self._jobs is not None:
            self._jobs.begin(self.compiled.target)
        atoms = range(self.layout.atoms) if self.emulator.capabilities.states and self._holder is None else ()
        parts = tuple(fresh(atom, self.layout, rows, self.kind) for atom in atoms)
        if parts and not self.emulator.capabilities.factorises:
            parts = (product(list(parts), len(self.layout.levels)),)
        begin = self._holder and own.Held((self._holder.start(self.compiled.target),), np.zeros(rows, dtype=np.int64))
        population = Population(parts, np.ones(rows), np.arange(rows), {}, begin)
        if self.apparatus is not None:
            population = self.apparatus.start(population, self._numbers(self._size))
            rows = len(population)
        for name in () if self.kept_frames is None else self.kept_frames.names.values():
            population = population.with_values(**{name: np.zeros(rows)})
        if carries(self.compiled.target):
            self.scope[CARRIED] = 0.0
        for name, initial in self.compiled.scalars.items():
            declared = name in self.compiled.program.memory
            unknown = np.full(rows, np.nan)  # a name that its first set introduces
            value = self._evaluate(initial, population, None, f"{name}.initial") if declared else unknown
            population = population.with_values(**{name: value})
        for name, (size, initial) in self.compiled.windows.items():
            value = self._evaluate(initial, population, None, f"{name}.initial")
            population = population.with_values(**{name: np.repeat(value[:, None], size, axis=1)})
        return population

    def _report(self, population: Population, held: own.Held) -> None:
        """Write what the emulator says of the final states."""
        said = [self._holder.report(state) for state in held.states]
        for name in self._holder.reports:
            values = np.array([one[name] for one in said])[held.state_of]
            self._write("final", name, population, values)

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

    def _probe(self, step: ProbeStep, population: Population) -> Population:
        key, weight = step.probe.key, float(population.weights.sum())
        values = {quantity for quantity in step.probe.quantities if self.trace.takes_value(quantity, key)}
        if population.held is not None:
            totals = own.probe_totals(population.held, self._holder, self.layout.levels, step, population.weights)
            for quantity in values:
                value = float(of_mean_state(quantity, totals.pop(quantity) / weight))
                self.trace.write_value(quantity, key, value, self.at)
        else:
            for quantity in values:
                value = of_all_rows(quantity, self.layout.levels, step, population)
                self.trace.write_value(quantity, key, value, self.at)
            means = [quantity for quantity in step.probe.quantities if quantity not in values]
            totals = probe_totals(self.layout.levels, step, population, means)
        for quantity, total in totals.items():
            self.trace.write_mean(quantity, key, total, weight, self.at)
        return population

    def _set(self, step: SetStep, population: Population) -> Population:
        made = {}
        for name, expression in step.values:
            made[name] = self._evaluate(expression, population, step, name)
        return population.with_values(**made)

    def _push(self, step: PushStep, population: Population) -> Population:
        made = {}
        for name, expression in step.values:
            if name not in self.compiled.live_after[step.number]:
                continue  # a window that nothing reads
            value = self._evaluate(expression, population, step, name)
            made[name] = _pushed(population.values[name], value)
        return population.with_values(**made)

    def _repeat(self, step: RepeatStep, population: Population) -> Population:
        outer = dict(self.scope)
        for k in range(step.times):
            self.at[step.name] = k
            self.scope[step.counter] = float(k)
            population = self._signalled(step, k, population)
            self.trace.write_time(step.name, self.clock_ns, self.at)
            gone = {key for key in self.compiled.remeasured if key in population.values}
            if gone:  # what the last round measured is not this round's
                values = {name: value for name, value in population.values.items() if name not in gone}
                population = replace(population, values=values)
            for name in step.recorded:
                self._write("memory", name, population, population.values[name])
            population = self._merged(self._steps(step.body, population), step.body[-1] if step.body else step)
            self._count_branches(population, step)
            if CARRIED in population.values and not self.beside:
                kept = ledger_of(self.compiled.target).kept(population.values[CARRIED])
                population = self._carrying(population, kept)
            if self.on_round is not None:
                self.on_round(1)
            if not len(population):
                break
        del self.at[step.name]
        carried = {CARRIED: self.scope[CARRIED]} if CARRIED in self.scope else {}
        self.scope = {name: value for name, value in outer.items() if name != CARRIED} | carried
        return population

    def _signalled(self, step: RepeatStep, k: int, population: Population) -> Population:
        """Let the rows see this round's inputs."""
        for signal in step.signals:
            self.scope[signal] = float(self.compiled.inputs[signal][k])
        return population

    def _when(self, step: WhenStep, population: Population) -> Population:
        chance = step.condition.bernoulli() if self.draws is None else None
        if chance is not None:
            yes, no = self._chance(step, chance, population)
        else:
            holds = self._evaluate(step.condition, population, step, "if") != 0
            yes, no = population.take(holds), population.take(~holds)
        begin = self.clock_ns
        fixed_then, fixed_otherwise = (self._fixed_ns(side, population) for side in (step.then, step.otherwise))
        self.beside += 1
        carried = dict(self.scope)
        yes = self._with_carried(self._side(step.then, yes, population))
        then_ns, self.clock_ns = self.clock_ns - begin, begin
        self.scope = carried
        no = self._with_carried(self._side(step.otherwise, no, population))
        self.beside -= 1
        otherwise_ns = self.clock_ns - begin
        self.clock_ns = begin + max(then_ns, otherwise_ns)
        if fixed_then is not None and fixed_otherwise is not None:
            yes = self._idle(yes, fixed_otherwise - fixed_then, step)
            no = self._idle(no, fixed_then - fixed_otherwise, step)
        both = join(yes, no, len(self.layout.levels))
        if CARRIED in both.values:
            both = self._carrying(both, both.values[CARRIED])
        return self._merged(both, step)

    def _side(self, steps: tuple[Step, ...], side: Population, before: Population) -> Population:
        """Walk one side; where nobody takes it, its time still passes: control cannot know in advance."""
        if len(side):
            return self._steps(steps, side)
        self.clock_ns += self._time_of(steps, before)
        return side

    def _chance(self, step: WhenStep, chance: Expression, population: Population) -> tuple[Population, Population]:
        p = self._evaluate(chance, population, step, "if")
        p = np.clip(p, 0.0, 1.0)  # uniform() < p holds never for p <= 0 and always for p >= 1
        yes = replace(population, weights=population.weights * p)
        no = replace(population, weights=population.weights * (1 - p))
        return yes.take(yes.weights > 0), no.take(no.weights > 0)


def _pushed(window: Array, value: Array) -> Array:
    """Return a window with a value in front and its last one gone; each column lies together in memory."""
    made = np.empty(window.shape[::-1]).T
    made[:, 0] = value
    made[:, 1:] = window[:, :-1]
    return made
