"""How far a run is, on stderr: done, speed, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rydberg_qmem.running.progress import Progress


class Rate:
    """How fast a run goes, in words; what was there when it began does not count.

    >>> rate = Rate(clock=iter([0.0, 2.0]).__next__)
    >>> rate.heard(5000), rate.heard(9000)
    ('', '2,000/s')
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.first: tuple[float, int] | None = None

    def heard(self, done: int) -> str:
        """Take note of what is done by now, and return the mean speed so far."""
        now = self.clock()
        if self.first is None:
            self.first = now, done
            return ""
        began, kept = self.first
        return f"{(done - kept) / max(now - began, 1e-9):,.0f}/s"


@contextmanager
def shown() -> Iterator[Progress | None]:
    """Give a function that shows progress on stderr, or None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"), BarColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        rate, task = Rate(), bar.add_task("running", total=1, rate="")
        yield lambda done, total: bar.update(task, completed=done, total=total, rate=rate.heard(done))
