"""Draws a score: rows of pulses, strips where the clock stands still, frames, arrows, the time and what is below."""

from __future__ import annotations

import numpy as np

from rydberg_qmem.plots.arrows import Arrow, Arrows, turned
from rydberg_qmem.plots.labels import LINE, NAME, text_width
from rydberg_qmem.plots.lanes import NOTE_LINE, SWATCH, Lane, Lanes
from rydberg_qmem.plots.page import SMALL, Page, PlacedBar, PlacedEvent, PlacedFrame
from rydberg_qmem.plots.pen import GREY, INK, PALE, Pen
from rydberg_qmem.plots.score import Note, Score
from rydberg_qmem.plots.score_text import us
from rydberg_qmem.plots.style import okabe_ito

_MEMORY_FILL = "0.96"
_DIAL = 2.4
INPUTS = okabe_ito()[3]
"""The colour of inputs; it is no channel's but the third's, which has no arrows."""


def draw_lines(pen: Pen, lanes: Lanes, score: Score, page: Page) -> None:
    """Draw a line for each row, with the atom's name, and those of memory and inputs."""
    for (_, name), lane in lanes.rows.items():
        pen.line([0, page.x], [lane.zero] * 2, 0.5, color=GREY, zorder=1)
        pen.line([-2.0, -2.0], [lane.bottom, lane.bottom + lane.height], 2.0, color=lane.colour, zorder=2)
        pen.text(-5.0, lane.bottom + lane.height / 2, name, size=NAME, ha="right")
    if lanes.memory is not None:
        for side in (-1.0, 1.0):
            pen.line([0, page.x], [lanes.memory + side] * 2, 0.5, zorder=1)
        pen.text(-5.0, lanes.memory, lanes.named, size=NAME, ha="right")
    if lanes.inputs is not None:
        pen.line([0, page.x], [lanes.inputs] * 2, 0.8, color=INPUTS, zorder=1)
        pen.text(-5.0, lanes.inputs, "inputs", size=NAME, ha="right")


def draw_frames(pen: Pen, lanes: Lanes, page: Page, arrows: Arrows) -> None:
    """Draw loops and branches with their labels."""
    for index, placed in enumerate(page.frames):
        _draw_frame(pen, lanes, placed, arrows.frames[index])


def _draw_frame(pen: Pen, lanes: Lanes, placed: PlacedFrame, label: str) -> None:
    top, bottom = lanes.labels[placed.depth], lanes.bottoms[placed.depth]
    when = placed.frame.look == "when"
    style, colour = ((0, (3, 2)), pen.feed) if when else ("-", GREY)
    centre, width = (placed.left + placed.right) / 2, placed.right - placed.left
    pen.rectangle(
        centre, (top + bottom) / 2, width, top - bottom,
        facecolor="none", edgecolor=colour, linestyle=style, zorder=1.5,
    )  # fmt: skip
    aside = 5.0 if placed.frame.source == "memory" else 2.5
    pen.text(placed.left + aside, top - 1.0, label, size=SMALL, ha="left", va="top")
    if placed.divided is not None:
        pen.line([placed.divided] * 2, [bottom, top], color=colour, linestyle=style)
        pen.text(placed.divided + 2.5, top - 1.0, "else", size=SMALL, ha="left", va="top")
    if placed.frame.source == "memory" and lanes.memory is not None:
        pen.arrow_up(placed.left, lanes.memory, top)


def draw_pulses(pen: Pen, lanes: Lanes, placed: PlacedBar) -> None:
    """Draw the pulses of a segment on their rows."""
    for note in placed.bar.notes:
        for row in note.rows:
            _draw_note(pen, lanes.rows[row], placed, note)
    for turn in placed.bar.turns:
        for row in turn.rows:
            draw_turn(pen, placed.x(turn.at_ns), lanes.rows[row].zero + _DIAL)


