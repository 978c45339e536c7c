"""Draws a timeline: rows of pulses, strips where the clock stands still, frames, arrows, time and what is below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rydberg_qmem.plots._canvas.canvas import GREY, INK, PALE, Canvas
from rydberg_qmem.plots._canvas.text import LINE, NAME, text_width
from rydberg_qmem.plots._style import okabe_ito
from rydberg_qmem.plots._timeline.arrows import Arrow, Arrows, needs_dial
from rydberg_qmem.plots._timeline.labels import us
from rydberg_qmem.plots._timeline.row_heights import NOTE_LINE, SWATCH, RowHeights, RowSpan
from rydberg_qmem.plots._timeline.time_axis import SMALL, PlacedBar, PlacedEvent, PlacedFrame, TimeAxis
from rydberg_qmem.plots._timeline.timeline import Note, Timeline

_MEMORY_FILL = "0.96"
_DIAL = 2.4
INPUTS = okabe_ito()[3]
"""The colour of inputs; it is no channel's but the third's, which has no arrows."""


def draw_lines(canvas: Canvas, heights: RowHeights, timeline: Timeline, axis: TimeAxis) -> None:
    """Draw a line for each row, with the atom's name, and those of memory and inputs."""
    for (_, name), span in heights.rows.items():
        canvas.line([0, axis.x], [span.zero] * 2, 0.5, color=GREY, zorder=1)
        canvas.line([-2.0, -2.0], [span.bottom, span.bottom + span.height], 2.0, color=span.colour, zorder=2)
        canvas.text(-5.0, span.bottom + span.height / 2, name, size=NAME, ha="right")
    if heights.memory is not None:
        for side in (-1.0, 1.0):
            canvas.line([0, axis.x], [heights.memory + side] * 2, 0.5, zorder=1)
        canvas.text(-5.0, heights.memory, heights.named, size=NAME, ha="right")
    if heights.inputs is not None:
        canvas.line([0, axis.x], [heights.inputs] * 2, 0.8, color=INPUTS, zorder=1)
        canvas.text(-5.0, heights.inputs, "inputs", size=NAME, ha="right")


def draw_frames(canvas: Canvas, heights: RowHeights, axis: TimeAxis, arrows: Arrows) -> None:
    """Draw loops and branches with their labels."""
    for index, placed in enumerate(axis.frames):
        _draw_frame(canvas, heights, placed, arrows.frames[index])


def _draw_frame(canvas: Canvas, heights: RowHeights, placed: PlacedFrame, label: str) -> None:
    top, bottom = heights.labels[placed.depth], heights.bottoms[placed.depth]
    when = placed.frame.look == "when"
    style, colour = ((0, (3, 2)), canvas.feed) if when else ("-", GREY)
    centre, width = (placed.left + placed.right) / 2, placed.right - placed.left
    canvas.rectangle(
        centre, (top + bottom) / 2, width, top - bottom,
        facecolor="none", edgecolor=colour, linestyle=style, zorder=1.5,
    )  # fmt: skip
    aside = 5.0 if placed.frame.source == "memory" else 2.5
    canvas.text(placed.left + aside, top - 1.0, label, size=SMALL, ha="left", va="top")
    if placed.divided is not None:
        canvas.line([placed.divided] * 2, [bottom, top], color=colour, linestyle=style)
        canvas.text(placed.divided + 2.5, top - 1.0, "else", size=SMALL, ha="left", va="top")
    if placed.frame.source == "memory" and heights.memory is not None:
        canvas.arrow_up(placed.left, heights.memory, top)


def draw_pulses(canvas: Canvas, heights: RowHeights, placed: PlacedBar) -> None:
    """Draw the pulses of a segment on their rows."""
    rows = heights.rows
    for note in placed.bar.notes:
        for row in note.rows:
            _draw_note(canvas, rows[row], placed, note)
    dials = [(n, rows[row].bottom) for n in placed.bar.notes if _has_dial(n) for row in n.rows]
    draw_dials(canvas, [(_middle(placed, n), bottom - _DIAL - 1.2, n.phase) for n, bottom in dials])
    draw_turns(
        canvas, [(placed.x(turn.at_ns), rows[row].zero + _DIAL) for turn in placed.bar.turns for row in turn.rows]
    )


