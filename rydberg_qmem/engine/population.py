"""A population: rows (shots, or branches with probabilities) that point into shared states of groups of atoms.

Atoms that are not entangled live in parts of their own. A row's state is the product of one state from each
part, so what happens to one memristor cell is computed once for all rows that agree on that cell, whatever the
other cells are doing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import ORDER, Layout, Levels, State
from rydberg_qmem.engine.connected_groups import connected
from rydberg_qmem.engine.deduplicate import Index, compact, distinct
from rydberg_qmem.engine.representation import Representation

Array = NDArray[np.float64]


FEW = 4096
"""Basis states up to which their places among those of more levels are kept."""


@dataclass(frozen=True)
class Part:
    """Some atoms (in register order), their distinct states (states, ·), each row's state, and the atoms' levels.

    Atoms may have some of the program's levels each, those that they may be in.
    """

    atoms: tuple[int, ...]
    states: State
    state_of: Index
    representation: Representation
    levels: Levels

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many levels each atom has."""
        return tuple(map(len, self.levels))

    @property
    def populations(self) -> Array:
        """The probability of each basis state in each of the states."""
        return self.representation.populations(self.states)

    @property
    def layout(self) -> Layout:
        """What the basis states are."""
        return Layout(ORDER, len(self.levels), self.levels)

    def levels_of(self, atom: int) -> tuple[str, ...]:
        """Return the levels of one of the atoms."""
        return self.levels[self.atoms.index(atom)]

    def take(self, rows: Index | NDArray[np.bool_]) -> Part:
        """Return the part for some of the rows."""
        return Part(self.atoms, self.states, self.state_of[rows], self.representation, self.levels)


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

    @property
    def classical(self) -> Population:
        """The rows with their classical values alone, without states."""
        return Population((), self.weights, self.shots, self.values)

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


def product(parts: list[Part]) -> Part:
    """Return several parts as one, computing each combination of states that occurs once."""
    made = parts[0]
    for part in parts[1:]:
        atoms, levels = (*made.atoms, *part.atoms), (*made.levels, *part.levels)
        if len(part.states) == 1:
            one_for_each = np.broadcast_to(part.states, (len(made.states), part.states.shape[1]))
            joint = made.representation.tensor(made.states, one_for_each)
            made = Part(atoms, joint, made.state_of, made.representation, levels)
            continue
        code = made.state_of * len(part.states) + part.state_of
        pairs, which = compact(code, len(made.states) * len(part.states))
        one, two = np.divmod(pairs, len(part.states))
        joint = made.representation.tensor(made.states[one], part.states[two])
        made = Part(atoms, joint, which, made.representation, levels)
    order = sorted(range(len(made.atoms)), key=lambda i: made.atoms[i])
    if order == list(range(len(order))):
        return made
    states = made.representation.reorder(made.states, made.sizes, order)
    atoms, levels = tuple(made.atoms[i] for i in order), tuple(made.levels[i] for i in order)
    return Part(atoms, states, made.state_of, made.representation, levels)


def alike(one: Part, other: Part) -> tuple[Part, Part]:
    """Return two parts of the same atoms, each of which has the levels that it has in either."""
    if one.levels == other.levels:
        return one, other
    both = united(one.levels, other.levels)
    return with_levels(one, both), with_levels(other, both)


def united(*each: Levels) -> Levels:
    """Return the levels that atoms have in any of several lists of them."""
    return tuple(
        tuple(level for level in ORDER if any(level in here for here in some)) for some in zip(*each, strict=True)
    )


def with_levels(part: Part, levels: Levels) -> Part:
    """Return a part whose atoms have other levels: new ones nobody is in, and nobody may be in those that go."""
    if part.levels == levels:
        return part
    common = tuple(tuple(level for level in a if level in b) for a, b in zip(part.levels, levels, strict=True))
    states = part.states
    if common != part.levels:
        states = part.representation.narrowed(states, _places(common, part.levels))
    if common != levels:
        states = part.representation.widened(states, _places(common, levels), prod(map(len, levels)))
    return replace(part, states=states, levels=levels)


def _places(levels: Levels, wider: Levels) -> Index:
    """Return where basis states of atoms with some levels are among those with more; kept where they are few."""
    return (_few_places if prod(map(len, wider)) <= FEW else _few_places.__wrapped__)(levels, wider)


@lru_cache(maxsize=1024)
def _few_places(levels: Levels, wider: Levels) -> Index:
    return Layout(ORDER, len(levels), levels).places_in(Layout(ORDER, len(wider), wider))


def join(one: Population, two: Population) -> Population:
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
        p, q = alike(product(one.holding(atoms)), product(two.holding(atoms)))
        if p.states is q.states:
            parts.append(replace(p, state_of=np.concatenate([p.state_of, q.state_of])))
            continue
        states = np.concatenate([p.states, q.states])
        state_of = np.concatenate([p.state_of, q.state_of + len(p.states)])
        parts.append(Part(p.atoms, states, state_of, p.representation, p.levels))
    held = one.held.joined(two.held) if one.held is not None and two.held is not None else None
    return Population(
        tuple(parts), np.concatenate([one.weights, two.weights]), np.concatenate([one.shots, two.shots]), values, held
    )


def _common_groups(one: Population, two: Population) -> list[tuple[int, ...]]:
    return connected([part.atoms for part in (*one.parts, *two.parts)])


def merge_states(part: Part) -> Part:
    """Keep one copy of each state in use."""
    if len(part.states) == 1:
        return part
    used, which = compact(part.state_of, len(part.states))
    states, same = part.representation.distinct(part.states[used])
    return Part(part.atoms, states, same[which], part.representation, part.levels)


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


def part_in(atom: int, levels: tuple[str, ...], level: str, rows: int, representation: Representation) -> Part:
    """Return a part of one atom that is in one of its levels in every row."""
    place = levels.index(level)
    states = representation.of_levels(len(levels))[place : place + 1]
    return Part((atom,), states, np.zeros(rows, dtype=np.int64), representation, (levels,))


def known_part(atom: int, levels: tuple[str, ...], level_of: Index, representation: Representation) -> Part:
    """Return a part of one atom whose level in each row is known, as its place among the atom's levels."""
    return Part((atom,), representation.of_levels(len(levels)), level_of, representation, (levels,))
