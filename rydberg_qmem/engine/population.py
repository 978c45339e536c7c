"""A population: rows (shots, or branches with probabilities) that point into shared states of groups of atoms.

Atoms that are not entangled live in parts of their own. A row's state is the product of one state from each
part, so what happens to one memristor cell is computed once for all rows that agree on that cell, whatever the
other cells are doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.engine.deduplicate import Index, compact, distinct
from rydberg_qmem.engine.representation import Representation, one_level

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Some atoms (in register order), their distinct states (states, ·), and each row's state."""

    atoms: tuple[int, ...]
    states: State
    state_of: Index
    representation: Representation

    @property
    def populations(self) -> Array:
        """The probability of each basis state in each of the states."""
        return self.representation.populations(self.states)

    def take(self, rows: Index | NDArray[np.bool_]) -> Part:
        """Return the part for some of the rows."""
        return Part(self.atoms, self.states, self.state_of[rows], self.representation)


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


@dataclass(frozen=True)
class Population:
    """Rows with weights and classical values, and the parts that their states are products of.

    In a sampled run a row is a shot (weight 1); in an exact run it is a branch and its weight its probability.
    """

    parts: tuple[Part, ...]
    weights: Array
    shots: Index
    values: dict[str, Array]
    held: Held | None = None
    """States that the emulator keeps itself, in place of parts."""

    def __len__(self) -> int:
        return len(self.weights)

    def take(self, rows: Index | NDArray[np.bool_]) -> Population:
        """Return some of the rows."""
        return Population(
            tuple(part.take(rows) for part in self.parts),
            self.weights[rows],
            self.shots[rows],
            {name: value[rows] for name, value in self.values.items()},
            None if self.held is None else self.held.take(rows),
        )

    def with_values(self, **values: Array) -> Population:
        """Return the population with some classical values replaced."""
        return Population(self.parts, self.weights, self.shots, {**self.values, **values}, self.held)

    def with_parts(self, old: Iterable[Part], new: Iterable[Part]) -> Population:
        """Return the population with some parts replaced, parts in the order of their first atoms."""
        gone = {part.atoms for part in old}
        parts = [*(part for part in self.parts if part.atoms not in gone), *new]
        parts.sort(key=lambda part: part.atoms)
        return Population(tuple(parts), self.weights, self.shots, self.values, self.held)

    def holding(self, atoms: Iterable[int]) -> list[Part]:
        """Return the parts that hold any of some atoms."""
        wanted = set(atoms)
        return [part for part in self.parts if wanted & set(part.atoms)]


def product(parts: list[Part], levels: int) -> Part:
    """Return several parts as one, computing each combination of states that occurs once."""
    made = parts[0]
    for part in parts[1:]:
        if len(part.states) == 1:
            one_for_each = np.broadcast_to(part.states, (len(made.states), part.states.shape[1]))
            joint = made.representation.tensor(made.states, one_for_each)
            made = Part((*made.atoms, *part.atoms), joint, made.state_of, made.representation)
            continue
        code = made.state_of * len(part.states) + part.state_of
        pairs, which = compact(code, len(made.states) * len(part.states))
        one, two = np.divmod(pairs, len(part.states))
        joint = made.representation.tensor(made.states[one], part.states[two])
        made = Part((*made.atoms, *part.atoms), joint, which, made.representation)
    order = sorted(range(len(made.atoms)), key=lambda i: made.atoms[i])
    if order == list(range(len(order))):
        return made
    states = made.representation.reorder(made.states, levels, order)
    return Part(tuple(made.atoms[i] for i in order), states, made.state_of, made.representation)


def join(one: Population, two: Population, levels: int) -> Population:
    """Put two populations together; a value that only one of them has is NaN in the other."""
    if not len(one) or not len(two):
        return one if len(one) else two
    values = {}
    for name in {**one.values, **two.values}:
        a, b = one.values.get(name), two.values.get(name)
        shape = (a if a is not None else b).shape[1:]  # type: ignore[union-attr]  # one of them is there
        a = a if a is not None else np.full((len(one), *shape), np.nan)
        b = b if b is not None else np.full((len(two), *shape), np.nan)
        values[name] = np.concatenate([a, b])
    parts = []
    for atoms in _common_groups(one, two):
        p, q = product(one.holding(atoms), levels), product(two.holding(atoms), levels)
        if p.states is q.states:
            parts.append(replace(p, state_of=np.concatenate([p.state_of, q.state_of])))
            continue
        states = np.concatenate([p.states, q.states])
        state_of = np.concatenate([p.state_of, q.state_of + len(p.states)])
        parts.append(Part(p.atoms, states, state_of, p.representation))
    held = one.held.joined(two.held) if one.held is not None and two.held is not None else None
    return Population(
        tuple(parts), np.concatenate([one.weights, two.weights]), np.concatenate([one.shots, two.shots]), values, held
    )


def _common_groups(one: Population, two: Population) -> list[tuple[int, ...]]:
    return connected([part.atoms for part in (*one.parts, *two.parts)])


