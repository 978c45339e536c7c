"""Intervals: bounds that hold for every number an arithmetic step of an expression can give when it runs.

The bounds are those of the run's own floating-point numbers, not of real ones. Sums, products, quotients, roots,
minima and roundings are monotonic in floating point too, so their bounds are exact; other functions are taken
outwards by more than they can be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, isfinite

MOST_VALUES = 16
"""A value known to be one of at most so many is known by them, not only by its bounds."""
ULPS = 8
"""How far library functions may be off, in units of the last place; NumPy's promise is below 4."""
SOUND, OVERFLOW, DOMAIN = 0, 1, 2
"""Faults: always a finite number; finite unless numbers grow beyond 1e308; perhaps inf or nan (1/0, sqrt(-1))."""


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from `low` to `high`; with `values`, only these; with a `width`, each entry of a window.

    An infinite bound is no bound. `fault` says whether the number may also be inf or nan.

    >>> Interval.of(1, 0)
    Interval(low=0.0, high=1.0, values=(0.0, 1.0), width=0, fault=0)
    """

    low: float
    high: float
    values: tuple[float, ...] | None = None
    width: int = 0
    fault: int = SOUND

    @classmethod
    def of(cls, *numbers: float, width: int = 0) -> Interval:
        """Return the interval of some finite numbers."""
        return interval_of(numbers, width, SOUND)

    @property
    def is_bounded(self) -> bool:
        """Whether both bounds are finite."""
        return isfinite(self.low) and isfinite(self.high)

    @property
    def is_nonzero(self) -> bool:
        """Whether no number in it is 0; nan counts as true where a condition is asked."""
        return self.low > 0 or self.high < 0 or (self.values is not None and 0.0 not in self.values)

    @property
    def is_zero(self) -> bool:
        """Whether it is 0 for certain."""
        return self.low == self.high == 0 and not self.fault

    def holds(self, number: float) -> bool:
        """Return whether a finite number lies in it."""
        return self.low <= number <= self.high and (self.values is None or number in self.values)

    def join(self, other: Interval) -> Interval:
        """Return the least interval that holds both."""
        width, fault = max(self.width, other.width), max(self.fault, other.fault)
        if self.values is not None and other.values is not None:
            return interval_of((*self.values, *other.values), width, fault)
        return Interval(min(self.low, other.low), max(self.high, other.high), None, width, fault)

    def sound(self) -> Interval:
        """Return the interval for one who knows that the number is finite."""
        return replace(self, fault=SOUND) if self.fault else self


def interval_of(numbers: Iterable[float], width: int, fault: int) -> Interval:
    """Return the least interval of some numbers, known one by one where they are few."""
    known = tuple(sorted({float(number) + 0.0 for number in numbers}))
    return Interval(known[0], known[-1], known if len(known) <= MOST_VALUES else None, width, fault)


UNKNOWN = Interval(-inf, inf)


def outward(low: float, high: float, ulps: int = ULPS) -> tuple[float, float]:
    """Return bounds taken outwards by some units of the last place."""
    eps = ulps * 2.0**-52
    return (
        low - abs(low) * eps if isfinite(low) and low else low,
        high + abs(high) * eps if isfinite(high) and high else high,
    )
