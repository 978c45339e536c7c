"""How far a run is, told where someone looks: one line that a notebook or a terminal shows over and over."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from rydberg_qmem.arguments import takes
from rydberg_qmem.compile.steps import RepeatStep, Step, WhenStep, steps_in
from rydberg_qmem.errors import InputError, short

Progress: TypeAlias = Callable[[int, int], None]
"""What is called with the shots (or, in exact runs, points) done and their total."""
SHORTEST_S = 0.1
"""Time between two updates of what is shown."""


@dataclass(frozen=True)
class ProgressState:
    """How far a run is, as a line of text or of HTML.

    >>> ProgressState(2000, 10_000, 1.0, fresh=2000)
    2,000 of 10,000, 2,000/s, 4 s left
    """

    done: float
    total: int
    seconds: float
    fresh: float
    """What was done since the run began: a store may hold more from before."""

    def __repr__(self) -> str:
        line = f"{_told(self.done)} of {self.total:,}"
        if not self.fresh:
            return line
        rate = self.fresh / max(self.seconds, 1e-9)
        left = (self.total - self.done) / rate
        return f"{line}, {_told(rate, whole=rate >= 10)}/s, " + (
            f"{left:,.0f} s left" if left else f"{self.seconds:,.1f} s"
        )

    def _repr_html_(self) -> str:
        return f'<progress value="{self.done}" max="{self.total}"></progress> {self!r}'


def listener(progress: Progress | bool | None) -> Progress | None:
    """Return who is told of a run's progress: a function as it is; for True a notebook's cell, or a terminal on stderr.

    Where neither is there, nobody is told. Raises InputError for anything else.

    >>> listener(None) is listener(False) is None
    True
    """
    if progress is None or progress is False:
        return None
    if progress is not True:
        if not takes(progress, 2):
            raise InputError(f"progress must be True, or a function of what is done and the total ({short(progress)})")
        return progress
    if in_notebook():
        return ProgressReporter(_cell())
    return ProgressReporter(_line) if sys.stderr.isatty() else None


def in_notebook() -> bool:
    """Return whether this runs in a kernel, whose cells show objects."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class ProgressReporter:
    """Shows how far a run is: when it begins, when it ends, and ten times a second at most in between.

    >>> shown, clock = [], iter([0.0, 1.0, 1.01, 2.0])
    >>> reporter = ProgressReporter(shown.append, clock=clock.__next__)
    >>> reporter.begin(1000, 4000)
    >>> for done in (2000, 3000, 4000):
    ...     reporter(done, 4000)
    >>> shown
    [1,000 of 4,000, 2,000 of 4,000, 1,000/s, 2 s left, 4,000 of 4,000, 1,500/s, 2.0 s]
    """

    def __init__(self, show: Callable[[ProgressState], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.show, self.clock = show, clock
        self.kept, self.began, self.shown_at = 0, 0.0, 0.0

    def begin(self, done: int, total: int) -> None:
        """Take note of what is there before the run."""
        self.kept, self.began = done, self.clock()
        self.shown_at = self.began
        self.show(ProgressState(done, total, 0.0, 0))

    def __call__(self, done: int, total: int) -> None:
        """Take note of what is done by now."""
        self.reached(done, total)

    def reached(self, done: float, total: int) -> None:
        """Take note of what is done by now, parts of a shot too."""
        now = self.clock()
        if done == total or now - self.shown_at >= SHORTEST_S:
            self.shown_at = now
            self.show(ProgressState(done, total, now - self.began, done - self.kept))


def within(
    progress: Progress | None, done: int, shots: int, total: int, steps: tuple[Step, ...]
) -> Callable[[Step, Any], None] | None:
    """Return what is told of each step while some shots run, so that slow ones show how far they are.

    The part of their steps that is done stands for so many shots. Only what is shown is told; a function of the user's
    hears of shots that are done.
    """
    if not isinstance(progress, ProgressReporter):
        return None
    every, walked = max(steps_in(steps), 1), 0

    def notice(step: Step, population: Any) -> None:
        nonlocal walked
        if not isinstance(step, RepeatStep | WhenStep):
            progress.reached(done + shots * min(walked / every, 0.999), total)
            walked += 1

    return notice


def _told(number: float, *, whole: bool = False) -> str:
    """Return a count, with its hundredths where it is not whole.

    >>> _told(2000), _told(0.251), _told(12.3, whole=True)
    ('2,000', '0.25', '12')
    """
    return f"{number:,.0f}" if whole or float(number).is_integer() else f"{number:,.2f}"


def begin(progress: Progress | None, done: int, total: int) -> None:
    """Tell what is there before the run; a function of the user's hears of it only if it is anything."""
    if isinstance(progress, ProgressReporter):
        progress.begin(done, total)
    elif progress is not None and done:
        progress(done, total)


def _cell() -> Callable[[ProgressState], None]:
    """Return what shows a state in the cell that runs, always in the same place."""
    from IPython.display import display  # a kernel is there, so this is too

    handles: list[Any] = []

    def show(state: ProgressState) -> None:
        if handles:
            handles[0].update(state)
        else:
            handles.append(display(state, display_id=True))  # type: ignore[no-untyped-call]  # IPython has no types

    return show


def _line(state: ProgressState) -> None:
    """Show a state on the line where the cursor is, and leave that line when the run is over."""
    sys.stderr.write(f"\r{state!r}\x1b[K" + "\n" * (state.done == state.total))
    sys.stderr.flush()
