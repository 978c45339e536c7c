"""A record as one netCDF file, to hand on."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rydberg_qmem.errors import InputError, RunError, StoreError

if TYPE_CHECKING:
    import xarray as xr


def export(record: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a record as netCDF 4; complex variables become two, `<name>_real` and `<name>_imag`.

    Raises StoreError if the file is there, InputError if the extra `netcdf` is not installed.
    """
    place = Path(path)
    if find_spec("h5netcdf") is None:
        raise InputError('netCDF needs the extra: pip install "rydberg_qmem[netcdf]"')
    if place.exists() and (place.is_dir() or not overwrite):
        raise StoreError(f"{place}: is there already; choose another name, or overwrite it explicitly")
    plain = _without_complex(record)
    encoding: Any = {
        name: {"zlib": True, "complevel": 4, "shuffle": True} | ({"_FillValue": None} if v.dtype.kind in "iu" else {})
        for name, v in plain.data_vars.items()
        if v.dtype.kind in "iuf" and v.ndim
    }
    scratch = place.with_name(f".{place.name}.new")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        plain.to_netcdf(scratch, engine="h5netcdf", encoding=encoding)
        scratch.replace(place)
    except OSError as error:
        raise RunError(f"{place}: cannot be written, {plain.nbytes} bytes or fewer are needed ({error})") from None
    finally:
        scratch.unlink(missing_ok=True)


def _without_complex(record: xr.Dataset) -> xr.Dataset:
    made = record
    for name, variable in {str(name): variable for name, variable in record.data_vars.items()}.items():
        if variable.dtype.kind == "c":
            made = made.drop_vars(name).assign({f"{name}_real": variable.real, f"{name}_imag": variable.imag})
    return made.assign_coords(
        {name: c.astype(object) for name, c in made.coords.items() if isinstance(c.dtype, np.dtypes.StringDType)}
    )
