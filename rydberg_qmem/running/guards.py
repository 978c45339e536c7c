"""Refuse, before it begins, a run that would not fit: its record, its states, its time."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import MeasureStep, RepeatStep, ResetStep, Segment, Step, WhenStep, all_steps, leaf
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE
from rydberg_qmem.emulators.protocol import RoundByRound
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.context import MOST_GB
from rydberg_qmem.engine.pauli_frames import most_bytes_of_row
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.errors import InputError
from rydberg_qmem.running.estimate import Estimate, estimate_of
from rydberg_qmem.running.job import Job
from rydberg_qmem.running.memory_estimate import libraries_bytes
from rydberg_qmem.running.pilot import SAMPLE_BYTES, longest_ns
from rydberg_qmem.running.points import Points
from rydberg_qmem.running.units import units_of
from rydberg_qmem.store.records import record_bytes
from rydberg_qmem.units import spoken_bytes

COPIES = 2
"""A record in memory is there twice while its points are put together."""
SQUEEZED = 0.125
"""Random bits, kept as bytes, take this part of their size on disk."""
POINT_BYTES = 20_000
"""What a point takes beside its record."""
OWN = 0.1
"""Part of the limit that a run may always take beside the libraries, which no setting makes smaller."""
BRANCHING = 20
"""Atoms that an exact run may measure before its branches could be many."""


@dataclass(frozen=True)
class RunLimits:
    """What a run may take at most: memory (GB), and seconds of one processor."""

    memory_gb: float = MOST_GB
    seconds: float | None = None


def check_limits(points: Points, job: Job, limits: RunLimits, *, place: Path | None, workers: int) -> None:
    """Raise InputError, with the way out, if a run would pass a limit; a pilot runs only where it is needed."""
    layouts = points.layouts
    record = _of_all(layouts, job.shots) + POINT_BYTES * len(layouts)
    if place is None:
        _check_record(record * COPIES, limits.memory_gb)
    else:
        _check_disk(record * SQUEEZED, place)
    if isinstance(emulator_of(job.emulator), RoundByRound):
        return  # a pilot would be jobs of a machine
    longest = max(layouts, key=_work)
    if limits.seconds is None and _most_bytes(job, longest) < limits.memory_gb * 1e9:
        return
    made = estimate_of(replace(job, memory_gb=max(job.memory_gb, MOST_GB)), longest)  # smaller limits are held below
    whole = sum(map(_work, layouts)) / max(_work(longest), 1)
    in_memory = record if place is None else 0
    _check_estimate(made, whole, limits.memory_gb, limits.seconds, workers=workers, in_memory=in_memory)


def _of_all(layouts: list[Compiled], shots: int | None) -> int:
    sizes = {one: record_bytes(one, shots) for one in dict.fromkeys(layouts)}
    return sum(sizes[one] for one in layouts)


def _work(compiled: Compiled) -> int:
    """Return how many steps a walk takes: what the points of a sweep are told apart by."""
    return _steps(compiled.steps)


def _steps(steps: tuple[Step, ...]) -> int:
    total = 0
    for step in steps:
        match step:
            case RepeatStep():
                total += step.times * max(1, _steps(step.body))
            case WhenStep():
                total += _steps(step.then) + _steps(step.otherwise)
            case _:
                leaf(step)
                total += 1
    return total


def _most_bytes(job: Job, compiled: Compiled) -> float:
    """Return what a run can take at the most, from what the program says; infinite where it does not say."""
    units = units_of(job, [compiled])
    rows = float(units[0].shots or 1)
    if job.shots is None:
        measured = sum(len(s.atoms) * _visits(compiled, s) for s in _looks(compiled))
        rows = 2.0**measured if measured <= BRANCHING else 1.0  # a run with more watches its branches itself
    samples = max((longest_ns(s) for s in all_steps(compiled.steps) if isinstance(s, Segment)), default=0)
    alone = job.shots is None or len(units) == 1
    sums = 4 * Recorder.sums_bytes(compiled, alone=alone)
    return _most_of_rows(job, compiled, rows) + samples * SAMPLE_BYTES + sums


def _most_of_rows(job: Job, compiled: Compiled, rows: float) -> float:
    values = 8 * (len(compiled.scalars) + sum(size for size, _ in compiled.windows.values()))
    values += 8 * sum(len(atoms) for atoms in compiled.keys.values())
    if emulator_of(job.emulator).capabilities.clifford:
        return rows * (most_bytes_of_row(len(compiled.target.atoms)) + 6 * values)
    return rows * (compiled.target.dimension * BYTES_PER_AMPLITUDE + 6 * values)


def _looks(compiled: Compiled) -> list[MeasureStep | ResetStep]:
    return [step for step in all_steps(compiled.steps) if isinstance(step, MeasureStep | ResetStep)]


def _visits(compiled: Compiled, wanted: Step, steps: tuple[Step, ...] | None = None, times: int = 1) -> int:
    """Return how often a step is come by."""
    for step in compiled.steps if steps is None else steps:
        if step is wanted:
            return times
        inner = (*getattr(step, "body", ()), *getattr(step, "then", ()), *getattr(step, "otherwise", ()))
        more = times * (step.times if isinstance(step, RepeatStep) else 1)
        if inner and (found := _visits(compiled, wanted, inner, more)):
            return found
    return 0


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
            f"{place}: the record would take {spoken_bytes(needed)} or more, but {spoken_bytes(free)} are free there: "
            "use fewer shots, rounds or points, or another disk"
        )


def _check_estimate(
    made: Estimate, points: float, max_memory_gb: float, max_seconds: float | None, *, workers: int = 1,
    in_memory: float = 0.0,
) -> None:  # fmt: skip
    """Hold what all processes take against the limit (libraries alone pass), and the time of so many such points."""
    own = workers * (made.memory_bytes - made.record_bytes - libraries_bytes()) + in_memory
    needed, limit = own + workers * libraries_bytes(), max_memory_gb * 1e9
    if needed > limit and own > OWN * limit:
        told = f" in {workers} processes" if workers > 1 else ""
        raise InputError(
            f"the states would need {needed / 1e9:.2g} GB with the libraries{told}, more than {max_memory_gb:g} GB: "
            "use fewer atoms or levels, shorter pulses, atoms farther apart (or a larger neglect), the emulator "
            "emu_mps, fewer workers, or raise max_memory_gb"
        )
    if max_seconds is not None and made.seconds * points > max_seconds:
        raise InputError(
            f"the run would take {made.seconds * points:.3g} s on one processor, more than {max_seconds:g} s: use "
            "fewer shots, rounds or points, more workers or a cluster (and raise max_seconds)"
        )
