"""Arithmetic of OpenQASM's classical types: known numbers are computed, others become expressions of the program.

Whole numbers divide towards zero and keep within the bits of their type, as OpenQASM has it; expressions count in
floating point, so types of more than 49 bits keep within no bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, pi, tau

from rydberg_qmem.interop.openqasm.values import (
    ANGLE, BIT, BOOL, FLOAT, INT, UINT, WIDEST, Bits, Number, Type, Value, known, unknown,
)  # fmt: skip
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


def _both(a: Number, b: Number) -> tuple[int | float, int | float] | None:
    return None if a.known is None or b.known is None else (a.known, b.known)


def _checked(kind: Type, value: int | float) -> Number:
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
    return _sum(as_float(a), as_float(b), FLOAT, "+")


def as_float(a: Number) -> Number:
    """Return a number as a float; an angle in radians."""
    if a.type.kind == "angle" and a.type.width is not None:
        step = tau / 2**a.type.width
        return known(FLOAT, a.known * step) if a.known is not None else compose(FLOAT, f"{{0}} * {step!r}", a)
    return a.of(FLOAT)


# --- operators ---


def binary(sign: str, left: Value, right: Value) -> Value:
    """Return what an operator gives for two values; raise Unsaid where it cannot be said."""
    if sign in ("&", "|", "^", "<<", ">>"):
        return _bitwise(sign, left, right)
    a, b = scalar(left), scalar(right)
    if sign in ("&&", "||"):
        return _connected(sign, truth(a), truth(b))
    if sign in ("==", "!=", "<", ">", "<=", ">="):
        return _compared(sign, a, b)
    return _arithmetic(sign, a, b)


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


def _connected(sign: str, a: Number, b: Number) -> Number:
    decides = 0 if sign == "&&" else 1
    for one, other in ((a, b), (b, a)):
        if one.known is not None:
            return known(BOOL, decides) if one.known == decides else other
    return compose(BOOL, "{0} and {1}" if sign == "&&" else "{0} or {1}", a, b, low=0, high=1)


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _compared(sign: str, a: Number, b: Number) -> Number:
    a, b = _common(a, b)
    both = _both(a, b)
    if both is not None:
        return known(BOOL, int(_COMPARE[sign](*both)))
    return compose(BOOL, f"{{0}} {sign} {{1}}", a, b, low=0, high=1)


def _common(a: Number, b: Number) -> tuple[Number, Number]:
    """Return two numbers to be compared or added in the same steps."""
    if "angle" in (a.type.kind, b.type.kind):
        kind = a.type if a.type.kind == "angle" else b.type
        if a.type.kind == b.type.kind == "angle" and a.type != b.type:
            if None in (a.type.width, b.type.width):
                kind = ANGLE
            else:
                kind = max(a.type, b.type, key=lambda one: one.width or 0)
        return to(kind, a), to(kind, b)
    if ("duration" in (a.type.kind, b.type.kind)) and a.type != b.type:
        raise Unsaid("durations are compared and added with durations alone")
    return a, b


def _result(a: Number, b: Number) -> Type:
    """Return the type of a sum, product or quotient."""
    kinds = {a.type.kind, b.type.kind}
    if "float" in kinds:
        return FLOAT
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
    kind = _literal_aside(a, b)
    match sign:
        case "+" | "-":
            return fitted(_sum(a, b, kind, sign))
        case "*":
            return fitted(_product(a, b, kind))
        case "/":
            return _quotient(a, b, kind)
        case "%":
            return _remainder(a, b, kind)
        case "**":
            return fitted(_power(a, b, kind))
        case _:
            raise Unsaid(f"there is no operator {sign}")


def _literal_aside(a: Number, b: Number) -> Type:
    """Return the type of a result; a known int without a width takes the other's type where it fits into it."""
    for one, other in ((a, b), (b, a)):
        if one.type == INT and one.known is not None and other.type.kind in ("int", "uint") and other.type != INT:
            low, high = other.type.bounds
            if low <= one.known <= high:
                return other.type
    return _result(a, b)


