"""A run with many small cohorts, what tells two records apart, and ways to end a run badly."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rydberg_qmem as rq
from rydberg_qmem.running import store_writer
from rydberg_qmem.store import atomic_files
from rydberg_qmem.store.regions import Regions

FEEL = "0.3 * x + 0.5 * ensemble_mean(m.a)"  # reads the whole cohort
PROGRAM = rq.Program(
    name="feels",
    register={"atoms": {"a": (0, 0), "b": (0, 40)}},
    device="MockDevice",
    parameters={"theta": 1, "rounds": 4},
    memory={"x": {"initial": 0.2}},
    body=[
        {
            "repeat": {
                "times": "rounds",
                "body": [
                    {"rotate": {"atom": "a", "angle": "theta + x"}},
                    {"measure": {"atoms": ["a", "b"], "key": "m"}},
                    {"probe": {"atoms": ["a"], "key": "p", "occupation": True}},
                    {"when": {"if": "uniform() < 0.5", "then": [{"reset": {"atoms": "a"}}]}},
                    {"set": {"x": FEEL}},
                ],
            }
        }
    ],
)
CALL: dict[str, Any] = {
    "shots": 4300,
    "seed": 11,
    "emulator": "ideal",
    "sweep": {"theta": [0.5, 1.0], "rounds": [2, 4]},
}
UNITS = 4 * 5


WORK = store_writer.work


def run(place: Path | None = None, program: rq.Program = PROGRAM, **changes: Any) -> Any:
    return rq.run(program, store=place, **{**CALL, **changes})


def sha256(record: Any) -> str:
    """Return the hash of every number of a record: outcomes, memory, means, coordinates."""
    told = hashlib.sha256()
    for name in sorted(map(str, record.variables)):
        values = record[name].values
        told.update(name.encode() + str(values.shape).encode())
        told.update(repr(values.tolist()).encode() if values.dtype.kind in "OT" else values.tobytes())
    return told.hexdigest()


def ended_badly(target: Callable[..., object], *args: Any, after_s: float | None = None, **options: Any) -> int | None:
    """Run a function in a process of its own and kill that after a while; return its exit code."""
    process = multiprocessing.get_context("fork").Process(target=target, args=args, kwargs=options)
    process.start()
    process.join(after_s)
    if process.is_alive():
        os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    return process.exitcode


def killed_at_write(number: int, place: Path, **changes: Any) -> None:
    """Run, and be killed before the file with this number takes its place, counted from the first unit on."""
    written = -1
    plain, write = atomic_files.take_place, Regions.write

    def begun(self: Regions, *unit: Any) -> None:
        nonlocal written
        written = max(written, 0)
        write(self, *unit)

    def counted(*call: Any) -> None:
        nonlocal written
        if written == number:
            os.kill(os.getpid(), signal.SIGKILL)
        written += written >= 0
        plain(*call)

    Regions.write = begun  # type: ignore[assignment, method-assign]  # counts what is written
    atomic_files.take_place = counted  # type: ignore[assignment]  # in a process that is about to die
    run(place, **changes)


def deadly(task: store_writer.Batch) -> store_writer.Done:
    """Run a unit, but let one always kill its worker."""
    if (task.unit.point, task.unit.cohorts) == (1, (2,)):
        os.kill(os.getpid(), signal.SIGKILL)
    return WORK(task)
