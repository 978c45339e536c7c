"""How laboratory time passes for the rows of a walk while nothing is played to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from rydberg_qmem.compile.carried import CARRIED, ledger_of
from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.steps import MeasureStep, RepeatStep, ResetStep, Segment, Step, WhenStep, all_steps
from rydberg_qmem.compile.target import Target
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.errors import QmemError
from rydberg_qmem.execute.channels import without_absent
from rydberg_qmem.execute.evolving import Evolving
from rydberg_qmem.execute.kinds import on_both_sides
from rydberg_qmem.execute.population import Part, Population, product
from rydberg_qmem.units import NS_PER_US


class Waiting(Evolving):
    """A stage on which atoms wait."""

    def _pass(self, population: Population, time_us: float, step: Step) -> Population:
        """Let the time of a measurement or reset pass, for all atoms and the clock."""
        self.clock_ns += time_us * NS_PER_US
        return self._idle(population, time_us * NS_PER_US, step)

    def _idle(self, population: Population, duration_ns: float, step: Step) -> Population:
        """Let the atoms wait in the dark."""
        if self._jobs is not None and duration_ns > 0 and len(population):
            self._jobs.rest(int(duration_ns), step.place)
        if duration_ns > 0 and len(population):
            population = self._aged(population, duration_ns)
        if duration_ns <= 0 or not len(population) or not self.emulator.capabilities.states:
            return population
        if self.kept_frames is None:
            return self._dark(population, duration_ns, step)
        return self._turned(self._dark(self._turned(population, -1, step), duration_ns, step), 1, step)

    def _dark(self, population: Population, duration_ns: float, step: Step) -> Population:
        if population.held is not None:
            own_states: Any = list(population.held.states)  # of the emulator's own kind, not arrays
            waited = self.emulator.wait(self.compiled.target, own_states, round(duration_ns))
            return replace(population, held=replace(population.held, states=tuple(waited)))
        around = self.environment
        for group in self._groups(None, population, duration_ns, everyone=around is not None and around.decoheres):
            old = population.holding(group)
            self._refuse_large(step.place, sum(len(part.atoms) for part in old), max(len(part.states) for part in old))
            part = product(old, len(self.layout.levels))
            new = without_absent(
                population, part, self.layout, lambda rows, some: self._idle_part(rows, some, duration_ns, step)
            )
            population = population.with_parts(old, [new])
        return population

    def _aged(self, population: Population, duration_ns: float) -> Population:
        """Return the rows with what the channels carry after a time in the dark."""
        ledger = ledger_of(self.compiled.target)
        if CARRIED in population.values:
            aged = ledger.aged(population.values[CARRIED], duration_ns)
            return population.with_values(**{CARRIED: aged})
        if CARRIED in self.scope:
            self.scope[CARRIED] = float(ledger.aged(np.array([self.scope[CARRIED]]), duration_ns)[0])
        return population

    def _idle_part(self, population: Population, part: Part, duration_ns: float, step: Step) -> Part:
        around = self.environment
        if around is None or not around.acts_in_the_dark:
            target = self.compiled.target.subset(part.atoms)
            return replace(part, states=self._waited(target, part.states, duration_ns))
        if around.settings:  # each shot has its own distances
            part = replace(part, states=part.states[part.state_of], state_of=np.arange(len(population)))
            scope = dict(around.scope_of(population.shots, self.clock_ns))
        else:
            scope = {}
        later = around.wait(scope, part.states, part.atoms, duration_ns, mixed=self.kind.traces)
        if not self._decays:
            return replace(part, states=later)
        return self._settled(None, scope, part, later, population, step.number, duration_ns)

    def _waited(self, target: Target, states: State, duration_ns: float) -> State:
        if not self.kind.traces:
            return self.emulator.wait(target, states, duration_ns)
        return on_both_sides(states, lambda rows, which: self.emulator.wait(target, rows, duration_ns))

    def _fixed_ns(self, steps: tuple[Step, ...], population: Population) -> float | None:
        """Return how long steps take where rows do not decide it; else None: shots take their own time."""
        for step in all_steps(steps):
            if isinstance(step, Segment):
                timing = frozenset().union(*(e.names for e in self.plan_of(step).timing))
                if not timing <= self.scope.keys():
                    return None
        times = {self._time_of(steps, rows) for rows in self._by_carried(population)}
        return times.pop() if len(times) == 1 else None

    def _by_carried(self, population: Population) -> Iterator[Population]:
        """Yield a row without memory for each thing that the channels carry: all that fixed timing depends on."""
        for number in np.unique(population.values.get(CARRIED, np.zeros(1))):
            carried = {CARRIED: np.array([float(number)])} if CARRIED in population.values else {}
            yield Population((), np.ones(1), np.zeros(1, dtype=np.int64), carried)

    def _time_of(self, steps: Iterable[Step], population: Population) -> float:
        """Return the time of steps that no row takes.

        Timing that hangs on what they would measure counts as none, and so does a row's that its condition keeps away.
        """
        before = dict(self.scope)
        total, _ = self._passing(steps, self._with_carried(population))
        self.scope = before
        return total

    def _passing(self, steps: Iterable[Step], population: Population) -> tuple[float, Population]:
        """Return the time of steps, and the rows with what the channels carry after them."""
        total = 0.0
        for step in steps:
            took, population = self._taking(step, population)
            total += took
        return total, population

    def _taking(self, step: Step, population: Population) -> tuple[float, Population]:
        match step:
            case Segment():
                plan = self.plan_of(step)
                timing = frozenset().union(*(e.names for e in plan.timing))
                scope = self._scope(population, timing | {CARRIED})
                if not timing <= scope.keys():
                    return 0.0, population
                took = _longest_ns(plan, scope, len(population))
                if step.ends and CARRIED in scope:
                    with suppress(QmemError):
                        population = population.with_values(**{CARRIED: plan.leaves(scope, len(population))})
                return took, population
            case RepeatStep():
                total = 0.0
                for done in range(step.times):
                    before = population
                    took, population = self._passing(step.body, population)
                    total += took
                    if _carry_alike(before, population):  # all the rounds to come take as long
                        return total + (step.times - done - 1) * took, population
                return total, population
            case WhenStep():
                (then, one), (otherwise, other) = (self._passing(s, population) for s in (step.then, step.otherwise))
                return max(then, otherwise), one if then >= otherwise else other
            case MeasureStep():
                return self._waiting(self.around.hardware.measuring_us * NS_PER_US, population)
            case ResetStep():
                return self._waiting(self.around.hardware.reset_us * NS_PER_US, population)
            case _:
                return 0.0, population

    def _waiting(self, duration_ns: float, population: Population) -> tuple[float, Population]:
        return duration_ns, self._aged(population, duration_ns) if duration_ns else population


def _carry_alike(one: Population, other: Population) -> bool:
    return CARRIED not in one.values or np.array_equal(one.values[CARRIED], other.values[CARRIED])


def _longest_ns(plan: Any, scope: dict[str, Any], rows: int) -> float:
    """Return how long a segment takes in the slowest of those rows that could play it."""
    try:
        return float(plan.durations(scope, rows).max())
    except QmemError:  # in some rows a duration that no channel has: a condition keeps them away
        halves = [part for part in np.array_split(np.arange(rows), 2) if 0 < len(part) < rows]
        return max((_longest_ns(plan, rows_of(scope, part), len(part)) for part in halves), default=0.0)
