"""Classical values of OpenQASM as far as they are known: numbers, or expressions of the program with their bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf, isfinite, pi, tau
from typing import Literal

from rydberg_qmem.language.expressions import Expression

Kind = Literal["bool", "bit", "int", "uint", "float", "angle", "duration"]
WIDEST = 49
"""Whole numbers of more bits than these are no longer exact in expressions."""


@dataclass(frozen=True)
class Type:
    """A classical type: its kind, and how many bits it has where it says so."""

    kind: Kind
    width: int | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and greatest number of the type, in its own steps."""
        match self.kind:
            case "bool" | "bit":
                return 0, 1
            case "int" if self.width is not None:
                return -(2.0 ** (self.width - 1)), 2.0 ** (self.width - 1) - 1
            case "uint":
                return 0, inf if self.width is None else 2.0**self.width - 1
            case "angle":
                return 0, tau if self.width is None else 2.0**self.width - 1
            case _:
                return -inf, inf

    def __str__(self) -> str:
        return self.kind if self.width is None else f"{self.kind}[{self.width}]"


BOOL, BIT, INT, UINT, FLOAT, ANGLE, DURATION = (
    Type("bool"), Type("bit"), Type("int"), Type("uint"), Type("float"), Type("angle"), Type("duration"),
)  # fmt: skip


@dataclass(frozen=True)
class Number:
    """A scalar: its type, and its number where that is known, else the text of an expression that gives it.

    An angle of n bits counts in steps of 2π/2ⁿ, a duration in ns. `stable` texts read only what never changes again.
    """

    type: Type
    known: int | float | None = None
    text: str = ""
    low: float = -inf
    high: float = inf
    stable: bool = True

    @property
    def least(self) -> float:
        """A lower bound."""
        return self.low if self.known is None else float(self.known)

    @property
    def most(self) -> float:
        """An upper bound."""
        return self.high if self.known is None else float(self.known)

    @property
    def said(self) -> str:
        """The text of an expression, known or not."""
        return self.text if self.known is None else literal(self.known)

    def of(self, kind: Type) -> Number:
        """Return the same number under another type."""
        return replace(self, type=kind)


@dataclass(frozen=True)
class Bits:
    """A register of bits as a value, the least significant first."""

    bits: tuple[Number, ...]

    @property
    def known(self) -> bool:
        """Whether every bit is known."""
        return all(bit.known is not None for bit in self.bits)


Value = Number | Bits


def known(kind: Type, number: int | float) -> Number:
    """Return a known number."""
    return Number(kind, number)


def unknown(kind: Type, text: str, *of: Number, low: float = -inf, high: float = inf, stable: bool = True) -> Number:
    """Return the number of an expression over others, which is stable where they are."""
    steady = stable and all(one.stable or one.known is not None for one in of)
    return Number(kind, None, text, low, high, steady)


def terms(number: Number) -> int:
    """Return how many terms the expression of a number has."""
    return 1 if number.known is not None else Expression(number.text).terms


def literal(number: int | float) -> str:
    """Return the text of a number: a fraction of π where it is one to the last bit."""
    if isinstance(number, bool) or (isinstance(number, int) and abs(number) <= 10**15):
        return str(int(number)) if number >= 0 else f"({int(number)})"
    value = float(number)
    if value and isfinite(value) and abs(value) < 1000:
        ratio = Fraction(value / pi).limit_denominator(64)
        over = ratio.numerator * pi / ratio.denominator if ratio.numerator else 0.0
        if over == value:
            times = {1: "pi", -1: "-pi"}.get(ratio.numerator, f"{ratio.numerator} * pi")
            text = times if ratio.denominator == 1 else f"{times} / {ratio.denominator}"
            return text if text == "pi" else f"({text})"
    return repr(value) if value >= 0 else f"({value!r})"