def connected(groups: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the connected components of overlapping groups of atoms.

    >>> connected([(0, 1), (2,), (1, 3)])
    [(0, 1, 3), (2,)]
    """
    made: list[set[int]] = []
    for group in groups:
        touching = [other for other in made if other & set(group)]
        made = [other for other in made if other not in touching]
        made.append(set(group).union(*touching))
    return sorted(tuple(sorted(group)) for group in made)


def merge_states(part: Part) -> Part:
    """Keep one copy of each state in use."""
    if len(part.states) == 1:
        return part
    used, which = compact(part.state_of, len(part.states))
    states, same = part.representation.distinct(part.states[used])
    return Part(part.atoms, states, same[which], part.representation)


def merge_branches(population: Population, live: frozenset[str]) -> Population:
    """Add up branches that share states and live values (exact runs only)."""
    values = {name: value for name, value in population.values.items() if name in live}
    kept = replace(population, values=values)
    if len(kept) == 1:
        return kept
    for number, part in enumerate(kept.parts):
        if part.representation.is_mixed and len(part.states) > 1:
            kept = _mixed(kept, number)
    columns: list[NDArray[np.generic]] = [part.state_of for part in kept.parts if len(part.states) > 1]
    columns += list(kept.values.values())
    columns += [kept.held.state_of] if kept.held is not None else []
    if not columns:
        first, which = np.zeros(1, dtype=np.int64), np.zeros(len(kept), dtype=np.int64)
    else:
        first, which = distinct(columns)
    weights = np.bincount(which, weights=kept.weights, minlength=len(first))
    return replace(kept.take(first), weights=weights.astype(float))


def _mixed(population: Population, number: int) -> Population:
    """Mix one part's density matrices over branches that agree in everything else: no later step tells them apart."""
    part = population.parts[number]
    others = [other.state_of for i, other in enumerate(population.parts) if i != number and len(other.states) > 1]
    columns: list[NDArray[np.generic]] = [*others, *population.values.values()]
    columns += [population.held.state_of] if population.held is not None else []
    if columns:
        first, which = distinct(columns)
    else:
        first, which = np.zeros(1, dtype=np.int64), np.zeros(len(population), dtype=np.int64)
    if len(first) == len(population):
        return population
    weights = np.bincount(which, weights=population.weights, minlength=len(first)).astype(float)
    share = population.weights / weights[which]
    states = np.zeros((len(first), part.states.shape[1]), dtype=part.states.dtype)
    np.add.at(states, which, share[:, None] * part.states[part.state_of])
    mixed = replace(part, states=states, state_of=np.arange(len(first)))
    parts = tuple(mixed if i == number else other.take(first) for i, other in enumerate(population.parts))
    return replace(population.take(first), parts=parts, weights=weights)


def bits_of(outcome: Index, atoms: int) -> Array:
    """Return the bits (rows, atoms) of joint outcomes, the first atom's the highest.

    >>> bits_of(np.array([2, 1]), 2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return (outcome[:, None] >> np.arange(atoms - 1, -1, -1) & 1).astype(float)


@dataclass(frozen=True)
class Split:
    """A partition of the basis states of a part: outcome of each of them, and how many outcomes there are."""

    code: NDArray[np.int64]
    outcomes: int

    def probabilities(self, weights: Array) -> Array:
        """Return the probability of each outcome from those of the basis states, rows adding up to one."""
        if self.outcomes * len(self.code) <= 200_000:
            chances = weights @ (self.code[:, None] == np.arange(self.outcomes)).astype(float)
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
    population: Population, part: Part, split: Split, below: float, refuse: Callable[[int], None] = lambda _: None
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


def choose(population: Population, part: Part, split: Split, uniform: Array) -> Chosen:
    """Let every row have one outcome in a part by chance.

    `uniform` holds one number per row and looked-at atom, and atoms have their outcomes one after the other, each
    given those before: whether unentangled atoms are kept in one part or in several makes no difference.
    """
    chances = split.probabilities(part.populations)
    atoms = uniform.shape[1]
    base = round(split.outcomes ** (1 / atoms))
    outcome = np.zeros(len(population), dtype=np.int64)
    for k in range(atoms):
        steps = _ladder(chances.reshape(len(chances), base ** (k + 1), -1).sum(axis=2).reshape(-1, base))
        node = part.state_of * base**k + outcome
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


def collapse(chosen: Chosen, atoms: tuple[int, ...], project: Project, kept: tuple[int, ...]) -> Part:
    """Return the part that held `atoms` with each row in the collapsed state of its outcome.

    One computation for each (state, outcome); `project` gives states of the `kept` atoms.
    """
    part = next(p for p in chosen.population.parts if p.atoms == atoms)
    pairs, which = chosen.coded(atoms)
    old, result = np.divmod(pairs, chosen.chances.shape[1])
    states = part.representation.scaled(
        project(part.representation, part.states, old, result), chosen.chances[old, result]
    )
    return merge_states(Part(kept, states, which, part.representation))


def projector(split: Split) -> Project:
    """Return the projection on the subspace of an outcome; all atoms stay."""

    def project(representation: Representation, states: State, rows: Index, outcome: Index) -> State:
        return representation.project(states[rows], split.code[None, :] == outcome[:, None])

    return project


def remover(split: Split) -> Project:
    """Return the projection on an outcome that is one level of each looked-at atom; those atoms drop out."""
    places = np.argsort(split.code, kind="stable").reshape(split.outcomes, -1)

    def project(representation: Representation, states: State, rows: Index, outcome: Index) -> State:
        return representation.pick(states, rows, places[outcome])

    return project


def traced(part: Part, levels: int, kept: tuple[int, ...]) -> Part:
    """Return the part of the `kept` atoms, the others traced out (density matrices only)."""
    places = tuple(part.atoms.index(atom) for atom in kept)
    rho = part.representation.reduced(part.states, levels, places)
    return merge_states(Part(kept, rho.reshape(len(rho), -1), part.state_of, part.representation))


def fresh(atom: int, layout: Layout, rows: int, representation: Representation) -> Part:
    """Return a part of one atom in its ground level."""
    return Part(
        (atom,), one_level(representation, layout, layout.ground), np.zeros(rows, dtype=np.int64), representation
    )


def found(atom: int, layout: Layout, level_of: Index, representation: Representation) -> Part:
    """Return a part of one atom whose level in each row is known."""
    return Part((atom,), representation.of_levels(len(layout.levels)), level_of, representation)
