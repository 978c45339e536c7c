"""What the state of a part is: a vector, or a density matrix. Each representation answers the same few questions.

A density matrix of k atoms is kept flat, as (rows, D·D) with the ket index first. It needs no unravelling when
atoms are traced out, so a reset does not multiply branches, and noise acts on it without chance.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.engine.deduplicate import STATE_TOLERANCE, Index, distinct, distinct_states

Array = NDArray[np.float64]


class Representation(Protocol):
    """How states are kept: what a population needs to know of them."""

    name: str
    is_mixed: bool
    """Whether atoms can be traced out without asking in which level they are."""

    def of_levels(self, levels: int) -> State:
        """Return one state for each level of a single atom."""
        ...

    def tensor(self, one: State, two: State) -> State:
        """Return the products of states, row by row."""
        ...

    def reorder(self, states: State, levels: int, order: list[int]) -> State:
        """Return the states with their atoms in another order."""
        ...

    def populations(self, states: State) -> Array:
        """Return the probability of each basis state, (rows, dimension)."""
        ...

    def project(self, states: State, keep: NDArray[np.bool_]) -> State:
        """Return the states projected on basis states, `keep` being (rows, dimension); not normalised."""
        ...

    def pick(self, states: State, rows: Index, places: Index) -> State:
        """Return some `rows` of the states, each restricted to its `places` (rows, kept), in that order."""
        ...

    def scaled(self, states: State, chance: Array) -> State:
        """Return projected states normalised, given the probability of the projection."""
        ...

    def distinct(self, states: State) -> tuple[State, Index]:
        """Return the distinct states, and which one each row is."""
        ...

    def reduced(self, states: State, levels: int, kept: tuple[int, ...]) -> State:
        """Return the reduced density matrices (rows, d, d) of some atoms, in the order given."""
        ...

    def dimension(self, states: State) -> int:
        """Return the number of basis states."""
        ...


class Vectors:
    """Pure states."""

    name = "vector"
    is_mixed = False

    def of_levels(self, levels: int) -> State:
        """Return the basis vectors of one atom."""
        return np.eye(levels, dtype=complex)

    def tensor(self, one: State, two: State) -> State:
        """Return the products of states, row by row."""
        return (one[:, :, None] * two[:, None, :]).reshape(len(one), -1)

    def reorder(self, states: State, levels: int, order: list[int]) -> State:
        """Return the states with their atoms in another order."""
        grid = states.reshape((-1, *(levels,) * len(order))).transpose((0, *(1 + i for i in order)))
        return np.ascontiguousarray(grid).reshape(len(states), -1)

    def populations(self, states: State) -> Array:
        """Return the squared amplitudes."""
        return np.asarray(states.real**2 + states.imag**2)

    def project(self, states: State, keep: NDArray[np.bool_]) -> State:
        """Return the states with all other amplitudes zero."""
        return np.asarray(states * keep)

    def pick(self, states: State, rows: Index, places: Index) -> State:
        """Return some of the amplitudes."""
        return np.asarray(states[rows[:, None], places])

    def scaled(self, states: State, chance: Array) -> State:
        """Return the states divided by the root of their probability."""
        return np.asarray(states / np.sqrt(chance)[:, None])

    def distinct(self, states: State) -> tuple[State, Index]:
        """Return the states that differ by more than a phase."""
        return distinct_states(states)

    def reduced(self, states: State, levels: int, kept: tuple[int, ...]) -> State:
        """Return the reduced density matrices of some atoms."""
        count, atoms = len(states), round(np.log(states.shape[1]) / np.log(levels))
        others = tuple(i for i in range(atoms) if i not in kept)
        grid = states.reshape((count, *(levels,) * atoms))
        split = grid.transpose((0, *(1 + i for i in kept), *(1 + i for i in others))).reshape(
            count, levels ** len(kept), -1
        )
        return np.asarray(np.einsum("qik,qjk->qij", split, split.conj()))

    def dimension(self, states: State) -> int:
        """Return the number of amplitudes."""
        return int(states.shape[1])


class Matrices:
    """Density matrices."""

    name = "density_matrix"
    is_mixed = True

    def of_levels(self, levels: int) -> State:
        """Return the projectors on one atom's levels."""
        made = np.zeros((levels, levels, levels), dtype=complex)
        made[range(levels), range(levels), range(levels)] = 1
        return made.reshape(levels, -1)

    def _square(self, states: State) -> State:
        size = self.dimension(states)
        return states.reshape(len(states), size, size)

    def tensor(self, one: State, two: State) -> State:
        """Return the products of states, row by row."""
        a, b = self._square(one), self._square(two)
        return np.asarray(np.einsum("qij,qkl->qikjl", a, b)).reshape(len(one), -1)

    def reorder(self, states: State, levels: int, order: list[int]) -> State:
        """Return the states with their atoms in another order."""
        atoms = len(order)
        grid = states.reshape((-1, *(levels,) * (2 * atoms)))
        axes = (0, *(1 + i for i in order), *(1 + atoms + i for i in order))
        return np.ascontiguousarray(grid.transpose(axes)).reshape(len(states), -1)

    def populations(self, states: State) -> Array:
        """Return the diagonals."""
        return np.ascontiguousarray(np.einsum("qii->qi", self._square(states)).real)

    def project(self, states: State, keep: NDArray[np.bool_]) -> State:
        """Return P ρ P."""
        return np.asarray(self._square(states) * (keep[:, :, None] & keep[:, None, :])).reshape(len(states), -1)

    def pick(self, states: State, rows: Index, places: Index) -> State:
        """Return some rows and columns."""
        square = self._square(states)
        return square[rows[:, None, None], places[:, :, None], places[:, None, :]].reshape(len(rows), -1)

    def scaled(self, states: State, chance: Array) -> State:
        """Return the states divided by their probability."""
        return np.asarray(states / chance[:, None])

    def distinct(self, states: State) -> tuple[State, Index]:
        """Return the states that differ at all."""
        if len(states) == 1:
            return states, np.zeros(1, dtype=np.int64)
        parts = np.ascontiguousarray(states).view(np.float64)
        first, which = distinct([np.rint(parts / STATE_TOLERANCE).astype(np.int64)])
        return states[first], which

    def reduced(self, states: State, levels: int, kept: tuple[int, ...]) -> State:
        """Return the partial traces over all other atoms."""
        atoms = round(np.log(self.dimension(states)) / np.log(levels))
        others = tuple(i for i in range(atoms) if i not in kept)
        grid = states.reshape((-1, *(levels,) * (2 * atoms)))
        order = (*kept, *others)
        axes = (0, *(1 + i for i in order), *(1 + atoms + i for i in order))
        size, rest = levels ** len(kept), levels ** len(others)
        split = grid.transpose(axes).reshape(len(states), size, rest, size, rest)
        return np.asarray(np.einsum("qikjk->qij", split))

    def dimension(self, states: State) -> int:
        """Return the number of basis states."""
        return round(states.shape[1] ** 0.5)  # type: ignore[no-any-return]  # a power of ints may be complex


REPRESENTATIONS: dict[str, Representation] = {"vector": Vectors(), "density_matrix": Matrices()}
"""Kinds of state by name."""


def one_level(representation: Representation, layout: Layout, level: int) -> State:
    """Return the state (1, ·) of one atom in a level."""
    return representation.of_levels(len(layout.levels))[level : level + 1]
