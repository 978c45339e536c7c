"""How series go on from round to round: means over shots, with a band of one standard error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rydberg_qmem.analysis.standard_error import standard_error
from rydberg_qmem.plots._style import axes_or_new, paper

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_STYLES = ("-", "--", "-.", ":")


def over_rounds(series: Mapping[str, xr.DataArray], *, ax: Axes | None = None, cohort: int = 1) -> Axes:
    """Draw the mean of each series over shots against the round, a band of one standard error around it.

    Arrays have a dimension of rounds, and one of shots unless they are exact; see `analysis.series`. `cohort` is how
    many shots in a row share their feedback (`analysis.standard_error`; default 1: none do).

    >>> import xarray as xr
    >>> over_rounds({"fidelity": xr.DataArray([[0.0, 1.0], [0.5, 1.0]], dims=("shot", "round"))}).get_xlabel()
    'round'
    """
    from matplotlib.ticker import MaxNLocator

    with paper():
        ax = axes_or_new(ax)
        for i, (label, array) in enumerate(series.items()):
            mean = array.mean("shot") if "shot" in array.dims else array
            rounds = np.arange(mean.size)
            [line] = ax.plot(rounds, mean.values, _STYLES[i % 4], label=label)
            if array.sizes.get("shot", 0) > 1:
                error = standard_error(array.values, axis=array.get_axis_num("shot"), cohort=cohort)
                ax.fill_between(
                    rounds, mean.values - error, mean.values + error, color=line.get_color(), alpha=0.25, linewidth=0
                )
            ax.set_xlabel(str(mean.dims[0]))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel("mean over shots")
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + (0.25 if len(series) > 2 else 0.15) * (high - low))  # room for the legend
        ax.legend(ncols=2)
    return ax
