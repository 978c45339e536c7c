"""The picture of a register: where atoms are, what they are for, their distances, and the reach of the blockade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import dist
from typing import TYPE_CHECKING, Any

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError
from rydberg_qmem.language import library
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register
from rydberg_qmem.plots._blockade import blockade_radius, roles_of
from rydberg_qmem.plots._canvas.canvas import Floats
from rydberg_qmem.plots._canvas.text import NAME
from rydberg_qmem.plots._style import COLUMN_IN, axes, axes_or_new, okabe_ito, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^v"
_FEW = 4
"""So many atoms show the distances to their nearest neighbours; of more the least distance is told above."""
_SMALL = 6.5
_ALL_NAMED = 25
"""So many atoms all have their names; of more, names that would lie upon others are left out."""


def _drawn(name: str, value: Any) -> Register | Program:
    """Take a register, or what `load` makes a program of."""
    return value if isinstance(value, Register) else library.program(name, value)


@arguments.taking(
    register_or_program=_drawn,
    ax=arguments.optional(axes),
    device=arguments.optional(arguments.text),
    roles=arguments.optional(arguments.names_to("roles", arguments.text)),
    rabi=arguments.optional(arguments.number),
)
def register(
    register_or_program: Register | Program,
    *,
    ax: Axes | None = None,
    rabi: float | None = None,
    device: str | None = None,
    roles: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the atoms with their names, roles and distances, and return the axes (µm); a 3D register in 3D axes.

    Circles, spheres in 3D, have half the blockade radius (C6 / rabi)^(1/6), so that atoms whose circles meet blockade
    each other.

    Args:
        register_or_program: The register, or a program, whose device and roles of atoms are shown.
        ax: Axes of matplotlib to draw on, with the projection "3d" for a register in three dimensions; a new figure if
            not given.
        rabi: Rabi frequency (rad/µs) of the circles; by default the largest that the device's Rydberg channels allow.
            There are no circles where it sets no limit.
        device: Name of the device: DigitalAnalogDevice, AnalogDevice or MockDevice; a program's own if not given. A
            plain register without one has no circles.
        roles: What each atom is for, by its name; a program's are read off its blocks.

    Raises InputError for a `rabi` without a device, unknown atoms in `roles`, and 2D axes for a 3D register.

    >>> ax = register(Register(atoms={"s": (0, 0), "a": (5, 0)}))
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('x (µm)', ['s', 'a', '5 µm', '1 µm'])
    """
    owner = register_or_program if isinstance(register_or_program, Program) else None
    shape = register_or_program.register if isinstance(register_or_program, Program) else register_or_program
    radius = blockade_radius(owner, device, rabi)
    known = _checked(roles, shape) if roles is not None else roles_of(owner) if owner is not None else {}
    places = np.array(list(shape.positions.values()), dtype=float)
    flat = places.shape[1] == 2 or np.ptp(places[:, 2]) == 0
    with paper(height_in=0.85 * COLUMN_IN):
        drawn = axes_or_new(ax) if flat or ax is not None else _axes_3d()
        if not flat and drawn.name != "3d":
            raise InputError("ax must have the projection '3d' for a register in three dimensions")
        points = places[:, :2] if drawn.name != "3d" else places
        _atoms(drawn, shape.names, points, known)
        _distances(drawn, points)
        (_circles if drawn.name != "3d" else _spheres)(drawn, points, radius)
        _finish(drawn, points, radius)
    return drawn


def _axes_3d() -> Any:
    import matplotlib.pyplot as plt

    return plt.figure(layout="none").add_axes((0.0, 0.12, 0.86, 0.74), projection="3d")


def _checked(roles: Mapping[str, str], shape: Register) -> Mapping[str, str]:
    for name in roles:
        if name not in shape.names:
            raise InputError(f"roles: {name!r} is no atom of the register; known: {', '.join(shape.names)}")
    return roles


def _atoms(ax: Any, names: Sequence[str], points: Floats, roles: Mapping[str, str]) -> None:
    blue, _, green, *others = okabe_ito()
    colours = (blue, green, *others)
    kinds = list(dict.fromkeys(roles.get(name, "") for name in names))
    for k, kind in enumerate(kinds):
        chosen = np.array([roles.get(name, "") == kind for name in names])
        marker = _MARKERS[k % len(_MARKERS)]
        ax.plot(*points[chosen].T, marker, color=colours[k % len(colours)], markersize=5, label=kind or None)
    for place in _named(points):
        name, point = names[place], points[place]
        if points.shape[1] == 2:
            ax.annotate(name, point, xytext=(0, 4), textcoords="offset points", fontsize=NAME, ha="center", zorder=6)
        else:
            ax.text(*point, f"  {name}", fontsize=NAME, zorder=6)


