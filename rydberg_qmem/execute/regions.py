"""A record on disk that is laid out first and then written region by region, each part marked when it is there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import StoreError
from rydberg_qmem.execute import chunks
from rydberg_qmem.execute.draws import COHORT
from rydberg_qmem.execute.store import UNFINISHED, encoding, fast

if TYPE_CHECKING:
    import xarray as xr

LEDGER = "progress"
"""The group beside the record that knows what is done; it is no part of the record."""
MOST_CHUNK_BYTES = 8_000_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """How a record is cut: `together` cohorts are one unit of work, and no chunk spans two units."""

    points: int
    shots: int | None
    together: int
    first_shots: int
    sums: int
    swept: bool

    @property
    def cohorts(self) -> int:
        """Cohorts of a point; an exact run counts as one."""
        return 1 if self.shots is None else -(-self.shots // COHORT)

    @property
    def units(self) -> int:
        """Units of a point."""
        return -(-self.cohorts // self.together)

    def expected(self) -> NDArray[np.int32]:
        """Return the shots of each cohort, (cohorts,)."""
        if self.shots is None:
            return np.ones(1, dtype=np.int32)
        return np.minimum(COHORT, self.shots - COHORT * np.arange(self.cohorts)).astype(np.int32)


def chunk_shape(shape: Mapping[str, int], itemsize: int, layout: Layout) -> tuple[int, ...]:
    """Return the chunk of a variable with these dimensions: one point, whole cohorts, at most 8 MB.

    >>> layout = Layout(points=1, shots=10**6, together=20, first_shots=10**6, sums=0, swept=False)
    >>> chunk_shape({"shot": 10**6, "round": 100, "m_atom": 4}, 1, layout)
    (20000, 100, 4)
    >>> chunk_shape({"shot": 10**6, "round": 100}, 8, layout)
    (10000, 100)
    """
    one = itemsize * int(np.prod([size for dim, size in shape.items() if dim not in ("point", "shot")], dtype=float))
    most = min(layout.together, max(1, -(-layout.first_shots // COHORT)))
    fit = [n for n in range(1, most + 1) if layout.together % n == 0 and n * COHORT * one <= MOST_CHUNK_BYTES]
    cohorts = max(fit, default=1)
    rows = COHORT if one * COHORT <= MOST_CHUNK_BYTES else max(d for d in _divisors(COHORT) if d * one <= _floor(one))
    made = {"point": 1, "shot": cohorts * COHORT if rows == COHORT else rows}
    return tuple(made.get(dim, max(1, size)) for dim, size in shape.items())


def _floor(one: int) -> int:
    return max(MOST_CHUNK_BYTES, one)  # a single shot may be larger than a chunk should be


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def lay_out(
    place: Path,
    skeleton: xr.Dataset,
    layout: Layout,
    *,
    attrs: Mapping[str, Any],
    ledger: Mapping[str, Any],
) -> None:
    """Write a store with all its metadata and no shots; `skeleton` is the record with no shots in it."""
    import zarr

    per_shot = [str(name) for name, variable in skeleton.data_vars.items() if "shot" in variable.dims]
    small = skeleton.drop_vars(per_shot)
    if layout.shots is not None:
        small = small.drop_vars("shot").assign_coords(
            shot=("shot", np.arange(layout.shots), {"long_name": "shot"})
        )  # fmt: skip
    small.attrs = {**attrs, UNFINISHED: 1}
    small.to_zarr(place, mode="w", consolidated=False, zarr_format=3, encoding=encoding(small))
    group = zarr.open_group(place, mode="r+")
    for name in per_shot:
        variable = skeleton[name]
        sizes = {str(d): layout.shots or 0 if d == "shot" else size for d, size in variable.sizes.items()}
        group.create_array(
            name,
            shape=tuple(sizes.values()),
            chunks=chunk_shape(sizes, variable.dtype.itemsize, layout),
            dtype=variable.dtype,
            fill_value=-1 if variable.dtype == np.int8 else np.nan,
            compressors=fast(),
            dimension_names=tuple(sizes),
            attributes=dict(variable.attrs),
        )
    _lay_out_ledger(group.create_group(LEDGER), layout, ledger)


def _lay_out_ledger(group: Any, layout: Layout, ledger: Mapping[str, Any]) -> None:
    group.create_array(
        "cohort_done",
        shape=(layout.points, layout.cohorts),
        chunks=(1, layout.together),
        dtype="int32",
        fill_value=0,
        compressors=fast(),
        attributes={"long_name": "shots of each cohort that are in the record"},
    )
    group.create_array(
        "sums", shape=(layout.points, layout.units, 1 + layout.sums), chunks=(1, 1, 1 + layout.sums), dtype="float64",
        fill_value=np.nan, compressors=fast(),
        attributes={"long_name": "probability dropped, then sums over the shots of each unit"},
    )  # fmt: skip
    group.attrs.update({**ledger, "layout_json": json.dumps(layout.__dict__)})


class Regions:
    """A laid-out store, open for writing whole units: the marker of a unit is written last and alone is trusted."""

    def __init__(self, place: str | Path) -> None:
        import zarr

        try:
            group: Any = zarr.open_group(place, mode="r+", use_consolidated=False)
            self.group, self.ledger = group, group[LEDGER]
            self.layout = Layout(**json.loads(self.ledger.attrs["layout_json"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{place}: cannot be continued ({error})") from None
        self.place = Path(place)
        self._arrays: dict[str, Any] = {}

    def _array(self, name: str) -> Any:
        """Return an array by its path, whose metadata are read once."""
        if name not in self._arrays:
            self._arrays[name] = self.group[name]
        return self._arrays[name]

    def write(self, point: int, cohorts: Sequence[int], arrays: Mapping[str, NDArray[Any]], sums: Array) -> None:
        """Write a unit: arrays that are per shot, shot axis first, then the sums, then the marker."""
        layout = self.layout
        first = cohorts[0] if cohorts else 0
        for name, values in arrays.items():
            stored = self._array(name)
            begin = first * COHORT
            where = (point,) if layout.swept else ()
            room = stored.shape[len(where) + 1 :]
            if values.shape[1:] != room:  # a point with fewer rounds than others
                padded = np.full((len(values), *room), stored.fill_value, dtype=stored.dtype)
                padded[tuple(slice(n) for n in values.shape)] = values
                values = padded
            origin = (*where, begin, *(0 for _ in room))
            chunks.write(self.place / name, stored, origin, values.reshape((*(1 for _ in where), *values.shape)))
        row = np.full(1 + layout.sums, np.nan)
        row[: len(sums)] = sums
        self._write_ledger("sums", (point, first // layout.together, 0), row[None, None])
        last = first + max(1, len(cohorts))
        self._write_ledger("cohort_done", (point, first), layout.expected()[None, first:last])

    def _write_ledger(self, name: str, first: tuple[int, ...], values: NDArray[Any]) -> None:
        chunks.write(self.place / LEDGER / name, self._array(f"{LEDGER}/{name}"), first, values)

    def done(self) -> NDArray[np.bool_]:
        """Return which cohorts are whole, (points, cohorts)."""
        return np.asarray(self.ledger["cohort_done"][:] == self.layout.expected())

    def sums(self, point: int) -> Array:
        """Return the sums of a point's units, in order, (units, numbers)."""
        return np.asarray(self.ledger["sums"][point])

    def finish(self, summed: Mapping[str, Sequence[NDArray[Any]]], attrs: Mapping[str, Any]) -> None:
        """Write the variables that are not per shot, one array for each point, and call the record finished."""
        for name, points in summed.items():
            stored = self.group[name]
            whole = np.full(stored.shape, np.nan, dtype=stored.dtype)
            for point, values in enumerate(points):
                where = (point,) if self.layout.swept else ()
                whole[(*where, *(slice(n) for n in values.shape))] = values
            stored[...] = whole
        kept = {name: value for name, value in self.group.attrs.asdict().items() if name != UNFINISHED}
        self.group.attrs.put({**kept, **attrs})
