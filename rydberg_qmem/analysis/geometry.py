"""Closed polygons in the plane: areas, length, form factor, crossings, pinch, straightness.

A loop of n points is a pair of arrays whose last axis holds the n corners; the edge from the last corner
back to the first is implied. All functions work over leading axes at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem import arguments
from rydberg_qmem.analysis.crossings import crossings_of
from rydberg_qmem.analysis.winding import Floats, Ints, swept_areas
from rydberg_qmem.errors import InputError

_CORNERS_AT_ONCE = 5_000


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def signed_area(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the shoelace area, positive for counter-clockwise loops; the lobes of a figure of eight cancel.

    Args:
        x: Corners of closed polygons, (..., n), in any unit.
        y: The same; the area, (...), is in units of x times units of y.

    >>> float(signed_area([0, 2, 2, 0], [0, 0, 1, 1]))
    2.0
    """
    x, y = _loops(x, y)
    x0, y0 = x[..., :1], y[..., :1]  # about the first corner: no cancellation for loops far from the origin
    return np.asarray(_moments(x - x0, y - y0).sum(axis=-1))


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def sector_area(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the area swept by the ray from the origin, 1/2 sum |x dy - y dx|.

    The area measure in the public code of Hernani-Morales and others (machine learning for memristivity, 2024). It
    depends on where the origin lies; for lobes that are star-shaped about the origin it is `unsigned_area`.

    Args:
        x: Corners of closed polygons, (..., n), in any unit.
        y: The same; the area, (...), is in units of x times units of y.

    >>> float(sector_area([-1, 1, 1, -1], [-1, 1, -1, 1]))
    2.0
    """
    x, y = _loops(x, y)
    return np.asarray(np.abs(_moments(x, y)).sum(axis=-1))


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def unsigned_area(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the area of all lobes, each counted positive: the integral of |winding number| over the plane.

    For a loop split at its self-crossings and pinch points into simple lobes this is the sum of their |areas|, a point
    inside two lobes of the same sense counting twice. Only where lobes of opposite sense overlap do they cancel; in
    return the area is a continuous function of the corners and needs no tolerance. Stretches that run back along
    themselves enclose nothing. Noise on the corners makes small fake lobes, so the area of a noisy loop is biased
    upwards. The time grows with the number of crossings: a loop is quick, a random walk of a thousand corners takes
    seconds.

    Args:
        x: Corners of closed polygons, (..., n), in any unit.
        y: The same; the area, (...), is in units of x times units of y.

    >>> eight = [-1, 1, 1, -1], [-1, 1, -1, 1]
    >>> float(unsigned_area(*eight)), float(signed_area(*eight))
    (2.0, 0.0)
    """
    x, y = _loops(x, y)
    rows_x, rows_y = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
    step = max(1, _CORNERS_AT_ONCE // x.shape[-1])
    parts = [swept_areas(rows_x[i : i + step], rows_y[i : i + step]) for i in range(0, len(rows_x), step)]
    return np.concatenate(parts or [np.zeros(0)]).reshape(x.shape[:-1])


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def perimeter(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the length of closed polygons.

    Args:
        x: Their corners, (..., n).
        y: The same, in the unit of x, or both without one: they are added. The length is of shape (...).

    >>> float(perimeter([0, 3, 3, 0], [0, 0, 4, 4]))
    14.0
    """
    x, y = _loops(x, y)
    sides = np.hypot(np.roll(x, -1, axis=-1) - x, np.roll(y, -1, axis=-1) - y)
    return np.asarray(sides.sum(axis=-1))


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def form_factor(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return 4 pi A / P^2 of unsigned area A and perimeter P: 1 for a circle, 0 for a line or a point.

    Args:
        x: Corners of closed polygons, (..., n).
        y: The same, in the unit of x.

    >>> round(float(form_factor([0, 1, 1, 0], [0, 0, 1, 1])), 6)
    0.785398
    """
    length = perimeter(x, y)
    return ratio(4 * np.pi * unsigned_area(x, y), length**2)


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def pinch(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return how far the loop passes from the origin: the largest |y| at x = 0, over the largest |y|.

    y at x = 0 is interpolated on the edges. Where x keeps its sign, y is taken where |x| is smallest.

    Args:
        x: Corners of closed polygons, (..., n), in any unit.
        y: The same, in any unit.

    >>> float(pinch([0, 1, 0, -1], [0.25, 1, -0.25, -1])), float(pinch([0, 1, 2], [0, 1, 0.5]))
    (0.25, 0.0)
    """
    x, y = _loops(x, y)
    following_x, following_y = np.roll(x, -1, axis=-1), np.roll(y, -1, axis=-1)
    crosses = x * following_x < 0
    part = np.where(crosses, x / np.where(crosses, x - following_x, 1.0), 0.0)
    on_edges = np.where(crosses, np.abs(y + part * (following_y - y)), 0.0)
    both_signs = (x.min(axis=-1) < 0) & (x.max(axis=-1) > 0)
    reach = np.abs(x).max(axis=-1)
    floor = np.where(both_signs, 0.0, np.abs(x).min(axis=-1)) + 1e-12 * reach
    at_corners = np.where(np.abs(x) <= floor[..., None], np.abs(y), 0.0)
    return ratio(np.maximum(on_edges, at_corners).max(axis=-1), np.abs(y).max(axis=-1))


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def line_fit(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return slope and R^2 of the least-squares line through the corners, each of shape (...).

    A flat loop is a perfect line (R^2 = 1); the slope is NaN, and R^2 too, where x does not vary.

    Args:
        x: Corners, (..., n), in any unit.
        y: The same; the slope is in units of y over units of x.

    >>> slope, r2 = line_fit([0, 1, 2, 3], [1, 3, 5, 7])
    >>> float(slope), float(r2)
    (2.0, 1.0)
    """
    x, y = _loops(x, y)
    dx, dy = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    spread, rise = (dx**2).sum(axis=-1), (dy**2).sum(axis=-1)
    varies = spread > (1e-12 * np.abs(x).max(axis=-1)) ** 2
    slope = np.where(varies, (dx * dy).sum(axis=-1) / np.where(varies, spread, 1.0), np.nan)
    left_over = ((dy - np.where(varies, slope, 0.0)[..., None] * dx) ** 2).sum(axis=-1)
    flat = rise <= (1e-12 * np.abs(y).max(axis=-1)) ** 2
    r2 = np.where(flat, 1.0, 1.0 - left_over / np.where(flat, 1.0, rise))
    return slope, np.where(varies, r2, np.nan)


@arguments.taking(values=arguments.numbers(dims=1))
def zero_crossings(values: ArrayLike) -> Ints:
    """Return the positions where a series changes sign: the first value at or beyond each zero.

    Zeros between two values of the same sign, and at the ends, are no crossings. Every second position cuts a signal
    into its cycles.

    Args:
        values: The series, (n,), in any unit.

    >>> zero_crossings([0, 1, 0, -1, -1, 2]).tolist()
    [2, 5]
    """
    series = np.asarray(values, dtype=float)
    filled = np.flatnonzero(series)
    signs = np.sign(series[filled])
    return np.asarray(filled[:-1][signs[:-1] != signs[1:]] + 1)


@arguments.taking(x=arguments.numbers(), y=arguments.numbers())
def self_crossings(x: ArrayLike, y: ArrayLike) -> Ints:
    """Return how often closed polygons cross themselves, (...).

    Two passes through one point cross when each leaves the other on the opposite side, be the point inside edges, at a
    shared corner (the pinch of a figure of eight) or a stretch run along together. Otherwise they touch, which does not
    count. Of m passes through one point each pair counts. Points nearer than `CONTACT` times the extent of the loop are
    one; stretches that the loop at once runs back along are left out.

    Args:
        x: Their corners, (..., n), in any unit.
        y: The same.

    >>> int(self_crossings([-1, 1, 1, -1], [-1, 1, -1, 1]))
    1
    >>> int(self_crossings([0, 1, 1, 0, -1, -1], [0, 0, 1, 0, -1, 0]))  # through the shared corner (0, 0)
    1
    >>> int(self_crossings([0, 1, 2, 0, -2, -1], [0, 2, 1, 0, 1, 2]))  # two lobes that touch there
    0
    """
    x, y = _loops(x, y)
    rows = (x + 1j * y).reshape(-1, x.shape[-1])
    return np.array([crossings_of(row) for row in rows], dtype=np.int64).reshape(x.shape[:-1])


@arguments.taking(top=arguments.numbers(), bottom=arguments.numbers())
def ratio(top: Floats, bottom: Floats) -> Floats:
    """Return a ratio, and 0 where it has 0 below.

    Args:
        top: What is divided, of any shape.
        bottom: By what, of the same shape.

    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    if np.shape(top) and np.shape(bottom) and np.shape(top) != np.shape(bottom):
        raise InputError(f"top and bottom must have one shape, but have {np.shape(top)} and {np.shape(bottom)}")
    empty = bottom == 0
    return np.where(empty, 0.0, top / np.where(empty, 1.0, bottom))


def _loops(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    shapes = np.shape(x), np.shape(y)
    try:
        wide_x, wide_y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    except ValueError:
        raise InputError(f"x and y must have shapes that go together, but have {shapes[0]} and {shapes[1]}") from None
    if not wide_x.ndim or not wide_x.shape[-1]:
        raise InputError(f"x and y must have one corner or more, but have the shapes {shapes[0]} and {shapes[1]}")
    return wide_x, wide_y


def _moments(x: Floats, y: Floats) -> Floats:
    return 0.5 * (x * np.roll(y, -1, axis=-1) - y * np.roll(x, -1, axis=-1))
