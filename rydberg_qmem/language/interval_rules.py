"""Rules of intervals: from bounds of the parts of each elementwise step to bounds of its result.

Each rule gives the least and greatest number and the fault that the step itself may add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import atan2, ceil, floor, inf, isfinite, isinf, isnan, nextafter, pi, sqrt
from typing import Any

import numpy as np

from rydberg_qmem.language.arithmetic import ROUNDING
from rydberg_qmem.language.intervals import DOMAIN, OVERFLOW, SOUND, Interval, outward

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
    minimum = 0.0 if a.low <= 0 <= a.high else min(abs(a.low), abs(a.high))
    return minimum, max(abs(a.low), abs(a.high)), SOUND


def _sqrt(a: Interval) -> Bounds:
    fault = DOMAIN if a.low < -ROUNDING else SOUND
    return sqrt(max(a.low, 0.0)), sqrt(max(a.high, 0.0)), fault


def _rising(
    function: Callable[[float], Any], minimum: float = -inf, maximum: float = inf
) -> Callable[[Interval], Bounds]:
    """Return the rule of a function that rises everywhere."""

    def rule(a: Interval) -> Bounds:
        low, high = outward(float(function(a.low)), float(function(a.high)))
        return max(low, minimum), min(high, maximum), OVERFLOW if isinf(high) else SOUND

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
