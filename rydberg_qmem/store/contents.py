"""What lies in the folder of a record: its documents held against their seal, its arrays, and what is damaged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import chunks, documents, metadata, record_attributes
from rydberg_qmem.store.documents import NAME
from rydberg_qmem.store.metadata import ArrayMeta
from rydberg_qmem.store.record_layout import RecordLayout
from rydberg_qmem.store.seal import SEAL, Seal, seal_of

LEDGERS = ("progress", "qmem-progress")
"""The group beside the record that knows what is done, no part of the record; the second if a variable is so called."""
SEALED = "sealed"
"""The attribute of a record that has a seal."""
UNFINISHED = "unfinished"
"""The attribute of a record whose run is not finished."""
MOST_COHORTS = 250_000_000
_SHOWN = 8


@dataclass(frozen=True)
class Fault:
    """A file that is not what was written; `chunk` is its place in an array."""

    path: Path
    what: str
    array: str = ""
    chunk: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class Contents:
    """A store whose metadata are checked: the record's attributes and arrays, and, of a run, its ledger."""

    place: Path
    attrs: Mapping[str, Any]
    arrays: Mapping[str, ArrayMeta]
    told: Mapping[str, Any] | None
    """What the ledger says: layout, identity, points and call."""
    markers: Mapping[str, ArrayMeta]
    """The ledger's arrays."""
    ledger: str
    seal: Seal | None
    faults: tuple[Fault, ...]
    """Documents that are not what was written; where there is a seal, its copy stands for them."""

    @property
    def layout(self) -> RecordLayout:
        """How the record is cut."""
        if self.told is None:
            raise StoreError(f"{self.place}: was saved whole, so it has no layout")
        return RecordLayout(**self.told["layout"])

    @property
    def sealed(self) -> bool:
        """Whether the record was written with checksums and a seal."""
        return SEALED in self.attrs

    @property
    def finished(self) -> bool:
        """Whether the record's run is finished."""
        return UNFINISHED not in self.attrs

    def marker(self, name: str) -> NDArray[Any]:
        """Return an array of the ledger; where a chunk of it is damaged, nothing is done."""
        meta = self.markers[name]
        folder, made = self.place / self.ledger / name, np.full(meta.shape, meta.fill_value, dtype=meta.dtype)
        for chunk in _there(folder, meta):
            box = meta.box(chunk)
            with suppress(StoreError):
                made[box] = chunks.read(folder, meta, box)
        return made

    def done(self) -> NDArray[np.bool_]:
        """Return which cohorts are whole, (points, cohorts); those whose marker is damaged are not."""
        return np.asarray(self.marker("cohort_done") == self.layout.expected())


def ledger_of(variables: Iterable[str]) -> str:
    """Return the name of the ledger beside a record with these variables."""
    return next(name for name in LEDGERS if name not in set(variables))


def is_record(place: Path) -> bool:
    """Return whether a folder holds a record of this package."""
    return any(_is_root(text) for text in _roots(place))


def _roots(place: Path) -> Iterator[str | bytes]:
    """Yield what the root of a store says, as sealed and as it is."""
    with suppress(StoreError):
        seal = seal_of(place)
        if seal is not None:
            yield seal.documents.get(NAME, "")
    with suppress(StoreError):
        yield documents.read(place / NAME)


def _is_root(text: str | bytes) -> bool:
    try:
        return "program_sha256" in documents.document(text, "")["attributes"]
    except (StoreError, KeyError, TypeError):
        return False


