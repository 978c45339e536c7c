"""What the state of a part is: a vector, or a density matrix. Each representation answers the same few questions.

A density matrix of k atoms is kept flat, as (rows, D·D) with the ket index first. It needs no unravelling when
atoms are traced out, so a reset does not multiply branches, and noise acts on it without chance.
"""

from __future__ import annotations

from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import State
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

    def reorder(self, states: State, sizes: tuple[int, ...], order: list[int]) -> State:
        """Return the states with their atoms, which have `sizes` levels, in another order."""
        ...

    def narrowed(self, states: State, places: Index) -> State:
        """Return the states with only those basis states kept that are at `places`."""
        ...

    def widened(self, states: State, places: Index, dimension: int) -> State:
        """Return the states among more basis states, their own at `places`."""
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

    def reduced(self, states: State, sizes: tuple[int, ...], kept: tuple[int, ...]) -> State:
        """Return the reduced density matrices (rows, d, d) of some of the atoms, in the order given."""
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

    def reorder(self, states: State, sizes: tuple[int, ...], order: list[int]) -> State:
        """Return the states with their atoms in another order."""
        grid = states.reshape((-1, *sizes)).transpose((0, *(1 + i for i in order)))
        return np.ascontiguousarray(grid).reshape(len(states), -1)

    def narrowed(self, states: State, places: Index) -> State:
        """Return some of the amplitudes."""
        return np.asarray(states[:, places])

    def widened(self, states: State, places: Index, dimension: int) -> State:
        """Return the amplitudes among zeros."""
        made = np.zeros((len(states), dimension), dtype=complex)
        made[:, places] = states
        return made

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

    def reduced(self, states: State, sizes: tuple[int, ...], kept: tuple[int, ...]) -> State:
        """Return the reduced density matrices of some atoms."""
        count = len(states)
        others = tuple(i for i in range(len(sizes)) if i not in kept)
        grid = states.reshape((count, *sizes))
        split = grid.transpose((0, *(1 + i for i in kept), *(1 + i for i in others))).reshape(
            count, prod(sizes[i] for i in kept), -1
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

    def reorder(self, states: State, sizes: tuple[int, ...], order: list[int]) -> State:
        """Return the states with their atoms in another order."""
        atoms = len(order)
        grid = states.reshape((-1, *sizes, *sizes))
        axes = (0, *(1 + i for i in order), *(1 + atoms + i for i in order))
        return np.ascontiguousarray(grid.transpose(axes)).reshape(len(states), -1)

    def narrowed(self, states: State, places: Index) -> State:
        """Return some of the rows and columns."""
        return self._square(states)[:, places[:, None], places].reshape(len(states), -1)

    def widened(self, states: State, places: Index, dimension: int) -> State:
        """Return the rows and columns among zeros."""
        made = np.zeros((len(states), dimension, dimension), dtype=complex)
        made[:, places[:, None], places] = self._square(states)
        return made.reshape(len(states), -1)

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

    def reduced(self, states: State, sizes: tuple[int, ...], kept: tuple[int, ...]) -> State:
        """Return the partial traces over all other atoms."""
        atoms = len(sizes)
        others = tuple(i for i in range(atoms) if i not in kept)
        grid = states.reshape((-1, *sizes, *sizes))
        order = (*kept, *others)
        axes = (0, *(1 + i for i in order), *(1 + atoms + i for i in order))
        size, rest = prod(sizes[i] for i in kept), prod(sizes[i] for i in others)
        split = grid.transpose(axes).reshape(len(states), size, rest, size, rest)
        return np.asarray(np.einsum("qikjk->qij", split))

    def dimension(self, states: State) -> int:
        """Return the number of basis states."""
        return round(states.shape[1] ** 0.5)  # type: ignore[no-any-return]  # a power of ints may be complex


REPRESENTATIONS: dict[str, Representation] = {"vector": Vectors(), "density_matrix": Matrices()}
"""Kinds of state by name."""
