"""Propagators that are kept: by what is played and its control values, the least recently used dropped first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE

Matrix = NDArray[Any]

FEW_ROWS = 512
"""So many rows are evolved together about as fast as one: propagators that need no more are made at once."""
BUILD_BYTES = 100_000_000
"""Memory for propagators in the making: beyond it they are made one after the other."""
TRIED_ROWS = 20_000
"""After so many rows of which hardly any found a kept propagator, a segment is no longer looked up."""
REMEMBERED = 1_000_000
"""So many control values are remembered until they come again."""
CACHE_BYTES = 200_000_000
"""Memory that the propagators of all segments together may take."""


@dataclass
class PropagatorCache:
    """Propagators by segment and control values, for one emulator under one noise.

    A propagator costs as much as evolving one state for each of its columns. It is made when the rows that had its
    control values add up to that, or sooner when they come again and the loops ahead promise as much: with continuous
    feedback, where no value comes twice, never. An `eager` cache makes all that are asked for: those of a generator
    whose every row costs an exponential of the same size.
    """

    largest: int
    """Largest size of propagators that are kept; longer rows are moved each time."""
    eager: bool = False
    kept: OrderedDict[bytes, Matrix] = field(default_factory=OrderedDict)
    seen: dict[bytes, int] = field(default_factory=dict)
    asked: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    size: int = 0
    """Bytes that the kept propagators take."""
    largest_build: int = 0
    """Largest memory (bytes) that propagators have taken while they were made."""

    def get(self, key: bytes) -> Matrix | None:
        """Return the propagator of a key, marking it as used."""
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
        return found

    def put(self, key: bytes, propagator: Matrix) -> None:
        """Keep a propagator."""
        if key in self.kept:
            self.size -= self.kept.pop(key).nbytes
        self.kept[key] = propagator
        self.size += propagator.nbytes
        while self.size > CACHE_BYTES:
            self.size -= self.kept.popitem(last=False)[1].nbytes

    def keeps(self, size: int) -> bool:
        """Return whether propagators of a size are kept."""
        return size <= self.largest

    def shares(self, rows: Matrix) -> bool:
        """Return whether a propagator of what is the same for all rows costs less than moving them."""
        size = rows.shape[-1]
        return rows.ndim > 2 if self.eager else size <= self.largest and rows.size > size * size

    def together(self, size: int) -> int:
        """Return how many propagators are made at once."""
        return max(1, BUILD_BYTES // (size * size * BYTES_PER_AMPLITUDE))

    def wanted(self, missing: dict[bytes, int], visits: int, size: int) -> list[bytes]:
        """Return the keys, of those that so many rows ask for, whose propagators are worth making now."""
        if self.eager:
            return list(missing)
        few = visits > 1 and len(missing) * size <= FEW_ROWS
        return [key for key, rows in missing.items() if self._repeats(key, rows, visits, size) or few]

    def note(self, segment: bytes, asked: int, found: int) -> None:
        """Remember how many rows of a segment asked for a propagator and found one."""
        before = self.asked.get(segment, (0, 0))
        self.asked[segment] = (before[0] + asked, before[1] + found)

    def pays(self, segment: bytes) -> bool:
        """Return whether looking for propagators of a segment has paid so far."""
        asked, found = self.asked.get(segment, (0, 0))
        return asked < TRIED_ROWS or found > asked // 20

    def _repeats(self, key: bytes, rows: int, visits: int, dimension: int) -> bool:
        """Return whether so many rows have had a key, or will, that its propagator pays; remember them."""
        before = self.seen.get(key, 0)
        if len(self.seen) > REMEMBERED:
            self.seen.clear()
        self.seen[key] = before + rows
        return before + rows >= dimension or (before > 0 and rows * visits >= dimension)
