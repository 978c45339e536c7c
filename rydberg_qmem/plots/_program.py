"""The circuit of a program: a track for each atom, blocks in program order, the memory that they feed and read.

Three steps: each block becomes a column of symbols (one `match` over the blocks), columns are laid out along x,
and the symbols are drawn (one `match` over them). Lengths are points at full size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rydberg_qmem import arguments
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.language import library
from rydberg_qmem.language.program import Program
from rydberg_qmem.plots._canvas.canvas import Canvas, Extent
from rydberg_qmem.plots._canvas.text import NAME, widest
from rydberg_qmem.plots._circuit.columns import CircuitLayout
from rydberg_qmem.plots._circuit.drawing import draw_channels, draw_column, draw_frame, draw_tracks
from rydberg_qmem.plots._circuit.track_heights import TrackHeights
from rydberg_qmem.plots._style import axes, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@arguments.taking(
    prog=library.program, ax=arguments.optional(axes), parameters=SETTINGS["parameters"], rounds=SETTINGS["rounds"]
)
def program(
    prog: Program,
    *,
    ax: Axes | None = None,
    parameters: Mapping[str, float] | None = None,
    rounds: int | None = None,
) -> Axes:
    """Draw a program's circuit and return the axes: order runs to the right, not to scale in time.

    Pulses are filled outlines in the colour of their channel (dashed: detuning), gates boxes or joined dots,
    measurements meters whose outcome goes down a double line to the memory; coloured arrows go up from the memory to
    every block or condition that reads it. Frames are repeats (solid) and branches (dashed). Long expressions are cut
    with an ellipsis.

    Args:
        prog: The program; it need not pass `check`.
        ax: Axes of matplotlib to draw on; if not given, a new figure as large as the program needs.
        parameters: Numbers for the program's parameters, by name, which change the numbers shown.
        rounds: How many rounds the inputs that are expressions have.

    Raises InputError for atoms that the register does not have.

    >>> flip = [{"rotate": {"atom": "q", "angle": "pi"}}, {"measure": {"atoms": "q", "key": "m"}}]
    >>> ax = program(Program(name="flip", register={"atoms": {"q": (0, 0)}}, body=flip))
    >>> [text.get_text() for text in ax.texts]
    ['q', 'outcomes', 'Ry\\nπ', 'm']
    """
    layout = CircuitLayout.of(prog, parameters, rounds)
    with paper():
        heights = TrackHeights(layout)
        left = widest([*layout.symbols.tracks, "outcomes"], NAME) + 6.0
        extent = Extent(-left, layout.x, heights.floor, heights.ceiling)
        canvas = Canvas.on(ax, extent, label="program order, not to scale")
        draw_tracks(canvas, heights, layout)
        for frame in layout.frames:
            draw_frame(canvas, heights, frame)
        for centre, column in layout.columns:
            draw_column(canvas, heights, centre, column)
        draw_channels(canvas, heights, layout)
    return canvas.ax
