"""Errors of a device and of its controls, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError
from rydberg_qmem.plots._style import as_text, axes, axes_or_new, okabe_ito

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


@arguments.taking(compared=arguments.record, measure=arguments.text, ax=arguments.optional(axes))
def comparison(compared: xr.Dataset, *, measure: str = "nmse", ax: Axes | None = None) -> Axes:
    """Draw the mean of a measure over tasks, with its standard deviation, for each model of `learning.compare`.

    The first model is the device; what lies left of its line did better. The axis is logarithmic where all means are
    above 0.

    Args:
        compared: What `learning.compare` gives: measures of dims model and task.
        measure: Name of the measure, "nmse" by default.
        ax: Axes of matplotlib to draw on; a new figure if not given.

    Raises InputError if the dataset has no such measure along model and task.

    >>> import xarray as xr
    >>> compared = xr.Dataset({"nmse": (("model", "task"), [[0.1, 0.2], [0.3, 0.2]])}, {"model": ["device", "frozen"]})
    >>> comparison(compared).get_xlabel()
    'nmse'
    """
    if measure not in compared or set(compared[measure].dims) != {"model", "task"}:
        raise InputError(f"compared must hold {measure!r} along model and task")
    values = compared[measure].transpose("model", "task").values
    means = values.mean(axis=1)
    spread = values.std(axis=1, ddof=1) if values.shape[1] > 1 else np.zeros(len(values))
    axes, colours = axes_or_new(ax), okabe_ito()
    below = np.minimum(spread, 0.9 * np.abs(means))  # a logarithmic axis knows no zero
    for place, mean in enumerate(means.tolist()):
        error = [[float(below[place])], [float(spread[place])]]
        axes.errorbar(mean, place, xerr=error, fmt="s" if place == 0 else "o", color=colours[0 if place == 0 else 1])
    axes.axvline(float(means[0]), color=colours[0], linewidth=0.6, linestyle=":")
    axes.set_yticks(range(len(means)), [str(name) for name in compared["model"].values.tolist()])
    axes.invert_yaxis()
    if (means > 0).all():
        axes.set_xscale("log")
    axes.set_xlabel(as_text(str(compared[measure].attrs.get("long_name", measure))))
    axes.set_title(as_text(str(compared.attrs.get("title", ""))))
    return axes
