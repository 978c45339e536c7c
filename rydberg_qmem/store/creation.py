"""A store is made with all the metadata of its record and no shots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.store import atomic_files, chunks
from rydberg_qmem.store.contents import SEALED, UNFINISHED, ledger_of
from rydberg_qmem.store.record_layout import RecordLayout, chunk_shape
from rydberg_qmem.store.seal import seal_now


@dataclass(frozen=True)
class RecordColumn:
    """One array of a record that is laid out: `values` where they are known before the run."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: Any
    attrs: Mapping[str, Any]
    values: NDArray[Any] | None = None


def lay_out(
    place: Path,
    columns: Sequence[RecordColumn],
    layout: RecordLayout,
    *,
    attrs: Mapping[str, Any],
    ledger: Mapping[str, Any],
    spent_s: float = 0.0,
) -> None:
    """Write a store with all its metadata and no shots, and seal it."""
    import zarr

    group = zarr.open_group(place, mode="w", zarr_format=3)
    others = " ".join(c.name for c in columns if c.values is not None and c.dims == ("point",) and c.name != "point")
    group.attrs.update({**attrs, SEALED: 1, UNFINISHED: 1, **({"coordinates": others} if others else {})})
    for column in columns:
        _create(group, column, layout)
    held = group.create_group(ledger_of(column.name for column in columns))
    n, sums = layout.points_together, 1 + layout.sums
    for name, dims, shape, cut, dtype, told in (
        ("cohort_done", ("point", "cohort"), (layout.points, layout.cohorts), (n, layout.together), "int32",
         "shots of each cohort that are in the record"),
        ("sums", ("point", "unit", "number"), (layout.points, layout.units, sums), (n, 1, sums), "float64",
         "probability dropped, then sums over the shots of each unit"),
    ):  # fmt: skip
        held.create_array(
            name, shape=shape, chunks=cut, dtype=dtype, fill_value=0 if dtype == "int32" else np.nan,
            compressors=chunks.codecs(), attributes={"long_name": told},
            dimension_names=dims,
        )  # fmt: skip
    held.attrs.update({**ledger, "layout_json": json.dumps(asdict(layout))})
    seal_now(place, spent_s=spent_s)
    atomic_files.flush_tree(place)


def _create(group: Any, column: RecordColumn, layout: RecordLayout) -> None:
    sizes = dict(zip(column.dims, column.shape, strict=True))
    cut = chunk_shape(sizes, np.dtype(column.dtype).itemsize, layout)
    if "shot" not in column.dims or column.values is not None:
        cut = _cut(column.shape, np.dtype(column.dtype).itemsize)
    made = group.create_array(
        column.name,
        shape=column.shape,
        chunks=cut,
        dtype="string" if isinstance(column.dtype, np.dtypes.StringDType) else column.dtype,
        fill_value=_fill(np.dtype(column.dtype)),
        compressors=chunks.codecs(),
        dimension_names=column.dims,
        attributes=dict(column.attrs),
        config={"write_empty_chunks": True},
    )
    if "shot" not in column.dims or column.values is not None:
        made[...] = made.fill_value if column.values is None else column.values


def _cut(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return chunks of at most some megabytes, cut along the first dimensions."""
    cut, size = [], itemsize * int(np.prod(shape, dtype=float))
    for n in shape:
        part = max(1, n) if size <= _MOST else max(1, n * _MOST // size)
        size = size // max(1, n) * part
        cut.append(part)
    return tuple(cut)


_MOST = 8_000_000


def _fill(dtype: np.dtype[Any]) -> Any:
    if dtype == np.int8:
        return -1
    return {"f": np.nan, "c": complex(np.nan, np.nan), "T": ""}.get(dtype.kind, 0)
