"""A record on disk that is laid out first and then written unit by unit, each marked when it is there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import chunks, files
from rydberg_qmem.store.contents import SEALED, UNFINISHED, Contents, chunks_of_cohorts, contents, ledger_of, per_shot
from rydberg_qmem.store.layout import Layout, chunk_shape
from rydberg_qmem.store.metadata import ArrayMeta
from rydberg_qmem.store.seal import Seal, put_seal, replace_root, seal_now

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """One array of a record that is laid out: `values` where they are known before the run."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: Any
    attrs: Mapping[str, Any]
    values: NDArray[Any] | None = None


@dataclass(frozen=True)
class Written:
    """What one unit has given: arrays that are per shot, shot axis first, and its sums."""

    point: int
    cohorts: tuple[int, ...]
    arrays: Mapping[str, NDArray[Any]]
    sums: Array

    @property
    def first(self) -> int:
        """The first cohort; an exact run has one."""
        return self.cohorts[0] if self.cohorts else 0

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(values.nbytes for values in self.arrays.values()) + self.sums.nbytes


def lay_out(
    place: Path,
    columns: Sequence[Column],
    layout: Layout,
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
    files.flush_tree(place)


def _create(group: Any, column: Column, layout: Layout) -> None:
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


class Regions:
    """A laid-out store, open for writing whole units: the marker of a unit is written last and alone is trusted."""

    def __init__(self, place: str | Path, held: Contents | None = None) -> None:
        self.place = Path(place)
        self.held = contents(self.place) if held is None else held
        self.layout = self.held.layout

    def write(self, units: Sequence[Written]) -> None:
        """Write units: first what they gave, flushed to the disk, then their markers; OSError if the disk is full."""
        data: dict[Path, bytes] = {}
        marks: dict[Path, bytes] = {}
        for together in self._together(units):
            for name, meta in self.held.arrays.items():
                if name in together[0].arrays:
                    data |= self._arrays(name, meta, together)
            data |= self._sums(together)
            marks |= self._marks(together)
        files.put(data)
        files.put(marks)

    def _together(self, units: Sequence[Written]) -> Iterator[list[Written]]:
        """Yield units whose points share chunks."""
        found: dict[tuple[int, int], list[Written]] = {}
        for unit in units:
            found.setdefault((unit.point // self.layout.points_together, unit.first), []).append(unit)
        yield from found.values()

    def _points(self, units: Sequence[Written]) -> tuple[int, int]:
        """Return the first and the number of the points that share chunks with these units."""
        size = self.layout.points_together
        first = units[0].point // size * size
        return first, min(size, self.layout.points - first)

    def _arrays(self, name: str, meta: ArrayMeta, units: Sequence[Written]) -> dict[Path, bytes]:
        begin, rows = units[0].first * COHORT, max(len(unit.arrays[name]) for unit in units)
        first, points = self._points(units)
        room = meta.shape[2:] if self.layout.swept else meta.shape[1:]
        where = (first,) if self.layout.swept else ()
        box = (*(slice(first, first + points) for _ in where), slice(begin, begin + rows), *(slice(0, n) for n in room))

        def put(block: NDArray[Any]) -> None:
            block = block.reshape((points, rows, *room))
            for unit in units:
                values = unit.arrays[name]
                block[unit.point - first] = meta.fill_value  # a point with fewer rounds than others leaves some
                into: tuple[Any, ...] = (unit.point - first, *map(slice, values.shape))
                block[into] = values

        return self._block(self.place / name, meta, box, put, whole=len(units) == points)

    def _sums(self, units: Sequence[Written]) -> dict[Path, bytes]:
        first, points = self._points(units)
        unit = units[0].first // self.layout.together
        meta = self.held.markers["sums"]
        box = (slice(first, first + points), slice(unit, unit + 1), slice(0, meta.shape[2]))

        def put(block: NDArray[Any]) -> None:
            for one in units:
                block[one.point - first, 0, :] = np.nan
                block[one.point - first, 0, : len(one.sums)] = one.sums

        return self._block(self.place / self.held.ledger / "sums", meta, box, put, whole=len(units) == points)

    def _marks(self, units: Sequence[Written]) -> dict[Path, bytes]:
        first, points = self._points(units)
        begin = units[0].first
        shots = self.layout.expected()[begin : begin + max(1, len(units[0].cohorts))]
        box = (slice(first, first + points), slice(begin, begin + len(shots)))

        def put(block: NDArray[Any]) -> None:
            for one in units:
                block[one.point - first] = shots

        meta = self.held.markers["cohort_done"]
        return self._block(self.place / self.held.ledger / "cohort_done", meta, box, put, whole=len(units) == points)

    def _block(
        self, folder: Path, meta: ArrayMeta, box: chunks.Box, put: Callable[[NDArray[Any]], None], *, whole: bool
    ) -> dict[Path, bytes]:
        """Return the chunks of a box with something put into it; what else it holds stays."""
        shape = tuple(s.stop - s.start for s in box)
        block = np.full(shape, meta.fill_value, dtype=meta.dtype) if whole else chunks.read(folder, meta, box)
        put(block)
        return files_of(folder, chunks.encoded(meta, tuple(s.start for s in box), block))

    def done(self) -> NDArray[np.bool_]:
        """Return which cohorts are whole, (points, cohorts)."""
        return self.held.done()

    def sums(self) -> Array:
        """Return the sums of all units, (points, units, numbers)."""
        meta = self.held.markers["sums"]
        return chunks.read(self.place / self.held.ledger / "sums", meta, chunks.whole(meta))

    def note(self, spent_s: float) -> None:
        """Keep how long runs have worked on the store."""
        seal = self._seal()
        put_seal(self.place, Seal(seal.documents, seal.coming, spent_s))

    def finish(self, summed: Mapping[str, NDArray[Any]], attrs: Mapping[str, Any]) -> None:
        """Write the variables that are not per shot, and call the record finished."""
        made: dict[Path, bytes] = {}
        for name, values in summed.items():
            meta = self.held.arrays[name]
            first = (0,) * len(meta.shape)
            made |= files_of(self.place / name, chunks.encoded(meta, first, values))
        files.put(made)
        kept = {name: value for name, value in self.held.attrs.items() if name != UNFINISHED}
        replace_root(self.place, self._seal(), {**kept, **attrs})

    def _seal(self) -> Seal:
        """Return the seal as it is now: other shards write it too."""
        seal = contents(self.place).seal
        if seal is None:
            raise StoreError(f"{self.place}: its seal is damaged; run the same again")
        return seal


def files_of(folder: Path, written: Iterable[tuple[str, bytes]]) -> dict[Path, bytes]:
    """Return chunks by their files, whose folders are made; that of the array must be there."""
    made = {}
    for key, content in written:
        files.make_folders(folder, key)
        made[folder / key] = content
    return made


def take_over(old: Contents, new: Regions, done: NDArray[np.bool_]) -> None:
    """Give a store, just laid out, the cohorts that are whole in another one of the same run."""
    _check_shapes(old, new)
    kept = [name for name, meta in new.held.arrays.items() if per_shot(meta)]
    if not all(_same_chunks(old.arrays[name], new.held.arrays[name]) for name in kept) or not old.sealed:
        _write_again(old, new, done, kept)
        return
    for name in kept:
        for folder, meta, chunk in chunks_of_cohorts(old.place / name, old.arrays[name], done):
            files.make_folders(new.place / name, meta.key(chunk))
            _link(folder / meta.key(chunk), new.place / name / meta.key(chunk))
    for name, which in (("sums", _units(done, old.layout)), ("cohort_done", done)):
        there, meta = old.marker(name), new.held.markers[name]
        values = np.full(meta.shape, meta.fill_value, dtype=meta.dtype)
        values[tuple(slice(n) for n in there.shape)] = np.where(which, there, meta.fill_value)
        written = chunks.encoded(meta, (0,) * values.ndim, values)
        files.put(files_of(new.place / new.held.ledger / name, written))


def _units(done: NDArray[np.bool_], layout: Layout) -> NDArray[np.bool_]:
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