def _draw_note(canvas: Canvas, span: RowSpan, placed: PlacedBar, note: Note) -> None:
    left, right = placed.x(note.start_ns), placed.x(note.stop_ns)
    if note.wave is None:
        look = {"facecolor": "white", "edgecolor": span.colour, "linestyle": (0, (1, 1)), "zorder": 3}
        canvas.rectangle((left + right) / 2, span.bottom + span.height / 2, right - left, span.height, **look)
        return
    times = np.linspace(note.start_ns, note.stop_ns - 1e-6, 61)
    piece = note.wave.pieces(np.floor(times).astype(np.int64))
    xs = np.array([placed.x(t) for t in times])
    omega = np.abs(note.wave.omega[0][piece]) * span.omega_scale
    delta = note.wave.delta[0][piece] * span.delta_scale
    if span.row[1] != "map":
        _outline(canvas, span, xs, omega, filled=not note.source)
        if delta.any():
            canvas.line(xs, span.zero + delta, 0.9, color=INK, linestyle=(0, (2.5, 1.2)), zorder=4.5)
    else:
        _outline(canvas, span, xs, delta, filled=not note.source)


def _has_dial(note: Note) -> bool:
    return note.wave is not None and needs_dial(note.phase)


def _middle(placed: PlacedBar, note: Note) -> float:
    return (placed.x(note.start_ns) + placed.x(note.stop_ns)) / 2


def _outline(canvas: Canvas, span: RowSpan, xs: np.ndarray, heights: np.ndarray, *, filled: bool) -> None:
    ys = span.zero + heights
    look = {"color": span.colour, "alpha": 0.55} if filled else {"color": "white"}
    canvas.ax.fill_between(xs, span.zero, ys, linewidth=0, zorder=3, **look)
    canvas.line([xs[0], *xs, xs[-1]], [span.zero, *ys, span.zero], 0.9, color=span.colour, zorder=4)


def draw_turns(canvas: Canvas, places: Sequence[tuple[float, float]]) -> None:
    """Draw virtual turns about z as diamonds on the lines of their rows; those of one moment and row are one."""
    if places:
        corners = _DIAL * np.array([[-1, 0], [0, 1], [1, 0], [0, -1]])
        canvas.polygons(list(np.array(sorted(set(places)))[:, None] + corners), linewidth=0.7, zorder=5)


def draw_dials(canvas: Canvas, dials: Sequence[tuple[float, float, float]]) -> None:
    """Draw phases, each with its place, as hands of dials: 0 to the right, π/2 up."""
    if not dials:
        return
    x, y, phase = np.array(dials).T[..., None]
    angle = np.linspace(0, 2 * np.pi, 25)
    faces = list(np.stack([x + _DIAL * np.cos(angle), y + _DIAL * np.sin(angle)], axis=-1))
    tips = np.stack([x + _DIAL * np.cos(phase), y + _DIAL * np.sin(phase)], axis=-1)
    hands = list(np.concatenate([np.stack([x, y], axis=-1), tips], axis=1))
    canvas.polygons(faces, edgecolors=GREY, linewidth=0.4)
    canvas.lines(hands, 0.9, zorder=4.5)


def draw_event(canvas: Canvas, heights: RowHeights, placed: PlacedEvent, letter: str) -> None:
    """Draw a strip of upright text, or the box of a change of the memory."""
    x, width = (placed.left + placed.right) / 2, placed.right - placed.left
    look = placed.event.look
    if look == "memory":
        if heights.memory is not None:
            canvas.rectangle(x, heights.memory, width, 11.0, facecolor=_MEMORY_FILL)
            canvas.text(x, heights.memory, letter, size=SMALL)
        return
    middle, height = (heights.rows_top + heights.rows_bottom) / 2, heights.rows_top - heights.rows_bottom
    style = {"measure": "-", "reset": "-", "probe": (0, (2, 1.5)), "shift": (0, (1, 1))}[look]
    fill = PALE if look == "reset" else "white"
    canvas.rectangle(x, middle, width, height, facecolor=fill, linestyle=style, linewidth=0.7)
    canvas.text(x, middle, placed.event.lines, size=SMALL, rotation=90)
    if look == "measure" and heights.memory is not None:
        canvas.wire_down(x, heights.rows_bottom, heights.memory)


