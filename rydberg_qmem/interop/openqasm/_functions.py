"""Functions and constants that OpenQASM has by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import pi, tau

from rydberg_qmem.interop.openqasm._bits import bits_of, rotated
from rydberg_qmem.interop.openqasm._operators import binary
from rydberg_qmem.interop.openqasm._terms import Unsaid, added, as_float, bounded, compose, scalar
from rydberg_qmem.interop.openqasm._values import FLOAT, Number, Type, Value, known

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
                total = added(total, bit, total.type, "+")
            return total
        case "rotl" | "rotr":
            return rotated(values[0], scalar(values[1]), 1 if name == "rotl" else -1)
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
        return bounded(FLOAT, float(function(a.known)))
    except (ValueError, OverflowError):
        raise Unsaid(f"{name} has no value at {a.known}") from None


CONSTANTS = {
    "pi": pi, "π": pi, "tau": tau, "τ": tau, "euler": math.e, "ℇ": math.e,
}  # fmt: skip  # fmt: skip
"""Numbers that OpenQASM names."""
