"""Work done by the workers of a Dask cluster, one task per worker at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from rydberg_qmem.errors import RunError

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
    yield from _round(work, tasks, client, suspects, width=None)
    if len(suspects) > 1:
        again, suspects = suspects, []
        yield from _round(work, again, client, suspects, width=1)
    if suspects:
        named = "; ".join(name_of(task) for task in suspects)
        raise RunError(
            f"{named}: killed every worker that tried, out of memory perhaps; the other cohorts are kept: run the same "
            "again with more memory for a worker"
        )


def _round(
    work: Callable[[Task], Result], tasks: Sequence[Task], client: Any, suspects: list[Task], width: int | None
) -> Iterator[tuple[Task, Result]]:
    from distributed import KilledWorker, as_completed

    out: dict[str, Task] = {}
    queue = iter(tasks)
    coming: Any = as_completed([])  # type: ignore[no-untyped-call]  # distributed has no types there
    futures: dict[str, Any] = {}

    def send() -> None:
        while len(out) < (width or max(1, len(client.scheduler_info(n_workers=-1)["workers"]))):
            task = next(queue, None)
            if task is None:
                return
            future = client.submit(work, task, pure=False)
            out[future.key], futures[future.key] = task, future
            coming.add(future)

    try:
        send()
        for future in coming:
            task = out.pop(future.key)
            futures.pop(future.key)
            try:
                result = future.result()
            except KilledWorker:
                suspects.append(task)
            else:
                yield task, result
            send()
    finally:
        if futures:
            client.cancel(list(futures.values()), force=True)
