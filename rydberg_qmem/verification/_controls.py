"""A control: one number that a step hands to the device or to memory, with the limits that it must keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from rydberg_qmem.language.bounds import bounds
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.intervals import DOMAIN, Interval
from rydberg_qmem.pulses import Array, Scope, column


@dataclass(frozen=True, eq=False)
class Control:
    """One number under limits: its place, its rules, its bounds in a box, and its values in rows of a scope."""

    place: str
    names: frozenset[str]
    span: Callable[[IntervalScope], Interval]
    values: Callable[[Scope], Array]
    """Values of shape (rows, k) or (1, k): a row keeps the limits if all of them do."""
    low: float = -inf
    high: float = inf
    clock: int = 0
    """Values must be whole multiples of it, unless it is 0."""
    below: str = ""
    above: str = ""
    unit: str = ""
    minimum: float = 0.0
    """Values must be 0 or at least so large."""
    terms: int = 8
    """Terms of expressions that bounds and values are made of, about."""

    def proved(self, interval: Interval) -> bool:
        """Return whether no number of an interval breaks a limit."""
        if interval.fault == DOMAIN or not (self.low <= interval.low and interval.high <= self.high):
            return False
        if self.minimum and not (interval.low >= self.minimum or interval.low == interval.high == 0):
            return interval.values is not None and all(v == 0 or v >= self.minimum for v in interval.values)
        return not self.clock or (
            interval.values is not None and all(v % self.clock == 0 for v in interval.values) and not interval.fault
        )

    def broken(self, values: Array) -> np.ndarray:
        """Return for each row whether its values break a limit."""
        bad = ~np.isfinite(values) | (values < self.low) | (values > self.high)
        if self.clock:
            with np.errstate(invalid="ignore"):
                bad |= values % self.clock != 0
        bad |= (values > 0) & (values < self.minimum)
        return np.asarray(bad.any(axis=1))

    def excess(self, values: Array) -> Array:
        """Return for each row how near its values come to breaking a limit, and how far beyond they go."""
        gaps = [values - self.high if self.high < inf else None, self.low - values if self.low > -inf else None]
        found = [np.where(np.isfinite(gap), gap, 1e300).max(axis=1) for gap in gaps if gap is not None]
        if not found:
            found = [np.abs(np.where(np.isfinite(values), values, 1e300)).max(axis=1)]
        return np.asarray(np.max(found, axis=0))

    def rule(self, low: float, high: float) -> str:
        """Return the rule that values between two bounds break first."""
        if high > self.high or not self.below:
            return self.above or self.below
        return self.below if low < self.low or not self.above else self.above


def of_expression(
    expression: Expression, place: str, rule: str, *, low: float = -inf, high: float = inf, clock: int = 0,
    unit: str = "", terms: int = 8,
) -> Control:  # fmt: skip
    """Return the control that the value of an expression keeps a rule."""

    def values(scope: Scope) -> Array:
        return column(expression, scope)[:, None]

    return Control(
        place, expression.names, lambda box: bounds(expression, box), values, low, high, clock, rule, rule, unit,
        terms=terms,
    )  # fmt: skip


def finite_control(expression: Expression, place: str) -> Control:
    """Return the control that an expression is a finite number."""
    return of_expression(expression, place, f"must be a finite number: {expression}", terms=expression.terms)


@dataclass(frozen=True)
class Reading:
    """An expression reads a name, which may not have a value yet."""

    place: str
    name: str
