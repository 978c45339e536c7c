"""Winding numbers of closed polygons: the area that loops go round, each point counted as often as they do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_PIECES_AT_ONCE = 2_000_000


# Winding numbers by vertical slabs: between neighbouring corners and crossings in x no two edges cross, so
# that a running sum of edge directions from below gives the winding number between them. Loops are flat
# here: edge e goes from corner e to corner `after[e]`, `row` says whose it is.


def swept_areas(x: Floats, y: Floats) -> Floats:
    """Return the integral of |winding number| over the plane of each loop; shapes `(loop, n) -> (loop,)`."""
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
