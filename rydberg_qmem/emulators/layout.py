"""Which index of a state vector means which level of which atom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import ONE, Target

State = NDArray[np.complex128]


GROUND_FIRST: dict[str, int] = {"g": 0, "r": 1, "0": 0, "1": 1}
"""Index of each level where an emulator of two-level atoms puts the ground level first, as emu-sv and emu-mps do."""

BYTES_PER_AMPLITUDE = 96
"""One amplitude and the temporaries of its evolution."""
THREADLESS = 32
"""Matrices up to this size are multiplied without BLAS, whose threads cost more than they save on them."""


def times(states: State, matrix: State) -> State:
    """Return states (rows, n) times a matrix (n, m) or vector (n,)."""
    if matrix.shape[0] > THREADLESS:
        return np.asarray(states @ matrix)
    return np.asarray(np.einsum("qi,ij->qj" if matrix.ndim == 2 else "qi,i->q", states, matrix))


def ground_first(states: State, levels: tuple[str, ...]) -> State:
    """Return states (rows, dimension) of two-level atoms in the order `GROUND_FIRST`; applied twice, as they were.

    >>> ground_first(np.array([[1, 2, 3, 4]]), ("r", "g")).tolist()  # rr, rg, gr, gg to gg, gr, rg, rr
    [[4, 3, 2, 1]]
    """
    turned = GROUND_FIRST[levels[0]] == 1
    return np.ascontiguousarray(states[:, ::-1] if turned else states)


Levels = tuple[tuple[str, ...], ...]
"""The levels of each of some atoms."""
ORDER = ("r", "g", "h", "0", "1", "x")
"""The order of levels, whichever of them an atom has."""


@dataclass(frozen=True)
class Layout:
    """Level order and number of atoms; the first atom is the most significant factor.

    Atoms may have some of the levels each: those that they may be in.

    >>> Layout(("r", "g", "h"), 2).dimension, Layout(("r", "g", "h"), 2, (("g", "h"), ("g",))).dimension
    (9, 2)
    """

    levels: tuple[str, ...]
    atoms: int
    some: Levels = ()
    """The levels of each atom; none: all of them."""

    @classmethod
    def of(cls, target: Target) -> Layout:
        """Return the layout of a target."""
        return cls(target.levels, len(target.atoms), target.each)

    @cached_property
    def each(self) -> Levels:
        """The levels of each atom."""
        return self.some or (self.levels,) * self.atoms

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many levels each atom has."""
        return tuple(map(len, self.each))

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        return prod(self.sizes)

    def around(self, atom: int) -> tuple[int, int, int]:
        """Return how many states the atoms before one have, it itself, and those behind it."""
        return prod(self.sizes[:atom]), self.sizes[atom], prod(self.sizes[atom + 1 :])

    @property
    def ground(self) -> int:
        """Index of the level that atoms start in."""
        return self.levels.index("g" if "g" in self.levels else "0")

    @cached_property
    def digits(self) -> NDArray[np.int8]:
        """Index of the level of each atom, among its own, in each basis state: shape (atoms, dimension)."""
        grid = np.indices(self.sizes, dtype=np.int8)
        return grid.reshape(self.atoms, -1)

    def is_level(self, atom: int, level: str) -> NDArray[np.bool_]:
        """Return which basis states have an atom in a level."""
        if level not in self.each[atom]:
            return np.zeros(self.dimension, dtype=bool)
        return np.asarray(self.digits[atom] == self.each[atom].index(level))

    def bit(self, atom: int, basis: str) -> NDArray[np.bool_]:
        """Return which basis states a measurement of an atom in a basis calls 1."""
        return self.is_level(atom, ONE[basis])

    def code(self, atoms: tuple[int, ...], basis: str) -> NDArray[np.int64]:
        """Return the outcome of measuring `atoms` in each basis state, the first atom the highest bit."""
        code = np.zeros(self.dimension, dtype=np.int64)
        for atom in atoms:
            code = 2 * code + self.bit(atom, basis)
        return code

    def level_code(self, atoms: tuple[int, ...]) -> NDArray[np.int64]:
        """Return the levels of `atoms` in each basis state as one number."""
        code = np.zeros(self.dimension, dtype=np.int64)
        for atom in atoms:
            code = self.sizes[atom] * code + self.digits[atom]
        return code

    def places_in(self, wider: Layout) -> NDArray[np.int64]:
        """Return which basis states of a layout, in which atoms have more levels, those of this one are.

        >>> Layout(("g", "h"), 2).places_in(Layout(("r", "g", "h"), 2)).tolist()
        [4, 5, 7, 8]
        """
        made = np.zeros(1, dtype=np.int64)
        for here, there in zip(self.each, wider.each, strict=True):
            made = (made[:, None] * len(there) + np.array([there.index(level) for level in here])).ravel()
        return made

    @property
    def initial(self) -> State:
        """The register with every atom in its ground level, shape (dimension,)."""
        state = np.zeros(self.dimension, dtype=complex)
        state[sum(self.ground * len(self.levels) ** k for k in range(self.atoms))] = 1.0
        return state

    def interaction_diagonal(self, strength: NDArray[np.float64], level: str) -> NDArray[np.float64]:
        """Return the diagonal Σ U_ij n_i n_j of a pair interaction between atoms in a level."""
        each = [np.array([one == level for one in levels], dtype=float) for levels in self.each]
        energy = np.zeros(1)
        shifts = np.zeros((self.atoms, 1))  # of each atom still to come, by those that are there
        for atom in range(self.atoms - 1, -1, -1):
            here = each[atom]
            energy = (here[:, None] * shifts[atom] + energy).ravel()
            added = here[:, None] * strength[:atom, atom, None, None]
            shifts = (shifts[:atom, None, :] + added).reshape(atom, len(energy))
        return energy


def on_both_sides(states: State, evolve: Callable[[State, NDArray[np.int64]], State]) -> State:
    """Return U ρ U† for flat density matrices (rows, D·D), by evolving their columns and then their rows.

    Columns of zeros, of levels that no atom is in, stay as they are: with ideal gates that is all of them with r.
    """
    rows, size = len(states), round(states.shape[1] ** 0.5)
    which = np.repeat(np.arange(rows), size)

    def left(rho: State) -> State:
        columns = np.ascontiguousarray(rho.reshape(rows, size, size).swapaxes(1, 2)).reshape(rows * size, size)
        there = columns.any(axis=1)
        if there.all():
            evolved = evolve(columns, which)
        else:
            evolved = np.zeros_like(columns)
            evolved[there] = evolve(columns[there], which[there])
        return evolved.reshape(rows, size, size).swapaxes(1, 2)

    once = left(states).conj().swapaxes(1, 2)
    return np.ascontiguousarray(left(once).conj().swapaxes(1, 2)).reshape(rows, -1)


def squared_norms(states: State) -> NDArray[np.float64]:
    """Return ⟨ψ|ψ⟩ of each row."""
    return np.asarray((states.real**2 + states.imag**2).sum(axis=1))
