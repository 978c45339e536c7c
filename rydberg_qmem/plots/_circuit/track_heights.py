"""Where tracks, memory and frames of a circuit lie along y."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rydberg_qmem.plots._canvas.text import LINE
from rydberg_qmem.plots._circuit.columns import CircuitLayout, any_of
from rydberg_qmem.plots._circuit.symbols import PAD, CircuitFrame, Column, half_size, reach_below


class TrackHeights:
    """Where tracks, memory and frames lie along y."""

    def __init__(self, layout: CircuitLayout) -> None:
        columns = [column for _, column in layout.columns]
        up, down = _extents(columns, len(layout.symbols.tracks))
        self.tracks = [0.0]
        for above, below in zip(down, up[1:], strict=False):
            self.tracks.append(self.tracks[-1] - max(above + below + 6.0, 24.0))
        self.top, self.tracks_bottom = up[0] + 4.0, self.tracks[-1] - down[-1] - 4.0
        box = max([len(c.memory) * LINE / 2 + PAD for c in columns if c.memory], default=4.0)
        keys = 4.0 + LINE if any(c.key for c in columns) else 4.0
        self.has_memory = layout.symbols.kept.pattern != any_of(()).pattern
        self.memory = self.tracks_bottom - 10.0 - box
        self.bottom = self.memory - max(box, keys) - 3.0 if self.has_memory else self.tracks_bottom
        self._frames(layout.frames)
        self.floor -= 14.0 if layout.symbols.colours else 0.0

    def _frames(self, frames: Sequence[CircuitFrame]) -> None:
        depths = range(max((frame.depth for frame in frames), default=-1) + 1)
        rows = [max((len(f.label) for f in frames if f.depth == depth), default=1) for depth in depths]
        self.tops = [self.top + sum(row * LINE + 5.0 for row in rows[depth:]) for depth in depths]
        self.bottoms = [self.bottom - 4.0 * (len(depths) - 1 - depth) for depth in depths]
        self.ceiling = max(self.tops, default=self.top) + 3.0
        self.floor = min(self.bottoms, default=self.bottom) - 3.0


def _extents(columns: Iterable[Column], tracks: int) -> tuple[list[float], list[float]]:
    """Return how far the marks reach above and below each track."""
    up, down = [8.0] * tracks, [8.0] * tracks
    for column in columns:
        for track, mark in column.marks:
            _, above, below = half_size(mark)
            up[track], down[track] = max(up[track], above), max(down[track], below)
        if column.marks:
            lowest = max(track for track, _ in column.marks)
            down[lowest] = max(down[lowest], reach_below(column))
    return up, down