def _draw_note(pen: Pen, lane: Lane, placed: PlacedBar, note: Note) -> None:
    left, right = placed.x(note.start_ns), placed.x(note.stop_ns)
    if note.wave is None:
        look = {"facecolor": "white", "edgecolor": lane.colour, "linestyle": (0, (1, 1)), "zorder": 3}
        pen.rectangle((left + right) / 2, lane.bottom + lane.height / 2, right - left, lane.height, **look)
        return
    times = np.linspace(note.start_ns, note.stop_ns - 1e-6, 61)
    piece = note.wave.pieces(np.floor(times).astype(np.int64))
    xs = np.array([placed.x(t) for t in times])
    omega = np.abs(note.wave.omega[0][piece]) * lane.omega_scale
    delta = note.wave.delta[0][piece] * lane.delta_scale
    if lane.row[1] != "map":
        _outline(pen, lane, xs, omega, filled=not note.source)
        if delta.any():
            pen.line(xs, lane.zero + delta, 0.9, color=INK, linestyle=(0, (2.5, 1.2)), zorder=4.5)
    else:
        _outline(pen, lane, xs, delta, filled=not note.source)
    if turned(note.phase):
        draw_dial(pen, (left + right) / 2, lane.bottom - _DIAL - 1.2, note.phase)


def _outline(pen: Pen, lane: Lane, xs: np.ndarray, heights: np.ndarray, *, filled: bool) -> None:
    ys = lane.zero + heights
    look = {"color": lane.colour, "alpha": 0.55} if filled else {"color": "white"}
    pen.ax.fill_between(xs, lane.zero, ys, linewidth=0, zorder=3, **look)
    pen.line([xs[0], *xs, xs[-1]], [lane.zero, *ys, lane.zero], 0.9, color=lane.colour, zorder=4)


def draw_turn(pen: Pen, x: float, y: float) -> None:
    """Draw a virtual turn about z as a diamond on the line of its row."""
    across, up = [x - _DIAL, x, x + _DIAL, x], [y, y + _DIAL, y, y - _DIAL]
    pen.ax.fill(across, up, facecolor="white", edgecolor=INK, linewidth=0.7, zorder=5)


def draw_dial(pen: Pen, x: float, y: float, phase: float) -> None:
    """Draw a phase as the hand of a dial: 0 to the right, π/2 up."""
    angle = np.linspace(0, 2 * np.pi, 25)
    pen.ax.fill(x + _DIAL * np.cos(angle), y + _DIAL * np.sin(angle), color="white", zorder=4, linewidth=0)
    pen.line(x + _DIAL * np.cos(angle), y + _DIAL * np.sin(angle), 0.4, color=GREY, zorder=4)
    pen.line([x, x + _DIAL * np.cos(phase)], [y, y + _DIAL * np.sin(phase)], 0.9, zorder=4.5)


def draw_event(pen: Pen, lanes: Lanes, placed: PlacedEvent, letter: str) -> None:
    """Draw a strip of upright text, or the box of a change of the memory."""
    x, width = (placed.left + placed.right) / 2, placed.right - placed.left
    look = placed.event.look
    if look == "memory":
        if lanes.memory is not None:
            pen.rectangle(x, lanes.memory, width, 11.0, facecolor=_MEMORY_FILL)
            pen.text(x, lanes.memory, letter, size=SMALL)
        return
    middle, height = (lanes.rows_top + lanes.rows_bottom) / 2, lanes.rows_top - lanes.rows_bottom
    style = {"measure": "-", "reset": "-", "probe": (0, (2, 1.5)), "shift": (0, (1, 1))}[look]
    fill = PALE if look == "reset" else "white"
    pen.rectangle(x, middle, width, height, facecolor=fill, linestyle=style, linewidth=0.7)
    pen.text(x, middle, placed.event.lines, size=SMALL, rotation=90)
    if look == "measure" and lanes.memory is not None:
        pen.wire_down(x, lanes.rows_bottom, lanes.memory)


