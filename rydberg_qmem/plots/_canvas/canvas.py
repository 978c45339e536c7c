"""A canvas whose unit is a point: text, lines, boxes and arrows on axes of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.plots._canvas.text import NAME, TEXT, ScaledText
from rydberg_qmem.plots._style import COLUMN_IN, axes_or_new, okabe_ito

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

INK, GREY, PALE = "black", "0.45", "0.93"
WIDEST_IN = 40.0


class Extent(NamedTuple):
    """What must be seen, in points."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Canvas:
    """Axes whose data unit is `scale` points, so that lines fit the shapes."""

    ax: Axes
    scale: float
    feed: str
    left: float

    @classmethod
    def on(cls, ax: Axes | None, extent: Extent, *, label: str, width_in: float | None = None) -> Canvas:
        """Prepare the axes: all that lies between the sides in view, text no larger than in a paper."""
        from matplotlib.figure import Figure

        width, height = extent.right - extent.left, extent.top - extent.bottom
        fresh, ax = ax is None, axes_or_new(ax)
        figure = ax.figure
        if fresh and isinstance(figure, Figure):
            wide = min(max(width / 72 + 0.1, COLUMN_IN), WIDEST_IN) if width_in is None else width_in
            figure.set_size_inches(wide, height / 72 + (0.4 if label else 0.1))
        ax.set_xlabel(label, fontsize=NAME)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        root = ax.get_figure(root=True)
        engine = None if root is None else root.get_layout_engine()
        if root is not None and engine is not None:
            engine.execute(root)
        box = ax.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        scale = min(72 * box.width / width, 72 * box.height / height, 1.0)
        seen_width, seen_height = 72 * box.width / scale, 72 * box.height / scale
        centre, middle = (extent.left + extent.right) / 2, (extent.bottom + extent.top) / 2
        ax.set_xlim(centre - seen_width / 2, centre + seen_width / 2)
        ax.set_ylim(middle - seen_height / 2, middle + seen_height / 2)
        ax.set_aspect("equal")
        return cls(ax, scale, okabe_ito()[1], extent.left)

    def text(self, x: float, y: float, lines: str | Sequence[str], *, size: float = TEXT, **look: Any) -> None:
        """Write lines of text around a point."""
        joined = lines if isinstance(lines, str) else "\n".join(lines)
        look = {"ha": "center", "va": "center", "linespacing": 1.2, "zorder": 5, **look}
        self.ax.add_artist(ScaledText(x, y, joined, size=size, transform=self.ax.transData, **look))

    def line(self, xs: Sequence[float] | Floats, ys: Sequence[float] | Floats, width: float = 0.8, **look: Any) -> None:
        """Draw a line; its width is in points."""
        look = {"color": INK, "zorder": 2, "marker": "", "solid_capstyle": "butt", **look}
        self.ax.plot(xs, ys, linewidth=width * self.scale, **look)

    def lines(self, paths: Sequence[Floats], width: float = 0.8, **look: Any) -> None:
        """Draw many lines at once, each an array of points."""
        from matplotlib.collections import LineCollection

        look = {"colors": INK, "zorder": 2, **look}
        self.ax.add_collection(LineCollection(paths, linewidths=width * self.scale, **look), autolim=False)

    def polygons(self, corners: Sequence[Floats], *, linewidth: float = 0.8, **look: Any) -> None:
        """Draw many polygons at once, each an array of its corners."""
        from matplotlib.collections import PolyCollection

        look = {"facecolors": "white", "edgecolors": INK, "zorder": 4, **look}
        self.ax.add_collection(PolyCollection(corners, linewidths=linewidth * self.scale, **look), autolim=False)

    def rectangle(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a rectangle given its centre."""
        from matplotlib.patches import Rectangle

        look = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.8, "zorder": 4, **look}
        look["linewidth"] *= self.scale
        self.ax.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, **look))

    def arrow_up(self, x: float, bottom: float, top: float) -> None:
        """Draw a feedforward: from the memory up."""
        self.line([x, x], [bottom, top - 3.0], 1.2, color=self.feed, zorder=3)
        self.line([x], [bottom], color=self.feed, marker="o", markersize=3.5 * self.scale, zorder=6)
        self.ax.fill([x - 3, x, x + 3], [top - 6, top, top - 6], color=self.feed, zorder=5, linewidth=0)

    def arrow_down(self, x: float, top: float, bottom: float, *, colour: str) -> None:
        """Draw what comes from the inputs: down."""
        self.line([x, x], [bottom + 3.0, top], 1.2, color=colour, zorder=3)
        self.ax.fill([x - 3, x, x + 3], [bottom + 6, bottom, bottom + 6], color=colour, zorder=5, linewidth=0)

    def wire_down(self, x: float, top: float, bottom: float) -> None:
        """Draw an outcome: a double line down to the memory."""
        for side in (-1.1, 1.1):
            self.line([x + side, x + side], [bottom + 4.0, top], 0.6, zorder=2.5)
        self.ax.fill([x - 3, x, x + 3], [bottom + 6, bottom, bottom + 6], color=INK, zorder=5, linewidth=0)
