"""What a row of rules says of a block: its atoms, levels and transitions, its unitary, its symbol in pictures.

Each family's module has the rows of its blocks beside their classes: `gate_rule`, `cell_rule`, `classical_rule`. What
knows a gate by more than its pulses, or a cell by more than the blocks that it stands for, asks its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.language.expressions import Expression

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

DIGITAL = frozenset({"digital"})
RYDBERG = frozenset({"ground-rydberg"})
XY = frozenset({"XY"})
BOTH = DIGITAL | RYDBERG
"""The transitions of a gate on g and h that goes by r."""


@dataclass(frozen=True)
class Diagonal:
    """A factor for each state of the atoms' two levels, the first atom's the slowest."""

    factors: Complex
    """Shape (rows or 1, 2ⁿ)."""


@dataclass(frozen=True)
class Matrix:
    """A matrix on the states of the atoms' two levels, the first atom's the slowest; other levels stay."""

    matrix: Complex
    """Shape (rows or 1, 2ⁿ, 2ⁿ)."""


@dataclass(frozen=True)
class RotationMatrix:
    """[[α, β], [-β*, α*]] on the two levels of the last atom, each of shape (rows or 1,)."""

    alpha: Complex
    beta: Complex
    blockaded: bool = False
    """Whether it is done only where the first atom is not in the second of its levels."""


Values = Callable[[Expression], Array]
"""Evaluates an expression, to shape (rows or 1,)."""
Unitary = Callable[[Values], Diagonal | Matrix | RotationMatrix]


def always(unitary: Diagonal | Matrix) -> Unitary:
    """Return a unitary without any angle."""
    return lambda of: unitary


def permuting(*order: int) -> Unitary:
    """Return the unitary that takes each state from the place in `order`."""
    return always(Matrix(np.eye(len(order), dtype=complex)[None, list(order)]))


def phases(angle: Expression, *shares: float) -> Unitary:
    """Return exp(i angle share) for each state, by its share."""
    return lambda of: Diagonal(np.exp(1j * of(angle)[:, None] * np.array(shares)))


def turning(angle: Expression, axis: Literal["x", "y"], *, blockaded: bool = False) -> Unitary:
    """Return exp(-i angle/2 P), P = X or Y, on the last atom; blockaded, where the first is not in its upper level."""

    def unitary(of: Values) -> RotationMatrix:
        half = 0.5 * of(angle)
        beta = -1j * np.sin(half) if axis == "x" else -np.sin(half) + 0j
        return RotationMatrix(np.cos(half) + 0j, beta, blockaded)

    return unitary


@dataclass(frozen=True)
class Label:
    """A box: its words, and below them a value, or a tuple of them in brackets."""

    words: tuple[str, ...]
    value: Expression | tuple[Expression, ...] | None = None


Sign = Literal["dot", "plus", "meter", "mirror"]
Mark = Label | Sign
"""What a block shows on one atom."""

Named = tuple[tuple[str, str], ...]
"""The atoms that a block names, each with the field that names it."""


@dataclass(frozen=True)
class GateRule:
    """What a gate is, whatever pulses make it."""

    atoms: Named
    """In the order of its unitary; none where it acts on the whole register."""
    levels: str
    """The two levels of each atom that it is a unitary of: gh, gr or 01."""
    bases: frozenset[str]
    """The transitions that it needs the levels of: those that its pulses drive are among them."""
    marks: tuple[Mark, ...]
    """What it shows on each atom; one for all where it names none."""
    unitary: Unitary | None
    """None where it is known on a register only, from its own interaction."""
    excited: tuple[str, ...] = ()
    """Atoms that it may take to a Rydberg level and leave there."""
    fresh: tuple[str, ...] = ()
    """Atoms that must be in the first level before it."""
    time_us: Expression | None = None
    """The time (µs) that it is given, where it is."""


@dataclass(frozen=True)
class Within:
    """A field whose value must lie between a least one and 1."""

    field: str
    value: Expression
    minimum: float


@dataclass(frozen=True)
class ClassicalRule:
    """What a block of classical memory writes."""

    values: Mapping[str, Expression]
    """The new value of each name; all of them see the old ones."""
    windows: bool = False
    """Whether the names are windows, and the values pushed into them."""


@dataclass(frozen=True)
class CellRule:
    """What a cell is, beside the blocks that it stands for."""

    atoms: Named
    """The last is the one whose outcome is kept, where one is; none where it acts on the whole register."""
    bases: frozenset[str]
    """The transitions that its blocks need the levels of."""
    marks: tuple[Mark, ...]
    """What it shows on each atom."""
    key: str | None
    """The name that its ancilla's outcome is kept under, where it is."""
    within: Within | None = None
