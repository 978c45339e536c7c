"""Phase references as far as they are known before a run: which of them are the same angle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import pi, remainder

from rydberg_qmem.language.expressions import Expression

DIGITS = 9
"""Decimals (rad) to which constant references are told apart."""


@dataclass(frozen=True)
class Reference:
    """A phase reference; equal ones are the same angle.

    `base` names what several paths left behind, 0 the beginning; then come constant shifts (rad, within half a turn)
    and those that the run decides: an expression in a segment, or a drift that a channel corrects.
    """

    base: int = 0
    constant: float = 0.0
    shifts: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, parts: Iterable[tuple[float, Expression]]) -> Reference:
        """Return the reference that shifts within one segment add up to.

        >>> shifts = [(1.0, Expression("x")), (1.0, Expression("pi / 2"))]
        >>> Reference.of(shifts) == Reference.of([(1.0, Expression("5 * pi / 2")), (1.0, Expression("x"))])
        True
        """
        made = cls()
        for factor, angle in parts:
            if angle.is_constant:
                made = made.turned(factor * constant_value(angle))
            else:
                made = made.plus(f"{factor} * ({angle.text})", 0)
        return made

    def shifted(self, angle: Expression, segment: int) -> Reference:
        """Return the reference after a shift in a segment."""
        return self.turned(constant_value(angle)) if angle.is_constant else self.plus(angle.text, segment)

    def turned(self, angle: float) -> Reference:
        """Return the reference after a shift by a number (rad)."""
        turned = round(remainder(self.constant + angle, 2 * pi), DIGITS)
        return replace(self, constant=0.0 if turned == 0 else turned)

    def plus(self, what: str, segment: int) -> Reference:
        """Return the reference after a shift by what only the run knows."""
        return replace(self, shifts=tuple(sorted((*self.shifts, (what, segment)))))


UNSHIFTED = Reference()
"""The reference that every atom begins with."""


def constant_value(angle: Expression) -> float:
    """Return the value of a constant expression."""
    return float(angle.evaluate({}))
