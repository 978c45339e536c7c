"""Values as numbers of another type, as OpenQASM casts them."""

from __future__ import annotations

import math
from math import tau

from rydberg_qmem.interop.openqasm._bits import bits_of, shifted
from rydberg_qmem.interop.openqasm._terms import Unsaid, as_float, compose, fitted_to, scalar, truth, wrapped_angle
from rydberg_qmem.interop.openqasm._values import BIT, INT, UINT, WIDEST, Bits, Number, Type, Value, known


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
            return (
                a.of(BIT)
                if source in ("bool", "bit")
                else bits_of(a if a.type.width else fitted_to(a, Type(a.type.kind, WIDEST)), 1)[0]
            )
        case "float":
            return as_float(a)
        case "angle":
            return _to_angle(kind, a, isinstance(value, Bits))
        case _:
            if source == "angle":
                if a.type.width is None:
                    raise Unsaid(f"an angle without a number of bits is no {kind}: cast it to float first")
                return fitted_to(a.of(kind), kind)
            return fitted_to(_towards_zero(a) if source == "float" else a, kind)


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
        return wrapped_angle(as_float(a).of(kind))
    if of_bits and a.type.width == kind.width:
        return a.of(kind)
    if a.type.kind == "angle" and a.type.width is not None:
        apart = kind.width - a.type.width
        return shifted(a.of(UINT), known(INT, abs(apart)), 1 if apart > 0 else -1).of(kind)  # type: ignore[union-attr]
    if a.type.kind not in ("float", "angle") and a.known is None:
        raise Unsaid(f"{a.type} is no angle: OpenQASM casts floats, and bits of the same number")
    steps = 2**kind.width / tau
    if a.known is not None:
        return wrapped_angle(known(kind, math.floor(a.known * steps + 0.5)))
    return wrapped_angle(compose(kind, f"floor({{0}} * {steps!r} + 0.5)", a))
