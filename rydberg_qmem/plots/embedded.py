"""Pictures inside a page: as data, so that the page needs no other file."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def embedded(ax: Axes, *, alt: str, dpi: int = 130) -> str:
    """Return the figure of some axes as one HTML `img` that holds its own PNG, and close the figure.

    >>> from rydberg_qmem.plots.style import axes_or_new
    >>> embedded(axes_or_new(), alt="nothing yet")[:42]
    '<img alt="nothing yet" src="data:image/png'
    """
    import matplotlib.pyplot as plt

    kept, figure = BytesIO(), ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(kept, format="png", dpi=dpi)
    plt.close(figure)
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{b64encode(kept.getvalue()).decode()}">'
