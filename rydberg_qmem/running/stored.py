"""Run into a store: whoever walks a unit writes it, marks it, and hands back only how many shots it had."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.emulators.registry import with_options
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.errors import InputError, RunError, StoreError
from rydberg_qmem.running.cluster import on_cluster
from rydberg_qmem.running.error_budget import spent as spent_of
from rydberg_qmem.running.job import Job
from rydberg_qmem.running.parallel import Scale
from rydberg_qmem.running.points import Points
from rydberg_qmem.running.processes import in_processes
from rydberg_qmem.running.progress import Progress, begin, within
from rydberg_qmem.running.store_order import order_of
from rydberg_qmem.running.store_writer import Batch, Done, Writer, walk_into, work
from rydberg_qmem.running.sweep import Point
from rydberg_qmem.running.units import Task, units_of
from rydberg_qmem.store.contents import UNFINISHED, contents
from rydberg_qmem.store.exchange import store_path
from rydberg_qmem.store.identity import fingerprint
from rydberg_qmem.store.lock import real
from rydberg_qmem.store.regions import Regions
from rydberg_qmem.store.resume import Order, of_a_run, open_for, writing
from rydberg_qmem.store.store import opened

if TYPE_CHECKING:
    import xarray as xr


MOST_FAILURES = 8
"""Units that may fail before a run gives up on the rest."""


def run_into(
    place: Path,
    job: Job,
    points: Sequence[Point],
    compiled: Points,
    *,
    swept: tuple[str, ...] | None,
    scale: Scale,
    overwrite: bool,
    progress: Progress | None,
) -> xr.Dataset:
    """Run what a store does not hold yet, and return its record, opened lazily."""
    began, place = time.perf_counter(), real(place)
    if scale.shard is not None and overwrite:
        raise InputError("overwrite: shards would overwrite each other's work; remove the old record first")
    order = order_of(job, points, compiled, swept)
    with writing(place, scale.shard):
        regions = open_for(order, place, overwrite=overwrite, shard=scale.shard)
        try:
            _run_missing(regions, order, job, compiled, swept or (), scale, progress)
        except KeyboardInterrupt as stopped:
            stopped.add_note(f"{_count(regions)} are kept in {place}; go on with: rqm resume {place}")
            raise
        finally:
            spent = (regions.held.seal.spent_s if regions.held.seal else 0.0) + time.perf_counter() - began
            with suppress(OSError, StoreError):  # the time spent is not worth hiding the error that comes
                regions.note(spent)
        if UNFINISHED in regions.held.attrs and regions.done().all():
            _finish(regions, job, compiled, spent)
    return opened(place)


def _count(regions: Regions) -> str:
    done = regions.done()
    return f"{int(done.sum())} of {done.size} cohorts"


def _run_missing(
    regions: Regions,
    order: Order,
    job: Job,
    compiled: Points,
    swept: tuple[str, ...],
    scale: Scale,
    progress: Progress | None,
) -> None:
    every = units_of(job, compiled.layouts, together=regions.layout.together)
    batches = _batches(every, regions.layout.points_together)
    i, n = scale.shard or (1, 1)
    mine, done = batches[i - 1 :: n], regions.done()
    place, run, checked = str(regions.place), fingerprint(order.identity), not compiled.come_late
    missing = [
        Batch(tuple(Task(job, order.points[unit.point], swept, unit, checked) for unit in left), place, run)
        for units in mine
        if (left := [unit for unit in units if not done[unit.point, list(unit.cohorts) or [0]].all()])
    ]
    total = sum(unit.shots or 1 for units in mine for unit in units)
    finished = total - sum(batch.shots for batch in missing)
    begin(progress, finished, total)
    failures: list[str] = []
    writer = Writer(regions)
    try:

        def told(task: Task, one: Compiled) -> Callable[..., None] | None:
            return within(progress, finished, task.unit.shots or 1, total, one.steps)

        for result in _walked(missing, writer, compiled, scale, told):
            finished += result.shots
            failures += result.failures
            if progress is not None and not result.failures:
                progress(finished, total)
            if len(failures) >= MOST_FAILURES:
                break
    finally:
        writer.flush()
    if failures:
        raise RunError("\n".join([*failures, f"{_count(regions)} are kept in {regions.place}"]))


def _batches(units: Sequence[Any], together: int) -> list[list[Any]]:
    """Return units in the order of their points; those whose points share files go together."""
    found: dict[tuple[int, tuple[int, ...]], list[Any]] = {}
    for unit in units:
        found.setdefault((unit.point // together, unit.cohorts), []).append(unit)
    return list(found.values())


def _walked(
    missing: list[Batch], writer: Writer, compiled: Points, scale: Scale, told: Callable[..., Any]
) -> Iterator[Done]:
    if missing and scale.client is not None:
        yield from (done for _, done in on_cluster(work, missing, scale.client, str))
    elif missing and scale.workers > 1:
        yield from (done for _, done in in_processes(work, missing, scale.workers, str))
    else:
        for batch in missing:
            for task in batch.tasks:
                one = compiled[task.unit.point]
                yield walk_into(task, one, writer, told(task, one))


def _finish(regions: Regions, job: Job, compiled: Points, spent: float) -> None:
    """Add the units' sums up, in the same order whoever ran them and when."""
    summed: dict[str, NDArray[Any]] = {}
    pruned = neglected = 0.0
    empty = 0 if job.shots is not None else None
    sums = regions.sums()
    for point, one in enumerate(compiled.layouts):
        total = Recorder(one, empty)
        for row in sums[point]:
            part = Recorder(one, empty)
            part.take_sums(row[1:])
            total.absorb(part, slice(0, 0))
            pruned = max(pruned, float(row[0]))
        neglected = max(neglected, float(total.neglected[0]))
        arrays = total.finished()
        for variable in one.variables:
            if variable.origin != "input" and not total.per_shot(variable):
                _put(regions, summed, variable.name, point, arrays[variable.name])
    attrs: dict[str, Any] = {"wall_s": round(spent, 3), "neglected": neglected}
    if job.shots is None:
        attrs["pruned_probability"] = pruned
    attrs |= spent_of(job, compiled[0], neglected=neglected, pruned=pruned)
    try:
        regions.finish(summed, attrs)
    except OSError as error:
        raise RunError(f"{regions.place}: cannot be finished ({error}); make room and run the same again") from None


