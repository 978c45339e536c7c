"""Where long steps begin and end: at holds, jumps and kinks; between them, samples as curves over the steps.

In a step that spans several samples, values are the polynomial of third degree that has the samples' first four
moments; a hold is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

ABRUPT = 4.0
"""A change so many times those beside it is a jump; of slopes, a kink."""
UNEVEN = 1.5
"""Intervals of durations that differ by more are never joined: the longer one is a hold."""


def legendre(u: float) -> Array:
    """Return the Legendre polynomials of degree 0 to 3 at u."""
    return np.array([1.0, u, (3 * u**2 - 1) / 2, (5 * u**3 - 3 * u) / 2])


def legendre_sums(u: Array) -> Array:
    """Return the integrals from -1 to u of the Legendre polynomials of degree 0 to 3, last axis the degree."""
    return np.stack([u + 1, (u**2 - 1) / 2, (u**3 - u) / 2, (5 * u**4 - 6 * u**2 + 1) / 8], axis=-1)


@dataclass(frozen=True)
class Curves:
    """Values that are polynomials over steps: Legendre coefficients (rows or 1, steps, 4)."""

    weights: Array

    def at(self, u: float) -> Array:
        """Return the values (rows or 1, steps) at a place of each step, -1 its beginning and 1 its end."""
        return np.asarray(self.weights @ legendre(u))

    def between(self, u: float, v: float) -> Array:
        """Return the integrals (rows or 1, steps) between two places of each step, in halves of its duration."""
        return np.asarray(self.weights @ (legendre_sums(np.array(v)) - legendre_sums(np.array(u))))


@dataclass(frozen=True)
class Grid:
    """Steps over intervals: the first interval of each group, and into how many equal steps each group is cut.

    Only groups of one interval are cut: their values are constant.
    """

    dt_us: Array
    starts: Index
    parts: Index

    @classmethod
    def of(cls, dt_us: Array, edges: Index, longest_us: float) -> Grid:
        """Return steps of about `longest_us` at most; one begins at each of the intervals `edges`.

        >>> import numpy as np
        >>> grid = Grid.of(np.array([0.001] * 8 + [0.1]), np.array([8]), 0.004)
        >>> grid.starts.tolist(), grid.parts.tolist()  # two of four samples each, a hold of 25 parts
        ([0, 4, 8], [1, 1, 25])
        """
        ends = np.concatenate([[0.0], np.cumsum(dt_us)])
        bounds = [0, *edges.tolist(), len(dt_us)]
        first = np.concatenate([_evenly(ends, a, b, longest_us) for a, b in pairwise(bounds)])
        single = np.diff(np.append(first, len(dt_us))) == 1
        parts = [_parts(dt, longest_us) for dt in dt_us[first].tolist()]
        return cls(dt_us, first, np.where(single, parts, 1))

    @cached_property
    def steps_us(self) -> Array:
        """How long each step takes."""
        return np.asarray(np.repeat(self._groups_us / self.parts, self.parts))

    @cached_property
    def _groups_us(self) -> Array:
        return np.asarray(np.add.reduceat(self.dt_us, self.starts))

    @cached_property
    def _weights(self) -> Array:
        """What each sample adds to the Legendre coefficients of its group (intervals, 4)."""
        sizes = np.diff(np.append(self.starts, len(self.dt_us)))
        ends = np.cumsum(self.dt_us)
        begin = np.repeat(ends[self.starts] - self.dt_us[self.starts], sizes)
        half = np.repeat(self._groups_us, sizes) / 2
        low, high = (ends - self.dt_us - begin) / half - 1, (ends - begin) / half - 1
        return np.asarray((legendre_sums(high) - legendre_sums(low)) * np.array([0.5, 1.5, 2.5, 3.5]))

    def curves(self, values: Array) -> Curves:
        """Return samples (rows or 1, intervals) as polynomials over the steps that have the samples' moments."""
        fitted = np.add.reduceat(values[:, :, None] * self._weights, self.starts, axis=1)
        return Curves(np.repeat(fitted, self.parts, axis=1))


def _evenly(ends: Array, first: int, last: int, longest_us: float) -> Index:
    """Return the intervals, from the first and before the last, that begin groups of about equal duration."""
    wanted = np.linspace(ends[first], ends[last], _parts(ends[last] - ends[first], longest_us), endpoint=False)
    near = np.searchsorted((ends[first:last] + ends[first + 1 : last + 1]) / 2, wanted)
    return np.unique((first + near).clip(first, last - 1))


def _parts(time_us: float, longest_us: float) -> int:
    return max(1, int(np.ceil(time_us / longest_us - 1e-6)))


def edges(dt_us: Array, *values: Array) -> Index:
    """Return the intervals that begin with or after a hold, or with a jump or a kink of values (rows or 1, intervals).

    >>> import numpy as np
    >>> edges(np.array([1.0, 1, 1, 1, 9, 9]), np.array([[0.0, 1, 2, 3, 3, 7]])).tolist()
    [4, 5]
    """
    found = np.maximum(dt_us[1:], dt_us[:-1]) > UNEVEN * np.minimum(dt_us[1:], dt_us[:-1])
    for value in values:
        jumps, kinks = np.abs(np.diff(value, axis=-1)).sum(axis=0), np.zeros(len(dt_us) - 1)
        kinks[1:] = np.abs(np.diff(value, 2, axis=-1)).sum(axis=0)
        floor = 1e-9 * float(np.abs(value).sum(axis=0).max(initial=0.0))
        found |= _alone(jumps, floor) | _alone(kinks, floor)
    return np.flatnonzero(found) + 1


def _alone(sizes: Array, floor: float) -> NDArray[np.bool_]:
    """Return which sizes stand out from both their neighbours."""
    padded = np.concatenate([[0.0], sizes, [0.0]])
    return np.asarray(sizes > ABRUPT * np.maximum(padded[:-2], padded[2:]) + floor)
