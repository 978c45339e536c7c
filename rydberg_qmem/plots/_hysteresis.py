"""The hysteresis loop of a record: response against drive, with the sense in which it runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.analysis.cycles import Cycle
from rydberg_qmem.analysis.hysteresis import loop
from rydberg_qmem.analysis.signals import Signal
from rydberg_qmem.errors import InputError
from rydberg_qmem.plots._style import as_text, axes, axes_or_new, paper

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
Point: TypeAlias = tuple[float, float]

_MOST_BARS = 60
_ARROWS_AT = (0.2, 0.7)
_ARROW = "-|>,head_length=0.8,head_width=0.4"


def _curve(name: str, value: Any) -> tuple[Any, Any]:
    """Take a curve: x and y, equally long."""
    rule = "a curve: x and y, arrays of one axis that are equally long"
    try:
        x, y = arguments.values(arguments.numbers(dims=1))(name, value)
    except (ValueError, InputError):
        raise arguments.refuse(name, rule, value) from None
    if len(x) != len(y):
        raise arguments.refuse(name, rule, value)
    return x, y


@arguments.taking(
    record=arguments.record,
    drive=arguments.signal,
    response=arguments.signal,
    ax=arguments.optional(axes),
    label=arguments.optional(arguments.text),
    errors=arguments.flag,
    law=arguments.optional(_curve),
    cycle=arguments.single,
)
def hysteresis(
    record: xr.Dataset,
    *,
    drive: Signal,
    response: Signal,
    ax: Axes | None = None,
    period: int | None = None,
    cycle: Cycle = "last",
    law: tuple[ArrayLike, ArrayLike] | None = None,
    label: str | None = None,
    errors: bool = True,
) -> Axes:
    """Draw the mean loop of a response against a drive and return the axes.

    Arrows show the sense, a ring the first round of the cycle.

    Args:
        record: A record of one point.
        drive: Name of a variable, `key.atom`, or an array, as in `analysis.hysteresis`; the same for `response`.
        response: What is drawn upwards.
        ax: Axes of matplotlib to draw on; a new figure if not given.
        period: Length of a cycle in rounds; found from the drive if not given.
        cycle: "last" (default), "first", a number from 0, or "all": loops on top of each other, earlier ones paler.
        law: A reference curve (x, y), two arrays of equal length in the units of the axes, drawn dashed; none by
            default.
        label: Name of the loop in the legend; none by default.
        errors: Whether standard errors over shots are drawn, as bars, or as a band from 60 rounds on.

    Raises InputError for records with more than one point, and signals that do not make a loop.

    >>> import xarray as xr
    >>> record = xr.Dataset({"u": ("round", [0.0, 1, 2, 1]), "v": ("round", [0.0, 2, 1, 0])})
    >>> ax = hysteresis(record, drive="u", response="v")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('u', 'v')
    """
    mean = loop(record, drive=drive, response=response, period=period, cycle=cycle)
    if "point" in mean.dims:
        raise InputError("record must be one point, but has a sweep; select one, record.isel(point=0) say")
    with paper():
        return _pictured(axes_or_new(ax), mean, law=law, label=label, errors=errors)


def _pictured(
    ax: Axes, mean: xr.Dataset, *, law: tuple[ArrayLike, ArrayLike] | None, label: str | None, errors: bool
) -> Axes:
    curves, colour = _curves(mean), None
    for curve in curves:
        last = curve is curves[-1]
        colour = _draw(ax, curve, colour=colour, alpha=1.0 if last else 0.3, label=label if last else None)
        if errors:
            _draw_errors(ax, curve, colour=colour, alpha=1.0 if last else 0.3)
    if law is not None:
        ax.plot(*law, color="black", linestyle="--", linewidth=0.9, label="law", zorder=2.5)
    ax.set_xlabel(axis_label(mean.drive))
    ax.set_ylabel(axis_label(mean.response))
    if label is not None or law is not None:
        ax.legend(fontsize=ax.xaxis.label.get_fontsize())
    return ax


def axis_label(array: xr.DataArray) -> str:
    """Return the long name and, in brackets, the unit if there is any.

    >>> import xarray as xr
    >>> axis_label(xr.DataArray(0.0, attrs={"long_name": "time", "units": "µs"}))
    'time (µs)'
    """
    name, units = str(array.attrs.get("long_name", array.name)), str(array.attrs.get("units", "1"))
    return as_text(name if units in ("", "1") else f"{name} ({units})")


@dataclass(frozen=True, eq=False)
class _Curve:
    """One cycle: its points and their standard errors."""

    x: Floats
    y: Floats
    x_error: Floats
    y_error: Floats


def _curves(mean: xr.Dataset) -> list[_Curve]:
    names = ("drive", "response", "drive_error", "response_error")
    return [_Curve(*cycle) for cycle in zip(*(np.atleast_2d(mean[n].values) for n in names), strict=True)]


def _draw(ax: Axes, curve: _Curve, *, colour: str | None, alpha: float, label: str | None) -> str:
    """Draw the closed curve with its ring and arrows, and return its colour."""
    from matplotlib.colors import to_hex

    few = len(curve.x) <= _MOST_BARS
    closed = np.append(curve.x, curve.x[0]), np.append(curve.y, curve.y[0])
    [line] = ax.plot(*closed, color=colour, alpha=alpha, marker="o" if few else "", label=label)
    drawn = to_hex(line.get_color()).upper()  # a cycle may hold tuples
    ax.plot(curve.x[0], curve.y[0], "o", color=drawn, alpha=alpha, markersize=6, mfc="white", zorder=3)
    look = {"arrowstyle": _ARROW, "color": drawn, "alpha": alpha, "linewidth": 0, "shrinkA": 0, "shrinkB": 0}
    for tail, head in _arrows(curve.x, curve.y):
        ax.annotate("", xy=head, xytext=tail, arrowprops={**look, "mutation_scale": 10})
    return drawn


def _arrows(x: Floats, y: Floats) -> list[tuple[Point, Point]]:
    """Return tails and heads of short arrows at set parts of the way round the loop as it is seen."""
    xy = np.stack([x, y], axis=-1)
    ends = np.roll(xy, -1, axis=0)
    extent = np.where(np.ptp(xy, axis=0) > 0, np.ptp(xy, axis=0), 1.0)
    way = np.cumsum(np.hypot(*((ends - xy) / extent).T))
    edges = np.searchsorted(way, np.array(_ARROWS_AT) * way[-1], side="right") if way[-1] > 0 else []
    reach = len(x) // 40  # noisy loops of many rounds: the sense of a stretch, not of one step
    arrows = []
    for edge in edges:
        along = ends[(edge + reach) % len(x)] - xy[edge - reach]
        middle = 0.5 * (xy[edge] + ends[edge])
        tail, head = middle - 0.01 * along, middle + 0.01 * along
        arrows.append(((float(tail[0]), float(tail[1])), (float(head[0]), float(head[1]))))
    return arrows


def _draw_errors(ax: Axes, curve: _Curve, *, colour: str, alpha: float) -> None:
    x_error, y_error = (np.nan_to_num(error) for error in (curve.x_error, curve.y_error))
    if not (x_error.any() or y_error.any()):
        return
    if x_error.any() or len(curve.x) <= _MOST_BARS:
        bars = x_error if x_error.any() else None
        ax.errorbar(curve.x, curve.y, y_error, bars, fmt="none", ecolor=colour, elinewidth=0.8, alpha=alpha)
        return
    turns = np.flatnonzero(np.diff(np.sign(np.diff(curve.x)))) + 1
    for start, end in pairwise([0, *turns.tolist(), len(curve.x) - 1]):
        part = slice(start, end + 1)
        low, high = (curve.y + sign * y_error for sign in (-1, 1))
        ax.fill_between(curve.x[part], low[part], high[part], color=colour, alpha=0.25 * alpha, linewidth=0)
