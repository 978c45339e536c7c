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
from rydberg_qmem.execute import regions


def processor_seconds(work: Callable[[], Any]) -> float:
    """Return the processor time (s) of one run in this process, whatever else the machine does."""
    began = time.process_time()
    work()
    return time.process_time() - began


def workers(folder: Path, points: int) -> None:
    """Time one sweep with one process and with two."""
    call: dict[str, Any] = {"sweep": {"period": [12 + i for i in range(points)]}, "seed": 1}
    call |= {"shots": 20_000, "emulator": "exact"}
    spent = {}
    for n in (1, 2):
        place = folder / f"{n}.zarr"
        spent[n] = seconds(lambda n=n, place=place: rq.run("photonic_memristor", workers=n, store=place, **call))  # type: ignore[misc]
    rows = [(f"{n} processes", t, spent[1] / t) for n, t in spent.items()]
    table(f"a sweep of {points} points, load {os.getloadavg()[0]:.1f}", rows)


def store_overhead(folder: Path) -> None:
    """Compare a run that is kept in memory with one that is stored, processor time."""
    call: dict[str, Any] = {"shots": 100_000, "seed": 1}
    rq.run("two_port_memristor", shots=1000, seed=1, store=folder / "warm.zarr")
    memory, stored = [], []
    for i in range(3):
        memory.append(processor_seconds(lambda: rq.run("two_port_memristor", **call)))
        stored.append(
            processor_seconds(lambda i=i: rq.run("two_port_memristor", store=folder / f"s{i}.zarr", **call))  # type: ignore[misc]
        )
    table(
        "store, processor time", [("in memory", min(memory), 1.0), ("stored", min(stored), min(stored) / min(memory))]
    )


def million(folder: Path) -> None:
    """Write a million shots of 100 rounds and 4 atoms at the entropy bound, and open them."""
    import xarray as xr

    layout = regions.Layout(points=1, shots=10**6, together=20, first_shots=10**6, sums=0, swept=False)
    empty = xr.Dataset({"m": (("shot", "round", "m_atom"), np.zeros((0, 100, 4), np.int8))}, {"shot": np.arange(0)})
    place, rng = folder / "million.zarr", np.random.default_rng(1)
    regions.lay_out(place, empty, layout, attrs={"program_sha256": "none"}, ledger={})
    made = regions.Regions(place)

    def write() -> None:
        for first in range(0, 1000, 20):
            bits = rng.integers(0, 2, (20_000, 100, 4), dtype=np.int8)
            made.write(0, range(first, first + 20), {"m": bits}, np.zeros(1))

    spent = seconds(write)
    made.finish({}, {})
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    opened = seconds(lambda: rq.open_record(place))
    table(
        f"10^6 shots, 100 rounds, 4 atoms at p = 1/2: {size / 1e6:.1f} MB",
        [("drawn and written", spent, 1.0), ("opened lazily", opened, opened / spent)],
    )


def main() -> None:
    """Print all three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=40)
    points = parser.parse_args().points
    with tempfile.TemporaryDirectory() as folder:
        million(Path(folder))
        store_overhead(Path(folder))
        workers(Path(folder), points)


if __name__ == "__main__":
    main()
