"""Histories: outcomes and draws that many rows could have, at first of every kind, then more like the best ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
At = tuple[tuple[str, int], ...]
"""The round of each loop around a place."""
Visit = tuple[str, str, At]
"""What gives outcomes or draws: kind, name, rounds."""

ROWS = 64
REACH_OF_NORMAL = 6.0
"""Normal numbers beyond this are left out of histories, though none is impossible."""
NEARLY_ONE = 1 - 1e-6
MUTATIONS = (0.02, 0.1, 0.4)
MOST_BITS = 10
"""Programs with no more outcomes are played with all of them: what breaks no limit then is proved."""
DEFAULTS = {"outcome": 0.0, "uniform": 0.5, "normal": 0.0}
"""By kind: what an outcome or a draw is where a history does not say."""


@dataclass(frozen=True, order=True)
class ChanceEvent:
    """One outcome or draw of a history: its key (or the place and count of a draw), its column, and its rounds."""

    kind: str
    name: str
    column: int
    at: At


Source = Callable[[str, str, int, At], Array]
"""Gives the outcomes or draws (rows, columns) of one visit: kind, name, columns, rounds."""


History = dict[ChanceEvent, float]
"""Outcomes and draws that are not their defaults."""


@dataclass
class Generation:
    """Histories of many rows: corners and chances at first, then changed copies of the best ones."""

    random: np.random.Generator
    columns: tuple[tuple[str, int], ...]
    """Each key and column, some rows of the first generation hold one of them alone at 1, or alone at 0."""
    rows: int = ROWS
    parents: Rows | None = None
    old: Mapping[Visit, Array] = field(default_factory=dict)
    made: dict[Visit, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bias = self.random.uniform(size=(self.rows, max(1, len(self.columns))))
        corners = [np.zeros(len(self.columns)), np.ones(len(self.columns))]
        for c in range(min(len(self.columns), ROWS // 4)):
            alone = np.zeros(len(self.columns))
            alone[c] = 1
            corners += [alone, 1 - alone]
        for row, corner in enumerate(corners[: max(0, self.rows - ROWS // 4)]):
            self.bias[row, : len(corner)] = corner
        self.rate = self.random.choice(MUTATIONS, size=(self.rows, 1))

    def source(self, kind: str, name: str, width: int, at: At) -> Array:
        """Return the numbers of one visit, (rows, width)."""
        key = (kind, name, at)
        if key not in self.made:
            fresh = self._fresh(kind, name, width)
            if self.parents is not None and key in self.old:
                changed = self.random.uniform(size=fresh.shape) < self.rate
                changed[0] = False
                flipped = 1 - self.old[key][self.parents] if kind == "outcome" else fresh
                fresh = np.where(changed, flipped, self.old[key][self.parents])
            self.made[key] = fresh
        return self.made[key]

    def _fresh(self, kind: str, name: str, width: int) -> Array:
        shape = (self.rows, width)
        drawn = self.random.uniform(size=shape)
        style = (np.arange(self.rows) // 2 % 4)[:, None]
        if kind == "uniform":
            return np.choose(style, [np.full(shape, 0.5), np.zeros(shape), np.full(shape, NEARLY_ONE), drawn])
        if kind == "normal":
            far = np.full(shape, REACH_OF_NORMAL)
            return np.choose(style, [np.zeros(shape), -far, far, (2 * drawn - 1) * REACH_OF_NORMAL])
        first = self.columns.index((name, 0)) if (name, 0) in self.columns else 0
        return (drawn < self.bias[:, first : first + width]).astype(float)

    def every_history(self) -> Generation | None:
        """Return a generation that holds every history, if outcomes are all that has come up here and they are few."""
        if any(kind != "outcome" for kind, _, _ in self.made):
            return None
        widths = {key: values.shape[1] for key, values in self.made.items()}
        count = sum(widths.values())
        if count > MOST_BITS:
            return None
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        ends = np.cumsum(list(widths.values()))
        parts = {key: bits[:, end - widths[key] : end].astype(float) for key, end in zip(widths, ends, strict=True)}
        every = Generation(self.random, self.columns, rows=2**count)
        every.old, every.parents, every.rate = parts, np.arange(2**count), np.zeros((2**count, 1))
        return every

    def history(self, row: int) -> History:
        """Return the history of a row."""
        found = {}
        for (kind, name, at), values in self.made.items():
            for column, value in enumerate(values[row].tolist()):
                if value != DEFAULTS[kind]:
                    found[ChanceEvent(kind, name, column, at)] = value
        return found
