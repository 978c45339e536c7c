"""Run into a store: whoever walks a unit writes it, marks it, and hands back only how many shots it had."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem.compile.steps import Compiled
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.errors import InputError, RunError
from rydberg_qmem.execute import records
from rydberg_qmem.execute.cluster import on_cluster
from rydberg_qmem.execute.draws import COHORT
from rydberg_qmem.execute.environment import kind_of_state
from rydberg_qmem.execute.identity import fingerprint, identity
from rydberg_qmem.execute.processes import in_processes
from rydberg_qmem.execute.progress import Progress, begin
from rydberg_qmem.execute.regions import LEDGER, Layout, Regions
from rydberg_qmem.execute.resume import Order, open_for, writing
from rydberg_qmem.execute.run import Job, Task, cohorts_together, prepare, units_of, walk_unit
from rydberg_qmem.execute.scale import Scale
from rydberg_qmem.execute.store import UNFINISHED, opened
from rydberg_qmem.execute.sweep import Point, as_one_axis
from rydberg_qmem.execute.trace import Trace

if TYPE_CHECKING:
    import xarray as xr

MOST_FAILURES = 8
"""Units that may fail before a run gives up on the rest."""


@dataclass(frozen=True, eq=False)
class StoredTask(Task):
    """One unit, and the store that its worker writes to."""

    place: str
    run: str


@dataclass(frozen=True)
class Done:
    """What comes back from a unit: the shots that it wrote, or what made it fail."""

    shots: int
    failure: str = ""


def run_into(
    place: Path,
    job: Job,
    points: Sequence[Point],
    compiled: Sequence[Compiled],
    *,
    swept: tuple[str, ...] | None,
    scale: Scale,
    overwrite: bool,
    progress: Progress | None,
) -> xr.Dataset:
    """Run what a store does not hold yet, and return its record, opened lazily."""
    began = time.perf_counter()
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
            spent = regions.ledger.attrs.get("spent_s", 0.0) + time.perf_counter() - began
            _noted(regions, spent)
        if regions.done().all() and UNFINISHED in regions.group.attrs:
            _finish(regions, job, compiled, spent)
    return opened(place)


def _noted(regions: Regions, spent: float) -> None:
    with suppress(OSError):  # a full disk: the time spent is not worth hiding the error that comes
        regions.ledger.attrs["spent_s"] = spent


def _count(regions: Regions) -> str:
    done = regions.done()
    return f"{int(done.sum())} of {done.size} cohorts"


def _order(job: Job, points: Sequence[Point], compiled: Sequence[Compiled], swept: tuple[str, ...] | None) -> Order:
    empty = 0 if job.shots is not None else None
    together = 1 if job.shots is None else cohorts_together(job, compiled)
    sums = max(len(Trace(one, empty).sums()) for one in compiled)
    layout = Layout(len(points), job.shots, together, job.shots or 1, sums, swept is not None)
    signals = {name: _signal(values) for name, values in job.inputs.items()}
    names = swept or ()
    fixed = {name: value for name, value in points[0].items() if name not in names}
    call = {
        "parameters": fixed, "inputs": signals, "rounds": job.rounds, "shots": job.shots,
        "emulator": job.emulator if isinstance(job.emulator, str) else None, "state": job.state,
        "seed": None if job.seed is None else str(job.seed), "sweep": as_one_axis(points, names),
        "noise": None if job.around.noise is None else job.around.noise.to_dict(),
        "hardware": job.around.hardware.to_dict(),
    }  # fmt: skip
    attrs = records.provenance(
        compiled[0], seed=job.seed, shots=job.shots, emulator=emulator_of(job.emulator).name, pruned=0.0, wall_s=0.0,
        varied=records.varied(compiled), around=job.around,
        state=kind_of_state(
            job.state, job.around, compiled[0], job.shots, emulator=emulator_of(job.emulator)
        ),
    )  # fmt: skip
    told = identity(job, inputs=signals, cohort=COHORT, swept=list(names), version=records.version_of("rydberg_qmem"))
    return Order(told, list(points), layout, attrs, call, partial(_skeleton, compiled, points, swept, empty))


def _signal(values: ArrayLike | str) -> Any:
    return values if isinstance(values, str) else np.asarray(values, dtype=float).tolist()


def _skeleton(
    compiled: Sequence[Compiled], points: Sequence[Point], swept: tuple[str, ...] | None, shots: int | None
) -> xr.Dataset:
    made = [records.dataset(one, Trace(one, shots)) for one in compiled]
    return made[0] if swept is None else records.combine(made, [{n: p[n] for n in swept} for p in points])


def _run_missing(
    regions: Regions,
    order: Order,
    job: Job,
    compiled: Sequence[Compiled],
    swept: tuple[str, ...],
    scale: Scale,
    progress: Progress | None,
) -> None:
    units = units_of(job, compiled, together=regions.layout.together)
    i, n = scale.shard or (1, 1)
    mine, done = units[i - 1 :: n], regions.done()
    run = fingerprint(order.identity)
    missing = [
        StoredTask(job, order.points[unit.point], swept, unit, str(regions.place.resolve()), run)
        for unit in mine
        if not done[unit.point, list(unit.cohorts) or [0]].all()
    ]
    total = sum(unit.shots or 1 for unit in mine)
    finished = total - sum(task.unit.shots or 1 for task in missing)
    begin(progress, finished, total)
    failures: list[str] = []
    for _, result in _walked(missing, regions, compiled, scale):
        finished += result.shots
        if result.failure:
            failures.append(result.failure)
        elif progress is not None:
            progress(finished, total)
        if len(failures) >= MOST_FAILURES:
            break
    if failures:
        raise RunError("\n".join([*failures, f"{_count(regions)} are kept in {regions.place}"]))


def _walked(
    missing: list[StoredTask], regions: Regions, compiled: Sequence[Compiled], scale: Scale
) -> Iterator[tuple[StoredTask, Done]]:
    if not missing:
        return iter(())
    if scale.client is not None:
        return on_cluster(work, missing, scale.client, str)
    if scale.workers > 1:
        return in_processes(work, missing, scale.workers, str)
    return ((task, _walk_and_write(task, compiled[task.unit.point], regions)) for task in missing)


_kept: dict[tuple[str, int], Compiled] = {}
"""The point that this worker compiled last: its cohorts come one after the other."""


def work(task: StoredTask) -> Done:
    """Run one unit where a store can be reached, and write it there."""
    key = (task.run, task.unit.point)
    if key not in _kept:
        _kept.clear()
        _kept[key] = prepare(task.job, task.settings, checked=True)
    return _walk_and_write(task, _kept[key], Regions(task.place))


def _walk_and_write(task: StoredTask, compiled: Compiled, regions: Regions) -> Done:
    try:
        trace, pruned = walk_unit(task.job, compiled, task.unit)
    except RunError as error:
        return Done(0, f"{task}: {error}")
    per_shot = {v.name: trace.data[v.name] for v in compiled.variables if v.origin != "input" and trace.per_shot(v)}
    try:
        regions.write(task.unit.point, task.unit.cohorts, per_shot, np.concatenate([[pruned], trace.sums()]))
    except OSError as error:
        need = sum(values.nbytes for values in per_shot.values()) + trace.sums().nbytes
        raise RunError(
            f"{task.place}: cannot be written, {need} bytes are needed for {task} ({error}); finished cohorts are kept"
            ": make room and run the same again"
        ) from None
    return Done(task.unit.shots or 1)


def _finish(regions: Regions, job: Job, compiled: Sequence[Compiled], spent: float) -> None:
    """Add the units' sums up, in the same order whoever ran them and when."""
    summed: dict[str, list[Any]] = {}
    pruned = 0.0
    empty = 0 if job.shots is not None else None
    for point, one in enumerate(compiled):
        total = Trace(one, empty)
        for row in regions.sums(point):
            part = Trace(one, empty)
            part.take_sums(row[1:])
            total.absorb(part, slice(0, 0))
            pruned = max(pruned, float(row[0]))
        arrays = total.finished()
        for variable in one.variables:
            if variable.origin != "input" and not total.per_shot(variable):
                summed.setdefault(variable.name, []).append(arrays[variable.name])
    attrs: dict[str, Any] = {"wall_s": round(spent, 3)}
    if job.shots is None:
        attrs["pruned_probability"] = pruned
    try:
        regions.finish(summed, attrs)
    except OSError as error:
        raise RunError(f"{regions.place}: cannot be finished ({error}); make room and run the same again") from None


def resume(place: str | Path, *, run: Callable[..., xr.Dataset], **options: Any) -> xr.Dataset:
    """Finish the run that a store holds the beginning of, from what the store itself says."""
    from rydberg_qmem.execute.resume import stored_identity
    from rydberg_qmem.language.program import Program

    _, _, call = stored_identity(Path(place))
    if call["emulator"] is None:
        raise InputError(f"{place}: was run on an emulator object, which a store cannot hold; run the same call again")
    program = Program.from_json(str(Regions(place).group.attrs["program_json"]))
    call["seed"] = None if call["seed"] is None else int(call["seed"])
    return run(program, store=place, **call, **options)


def progress_of(place: str | Path) -> tuple[int, int] | None:
    """Return the cohorts done and all cohorts of a store, or None if it was saved whole."""
    if not (Path(place) / LEDGER / "zarr.json").is_file():
        return None
    done = Regions(place).done()
    return int(done.sum()), done.size
