"""One series against another, in the order of the rounds, left open: what never comes back to where it began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rydberg_qmem.plots._hysteresis import axis_label
from rydberg_qmem.plots._style import axes_or_new, paper

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


def trajectory(drive: xr.DataArray, response: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """Draw the mean of a response over shots against that of its drive, round by round; a ring is the first round.

    >>> import xarray as xr
    >>> voltage = xr.DataArray([0.0, 1.0, 0.5], dims="round", name="V")
    >>> ax = trajectory(voltage, (2 * voltage).rename("I"))
    >>> ax.get_xlabel(), ax.lines[0].get_ydata().tolist()
    ('V', [0.0, 2.0, 1.0])
    """
    x, y = (array.mean("shot") if "shot" in array.dims else array for array in (drive, response))
    with paper():
        ax = axes_or_new(ax)
        [line] = ax.plot(x.values, y.values, marker="o", markersize=2)
        ax.plot(x.values[0], y.values[0], "o", color=line.get_color(), markersize=6, mfc="white", zorder=3)
        ax.axhline(0, color="black", linewidth=0.4, zorder=0)
        ax.axvline(0, color="black", linewidth=0.4, zorder=0)
        ax.set(xlabel=axis_label(drive), ylabel=axis_label(response))
    return ax
