"""Run into a store: whoever walks a unit writes it, marks it, and hands back only how many shots it had."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.compile.steps import Compiled
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.noise import kind_of_state
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.errors import InputError, RunError, StoreError
from rydberg_qmem.running.cluster import on_cluster
from rydberg_qmem.running.job import Job, prepare
from rydberg_qmem.running.parallel import Scale
from rydberg_qmem.running.points import Points
from rydberg_qmem.running.processes import in_processes
from rydberg_qmem.running.progress import Progress, begin
from rydberg_qmem.running.sweep import Point, as_one_axis
from rydberg_qmem.running.units import Task, cohorts_together, run_unit, units_of
from rydberg_qmem.store import records
from rydberg_qmem.store.columns import columns
from rydberg_qmem.store.contents import UNFINISHED, contents
from rydberg_qmem.store.exchange import found
from rydberg_qmem.store.identity import fingerprint, identity
from rydberg_qmem.store.layout import Layout, points_together
from rydberg_qmem.store.lock import real
from rydberg_qmem.store.regions import Regions, Written
from rydberg_qmem.store.resume import Order, of_a_run, open_for, writing
from rydberg_qmem.store.store import opened

if TYPE_CHECKING:
    import xarray as xr

MOST_FAILURES = 8
"""Units that may fail before a run gives up on the rest."""
FLUSH_S = 1.0
"""Seconds for which finished units may wait to be written together; a kill loses no more than these."""
MOST_PENDING = 32_000_000
"""Bytes that may wait."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Units whose points share files, and the store that their worker writes to."""

    tasks: tuple[Task, ...]
    place: str
    run: str

    @property
    def unit(self) -> Any:
        """The first unit."""
        return self.tasks[0].unit

    @property
    def shots(self) -> int:
        """Shots of all units; a point of an exact run counts as one."""
        return sum(task.unit.shots or 1 for task in self.tasks)

    def __str__(self) -> str:
        last = "" if len(self.tasks) == 1 else f" to {self.tasks[-1]}"
        return f"{self.tasks[0]}{last}"


@dataclass(frozen=True)
class Done:
    """What comes back from units: the shots that they wrote, and what made others fail."""

    shots: int
    failures: tuple[str, ...] = ()


@dataclass(eq=False)
class Writer:
    """Writes what units gave, together where they come fast."""

    regions: Regions
    pending: list[tuple[Task, Written]] = field(default_factory=list)
    flushed: float = field(default_factory=time.monotonic)
    nbytes: int = 0

    def add(self, task: Task, written: Written) -> None:
        """Take over a unit, and write it if it is time."""
        self.pending.append((task, written))
        self.nbytes += written.nbytes
        if time.monotonic() - self.flushed >= FLUSH_S or self.nbytes > MOST_PENDING:
            self.flush()

    def flush(self) -> None:
        """Write what waits; RunError, with the bytes needed, if the disk does not take it."""
        pending, self.pending, self.nbytes = self.pending, [], 0
        if not pending:
            return
        try:
            self.regions.write([written for _, written in pending])
        except OSError as error:
            if len(pending) == 1 or isinstance(error, FileNotFoundError):
                raise _cannot(self.regions.place, *pending[0], error) from None
            for task, written in pending:  # what still fits is kept
                self.pending = [(task, written)]
                self.flush()
        self.flushed = time.monotonic()


def _cannot(place: Path, task: Task, written: Written, error: OSError) -> RunError:
    if isinstance(error, FileNotFoundError):
        return RunError(f"{place}: was removed or moved while the run wrote there ({error}); nothing more is written")
    return RunError(
        f"{place}: cannot be written, {written.nbytes} bytes are needed for {task} ({error}); finished cohorts are kept"
        ": make room and run the same again"
    )


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
    order = _order(job, points, compiled, swept)
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


