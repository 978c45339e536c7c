"""The picture of a program in laboratory time: a row for each channel and atom, loops and branches shown once.

Five steps: the compiled program is read as a timeline, placed along time, its arrows are found, rows get their heights,
and all is drawn. Lengths are points at full size.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from rydberg_qmem import arguments
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.errors import InputError, ProgramError
from rydberg_qmem.language import library
from rydberg_qmem.language.program import Program
from rydberg_qmem.plots._canvas.canvas import Canvas, Extent
from rydberg_qmem.plots._canvas.text import NAME, widest
from rydberg_qmem.plots._style import COLUMN_IN, TWO_COLUMNS_IN, axes, paper
from rydberg_qmem.plots._timeline.arrows import arrows_of
from rydberg_qmem.plots._timeline.drawing import draw_below, draw_event, draw_frames, draw_lines, draw_pulses
from rydberg_qmem.plots._timeline.row_heights import RowHeights
from rydberg_qmem.plots._timeline.time_axis import TimeAxis, fit, least_width
from rydberg_qmem.plots._timeline.timeline import Item, Timeline
from rydberg_qmem.verification import check

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN = 8.0


def _width(name: str, value: Any) -> float:
    """Take a width in inches; the least one is told by what is drawn."""
    width = arguments.number(name, value)
    if not isfinite(width):
        raise arguments.refuse(name, "a finite number of inches", value)
    return value if isinstance(value, int) else width


@arguments.taking(program=library.program, ax=arguments.optional(axes), **SETTINGS, width_in=arguments.optional(_width))
def pulses(
    program: Program,
    *,
    ax: Axes | None = None,
    width_in: float | None = None,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
) -> Axes:
    """Draw the pulses of a program against laboratory time and return the axes.

    Each channel has its rows, local ones one for each atom: filled outlines are Rabi frequencies, dashed lines
    detunings, dials phases. A loop is shown once, in its first round, with its count; the two sides of a branch stand
    side by side. Where the clock stands still, strips are measurements, resets and probes. Arrows come up from the
    memory and down from the inputs to whatever they steer; pulses left white are drawn with the memory's first values,
    the inputs' peak, and 1/2 for outcomes. Long expressions stand below, with a letter.

    Args:
        program: The program.
        ax: Axes of matplotlib to draw on; a new figure if not given.
        width_in: Width in inches of a new figure; if not given one column of a paper (3.4), two (7) where one is too
            narrow, or more.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        inputs: For each input by name, an expression of the round k, or one number for each round, shape (rounds,).
        rounds: How many rounds the inputs that are expressions have; as the program says if not given.

    Raises ProgramError with all problems of a program that does not pass `check`; InputError where the width cannot
    hold it.

    >>> flip = [{"rotate": {"atom": "q", "angle": "pi"}}, {"measure": {"atoms": "q", "key": "m"}}]
    >>> ax = pulses(Program(name="flip", register={"atoms": {"q": (0, 0)}}, body=flip))
    >>> [text.get_text() for text in ax.texts][:3]
    ['q', 'outcomes', 'measure q\\n→ m']
    """
    problems = check(program, parameters=parameters, inputs=inputs, rounds=rounds)
    if problems:
        raise ProgramError(problems)
    compiled = compile_program(program, parameters=parameters, inputs=inputs, rounds=rounds)
    timeline = Timeline(compiled)
    items = timeline.items(compiled.steps)
    left = widest([name for _, name in timeline.rows] + ["outcomes", "inputs"], NAME) + 8.0
    wide, axis = _time_axis(items, left + _MARGIN, width_in)
    arrows = arrows_of(axis)
    heights = RowHeights.of(timeline, axis, arrows, 72 * wide - _MARGIN)
    with paper():
        extent = Extent(-left, 72 * wide - _MARGIN - left, heights.bottom, heights.top)
        canvas = Canvas.on(ax, extent, label="", width_in=wide)
        draw_lines(canvas, heights, timeline, axis)
        draw_frames(canvas, heights, axis, arrows)
        for placed in axis.bars:
            draw_pulses(canvas, heights, placed)
        for index, event in enumerate(axis.events):
            draw_event(canvas, heights, event, arrows.boxes.get(index, ""))
        draw_below(canvas, heights, axis, arrows)
    return canvas.ax


def _time_axis(items: tuple[Item, ...], beside: float, width_in: float | None) -> tuple[float, TimeAxis]:
    """Return the width of the figure (inches) and the axis of time that fits it."""
    minimum = (least_width(items) + beside) / 72 + 0.01
    widths = (COLUMN_IN, TWO_COLUMNS_IN, minimum) if width_in is None else (width_in,)
    for width in widths:
        axis = fit(items, 72 * width - beside)
        if axis is not None:
            return width, axis
    raise InputError(f"width_in must be at least {minimum:.2f} in for this program ({width_in})")