def _sum(a: Number, b: Number, kind: Type, sign: str) -> Number:
    both = _both(a, b)
    if both is not None:
        return _checked(kind, both[0] + both[1] if sign == "+" else both[0] - both[1])
    if sign == "+":
        return compose(kind, "{0} + {1}", a, b, low=a.least + b.least, high=a.most + b.most)
    return compose(kind, "{0} - {1}", a, b, low=a.least - b.most, high=a.most - b.least)


def _product(a: Number, b: Number, kind: Type) -> Number:
    both = _both(a, b)
    if both is not None:
        return _checked(kind, both[0] * both[1])
    ends = [p * q if p and q else 0.0 for p in (a.least, a.most) for q in (b.least, b.most)]
    return compose(kind, "{0} * {1}", a, b, low=min(ends), high=max(ends))


def _quotient(a: Number, b: Number, kind: Type) -> Number:
    if b.known == 0:
        raise Unsaid("must not divide by 0")
    both = _both(a, b)
    if kind.kind == "float":
        return _checked(kind, both[0] / both[1]) if both else compose(kind, "{0} / {1}", a, b)
    if both:
        quotient = abs(int(both[0])) // abs(int(both[1]))
        return known(kind, quotient if (both[0] < 0) == (both[1] < 0) else -quotient)
    size = max(abs(a.least), abs(a.most))
    if a.least >= 0 and b.least >= 0:
        return compose(kind, "{0} // {1}", a, b, low=0, high=size)
    return compose(kind, "sign({0} * {1}) * (abs({0}) // abs({1}))", a, b, low=-size, high=size)


def _remainder(a: Number, b: Number, kind: Type) -> Number:
    """Return the remainder, with the sign of what is divided."""
    if b.known == 0:
        raise Unsaid("must not divide by 0")
    both = _both(a, b)
    if both:
        return known(kind, math.fmod(*both) if kind.kind == "float" else int(math.copysign(1, both[0])) * (abs(int(both[0])) % abs(int(both[1]))))
    size = max(abs(b.least), abs(b.most))
    if a.least >= 0 and b.least >= 0:
        return compose(kind, "{0} % {1}", a, b, low=0, high=min(a.most, size))
    return compose(kind, "sign({0}) * (abs({0}) % abs({1}))", a, b, low=-size, high=size)


def _power(a: Number, b: Number, kind: Type) -> Number:
    both = _both(a, b)
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
        return _checked(kind, base**exponent)
    except ZeroDivisionError:
        raise Unsaid("0 takes no negative power") from None
    except OverflowError:
        raise Unsaid(f"must be at most 1e30, but is {base} ** {exponent}") from None


def _of_durations(sign: str, a: Number, b: Number) -> Number:
    both = _both(a, b)
    if both is None:
        raise MustBeKnown("durations must be known when the file is read")
    kinds = a.type.kind, b.type.kind
    if sign in ("+", "-") and kinds == ("duration", "duration"):
        return _sum(a, b, a.type, sign)
    if sign == "*" and kinds.count("duration") == 1:
        return _checked(a.type if kinds[0] == "duration" else b.type, both[0] * both[1])
    if sign == "/" and kinds[0] == "duration" and both[1]:
        return _checked(FLOAT if kinds[1] == "duration" else a.type, both[0] / both[1])
    raise Unsaid(f"{a.type} {sign} {b.type} is no number")


def _of_angles(sign: str, a: Number, b: Number) -> Number:
    """Return an angle turned, scaled by a whole number or divided; with floats, angles are floats."""
    if sign in ("+", "-"):
        a, b = _common(a, b)
        return _wrapped_angle(_sum(a, b, a.type, sign))
    if "float" in (a.type.kind, b.type.kind):
        return _arithmetic(sign, as_float(a), as_float(b))
    if sign == "*" and a.type.kind != b.type.kind:
        return _wrapped_angle(_product(a, b, a.type if a.type.kind == "angle" else b.type))
    if sign == "/" and a.type.kind == "angle" and b.type.kind != "angle":
        if a.type.width is None:
            return _quotient(as_float(a), b, FLOAT).of(ANGLE)
        return _quotient(a, b, UINT).of(a.type)
    if sign == "/" and a.type.kind == b.type.kind == "angle":
        a, b = _common(a, b)
        return _quotient(a, b, UINT)
    raise Unsaid(f"{a.type} {sign} {b.type} is no operation of OpenQASM")


