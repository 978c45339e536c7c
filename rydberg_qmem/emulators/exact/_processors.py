"""Independent pieces of work on all processors that a process may use."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any


def each_in_threads(work: Callable[[Any], None], pieces: Sequence[Any]) -> None:
    """Do a piece of work with each of some arguments, in as many threads as there are processors for this process.

    In an array program most of the time is spent outside of the interpreter, where threads do not wait for each other.
    """
    count = min(len(pieces), processors())
    if count < 2:
        for piece in pieces:
            work(piece)
        return
    for _ in _threads(processors(), os.getpid()).map(work, pieces):
        pass


def processors() -> int:
    """Return how many processors this process may use: one where it is one of several workers.

    Where `OMP_NUM_THREADS` is set it is the most that there are.
    """
    if multiprocessing.parent_process() is not None:
        return 1
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(here, int(asked)) if asked.isdecimal() and int(asked) else here


@lru_cache(maxsize=1)
def _threads(count: int, process: int) -> ThreadPoolExecutor:
    """Return a process's threads, made once: those of another process are not there after a fork."""
    return ThreadPoolExecutor(count, thread_name_prefix="rows")
