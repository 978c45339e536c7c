"""The picture of a program in laboratory time: a row for each channel and atom, loops and branches shown once.

Five steps: the compiled program is read as a score, placed on a page, its arrows are found, lanes get their heights,
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
from rydberg_qmem.plots.arrows import arrows_of
from rydberg_qmem.plots.labels import NAME, widest
from rydberg_qmem.plots.lanes import Lanes
from rydberg_qmem.plots.page import Page, fit, needed
from rydberg_qmem.plots.pen import Pen, Sides
from rydberg_qmem.plots.score import Item, Score
from rydberg_qmem.plots.style import COLUMN_IN, TWO_COLUMNS_IN, axes, paper
from rydberg_qmem.plots.tracks import draw_below, draw_event, draw_frames, draw_lines, draw_pulses
from rydberg_qmem.verification.check import check

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
    score = Score(compiled)
    items = score.items(compiled.steps)
    left = widest([name for _, name in score.rows] + ["outcomes", "inputs"], NAME) + 8.0
    wide, page = _page(items, left + _MARGIN, width_in)
    arrows = arrows_of(page)
    lanes = Lanes.of(score, page, arrows, 72 * wide - _MARGIN)
    with paper():
        sides = Sides(-left, 72 * wide - _MARGIN - left, lanes.bottom, lanes.top)
        pen = Pen.on(ax, sides, label="", width_in=wide)
        draw_lines(pen, lanes, score, page)
        draw_frames(pen, lanes, page, arrows)
        for placed in page.bars:
            draw_pulses(pen, lanes, placed)
        for index, event in enumerate(page.events):
            draw_event(pen, lanes, event, arrows.boxes.get(index, ""))
        draw_below(pen, lanes, page, arrows)
    return pen.ax


def _page(items: tuple[Item, ...], beside: float, width_in: float | None) -> tuple[float, Page]:
    """Return the width of the figure (inches) and the page that fits it."""
    least = (needed(items) + beside) / 72 + 0.01
    widths = (COLUMN_IN, TWO_COLUMNS_IN, least) if width_in is None else (width_in,)
    for width in widths:
        page = fit(items, 72 * width - beside)
        if page is not None:
            return width, page
    raise InputError(f"width_in must be at least {least:.2f} in for this program ({width_in})")
