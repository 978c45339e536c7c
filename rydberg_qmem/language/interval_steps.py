"""Steps of an expression on intervals: elementwise steps, comparisons, reductions of windows, means over shots."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from math import copysign, isfinite, isinf, prod
from typing import Any

import numpy as np

from rydberg_qmem.language.interval_rules import RULES
from rydberg_qmem.language.intervals import OVERFLOW, SOUND, Interval, interval_of

MEAN_SLACK = 1e-12


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
            return interval_of(numbers, width, SOUND)
    low, high, added = RULES[name](*parts)
    if truth:
        return interval_of((low, high), width, SOUND)
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
