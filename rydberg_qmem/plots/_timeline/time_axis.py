"""Where the bars, events and frames of a timeline lie along x, on one scale of time if that fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np

from rydberg_qmem.plots._canvas.canvas import Floats
from rydberg_qmem.plots._canvas.text import LINE, text_width
from rydberg_qmem.plots._timeline.timeline import Bar, Event, Item, TimelineFrame

SMALL = 6.5
"""Size of text within the timeline, in points."""
SHORTEST = 5.2
"""Least width of a stretch of time between two edges, in points."""
_EDGE, _BOX, _SPACE, _FLOW = 4.0, 11.0, 2.5, 10.0
_LETTER = "if aa"


@dataclass(frozen=True, eq=False)
class PlacedBar:
    """A bar whose `edges_ns` (from its beginning) lie at `xs`."""

    bar: Bar
    edges_ns: Floats
    xs: Floats

    def x(self, time_ns: float) -> float:
        """Return where a time lies."""
        return float(np.interp(time_ns, self.edges_ns, self.xs))


@dataclass(frozen=True)
class PlacedEvent:
    """An event between `left` and `right`."""

    event: Event
    left: float
    right: float


@dataclass(frozen=True, eq=False)
class PlacedFrame:
    """A frame between `left` and `right`, perhaps divided; `depth` counts the frames around it."""

    frame: TimelineFrame
    left: float
    right: float
    depth: int
    divided: float | None = None


@dataclass
class TimeAxis:
    """Everything placed along time: `scale` is points per ns where no stretch is widened."""

    scale: float
    bars: list[PlacedBar] = field(default_factory=list)
    events: list[PlacedEvent] = field(default_factory=list)
    frames: list[PlacedFrame] = field(default_factory=list)
    x: float = _EDGE
    widened: bool = False

    def place(self, items: Sequence[Item], depth: int = 0) -> TimeAxis:
        """Place items one after the other."""
        for item in items:
            match item:
                case Bar():
                    self._bar(item)
                case Event():
                    width = _BOX if item.look == "memory" else max(len(item.lines), 1) * LINE + 3.0
                    self.events.append(PlacedEvent(item, self.x, self.x + width))
                    self.x += width + _SPACE
                case TimelineFrame():
                    self._frame(item, depth)
                case _:
                    assert_never(item)
        return self

    def _bar(self, bar: Bar) -> None:
        marks = {0, bar.duration_ns, *(t for note in bar.notes for t in (note.start_ns, note.stop_ns))}
        edges = np.array(sorted(marks), dtype=float)
        widths = np.diff(edges) * self.scale
        self.widened |= bool(np.any(widths < SHORTEST))
        xs = self.x + np.concatenate([[0.0], np.cumsum(np.maximum(widths, SHORTEST))])
        self.bars.append(PlacedBar(bar, edges, xs))
        self.x = float(xs[-1]) + _SPACE

    def _frame(self, frame: TimelineFrame, depth: int) -> None:
        left, divided = self.x, None
        short = text_width(frame.labels[-1], SMALL) if frame.look == "repeat" else 0.0
        minimum = min(max(short, text_width(_LETTER, SMALL)), 60.0)
        for side in frame.sides:
            if side is not frame.sides[0]:
                divided = self.x
            begun = self.x
            self.x += _EDGE
            self.place(side, depth + 1)
            self.x = max(self.x + _EDGE - _SPACE, begun + minimum + 2 * _SPACE + 1.0)
        self.frames.append(PlacedFrame(frame, left, self.x, depth, divided))
        self.x += _SPACE

    @property
    def depth(self) -> int:
        """How deep frames nest."""
        return max((placed.depth + 1 for placed in self.frames), default=0)


def fit(items: Sequence[Item], width: float) -> TimeAxis | None:
    """Return the axis of time of the largest scale that is no wider than `width` (points), or None if there is none."""
    if TimeAxis(0.0).place(items).x > width:
        return None
    low, high = 0.0, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if TimeAxis(middle).place(items).x <= width else (low, middle)
    return TimeAxis(low).place(items)


def least_width(items: Sequence[Item]) -> float:
    """Return the least width (points) that holds the items."""
    return TimeAxis(0.0).place(items).x


def flowed(
    texts: Sequence[str], width: float, *, before: float = 0.0, hang: float = 8.0
) -> list[list[tuple[float, str]]]:
    """Return texts in lines of at most `width` points, each line (x, text) pairs; what is too long has its own lines.

    Each text has `before` points free before it; the lines after its first are moved by `hang`.

    >>> [[text for _, text in line] for line in flowed(["a b", "c", "d " * 40], 60)][0]
    ['a b', 'c']
    """
    lines: list[list[tuple[float, str]]] = []
    x = width
    for text in texts:
        pieces = _broken(text, width - before - hang)
        wide = before + text_width(pieces[0], SMALL)
        if len(pieces) > 1 or x + wide > width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, pieces[0]))
        lines += [[(hang, piece)] for piece in pieces[1:]]
        x = width if len(pieces) > 1 else x + wide + _FLOW
    return lines


def _broken(text: str, width: float) -> list[str]:
    """Return text in pieces that fit, broken at its own line ends, at spaces, or else anywhere."""
    pieces: list[str] = []
    for line in text.split("\n"):
        now = ""
        for word in line.split(" "):
            longer = f"{now} {word}" if now else word
            if now and text_width(longer, SMALL) > width:
                pieces.append(now)
                longer = word
            while text_width(longer, SMALL) > width and len(longer) > 1:
                cut = next(i for i in range(len(longer) - 1, 0, -1) if i == 1 or text_width(longer[:i], SMALL) <= width)
                pieces.append(longer[:cut])
                longer = longer[cut:]
            now = longer
        pieces.append(now)
    return pieces
