"""The points of a sweep one by one, each without the rounds that only longer points have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from rydberg_qmem.analysis.record_series import labelled


def points_of(record: xr.Dataset) -> Iterator[tuple[str | None, xr.Dataset]]:
    """Yield each point of a sweep with its setting as text; a record without a sweep is one point.

    >>> record = xr.Dataset({"u": (("point", "round"), [[0.0, 1, np.nan], [0, 1, 2]])}, {"period": ("point", [2, 3])})
    >>> [(label, point.sizes["round"]) for label, point in points_of(record)]
    [('period = 2', 2), ('period = 3', 3)]
    """
    if "point" not in record.dims:
        yield None, record
        return
    swept = [name for name, c in record.coords.items() if c.dims == ("point",) and name != "point"]
    for i in range(record.sizes["point"]):
        point = record.isel(point=i, drop=True)
        ends = {dim: slice(end) for dim in point.dims if (end := _end(point, str(dim))) is not None}
        yield ", ".join(f"{name} = {float(record[name][i]):g}" for name in swept), point.isel(ends)


def _end(point: xr.Dataset, dim: str) -> int | None:
    """Return how many rounds a point has: up to the last one of which anything is known; None for what is no round."""
    held = [a for a in point.data_vars.values() if dim in a.dims and np.issubdtype(a.dtype, np.floating)]
    if dim == "shot" or not held or dim in labelled(held[0]):
        return None
    known = [a.notnull().any([d for d in a.dims if d != dim]).values for a in held]
    return int(np.flatnonzero(np.any(known, axis=0))[-1]) + 1 if np.any(known) else None
