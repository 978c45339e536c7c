"""Values bit by bit: what index, shift and the bitwise operators give."""

from __future__ import annotations

from rydberg_qmem.interop.openqasm._terms import (
    MustBeKnown,
    Unsaid,
    both_known,
    compose,
    connected,
    fitted_to,
    multiplied,
    not_,
    scalar,
)
from rydberg_qmem.interop.openqasm._values import BIT, INT, WIDEST, Bits, Number, Type, Value, known


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


def bitwise(sign: str, left: Value, right: Value) -> Value:
    """Return what `&`, `|`, `^`, `<<` or `>>` gives, bit by bit."""
    if sign in ("<<", ">>"):
        return shifted(left, scalar(right), 1 if sign == "<<" else -1)
    single = isinstance(left, Number) and isinstance(right, Number)
    widths = [w for w in map(_width, (left, right)) if w is not None]
    if not widths:
        if isinstance(left, Number) and isinstance(right, Number) and (both := both_known(left, right)):
            one, other = int(both[0]), int(both[1])
            return known(INT, {"&": one & other, "|": one | other, "^": one ^ other}[sign])
        raise Unsaid(f"{sign} needs numbers of a known number of bits: declare one, as in uint[8]")
    width = max(widths)
    made = Bits(tuple(_bit_pair(sign, a, b) for a, b in zip(bits_of(left, width), bits_of(right, width), strict=True)))
    kinds = {one.type.kind for one in (left, right) if isinstance(one, Number)}
    if single and kinds <= {"bit", "bool"}:
        return made.bits[0]
    whole = next((one.type for one in (left, right) if isinstance(one, Number) and one.type.width == width), None)
    return made if not single or whole is None else as_whole(made, whole)


def as_whole(bits: Bits, kind: Type) -> Number:
    """Return bits as a whole number of a type."""
    return fitted_to(scalar(bits), kind)


def _width(value: Value) -> int | None:
    if isinstance(value, Bits):
        return len(value.bits)
    return 1 if value.type.kind in ("bit", "bool") else value.type.width


def _bit_pair(sign: str, a: Number, b: Number) -> Number:
    match sign:
        case "&":
            return connected("&&", a, b).of(BIT)
        case "|":
            return connected("||", a, b).of(BIT)
        case _:
            both = both_known(a, b)
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
    return as_whole(Bits(tuple(not_(bit).of(BIT) for bit in bits_of(value))), value.type)


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
        return fitted_to(
            known(value.type, int(value.known) << places if way > 0 else int(value.known) >> places), value.type
        )
    if way > 0:
        return fitted_to(multiplied(value, known(INT, 2**places), value.type), value.type)
    return compose(value.type, f"{{0}} // {2**places}", value, low=min(0.0, value.least), high=max(0.0, value.most))


def rotated(value: Value, by: Number, way: int) -> Value:
    """Return a value whose bits are rotated by a known number of places."""
    bits = bits_of(value)
    if by.known is None:
        raise MustBeKnown("bits are rotated by a known number alone")
    places = way * int(by.known) % max(len(bits), 1)
    turned = Bits(bits[len(bits) - places :] + bits[: len(bits) - places])
    return turned if isinstance(value, Bits) else as_whole(turned, value.type)
