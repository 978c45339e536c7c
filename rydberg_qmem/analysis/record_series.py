"""Every variable of a record as what it holds of one atom and axis: series over rounds, and what has no rounds."""

from __future__ import annotations

from itertools import product

import numpy as np
import xarray as xr


def series(record: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return every series over rounds by name, a key's atoms one by one (`key.atom`), lost outcomes as NaN.

    Dims: `point` and `shot` if there are any, then one of rounds. What has none, or more than one, is left out.

    >>> record = xr.Dataset({"m": (("shot", "round"), np.array([[1, -1]], dtype=np.int8)), "last": ("shot", [1.0])})
    >>> {name: array.values.tolist() for name, array in series(record).items()}
    {'m': [[1.0, nan]]}
    """
    return {label: part for label, part in parts(record).items() if len(_rounds(part)) == 1}


def last_values(record: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return what has no rounds in the same way: outcomes, probes and last values of memory.

    >>> record = xr.Dataset({"m": (("shot", "m_atom"), [[1.0, 0.0]]), "R": ("round", [0.5])}, {"m_atom": ["a", "b"]})
    >>> {name: array.values.tolist() for name, array in last_values(record).items()}
    {'m.a': [1.0], 'm.b': [0.0]}
    """
    return {label: part for label, part in parts(record).items() if not _rounds(part)}


def parts(record: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return each variable of real numbers, split by its labelled dimensions: `key`, `key.atom`, `key.atom.axis`."""
    found: dict[str, xr.DataArray] = {}
    for name, array in record.data_vars.items():
        if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
            continue
        values = array.where(array != -1) if array.dtype == np.int8 else array.astype(float)
        values.attrs = array.attrs
        axes = labelled(array)
        for places in product(*(range(array.sizes[axis]) for axis in axes)):
            chosen = dict(zip(axes, places, strict=True))
            label = ".".join([str(name), *(str(record[axis].values[i]) for axis, i in chosen.items())])
            found[label] = values.isel(chosen, drop=True)
    return found


def labelled(array: xr.DataArray) -> list[str]:
    """Return the dimensions whose places have names, as atoms and axes do.

    >>> labelled(xr.DataArray([[1.0, 0.0]], {"n_atom": ["a", "b"], "round": [0]}, ("round", "n_atom")))
    ['n_atom']
    """
    named = (dim for dim in array.dims if dim in array.coords)
    return [str(dim) for dim in named if not np.issubdtype(array[dim].dtype, np.number)]


def _rounds(array: xr.DataArray) -> list[str]:
    return [str(dim) for dim in array.dims if dim not in ("point", "shot")]
