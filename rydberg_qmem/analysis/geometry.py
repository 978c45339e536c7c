"""Closed polygons in the plane: areas, length, form factor, crossings, pinch, straightness.

A loop of n points is a pair of arrays whose last axis holds the n corners; the edge from the last corner
back to the first is implied. All functions work over leading axes at once.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONTACT = 1e-9
"""Points of a loop closer than this fraction of its extent are the same point when crossings are counted."""

_CORNERS_AT_ONCE = 5_000
_PIECES_AT_ONCE = 2_000_000


def signed_area(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the shoelace area, positive for counter-clockwise loops.

    The lobes of a figure of eight cancel. Shapes `(..., n) -> (...)`; units of x times units of y.

    >>> float(signed_area([0, 2, 2, 0], [0, 0, 1, 1]))
    2.0
    """
    x, y = _loops(x, y)
    x0, y0 = x[..., :1], y[..., :1]  # about the first corner: no cancellation for loops far from the origin
    return np.asarray(_moments(x - x0, y - y0).sum(axis=-1))


def sector_area(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the area swept by the ray from the origin, 1/2 sum |x dy - y dx|.

    The area measure in the public code of Hernani-Morales and others (machine learning for memristivity,
    2024). It depends on where the origin lies; for lobes that are star-shaped about the origin it is
    `unsigned_area`.

    >>> float(sector_area([-1, 1, 1, -1], [-1, 1, -1, 1]))
    2.0
    """
    x, y = _loops(x, y)
    return np.asarray(np.abs(_moments(x, y)).sum(axis=-1))


def unsigned_area(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the area of all lobes, each counted positive: the integral of |winding number| over the plane.

    For a loop split at its self-crossings and pinch points into simple lobes this is the sum of their
    |areas|, a point inside two lobes of the same sense counting twice. Only where lobes of opposite sense
    overlap do they cancel; in return the area is a continuous function of the corners and needs no
    tolerance. Stretches that run back along themselves enclose nothing. Shapes `(..., n) -> (...)`. Noise
    on the corners makes small fake lobes, so the area of a noisy loop is biased upwards. The time grows
    with the number of crossings: a loop is quick, a random walk of a thousand corners takes seconds.

    >>> eight = [-1, 1, 1, -1], [-1, 1, -1, 1]
    >>> float(unsigned_area(*eight)), float(signed_area(*eight))
    (2.0, 0.0)
    """
    x, y = _loops(x, y)
    rows_x, rows_y = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
    step = max(1, _CORNERS_AT_ONCE // x.shape[-1])
    parts = [_swept(rows_x[i : i + step], rows_y[i : i + step]) for i in range(0, len(rows_x), step)]
    return np.concatenate(parts or [np.zeros(0)]).reshape(x.shape[:-1])


def perimeter(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return the length of the closed polygon; shapes `(..., n) -> (...)`.

    It adds x and y, so it means something only where both have the same unit or none.

    >>> float(perimeter([0, 3, 3, 0], [0, 0, 4, 4]))
    14.0
    """
    x, y = _loops(x, y)
    sides = np.hypot(np.roll(x, -1, axis=-1) - x, np.roll(y, -1, axis=-1) - y)
    return np.asarray(sides.sum(axis=-1))


def form_factor(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return 4 pi A / P^2 of unsigned area A and perimeter P: 1 for a circle, 0 for a line or a point.

    >>> round(float(form_factor([0, 1, 1, 0], [0, 0, 1, 1])), 6)
    0.785398
    """
    length = perimeter(x, y)
    return ratio(4 * np.pi * unsigned_area(x, y), length**2)


def pinch(x: ArrayLike, y: ArrayLike) -> Floats:
    """Return how far the loop passes from the origin: the largest |y| at x = 0, over the largest |y|.

    y at x = 0 is interpolated on the edges. Where x keeps its sign, y is taken where |x| is smallest.

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


def line_fit(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return slope and R^2 of the least-squares line through the corners; shapes `(..., n) -> (...)`.

    A flat loop is a perfect line (R^2 = 1); the slope is NaN, and R^2 too, where x does not vary.

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


def zero_crossings(values: ArrayLike) -> Ints:
    """Return the positions where a series `(n,)` changes sign: the first value at or beyond each zero.

    Zeros between two values of the same sign, and at the ends, are no crossings. Every second position cuts
    a signal into its cycles.

    >>> zero_crossings([0, 1, 0, -1, -1, 2]).tolist()
    [2, 5]
    """
    series = np.asarray(values, dtype=float)
    filled = np.flatnonzero(series)
    signs = np.sign(series[filled])
    return np.asarray(filled[:-1][signs[:-1] != signs[1:]] + 1)


def self_crossings(x: ArrayLike, y: ArrayLike) -> Ints:
    """Return how often the loop crosses itself; shapes `(..., n) -> (...)`.

    Two passes through one point cross when each leaves the other on the opposite side, be the point inside
    edges, at a shared corner (the pinch of a figure of eight) or a stretch run along together. Otherwise
    they touch, which does not count. Of m passes through one point each pair counts. Points nearer than
    `CONTACT` times the extent of the loop are one; stretches that the loop at once runs back along are left
    out.

    >>> int(self_crossings([-1, 1, 1, -1], [-1, 1, -1, 1]))
    1
    >>> int(self_crossings([0, 1, 1, 0, -1, -1], [0, 0, 1, 0, -1, 0]))  # through the shared corner (0, 0)
    1
    >>> int(self_crossings([0, 1, 2, 0, -2, -1], [0, 2, 1, 0, 1, 2]))  # two lobes that touch there
    0
    """
    x, y = _loops(x, y)
    rows = (x + 1j * y).reshape(-1, x.shape[-1])
    return np.array([_crossings(row) for row in rows], dtype=np.int64).reshape(x.shape[:-1])


def ratio(top: Floats, bottom: Floats) -> Floats:
    """Return `top / bottom`, and 0 where `bottom` is 0.

    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    empty = bottom == 0
    return np.where(empty, 0.0, top / np.where(empty, 1.0, bottom))


def _loops(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    wide_x, wide_y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    return wide_x, wide_y


def _moments(x: Floats, y: Floats) -> Floats:
    return 0.5 * (x * np.roll(y, -1, axis=-1) - y * np.roll(x, -1, axis=-1))


# Winding numbers by vertical slabs: between neighbouring corners and crossings in x no two edges cross, so
# that a running sum of edge directions from below gives the winding number between them. Loops are flat
# here: edge e goes from corner e to corner `after[e]`, `row` says whose it is.


def _swept(x: Floats, y: Floats) -> Floats:
    rows, corners = x.shape
    after = np.roll(np.arange(x.size).reshape(x.shape), -1, axis=1).ravel()
    row = np.repeat(np.arange(rows), corners)
    x, y = x.ravel(), y.ravel()
    cut_row, cut_x = _cuts(row, x, y, after)
    wall_row, wall_x = np.concatenate([row, cut_row]), np.concatenate([x, cut_x])
    order = np.lexsort((wall_x, wall_row))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first, last = rank[: len(x)], rank[: len(x)][after]
    low, high, sense = np.minimum(first, last), np.maximum(first, last), np.sign(last - first)
    blocks = 1 + int((high - low).sum()) // _PIECES_AT_ONCE
    bounds = np.linspace(0, len(order), blocks + 1).astype(int)
    area = np.zeros(rows)
    for begin, end in pairwise(bounds):
        edge, slab = _ranges(np.clip(low, begin, end), np.clip(high, begin, end))
        edge, height, width = _stacked(x, y, after, wall_x[order], edge, slab)
        winding = np.cumsum(sense[edge])  # back to zero above the last edge of each slab
        pieces = np.abs(winding[:-1]) * np.diff(height) * width[:-1]
        area += np.bincount(row[edge[:-1]], weights=pieces, minlength=rows)
    return area


def _stacked(x: Floats, y: Floats, after: Ints, walls: Floats, edge: Ints, slab: Ints) -> tuple[Ints, Floats, Floats]:
    """Return the edges of each slab from below to above, their heights in its middle, and its width."""
    width = walls[slab + 1] - walls[slab]
    open_ = width > 0
    edge, slab, width = edge[open_], slab[open_], width[open_]
    height = _height(x, y, after, edge, 0.5 * (walls[slab] + walls[slab + 1]))
    upward = np.lexsort((height, slab))
    return edge[upward], height[upward], width[upward]


def _cuts(row: Ints, x: Floats, y: Floats, after: Ints) -> tuple[Ints, Floats]:
    """Return loop and x of every crossing of two edges."""
    left, right = np.minimum(x, x[after]), np.maximum(x, x[after])
    order = np.lexsort((left, row))
    keys = np.argsort(np.lexsort((np.concatenate([left, right]), np.concatenate([row, row]))))
    starts = np.sort(keys[: len(x)])
    reach = np.searchsorted(starts, keys[len(x) :][order])
    place, other = _ranges(np.arange(1, len(x) + 1), np.maximum(reach, np.arange(1, len(x) + 1)))
    one, two = order[place], order[other]
    low, high = np.maximum(left[one], left[two]), np.minimum(right[one], right[two])
    apart = high > low
    one, two, low, high = one[apart], two[apart], low[apart], high[apart]
    gap_low = _height(x, y, after, one, low) - _height(x, y, after, two, low)
    gap_high = _height(x, y, after, one, high) - _height(x, y, after, two, high)
    met = gap_low * gap_high < 0
    part = gap_low[met] / (gap_low[met] - gap_high[met])
    return row[one[met]], low[met] + part * (high[met] - low[met])


def _height(x: Floats, y: Floats, after: Ints, edge: Ints, at: Floats) -> Floats:
    x0, y0, x1, y1 = x[edge], y[edge], x[after[edge]], y[after[edge]]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)


def _ranges(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Return the numbers of all ranges `start[i]:stop[i]`, each with its i."""
    counts = stop - start
    owner = np.repeat(np.arange(len(counts)), counts)
    offset = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - offset[owner] + start[owner]


# Crossings: corners become numbered places, corners that lie on another edge are put into it, and what is
# left are proper crossings of edges and shared places, where the sides of the arms decide.


def _crossings(loop: NDArray[np.complex128]) -> int:
    extent = float(max(np.ptp(loop.real), np.ptp(loop.imag)))
    if extent == 0:
        return 0
    walk = _reduced([int(np.argmax(np.abs(loop - corner) <= CONTACT * extent)) for corner in loop])
    walk = _reduced(_through_contacts(loop, walk, CONTACT * extent)) if len(walk) > 2 else walk
    if len(walk) < 3:
        return 0
    return _proper_crossings(loop, walk) + _pass_crossings(loop, walk)


def _reduced(walk: list[int]) -> list[int]:
    """Return the closed walk without repeated places and without there-and-back steps."""
    kept: list[int] = []
    for place in walk:
        if kept and kept[-1] == place:
            continue
        if len(kept) > 1 and kept[-2] == place:
            kept.pop()
            continue
        kept.append(place)
    while len(kept) > 1 and (kept[0] in kept[-2:] or kept[-1] == kept[1]):  # the same across the seam
        if kept[0] == kept[-1]:
            kept = kept[:-1]
        elif kept[0] == kept[-2]:
            kept = kept[:-2]
        else:
            kept = kept[1:-1]
    return kept


def _through_contacts(loop: NDArray[np.complex128], walk: list[int], near: float) -> list[int]:
    places = np.unique(walk)
    full: list[int] = []
    for here, there in zip(walk, walk[1:] + walk[:1], strict=True):
        along = (loop[places] - loop[here]) / (loop[there] - loop[here])
        length = abs(loop[there] - loop[here])
        inside = (np.abs(along.imag) * length <= near) & (along.real > 0) & (along.real < 1)
        inside &= (places != here) & (places != there)
        full += [here, *places[inside][np.argsort(along.real[inside])].tolist()]
    return full


def _proper_crossings(loop: NDArray[np.complex128], walk: list[int]) -> int:
    tails, heads = np.array(walk), np.roll(walk, -1)
    found = 0
    for edge, (tail, head) in enumerate(zip(walk, heads.tolist(), strict=True)):
        rest = slice(edge + 1, None)
        r, s = loop[tails[rest]], loop[heads[rest]]
        p, q = loop[tail], loop[head]
        parted = ((r - p) / (q - p)).imag * ((s - p) / (q - p)).imag < 0
        parting = ((p - r) / (s - r)).imag * ((q - r) / (s - r)).imag < 0
        joined = np.isin(tails[rest], (tail, head)) | np.isin(heads[rest], (tail, head))
        found += int(np.count_nonzero(parted & parting & ~joined))
    return found


def _pass_crossings(loop: NDArray[np.complex128], walk: list[int]) -> int:
    n = len(walk)
    visits: dict[int, list[int]] = {}
    for position, place in enumerate(walk):
        visits.setdefault(place, []).append(position)
    pairs = [(i, j) for seen in visits.values() for i in seen for j in seen if i != j]
    found = sum(_cross_together(loop, walk, i, j, 1) for i, j in pairs)
    found += sum(_cross_together(loop, walk, i, j, -1) for i, j in pairs if walk[(i + 1) % n] == walk[j - 1])
    return found // 2  # each pair of passes was met from both


def _cross_together(loop: NDArray[np.complex128], walk: list[int], i: int, j: int, way: int) -> bool:
    """Whether the passes at i and j cross on the stretch that starts here; the second runs in sense `way`."""
    n = len(walk)

    def at(position: int) -> int:
        return walk[position % n]

    opposed = way == 1 and (at(i - 1) == at(j + 1) or at(i + 1) == at(j - 1))
    if at(i - 1) == at(j - way) or opposed:
        return False  # the stretch starts elsewhere, or belongs to the other sense
    before = _left(loop, at(i - 1), at(i), at(i + 1), at(j - way))
    while at(i + 1) == at(j + way):
        i, j = i + 1, j + way
    return before != _left(loop, at(i - 1), at(i), at(i + 1), at(j + way))


def _left(loop: NDArray[np.complex128], came: int, here: int, goes: int, probe: int) -> bool:
    ahead = loop[goes] - loop[here]
    back, aside = np.angle((loop[[came, probe]] - loop[here]) / ahead) % (2 * np.pi)
    return bool(aside < back)