def contents(place: Path) -> Contents:
    """Return what lies in a store; StoreError, with the path, if its metadata cannot be a record's."""
    told, seal, faults = _documents(place)
    attrs = record_attributes.of_record(told[NAME], str(place / NAME))
    groups = [one for one in LEDGERS if f"{one}/cohort_done/{NAME}" in told]
    name = groups[0] if groups else LEDGERS[0]
    arrays = {path.partition("/")[0]: one for path, one in told.items() if path.count("/") == 1}
    aside = {SEAL, name} if groups else {SEAL}
    found = {n: metadata.array_of(one, n, str(place / n / NAME)) for n, one in arrays.items() if n not in aside}
    _check_sizes(place, found)
    if not groups:
        return Contents(place, attrs, found, None, {}, name, seal, faults)
    said = record_attributes.of_ledger(told.get(f"{name}/{NAME}", {}), str(place / name / NAME))
    markers = {}
    for array in ("cohort_done", "sums"):
        where = f"{name}/{array}/{NAME}"
        if where not in told:
            raise StoreError(f"{place / where}: is missing")
        markers[array] = metadata.array_of(told[where], array, str(place / where))
    _check_layout(place, RecordLayout(**said["layout"]), found, markers)
    return Contents(place, attrs, found, said, markers, name, seal, faults)


def _documents(place: Path) -> tuple[dict[str, Any], Seal | None, tuple[Fault, ...]]:
    """Return every document of a store by its path, as sealed where it is sealed."""
    faults: list[Fault] = []
    try:
        seal = seal_of(place)
    except StoreError as error:
        seal, faults = None, [Fault(place / SEAL / NAME, str(error).partition(": ")[2])]
    if seal is None:
        inside = (path for depth in ("*", "*/*") for path in sorted(place.glob(f"{depth}/{NAME}")))
        found = [place / NAME, *(path for path in inside if path.parent != place / SEAL)]
        made = {p.relative_to(place).as_posix(): documents.document(documents.read(p), str(p)) for p in found}
        if not faults and SEALED in (made[NAME].get("attributes") or {}):
            faults = [Fault(place / SEAL / NAME, "is missing")]
        return made, None, tuple(faults)
    made = {}
    for path, text in seal.documents.items():
        try:
            there = documents.read(place / path)
        except StoreError as error:
            there = b""
            faults.append(Fault(place / path, str(error).partition(": ")[2]))
        else:
            if there == seal.coming.get(path, text).encode():
                text = seal.coming.get(path, text)
            elif there != text.encode():
                faults.append(Fault(place / path, "is damaged (it is not what was written)"))
        made[path] = documents.document(text, str(place / SEAL / NAME))
    if NAME not in made:
        raise StoreError(f"{place / SEAL / NAME}: is damaged (it does not name {NAME})")
    return made, seal, tuple(faults)


def _check_sizes(place: Path, arrays: Mapping[str, ArrayMeta]) -> None:
    sizes: dict[str, tuple[int, str]] = {}
    for name, meta in arrays.items():
        for dim, size in zip(meta.dims, meta.shape, strict=True):
            if sizes.setdefault(dim, (size, name))[0] != size:
                raise StoreError(f"{place / name}: is damaged ({dim} {size}, but {sizes[dim][0]} in {sizes[dim][1]})")
            if dim in arrays and arrays[dim].dims != (dim,):
                raise StoreError(f"{place / dim}: is damaged (it must have the one dimension {dim})")


def _check_layout(
    place: Path, layout: RecordLayout, arrays: Mapping[str, ArrayMeta], markers: Mapping[str, ArrayMeta]
) -> None:
    shapes = {"cohort_done": (layout.points, layout.cohorts), "sums": (layout.points, layout.units, 1 + layout.sums)}
    if math.prod(shapes["cohort_done"]) > MOST_COHORTS:
        raise StoreError(f"{place}: is damaged (it claims {math.prod(shapes['cohort_done'])} cohorts)")
    for name, shape in shapes.items():
        if markers[name].shape != shape or markers[name].data_type == "string":
            raise StoreError(f"{place}: is damaged ({name} must have the shape {shape})")
    for dim, size in (("point", layout.points if layout.swept else None), ("shot", layout.shots)):
        held = {meta.shape[meta.dims.index(dim)] for meta in arrays.values() if dim in meta.dims}
        if held - {size}:
            raise StoreError(f"{place}: is damaged ({dim} {max(held)}, but {size} in its ledger)")


# --- what must be there ---