def _named(points: Floats) -> list[int]:
    """Return which atoms have their names beside them: all of a few, of many those with room for it."""
    if len(points) <= _ALL_NAMED:
        return list(range(len(points)))
    span = max(float(np.ptp(points, axis=0).max()), 1e-9)
    room = span * np.array([0.2, 0.12, 0.2])[: points.shape[1]]
    made: list[int] = []
    for place, point in enumerate(points):
        if not made or (np.abs(points[made] - point) >= room).any(axis=1).all():
            made.append(place)
    return made


def _distances(ax: Any, points: Floats) -> None:
    """Draw lines to nearest neighbours, with their lengths."""
    if not 1 < len(points) <= _FEW:
        return
    pairs = {tuple(sorted((i, _nearest(points, i)))) for i in range(len(points))}
    for one, two in sorted(pairs):
        ends = points[[one, two]]
        ax.plot(*ends.T, "-", color="0.6", linewidth=0.6, zorder=1)
        text = f"{dist(*ends):.3g} µm"
        if points.shape[1] == 2:
            ax.annotate(
                text, ends.mean(axis=0), xytext=(0, -3), textcoords="offset points", fontsize=_SMALL, color="0.3",
                ha="center", va="top",
            )  # fmt: skip
        else:
            ax.text(*ends.mean(axis=0), text, fontsize=_SMALL, color="0.3")


def _nearest(points: Floats, index: int) -> int:
    gaps = np.linalg.norm(points - points[index], axis=1)
    gaps[index] = np.inf
    return int(gaps.argmin())


def _circles(ax: Any, points: Floats, radius: float | None) -> None:
    from matplotlib.patches import Circle

    if radius is None:
        return
    for x, y in points:
        look = {"facecolor": okabe_ito()[1], "alpha": 0.12, "linewidth": 0}
        ax.add_patch(Circle((x, y), radius / 2, **look))
        ring = {"fill": False, "edgecolor": okabe_ito()[1], "linestyle": "--", "linewidth": 0.8}
        ax.add_patch(Circle((x, y), radius / 2, **ring))


def _spheres(ax: Any, points: Floats, radius: float | None) -> None:
    if radius is None:
        return
    along, around = np.mgrid[0 : np.pi : 9j, 0 : 2 * np.pi : 17j]
    unit = np.stack([np.sin(along) * np.cos(around), np.sin(along) * np.sin(around), np.cos(along)])
    for point in points:
        surface = point[:, None, None] + radius / 2 * unit
        ax.plot_wireframe(*surface, color=okabe_ito()[1], linewidth=0.3, alpha=0.5)


def _finish(ax: Any, points: Floats, radius: float | None) -> None:
    """Set limits, labels, the scale bar and the title."""
    span = float(np.ptp(points, axis=0).max())
    reach = 1.15 * max((radius or 0.0) / 2, 0.2 * span, 1.0)
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    low[1] -= 0.12 * (high[1] - low[1])
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="x (µm)", ylabel="y (µm)")
    ax.set_aspect("equal")
    wide = high[0] - low[0]
    bar = _round_length(0.25 * wide)
    start = np.array([low[0] + 0.04 * wide, low[1] + 0.04 * (high[1] - low[1]), *low[2:]])
    ends = np.stack([start, start + np.eye(len(start))[0] * bar])
    ax.plot(*ends.T, "-", color="black", linewidth=2.0, solid_capstyle="butt")
    if len(start) == 2:
        ax.annotate(f"{bar:g} µm", ends[1], xytext=(3, 0), textcoords="offset points", fontsize=_SMALL, va="center")
    else:
        ax.set_zlim(low[2], high[2])
        ax.set_zlabel("z (µm)")
        ax.text(*ends[1], f" {bar:g} µm", fontsize=_SMALL)
    _head(ax, points, radius)


def _head(ax: Any, points: Floats, radius: float | None) -> None:
    """Say above the picture how far the blockade reaches, how far many atoms are apart, and what the markers mean."""
    notes = [] if radius is None else [f"blockade radius {radius:.1f} µm (circles: half of it)"]
    if len(points) > _FEW:
        notes.append(f"nearest atoms {min(dist(p, q) for p, q in combinations(points, 2)):.3g} µm apart")
    about = "\n".join(notes)
    if any(not line.get_label().startswith("_") for line in ax.lines):
        look = {"handletextpad": 0.3, "columnspacing": 1.0, "title_fontsize": 7}
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, title=about or None, **look)
    elif about:
        ax.set_title(about, fontsize=7)


def _round_length(length: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, … that is no longer than `length`, at least 0.1.

    >>> _round_length(7.3), _round_length(1.9), _round_length(40)
    (5.0, 1.0, 20.0)
    """
    steps = [step * 10.0**power for power in range(-1, 5) for step in (1, 2, 5)]
    return max([step for step in steps if step <= length], default=0.1)
