"""Small panels of lines, loops and maps with labelled axes: the pictures of the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")
ACROSS = 3


@dataclass(frozen=True)
class Line:
    """One curve: x, y, its label, whether it is drawn as points, and whether a thin line joins these."""

    x: ArrayLike
    y: ArrayLike
    label: str = ""
    points: bool = False
    joined: bool = False


@dataclass(frozen=True)
class Map:
    """Values (y, x) over a grid."""

    x: ArrayLike
    y: ArrayLike
    values: ArrayLike


@dataclass(frozen=True)
class Panel:
    """One pair of axes with its curves, or a map; `log` names the axes that are logarithmic."""

    lines: tuple[Line, ...]
    x: str
    y: str
    title: str = ""
    log: Literal["", "x", "y", "xy"] = ""
    area: Map | None = None


def closed(x: ArrayLike, y: ArrayLike, label: str = "") -> Line:
    """Return a loop as a curve that comes back to its first point.

    >>> closed([0, 1], [0, 2]).y.tolist()
    [0, 2, 0]
    """
    x, y = np.asarray(x), np.asarray(y)
    return Line(np.append(x, x[0]), np.append(y, y[0]), label)


def save_panels(panels: Sequence[Panel], path: str | Path) -> None:
    """Draw panels, at most three in a row, and save them as PNG.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_panels([Panel((Line([0, 1], [0, 1]),), "x", "y")], folder + "/a.png")
    """
    import matplotlib.pyplot as plt

    columns = min(ACROSS, len(panels)) if len(panels) != ACROSS + 1 else 2
    rows = ceil(len(panels) / columns)
    size = (3.3 * columns, 2.7 * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.ravel()[len(panels) :]:
        ax.remove()
    for panel, ax in zip(panels, axes.ravel()[: len(panels)], strict=True):
        _draw(panel, ax)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw(panel: Panel, ax: Any) -> None:
    if panel.area is not None:
        drawn = ax.pcolormesh(panel.area.x, panel.area.y, panel.area.values, cmap="cividis", shading="nearest")
        ax.figure.colorbar(drawn, ax=ax)
    for i, line in enumerate(panel.lines):
        look: dict[str, Any] = {"linestyle": STYLES[i % len(STYLES)]}
        if line.points:
            look = {"marker": MARKERS[i % len(MARKERS)], "markersize": 3.5, "linestyle": "-" if line.joined else "none"}
            look["linewidth"] = 0.7
        ax.plot(line.x, line.y, color=COLOURS[i % len(COLOURS)], label=line.label or None, **look)
    ax.set(xlabel=panel.x, ylabel=panel.y, title=panel.title)
    ax.title.set_fontsize(9)
    if "x" in panel.log:
        ax.set_xscale("log")
    if "y" in panel.log:
        ax.set_yscale("log")
    ax.spines[["top", "right"]].set_visible(False)
    if any(line.label for line in panel.lines):
        ax.legend(frameon=False, fontsize=7.5)
        if is_crossed(ax):
            _raise_top(ax)


def is_crossed(ax: Any) -> bool:
    """Return whether a curve or a point of the axes lies under their legend."""
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    for line in ax.lines:
        path = line.get_transform().transform_path(line.get_path())
        if (
            path.intersects_bbox(box, filled=False)
            if line.get_linestyle() != "None"
            else box.count_contains(path.vertices)
        ):
            return True
    return False


def _raise_top(ax: Any) -> None:
    """Make as much room above the curves as the legend is high."""
    low, high = ax.get_ylim()
    share = min(0.6, ax.get_legend().get_window_extent().height / ax.bbox.height + 0.04)
    more = share / (1 - share)
    ax.set_ylim(low, high * (high / low) ** more if ax.get_yscale() == "log" else high + more * (high - low))
    ax.get_legend().set_loc("upper right")
