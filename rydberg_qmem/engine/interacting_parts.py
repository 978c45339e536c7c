"""Which atoms act on each other while a segment or a wait lasts: the rest is evolved apart, and what that neglects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.connected_groups import connected
from rydberg_qmem.engine.context import NEGLIGIBLE, Cursor, RunContext
from rydberg_qmem.engine.population import Population
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]


def groups(
    run: RunContext, cursor: Cursor, plan: Any, population: Population, duration_ns: float, *, everyone: bool = False
) -> list[tuple[int, ...]]:
    """Return the atoms that a segment, or a wait (no plan), changes, or all, in groups that act on each other."""
    excited, touched = plan.excited if plan else frozenset(), plan.touched if plan else frozenset()
    edges = list(plan.linked) if plan else []
    everything = [part.atoms for part in population.parts]
    if everyone and run.acting_noise is not None and run.acting_noise.excites:
        excited = frozenset(range(run.layout.atoms))
    apart: Apart | None = None
    if duration_ns > 0 and run.layout.atoms > 1:
        apart = Apart.of(run, population, excited, duration_ns)
        least = run.neglect
        if run.budget is not None:
            least = _affordable(apart, everything, edges, _allowed(run, cursor, duration_ns))
        edges += [(int(i), int(j)) for i, j in zip(*np.nonzero(apart.angles > least), strict=True)]
    busy = set(range(run.layout.atoms)) if everyone else set(touched).union(*edges)
    found = connected([*everything, *edges])
    if apart is not None:
        cursor.neglected += apart.error(found) if len(found) > 1 else 0.0
        busy |= apart.within(found, min(run.neglect, NEGLIGIBLE))
    if run.within is not None:
        busy &= run.within
    return [group for group in found if busy & set(group)]


@dataclass(frozen=True)
class Apart:
    """What atoms that are evolved apart would do to each other in a time t.

    The states that are evolved are products over the groups. Let V = Σ V_AB be the interaction that is left out, A and
    B being groups. A state evolved without it is then, up to a phase, no farther from the exact one than t √Var V, as
    the part of V that is a number turns the phase alone. V_AB and V_CD are uncorrelated in a product unless they share
    a group, and so, with s_AB ≥ √Var V_AB and W_A = Σ_B s_AB,

        ε ≤ t (Σ_A W_A² - Σ_AB s_AB²)^½, and ε ≤ t Σ_AB s_AB.

    s_AB is the lesser of Σ |U_ij| √(p_i p_j), where p_i is the probability that atom i is in r (1 where it is driven),
    and of half the distance of the largest from the smallest value of V_AB, which is Σ |U_ij| / 2 for occupations.
    """

    angles: Array
    """|U_ij| √(p_i p_j) t of each pair i < j (rad)."""
    halves: Array
    """Half the spread of each pair's interaction, times t."""

    @classmethod
    def of(cls, run: RunContext, population: Population, excited: frozenset[int], duration_ns: float) -> Apart:
        """Return what the atoms of a population may do to each other, some of them `excited` on the way."""
        time_us, target = duration_ns / NS_PER_US, run.compiled.target
        angles = np.triu(_mutual(run, population, excited)) * time_us
        if "0" in run.layout.levels:
            return cls(angles, angles)
        return cls(angles, np.triu(np.abs(target.van_der_waals)) * time_us / 2)

    def within(self, found: list[tuple[int, ...]], least: float) -> set[int]:
        """Return the atoms that turn others of their group, entangled with them maybe, by more than an angle."""
        group_of = self._group_of(found)
        pairs = np.nonzero((self.angles > least) & (group_of[:, None] == group_of[None, :]))
        return {int(atom) for atoms in pairs for atom in atoms}

    def _group_of(self, found: list[tuple[int, ...]]) -> NDArray[np.int64]:
        group_of = np.empty(len(self.angles), dtype=np.int64)
        for number, group in enumerate(found):
            group_of[list(group)] = number
        return group_of

    def error(self, found: list[tuple[int, ...]]) -> float:
        """Bound how far a state is put off by what is between groups of atoms (norm)."""
        group_of = self._group_of(found)
        i, j = np.nonzero(self.angles * (group_of[:, None] != group_of[None, :]))
        if not len(i):
            return 0.0
        count = len(found)
        one, two = np.minimum(group_of[i], group_of[j]), np.maximum(group_of[i], group_of[j])
        sums = (np.bincount(one * count + two, values[i, j], count**2) for values in (self.angles, self.halves))
        spreads = np.minimum(*sums).reshape(count, count)
        each = spreads.sum(axis=0) + spreads.sum(axis=1)
        total = spreads.sum()
        return float(min(total, np.sqrt(max((each**2).sum() - (spreads**2).sum(), 0.0))))


def _allowed(run: RunContext, cursor: Cursor, duration_ns: float) -> float:
    """Return the part of what is left of the budget that falls to a time."""
    assert run.budget is not None
    left = run.budget - cursor.neglected - np.sqrt(cursor.dropped)
    return float(max(left, 0.0) * duration_ns / max(cursor.ends_ns - cursor.clock_ns, duration_ns))


def _affordable(apart: Apart, held: list[tuple[int, ...]], edges: list[tuple[int, ...]], allowed: float) -> float:
    """Return the largest angle (rad) such that leaving out all that turn amplitudes by less errs by what is allowed."""
    angles = np.concatenate([[0.0], np.unique(apart.angles[apart.angles > 0])])
    low, high = 0, len(angles) - 1
    while low < high:
        middle = (low + high + 1) // 2
        near = zip(*np.nonzero(apart.angles > angles[middle]), strict=True)
        found = connected([*held, *edges, *((int(i), int(j)) for i, j in near)])
        low, high = (middle, high) if apart.error(found) <= allowed else (low, middle - 1)
    return float(angles[low])


def _mutual(run: RunContext, population: Population, excited: frozenset[int]) -> Array:
    """Return the strength (rad/µs) of each pair's interaction, times the amplitudes that it acts on."""
    target, levels = run.compiled.target, run.layout.levels
    if "0" in levels:
        return np.abs(target.exchange) + np.abs(target.van_der_waals)
    if "r" not in levels:
        return np.zeros((run.layout.atoms, run.layout.atoms))
    amplitude = np.ones(run.layout.atoms)
    for part in population.parts:
        layout, weights = run.layout_of(part.levels), part.populations
        for k, atom in enumerate(part.atoms):
            if atom not in excited and "r" not in part.levels[k]:
                amplitude[atom] = 0.0
            elif atom not in excited:
                chance = weights @ layout.is_level(k, "r").astype(float)
                amplitude[atom] = np.sqrt(chance.max())
    return np.asarray(target.van_der_waals * np.outer(amplitude, amplitude))
