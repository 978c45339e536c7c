"""A population: rows (shots, or branches with probabilities) that point into an array of shared states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.execute.sharing import Index, compact, distinct, distinct_states

Array = NDArray[np.float64]
Uniform = Callable[[Index], Array]


@dataclass(frozen=True)
class Population:
    """Rows with weights and classical values; `state_of` says which of the states each row is in.

    In a sampled run a row is a shot (weight 1); in an exact run it is a branch and its weight its probability.
    """

    states: State
    state_of: Index
    weights: Array
    shots: Index
    values: dict[str, Array]

    def __len__(self) -> int:
        return len(self.state_of)

    def take(self, rows: Index | NDArray[np.bool_]) -> Population:
        """Return some of the rows."""
        return Population(
            self.states,
            self.state_of[rows],
            self.weights[rows],
            self.shots[rows],
            {name: value[rows] for name, value in self.values.items()},
        )

    def with_values(self, **values: Array) -> Population:
        """Return the population with some classical values replaced."""
        return replace(self, values={**self.values, **values})

    def keep(self, names: frozenset[str]) -> Population:
        """Return the population without the classical values that nothing reads any more."""
        return replace(self, values={k: v for k, v in self.values.items() if k in names})


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
    return Population(
        np.concatenate([one.states, two.states]),
        np.concatenate([one.state_of, two.state_of + len(one.states)]),
        np.concatenate([one.weights, two.weights]),
        np.concatenate([one.shots, two.shots]),
        values,
    )


def merge_states(population: Population) -> Population:
    """Keep one copy of each state in use."""
    used, which = compact(population.state_of, len(population.states))
    states, same = distinct_states(population.states[used])
    return replace(population, states=states, state_of=same[which])


def merge_branches(population: Population, live: frozenset[str]) -> Population:
    """Add up branches that share state and live values (exact runs only)."""
    kept = population.keep(live)
    first, which = distinct([kept.state_of, *kept.values.values()])
    weights = np.bincount(which, weights=kept.weights, minlength=len(first))
    return replace(kept.take(first), weights=weights.astype(float))


@dataclass(frozen=True)
class Split:
    """A partition of the basis states: outcome of each of them, and how many outcomes there are."""

    code: NDArray[np.int64]
    outcomes: int

    def probabilities(self, states: State) -> Array:
        """Return the probability of each outcome in each state, rows adding up to one."""
        weights = states.real**2 + states.imag**2
        if self.outcomes * len(self.code) <= 200_000:
            chances = weights @ (self.code[:, None] == np.arange(self.outcomes)).astype(float)
        else:
            chances = np.stack([np.bincount(self.code, row, self.outcomes) for row in weights])
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def choose(
    population: Population, split: Split, uniform: Uniform | None, below: float = 0.0
) -> tuple[Population, Index, Array]:
    """Let every row have an outcome: one each by chance, or all of them with their probabilities.

    Returns the population (rows repeated in exact runs), the outcome of each row, and the probabilities of
    the outcomes in each state. States are not yet projected.
    """
    chances = split.probabilities(population.states)
    if uniform is not None:
        ladder = np.cumsum(chances, axis=1)[:, :-1][population.state_of]
        outcome = (uniform(population.shots)[:, None] >= ladder).sum(axis=1)
        possible = chances[population.state_of, outcome] > 0
        if not possible.all():  # a draw on the very edge of a step
            outcome = np.where(possible, outcome, chances[population.state_of].argmax(axis=1))
        return population, outcome, chances
    joint = population.weights[:, None] * chances[population.state_of]
    row, outcome = np.nonzero(joint > below)
    return replace(population.take(row), weights=joint[row, outcome]), outcome, chances


def project(
    population: Population,
    outcome: Index,
    chances: Array,
    collapse: Callable[[State, Index], State],
) -> Population:
    """Give rows the collapsed state of their outcome, one computation for each (state, outcome)."""
    code = population.state_of * chances.shape[1] + outcome
    pairs, which = compact(code, chances.size)
    old, result = np.divmod(pairs, chances.shape[1])
    states = collapse(population.states[old], result) / np.sqrt(chances[old, result])[:, None]
    return merge_states(replace(population, states=states, state_of=which))


def projector(split: Split) -> Callable[[State, Index], State]:
    """Return the collapse on the subspace of an outcome."""

    def collapse(states: State, outcome: Index) -> State:
        return np.asarray(states * (split.code[None, :] == outcome[:, None]))

    return collapse


def refresher(layout: Layout, atoms: tuple[int, ...], split: Split) -> Callable[[State, Index], State]:
    """Return the collapse that takes atoms, found in a level, to their ground level."""
    places = np.stack([np.flatnonzero(split.code == k) for k in range(split.outcomes)])
    ground = 0
    for _ in atoms:
        ground = len(layout.levels) * ground + layout.ground

    def collapse(states: State, outcome: Index) -> State:
        fresh = np.zeros_like(states)
        fresh[:, places[ground]] = np.take_along_axis(states, places[outcome], axis=1)
        return fresh

    return collapse
