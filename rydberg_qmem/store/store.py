"""Records on disk: zarr v3, written beside their place and moved there whole."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import atomic_files, chunks
from rydberg_qmem.store.contents import SEALED, UNFINISHED, Contents, contents, is_record, missing
from rydberg_qmem.store.exchange import store_path
from rydberg_qmem.store.lock import real
from rydberg_qmem.store.seal import seal_now

if TYPE_CHECKING:
    import xarray as xr

CHUNK_BYTES = 4_000_000


def check_free(path: str | Path, *, overwrite: bool) -> Path:
    """Refuse, before anything runs, a place that is taken or cannot be written to; return where it really is."""
    place = arguments.path("path", path)
    try:
        if "\0" in str(place):
            raise ValueError("a name cannot hold a null byte")
        place = real(place)
        if place.exists() and not overwrite:
            raise StoreError(f"{path}: is there already; choose another name, or overwrite it explicitly")
        if place.exists() and not is_record(place):
            raise StoreError(f"{path}: is not a record, so it will not be overwritten")
        place.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be written there ({error})") from None
    return place


def seed_of(path: str | Path) -> int | None:
    """Return the seed of the record that is stored there, so that a run without one goes on with it."""
    place = store_path(path)
    if not is_record(place):
        return None
    seed = str(contents(place).attrs.get("seed", "none"))
    return int(seed) if seed.isdigit() else None


def save_record(record: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a record as a zarr store; a failed write leaves nothing behind.

    Args:
        record: What `run` has returned, or a Dataset of the same layout.
        path: Folder of the store; folders above it are made.
        overwrite: Whether a record that is there already is replaced (default False); nothing else ever is.

    Raises InputError for something that is no record; StoreError where the place is taken, or cannot be written to.

    >>> import tempfile, rydberg_qmem as rq
    >>> record = rq.run("rabi", shots=10, seed=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rq.save_record(record, f"{folder}/r.zarr")
    ...     rq.open_record(f"{folder}/r.zarr").identical(record)
    True
    """
    arguments.record("record", record)
    place = check_free(path, overwrite=arguments.flag("overwrite", overwrite))
    scratch = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        record.assign_attrs({SEALED: 1}).to_zarr(
            scratch / "record", mode="w", consolidated=False, zarr_format=3, encoding=encoding(record),
            write_empty_chunks=True,
        )  # fmt: skip
        seal_now(scratch / "record")
        atomic_files.flush_tree(scratch / "record")
        if place.exists():
            place.rename(scratch / "old")
        (scratch / "record").rename(place)
        atomic_files.flush([place.parent])
    except OSError as error:
        raise StoreError(f"{path}: cannot be written, {record.nbytes} bytes are needed ({error})") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def encoding(record: xr.Dataset) -> dict[Any, dict[str, Any]]:
    """Return how xarray is to write each variable of a record."""
    made: dict[Any, dict[str, Any]] = {}
    for name, variable in record.variables.items():
        made[name] = {"compressors": chunks.codecs()}
        if variable.dtype == np.int8:
            made[name]["fill_value"] = -1
        if "shot" in variable.dims and variable.size:
            made[name]["chunks"] = _chunks(record[name])
    return made


def _chunks(variable: xr.DataArray) -> tuple[int, ...]:
    per_shot = max(1, variable.nbytes // variable.sizes["shot"])
    shots = max(1, min(variable.sizes["shot"], CHUNK_BYTES // per_shot))
    return tuple(shots if dim == "shot" else max(1, size) for dim, size in variable.sizes.items())


class UnfinishedWarning(UserWarning):
    """A record is opened that its run has not finished."""


def open_record(path: str | Path) -> xr.Dataset:
    """Return a stored record, its arrays read when they are used.

    A record that its run has not finished comes with an UnfinishedWarning, its missing shots -1 and NaN. Damage shows
    at once in metadata or as a missing file, else when an array is read whose file holds other bytes than were written;
    `verify` reads all.

    Args:
        path: Folder that `run(store=...)`, `rqm run -o` or `save_record` wrote.

    Raises StoreError, with the file's path, where there is no record, or a damaged one.

    >>> import tempfile, rydberg_qmem as rq
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = rq.run("rabi", shots=10, seed=3, store=f"{folder}/r.zarr")
    ...     rq.open_record(f"{folder}/r.zarr").sizes["shot"]
    10
    """
    record = opened(path)
    if UNFINISHED in record.attrs:
        told = f"{path}: is not finished; what is missing is -1 or NaN; go on with: rqm resume {path}"
        warnings.warn(told, UnfinishedWarning, stacklevel=2)
    return record


def opened(path: str | Path) -> xr.Dataset:
    """Open a stored record lazily, finished or not."""
    import xarray as xr

    from rydberg_qmem.store.lazy_arrays import RecordEntrypoint

    held = whole_contents(arguments.path("path", path))
    arrays = {**held.arrays}
    try:
        record: xr.Dataset = xr.open_dataset(
            held.place, engine=RecordEntrypoint, arrays=arrays, attrs=dict(held.attrs)
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: cannot be read as a record ({error})") from None
    return _shots_first(record)


def whole_contents(path: str | Path) -> Contents:
    """Return what lies in a store, or raise StoreError if it is no record, or is damaged as far as no chunk is read."""
    place = store_path(path)
    if not is_record(place):
        raise StoreError(f"{path}: no record there" + instead(place))
    held = contents(place)
    faults = [*held.faults, *missing(held)]
    if faults:
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise StoreError(
            f"{faults[0]}{more}: the record is damaged; `rqm verify {path}` tells all of it; `rqm resume {path}`, or "
            "the same run again, makes it anew"
        )
    return held


def instead(place: Path) -> str:
    """Say what is at a place where no record is."""
    if not place.exists():
        return " (no such folder)"
    return f" ({'another folder' if place.is_dir() else 'a file'}; a record is the folder that `-o` or `store=` wrote)"


def _shots_first(record: xr.Dataset) -> xr.Dataset:
    """Return a record with its dimensions in the order of one in memory; a folder has its arrays by name."""
    import xarray as xr

    names = sorted(record.data_vars, key=lambda name: record[name].dims[:1] not in (("shot",), ("branch",)))
    made = xr.Dataset({name: record.variables[name] for name in names}, record.coords, record.attrs)
    made.encoding = record.encoding
    return made
