"""The outcomes of a record without rounds: a bar for each mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rydberg_qmem.plots.style import axes_or_new, paper

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


def outcomes(record: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the mean of every outcome and real probe that has no rounds as a bar, with one standard error over shots.

    >>> import xarray as xr
    >>> ax = outcomes(xr.Dataset({"m": ("m_atom", [0.5, 0.25])}, {"m_atom": ["a", "b"]}))
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['m.a', 'm.b']
    """
    labels, means, errors = [], [], []
    for name, array in record.data_vars.items():
        axis = f"{name}_atom"
        if np.iscomplexobj(array) or set(array.dims) - {"shot", axis}:
            continue
        values = array.where(array != -1) if array.dtype == np.int8 else array.astype(float)
        atoms = [f".{atom}" for atom in record[axis].values] if axis in array.dims else [""]
        rows = np.reshape(values.transpose(..., *(["shot"] if "shot" in array.dims else [])).values, (len(atoms), -1))
        labels += [f"{name}{atom}" for atom in atoms]
        means += np.nanmean(rows, axis=1).tolist()
        errors += (np.nanstd(rows, axis=1) / np.sqrt(rows.shape[1])).tolist()
    with paper():
        ax = axes_or_new(ax)
        if len(labels) > 3:
            ax.tick_params("x", rotation=30)
        ax.bar(labels, means, yerr=errors if any(errors) else None, width=0.5)
        ax.axhline(0, color="black", linewidth=0.6)
        ax.set_ylabel("mean")
        ax.margins(x=0.25)
    return ax
