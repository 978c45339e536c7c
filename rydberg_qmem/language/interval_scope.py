"""Boxes: what is known of the names that an expression reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rydberg_qmem.language.intervals import UNKNOWN, Interval


@dataclass(frozen=True)
class IntervalScope:
    """What is known of the names in scope: an interval for each; outcomes as `key.atom`, one for each atom of a key.

    >>> from rydberg_qmem.language.bounds import bounds
    >>> from rydberg_qmem.language.expressions import Expression
    >>> box = IntervalScope({"R": Interval(0, 0.5), "m.a": Interval.of(0, 1)}, {"m": ("a",)})
    >>> bounds(Expression("20 * R + m"), box)
    Interval(low=0.0, high=11.0, values=None, width=0, fault=0)
    """

    names: Mapping[str, Interval]
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ensemble: Mapping[str, Interval] | None = None
    """What is known of the names in all rows that are evaluated together, where `names` are of some of them."""

    def get(self, name: str) -> Interval:
        """Return the interval of a name; a key on several atoms is as wide as they are many."""
        if name not in self.keys:
            return self.names.get(name, UNKNOWN)
        atoms = self.keys[name]
        made = self.names.get(f"{name}.{atoms[0]}", UNKNOWN)
        for atom in atoms[1:]:
            made = made.join(self.names.get(f"{name}.{atom}", UNKNOWN))
        if len(atoms) == 1:
            return made
        return Interval(made.low, made.high, made.values, len(atoms), made.fault)

    def width(self, names: Iterable[str]) -> int:
        """Return how wide an expression is that reads some names plainly: 0 where it gives one value."""
        return max((self.get(name).width for name in names), default=0)

    def narrowed(self, name: str, interval: Interval) -> IntervalScope:
        """Return the box with one name known better."""
        return IntervalScope({**self.names, name: interval}, self.keys, self.ensemble)
