"""What the benchmarks share: timing, and the chain of plain QutipBackendV2 runs that people write today."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.compile.segment_sequence import to_pulser


def best_of(times: int, work: Callable[[], Any]) -> float:
    """Return the shortest time (s) of several runs."""
    return min(seconds(work) for _ in range(times))


def seconds(work: Callable[[], Any]) -> float:
    """Return the time (s) of one run."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def qutip_run(plan: Plan, scope: Mapping[str, float]) -> None:
    """Play one segment once on Pulser's QutipBackendV2, from the ground state."""
    from pulser.backend import StateResult
    from pulser_simulation import QutipBackendV2, QutipConfig

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        QutipBackendV2(to_pulser(plan, dict(scope)), config=QutipConfig(observables=[StateResult()])).run()


def table(title: str, rows: list[tuple[str, float, float]]) -> None:
    """Print name, seconds and ratio."""
    print(f"\n{title}")
    print(f"  {'what':<52} {'seconds':>12} {'ratio':>12}")
    for name, spent, ratio in rows:
        print(f"  {name:<52} {spent:>12.4g} {ratio:>12.4g}")
