"""Draws the symbols and frames of a circuit: one `match` over the symbols."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from rydberg_qmem.language.blocks import Classical, walk
from rydberg_qmem.plots._canvas.canvas import GREY, INK, PALE, Canvas
from rydberg_qmem.plots._canvas.text import LINE, NAME, TEXT, text_width, widest
from rydberg_qmem.plots._circuit.columns import GAP, CircuitLayout
from rydberg_qmem.plots._circuit.symbols import (
    METER,
    PAD,
    WAVE_HEIGHT,
    WAVE_WIDTH,
    Box,
    CircuitFrame,
    Column,
    Mark,
    Symbol,
    Wave,
    half_size,
    reach_below,
)
from rydberg_qmem.plots._circuit.track_heights import TrackHeights

_MEMORY_FILL = "0.96"


def draw_tracks(canvas: Canvas, heights: TrackHeights, layout: CircuitLayout) -> None:
    """Draw a line for each atom, and one for the memory where there is any."""
    for name, index in layout.symbols.tracks.items():
        y = heights.tracks[index]
        canvas.line([0, layout.x], [y, y], 0.6, color=GREY, zorder=1)
        canvas.text(-4.0, y, name, size=NAME, ha="right")
    if heights.has_memory:
        for side in (-1.1, 1.1):
            canvas.line([0, layout.x], [heights.memory + side] * 2, 0.6, zorder=1)
        named = layout.program.memory or any(isinstance(block, Classical) for block in walk(layout.program.body))
        canvas.text(-4.0, heights.memory, "memory" if named else "outcomes", size=NAME, ha="right")


def draw_frame(canvas: Canvas, heights: TrackHeights, frame: CircuitFrame) -> None:
    """Draw a repeat, a branch or a loop over atoms."""
    top, bottom = heights.tops[frame.depth], heights.bottoms[frame.depth]
    style = {"repeat": "-", "when": (0, (3, 2)), "for_each": (0, (1, 1.5))}[frame.look]
    colour = canvas.feed if frame.look == "when" else GREY
    canvas.rectangle(
        (frame.left + frame.right) / 2, (top + bottom) / 2, frame.right - frame.left, top - bottom,
        facecolor="none", edgecolor=colour, linestyle=style, zorder=1.5,
    )  # fmt: skip
    canvas.text(frame.left + 2 * PAD, top - 2.0, frame.label, ha="left", va="top")
    if frame.divided is not None:
        canvas.line([frame.divided] * 2, [bottom, top], linestyle=style, color=colour)
        canvas.text(frame.divided + 2 * PAD, top - 2.0, "otherwise", ha="left", va="top")
    if frame.reads:
        canvas.arrow_up(frame.left, heights.memory, top)


def draw_column(canvas: Canvas, heights: TrackHeights, x: float, column: Column) -> None:
    """Draw what one block looks like, with its arrows from and to the memory."""
    if column.band:
        _draw_band(canvas, heights, x, column.band)
    if column.memory:
        size = widest(column.memory) + 2 * PAD, len(column.memory) * LINE + 2 * PAD
        canvas.rectangle(x, heights.memory, *size, facecolor=_MEMORY_FILL)
        canvas.text(x - size[0] / 2 + PAD, heights.memory, column.memory, ha="left")
    if not column.marks:
        return
    tracks = [track for track, _ in column.marks]
    if column.joined:
        canvas.line([x, x], [heights.tracks[min(tracks)], heights.tracks[max(tracks)]], 0.9, zorder=2)
    for track, mark in column.marks:
        _draw_mark(canvas, x, heights.tracks[track], mark)
    foot = heights.tracks[max(tracks)] - reach_below(column)
    if column.note:
        canvas.text(x, foot + len(column.note) * LINE / 2, column.note)
    apart = 5.0 if column.key and column.reads else 0.0
    if column.key:
        source = max(tracks) if not column.joined else tracks[1]
        first = min(tracks) if not column.joined else source
        canvas.wire_down(x + apart, heights.tracks[first], heights.memory)
        canvas.text(x, heights.memory - 4.0, column.key, va="top")
    if column.reads and heights.has_memory:
        canvas.arrow_up(x - apart, heights.memory, foot - 1.0)


def _draw_band(canvas: Canvas, heights: TrackHeights, x: float, text: str) -> None:
    top, bottom = heights.top - 2.0, heights.tracks_bottom + 2.0
    if text == "align":
        canvas.line([x, x], [bottom, top], linestyle=":", color=GREY)
    else:
        canvas.rectangle(x, (top + bottom) / 2, 12.0, top - bottom, facecolor=PALE, edgecolor="none", zorder=3)
    canvas.text(x, (top + bottom) / 2, text, rotation=90, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})


def _draw_mark(canvas: Canvas, x: float, y: float, mark: Mark) -> None:
    match mark:
        case Box(lines=lines, look=look):
            width, half, _ = half_size(mark)
            style = {"gate": "-", "shift": "-", "probe": (0, (2, 1.5))}[look]
            colour = GREY if look == "shift" else INK
            canvas.rectangle(x, y, width, 2 * half, linestyle=style, edgecolor=colour)
            canvas.text(x, y, lines)
        case Symbol(shape="dot"):
            canvas.line([x], [y], marker="o", markersize=5.0 * canvas.scale, zorder=4)
        case Symbol(shape="plus"):
            angle = np.linspace(0, 2 * np.pi, 41)
            canvas.ax.fill(x + 4.5 * np.cos(angle), y + 4.5 * np.sin(angle), color="white", zorder=3)
            canvas.line(x + 4.5 * np.cos(angle), y + 4.5 * np.sin(angle), zorder=4)
            canvas.line([x - 4.5, x + 4.5], [y, y], zorder=4)
            canvas.line([x, x], [y - 4.5, y + 4.5], zorder=4)
        case Symbol(shape="meter"):
            canvas.rectangle(x, y, *METER)
            angle = np.linspace(0, np.pi, 21)
            canvas.line(x + 6 * np.cos(angle), y - 3.5 + 6 * np.sin(angle), zorder=5)
            canvas.line([x, x + 4.5], [y - 3.5, y + 5.0], zorder=5)
        case Symbol():
            canvas.rectangle(x, y, *METER)
            canvas.line([x - 5, x + 5], [y - 5, y + 5], 1.2, zorder=5)
        case Wave():
            _draw_wave(canvas, x, y, mark)
        case _:
            assert_never(mark)


def _draw_wave(canvas: Canvas, x: float, y: float, wave: Wave) -> None:
    left, right = x - WAVE_WIDTH / 2, x + WAVE_WIDTH / 2
    if wave.amplitude.size:
        xs = np.linspace(left, right, wave.amplitude.size)
        ys = y + WAVE_HEIGHT * wave.amplitude
        canvas.ax.fill_between(xs, y, ys, color=wave.colour, alpha=0.3, linewidth=0, zorder=3)
        canvas.line([left, *xs, right], [y, *ys, y], 1.0, color=wave.colour, zorder=4)
    if wave.detuning.size:
        xs = np.linspace(left, right, wave.detuning.size)
        canvas.line(xs, y + WAVE_HEIGHT * wave.detuning, 1.0, color=wave.colour, zorder=4.5, linestyle="--")


def draw_channels(canvas: Canvas, heights: TrackHeights, layout: CircuitLayout) -> None:
    """Say below the picture which colour is which channel."""
    x, y = 0.0, heights.floor + 6.0
    for channel, colour in layout.symbols.colours.items():
        canvas.rectangle(x + 5.0, y, 10.0, 6.0, facecolor=colour, alpha=0.5, edgecolor=colour)
        canvas.text(x + 13.0, y, channel, ha="left")
        x += 13.0 + text_width(channel, TEXT) + 2 * GAP
