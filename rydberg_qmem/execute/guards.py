"""Refuse, before it begins, a run that would not fit: its record, its states, its time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rydberg_qmem.compile.steps import Compiled
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE
from rydberg_qmem.errors import InputError
from rydberg_qmem.execute.draws import COHORT
from rydberg_qmem.execute.records import record_bytes

if TYPE_CHECKING:
    from rydberg_qmem.execute.estimate import Estimate

COPIES = 2
"""A record in memory is there twice while its points are put together."""
SQUEEZED = 0.125
"""Random bits, kept as bytes, take this part of their size on disk."""


def check_limits(
    compiled: Sequence[Compiled],
    shots: int | None,
    *,
    place: Path | None,
    max_memory_gb: float,
    max_seconds: float | None,
    estimated: Callable[[], Estimate],
) -> None:
    """Raise InputError, with the way out, if a run would pass a limit; a pilot runs only where it is needed."""
    if max_memory_gb <= 0 or (max_seconds is not None and max_seconds <= 0):
        raise InputError(f"max_memory_gb and max_seconds: must be positive ({max_memory_gb}, {max_seconds})")
    record = sum(record_bytes(one, shots) for one in compiled)
    if place is None:
        _check_record(record * COPIES, max_memory_gb)
    else:
        _check_disk(record * SQUEEZED, place)
    widest = max(one.target.dimension for one in compiled)
    rows = 1 if shots is None else min(shots, COHORT)
    may_be_large = rows * widest * BYTES_PER_AMPLITUDE > max_memory_gb * 1e9
    if may_be_large or max_seconds is not None:
        _check_estimate(estimated(), len(compiled), max_memory_gb, max_seconds)


def _check_record(needed: float, max_memory_gb: float) -> None:
    if needed > max_memory_gb * 1e9:
        raise InputError(
            f"the record would need {needed / 1e9:.1f} GB, more than {max_memory_gb:g} GB in memory: use fewer shots, "
            "rounds or points, write it to disk as it comes (store=, -o), or raise max_memory_gb"
        )


def _check_disk(needed: float, place: Path) -> None:
    free = shutil.disk_usage(place.resolve().parent).free
    if needed > free:
        raise InputError(
            f"{place}: the record would take {needed / 1e9:.1f} GB or more, but {free / 1e9:.1f} GB are free there: "
            "use fewer shots, rounds or points, or another disk"
        )


def _check_estimate(made: Estimate, points: int, max_memory_gb: float, max_seconds: float | None) -> None:
    states = made.memory_bytes - made.record_bytes
    if states > max_memory_gb * 1e9:
        raise InputError(
            f"the states would need {states / 1e9:.1f} GB, more than {max_memory_gb:g} GB: use fewer atoms or levels, "
            "atoms farther apart, or raise max_memory_gb"
        )
    if max_seconds is not None and made.seconds * points > max_seconds:
        raise InputError(
            f"the run would take {made.seconds * points:.3g} s on one processor, more than {max_seconds:g} s: use "
            "fewer shots, rounds or points, more workers or a cluster (and raise max_seconds)"
        )
