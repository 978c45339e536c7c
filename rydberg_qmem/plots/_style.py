"""How the pictures look: sizes for a paper column and colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rydberg_qmem.arguments import optional, real, refuse, taking
from rydberg_qmem.errors import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMN_IN = 3.4
"""Width of one column of a two-column paper, in inches."""

TWO_COLUMNS_IN = 7.0

_OKABE_ITO = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
_DARK_FIRST = (5, 6, 3, 7, 1, 2, 0, 4)  # lines must stand out on white: blue first, yellow last


def okabe_ito() -> tuple[str, ...]:
    """Return the eight colours of Okabe and Ito as `#RRGGBB`, those that stand out most on white first.

    matplotlib 3.11 and newer know them by the name `okabe_ito`; older ones get the same values from here.

    >>> okabe_ito()[:2]
    ('#0072B2', '#D55E00')
    """
    import matplotlib as mpl
    from matplotlib.colors import to_hex

    colours = mpl.color_sequences.get("okabe_ito", _OKABE_ITO)
    return tuple(to_hex(colours[index]).upper() for index in _DARK_FIRST)


def rc_params(width_in: float = COLUMN_IN, height_in: float | None = None) -> dict[str, Any]:
    """Return matplotlib's settings for a figure `width_in` wide, its height by default 3/4 of that.

    >>> rc_params()["figure.figsize"]
    (3.4, 2.55)
    """
    from cycler import cycler

    return {
        "figure.figsize": (width_in, round(0.75 * width_in, 3) if height_in is None else height_in),
        "figure.constrained_layout.use": True,
        "figure.dpi": 150,
        "savefig.dpi": 300,
        "font.size": 8,
        "axes.titlesize": 8,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "lines.linewidth": 1.2,
        "lines.markersize": 3,
        "axes.prop_cycle": cycler(color=okabe_ito()),
        "image.cmap": "viridis",
    }


@taking(width_in=real(above=0), height_in=optional(real(above=0)))
@contextmanager
def paper(width_in: float = COLUMN_IN, height_in: float | None = None) -> Iterator[None]:
    """Return a context in which new figures have the look and size of a paper column.

    Args:
        width_in: Width of new figures in inches, by default that of one column, 3.4.
        height_in: Their height in inches; 3/4 of the width if not given.

    >>> import matplotlib.pyplot as plt
    >>> with paper():
    ...     figure, ax = plt.subplots()
    >>> float(figure.get_figwidth())
    3.4
    >>> plt.close(figure)
    """
    import matplotlib.pyplot as plt

    settings: Any = rc_params(width_in, height_in)
    with plt.rc_context(settings):
        yield
        shown_at_once = plt.isinteractive()  # a notebook's backend, loaded inside, turns this on
    if shown_at_once:
        plt.ion()


def axes(name: str, value: Any) -> Any:
    """Take the axes of a figure of matplotlib; InputError, by name, for anything else."""
    from matplotlib.axes import Axes

    if not isinstance(value, Axes):
        raise refuse(name, "axes of matplotlib, or None for a new figure", value)
    return value


def as_text(text: str) -> str:
    r"""Return text of a record or program for a picture: dollar signs are no mathematics, control characters escaped.

    >>> print(as_text("$x^{$"))
    \$x^{\$
    """
    return printable(text).replace("$", r"\$")


@taking(ax=optional(axes))
def axes_or_new(ax: Axes | None = None) -> Axes:
    """Return the given axes, or those of a new figure in the style of `paper`; nothing is shown.

    Args:
        ax: Axes of matplotlib; a new figure if not given.

    Raises InputError for anything else.

    >>> ax = axes_or_new()
    >>> axes_or_new(ax) is ax
    True
    """
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    with paper():
        return plt.subplots()[1]
