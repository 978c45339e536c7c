"""Symbols: what a block looks like on an atom's track, and how large that is in points."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, assert_never

import numpy as np

from rydberg_qmem.plots._canvas.canvas import Floats
from rydberg_qmem.plots._canvas.text import LINE, widest

PAD = 3.5
WAVE_WIDTH, WAVE_HEIGHT = 36.0, 17.0
METER = (17.0, 14.0)


@dataclass(frozen=True)
class Box:
    """Lines of text in a frame."""

    lines: tuple[str, ...]
    look: Literal["gate", "shift", "probe"] = "gate"


@dataclass(frozen=True)
class Symbol:
    """A sign without text."""

    shape: Literal["dot", "plus", "meter", "mirror"]


@dataclass(frozen=True, eq=False)
class Wave:
    """Outlines from left to right, from -1 to 1: of the amplitude, filled, and of the detuning, dashed."""

    amplitude: Floats
    detuning: Floats
    colour: str


Mark = Box | Symbol | Wave


@dataclass(frozen=True, eq=False)
class Column:
    """What one block looks like: marks on tracks, text below them, and its business with the memory."""

    marks: tuple[tuple[int, Mark], ...] = ()
    joined: bool = False
    note: tuple[str, ...] = ()
    band: str = ""
    memory: tuple[str, ...] = ()
    key: str = ""
    reads: bool = False


@dataclass(frozen=True)
class CircuitFrame:
    """A repeat, a branch or a loop over atoms: from `left` to `right`, with a label and perhaps a division."""

    look: Literal["repeat", "when", "for_each"]
    label: tuple[str, ...]
    left: float
    right: float
    depth: int
    reads: bool = False
    divided: float | None = None

    def moved(self, by: float) -> CircuitFrame:
        """Return the frame moved to the right."""
        divided = None if self.divided is None else self.divided + by
        return replace(self, left=self.left + by, right=self.right + by, divided=divided)


def half_size(mark: Mark) -> tuple[float, float, float]:
    """Return the width of a mark and its extent above and below the track."""
    match mark:
        case Box(lines=lines):
            height = len(lines) * LINE / 2 + PAD
            return widest(lines) + 2 * PAD, height, height
        case Symbol(shape="meter" | "mirror"):
            return METER[0], METER[1] / 2, METER[1] / 2
        case Symbol():
            return 9.0, 4.5, 4.5
        case Wave():
            ends = np.concatenate([mark.amplitude, mark.detuning, [0.0]])
            return WAVE_WIDTH, float(ends.max()) * WAVE_HEIGHT + 1, -float(ends.min()) * WAVE_HEIGHT + 1
        case _:
            assert_never(mark)


def reach_below(column: Column) -> float:
    """Return how far the lowest mark of a column, with the text under it, reaches below its track."""
    lowest = max(track for track, _ in column.marks)
    return max(half_size(mark)[2] for track, mark in column.marks if track == lowest) + len(column.note) * LINE


def column_width(column: Column) -> float:
    """Return how wide a column is (points)."""
    texts = [widest(column.note), widest(column.memory) + 2 * PAD, widest((column.key,))]
    return max([12.0, *texts, *(half_size(mark)[0] for _, mark in column.marks)])


def merged(before: Column, column: Column) -> Column:
    """Return two columns as one."""
    return replace(
        before, marks=before.marks + column.marks, note=before.note + column.note, reads=before.reads or column.reads
    )