def _order(job: Job, points: Sequence[Point], compiled: Points, swept: tuple[str, ...] | None) -> Order:
    empty = 0 if job.shots is not None else None
    layouts = compiled.layouts
    together = 1 if job.shots is None else cohorts_together(job, layouts)
    sums = max(len(Recorder(one, empty).sums()) for one in dict.fromkeys(layouts))
    made = columns(layouts, points, swept, job.shots)
    kept = [(dict(zip(c.dims, c.shape, strict=True)), np.dtype(c.dtype).itemsize) for c in made if "shot" in c.dims]
    group = points_together(kept, len(points), together, job.shots or 1) if swept is not None else 1
    layout = Layout(len(points), job.shots, together, job.shots or 1, sums, swept is not None, group)
    signals = {name: _signal(values) for name, values in job.inputs.items()}
    names = swept or ()
    fixed = {name: value for name, value in points[0].items() if name not in names}
    call = {
        "parameters": fixed, "inputs": signals, "rounds": job.rounds, "shots": job.shots,
        "emulator": job.emulator if isinstance(job.emulator, str) else None, "state": job.state,
        "seed": None if job.seed is None else str(job.seed), "sweep": as_one_axis(points, names),
        "noise": None if job.around.noise is None else job.around.noise.to_dict(),
        "hardware": job.around.hardware.to_dict(), "neglect": job.neglect,
    }  # fmt: skip
    attrs = records.provenance(
        compiled[0], seed=job.seed, shots=job.shots, emulator=emulator_of(job.emulator).name, pruned=0.0, wall_s=0.0,
        varied=compiled.varied(), around=job.around, neglect=job.neglect,
        state=kind_of_state(
            job.state, job.around, compiled[0], job.shots, emulator=emulator_of(job.emulator)
        ),
    )  # fmt: skip
    told = identity(job, inputs=signals, cohort=COHORT, swept=list(names), version=records.version_of("rydberg_qmem"))
    return Order(told, list(points), layout, attrs, call, lambda: made)


def _signal(values: ArrayLike | str) -> Any:
    return values if isinstance(values, str) else np.asarray(values, dtype=float).tolist()


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
        for result in _walked(missing, writer, compiled, scale):
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


def _walked(missing: list[Batch], writer: Writer, compiled: Points, scale: Scale) -> Iterator[Done]:
    if missing and scale.client is not None:
        yield from (done for _, done in on_cluster(work, missing, scale.client, str))
    elif missing and scale.workers > 1:
        yield from (done for _, done in in_processes(work, missing, scale.workers, str))
    else:
        for batch in missing:
            for task in batch.tasks:
                yield _walk(task, compiled[task.unit.point], writer)


_kept: dict[tuple[str, int], Compiled] = {}
"""The point that this worker compiled last: its cohorts come one after the other."""


def work(batch: Batch) -> Done:
    """Run units where a store can be reached, and write them there before they are reported."""
    writer, done = Writer(Regions(batch.place)), []
    for task in batch.tasks:
        key = (batch.run, task.unit.point)
        if key not in _kept:
            _kept.clear()
            _kept[key] = prepare(task.job, task.settings, checked=task.checked)
        done.append(_walk(task, _kept[key], writer))
    writer.flush()
    return Done(sum(one.shots for one in done), tuple(text for one in done for text in one.failures))


def _walk(task: Task, compiled: Compiled, writer: Writer) -> Done:
    try:
        trace, pruned = run_unit(task, compiled)
    except RunError as error:
        return Done(0, (str(error),))
    per_shot = {v.name: trace.data[v.name] for v in compiled.variables if v.origin != "input" and trace.per_shot(v)}
    sums = np.concatenate([[pruned], trace.sums()])
    writer.add(task, Written(task.unit.point, task.unit.cohorts, per_shot, sums))
    return Done(task.unit.shots or 1)


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
    program = Program.from_json(str(held.attrs["program_json"]))
    call["seed"] = None if call.get("seed") is None else int(call["seed"])
    return run(program, store=place, **call, **options)


def progress_of(path: str | Path) -> tuple[int, int] | None:
    """Return the cohorts done and all cohorts of a store, or None if it was saved whole."""
    held = contents(found(path))
    if held.told is None:
        return None
    done = held.done()
    return int(done.sum()), done.size
