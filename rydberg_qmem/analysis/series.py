"""Every series over rounds that a record holds."""

from __future__ import annotations

import numpy as np
import xarray as xr


def series(record: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return every series over rounds by name, a key's atoms one by one (`key.atom`), lost outcomes as NaN.

    Dims: `point` and `shot` if there are any, then one of rounds. What has none, or more than one, is left out.

    >>> record = xr.Dataset({"m": (("shot", "round"), np.array([[1, -1]], dtype=np.int8)), "last": ("shot", [1.0])})
    >>> {name: array.values.tolist() for name, array in series(record).items()}
    {'m': [[1.0, nan]]}
    """
    found: dict[str, xr.DataArray] = {}
    for name, array in record.data_vars.items():
        if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
            continue
        values = array.where(array != -1) if array.dtype == np.int8 else array.astype(float)
        values.attrs = array.attrs
        axis = f"{name}_atom"
        parts = {str(name): values}
        if axis in array.dims:
            parts = {f"{name}.{atom}": values.isel({axis: i}, drop=True) for i, atom in enumerate(record[axis].values)}
        found |= {label: part for label, part in parts.items() if _has_rounds(part)}
    return found


def _has_rounds(array: xr.DataArray) -> bool:
    """Return whether an array has one dimension of rounds: counted, not labelled as atoms and axes are."""
    left = [dim for dim in array.dims if dim not in ("point", "shot")]
    return len(left) == 1 and (left[0] not in array.coords or np.issubdtype(array[left[0]].dtype, np.number))
