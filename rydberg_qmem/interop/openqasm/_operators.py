"""Operators of OpenQASM's classical types."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf

from rydberg_qmem.interop.openqasm._bits import bitwise
from rydberg_qmem.interop.openqasm._casts import to
from rydberg_qmem.interop.openqasm._terms import (
    MAX_KNOWN,
    MustBeKnown,
    Unsaid,
    added,
    as_float,
    both_known,
    bounded,
    compose,
    connected,
    divided,
    fitted,
    multiplied,
    scalar,
    truth,
    wrapped_angle,
)
from rydberg_qmem.interop.openqasm._values import ANGLE, BOOL, FLOAT, INT, UINT, Number, Type, Value, known


def binary(sign: str, left: Value, right: Value) -> Value:
    """Return what an operator gives for two values; raise Unsaid where it cannot be said."""
    if sign in ("&", "|", "^", "<<", ">>"):
        return bitwise(sign, left, right)
    a, b = scalar(left), scalar(right)
    if sign in ("&&", "||"):
        return connected(sign, truth(a), truth(b))
    if sign in ("==", "!=", "<", ">", "<=", ">="):
        return _compared(sign, a, b)
    return _arithmetic(sign, a, b)


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _compared(sign: str, a: Number, b: Number) -> Number:
    a, b = _common(a, b)
    both = both_known(a, b)
    if both is not None:
        return known(BOOL, int(_COMPARE[sign](*both)))
    return compose(BOOL, f"{{0}} {sign} {{1}}", a, b, low=0, high=1)


def _common(a: Number, b: Number) -> tuple[Number, Number]:
    """Return two numbers to be compared or added in the same steps."""
    if a.type.kind == b.type.kind == "angle" and a.type != b.type:
        narrow = None in (a.type.width, b.type.width)
        kind = ANGLE if narrow else max(a.type, b.type, key=lambda one: one.width or 0)
        return to(kind, a), to(kind, b)
    if "angle" in (a.type.kind, b.type.kind) and a.type != b.type:
        return as_float(a), as_float(b)
    if ("duration" in (a.type.kind, b.type.kind)) and a.type != b.type:
        raise Unsaid("durations are compared and added with durations alone")
    return a, b


def _result(a: Number, b: Number) -> Type:
    """Return the type of a sum, product or quotient."""
    kinds = {a.type.kind, b.type.kind}
    if "float" in kinds:
        return FLOAT
    if INT in (a.type, b.type):
        return INT
    if kinds <= {"uint", "bit", "bool"} and "uint" in kinds:
        widths = [one.type.width for one in (a, b) if one.type.kind == "uint"]
        return UINT if None in widths else Type("uint", max(w for w in widths if w is not None))
    widths = [one.type.width for one in (a, b) if one.type.kind in ("int", "uint")]
    return INT if not widths or None in widths else Type("int", max(w for w in widths if w is not None))


def _arithmetic(sign: str, a: Number, b: Number) -> Number:
    if "duration" in (a.type.kind, b.type.kind):
        return _of_durations(sign, a, b)
    if "angle" in (a.type.kind, b.type.kind):
        return _of_angles(sign, a, b)
    kind = _result(a, b)
    match sign:
        case "+" | "-":
            return fitted(added(a, b, kind, sign))
        case "*":
            return fitted(multiplied(a, b, kind))
        case "/":
            return divided(a, b, kind)
        case "%":
            return _remainder(a, b, kind)
        case "**":
            return fitted(_power(a, b, kind))
        case _:
            raise Unsaid(f"there is no operator {sign}")


def _remainder(a: Number, b: Number, kind: Type) -> Number:
    """Return the remainder, with the sign of what is divided."""
    if b.known == 0:
        raise Unsaid("must not divide by 0")
    both = both_known(a, b)
    if both:
        return known(
            kind,
            math.fmod(*both)
            if kind.kind == "float"
            else int(math.copysign(1, both[0])) * (abs(int(both[0])) % abs(int(both[1]))),
        )
    size = max(abs(b.least), abs(b.most))
    if a.least >= 0 and b.least >= 0:
        return compose(kind, "{0} % {1}", a, b, low=0, high=min(a.most, size))
    return compose(kind, "sign({0}) * (abs({0}) % abs({1}))", a, b, low=-size, high=size)


def _power(a: Number, b: Number, kind: Type) -> Number:
    both = both_known(a, b)
    if both is not None:
        return _powered(kind, *both)
    if b.known is None or abs(b.known) > 8 or (kind.kind != "float" and b.known < 0):
        raise MustBeKnown("an exponent must be known, and lie within ±8: write products, or exp and log")
    low = 0.0 if a.least >= 0 or b.known % 2 == 0 else -inf
    return compose(kind, f"{{0}} ** {b.known!r}" if b.known >= 0 else f"1 / {{0}} ** {-b.known!r}", a, low=low)


def _powered(kind: Type, base: int | float, exponent: int | float) -> Number:
    if kind.kind != "float" and exponent < 0:
        raise Unsaid("a whole number takes no negative power: make it a float")
    if exponent > 300 or abs(base) > MAX_KNOWN:
        raise Unsaid(f"must be at most 1e30, but is {base} ** {exponent}")
    try:
        return bounded(kind, base**exponent)
    except ZeroDivisionError:
        raise Unsaid("0 takes no negative power") from None
    except OverflowError:
        raise Unsaid(f"must be at most 1e30, but is {base} ** {exponent}") from None


def _of_durations(sign: str, a: Number, b: Number) -> Number:
    both = both_known(a, b)
    if both is None:
        raise MustBeKnown("durations must be known when the file is read")
    kinds = a.type.kind, b.type.kind
    if sign in ("+", "-") and kinds == ("duration", "duration"):
        return added(a, b, a.type, sign)
    if sign == "*" and kinds.count("duration") == 1:
        return bounded(a.type if kinds[0] == "duration" else b.type, both[0] * both[1])
    if sign == "/" and kinds[0] == "duration" and both[1]:
        return bounded(FLOAT if kinds[1] == "duration" else a.type, both[0] / both[1])
    raise Unsaid(f"{a.type} {sign} {b.type} is no number")


def _of_angles(sign: str, a: Number, b: Number) -> Number:
    """Return an angle turned, scaled by a whole number or divided; with floats, angles are floats."""
    if sign in ("+", "-") and a.type.kind == b.type.kind:
        a, b = _common(a, b)
        return wrapped_angle(added(a, b, a.type, sign))
    if sign in ("+", "-") or "float" in (a.type.kind, b.type.kind):
        return _arithmetic(sign, as_float(a), as_float(b))
    if sign == "*" and a.type.kind != b.type.kind:
        return wrapped_angle(multiplied(a, b, a.type if a.type.kind == "angle" else b.type))
    if sign == "/" and a.type.kind == "angle" and b.type.kind != "angle":
        if a.type.width is None:
            return divided(as_float(a), b, FLOAT).of(ANGLE)
        return divided(a, b, UINT).of(a.type)
    if sign == "/" and a.type.kind == b.type.kind == "angle":
        a, b = _common(a, b)
        return divided(a, b, UINT)
    raise Unsaid(f"{a.type} {sign} {b.type} is no operation of OpenQASM")
