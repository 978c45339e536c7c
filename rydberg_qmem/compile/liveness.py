"""Liveness: which classical values are still read after each step, so that equal branches can merge."""

from __future__ import annotations

from typing import assert_never

from rydberg_qmem.compile.steps import (
    Compiled,
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    expressions_of,
)

Names = frozenset[str]


def live_after(compiled: Compiled) -> dict[int, Names]:
    """Return, by `id` of each step, the names that later steps or the record may still read."""
    after: dict[int, Names] = {}
    _body(compiled.steps, frozenset(compiled.scalars), after, compiled.remeasured)
    return after


def _body(steps: tuple[Step, ...], live: Names, after: dict[int, Names], again: Names) -> Names:
    for step in reversed(steps):
        after[id(step)] = live
        live = _before(step, live, after, again)
    return live


def _before(step: Step, live: Names, after: dict[int, Names], again: Names) -> Names:
    match step:
        case Segment():
            return live | segment_names(step)
        case MeasureStep():
            return live | {step.key} if step.key in again else live - {step.key}
        case ResetStep() | ProbeStep():
            return live
        case SetStep():
            written = {name for name, _ in step.values}
            return (live - written).union(*(value.names for _, value in step.values))
        case PushStep():
            return live.union(*(value.names for name, value in step.values if name in live))
        case WhenStep():
            sides = _body(step.then, live, after, again) | _body(step.otherwise, live, after, again)
            return sides | step.condition.names
        case RepeatStep():
            end = live
            while True:
                start = _body(step.body, end, after, again) | frozenset(step.recorded)
                if start | live == end:
                    return start | live
                end = start | live
        case _:
            assert_never(step)


def segment_names(segment: Segment) -> Names:
    """Return the names that a segment's expressions read."""
    return frozenset().union(*(e.names for e in expressions_of(segment)))
