"""Small panels of lines and loops with labelled axes, side by side: the pictures of the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from numpy.typing import ArrayLike

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Line:
    """One curve: x, y, its label, and whether it is drawn as points."""

    x: ArrayLike
    y: ArrayLike
    label: str = ""
    points: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes with its curves."""

    lines: tuple[Line, ...]
    x: str
    y: str
    title: str = ""


def save_panels(panels: Sequence[Panel], path: str | Path) -> None:
    """Draw panels side by side and save them as PNG.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_panels([Panel((Line([0, 1], [0, 1]),), "x", "y")], folder + "/a.png")
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(3.3 * len(panels), 2.7), squeeze=False, layout="constrained")
    for panel, ax in zip(panels, axes[0], strict=True):
        for i, line in enumerate(panel.lines):
            colour = COLOURS[i % len(COLOURS)]
            look = (
                {"marker": "o", "linestyle": "none", "markersize": 3} if line.points else {"linestyle": STYLES[i % 4]}
            )
            ax.plot(line.x, line.y, color=colour, label=line.label or None, **look)
        ax.set(xlabel=panel.x, ylabel=panel.y, title=panel.title)
        ax.title.set_fontsize(9)
        if any(line.label for line in panel.lines):
            ax.legend(frameon=False, fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
