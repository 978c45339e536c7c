"""States that an emulator keeps itself, shared by rows: evolved, measured, reset, probed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.steps import MeasureStep, ProbeStep, ResetStep, Segment, Step
from rydberg_qmem.devices import ONE
from rydberg_qmem.emulators.protocol import Holding
from rydberg_qmem.engine import measurement
from rydberg_qmem.engine.branches import refuse_branches
from rydberg_qmem.engine.context import Cursor, RunContext, place_of
from rydberg_qmem.engine.deduplicate import Index, compact
from rydberg_qmem.engine.evolution import settings
from rydberg_qmem.engine.idle import spend
from rydberg_qmem.engine.population import Held, Population
from rydberg_qmem.engine.probes import of_mean_state
from rydberg_qmem.engine.rng import MEASURING
from rydberg_qmem.engine.trajectories import jump_chances

Array = NDArray[np.float64]


def without_duplicates(held: Held, holder: Holding) -> Held:
    """Drop states that no row has, and keep one of those that are equal."""
    used, which = compact(held.state_of, len(held.states))
    kept: list[Any] = []
    places: dict[tuple[float, ...], list[int]] = {}
    place_of = np.empty(len(used), dtype=np.int64)
    for i, state in enumerate(held.states[k] for k in used):
        alike = places.setdefault(holder.marks(state), [])
        for k in alike:
            same = holder.merged(kept[k], state)
            if same is not None:
                kept[k], place_of[i] = same, k
                break
        else:
            alike.append(len(kept))
            place_of[i] = len(kept)
            kept.append(state)
    return Held(tuple(kept), place_of[which])


def first_chances(held: Held, holder: Holding, atom: int, level: str) -> Array:
    """Return each row's probability of finding an atom in a level."""
    return np.array([holder.chance(state, atom, level) for state in held.states])[held.state_of]


def sample_binary(chances: Array, uniform: Array) -> Index:
    """Return which rows have the second of two outcomes; rounding never chooses what cannot be.

    >>> sample_binary(np.array([1.0, 0.0, 0.3]), np.array([0.999, 0.0, 0.2])).tolist()
    [0, 1, 0]
    """
    chosen = np.where(chances <= IMPOSSIBLE, 1, uniform >= chances)
    return np.where(chances >= 1 - IMPOSSIBLE, 0, chosen).astype(np.int64)


IMPOSSIBLE = 1e-15


