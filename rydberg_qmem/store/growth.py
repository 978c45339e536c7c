"""A record that grows takes over the cohorts that are whole in the record it grows from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import atomic_files, chunks
from rydberg_qmem.store.contents import Contents, chunks_of_cohorts, per_shot
from rydberg_qmem.store.metadata import ArrayMeta
from rydberg_qmem.store.record_layout import RecordLayout
from rydberg_qmem.store.regions import Regions, Written, files_of


def take_over(old: Contents, new: Regions, done: NDArray[np.bool_]) -> None:
    """Give a store, just laid out, the cohorts that are whole in another one of the same run."""
    _check_shapes(old, new)
    kept = [name for name, meta in new.held.arrays.items() if per_shot(meta)]
    if not all(_same_chunks(old.arrays[name], new.held.arrays[name]) for name in kept) or not old.sealed:
        _write_again(old, new, done, kept)
        return
    for name in kept:
        for folder, meta, chunk in chunks_of_cohorts(old.place / name, old.arrays[name], done):
            atomic_files.make_folders(new.place / name, meta.key(chunk))
            _link(folder / meta.key(chunk), new.place / name / meta.key(chunk))
    for name, which in (("sums", _units(done, old.layout)), ("cohort_done", done)):
        there, meta = old.marker(name), new.held.markers[name]
        values = np.full(meta.shape, meta.fill_value, dtype=meta.dtype)
        values[tuple(slice(n) for n in there.shape)] = np.where(which, there, meta.fill_value)
        written = chunks.encoded(meta, (0,) * values.ndim, values)
        atomic_files.put(files_of(new.place / new.held.ledger / name, written))


def _units(done: NDArray[np.bool_], layout: RecordLayout) -> NDArray[np.bool_]:
    """Return which units have a whole cohort, (points, units, 1)."""
    return np.logical_or.reduceat(done, np.arange(0, layout.cohorts, layout.together), axis=1)[:, :, None]


def _same_chunks(old: ArrayMeta, new: ArrayMeta) -> bool:
    return (old.chunks, old.codecs, old.data_type, old.separator) == (
        new.chunks, new.codecs, new.data_type, new.separator
    )  # fmt: skip


def _write_again(old: Contents, new: Regions, done: NDArray[np.bool_], names: Sequence[str]) -> None:
    """Read units from a store that is cut or compressed in another way, and write them."""
    sums, layout = old.marker("sums"), old.layout
    n = min(layout.cohorts, new.layout.cohorts)
    same = layout.expected()[:n] == new.layout.expected()[:n]
    for point in range(layout.points):
        for unit in range(layout.units):
            cohorts = range(unit * layout.together, min((unit + 1) * layout.together, layout.cohorts))
            whole = all(c < n and same[c] and done[point, c] for c in cohorts)
            if not whole or layout.together != new.layout.together:
                continue
            rows = slice(cohorts[0] * COHORT, min((cohorts[-1] + 1) * COHORT, layout.shots or 0))
            arrays = {name: _rows(old, name, point, rows) for name in names}
            given = tuple(cohorts) if layout.shots is not None else ()
            new.write([Written(point, given, arrays, sums[point, unit])])


def _rows(old: Contents, name: str, point: int, rows: slice) -> NDArray[Any]:
    meta = old.arrays[name]
    fixed = {"point": slice(point, point + 1), "shot": rows}
    box = tuple(fixed.get(dim, slice(0, n)) for dim, n in zip(meta.dims, meta.shape, strict=True))
    values = chunks.read(old.place / name, meta, box)
    return values[0] if "point" in meta.dims else values


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _check_shapes(old: Contents, new: Regions) -> None:
    for name, meta in new.held.arrays.items():
        there = old.arrays.get(name)
        if per_shot(meta) and (there is None or _fixed(there) != _fixed(meta)):
            raise StoreError(f"{old.place}: {name} would change its shape, so the record cannot grow")


def _fixed(meta: ArrayMeta) -> list[tuple[str, int]]:
    """Return the dimensions that cannot grow."""
    return [(name, n) for name, n in zip(meta.dims, meta.shape, strict=True) if name not in ("point", "shot")]
