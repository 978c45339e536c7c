"""Read all of a stored record and say what of it is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import chunks
from rydberg_qmem.store.contents import Contents, Fault, contents, damaged, expected, is_record, per_shot
from rydberg_qmem.store.exchange import store_path
from rydberg_qmem.store.store import instead


@dataclass(frozen=True)
class Verified:
    """What a look at every file of a record has found; it is true if nothing is damaged.

    Attributes:
        faults: A line for each damaged file.
        units: The points and cohorts that these touch, in words.
        checked: How many files of arrays were read.
        summed: Whether they carry checksums: records of the first versions do not, and there a changed number can hide.
        finished: Whether the run of the record has finished.
    """

    faults: tuple[str, ...]
    units: tuple[str, ...]
    checked: int
    summed: bool
    finished: bool

    def __bool__(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        told = "whole" if self else f"{len(self.faults)} damaged"
        lines = [f"{self.checked} files of arrays read: {told}{'' if self.finished else ', not finished'}"]
        lines += [] if self.summed else ["without checksums (an early version wrote it), so changed numbers can hide"]
        lines += [f"damaged: {fault}" for fault in self.faults]
        return "\n".join([*lines, *(f"lost: {unit}" for unit in self.units)])


def verify(path: str | Path) -> Verified:
    """Read every file of a stored record, compare it with its checksum, and return what is damaged.

    Args:
        path: Folder that `run(store=...)`, `rqm run -o` or `save_record` wrote.

    Raises StoreError if there is no record, or its metadata do not fit its files.

    >>> import tempfile, rydberg_qmem as rq
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     record = rq.run("rabi", shots=10, seed=3, store=f"{folder}/r.zarr")
    ...     bool(rq.verify(f"{folder}/r.zarr"))
    True
    """
    place = store_path(arguments.path("path", path))
    if not is_record(place):
        raise StoreError(f"{path}: no record there" + instead(place))
    held = contents(place)
    try:
        faults = [*held.faults, *damaged(held)]
        if not held.sealed:
            faults += _unreadable(held)
        lost = np.argwhere(_touched(held, faults)).tolist() if held.told is not None else []
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise StoreError(f"{path}: its metadata do not fit its files or each other ({error})") from None
    units = tuple(f"point {point}, cohort {cohort}" for point, cohort in lost)
    return Verified(tuple(map(str, faults)), units, sum(1 for _ in expected(held)), held.sealed, held.finished)


def sound(held: Contents) -> tuple[NDArray[np.bool_], list[Fault]]:
    """Return which cohorts of a run are whole and undamaged, (points, cohorts), and what is damaged."""
    faults = [*held.faults, *damaged(held)]
    return held.done() & ~_touched(held, faults), faults


def _touched(held: Contents, faults: list[Fault]) -> NDArray[np.bool_]:
    """Return the cohorts of which damaged files hold something, (points, cohorts)."""
    layout = held.layout
    made = np.zeros((layout.points, layout.cohorts), dtype=bool)
    for fault in faults:
        if fault.array in held.markers and fault.chunk:
            size, units = held.markers[fault.array].chunks[0], layout.together
            group, unit = fault.chunk[0], fault.chunk[1]
            made[group * size : (group + 1) * size, unit * units : (unit + 1) * units] = True
        elif fault.array in held.arrays and per_shot(held.arrays[fault.array]) and fault.chunk:
            made[_place(held, fault)] = True
    return made


def _place(held: Contents, fault: Fault) -> tuple[slice, slice]:
    meta = held.arrays[fault.array]
    span = {dim: slice(i * c, (i + 1) * c) for dim, i, c in zip(meta.dims, fault.chunk, meta.chunks, strict=True)}
    shots = span["shot"]
    together = held.layout.together
    first, last = shots.start // COHORT // together, -(-shots.stop // (COHORT * together))
    return span.get("point", slice(None)), slice(first * together, last * together)


def _unreadable(held: Contents) -> list[Fault]:
    """Return the arrays of a store without checksums that cannot be read at all."""
    found = []
    for name, meta in held.arrays.items():
        try:
            chunks.read(held.place / name, meta, chunks.whole_box(meta))
        except StoreError as error:
            found.append(Fault(held.place / name, str(error).partition(": ")[2], name))
    return found