def collapsed(held: Held, holder: Holding, atom: int, levels: tuple[str, str], outcome: Index) -> Held:
    """Return the states after each row found an atom in one of two levels."""
    pairs, which = compact(2 * held.state_of + outcome, 2 * len(held.states))
    states = tuple(holder.collapsed(held.states[pair // 2], atom, levels[pair % 2]) for pair in pairs)
    return Held(states, which)


def moved(held: Held, holder: Holding, atom: int, levels: tuple[str, str], found: Index, after: str) -> Held:
    """Return the states with an atom, known to be in one of two levels in each row, put into a level."""
    pairs, which = compact(2 * held.state_of + found, 2 * len(held.states))
    states = tuple(holder.moved(held.states[pair // 2], atom, levels[pair % 2], after) for pair in pairs)
    return Held(states, which)


def probe_totals(
    held: Held, holder: Holding, levels: tuple[str, ...], step: ProbeStep, weights: Array, quantities: Iterable[str]
) -> dict[str, Any]:
    """Return, for each quantity, its sum over rows times their weights."""
    total = np.bincount(held.state_of, weights, minlength=len(held.states))
    present = [(state, weight) for state, weight in zip(held.states, total, strict=True) if weight > 0]

    def mean(atoms: Sequence[int]) -> NDArray[np.complex128]:
        return np.asarray(sum(weight * holder.reduced(state, atoms) for state, weight in present))

    one = levels.index(ONE[step.basis])
    made: dict[str, Any] = {}
    for quantity in quantities:
        match quantity:
            case "occupation":
                made[quantity] = np.array([mean((atom,))[one, one].real for atom in step.atoms])
            case "correlations":
                made[quantity] = _correlations(mean, one, step.atoms)
            case "pauli":
                made[quantity] = np.array([_pauli(mean((atom,)), one, step.probe.pauli) for atom in step.atoms])
            case _:
                made[quantity] = mean(step.atoms)
    return made


def _correlations(mean: Any, one: int, atoms: tuple[int, ...]) -> Array:
    made = np.zeros((len(atoms), len(atoms)))
    for i, first in enumerate(atoms):
        made[i, i] = mean((first,))[one, one].real
        for j, second in enumerate(atoms[:i]):
            made[i, j] = made[j, i] = mean((first, second))[3 * one, 3 * one].real
    return made


def _pauli(rho: NDArray[np.complex128], one: int, names: tuple[str, ...]) -> list[float]:
    zero = 1 - one
    values = {"X": 2 * rho[one, zero].real, "Y": 2 * rho[one, zero].imag, "Z": (rho[zero, zero] - rho[one, one]).real}
    return [float(values[name]) for name in names]


@dataclass(frozen=True)
class BackendStates:
    """States of the whole register that the emulator keeps, of its own kind."""

    levels: tuple[str, ...]
    emulator: Any
    """An `Emulator` that is `Holding`, too: its states are no arrays."""

    def start(self, run: RunContext, rows: int) -> Population:
        """Return rows that share one state with every atom in its ground level."""
        begin = Held((self.emulator.start(run.compiled.target),), np.zeros(rows, dtype=np.int64))
        return Population((), np.ones(rows), np.arange(rows), {}, begin)

    def evolve(
        self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment, duration_ns: int
    ) -> Population:
        """Evolve each distinct state, once for each setting of the controls; under noise, rows jump by chance."""
        if not run.is_noisy:
            return self.turn(run, cursor, plan, population, step)
        everything, held = tuple(range(run.layout.atoms)), held_by(population)
        states, scope, which = settings(run, cursor, plan, everything, held.state_of, population, step)
        begun = Held(tuple(held.states[k] for k in states), which)
        return replace(population, held=_decohered(run, cursor, plan, scope, begun, population, step, 0.0))

    def turn(self, run: RunContext, cursor: Cursor, plan: Any, population: Population, step: Segment) -> Population:
        """Evolve each distinct state, once for each setting of the controls."""
        everything, held = tuple(range(run.layout.atoms)), held_by(population)
        states, scope, which = settings(run, cursor, plan, everything, held.state_of, population, step)
        evolved = self.emulator.evolve(plan, scope, [held.states[k] for k in states], everything)
        return replace(population, held=Held(tuple(evolved), which))

    def wait(
        self, run: RunContext, cursor: Cursor, population: Population, duration_ns: float, step: Step
    ) -> Population:
        """Let each distinct state wait, whole nanoseconds."""
        held = held_by(population)
        if run.acting_noise is not None and run.acting_noise.acts_in_the_dark:
            ended = _decohered(run, cursor, None, {}, held, population, step, duration_ns)
            return replace(population, held=ended)
        waited = self.emulator.wait(run.compiled.target, list(held.states), round(duration_ns))
        return replace(population, held=replace(held, states=tuple(waited)))

    def measure(self, run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        """Measure atom by atom."""
        measurement.take_back(run, cursor, step, population)
        one = ONE[step.basis]
        zero = next(level for level in run.layout.levels if level != one)
        population, bits = self._look(run, cursor, step, population, (zero, one))
        population = population.with_values(**{step.key: bits.astype(float)})
        return measurement.read_by_machine(run, cursor, step, population)

    def reset(self, run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
        """Find each atom in a level and move it into the ground level, after the time that a reset takes."""
        population = spend(run, cursor, population, run.noise.hardware.reset_us, step)
        first, second = run.layout.levels
        population, _ = self._look(run, cursor, step, population, (first, second), run.compiled.target.ground)
        return population

    def _look(
        self, run: RunContext, cursor: Cursor, step: MeasureStep | ResetStep, population: Population,
        levels: tuple[str, str], after: str | None = None,
    ) -> tuple[Population, Index]:  # fmt: skip
        """Let every row find each atom of a step in one of two levels, atom by atom; put it into a level after it."""
        outcome = np.zeros((len(population), len(step.atoms)), dtype=np.int64)
        uniform: Array | None = None
        if run.draws is not None:
            place = place_of(run, cursor, step.number)
            uniform = run.draws.uniform(population.shots, MEASURING, place, len(step.atoms))
        for k, atom in enumerate(step.atoms):
            chances = first_chances(held_by(population), self.emulator, atom, levels[0])
            if uniform is not None:
                found_in = sample_binary(chances, uniform[:, k])
            else:
                population, rows, found_in = _both(run, cursor, population, chances, step)
                outcome = outcome[rows]
            held = collapsed(held_by(population), self.emulator, atom, levels, found_in)
            if after is not None:
                held = moved(held, self.emulator, atom, levels, found_in, after)
            population = replace(population, held=without_duplicates(held, self.emulator))
            outcome[:, k] = found_in
        return population, outcome

    def share(self, population: Population) -> Population:
        """Return the rows with equal states kept once."""
        return replace(population, held=without_duplicates(held_by(population), self.emulator))

    def probe_totals(self, step: ProbeStep, population: Population, quantities: Iterable[str]) -> Mapping[str, Any]:
        """Return, for each quantity, its sum over rows times their weights."""
        held = held_by(population)
        return probe_totals(held, self.emulator, self.levels, step, population.weights, quantities)

    def of_all_rows(self, quantity: str, step: ProbeStep, population: Population) -> float:
        """Return the purity or entropy (bits) of the mean state of all rows."""
        total = self.probe_totals(step, population, (quantity,))[quantity]
        return float(of_mean_state(quantity, total / float(population.weights.sum())))

    def reports(self, population: Population) -> Mapping[str, Array]:
        """Return what the emulator says of the final states."""
        held = held_by(population)
        said = [self.emulator.report(state) for state in held.states]
        return {name: np.array([one[name] for one in said])[held.state_of] for name in self.emulator.reports}


def _decohered(
    run: RunContext, cursor: Cursor, plan: Any, scope: dict[str, Any], begun: Held, population: Population, step: Step,
    duration_ns: float,
) -> Held:  # fmt: skip
    """Return the states after a segment (without a plan: a wait); rows that jump go through it again by themselves."""
    assert run.acting_noise is not None
    assert run.acting_noise.held is not None
    evolution = run.acting_noise.held
    states, stays = evolution.decayed(plan, scope, begun.states, duration_ns)
    chance = jump_chances(run, cursor, population.shots, step.number, 0)
    jumping = np.flatnonzero(chance(0)[:, 0] >= stays[begun.state_of])
    which, state_of = begun.state_of[jumping], begun.state_of.copy()
    if len(jumping):
        before, own = [begun.states[k] for k in which], rows_of(scope, which)
        states += evolution.jumped(plan, own, before, duration_ns, lambda jump: chance(jump)[jumping])
        state_of[jumping] = len(begun.states) + np.arange(len(jumping))
    return Held(tuple(states), state_of)


def held_by(population: Population) -> Held:
    """Return the emulator's own states that a population's rows have."""
    assert population.held is not None
    return population.held


def _both(
    run: RunContext, cursor: Cursor, population: Population, chances: Array, step: MeasureStep | ResetStep
) -> tuple[Population, Index, Index]:
    """Let every row have both outcomes, weighted (exact runs); return the rows that they came from, too."""
    joint = population.weights[:, None] * np.stack([chances, 1 - chances], axis=1)
    rows, found_in = np.nonzero(joint > run.prune_below)
    cursor.dropped += max(0.0, float(joint.sum() - joint[rows, found_in].sum()))
    refuse_branches(cursor, len(rows), step)
    return replace(population.take(rows), weights=joint[rows, found_in]), rows, found_in
