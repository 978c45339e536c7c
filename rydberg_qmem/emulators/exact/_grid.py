"""Where long steps begin and end: at holds, jumps and kinks; between them, samples as curves over the steps.

In a step that spans several samples, values are the polynomial of third degree that has the samples' first four
moments; a hold is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

ABRUPT = 4.0
"""A change so many times those beside it is a jump; of slopes, a kink."""
WITHIN = (0.0, 0.0, 1 / 12, 1 / 24, 1 / 80)
"""What a falling line of slope -1 and mean zero adds to its n-fold integral over an interval of length 1."""
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
    def _sizes(self) -> Index:
        return np.diff(np.append(self.starts, len(self.dt_us)))

    @cached_property
    def _places(self) -> tuple[Array, Array]:
        """Where in its group each interval begins and ends, -1 to 1."""
        ends = np.cumsum(self.dt_us)
        begin = np.repeat(ends[self.starts] - self.dt_us[self.starts], self._sizes)
        half = np.repeat(self._groups_us, self._sizes) / 2
        return (ends - self.dt_us - begin) / half - 1, (ends - begin) / half - 1

    @cached_property
    def _integrals(self) -> Array:
        """The integrals of the Legendre polynomials over each interval (intervals, 4)."""
        low, high = self._places
        return np.asarray(legendre_sums(high) - legendre_sums(low))

    def _sum(self, values: Array, axis: int = -1) -> Array:
        return np.asarray(np.add.reduceat(values, self.starts, axis=axis))

    def _fitted(self, values: Array) -> Array:
        """Return Legendre coefficients (rows or 1, groups, 4) that have the moments of the samples."""
        return self._sum(values[:, :, None] * (self._integrals * np.array([0.5, 1.5, 2.5, 3.5])), axis=1)

    def curves(self, values: Array) -> Curves:
        """Return samples (rows or 1, intervals) as polynomials over the steps that have the samples' moments."""
        return Curves(np.repeat(self._fitted(values), self.parts, axis=1))

    def unseen(self, values: Array, width: float) -> float:
        """Bound what the rest of samples beside their polynomials does to a state, all steps of the worst row added up.

        `width` (rad/µs) is how fast the operator turns that the values multiply, in the interaction picture of all
        else. Four moments of the rest vanish in a step, and so do its first four repeated integrals at the step's
        end: partly integrated n times, the rest counts with width to the power n.
        """
        (low, high), dt = self._places, self.dt_us
        fit = np.repeat(self._fitted(values), self._sizes, axis=1)
        rest = values - (fit * (self._integrals / (high - low)[:, None])).sum(axis=-1)
        middle = (low + high) / 2
        slope = (fit[..., 1] + 3 * middle * fit[..., 2] + (7.5 * middle**2 - 1.5) * fit[..., 3]) * (high - low) / dt
        grown = [rest * dt**n / factorial(n) + slope * dt ** (n + 1) * WITHIN[n] for n in range(1, 5)]
        at: list[Array] = []  # the repeated integrals where intervals begin
        for n, inner in enumerate(grown):
            total = inner + sum(at[k] * dt ** (n - k) / factorial(n - k) for k in range(n))
            at.append(np.cumsum(total, axis=-1) - total)
        sizes = [np.abs(part) + np.abs(slope) * dt ** (n + 1) / 8 ** ((n + 1) // 2) for n, part in enumerate(at, 1)]
        bound = np.min([width**n * self._sum(size * dt) for n, size in enumerate(sizes, 1)], axis=0)
        return float(np.where(self._sizes > 1, bound, 0.0).sum(axis=-1).max())

    def turning(self, one: Array, other: Array) -> float:
        """Bound the turn by the order of two quantities that do not commute, as far as the polynomials miss it."""
        a, b = one * self.dt_us, other * self.dt_us
        before_a, before_b = (np.cumsum(v, axis=-1) - v for v in (a, b))
        begin_a, begin_b = (np.repeat(v[:, self.starts], self._sizes, axis=-1) for v in (before_a, before_b))
        made = self._sum(a * (before_b - begin_b) - b * (before_a - begin_a))
        meant = ((self._fitted(one) @ _ORDER) * self._fitted(other)).sum(axis=-1) * (self._groups_us / 2) ** 2
        return float(np.where(self._sizes > 1, np.abs(made - meant), 0.0).sum(axis=-1).max()) / 4


def _order() -> Array:
    """Return ∫∫ P_m(u) P_n(v) - P_n(u) P_m(v) over v < u, within -1 and 1."""
    made = np.zeros((4, 4))
    for n in range(3):
        made[n + 1, n] = 4 / ((2 * n + 1) * (2 * n + 3))
        made[n, n + 1] = -made[n + 1, n]
    return made


_ORDER = _order()


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
