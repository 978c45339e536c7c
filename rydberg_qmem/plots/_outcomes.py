"""The outcomes of a record without rounds: a bar for each mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rydberg_qmem.analysis.record_series import last_values
from rydberg_qmem.analysis.standard_error import cohort_of, mean_and_error
from rydberg_qmem.errors import InputError
from rydberg_qmem.plots._style import axes_or_new, paper

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


FEW = 4
"""Up to so many bars stand upright."""


def outcomes(record: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the mean of every outcome and real probe that has no rounds as a bar, with one standard error over shots.

    >>> import xarray as xr
    >>> ax = outcomes(xr.Dataset({"m": ("m_atom", [0.5, 0.25])}, {"m_atom": ["a", "b"]}))
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['m.a', 'm.b']
    """
    labels, means, errors = [], [], []
    for label, array in last_values(record).items():
        if np.isfinite(array.values).any():  # an outcome of a branch that no shot took has none
            mean, error = mean_and_error(array, cohort=cohort_of(record))
            labels.append(label)
            means.append(mean)
            errors.append(float(np.nan_to_num(error)))
    if not labels:
        raise InputError("record must hold an outcome, probe or last value without rounds, but holds none")
    upright = len(labels) <= FEW
    with paper():
        ax = axes_or_new(ax)
        places, half = np.arange(len(labels)), max(len(labels) / 2 + 0.25, 1.25)
        middle = places.mean()
        if upright:
            ax.bar(places, means, yerr=errors if any(errors) else None, width=0.5)
            ax.set_xticks(places, labels)
            ax.set_xlim(middle - half, middle + half)
        else:  # names side by side would lie on each other
            ax.barh(places, means, xerr=errors if any(errors) else None, height=0.5)
            ax.set_yticks(places, labels)
            ax.set_ylim(middle + half, middle - half)
        (ax.axhline if upright else ax.axvline)(0, color="black", linewidth=0.6)
        (ax.set_ylabel if upright else ax.set_xlabel)("mean over shots" if "shot" in record.dims else "mean")
        if not any(means):
            (ax.set_ylim if upright else ax.set_xlim)(0, 1)
    return ax
