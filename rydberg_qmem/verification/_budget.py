"""What a proof may cost: work is counted, not timed, so that the same program always gets the same answer."""

from __future__ import annotations

from dataclasses import dataclass

ROWS_PER_TERM = 100
"""Rounds that are evaluated at once in the time of one term of an expression."""
SCHEDULED = 100
"""Terms that are evaluated in the time in which one block is scheduled by Pulser."""
DRAWN = 50
"""Terms that are evaluated in the time in which one waveform is drawn, beside its samples."""
SAMPLES_PER_TERM = 200
NAMES_PER_TERM = 30
"""Names of a state of intervals that are handed on in the time of one term."""
VISIT = 8
"""Terms that are evaluated in the time of one step of a history, beside its own."""
VALUES_PER_TERM = 2000
"""Values of windows that are moved in the time of one term."""


class Undecided(Exception):
    """A proof has spent what it may: nothing more is known."""


@dataclass
class Budget:
    """Work that is left to one proof, in terms of expressions evaluated once.

    >>> budget = Budget(10)
    >>> budget.spend(8), budget.spend(8)
    (True, False)
    """

    left: float

    def spend(self, amount: float) -> bool:
        """Take some work out of what is left; return whether it was there."""
        self.left -= amount
        return self.left >= 0

    def need(self, amount: float) -> None:
        """Take some work out of what is left, or raise Undecided."""
        if not self.spend(amount):
            raise Undecided

    def draw(self, samples: int) -> None:
        """Take the work of drawing a waveform's samples, of all rows together, out of what is left, or raise."""
        self.need(DRAWN + samples / SAMPLES_PER_TERM)
