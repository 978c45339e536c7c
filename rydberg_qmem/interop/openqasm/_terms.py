"""Numbers and expressions put together: sums, products, truths, and what keeps them within the bits of a type.

Known numbers are computed, others become expressions. Whole numbers divide towards zero; expressions count in floating
point, so types of more than 49 bits keep within no bounds.
"""

from __future__ import annotations

from math import inf, tau

from rydberg_qmem.interop.openqasm._values import BOOL, FLOAT, UINT, WIDEST, Number, Type, Value, known, unknown
from rydberg_qmem.language.expressions import Expression

MAX_KNOWN = 10**30
"""Known whole numbers beyond this are refused."""


class Unsaid(Exception):
    """An operation that cannot be said, with the rule."""


class MustBeKnown(Unsaid):
    """An operation that could be said if a number were known."""


def compose(kind: Type, form: str, *of: Number, low: float = -inf, high: float = inf) -> Number:
    """Return the number of an expression: the form with `{0}`, `{1}`, … for the numbers it is of."""
    text = str(Expression(form.format(*(f"({one.said})" for one in of))))
    return unknown(kind, text, *of, low=low, high=high)


def both_known(a: Number, b: Number) -> tuple[int | float, int | float] | None:
    """Return two numbers if both are known."""
    return None if a.known is None or b.known is None else (a.known, b.known)


def bounded(kind: Type, value: int | float) -> Number:
    """Return a known number, or raise Unsaid where it is too large or not finite."""
    if isinstance(value, complex) or not abs(value) <= MAX_KNOWN:
        raise Unsaid(f"must be a finite real number of at most 1e30, but is {value}")
    return known(kind, value)


def minus(a: Number) -> Number:
    """Return -a, as a float where it is an angle in radians."""
    a = as_float(a) if a.type.kind == "angle" else a
    if a.known is not None:
        return known(a.type, -a.known)
    return compose(a.type, "-{0}", a, low=-a.most, high=-a.least)


def half(a: Number) -> Number:
    """Return a/2 as a float."""
    a = as_float(a)
    return known(FLOAT, a.known / 2) if a.known is not None else compose(FLOAT, "{0} / 2", a)


def plus(a: Number, b: Number) -> Number:
    """Return a + b as floats."""
    return added(as_float(a), as_float(b), FLOAT, "+")


def as_float(a: Number) -> Number:
    """Return a number as a float; an angle in radians."""
    if a.type.kind == "angle" and a.type.width is not None:
        step = tau / 2**a.type.width
        return known(FLOAT, a.known * step) if a.known is not None else compose(FLOAT, f"{{0}} * {step!r}", a)
    return a.of(FLOAT)


def scalar(value: Value) -> Number:
    """Return a value as one number, a register of bits as an unsigned whole number."""
    if isinstance(value, Number):
        return value
    kind = Type("uint", len(value.bits))
    if value.known:
        return known(kind, sum(int(bit.known or 0) << i for i, bit in enumerate(value.bits)))
    parts = [f"{{{i}}}" if i == 0 else f"{2**i} * {{{i}}}" for i, bit in enumerate(value.bits) if bit.known != 0]
    return compose(kind, " + ".join(parts), *value.bits, low=0, high=2.0 ** len(value.bits) - 1)


def truth(a: Number) -> Number:
    """Return whether a number is not 0."""
    if a.known is not None:
        return known(BOOL, int(a.known != 0))
    return a.of(BOOL) if a.type.kind in ("bool", "bit") else compose(BOOL, "{0} != 0", a, low=0, high=1)


def not_(a: Number) -> Number:
    """Return whether a number is 0."""
    a = truth(a)
    return known(BOOL, 1 - a.known) if a.known is not None else compose(BOOL, "{0} == 0", a, low=0, high=1)


def connected(sign: str, a: Number, b: Number) -> Number:
    """Return what `&&` or `||` gives for two truths."""
    decides = 0 if sign == "&&" else 1
    for one, other in ((a, b), (b, a)):
        if one.known is not None:
            return known(BOOL, decides) if one.known == decides else other
    return compose(BOOL, "{0} and {1}" if sign == "&&" else "{0} or {1}", a, b, low=0, high=1)


def added(a: Number, b: Number, kind: Type, sign: str) -> Number:
    """Return a sum, or a difference."""
    both = both_known(a, b)
    if both is not None:
        return bounded(kind, both[0] + both[1] if sign == "+" else both[0] - both[1])
    if sign == "+":
        return compose(kind, "{0} + {1}", a, b, low=a.least + b.least, high=a.most + b.most)
    return compose(kind, "{0} - {1}", a, b, low=a.least - b.most, high=a.most - b.least)


def multiplied(a: Number, b: Number, kind: Type) -> Number:
    """Return a product."""
    both = both_known(a, b)
    if both is not None:
        return bounded(kind, both[0] * both[1])
    ends = [p * q if p and q else 0.0 for p in (a.least, a.most) for q in (b.least, b.most)]
    return compose(kind, "{0} * {1}", a, b, low=min(ends), high=max(ends))


def divided(a: Number, b: Number, kind: Type) -> Number:
    """Return a quotient; of whole numbers, towards zero."""
    if b.known == 0:
        raise Unsaid("must not divide by 0")
    both = both_known(a, b)
    if kind.kind == "float":
        return bounded(kind, both[0] / both[1]) if both else compose(kind, "{0} / {1}", a, b)
    if both:
        quotient = abs(int(both[0])) // abs(int(both[1]))
        return known(kind, quotient if (both[0] < 0) == (both[1] < 0) else -quotient)
    size = max(abs(a.least), abs(a.most))
    if a.least >= 0 and b.least >= 0:
        return compose(kind, "{0} // {1}", a, b, low=0, high=size)
    return compose(kind, "sign({0} * {1}) * (abs({0}) // abs({1}))", a, b, low=-size, high=size)


def fitted(a: Number) -> Number:
    """Return a whole number within the bits of its type."""
    return fitted_to(a, a.type)


def fitted_to(a: Number, kind: Type) -> Number:
    """Return a whole number or an angle within the bits of a type."""
    if kind.width is None or kind.kind not in ("int", "uint", "angle"):
        if kind == UINT and a.known is not None and a.known < 0:
            raise Unsaid(f"uint holds no negative number ({a.known}): give it a number of bits to wrap around")
        return a.of(kind)
    return wrapped(a.of(kind), 2**kind.width, signed=kind.kind == "int")


def wrapped(a: Number, size: int, *, signed: bool) -> Number:
    """Return a whole number modulo a size, from 0 or around it."""
    shift = size // 2 if signed else 0
    low, high = float(-shift), float(size - shift - 1)
    if a.known is not None:
        return known(a.type, (int(a.known) + shift) % size - shift)
    if (low <= a.least and a.most <= high) or size > 2**WIDEST:
        return a
    form = f"({{0}} + {shift}) % {size} - {shift}" if signed else f"{{0}} % {size}"
    return compose(a.type, form, a, low=low, high=high)


def wrapped_angle(a: Number) -> Number:
    """Return an angle within one turn."""
    if a.type.width is not None:
        return wrapped(a, 2**a.type.width, signed=False)
    if a.known is not None:
        return known(a.type, a.known % tau)
    return compose(a.type, "{0} % (2 * pi)", a, low=0, high=tau)
