"""How laboratory time passes for the rows of a walk while nothing is played to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

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

    def _idle_part(self, population: Population, part: Part, duration_ns: float, step: Step) -> Part:
        around = self.environment
        if around is None or around.open is None:
            target = self.compiled.target.subset(part.atoms)
            return replace(part, states=self._waited(target, part.states, duration_ns))
        time_us = duration_ns / NS_PER_US
        if around.settings and around.open.fluctuating is not None:  # each shot has its own distances
            part = replace(part, states=part.states[part.state_of], state_of=np.arange(len(population)))
            scope = dict(around.scope_of(population.shots, self.clock_ns))
        else:
            scope = {}
        later = around.open.wait(scope, part.states, part.atoms, time_us, matrices=self.kind.traces)
        if not self._decays:
            return replace(part, states=later)
        return self._settled(None, scope, part, later, population, self._sites[id(step)], time_us)

    def _waited(self, target: Target, states: State, duration_ns: float) -> State:
        if not self.kind.traces:
            return self.emulator.wait(target, states, duration_ns)
        return on_both_sides(states, lambda rows, which: self.emulator.wait(target, rows, duration_ns))

    def _fixed_ns(self, steps: tuple[Step, ...]) -> float | None:
        """Return how long steps take where memory does not decide it; else None: shots take their own time."""
        nothing = Population((), np.ones(1), np.zeros(1, dtype=np.int64), {})
        for step in all_steps(steps):
            if isinstance(step, Segment):
                timing = frozenset().union(*(e.names for e in self.plan_of(step).timing))
                if not timing <= self.scope.keys():
                    return None
        return sum(self._time_of(step, nothing) for step in steps)

    def _time_of(self, step: Step, population: Population) -> float:
        """Return the time of a step that no row takes.

        Timing that hangs on what it would measure counts as none, and so does a row's that its condition keeps away.
        """
        match step:
            case Segment():
                plan = self.plan_of(step)
                timing = frozenset().union(*(e.names for e in plan.timing))
                scope = self._scope(population, timing)
                return _longest_ns(plan, scope, len(population)) if timing <= scope.keys() else 0.0
            case RepeatStep():
                return step.times * sum(self._time_of(inner, population) for inner in step.body)
            case WhenStep():
                then = sum(self._time_of(inner, population) for inner in step.then)
                return max(then, sum(self._time_of(inner, population) for inner in step.otherwise))
            case MeasureStep():
                return self.around.hardware.measuring_us * NS_PER_US
            case ResetStep():
                return self.around.hardware.reset_us * NS_PER_US
            case _:
                return 0.0


def _longest_ns(plan: Any, scope: dict[str, Any], rows: int) -> float:
    """Return how long a segment takes in the slowest of those rows that could play it."""
    try:
        return float(plan.durations(scope, rows).max())
    except QmemError:  # in some rows a duration that no channel has: a condition keeps them away
        halves = [part for part in np.array_split(np.arange(rows), 2) if 0 < len(part) < rows]
        return max((_longest_ns(plan, rows_of(scope, part), len(part)) for part in halves), default=0.0)