def draw_below(canvas: Canvas, heights: RowHeights, axis: TimeAxis, arrows: Arrows) -> None:
    """Draw the arrows and the time, and write the legend and what the letters stand for."""
    for arrow in arrows.memory:
        _draw_memory_arrow(canvas, heights, arrow)
    for arrow in arrows.inputs:
        _draw_input_arrow(canvas, heights, arrow)
    _draw_time(canvas, heights, axis)
    left = float(canvas.left)
    for x, y, sign, text in heights.legend:
        if sign == "dial":
            draw_dials(canvas, [(left + x + SWATCH / 2, y, np.pi / 2)])
        elif sign == "turn":
            draw_turns(canvas, [(left + x + SWATCH / 2, y)])
        elif sign == "clock":
            canvas.line([left + x, left + x + SWATCH], [y, y], 1.4)
        elif sign == "dashed":
            canvas.line([left + x, left + x + SWATCH + 0.5], [y, y], 0.9, linestyle=(0, (2.5, 1.2)))
        elif sign == "white":
            canvas.rectangle(left + x + SWATCH / 2, y, SWATCH, 5.0, edgecolor=GREY)
        elif sign:
            canvas.rectangle(left + x + SWATCH / 2, y, SWATCH, 5.0, facecolor=sign, edgecolor=sign, alpha=0.55)
        canvas.text(left + x + SWATCH + 2.0, y - 2.2, text, size=SMALL, ha="left", va="baseline")
    top = heights.bottom + (len(heights.notes) - 0.5) * NOTE_LINE
    for k, line in enumerate(heights.notes):
        for x, text in line:
            canvas.text(left + x, top - k * NOTE_LINE - 2.2, text, size=SMALL, ha="left", va="baseline")


def _draw_memory_arrow(canvas: Canvas, heights: RowHeights, arrow: Arrow) -> None:
    if heights.memory is None:
        return
    tip = heights.rows_bottom if arrow.row is None else heights.rows[arrow.row].bottom - (7.0 if arrow.dial else 0.5)
    canvas.arrow_up(arrow.x, heights.memory, tip)
    y = heights.rows_bottom - 4.0 - (arrow.level + 0.5) * LINE
    _label(canvas, arrow.x + 1.8, y, arrow.label)


def _draw_input_arrow(canvas: Canvas, heights: RowHeights, arrow: Arrow) -> None:
    if heights.inputs is None:
        return
    span = None if arrow.row is None else heights.rows[arrow.row]
    tip = heights.rows_top if span is None else span.bottom + span.height + 0.5
    canvas.arrow_down(arrow.x, heights.inputs, tip, colour=INPUTS)
    _label(canvas, arrow.x + 1.8, heights.inputs - 3.0 - (arrow.level + 0.5) * LINE, arrow.label)


def _label(canvas: Canvas, x: float, y: float, text: str) -> None:
    canvas.text(
        x, y, text, size=SMALL, ha="left", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4}, zorder=7
    )


def _draw_time(canvas: Canvas, heights: RowHeights, axis: TimeAxis) -> None:
    """Draw the axis of time: bold where the clock runs, with times where it begins and stops."""
    y = heights.time
    canvas.line([0, axis.x], [y, y], 0.4, color=GREY, linestyle=(0, (1, 1.5)), zorder=1)
    free = -1e9
    for placed in axis.bars:
        if placed.bar.duration_ns:
            canvas.line([placed.xs[0], placed.xs[-1]], [y, y], 1.4, solid_capstyle="butt")
        for k in (0, -1):
            x, text = float(placed.xs[k]), us(placed.bar.begin_ns + placed.edges_ns[k])
            canvas.line([x, x], [y, y - 2.5], 0.6)
            half = text_width(text, SMALL) / 2
            if x - half > free:
                canvas.text(x, y - 3.0 - LINE / 2, text, size=SMALL)
                free = x + half + 2.5
    canvas.text(axis.x / 2, y - 4.0 - 1.5 * LINE, "laboratory time (µs)", size=SMALL)
