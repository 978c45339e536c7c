"""Where the cells of a network stand, and which of them are coupled."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import ceil, cos, pi, sin, sqrt
from typing import Literal, assert_never

from rydberg_qmem.errors import InputError

Topology = Literal["line", "ring", "triangle", "grid", "all"]
CELL_UM = 4.0
"""Distance of system and ancilla of a cell."""


def links(units: int, topology: Topology) -> tuple[tuple[int, int], ...]:
    """Return the coupled pairs of cells.

    >>> links(3, "line"), links(4, "grid")
    (((0, 1), (1, 2)), ((0, 1), (2, 3), (0, 2), (1, 3)))
    """
    match topology:
        case "line":
            return tuple(pairwise(range(units)))
        case "ring":
            return (*pairwise(range(units)), (0, units - 1)) if units > 2 else tuple(pairwise(range(units)))
        case "triangle":
            if units != 3:
                raise InputError(f"topology 'triangle' must have 3 units, but has {units}")
            return ((0, 1), (1, 2), (0, 2))
        case "grid":
            side = ceil(sqrt(units))
            along = [(i, i + 1) for i in range(units - 1) if (i + 1) % side]
            across = [(i, i + side) for i in range(units - side)]
            return (*along, *across)
        case "all":
            return tuple(combinations(range(units), 2))
        case _:
            assert_never(topology)


def places(units: int, topology: Topology, spacing_um: float) -> tuple[tuple[float, float], ...]:
    """Return where the systems stand (µm): coupled neighbours of line, ring, triangle and grid at `spacing_um`."""
    match topology:
        case "line":
            return tuple((i * spacing_um, 0.0) for i in range(units))
        case "grid":
            side = ceil(sqrt(units))
            return tuple((i % side * spacing_um, i // side * spacing_um) for i in range(units))
        case _:
            if units == 1:
                return ((0.0, 0.0),)
            radius = spacing_um / (2 * sin(pi / units))
            turns = [2 * pi * i / units for i in range(units)]
            return tuple((round(radius * cos(t), 6), round(radius * sin(t), 6)) for t in turns)


def ancilla_shifts(
    where: tuple[tuple[float, float], ...], topology: Topology, spacing_um: float
) -> list[tuple[float, float]]:
    """Return where each ancilla stands from its system: outwards of a ring, above a line, amid the cells of a grid."""
    if topology in ("line", "grid") or len(where) == 1:
        below = topology == "grid" and len(where) > 2 and spacing_um < 2 * CELL_UM
        return [(spacing_um / 2, spacing_um / 2) if below else (0.0, CELL_UM)] * len(where)
    sizes = [sqrt(x**2 + y**2) for x, y in where]
    return [(round(CELL_UM * x / r, 6), round(CELL_UM * y / r, 6)) for (x, y), r in zip(where, sizes, strict=True)]
