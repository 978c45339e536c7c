"""Two processes against one, what a store costs, and a million shots on disk."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import seconds, table

import rydberg_qmem as rq
from rydberg_qmem.store.creation import RecordColumn, lay_out
from rydberg_qmem.store.record_layout import RecordLayout
from rydberg_qmem.store.regions import Regions, Written

SWEPT = "two_port_memristor"


def processor_seconds(work: Callable[[], Any]) -> float:
    """Return the processor time (s) of one run in this process, whatever else the machine does."""
    began = time.process_time()
    work()
    return time.process_time() - began


def sweep_of(points: int) -> dict[str, Any]:
    """Return the arguments of the sweep that is timed: quantum-jump trajectories under the noise of a machine."""
    windows = {"window": [1 + i for i in range(points)]}
    return {"sweep": windows, "seed": 1, "shots": 20_000, "hardware": "zoned_2024"}


def workers(folder: Path, points: int) -> None:
    """Time one sweep with one process and with two, the least of two each."""
    call, spent = sweep_of(points), {1: float("inf"), 2: float("inf")}
    for i, n in enumerate((1, 2, 1, 2)):
        place = folder / f"{n} {i}.zarr"
        once = seconds(lambda n=n, place=place: rq.run(SWEPT, workers=n, store=place, **call))  # type: ignore[misc]  # bound now
        spent[n] = min(spent[n], once)
    rows = [(f"{n} processes", t, spent[1] / t) for n, t in spent.items()]
    table(f"a sweep of {points} noisy points, load {os.getloadavg()[0]:.1f}", rows)


def store_overhead(folder: Path, what: str, program: str, call: dict[str, Any], *, times: int) -> None:
    """Compare a run that is kept in memory with one that is stored, processor time, the least of several."""
    rq.run(program, shots=1000, seed=1, store=folder / f"warm {what}.zarr")
    memory, stored = [], []
    for i in range(times):
        memory.append(processor_seconds(lambda: rq.run(program, **call)))
        place = folder / f"{what} {i}.zarr"
        stored.append(processor_seconds(lambda place=place: rq.run(program, store=place, **call)))  # type: ignore[misc]  # bound now
    kept, written = min(memory), min(stored)
    rows = [("in memory", kept, 1.0), ("stored", written, written / kept)]
    table(f"store, processor time: {what}, overhead {written / kept - 1:+.1%}", rows)


def writing(folder: Path, points: int) -> None:
    """Time what a stored sweep does for its store alone; the difference of two runs drowns in noise."""
    kept, spent = Regions.write, []

    def timed(self: Regions, *unit: Any) -> None:
        spent.append(processor_seconds(lambda: kept(self, *unit)))

    Regions.write = timed  # type: ignore[assignment, method-assign]  # times what is written
    try:
        whole = processor_seconds(lambda: rq.run(SWEPT, store=folder / "writing.zarr", **sweep_of(points)))
    finally:
        Regions.write = kept  # type: ignore[method-assign]  # times what is written
    rows = [("the whole run", whole, 1.0), ("writing its units", sum(spent), sum(spent) / whole)]
    table(f"store, processor time within one sweep of {points} points: {sum(spent) / whole:.1%} writes", rows)


def million(folder: Path) -> None:
    """Write a million shots of 100 rounds and 4 atoms at the entropy bound, and open them."""
    layout = RecordLayout(points=1, shots=10**6, together=20, first_shots=10**6, sums=0, swept=False)
    bits_of_all = RecordColumn("m", ("shot", "round", "m_atom"), (10**6, 100, 4), np.int8, {})
    place, rng = folder / "million.zarr", np.random.default_rng(1)
    ledger = {"identity_json": "{}", "points_json": "[{}]", "call_json": "{}"}
    lay_out(place, [bits_of_all], layout, attrs={"program_sha256": "none", "shots": 10**6}, ledger=ledger)
    made = Regions(place)

    def write() -> None:
        for first in range(0, 1000, 20):
            bits = rng.integers(0, 2, (20_000, 100, 4), dtype=np.int8)
            made.write([Written(0, tuple(range(first, first + 20)), {"m": bits}, np.zeros(1))])

    spent = seconds(write)
    made.finish({}, {})
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    opened = seconds(lambda: rq.open_record(place))
    table(
        f"10^6 shots, 100 rounds, 4 atoms at p = 1/2: {size / 1e6:.1f} MB",
        [("drawn and written", spent, 1.0), ("opened lazily", opened, opened / spent)],
    )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=16)
    parser.add_argument("--overhead", action="store_true", help="only what a store costs")
    told = parser.parse_args()
    points, quickest = told.points, {"shots": 100_000, "seed": 1}
    with tempfile.TemporaryDirectory() as folder:
        store_overhead(Path(folder), "the quickest run", "two_port_memristor", quickest, times=3)
        store_overhead(Path(folder), f"a sweep of {points} points", SWEPT, sweep_of(points), times=1)
        writing(Path(folder), points)
        if not told.overhead:
            million(Path(folder))
            workers(Path(folder), points)


if __name__ == "__main__":
    main()
