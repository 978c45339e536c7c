"""What a proof may cost: work is counted, not timed, so that the same program always gets the same answer."""

from __future__ import annotations

from dataclasses import dataclass


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