def _wrapped_angle(a: Number) -> Number:
    """Return an angle within one turn."""
    if a.type.width is not None:
        return _wrapped(a, 2**a.type.width, signed=False)
    if a.known is not None:
        return known(a.type, a.known % tau)
    return compose(a.type, "{0} % (2 * pi)", a, low=0, high=tau)


# --- bits ---


def bits_of(value: Value, width: int | None = None) -> tuple[Number, ...]:
    """Return a value's bits, the least significant first; of `width` if it is given."""
    if isinstance(value, Bits):
        found = value.bits
    elif value.type.kind in ("bit", "bool"):
        found = (value.of(BIT),)
    elif value.type.kind in ("int", "uint", "angle"):
        size = width if value.type.width is None else value.type.width
        if size is None:
            raise Unsaid(f"{value.type} has no known number of bits: declare it with one, as in uint[8]")
        found = tuple(_bit(value, i) for i in range(size))
    else:
        raise Unsaid(f"{value.type} has no bits")
    zero = known(BIT, 0)
    return found if width is None else (found + (zero,) * width)[:width]


def _bit(a: Number, i: int) -> Number:
    if a.known is not None:
        return known(BIT, int(a.known) >> i & 1)
    if i >= WIDEST:
        raise Unsaid(f"bits beyond the {WIDEST}th are not exact in expressions")
    if a.least >= 0 and a.most < 2**i:
        return known(BIT, 0)
    whole = "{0}" if i == 0 else f"({{0}} // {2**i})"
    return compose(BIT, f"{whole} % 2", a, low=0, high=1)


def _bitwise(sign: str, left: Value, right: Value) -> Value:
    if sign in ("<<", ">>"):
        return shifted(left, scalar(right), 1 if sign == "<<" else -1)
    single = isinstance(left, Number) and isinstance(right, Number)
    widths = [w for w in map(_width, (left, right)) if w is not None]
    if not widths:
        if isinstance(left, Number) and isinstance(right, Number) and (both := _both(left, right)):
            one, other = int(both[0]), int(both[1])
            return known(INT, {"&": one & other, "|": one | other, "^": one ^ other}[sign])
        raise Unsaid(f"{sign} needs numbers of a known number of bits: declare one, as in uint[8]")
    width = max(widths)
    made = Bits(tuple(_bit_pair(sign, a, b) for a, b in zip(bits_of(left, width), bits_of(right, width), strict=True)))
    kinds = {one.type.kind for one in (left, right) if isinstance(one, Number)}
    if single and kinds <= {"bit", "bool"}:
        return made.bits[0]
    whole = next((one.type for one in (left, right) if isinstance(one, Number) and one.type.width == width), None)
    return made if not single or whole is None else _whole(made, whole)


def _whole(bits: Bits, kind: Type) -> Number:
    """Return bits as a whole number of a type."""
    return _fit(scalar(bits), kind)


def _width(value: Value) -> int | None:
    if isinstance(value, Bits):
        return len(value.bits)
    return 1 if value.type.kind in ("bit", "bool") else value.type.width


def _bit_pair(sign: str, a: Number, b: Number) -> Number:
    match sign:
        case "&":
            return _connected("&&", a, b).of(BIT)
        case "|":
            return _connected("||", a, b).of(BIT)
        case _:
            both = _both(a, b)
            if both:
                return known(BIT, int(both[0] != both[1]))
            for one, other in ((a, b), (b, a)):
                if one.known == 0:
                    return other.of(BIT)
            return compose(BIT, "{0} != {1}", a, b, low=0, high=1)