def expected(held: Contents) -> Iterator[tuple[Path, ArrayMeta, tuple[int, ...]]]:
    """Yield every chunk that must be there: its folder, its array, its place."""
    if not held.sealed:
        for name, meta in held.arrays.items():
            if meta.dims == (name,) and meta.shape[0] > 1:
                yield from _all_of(held.place / name, meta)
        return
    ledger = held.place / held.ledger
    done = held.done() if held.told is not None else np.zeros((0, 0), dtype=bool)
    for name, meta in held.arrays.items():
        if held.told is not None and per_shot(meta) and not held.finished:
            yield from chunks_of_cohorts(held.place / name, meta, done)
        else:
            yield from _all_of(held.place / name, meta)
    for name, meta in held.markers.items():
        if held.finished:
            yield from _all_of(ledger / name, meta)
        elif name == "cohort_done":
            yield from ((ledger / name, meta, chunk) for chunk in _there(ledger / name, meta))
        else:
            yield from ((ledger / name, meta, chunk) for chunk in units_of(meta, done, held.layout))


def per_shot(meta: ArrayMeta) -> bool:
    """Return whether an array has its own numbers for each shot."""
    return "shot" in meta.dims and meta.name != "shot"  # the numbers of the shots are not measured


def _all_of(folder: Path, meta: ArrayMeta) -> Iterator[tuple[Path, ArrayMeta, tuple[int, ...]]]:
    return ((folder, meta, chunk) for chunk in _indices(meta))


def _indices(meta: ArrayMeta) -> Iterator[tuple[int, ...]]:
    return iter(()) if 0 in meta.grid else _counted(meta.grid)


def _counted(grid: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Count through a grid without a list of any of its sides, which may be claims."""
    if not grid:
        yield ()
        return
    for first in range(grid[0]):
        for rest in _counted(grid[1:]):
            yield (first, *rest)


def _there(folder: Path, meta: ArrayMeta) -> Iterator[tuple[int, ...]]:
    return (chunk for chunk in _indices(meta) if (folder / meta.key(chunk)).exists())


def chunks_of_cohorts(
    folder: Path, meta: ArrayMeta, done: NDArray[np.bool_]
) -> Iterator[tuple[Path, ArrayMeta, tuple[int, ...]]]:
    """Yield the chunks that hold anything of a whole cohort."""
    at = {dim: i for i, dim in enumerate(meta.dims)}
    rows, points = meta.chunks[at["shot"]], meta.chunks[at["point"]] if "point" in at else 1
    seen: set[tuple[int, int]] = set()
    for point, cohort in np.argwhere(done).tolist():
        last = min((cohort + 1) * COHORT, meta.shape[at["shot"]]) - 1
        seen |= {(point // points, part) for part in range(cohort * COHORT // rows, last // rows + 1)}
    for group, part in sorted(seen):
        fixed = {"point": group, "shot": part}
        others = [dim for dim in meta.dims if dim not in fixed]
        for rest in _counted(tuple(meta.grid[at[dim]] for dim in others)):
            place = {**fixed, **dict(zip(others, rest, strict=True))}
            yield folder, meta, tuple(place[dim] for dim in meta.dims)


def units_of(meta: ArrayMeta, done: NDArray[np.bool_], layout: RecordLayout) -> Iterator[tuple[int, ...]]:
    """Yield the chunks of sums that done units have."""
    places = np.argwhere(done) // (meta.chunks[0], layout.together)
    yield from ((group, unit, 0) for group, unit in sorted(set(map(tuple, places.tolist()))))


def missing(held: Contents) -> Iterator[Fault]:
    """Yield the chunks that are not there, a few of them if there are many."""
    gone = (
        Fault(folder / meta.key(chunk), "is missing", meta.name, chunk)
        for folder, meta, chunk in expected(held)
        if not (folder / meta.key(chunk)).exists()
    )
    return islice(gone, _SHOWN)


def damaged(held: Contents) -> Iterator[Fault]:
    """Yield every chunk that is not there, or whose checksum is another."""
    for folder, meta, chunk in expected(held):
        if what := chunks.fault(folder / meta.key(chunk), meta):
            yield Fault(folder / meta.key(chunk), what, meta.name, chunk)
