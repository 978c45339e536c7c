"""A density matrix: the size of each element as a shade and a number, between kets and bras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rydberg_qmem.errors import InputError
from rydberg_qmem.plots._style import axes_or_new, paper

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_EMPTY = 5e-3
"""Rows and columns with nothing above this are left out: levels that no atom is in."""


def matrix(rho: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """Draw the moduli of a density matrix's elements, as probes give them: dims `key_row` and `key_column`, labelled.

    Raises InputError for arrays of other dims.

    >>> import xarray as xr
    >>> bell = xr.DataArray(np.full((2, 2), 0.5), {"rho_row": ["gg", "hh"]}, ("rho_row", "rho_column"), name="rho")
    >>> [text.get_text() for text in matrix(bell).texts]
    ['0.50', '0.50', '0.50', '0.50']
    """
    if rho.ndim != 2 or rho.dims[0] not in rho.coords or rho.shape[0] != rho.shape[1]:
        raise InputError(f"rho must be one square matrix with labelled rows, but has the dims {dict(rho.sizes)}")
    size = np.abs(rho.values)
    [seen] = np.nonzero(size.max(axis=1) > _EMPTY)
    size = size[np.ix_(seen, seen)]
    names = [str(rho[rho.dims[0]].values[i]) for i in seen]
    with paper():
        ax = axes_or_new(ax)
        edges = np.arange(len(names) + 1) - 0.5
        ax.pcolormesh(edges, edges, size, cmap="Blues", vmin=0, vmax=max(1e-9, 1.8 * size.max()), ec="white", lw=1)
        ax.set_aspect("equal")
        ax.invert_yaxis()
        for (i, j), value in np.ndenumerate(size):
            ax.text(j, i, f"{value:.2f}", ha="center", va="center")
        ax.set_xticks(range(len(names)), [f"⟨{name}|" for name in names])
        ax.set_yticks(range(len(names)), [f"|{name}⟩" for name in names])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(f"moduli of {rho.name}")
    return ax