def inverted(value: Value) -> Value:
    """Return a value with every bit the other way: `~`."""
    if isinstance(value, Bits):
        return Bits(tuple(not_(bit).of(BIT) for bit in value.bits))
    if value.type.kind in ("bit", "bool"):
        return not_(value).of(BIT)
    if value.type.width is None:
        raise Unsaid(f"~ needs a known number of bits: declare one, as in {value.type}[8]")
    return _whole(Bits(tuple(not_(bit).of(BIT) for bit in bits_of(value))), value.type)


def shifted(value: Value, by: Number, way: int) -> Value:
    """Return a value shifted by a known number of bits, up (1) or down (-1)."""
    if by.known is None:
        raise MustBeKnown("bits are shifted by a known number alone: write the cases by if, or unroll the loop")
    places = int(by.known)
    if places < 0 or places > 64:
        raise Unsaid(f"bits are shifted by 0 to 64 places, not by {places}")
    if isinstance(value, Bits):
        zeros, kept = (known(BIT, 0),) * min(places, len(value.bits)), len(value.bits)
        return Bits((zeros + value.bits)[:kept] if way > 0 else (value.bits + zeros)[-kept:])
    if value.type.kind not in ("int", "uint", "angle") or (value.type.kind == "angle" and value.type.width is None):
        raise Unsaid(f"{value.type} has no bits to shift")
    if value.known is not None:
        return _fit(known(value.type, int(value.known) << places if way > 0 else int(value.known) >> places), value.type)
    if way > 0:
        return _fit(_product(value, known(INT, 2**places), value.type), value.type)
    return compose(value.type, f"{{0}} // {2**places}", value, low=min(0.0, value.least), high=max(0.0, value.most))


# --- types ---


def fitted(a: Number) -> Number:
    """Return a whole number within the bits of its type."""
    return _fit(a, a.type)


def _fit(a: Number, kind: Type) -> Number:
    if kind.width is None or kind.kind not in ("int", "uint", "angle"):
        if kind == UINT and a.known is not None and a.known < 0:
            raise Unsaid(f"uint holds no negative number ({a.known}): give it a number of bits to wrap around")
        return a.of(kind)
    return _wrapped(a.of(kind), 2**kind.width, signed=kind.kind == "int")


def _wrapped(a: Number, size: int, *, signed: bool) -> Number:
    shift = size // 2 if signed else 0
    low, high = float(-shift), float(size - shift - 1)
    if a.known is not None:
        return known(a.type, (int(a.known) + shift) % size - shift)
    if (low <= a.least and a.most <= high) or size > 2**WIDEST:
        return a
    form = f"({{0}} + {shift}) % {size} - {shift}" if signed else f"{{0}} % {size}"
    return compose(a.type, form, a, low=low, high=high)


def to(kind: Type, value: Value) -> Number:
    """Return a value as a number of a type, as OpenQASM casts it; raise Unsaid where it has no such cast."""
    a = scalar(value)
    source = a.type.kind
    if kind.kind == "duration" or source == "duration":
        if kind.kind != source:
            raise Unsaid(f"{a.type} is no {kind}")
        return a
    match kind.kind:
        case "bool":
            return truth(a)
        case "bit":
            return a.of(BIT) if source in ("bool", "bit") else bits_of(a if a.type.width else _fit(a, Type(a.type.kind, WIDEST)), 1)[0]  # type: ignore[arg-type]
        case "float":
            return as_float(a)
        case "angle":
            return _to_angle(kind, a, isinstance(value, Bits))
        case _:
            if source == "angle":
                if a.type.width is None:
                    raise Unsaid(f"an angle without a number of bits is no {kind}: cast it to float first")
                return _fit(a.of(kind), kind)
            return _fit(_towards_zero(a) if source == "float" else a, kind)


