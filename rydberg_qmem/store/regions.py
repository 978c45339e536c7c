"""A record on disk, written unit by unit, each marked when it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import atomic_files, chunks
from rydberg_qmem.store.contents import UNFINISHED, Contents, contents
from rydberg_qmem.store.metadata import ArrayMeta
from rydberg_qmem.store.seal import Seal, put_seal, replace_root

Array = NDArray[np.float64]


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
        atomic_files.put(data)
        atomic_files.put(marks)

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
        return chunks.read(self.place / self.held.ledger / "sums", meta, chunks.whole_box(meta))

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
        atomic_files.put(made)
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
        atomic_files.make_folders(folder, key)
        made[folder / key] = content
    return made
