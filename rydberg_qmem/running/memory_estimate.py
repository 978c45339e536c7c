"""What memory a run will take: libraries, what its units work with, kept propagators, sums over shots."""

from __future__ import annotations

import time
import tracemalloc
from importlib.util import find_spec

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.emulators.exact import CACHE_BYTES, HALVED_DIMENSION, Exact
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.running.job import Job
from rydberg_qmem.running.pilot import BUDGET_S, PILOT_ROUNDS, PILOT_SHOTS, Pilot, pilot_of
from rydberg_qmem.running.units import Unit
from rydberg_qmem.store.records import record_bytes

LIBRARIES_BYTES = 325_000_000
"""What a process with Python, NumPy, SciPy, Pulser and xarray takes, 15 % added: it differs from one to the next."""
TORCH_BYTES = 215_000_000
"""What PyTorch takes, 15 % added; Pulser imports it where it is installed."""
ALLOWANCE = 1.25
"""By how much a run may pass what its pilot took: memory that is free but not given back."""
LARGE_AMPLITUDE = 360
"""Bytes of an amplitude of a large state while it is evolved and read: the terms of an expansion, its diagonal, digits,
chances of outcomes."""
ROW_BYTES = 64
"""What each row takes that no array of a pilot shows: its order, its weight, its place."""


def libraries_bytes() -> int:
    """Return what a process with all libraries takes before it runs anything."""
    return LIBRARIES_BYTES + (TORCH_BYTES if find_spec("torch") is not None else 0)


def working_bytes(
    job: Job, compiled: Compiled, walk: Pilot, rows: float, growth: float, end: float
) -> float:  # fmt: skip
    """Return what a unit takes while it runs, beside its record: measured in a pilot and scaled to its rows.

    What shots share does not grow with them: two pilots of different sizes tell it from what does.
    """
    some = max(walk.rows, 1)
    peak = _traced(job, compiled, None if job.shots is None else min(job.shots, PILOT_SHOTS), end)
    if rows > some and job.shots is not None and some >= 8:
        fewer = some // 4
        slope = max(peak - _traced(job, compiled, fewer, end), 0.0) / (some - fewer)
        peak += slope * growth * (rows - some) + slope * (growth - 1) * some
    elif rows > some:
        peak *= rows / some
    states = max(
        (count * _state_bytes(walk, walk.cursor.dimensions[key]) for key, count in walk.cursor.groups.items()),
        default=0.0,
    )
    return max(ALLOWANCE * peak, states) + ROW_BYTES * rows


def _state_bytes(walk: Pilot, dimension: int) -> float:
    amplitudes = dimension**2 if walk.run.representation.is_mixed else dimension
    return amplitudes * (BYTES_PER_AMPLITUDE if amplitudes < HALVED_DIMENSION else LARGE_AMPLITUDE)


def _traced(job: Job, compiled: Compiled, shots: int | None, end: float) -> float:
    """Return the largest memory that a pilot took at one time for what it made, beside its record."""
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    try:
        _, walk = pilot_of(job, compiled, PILOT_ROUNDS, shots, max(end, time.thread_time() + 0.05 * BUDGET_S))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return float(max(peak - walk.recorder.nbytes, 0))


def sums_bytes(job: Job, compiled: Compiled, units: list[Unit]) -> int:
    """Return what sums over shots take until the last of several units is there, and what becomes of them."""
    alone = job.shots is None or len(units) == 1
    sums = Recorder.sums_bytes(compiled, alone=alone)
    written = record_bytes(compiled, units[0].shots)
    return (2 if alone else 4) * sums + (0 if alone else written)


def kept_bytes(early: Pilot, late: Pilot, total: int) -> int:
    """Return what kept propagators will take, and the making of them: as many more in each round as in the pilot's."""
    if not isinstance(early.run.emulator, Exact) or not isinstance(late.run.emulator, Exact):
        return 0
    now = late.run.emulator.kept_bytes
    per_step = (now - early.run.emulator.kept_bytes) / max(late.walked - early.walked, 1)
    return (
        int(min(now + max(per_step, 0.0) * max(total - late.walked, 0), CACHE_BYTES)) + late.run.emulator.largest_build
    )