def _put(regions: Regions, summed: dict[str, NDArray[Any]], name: str, point: int, values: NDArray[Any]) -> None:
    meta = regions.held.arrays[name]
    if name not in summed:
        summed[name] = np.full(meta.shape, np.nan, dtype=meta.dtype)
    where = (point,) if regions.layout.swept else ()
    summed[name][(*where, *(slice(n) for n in values.shape))] = values


def resume(place: str | Path, *, run: Callable[..., xr.Dataset], **options: Any) -> xr.Dataset:
    """Finish the run that a store holds the beginning of, from what the store itself says."""
    from rydberg_qmem.language.program import Program

    held = of_a_run(place)
    call = dict((held.told or {})["call"])
    if call.get("emulator") is None:
        raise InputError(f"{place}: was run on an emulator object, which a store cannot hold; run the same call again")
    if "program_json" not in held.attrs:
        raise StoreError(f"{place}: does not hold its program, so it cannot be continued")
    call["emulator"] = with_options(str(call["emulator"]), call.pop("emulator_options", None) or {})
    program = Program.from_json(str(held.attrs["program_json"]))
    call["seed"] = None if call.get("seed") is None else int(call["seed"])
    return run(program, store=place, **call, **options)


def progress_of(path: str | Path) -> tuple[int, int] | None:
    """Return the cohorts done and all cohorts of a store, or None if it was saved whole."""
    held = contents(store_path(path))
    if held.told is None:
        return None
    done = held.done()
    return int(done.sum()), done.size
