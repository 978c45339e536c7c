"""States that are out of reach: on a machine that runs whole rounds as jobs, or nowhere: outcomes are replayed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import MeasureStep, ProbeStep, ResetStep, Segment, Step, expressions_of
from rydberg_qmem.emulators.journal import Ticket
from rydberg_qmem.emulators.protocol import Replaying, RoundByRound
from rydberg_qmem.engine.context import Cursor, RunContext, place_of
from rydberg_qmem.engine.idle import spend
from rydberg_qmem.engine.measurement import replay
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.row_values import refuse_infinite, scope_of
from rydberg_qmem.errors import RunError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.pulses import column

Array = NDArray[np.float64]


def _rows(rows: int) -> Population:
    return Population((), np.ones(rows), np.arange(rows), {})


def _nothing_to_see(step: ProbeStep) -> NoReturn:
    raise RunError(f"{step.place}: there are no states here that a probe could look at")


@dataclass(frozen=True)
class JobStates:
    """States of a machine that prepares all atoms, plays and reads at the end: rows have outcomes alone."""

    machine: RoundByRound

    def start(self, run: RunContext, rows: int) -> Population:
        """Let the machine prepare all atoms."""
        self.machine.begin(run.compiled.target)
        return _rows(rows)

    def evolve(
        self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment, duration_ns: int
    ) -> Population:
        """Add the segment to the machine's round, once: where its blocks begin."""
        if step.begins:
            self.machine.play(step, _shared_values(run, cursor, step, population))
        return population

    def turn(self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment) -> Population:
        """Return the rows as they are: the machine keeps its phase references."""
        return population

    def wait(
        self, run: RunContext, cursor: Cursor, population: Population, duration_ns: float, step: Step
    ) -> Population:
        """Let the machine wait, whole nanoseconds."""
        self.machine.rest(int(duration_ns), step.place)
        return population

    def measure(self, run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        """Return the rows with what the machine reads: one job."""
        read = self.machine.read(step.atoms, step.basis, ticket=_ticket(run, cursor, step), shots=len(population))
        return population.with_values(**{step.key: read.astype(float)})

    def reset(self, run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
        """Take atoms out of the machine's round, before the time that a reset takes."""
        self.machine.reset(step.atoms)
        return spend(run, cursor, population, run.noise.hardware.reset_us, step)

    def share(self, population: Population) -> Population:
        """Return the rows as they are."""
        return population

    def probe_totals(self, step: ProbeStep, population: Population, quantities: Iterable[str]) -> Mapping[str, Any]:
        """Raise RunError."""
        _nothing_to_see(step)

    def of_all_rows(self, quantity: str, step: ProbeStep, population: Population) -> float:
        """Raise RunError."""
        _nothing_to_see(step)

    def reports(self, population: Population) -> Mapping[str, Array]:
        """Return nothing."""
        return {}


@dataclass(frozen=True)
class ReplayedStates:
    """No states: the outcomes of rows are known."""

    record: Replaying

    def start(self, run: RunContext, rows: int) -> Population:
        """Return rows without states."""
        return _rows(rows)

    def evolve(
        self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment, duration_ns: int
    ) -> Population:
        """Return the rows as they are."""
        return population

    def turn(self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment) -> Population:
        """Return the rows as they are."""
        return population

    def wait(
        self, run: RunContext, cursor: Cursor, population: Population, duration_ns: float, step: Step
    ) -> Population:
        """Return the rows as they are."""
        return population

    def measure(self, run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        """Return the rows with their recorded outcomes."""
        return replay(cursor, step, population, self.record)

    def reset(self, run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
        """Return the rows after the time that a reset takes."""
        return spend(run, cursor, population, run.noise.hardware.reset_us, step)

    def share(self, population: Population) -> Population:
        """Return the rows as they are."""
        return population

    def probe_totals(self, step: ProbeStep, population: Population, quantities: Iterable[str]) -> Mapping[str, Any]:
        """Raise RunError."""
        _nothing_to_see(step)

    def of_all_rows(self, quantity: str, step: ProbeStep, population: Population) -> float:
        """Raise RunError."""
        _nothing_to_see(step)

    def reports(self, population: Population) -> Mapping[str, Array]:
        """Return nothing."""
        return {}


def _ticket(run: RunContext, cursor: Cursor, step: MeasureStep) -> Ticket:
    assert run.draws is not None  # what runs jobs has shots
    place = place_of(run, cursor, step.number)
    draws, rounds = run.draws, tuple(cursor.rounds.items())
    return Ticket(draws.point, draws.cohorts[0], place.step, place.visit, step.place, rounds, draws.seed)


def _shared_values(run: RunContext, cursor: Cursor, step: Segment, population: Population) -> dict[Expression, float]:
    """Return the values of a segment's expressions, the same in all shots."""
    values = {}
    for expression in expressions_of(step):
        found = column(expression, scope_of(run, cursor, population, expression.names))
        refuse_infinite(cursor, found, expression, step.place)
        if (found != found[0]).any():
            raise RunError(f"{step.place}: {expression} differs from shot to shot within one job")
        values[expression] = float(found[0])
    return values
