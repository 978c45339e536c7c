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
"""A change so many times one beside it begins or ends a jump; of slopes, a kink."""
MOMENTS = 4
"""So many moments of the samples of a step do its polynomials keep, and so many integrals of what is left vanish."""
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
    def of(cls, dt_us: Array, edges: Index, counts: Index) -> Grid:
        """Return so many steps in each stretch between the intervals `edges`, where steps begin.

        >>> import numpy as np
        >>> grid = Grid.of(np.array([0.001] * 8 + [0.1]), np.array([8]), np.array([2, 25]))
        >>> grid.starts.tolist(), grid.parts.tolist()  # two of four samples each, a hold of 25 parts
        ([0, 4, 8], [1, 1, 25])
        """
        ends = np.concatenate([[0.0], np.cumsum(dt_us)])
        starts, parts = [], []
        for (first, last), count in zip(pairwise([0, *edges.tolist(), len(dt_us)]), counts.tolist(), strict=True):
            starts.append(_evenly(ends, first, last, min(count, last - first)))
            parts.append(np.full(len(starts[-1]), -(-count // (last - first))))
        return cls(dt_us, np.concatenate(starts), np.concatenate(parts))

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
        dt, orders = self.dt_us, range(1, MOMENTS + 1)
        within = self._within(values)
        begin: list[Array] = []  # the repeated integrals of the rest where intervals begin
        sizes = []
        for n in orders:
            total = dt**n * (within @ _AT_END[n - 1])
            total += sum((begin[k] * dt ** (n - 1 - k) / factorial(n - 1 - k) for k in range(n - 1)), np.zeros(()))
            begin.append(np.cumsum(total, axis=-1) - total)
            largest = np.maximum(np.abs(begin[-1]), np.abs(begin[-1] + total))
            sizes.append(largest + dt**n * (np.abs(within) @ _LARGEST[n - 1]))
        bound = np.min([width**n * self._sum(size * dt) for n, size in zip(orders, sizes, strict=True)], axis=0)
        return float(np.where(self._sizes > 1, bound, 0.0).sum(axis=-1).max())

    def _within(self, values: Array) -> Array:
        """Return what samples leave beside their polynomials: Legendre coefficients over each interval (…, 4)."""
        (low, high), fit = self._places, np.repeat(self._fitted(values), self._sizes, axis=1)
        middle, half = (low + high) / 2, (high - low) / 2
        linear = fit[..., 1] + 3 * middle * fit[..., 2] + (7.5 * middle**2 - 1.5) * fit[..., 3]
        square, cube = (1.5 * fit[..., 2] + 7.5 * middle * fit[..., 3]) * half**2, 2.5 * fit[..., 3] * half**3
        mean = (fit * (self._integrals / (high - low)[:, None])).sum(axis=-1)
        return np.stack([values - mean, -linear * half - 0.6 * cube, -square / 1.5, -0.4 * cube], axis=-1)

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


def _repeated() -> tuple[Array, Array]:
    """Return n-fold integrals of Legendre polynomials over an interval of length 1: at its end, and their largest.

    Rows are n from 1 to 4, columns the degree from 0 to 3.
    """
    x = np.linspace(0.0, 1.0, 101)
    made = [np.polynomial.Legendre.basis(degree, domain=[0.0, 1.0]) for degree in range(MOMENTS)]
    integrals = [[one.integ(n, lbnd=0.0)(x) for one in made] for n in range(1, MOMENTS + 1)]
    return np.array(integrals)[..., -1], np.abs(integrals).max(axis=-1)


_AT_END, _LARGEST = _repeated()


def _evenly(ends: Array, first: int, last: int, count: int) -> Index:
    """Return the intervals, from the first and before the last, that begin `count` groups of about equal duration."""
    if count == last - first:
        return np.arange(first, last)
    wanted = np.linspace(ends[first], ends[last], count, endpoint=False)
    near = np.searchsorted((ends[first:last] + ends[first + 1 : last + 1]) / 2, wanted)
    return np.unique((first + near).clip(first, last - 1))


def whole_parts(counts: Index, edges: Index, intervals: int) -> Index:
    """Return how many steps each stretch between edges has: where more than intervals, as many in each of these.

    >>> import numpy as np
    >>> whole_parts(np.array([2, 4]), np.array([3]), 6).tolist()  # three intervals each
    [2, 6]
    """
    sizes = np.diff(np.concatenate([[0], edges, [intervals]]))
    return np.asarray(np.where(counts > sizes, -(-counts // sizes) * sizes, counts))


def halves(dt_us: Array, edges: Index, longest_us: float) -> Index:
    """Return how many pairs of steps of about `longest_us` at most there are in each stretch between edges."""
    times = np.add.reduceat(dt_us, np.concatenate([[0], edges]).astype(np.int64))
    return np.maximum(np.ceil(times / (2 * longest_us) - 1e-6), 1).astype(np.int64)


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
        found |= _abrupt(jumps, floor) | _abrupt(kinks, floor)
    return np.flatnonzero(found) + 1


def _abrupt(sizes: Array, floor: float) -> NDArray[np.bool_]:
    """Return which sizes stand out from a neighbour: a jump between smooth values, or the first and last of several.

    One that is small beside those near it is none: smooth changes are small where they turn.
    """
    near = np.lib.stride_tricks.sliding_window_view(np.pad(sizes, 2), 5).max(axis=1)
    padded = np.concatenate([[np.inf], sizes, [np.inf]])
    apart = sizes > ABRUPT * np.minimum(padded[:-2], padded[2:]) + floor
    return np.asarray(apart & (sizes > near / 2))
