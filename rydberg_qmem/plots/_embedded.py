"""Pictures inside a page: as data, so that the page needs no other file."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from rydberg_qmem.errors import as_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save_and_close(ax: Axes, path: str | Path | BytesIO, *, dpi: int = 130) -> None:
    """Save the figure of some axes at the size of a page, and close it."""
    import matplotlib.pyplot as plt

    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(path, dpi=dpi)
    plt.close(figure)


def embedded(ax: Axes, *, alt: str, dpi: int = 130) -> str:
    """Return the figure of some axes as one HTML `img` that holds its own PNG, and close the figure.

    >>> from rydberg_qmem.plots._style import axes_or_new
    >>> embedded(axes_or_new(), alt="nothing yet")[:42]
    '<img alt="nothing yet" src="data:image/png'
    """
    kept = BytesIO()
    save_and_close(ax, kept, dpi=dpi)
    return f'<img alt="{as_html(alt)}" src="data:image/png;base64,{b64encode(kept.getvalue()).decode()}">'
