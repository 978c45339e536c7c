"""Arrows of a timeline: down from inputs and up from the memory to what they steer, with expressions or letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rydberg_qmem.plots._canvas.text import text_width
from rydberg_qmem.plots._timeline.time_axis import SMALL, TimeAxis
from rydberg_qmem.plots._timeline.timeline import Row

_INLINE = 26.0
"""Expressions no wider than this (points) stand at their arrow; others stand below the picture, with a letter."""
_APART = 3.0


@dataclass
class Letters:
    """Texts too long for their place: each gets a letter, equal ones the same."""

    of: dict[str, str] = field(default_factory=dict)

    def letter(self, text: str) -> str:
        """Return the letter of a text.

        >>> letters = Letters()
        >>> [letters.letter(text) for text in ("x = 1", "y = 2", "x = 1")]
        ['a', 'b', 'a']
        """
        if text not in self.of:
            k = len(self.of)
            self.of[text] = (chr(ord("a") + k // 26 - 1) if k >= 26 else "") + chr(ord("a") + k % 26)
        return self.of[text]

    def short(self, text: str, room: float = _INLINE) -> str:
        """Return a text, or its letter where the text is wider than its room."""
        return text if text_width(text, SMALL) <= room else self.letter(text)

    @property
    def notes(self) -> list[str]:
        """What stands below the picture."""
        return [f"{letter}: {text}" for text, letter in self.of.items()]


@dataclass(frozen=True)
class Arrow:
    """From a source to a row at `x`, with its label on a level between (0 is next to the rows)."""

    x: float
    row: Row | None
    label: str
    level: int
    dial: bool = False


@dataclass(frozen=True)
class Arrows:
    """All arrows, and all letters in the order of time."""

    memory: tuple[Arrow, ...]
    inputs: tuple[Arrow, ...]
    boxes: Mapping[int, str]
    frames: Mapping[int, str]
    letters: Letters

    @property
    def levels(self) -> tuple[int, int]:
        """How many levels of labels there are above the memory, and below the inputs."""
        memory, inputs = (max((a.level + 1 for a in arrows), default=0) for arrows in (self.memory, self.inputs))
        return memory, inputs


@dataclass(frozen=True)
class _Wanted:
    x: float
    source: str
    text: str
    row: Row | None = None
    dial: bool = False


def arrows_of(axis: TimeAxis) -> Arrows:
    """Return the arrows of a timeline; letters go from left to right."""
    letters = Letters()
    boxes: dict[int, str] = {}
    frames: dict[int, str] = {}
    made: dict[str, list[Arrow]] = {"memory": [], "inputs": []}
    ends: dict[str, list[float]] = {"memory": [], "inputs": []}
    for x, what in sorted([*_wanted(axis), *_events(axis), *_frames(axis)], key=lambda pair: pair[0]):
        match what:
            case _Wanted():
                label = letters.short(what.text)
                level = _level(ends[what.source], x, text_width(label, SMALL))
                made[what.source].append(Arrow(x, what.row, label, level, what.dial))
            case ("memory", int(index)):
                boxes[index] = letters.letter(axis.events[index].event.text)
            case (_, int(index)):
                frames[index] = _frame_label(axis, index, letters)
    return Arrows(tuple(made["memory"]), tuple(made["inputs"]), boxes, frames, letters)


def _wanted(axis: TimeAxis) -> list[tuple[float, _Wanted | tuple[str, int]]]:
    found: list[tuple[float, _Wanted | tuple[str, int]]] = []
    for placed in axis.bars:
        for note in placed.bar.notes:
            if note.source:
                x = (placed.x(note.start_ns) + placed.x(note.stop_ns)) / 2
                row = note.rows[-1] if note.source == "memory" else note.rows[0]
                found.append((x, _Wanted(x, note.source, note.text, row, needs_dial(note.phase))))
    for event in axis.events:
        if event.event.source:
            x = (event.left + event.right) / 2
            found.append((x, _Wanted(x, event.event.source, event.event.text)))
    return found


def needs_dial(phase: float) -> bool:
    """Return whether a phase is worth a dial."""
    from math import cos

    return cos(phase) < 1 - 1e-6


def _events(axis: TimeAxis) -> list[tuple[float, _Wanted | tuple[str, int]]]:
    return [(e.left, ("memory", i)) for i, e in enumerate(axis.events) if e.event.look == "memory"]


def _frames(axis: TimeAxis) -> list[tuple[float, _Wanted | tuple[str, int]]]:
    return [(f.left, ("frame", i)) for i, f in enumerate(axis.frames)]


def _frame_label(axis: TimeAxis, index: int, letters: Letters) -> str:
    """Return the longest label that a frame has room for, else `if` with a letter."""
    placed = axis.frames[index]
    room = (
        (placed.right if placed.divided is None else placed.divided)
        - placed.left
        - 4.0
        - (2.5 if placed.frame.source else 0.0)
    )
    for label in placed.frame.labels:
        if text_width(label, SMALL) <= room:
            return label
    if placed.frame.look == "repeat":
        return placed.frame.labels[-1]
    sign, _, condition = placed.frame.labels[-1].partition("if ")
    return f"{sign}if {letters.letter(condition)}"


def _level(ends: list[float], x: float, width: float) -> int:
    """Return the first level with room for a label to the right of `x`, and take it."""
    for level, end in enumerate(ends):
        if end <= x:
            ends[level] = x + width + _APART
            return level
    ends.append(x + width + _APART)
    return len(ends) - 1
