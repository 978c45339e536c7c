"""Run in memory: units one after the other or in other processes, their sums added up in one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.running.gathered import Gathered
from rydberg_qmem.running.job import Job
from rydberg_qmem.running.points import Points
from rydberg_qmem.running.processes import in_processes
from rydberg_qmem.running.progress import Progress, begin, within
from rydberg_qmem.running.units import Task, Unit, prepare_and_run, run_unit, units_of
from rydberg_qmem.store import records

if TYPE_CHECKING:
    import xarray as xr


def run_in_memory(
    job: Job, points: Points, workers: int, progress: Progress | None, swept: tuple[str, ...] | None
) -> tuple[xr.Dataset, float, float]:
    """Return the record, and how much probability was dropped and how much interaction left out at most."""
    layouts = points.layouts
    units = units_of(job, layouts)
    parts = Counter(unit.point for unit in units)
    units = [replace(unit, alone=parts[unit.point] == 1) for unit in units]
    tasks = [Task(job, dict(points.settings[unit.point]), swept or (), unit, not points.come_late) for unit in units]
    gathered = None if swept is None else Gathered(layouts, job.shots)
    total: Recorder | None = None
    lost = neglected = 0.0
    done, wanted = 0, sum(unit.shots or 1 for unit in units)
    begin(progress, done, wanted)
    alone = workers == 1 or len(tasks) == 1
    here = (points[unit.point] for unit in units)

    def one(task: Task, compiled: Compiled) -> tuple[Recorder, float]:
        told = within(progress, done, task.unit.shots or 1, wanted, compiled.steps)
        return run_unit(task, compiled, told)

    results = map(one, tasks, here) if alone else _from_workers(tasks, workers)
    for unit, (trace, pruned) in zip(units, results, strict=True):
        first = unit.cohorts[0] * COHORT if unit.cohorts else 0
        if unit.alone:
            total = trace
        else:
            total = Recorder(layouts[unit.point], job.shots) if total is None else total
            total.absorb(trace, slice(first, first + (unit.shots or 0)))
        lost, neglected, done = max(lost, pruned), max(neglected, float(trace.neglected[0])), done + (unit.shots or 1)
        if gathered is not None and first + (unit.shots or 1) >= (job.shots or 1):
            gathered.add(unit.point, layouts[unit.point].inputs, total)
            points.forget(unit.point)
            total = None
        if progress is not None:
            progress(done, wanted)
    if gathered is None:
        assert total is not None  # a run has at least one unit
        return records.dataset(layouts[0], total), lost, neglected
    return gathered.dataset(swept or (), points.settings), lost, neglected


def _from_workers(tasks: list[Task], workers: int) -> Iterator[tuple[Recorder, float]]:
    """Yield what units gave, in their order, whoever is first: sums are added in this order."""
    coming = iter(in_processes(prepare_and_run, tasks, workers, str))
    early: dict[Unit, tuple[Recorder, float]] = {}
    for task in tasks:
        while task.unit not in early:
            other, result = next(coming)
            early[other.unit] = result
        yield early.pop(task.unit)
