"""Where the rows of a timeline lie along y: frames' labels, inputs, rows, memory, time, legend and notes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rydberg_qmem.plots._canvas.text import LINE, widest
from rydberg_qmem.plots._style import okabe_ito
from rydberg_qmem.plots._timeline.arrows import Arrows, needs_dial
from rydberg_qmem.plots._timeline.time_axis import SMALL, TimeAxis, flowed
from rydberg_qmem.plots._timeline.timeline import Row, Timeline

_ROWS_HEIGHT = 62.0
"""Least height of all rows together: two lines of upright text fit."""
_LEAST_ROW, _MOST_ROW = 11.0, 30.0
_BETWEEN, _CHANNEL = 8.0, 4.0
SWATCH = 6.0
NOTE_LINE = 9.4
"""Height of a line of legend or notes: signs like √ and ∫ are tall."""


@dataclass(frozen=True)
class RowSpan:
    """One row: its zero line, and how far amplitudes and detunings reach from it, in points per rad/µs."""

    row: Row
    zero: float
    height: float
    omega_scale: float
    delta_scale: float
    colour: str
    bottom: float


@dataclass(frozen=True)
class RowHeights:
    """Where everything lies along y; `legend` holds (x, y, sign, text), `notes` lines of (x, text)."""

    rows: dict[Row, RowSpan]
    top: float
    labels: tuple[float, ...]
    inputs: float | None
    rows_top: float
    rows_bottom: float
    memory: float | None
    named: str
    bottoms: tuple[float, ...]
    time: float
    legend: tuple[tuple[float, float, str, str], ...]
    notes: list[list[tuple[float, str]]]
    bottom: float

    @classmethod
    def of(cls, timeline: Timeline, axis: TimeAxis, arrows: Arrows, width: float) -> RowHeights:
        """Give each row its height; x of legend and notes begins at the left edge of the picture."""
        memory_levels, input_levels = arrows.levels
        minimum = _least_height(axis)
        rows = _rows(timeline, axis, minimum)
        rows_bottom = min((-minimum, *(span.bottom for span in rows.values()))) - 2.0
        floor = rows_bottom
        memory = None
        if timeline.compiled.keys or timeline.compiled.scalars or timeline.compiled.windows:
            memory = floor - (LINE * memory_levels + 4.0) - 9.0
            floor = memory - 8.0
        inputs = 5.0 + LINE * input_levels + 3.0 if arrows.inputs else None
        ceiling = 3.0 if inputs is None else inputs + 3.0
        depth = axis.depth
        labels = tuple(ceiling + (depth - k) * (LINE + 2.0) for k in range(depth))
        bottoms = tuple(floor - 2.5 * (depth - k) for k in range(depth))
        time = (bottoms[0] if depth else floor) - 4.0
        legend_texts = [text for _, text in _legend(rows, axis)]
        lines = flowed(legend_texts, width, before=SWATCH + 2.0)
        legend_top = time - 2 * LINE - 11.0
        signs = iter(sign for sign, _ in _legend(rows, axis))
        legend = [
            (x, legend_top - k * NOTE_LINE, next(signs, "") if x == 0 or text in legend_texts else "", text)
            for k, line in enumerate(lines)
            for x, text in line
        ]
        notes = flowed(arrows.letters.notes, width)
        bottom = legend_top - (len(lines) + len(notes)) * NOTE_LINE - 1.0
        named = "memory" if timeline.compiled.scalars or timeline.compiled.windows else "outcomes"
        return cls(
            rows, (labels[0] if labels else ceiling) + 2.0, labels, inputs, 2.0, rows_bottom, memory, named, bottoms,
            time, tuple(legend), notes, bottom,
        )  # fmt: skip


def _least_height(axis: TimeAxis) -> float:
    """Return how high the rows are at least, so that the upright text of each strip fits."""
    return max(_ROWS_HEIGHT, *(widest(placed.event.lines, SMALL) + 6.0 for placed in axis.events), 0.0)


def _rows(timeline: Timeline, axis: TimeAxis, minimum: float) -> dict[Row, RowSpan]:
    rows = timeline.sorted_rows
    channels = list(dict.fromkeys(channel for channel, _ in rows))
    blue, _, green, _, *others, _ = okabe_ito()  # not those of feedforward and inputs, nor yellow
    palette = (blue, green, *others)
    wide = {channel: _peaks(axis, channel) for channel in channels}
    spare = minimum - _BETWEEN * len(rows) - _CHANNEL * (len(channels) - 1)
    height = min(max(spare / max(len(rows), 1), _LEAST_ROW), _MOST_ROW)
    made: dict[Row, RowSpan] = {}
    y = max((minimum - len(rows) * (height + _BETWEEN)) / -2, -minimum) if height == _MOST_ROW else 0.0
    for k, row in enumerate(rows):
        if k and rows[k - 1][0] != row[0]:
            y -= _CHANNEL
        omega, low, high = wide[row[0]]
        tall = height * (1.4 if low < 0 < max(omega, high) else 1.0)
        above = tall if low >= 0 else 0.0 if max(omega, high) <= 0 else tall / 2
        zero = y - above
        delta = max(-low, high)
        made[row] = RowSpan(
            row, zero, tall, (above or tall) / (omega or 1.0), (min(above, tall - above) or tall) / (delta or 1.0),
            palette[channels.index(row[0]) % len(palette)], y - tall,
        )  # fmt: skip
        y -= tall + _BETWEEN
    return made


def _peaks(axis: TimeAxis, channel: str) -> tuple[float, float, float]:
    """Return the largest amplitude, and lowest and highest detuning (rad/µs), of a channel's pulses."""
    waves = [
        note.wave for placed in axis.bars for note in placed.bar.notes
        if note.rows[0][0] == channel and note.wave is not None
    ]  # fmt: skip
    omega = max((float(np.abs(wave.omega).max()) for wave in waves), default=0.0)
    low = min((float(wave.delta.min()) for wave in waves), default=0.0)
    high = max((float(wave.delta.max()) for wave in waves), default=0.0)
    return omega, min(low, 0.0), max(high, 0.0)


def _legend(rows: dict[Row, RowSpan], axis: TimeAxis) -> list[tuple[str, str]]:
    """Return (colour, text) of each channel, and of the dials if there are any."""
    made: list[tuple[str, str]] = []
    for channel, colour in dict.fromkeys((span.row[0], span.colour) for span in rows.values()):
        omega, low, high = _peaks(axis, channel)
        parts = [f"Ω to {omega:.3g}"] if omega else []
        parts += [f"δ {low:.3g} to {high:.3g}"] if low or high else []
        made.append((colour, f"{channel}: {', '.join(parts)} rad/µs" if parts else channel))
    notes = [note for placed in axis.bars for note in placed.bar.notes]
    if any(note.wave is not None and note.wave.delta.any() and note.rows[0][1] != "map" for note in notes):
        made.append(("dashed", "detuning δ"))
    if any(note.source for note in notes):
        made.append(("white", "set in the run"))
    if any(needs_dial(note.phase) for note in notes):
        made.append(("dial", "phase: 0 right, π/2 up"))
    if any(placed.bar.turns for placed in axis.bars):
        made.append(("turn", "virtual turn about z"))
    remarks = ["loops: first round"] if any(placed.frame.look == "repeat" for placed in axis.frames) else []
    remarks += ["short times widened"] if axis.widened else []
    if remarks:
        made.append(("clock", "; ".join(remarks)))
    return made
