"""A record as one netCDF file, to hand on."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError, RunError, StoreError
from rydberg_qmem.store import atomic_files

if TYPE_CHECKING:
    import xarray as xr

MOST_IN_MEMORY = 1_000_000_000
"""Bytes of a record whose file is made in memory: on a full disk, the library below ends the whole process."""
OVERHEAD = 1_000_000


@arguments.taking(record=arguments.record, path=arguments.path, overwrite=arguments.flag)
def export(record: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a record as netCDF 4; complex variables become two, `<name>_real` and `<name>_imag`.

    Raises StoreError if the file is there, InputError if the extra `netcdf` is not installed, RunError, with the bytes
    needed, if the disk does not take the file; then nothing of it is left.
    """
    place = Path(path).expanduser()
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
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{place}: cannot be written ({error})") from None
    if plain.nbytes <= MOST_IN_MEMORY:
        _write_from_memory(plain, place, encoding)
    else:
        _write_large(plain, place, encoding)


def _write_from_memory(plain: xr.Dataset, place: Path, encoding: Any) -> None:
    try:
        content = bytes(plain.to_netcdf(engine="h5netcdf", encoding=encoding))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{place}: this record cannot be a netCDF file ({error})") from None
    try:
        atomic_files.put({place: content})
    except OSError as error:
        raise RunError(f"{place}: cannot be written, {len(content)} bytes are needed ({error})") from None


def _write_large(plain: xr.Dataset, place: Path, encoding: Any) -> None:
    free = shutil.disk_usage(place.parent).free
    if free < plain.nbytes + OVERHEAD:
        raise RunError(f"{place}: cannot be written, {plain.nbytes} bytes may be needed, but {free} are free there")
    scratch = place.with_name(f".{place.name}.new")
    try:
        plain.to_netcdf(scratch, engine="h5netcdf", encoding=encoding)
        atomic_files.flush([scratch])
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