def draw_below(pen: Pen, lanes: Lanes, page: Page, arrows: Arrows) -> None:
    """Draw the arrows and the time, and write the legend and what the letters stand for."""
    for arrow in arrows.memory:
        _draw_memory_arrow(pen, lanes, arrow)
    for arrow in arrows.inputs:
        _draw_input_arrow(pen, lanes, arrow)
    _draw_time(pen, lanes, page)
    left = float(pen.left)
    for x, y, sign, text in lanes.legend:
        if sign == "dial":
            draw_dial(pen, left + x + SWATCH / 2, y, np.pi / 2)
        elif sign == "turn":
            draw_turn(pen, left + x + SWATCH / 2, y)
        elif sign == "clock":
            pen.line([left + x, left + x + SWATCH], [y, y], 1.4)
        elif sign == "dashed":
            pen.line([left + x, left + x + SWATCH + 0.5], [y, y], 0.9, linestyle=(0, (2.5, 1.2)))
        elif sign == "white":
            pen.rectangle(left + x + SWATCH / 2, y, SWATCH, 5.0, edgecolor=GREY)
        elif sign:
            pen.rectangle(left + x + SWATCH / 2, y, SWATCH, 5.0, facecolor=sign, edgecolor=sign, alpha=0.55)
        pen.text(left + x + SWATCH + 2.0, y - 2.2, text, size=SMALL, ha="left", va="baseline")
    top = lanes.bottom + (len(lanes.notes) - 0.5) * NOTE_LINE
    for k, line in enumerate(lanes.notes):
        for x, text in line:
            pen.text(left + x, top - k * NOTE_LINE - 2.2, text, size=SMALL, ha="left", va="baseline")


def _draw_memory_arrow(pen: Pen, lanes: Lanes, arrow: Arrow) -> None:
    if lanes.memory is None:
        return
    tip = lanes.rows_bottom if arrow.row is None else lanes.rows[arrow.row].bottom - (7.0 if arrow.dial else 0.5)
    pen.arrow_up(arrow.x, lanes.memory, tip)
    y = lanes.rows_bottom - 4.0 - (arrow.level + 0.5) * LINE
    _label(pen, arrow.x + 1.8, y, arrow.label)


def _draw_input_arrow(pen: Pen, lanes: Lanes, arrow: Arrow) -> None:
    if lanes.inputs is None:
        return
    lane = None if arrow.row is None else lanes.rows[arrow.row]
    tip = lanes.rows_top if lane is None else lane.bottom + lane.height + 0.5
    pen.arrow_down(arrow.x, lanes.inputs, tip, colour=INPUTS)
    _label(pen, arrow.x + 1.8, lanes.inputs - 3.0 - (arrow.level + 0.5) * LINE, arrow.label)


def _label(pen: Pen, x: float, y: float, text: str) -> None:
    pen.text(x, y, text, size=SMALL, ha="left", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4}, zorder=7)


def _draw_time(pen: Pen, lanes: Lanes, page: Page) -> None:
    """Draw the axis of time: bold where the clock runs, with times where it begins and stops."""
    y = lanes.time
    pen.line([0, page.x], [y, y], 0.4, color=GREY, linestyle=(0, (1, 1.5)), zorder=1)
    free = -1e9
    for placed in page.bars:
        if placed.bar.duration_ns:
            pen.line([placed.xs[0], placed.xs[-1]], [y, y], 1.4, solid_capstyle="butt")
        for k in (0, -1):
            x, text = float(placed.xs[k]), us(placed.bar.begin_ns + placed.edges_ns[k])
            pen.line([x, x], [y, y - 2.5], 0.6)
            half = text_width(text, SMALL) / 2
            if x - half > free:
                pen.text(x, y - 3.0 - LINE / 2, text, size=SMALL)
                free = x + half + 2.5
    pen.text(page.x / 2, y - 4.0 - 1.5 * LINE, "laboratory time (µs)", size=SMALL)
