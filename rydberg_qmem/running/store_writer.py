"""Whoever walks units writes them into the store, marked, before they are reported as done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import Step
from rydberg_qmem.engine.population import Population
from rydberg_qmem.errors import RunError
from rydberg_qmem.running.job import prepare
from rydberg_qmem.running.units import Task, run_unit
from rydberg_qmem.store.regions import Regions, Written

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
        done.append(walk_into(task, _kept[key], writer))
    writer.flush()
    return Done(sum(one.shots for one in done), tuple(text for one in done for text in one.failures))


def walk_into(
    task: Task, compiled: Compiled, writer: Writer, notice: Callable[[Step, Population], None] | None = None
) -> Done:
    """Run a unit, hand what it gave to a writer, and say how many shots it had, or why it failed."""
    try:
        trace, pruned = run_unit(task, compiled, notice)
    except RunError as error:
        return Done(0, (str(error),))
    per_shot = {v.name: trace.data[v.name] for v in compiled.variables if v.origin != "input" and trace.per_shot(v)}
    sums = np.concatenate([[pruned], trace.sums()])
    writer.add(task, Written(task.unit.point, task.unit.cohorts, per_shot, sums))
    return Done(task.unit.shots or 1)
