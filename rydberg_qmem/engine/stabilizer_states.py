"""Stabiliser states of the whole register, rows of them: gates, measurement, reset, probes, what a machine does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.steps import MeasureStep, ProbeStep, ResetStep, Segment, Step, expressions_in
from rydberg_qmem.emulators.clifford import NO_CLIFFORD, Clifford, clifford_of, matrices_of
from rydberg_qmem.emulators.unitaries import IdealGate
from rydberg_qmem.engine.context import Cursor, RunContext, machine_numbers, place_of
from rydberg_qmem.engine.deduplicate import Index, distinct
from rydberg_qmem.engine.error_channels import ABSENT
from rydberg_qmem.engine.idle import spend
from rydberg_qmem.engine.measurement import read_by_machine
from rydberg_qmem.engine.pauli_frames import PauliFrames
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.rng import MEASURING
from rydberg_qmem.engine.row_values import refuse_infinite, scope_of
from rydberg_qmem.errors import RunError
from rydberg_qmem.pulses import column

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StabilizerStates:
    """Tableaus that rows share, and the Pauli operator that each row differs by."""

    fixed: dict[int, tuple[IdealGate, Clifford]] = field(default_factory=dict, repr=False)
    """Gates without an angle that a run must know, by their identity, as they were found."""

    def start(self, run: RunContext, rows: int) -> Population:
        """Return rows that share one tableau with every atom in g."""
        begin = PauliFrames.ground(run.layout.atoms, rows)
        return Population((), np.ones(rows), np.arange(rows), {}, begin)

    def evolve(
        self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment, duration_ns: int
    ) -> Population:
        """Apply the gates in turn, each once for every distinct setting of its angles."""
        rows = frames_of(population).begun()
        absent = population.values.get(ABSENT)
        for gate in plan.gates:
            gates, which = self._settings(run, cursor, gate, population, step)
            there = None if absent is None else np.asarray(absent[:, gate.atoms].max(axis=1) == 0)
            rows.apply(gates, which, gate.atoms, None if there is None or there.all() else there)
        return replace(population, held=rows.ended())

    def _settings(
        self, run: RunContext, cursor: Cursor, gate: IdealGate, population: Population, step: Segment
    ) -> tuple[list[Clifford], Index | None]:
        """Return what a gate is at each setting of its angles, and which one rows have; fixed ones are found once."""
        if id(gate) in self.fixed:
            return [self.fixed[id(gate)][1]], None
        made, which = _settings(run, cursor, gate, population, step)
        if not expressions_in(gate.gate):
            self.fixed[id(gate)] = gate, made[0]
        return made, which

    def turn(self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment) -> Population:
        """Return the rows as they are: no pulse leaves a phase reference behind."""
        return population

    def wait(
        self, run: RunContext, cursor: Cursor, population: Population, duration_ns: float, step: Step
    ) -> Population:
        """Return the rows as they are: atoms in g and h neither act on each other nor decohere."""
        return population

    def measure(self, run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        """Measure atom by atom, and let the machine read the outcomes."""
        rows, uniform = frames_of(population).begun(), _numbers(run, cursor, step, population)
        bits = np.empty((len(population), len(step.atoms)))
        for k, atom in enumerate(step.atoms):
            bits[:, k] = rows.measure(atom, uniform[:, k])
        population = replace(population, held=rows.ended()).with_values(**{step.key: bits})
        return read_by_machine(run, cursor, step, population)

    def reset(self, run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
        """Put atoms into g, after the time that it takes."""
        population = spend(run, cursor, population, run.noise.hardware.reset_us, step)
        rows, uniform = frames_of(population).begun(), _numbers(run, cursor, step, population)
        for k, atom in enumerate(step.atoms):
            rows.reset(atom, uniform[:, k])
        population = replace(population, held=rows.ended())
        if run.apparatus is None:
            return population
        return run.apparatus.prepare(population, step.atoms, machine_numbers(run, cursor, step.number))

    def share(self, population: Population) -> Population:
        """Return the rows with tableaus that are equal but for signs kept once."""
        return replace(population, held=frames_of(population).shared())

    def probe_totals(self, step: ProbeStep, population: Population, quantities: Iterable[str]) -> Mapping[str, Any]:
        """Return, for each quantity, its sum over rows times their weights: Pauli means, exactly."""
        frames, weights, atoms = frames_of(population), population.weights, step.atoms
        made: dict[str, Any] = {}
        for quantity in quantities:
            match quantity:
                case "occupation":
                    made[quantity] = np.array([weights @ (0.5 - 0.5 * frames.means("Z", (a,))) for a in atoms])
                case "correlations":
                    made[quantity] = _correlations(frames, weights, atoms)
                case "pauli":
                    names = step.probe.pauli
                    made[quantity] = np.array([[weights @ frames.means(p, (a,)) for p in names] for a in atoms])
                case _:
                    _unseen(step, quantity)
        return made

    def of_all_rows(self, quantity: str, step: ProbeStep, population: Population) -> float:
        """Raise RunError."""
        _unseen(step, quantity)

    def reports(self, population: Population) -> Mapping[str, Array]:
        """Return nothing."""
        return {}


def frames_of(population: Population) -> PauliFrames:
    """Return the stabiliser states that a population's rows have."""
    assert isinstance(population.held, PauliFrames)
    return population.held


def _unseen(step: ProbeStep, quantity: str) -> NoReturn:
    raise RunError(f"{step.place}: {quantity} is not seen of stabiliser states")


def _numbers(run: RunContext, cursor: Cursor, step: MeasureStep | ResetStep, population: Population) -> Array:
    assert run.draws is not None  # exact runs are refused
    return run.draws.uniform(population.shots, MEASURING, place_of(run, cursor, step.number), len(step.atoms))


def _settings(
    run: RunContext, cursor: Cursor, ideal: IdealGate, population: Population, step: Segment
) -> tuple[list[Clifford], Index | None]:
    """Return what a gate is at each setting of its angles that occurs, and which one rows have, None if all agree."""
    expressions = expressions_in(ideal.gate)
    place = next(placed.place for placed in step.blocks if placed.block is ideal.gate)
    scope = scope_of(run, cursor, population, frozenset().union(*(e.names for e in expressions)))
    columns = [column(expression, scope) for expression in expressions]
    for expression, values in zip(expressions, columns, strict=True):
        refuse_infinite(cursor, values, expression, place)
    long = [values for values in columns if len(values) > 1]
    which = None
    if long:
        first, which = distinct(long)
        scope = rows_of(scope, first)
    made = []
    for k, matrix in enumerate(matrices_of(ideal, lambda expression: column(expression, scope))):
        found = clifford_of(matrix)
        if found is None:
            told = ", ".join(f"{e} = {column(e, scope)[min(k, len(column(e, scope)) - 1)]:g}" for e in expressions)
            raise RunError(f"{place}: {NO_CLIFFORD} ({told})")
        made.append(found)
    return made, which if len(made) > 1 else None


def _correlations(frames: PauliFrames, weights: Array, atoms: tuple[int, ...]) -> Array:
    """Return how often both atoms of each pair are in h."""
    ones = [weights @ frames.means("Z", (atom,)) for atom in atoms]
    made, total = np.empty((len(atoms), len(atoms))), weights.sum()
    for i, first in enumerate(atoms):
        for j, second in enumerate(atoms):
            both = total if first == second else weights @ frames.means("Z", (first, second))
            made[i, j] = (total - ones[i] - ones[j] + both) / 4
    return made
