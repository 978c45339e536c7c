"""Outcomes of looking at atoms: their chances, one of them by chance or all of them by weight, and what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import ONE
from rydberg_qmem.emulators.layout import Layout, Levels, State
from rydberg_qmem.engine.deduplicate import Index, compact
from rydberg_qmem.engine.population import Part, Population, merge_states
from rydberg_qmem.engine.representation import Representation

Array = NDArray[np.float64]


def bits_of(outcome: Index, atoms: int) -> Array:
    """Return the bits (rows, atoms) of joint outcomes, the first atom's the highest.

    >>> bits_of(np.array([2, 1]), 2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return (outcome[:, None] >> np.arange(atoms - 1, -1, -1) & 1).astype(float)


@dataclass(frozen=True)
class Partition:
    """A partition of the basis states of a part: outcome of each, and how many each looked-at atom may have."""

    code: NDArray[np.int64]
    each: tuple[int, ...]

    @cached_property
    def outcomes(self) -> int:
        """How many joint outcomes there are."""
        return prod(self.each)

    @cached_property
    def _places(self) -> Index | None:
        """The basis states (outcomes, ·) of each outcome, where all have as many."""
        counts = np.bincount(self.code, minlength=self.outcomes)
        if (counts != counts[0]).any():
            return None
        return np.argsort(self.code, kind="stable").reshape(self.outcomes, -1)

    def probabilities(self, weights: Array) -> Array:
        """Return the probability of each outcome from those of the basis states, rows adding up to one."""
        if self.outcomes * len(self.code) <= 20_000:
            chances = weights @ (self.code[:, None] == np.arange(self.outcomes)).astype(float)
        elif self._places is not None:
            chances = weights[:, self._places].sum(axis=2)
        else:
            chances = np.stack([np.bincount(self.code, row, self.outcomes) for row in weights])
        chances = np.clip(chances, 0.0, None)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Chosen:
    """Rows with an outcome each (exact runs: repeated, weighted), before their states collapse."""

    population: Population
    outcome: Index
    chances: Array

    def combinations(self, atoms: tuple[int, ...]) -> int:
        """Return how many combinations of a state of the part of `atoms` and an outcome occur."""
        return len(self.coded(atoms)[0])

    def coded(self, atoms: tuple[int, ...]) -> tuple[Index, Index]:
        """Return the combinations of a state and an outcome that occur, as one number each, and which one rows have."""
        part = next(part for part in self.population.parts if part.atoms == atoms)
        return compact(part.state_of * self.chances.shape[1] + self.outcome, self.chances.size)


MOST_CHANCES = 4_000_000
"""Chances of a row and an outcome that are looked at together."""


def choose_all(
    population: Population, part: Part, split: Partition, below: float, refuse: Callable[[int], None] = lambda _: None
) -> Chosen:
    """Let every row have every outcome in a part, weighted by its probability (exact runs).

    `refuse` is told how many rows there are by then, again and again, and raises if they are too many.
    """
    chances = split.probabilities(part.populations)
    together, count = max(1, MOST_CHANCES // chances.shape[1]), 0
    found_in: list[tuple[Index, Index, Array]] = []
    for first in range(0, len(population), together):
        some = slice(first, first + together)
        joint = population.weights[some, None] * chances[part.state_of[some]]
        row, outcome = np.nonzero(joint > below)
        found_in.append((row + first, outcome, joint[row, outcome]))
        count += len(row)
        refuse(count)
    rows, outcomes, weights = (np.concatenate(parts) for parts in zip(*found_in, strict=True))
    return Chosen(replace(population.take(rows), weights=weights), outcomes, chances)


def choose(population: Population, part: Part, split: Partition, uniform: Array) -> Chosen:
    """Let every row have one outcome in a part by chance.

    `uniform` holds one number per row and looked-at atom, and atoms have their outcomes one after the other, each
    given those before: whether unentangled atoms are kept in one part or in several makes no difference.
    """
    chances = split.probabilities(part.populations)
    outcome = np.zeros(len(population), dtype=np.int64)
    for k, base in enumerate(split.each):
        before = prod(split.each[:k])
        steps = _ladder(chances.reshape(len(chances), before * base, -1).sum(axis=2).reshape(-1, base))
        node = part.state_of * before + outcome
        outcome *= base
        for rung in steps.T:
            outcome += uniform[:, k] >= rung.take(node)
    return Chosen(population, outcome, chances)


def _ladder(tree: Array) -> Array:
    """Return, for each node, the numbers from which on its second, third … branch is chosen.

    Rounding must not choose what cannot be: from the last possible branch on, no number is large enough.
    """
    if tree.shape[1] == 2:
        first, second = tree.T
        possible = np.divide(first, first + second, out=np.zeros(len(tree)), where=first > 0)
        return np.where(second > 0, possible, np.inf)[:, None]
    total = tree.sum(axis=1, keepdims=True)
    steps = np.cumsum(np.divide(tree, total, out=np.ones_like(tree), where=total > 0), axis=1)
    last = (tree > 0).cumsum(axis=1).argmax(axis=1)
    steps[np.arange(tree.shape[1]) >= last[:, None]] = np.inf
    return np.asarray(steps[:, :-1])


Project = Callable[[Representation, State, Index, Index], State]
"""Projects states, of which some rows are wanted (a row can come twice), on one outcome each."""


def collapse(
    chosen: Chosen, atoms: tuple[int, ...], project: Project, kept: tuple[int, ...], levels: Levels | None = None
) -> Part:
    """Return the part that held `atoms` with each row in the collapsed state of its outcome.

    One computation for each (state, outcome); `project` gives states of the `kept` atoms, which have their `levels`.
    """
    part = next(p for p in chosen.population.parts if p.atoms == atoms)
    pairs, which = chosen.coded(atoms)
    old, result = np.divmod(pairs, chosen.chances.shape[1])
    states = part.representation.scaled(
        project(part.representation, part.states, old, result), chosen.chances[old, result]
    )
    if levels is None:
        levels = tuple(part.levels[part.atoms.index(atom)] for atom in kept)
    return merge_states(Part(kept, states, which, part.representation, levels))


def projector(split: Partition) -> Project:
    """Return the projection on the subspace of an outcome; all atoms stay."""

    def project(representation: Representation, states: State, rows: Index, outcome: Index) -> State:
        return representation.project(states[rows], split.code[None, :] == outcome[:, None])

    return project


def remover(split: Partition) -> Project:
    """Return the projection on an outcome that is one level of each looked-at atom; those atoms drop out."""
    places = np.argsort(split.code, kind="stable").reshape(split.outcomes, -1)

    def project(representation: Representation, states: State, rows: Index, outcome: Index) -> State:
        return representation.pick(states, rows, places[outcome])

    return project


def leaver(split: Partition, layout: Layout, gone: tuple[int, ...], looked: tuple[int, ...], basis: str) -> Project:
    """Return the projection on bits of the atoms at `looked`; those at `gone`, whose bits tell their levels, drop out.

    States of all atoms are not made on the way.
    """
    strides = [layout.around(place)[2] for place in gone]
    there = np.zeros(layout.dimension, dtype=bool)
    there[layout.level_code(gone) == 0] = True
    rest = np.flatnonzero(there)
    outcome_bits = bits_of(np.arange(split.outcomes), len(looked)).astype(np.int64)
    offsets = np.zeros(split.outcomes, dtype=np.int64)
    for place, stride in zip(gone, strides, strict=True):
        level_of = np.array(bit_levels(layout.each[place], basis))
        offsets += stride * level_of[outcome_bits[:, looked.index(place)]]
    places = offsets[:, None] + rest[None, :]
    keep = split.code[places] == np.arange(split.outcomes)[:, None] if len(gone) < len(looked) else None

    def project(representation: Representation, states: State, rows: Index, outcome: Index) -> State:
        made = representation.pick(states, rows, places[outcome])
        return made if keep is None else representation.project(made, keep[outcome])

    return project


def bit_levels(levels: tuple[str, ...], basis: str) -> tuple[int, int]:
    """Return where among an atom's levels, one of which has bit 0, that of each bit is: 0 for a bit that it has not.

    >>> bit_levels(("g", "h"), "digital"), bit_levels(("g",), "digital")
    ((0, 1), (0, 0))
    """
    one = ONE[basis]
    zero = next(k for k, level in enumerate(levels) if level != one)
    return zero, levels.index(one) if one in levels else 0


def traced(part: Part, kept: tuple[int, ...]) -> Part:
    """Return the part of the `kept` atoms, the others traced out (density matrices only)."""
    places = tuple(part.atoms.index(atom) for atom in kept)
    rho = part.representation.reduced(part.states, part.sizes, places)
    levels = tuple(part.levels[place] for place in places)
    return merge_states(Part(kept, rho.reshape(len(rho), -1), part.state_of, part.representation, levels))
