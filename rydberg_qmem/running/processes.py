"""Work done by processes of this machine, which end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from multiprocessing.connection import Connection
from typing import TypeVar

from rydberg_qmem.errors import InputError, RunError

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int, name_of: Callable[[Task], str]
) -> Iterator[tuple[Task, Result]]:
    """Yield tasks with their results as they come; RunError, naming the tasks under way, if a worker dies."""
    if multiprocessing.current_process().daemon:
        raise InputError("workers: must be 1 in a daemonic process, which may have no children")
    reader, writer = multiprocessing.Pipe(duplex=False)
    pool = ProcessPoolExecutor(min(workers, len(tasks)), initializer=_begin, initargs=(reader, writer))
    waiting: dict[Future[Result], Task] = {}
    queue = iter(tasks)
    try:
        for task in queue:
            waiting[pool.submit(work, task)] = task
            if len(waiting) >= 2 * workers:
                yield from _next(waiting, name_of)
        while waiting:
            yield from _next(waiting, name_of)
    finally:
        writer.close()
        pool.shutdown(wait=True, cancel_futures=True)
        reader.close()


def _next(waiting: dict[Future[Result], Task], name_of: Callable[[Task], str]) -> Iterator[tuple[Task, Result]]:
    finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in sorted(finished, key=list(waiting).index):
        try:
            result = future.result()
        except BrokenExecutor:
            named = "; ".join(name_of(task) for task in waiting.values())
            raise RunError(
                f"a worker process died (killed, or out of memory) while these were under way: {named}; finished "
                f"cohorts are kept: run the same again, with fewer workers if memory ran out{_guard()}"
            ) from None
        yield waiting.pop(future), result


def _guard() -> str:
    """Say, where workers import the script that started them, that it must be guarded."""
    if multiprocessing.get_start_method() == "fork":
        return ""
    return "; a script that asks for workers must do so under `if __name__ == '__main__':`, as each worker imports it"


def _begin(reader: Connection, writer: Connection) -> None:
    """Let the parent alone decide about interrupts, and end when it closes the pipe or is gone."""
    writer.close()  # a copy of the parent's end: the pipe breaks when the parent's own is closed
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(reader,), daemon=True).start()


def _watch(reader: Connection) -> None:
    reader.poll(None)
    os._exit(0)
