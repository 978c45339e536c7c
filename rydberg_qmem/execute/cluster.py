"""Work done by the workers of a Dask cluster, one task per worker at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

from rydberg_qmem.errors import RunError

POLL_S = 1.0
NO_WORKER_S = 30.0
"""How long a cluster that has lost its last worker is given to start another."""
Task = TypeVar("Task")
Result = TypeVar("Result")


def on_cluster(
    work: Callable[[Task], Result], tasks: Sequence[Task], client: Any, name_of: Callable[[Task], str]
) -> Iterator[tuple[Task, Result]]:
    """Yield tasks with their results as they come.

    No more tasks are out than there are workers, so that a worker's death is blamed on the task that it ran. A task
    that outlives its chances is set aside and tried once more, alone, when all others are done; RunError names those
    that still kill their workers.
    """
    suspects: list[Task] = []
    yield from _round(work, tasks, client, suspects, name_of, width=None)
    if len(suspects) > 1:
        again, suspects = suspects, []
        yield from _round(work, again, client, suspects, name_of, width=1)
    if suspects:
        named = "; ".join(name_of(task) for task in suspects)
        raise RunError(
            f"{named}: killed every worker that tried, out of memory perhaps; the other cohorts are kept: run the same "
            "again with more memory for a worker"
        )


def _round(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    client: Any,
    suspects: list[Task],
    name_of: Callable[[Task], str],
    *,
    width: int | None,
) -> Iterator[tuple[Task, Result]]:
    from distributed import KilledWorker, wait

    out: dict[Any, Task] = {}
    queue = iter(tasks)
    alive = time.monotonic()
    try:
        while True:
            workers = len(client.scheduler_info(n_workers=-1)["workers"])
            alive = time.monotonic() if workers or not out else alive
            for task in islice(queue, max(0, (width or max(1, workers)) - len(out))):
                out[client.submit(work, task, pure=False)] = task
            if not out:
                return
            with suppress(TimeoutError):
                wait(list(out), timeout=POLL_S, return_when="FIRST_COMPLETED")  # type: ignore[no-untyped-call]
            for future in [future for future in out if future.done()]:
                task = out.pop(future)
                try:
                    result = future.result()
                except KilledWorker:
                    suspects.append(task)
                else:
                    yield task, result
            if out and time.monotonic() - alive > NO_WORKER_S:
                named = "; ".join(name_of(task) for task in out.values())
                raise RunError(
                    f"the cluster has had no worker for {NO_WORKER_S:.0f} s while these were under way: {named}; "
                    "finished cohorts are kept: run the same again when it has workers"
                )
    finally:
        if out:
            client.cancel(list(out), force=True)
