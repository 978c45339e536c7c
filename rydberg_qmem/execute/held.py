"""States that an emulator keeps itself, shared by rows: looking at atoms, resetting them, and what a probe sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import ProbeStep
from rydberg_qmem.compile.target import ONE
from rydberg_qmem.emulators.protocol import Holding
from rydberg_qmem.execute.sharing import Index, compact

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """The distinct states of the whole register, and each row's state."""

    states: tuple[Any, ...]
    state_of: Index

    def take(self, rows: Index | NDArray[np.bool_]) -> Held:
        """Return the states of some of the rows."""
        return Held(self.states, self.state_of[rows])

    def joined(self, other: Held) -> Held:
        """Return the states of these rows and then of the other's."""
        return Held((*self.states, *other.states), np.concatenate([self.state_of, other.state_of + len(self.states)]))


def settled(held: Held, holder: Holding) -> Held:
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


def seconds(chances: Array, uniform: Array) -> Index:
    """Return which rows have the second of two outcomes; rounding never chooses what cannot be.

    >>> seconds(np.array([1.0, 0.0, 0.3]), np.array([0.999, 0.0, 0.2])).tolist()
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
    held: Held, holder: Holding, levels: tuple[str, ...], step: ProbeStep, weights: Array
) -> dict[str, Any]:
    """Return, for each quantity asked for, its sum over rows times their weights."""
    total = np.bincount(held.state_of, weights, minlength=len(held.states))
    present = [(state, weight) for state, weight in zip(held.states, total, strict=True) if weight > 0]

    def mean(atoms: Sequence[int]) -> NDArray[np.complex128]:
        return np.asarray(sum(weight * holder.reduced(state, atoms) for state, weight in present))

    one = levels.index(ONE[step.basis])
    made: dict[str, Any] = {}
    for quantity in step.probe.quantities:
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