def _towards_zero(a: Number) -> Number:
    if a.known is not None:
        return known(INT, int(a.known))
    if a.least >= 0:
        return compose(INT, "floor({0})", a, low=0, high=a.most)
    return compose(INT, "sign({0}) * floor(abs({0}))", a, low=a.least, high=a.most)


def _to_angle(kind: Type, a: Number, of_bits: bool) -> Number:
    if a.type == kind:
        return a
    if kind.width is None:
        return _wrapped_angle(as_float(a).of(kind))
    if of_bits and a.type.width == kind.width:
        return a.of(kind)
    if a.type.kind == "angle" and a.type.width is not None:
        apart = kind.width - a.type.width
        return shifted(a.of(UINT), known(INT, abs(apart)), 1 if apart > 0 else -1).of(kind)  # type: ignore[union-attr]
    if a.type.kind not in ("float", "angle") and a.known is None:
        raise Unsaid(f"{a.type} is no angle: OpenQASM casts floats, and bits of the same number")
    steps = 2**kind.width / tau
    if a.known is not None:
        return _wrapped_angle(known(kind, math.floor(a.known * steps + 0.5)))
    return _wrapped_angle(compose(kind, f"floor({{0}} * {steps!r} + 0.5)", a))


# --- functions ---

_FLOATS: dict[str, tuple[str, Callable[[float], float]]] = {
    "sin": ("sin({0})", math.sin), "cos": ("cos({0})", math.cos), "tan": ("tan({0})", math.tan),
    "arcsin": ("asin({0})", math.asin), "arccos": ("acos({0})", math.acos), "arctan": ("atan({0})", math.atan),
    "exp": ("exp({0})", math.exp), "log": ("log({0})", math.log), "ln": ("log({0})", math.log),
    "sqrt": ("sqrt({0})", math.sqrt),
    "floor": ("floor({0})", math.floor), "ceiling": ("-floor(-{0})", math.ceil),
}  # fmt: skip
FUNCTIONS = (*_FLOATS, "abs", "mod", "pow", "popcount", "rotl", "rotr", "real")


def called(name: str, values: list[Value]) -> Value:
    """Return what a function of OpenQASM's table gives; raise Unsaid for a wrong number of arguments."""
    wanted = 2 if name in ("mod", "pow", "rotl", "rotr") else 1
    if len(values) != wanted:
        raise Unsaid(f"{name} takes {wanted} argument{'s' * (wanted > 1)}, but has {len(values)}")
    match name:
        case "pow":
            return binary("**", *values)
        case "mod":
            return binary("%", *values)
        case "popcount":
            bits = bits_of(values[0])
            total: Number = known(Type("uint", len(bits).bit_length()), 0)
            for bit in bits:
                total = _sum(total, bit, total.type, "+")
            return total
        case "rotl" | "rotr":
            return _rotated(values[0], scalar(values[1]), 1 if name == "rotl" else -1)
        case "abs":
            a = scalar(values[0])
            return known(a.type, abs(a.known)) if a.known is not None else compose(a.type, "abs({0})", a, low=0)
        case "real":
            return as_float(scalar(values[0]))
        case _:
            return _of_float(name, as_float(scalar(values[0])))


def _of_float(name: str, a: Number) -> Number:
    form, function = _FLOATS[name]
    if a.known is None:
        return compose(FLOAT, form, a)
    try:
        return _checked(FLOAT, float(function(a.known)))
    except (ValueError, OverflowError):
        raise Unsaid(f"{name} has no value at {a.known}") from None


def _rotated(value: Value, by: Number, way: int) -> Value:
    bits = bits_of(value)
    if by.known is None:
        raise MustBeKnown("bits are rotated by a known number alone")
    places = way * int(by.known) % max(len(bits), 1)
    turned = Bits(bits[len(bits) - places :] + bits[: len(bits) - places])
    return turned if isinstance(value, Bits) else _whole(turned, value.type)


CONSTANTS = {
    "pi": pi, "π": pi, "tau": tau, "τ": tau, "euler": math.e, "ℇ": math.e,
}  # fmt: skip
"""Numbers that OpenQASM names."""
