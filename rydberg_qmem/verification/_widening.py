"""Bounds that one more round of a loop does not widen, found by widening, and taken back where that went too far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from rydberg_qmem.language.intervals import UNKNOWN, Interval
from rydberg_qmem.verification._interval_states import IntervalState

PATIENCE = 3
"""Joins of a loop's beginning and end before their bounds are widened."""
MOST_JOINS = 40
STAIRS = (0.0, 1.0, 10.0, 100.0, 1e4, 1e8, inf)
"""Bounds that widening goes up by."""


def fixed_point(
    state: IntervalState, body: Callable[[IntervalState], IntervalState | None], *, narrowings: int
) -> IntervalState:
    """Return a state that holds the beginning of every round, where `body` tells what is known after one.

    What widening went too far by is taken back so many times.
    """
    start = state
    for i in range(MOST_JOINS):
        end = body(start)
        joined = start if end is None else start.join(end)
        if joined == start:
            break
        start = joined if i < PATIENCE else _widened(start, joined, sheer=i > MOST_JOINS // 2)
    else:
        start = IntervalState({name: replace(UNKNOWN, width=i.width) for name, i in start.names.items()}, start.certain)
    for _ in range(narrowings):
        end = body(start)
        less = state if end is None else state.join(end)
        if less == start:
            break
        again = body(less)
        if again is not None and less.join(again) != less:  # widening inside an inner loop may turn things round
            break
        start = less
    return start


def _widened(old: IntervalState, new: IntervalState, *, sheer: bool) -> IntervalState:
    """Return the new state with every bound that moved taken up a stair."""
    names = {}
    for name, interval in new.names.items():
        before = old.names.get(name)
        if before is None or before == interval:
            names[name] = interval
            continue
        low, high = interval.low, interval.high
        low = low if low == before.low else -inf if sheer else -next(s for s in STAIRS if s >= -low)
        high = high if high == before.high else inf if sheer else next(s for s in STAIRS if s >= high)
        names[name] = Interval(low, high, None, interval.width, interval.fault)
    return IntervalState(names, new.certain)
