"""Intervals: bounds that hold for every number an arithmetic step of an expression can give when it runs.

The bounds are those of the run's own floating-point numbers, not of real ones. Sums, products, quotients, roots,
minima and roundings are monotonic in floating point too, so their bounds are exact; other functions are taken
outwards by more than they can be wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from math import atan2, ceil, copysign, floor, inf, isfinite, isinf, isnan, nextafter, pi, prod, sqrt
from typing import Any

import numpy as np

from rydberg_qmem.language.arithmetic import ROUNDING

MOST_VALUES = 16
"""A value known to be one of at most so many is known by them, not only by its bounds."""
ULPS = 8
"""How far library functions may be off, in units of the last place; NumPy's promise is below 4."""
MEAN_SLACK = 1e-12

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
        return _from_values(numbers, width, SOUND)

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
            return _from_values((*self.values, *other.values), width, fault)
        return Interval(min(self.low, other.low), max(self.high, other.high), None, width, fault)

    def sound(self) -> Interval:
        """Return the interval for one who knows that the number is finite."""
        return replace(self, fault=SOUND) if self.fault else self


def _from_values(numbers: Iterable[float], width: int, fault: int) -> Interval:
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


# --- rules: from bounds to bounds, and the fault that the step itself may add ---

Bounds = tuple[float, float, int]


def _least(numbers: Iterable[float]) -> float:
    return min(-inf if isnan(number) else number for number in numbers)


def _most(numbers: Iterable[float]) -> float:
    return max(inf if isnan(number) else number for number in numbers)


def _checked(low: float, high: float) -> Bounds:
    """Return bounds of arithmetic: beyond all bounds a number may overflow."""
    return low, high, OVERFLOW if isinf(low) or isinf(high) else SOUND


def _add(a: Interval, b: Interval) -> Bounds:
    return _checked(_least([a.low + b.low]), _most([a.high + b.high]))


def _subtract(a: Interval, b: Interval) -> Bounds:
    return _checked(_least([a.low - b.high]), _most([a.high - b.low]))


def _times(x: float, y: float) -> float:
    return 0.0 if x == 0 or y == 0 else x * y


def _multiply(a: Interval, b: Interval) -> Bounds:
    corners = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return _checked(min(corners), max(corners))


def _over(x: float, y: float) -> float:
    return 0.0 if isinf(y) else x / y


