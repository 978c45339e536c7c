"""Hundreds of atoms: cells that nothing connects, exact and sampled, and pairs of atoms far apart.

Processor seconds in one process, and those of each cell beside the smallest size's: 1 where cost is linear in cells.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.running.series import run_series

ROWS = 16


def cells(count: int, rounds: int, window: int = 3) -> rq.Program:
    """Return two-port memristors side by side, each of two atoms with memory of its own, under one input."""
    atoms: dict[str, tuple[float, float]] = {}
    memory: dict[str, Any] = {}
    body: list[dict[str, Any]] = []
    for i in range(count):
        x, y = 60.0 * (i % ROWS), 60.0 * (i // ROWS)
        atoms |= {f"s{i}": (x, y), f"a{i}": (x + 5, y)}
        memory |= {f"R{i}": {"initial": 0.5}, f"w{i}": {"window": window, "initial": 0.5}}
        body += [
            {"rotate": {"atom": f"s{i}", "angle": "2 * asin(sqrt(n_in))"}},
            {"beam_splitter": {"system": f"s{i}", "ancilla": f"a{i}", "reflectivity": f"R{i}"}},
            {"measure": {"atoms": [f"a{i}", f"s{i}"], "key": f"n{i}"}},
            {"reset": {"atoms": [f"a{i}", f"s{i}"]}},
            {"push": {f"w{i}": f"sum(n{i})"}},
            {"set": {f"R{i}": f"clip(mean(w{i}) + 0.001 * {i}, 0, 1)"}},
        ]
    return rq.Program.model_validate(
        {
            "name": "cells",
            "device": "MockDevice",
            "register": {"atoms": atoms},
            "memory": memory,
            "inputs": {"n_in": {"default": "(1 + cos(pi * k / 5)) / 2", "rounds": rounds}},
            "body": [{"repeat": {"over": "n_in", "body": body}}],
        }
    )


def pairs(count: int, distance_um: float = 40.0) -> rq.Program:
    """Return pairs of atoms in a line, under one pulse on all."""
    atoms = {f"{name}{i}": (distance_um * i, 5.0 * k) for i in range(count) for k, name in enumerate("ab")}
    pulse = {"channel": "rydberg_global", "amplitude": 5, "duration_ns": 300}
    body = [{"pulse": pulse}, {"measure": {"atoms": "all", "key": "m"}}]
    return rq.Program.model_validate(
        {"name": "pairs", "device": "MockDevice", "register": {"atoms": atoms}, "body": body}
    )


def spent(work: Callable[[], Any]) -> float:
    """Return the processor seconds of one run."""
    began = time.process_time()
    work()
    return time.process_time() - began


def printed(title: str, sizes: list[int], work: Callable[[int], Any]) -> None:
    """Print a row for each size."""
    print(f"\n{title}\n  {'size':>6} {'seconds':>10} {'of each, ratio':>16}")
    first = 0.0
    for size in sizes:
        took = spent(lambda size=size: work(size))  # type: ignore[misc]  # called at once
        first = first or took / size
        print(f"  {size:>6} {took:>10.3g} {took / size / first:>16.2f}", flush=True)


def main() -> None:
    """Print the tables; sizes may be given, to be quick."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exact", type=int, nargs="*", default=[25, 50, 100])
    parser.add_argument("--sampled", type=int, nargs="*", default=[32, 64, 128])
    parser.add_argument("--pairs", type=int, nargs="*", default=[4, 8, 16])
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--rounds", type=int, nargs=2, default=[10, 48], help="exact, sampled")
    parser.add_argument("--shots", type=int, default=1000)
    given = parser.parse_args()
    exact, sampled = given.rounds
    rq.run(cells(1, 1), shots=None, emulator="ideal")  # imports
    inputs = np.random.default_rng(0).uniform(0, 1, (given.series, exact))
    title = f"cells of two atoms, exact means, {given.series} series of {exact} rounds"
    printed(title, given.exact, lambda size: run_series(cells(size, exact), {"n_in": inputs}))
    title = f"cells of two atoms, {given.shots} shots of {sampled} rounds"
    printed(
        title, given.sampled, lambda size: rq.run(cells(size, sampled), shots=given.shots, seed=1, emulator="ideal")
    )
    printed(
        "pairs of atoms 40 µm apart, one pulse, accuracy 1e-4", given.pairs,
        lambda size: rq.run(pairs(size), shots=None, accuracy=1e-4),
    )  # fmt: skip


if __name__ == "__main__":
    main()
