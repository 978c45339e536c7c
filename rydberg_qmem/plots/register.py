"""The picture of a register."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rydberg_qmem.errors import InputError
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register
from rydberg_qmem.plots.labels import NAME
from rydberg_qmem.plots.marks import Floats
from rydberg_qmem.plots.style import COLUMN_IN, axes_or_new, okabe_ito, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def register(register_or_program: Register | Program, *, ax: Axes | None = None, rabi: float | None = None) -> Axes:
    """Draw the atoms in the plane with their names and return the axes (µm).

    With `rabi` (rad/µs) a circle around each atom shows the blockade radius (C6 / rabi)^(1/6) of the program's
    device. Raises InputError for a register that does not lie in a plane of constant z, or `rabi` without a
    program.

    >>> ax = register(Register(atoms={"s": (0, 0), "a": (5, 0)}))
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('x (µm)', ['s', 'a'])
    """
    owner = register_or_program if isinstance(register_or_program, Program) else None
    shape = register_or_program.register if isinstance(register_or_program, Program) else register_or_program
    places = np.array(list(shape.positions.values()))
    if places.shape[1] == 3 and np.ptp(places[:, 2]) > 0:
        raise InputError("a register must lie in a plane of constant z to be drawn, but this one does not")
    radius = None if rabi is None else _blockade_radius(owner, rabi)
    with paper(height_in=COLUMN_IN):
        ax = axes_or_new(ax)
        _draw_atoms(ax, shape.names, places, radius)
    return ax


def _blockade_radius(owner: Program | None, rabi: float) -> float:
    from rydberg_qmem.compile.target import device_of

    if owner is None:
        raise InputError("rabi needs a program, whose device sets the blockade radius, but a register was given")
    if not 0 < rabi < np.inf:
        raise InputError(f"rabi must be positive and finite, in rad/µs ({rabi})")
    return float(device_of(owner).rydberg_blockade_radius(rabi))


def _draw_atoms(ax: Axes, names: Sequence[str], places: Floats, radius: float | None) -> None:
    from matplotlib.patches import Circle

    blue, feed, *_ = okabe_ito()
    ax.plot(places[:, 0], places[:, 1], "o", color=blue, markersize=5)
    for name, place in zip(names, places, strict=True):
        ax.annotate(name, place[:2], xytext=(4, 4), textcoords="offset points", fontsize=NAME)
        if radius is not None:
            look = {"fill": False, "edgecolor": feed, "linestyle": "--", "linewidth": 0.8}
            ax.add_patch(Circle((place[0], place[1]), radius, **look))
    reach = max(radius or 0.0, 0.15 * float(np.ptp(places[:, :2], axis=0).max()), 1.0) * 1.1
    low, high = places[:, :2].min(axis=0) - reach, places[:, :2].max(axis=0) + reach
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="x (µm)", ylabel="y (µm)", aspect="equal")
    if radius is not None:
        ax.set_title(f"blockade radius {radius:.1f} µm")