def _divide(a: Interval, b: Interval) -> Bounds:
    if not b.is_nonzero or b.low < 0 < b.high:
        return -inf, inf, OVERFLOW if b.is_nonzero else DOMAIN
    corners = [_over(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return _checked(min(corners), max(corners))


def _floor_divide(a: Interval, b: Interval) -> Bounds:
    low, high, fault = _divide(a, b)
    low, high = outward(low, high)
    return _floored(low), _floored(high), fault


def _remainder(a: Interval, b: Interval) -> Bounds:
    if not b.is_nonzero:
        return -inf, inf, DOMAIN
    if a.low >= 0 and a.high < b.low:
        return a.low, a.high, SOUND
    return min(0.0, b.low), max(0.0, b.high), SOUND


def _floored(x: float) -> float:
    return float(floor(x)) if isfinite(x) else x


def _clip(x: Interval, low: Interval, high: Interval) -> Bounds:
    return min(max(x.low, low.low), high.low), min(max(x.high, low.high), high.high), SOUND


def _abs(a: Interval) -> Bounds:
    least = 0.0 if a.low <= 0 <= a.high else min(abs(a.low), abs(a.high))
    return least, max(abs(a.low), abs(a.high)), SOUND


def _sqrt(a: Interval) -> Bounds:
    fault = DOMAIN if a.low < -ROUNDING else SOUND
    return sqrt(max(a.low, 0.0)), sqrt(max(a.high, 0.0)), fault


def _rising(function: Callable[[float], Any], least: float = -inf, most: float = inf) -> Callable[[Interval], Bounds]:
    """Return the rule of a function that rises everywhere."""

    def rule(a: Interval) -> Bounds:
        low, high = outward(float(function(a.low)), float(function(a.high)))
        return max(low, least), min(high, most), OVERFLOW if isinf(high) else SOUND

    return rule


def _log(a: Interval) -> Bounds:
    if a.low > 0:
        low, high = outward(float(np.log(a.low)), float(np.log(a.high)))
        return low, high, SOUND
    return -inf, outward(0.0, float(np.log(a.high)))[1] if a.high > 0 else inf, DOMAIN


def _arc(function: Callable[[float], Any], falling: bool) -> Callable[[Interval], Bounds]:
    def rule(a: Interval) -> Bounds:
        fault = DOMAIN if a.low < -1 - ROUNDING or a.high > 1 + ROUNDING else SOUND
        ends = [float(function(min(max(x, -1.0), 1.0))) for x in (a.low, a.high)]
        low, high = outward(*(reversed(ends) if falling else ends))
        return low, high, fault

    return rule


FAR = 1e8
"""Beyond it the turns of an angle are no longer counted."""


def _passes(a: Interval, phase: float, period: float) -> bool:
    """Return whether an interval may hold phase + k period for a whole k."""
    if not a.is_bounded or a.high - a.low >= period or max(-a.low, a.high) > FAR:
        return True
    margin = 1e-7
    return floor((a.high + margin - phase) / period) >= ceil((a.low - margin - phase) / period)


def _wave(function: Callable[[float], Any], crest: float) -> Callable[[Interval], Bounds]:
    def rule(a: Interval) -> Bounds:
        top, bottom = _passes(a, crest, 2 * pi), _passes(a, crest + pi, 2 * pi)
        ends = [0.0, 0.0] if top and bottom else [float(function(a.low)), float(function(a.high))]
        low, high = outward(min(ends), max(ends))
        return -1.0 if bottom else max(low, -1.0), 1.0 if top else min(high, 1.0), SOUND

    return rule


def _tan(a: Interval) -> Bounds:
    if _passes(a, pi / 2, pi):
        return -inf, inf, SOUND
    low, high = outward(float(np.tan(a.low)), float(np.tan(a.high)))
    return low, high, SOUND


def _atan2(y: Interval, x: Interval) -> Bounds:
    if x.low > 0 or y.low > 0 or y.high < 0:
        corners = [atan2(b, a) for a in (x.low, x.high) for b in (y.low, y.high)]
        low, high = outward(min(corners), max(corners))
        return low, high, SOUND
    return -nextafter(pi, 4), nextafter(pi, 4), SOUND


def _power(a: Interval, b: Interval) -> Bounds:
    n = b.low  # exponents are written out
    whole, crosses = n == int(n), a.low <= 0 <= a.high
    fault = DOMAIN if (n < 0 and not a.is_nonzero) or (not whole and a.low < 0) else SOUND
    if (n < 0 and crosses) or (not whole and a.high < 0):
        return -inf, inf, max(fault, OVERFLOW)
    ends = [float(np.power(max(x, 0.0) if not whole else x, n)) for x in (a.low, a.high)]
    low, high = outward(min(ends), max(ends))
    if crosses and n > 0 and (n % 2 == 0 or not whole):
        low = 0.0
    if n == 0:
        low = high = 1.0
    return low, high, max(fault, OVERFLOW if isinf(low) or isinf(high) else SOUND)


def _truth(a: Interval) -> bool | None:
    return True if a.is_nonzero else False if a.is_zero else None


def _verdict(truth: bool | None) -> Bounds:
    return (0.0, 1.0, SOUND) if truth is None else (float(truth), float(truth), SOUND)


def _not(a: Interval) -> Bounds:
    truth = _truth(a)
    return _verdict(None if truth is None else not truth)


def _and(*parts: Interval) -> Bounds:
    truths = [_truth(part) for part in parts]
    return _verdict(False if False in truths else None if None in truths else True)


def _or(*parts: Interval) -> Bounds:
    truths = [_truth(part) for part in parts]
    return _verdict(True if True in truths else None if None in truths else False)


def _less(a: Interval, b: Interval) -> bool | None:
    return True if a.high < b.low and not (a.fault or b.fault) else False if a.low >= b.high else None


def _less_or_equal(a: Interval, b: Interval) -> bool | None:
    return True if a.high <= b.low and not (a.fault or b.fault) else False if a.low > b.high else None


def _equal(a: Interval, b: Interval) -> bool | None:
    apart = a.high < b.low or b.high < a.low
    if apart or (a.values is not None and b.values is not None and not set(a.values) & set(b.values)):
        return False
    return True if a.low == a.high == b.low == b.high and not (a.fault or b.fault) else None


def _opposite(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


_SIGNS: dict[type[ast.cmpop], Callable[[Interval, Interval], bool | None]] = {
    ast.Lt: _less,
    ast.LtE: _less_or_equal,
    ast.Gt: lambda a, b: _less(b, a),
    ast.GtE: lambda a, b: _less_or_equal(b, a),
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: _opposite(_equal(a, b)),
}


def compared(sign: type[ast.cmpop], a: Interval, b: Interval) -> bool | None:
    """Return whether a comparison holds, None where the bounds do not tell."""
    return _SIGNS[sign](a, b)


Rule = Callable[..., Bounds]

RULES: dict[str, Rule] = {
    "+": _add, "-": _subtract, "*": _multiply, "/": _divide, "//": _floor_divide, "%": _remainder, "**": _power,
    "negative": lambda a: (-a.high, -a.low, SOUND),
    "positive": lambda a: (a.low, a.high, SOUND),
    "not": _not, "and": _and, "or": _or,
    "sin": _wave(np.sin, pi / 2), "cos": _wave(np.cos, 0.0), "tan": _tan,
    "asin": _arc(np.arcsin, falling=False), "acos": _arc(np.arccos, falling=True),
    "atan": _rising(np.arctan), "atan2": _atan2, "tanh": _rising(np.tanh, -1.0, 1.0),
    "exp": _rising(np.exp, 0.0), "log": _log, "sqrt": _sqrt, "abs": _abs, "clip": _clip,
    "floor": lambda a: (_floored(a.low), _floored(a.high), SOUND),
    "sign": lambda a: (float(np.sign(a.low)), float(np.sign(a.high)), SOUND),
    "min": lambda *parts: (min(p.low for p in parts), min(p.high for p in parts), SOUND),
    "max": lambda *parts: (max(p.low for p in parts), max(p.high for p in parts), SOUND),
}  # fmt: skip
"""The bounds of every elementwise step, by the sign or the name it has in expressions."""

INEXACT = frozenset({"sin", "cos", "tan", "asin", "acos", "atan", "atan2", "tanh", "exp", "log", "**"})
"""Steps whose last digits depend on the library: known values do not stay known through them."""

MOST_PAIRS = 64


def apply(name: str, function: Callable[..., Any], parts: list[Interval]) -> Interval:
    """Return the interval of one elementwise step on some intervals; the caller silences NumPy's warnings.

    >>> apply("-", np.subtract, [Interval(0, 2), Interval.of(1)])
    Interval(low=-1.0, high=1.0, values=None, width=0, fault=0)
    """
    width = max(part.width for part in parts)
    fault = max(part.fault for part in parts)
    truth = name in ("not", "and", "or")
    known = [part.values for part in parts if part.values is not None]
    if name not in INEXACT and not fault and len(known) == len(parts) and prod(map(len, known)) <= MOST_PAIRS:
        numbers = [float(function(*map(np.float64, chosen))) for chosen in product(*known)]
        if all(map(isfinite, numbers)):
            return _from_values(numbers, width, SOUND)
    low, high, added = RULES[name](*parts)
    if truth:
        return _from_values((low, high), width, SOUND)
    return Interval(low, high, None, width, max(fault, added))


def reduce_window(name: str, window: Interval) -> Interval:
    """Return the interval of mean, sum, min or max over a window whose entries lie in an interval."""
    count, low, high = window.width, window.low, window.high
    if name in ("min", "max"):
        return replace(window, width=0)
    if name == "mean":
        low, high = (_summed(bound, count, side) / count for bound, side in ((low, -1.0), (high, 1.0)))
    else:
        low, high = _summed(low, count, -1.0), _summed(high, count, 1.0)
    return Interval(low, high, None, 0, max(window.fault, OVERFLOW if isinf(low) or isinf(high) else SOUND))


def _summed(bound: float, count: int, side: float) -> float:
    """Return `count` times a bound; sums of whole numbers are exact in any order, others are taken outwards."""
    total = bound * count
    exact = not isfinite(bound) or (bound == int(bound) and abs(total) < 2.0**53)
    return total if exact else total + copysign(abs(total) * (count + 2) * 2.0**-52, side)


def averaged(value: Interval) -> Interval:
    """Return the interval of a weighted mean over shots; means of 0, 1 and -1 alone are exact."""
    low, high = value.low, value.high
    low = low if low in (0.0, 1.0, -1.0) or isinf(low) else low - MEAN_SLACK * abs(low)
    high = high if high in (0.0, 1.0, -1.0) or isinf(high) else high + MEAN_SLACK * abs(high)
    return Interval(low, high, None, 0, max(value.fault, OVERFLOW if isinf(low) or isinf(high) else SOUND))
