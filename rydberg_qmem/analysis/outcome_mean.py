"""The mean of an outcome or of memory over shots: of what was measured, with its error and with what was not there."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rydberg_qmem import arguments
from rydberg_qmem.analysis.standard_error import cohort_of, standard_error
from rydberg_qmem.errors import InputError, did_you_mean


@arguments.taking(record=arguments.record, key=arguments.text)
def outcome_mean(record: xr.Dataset, key: str) -> xr.Dataset:
    """Return `mean` of a variable of a record over its shots, with its `error` and the part that was `missing`.

    An outcome of -1 was not measured: its atom was lost, or no branch measured it. It is neither a 0 nor counted, so
    that `mean` is the mean of an exact run (`shots=None`); `record[key].mean("shot")` counts it as minus one photon.
    The error is one standard error over shots, or over the cohorts of a program that feeds back means over its
    ensemble; 0 for exact records, NaN where fewer than two shots (cohorts) are there.

    Args:
        record: A record.
        key: Name of a key, `key.atom` for one atom of it, or a variable of memory; the results keep its dimensions but
            `shot`.

    Raises InputError for unknown names.

    >>> record = xr.Dataset({"m": ("shot", np.array([1, 0, -1, 1], dtype=np.int8))})
    >>> {name: round(float(value), 4) for name, value in outcome_mean(record, "m").items()}
    {'mean': 0.6667, 'error': 0.3333, 'missing': 0.25}
    """
    name, _, atom = key.partition(".")
    if key in record:
        name, atom = key, ""
    if name not in record:
        raise InputError(f"the record has no variable {name!r}{did_you_mean(name, [str(k) for k in record])}")
    array = record[name]
    if atom:
        axis = f"{name}_atom"
        known = [str(label) for label in record[axis].values] if axis in array.dims and axis in record.coords else []
        if atom not in known:
            raise InputError(f"{key!r} must name an atom of {name!r}{did_you_mean(atom, known)}")
        array = array.isel({axis: known.index(atom)}, drop=True)
    values = array.where(array >= 0) if array.dtype == np.int8 else array.astype(float)
    if "shot" not in array.dims:
        return xr.Dataset({"mean": values, "error": xr.zeros_like(values), "missing": values.isnull().astype(float)})
    error = standard_error(values.values, axis=values.get_axis_num("shot"), cohort=cohort_of(record))
    mean = values.mean("shot", keep_attrs=True)
    return xr.Dataset({"mean": mean, "error": (mean.dims, error), "missing": values.isnull().mean("shot")})
