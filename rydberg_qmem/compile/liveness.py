"""Liveness: which classical values, and the states of which atoms, still matter after each step."""

from __future__ import annotations

from typing import assert_never

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import (
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
    """Return, by the number of each step, the names that later steps or the record may still read."""
    after: dict[int, Names] = {}
    _body(compiled.steps, frozenset(compiled.scalars), after, compiled.remeasured)
    return after


def _body(steps: tuple[Step, ...], live: Names, after: dict[int, Names], again: Names) -> Names:
    for step in reversed(steps):
        after[step.number] = live
        before = _before(step, live, after, again)
        live = live if before == live else before  # one set for all steps that leave it as it is
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


Atoms = frozenset[int]


def atoms_after(steps: tuple[Step, ...], atoms: Atoms, *, timeless: bool) -> dict[int, Atoms]:
    """Return, by the number of each step, the atoms whose states later steps may still show.

    A segment asks for the state of every atom, as they act on each other; a measurement or a probe for that of its
    own; a reset for none. Where measuring and resetting are not `timeless`, atoms act on each other, and decohere,
    while that time passes: then the state of every atom matters as long as that of any does.
    """
    after: dict[int, Atoms] = {}
    _atoms_of_body(steps, frozenset(), atoms, timeless, after)
    return after


def _atoms_of_body(
    steps: tuple[Step, ...], needed: Atoms, atoms: Atoms, timeless: bool, after: dict[int, Atoms]
) -> Atoms:
    for step in reversed(steps):
        after[step.number] = needed
        needed = _atoms_before(step, needed, atoms, timeless, after)
        needed = needed if timeless or not needed else atoms
    return needed


def _atoms_before(step: Step, needed: Atoms, atoms: Atoms, timeless: bool, after: dict[int, Atoms]) -> Atoms:
    match step:
        case Segment():
            return atoms
        case MeasureStep() | ProbeStep():
            return needed | set(step.atoms)
        case ResetStep():
            return needed - set(step.atoms)
        case SetStep() | PushStep():
            return needed
        case WhenStep():
            sides = (step.then, step.otherwise)
            return frozenset().union(*(_atoms_of_body(side, needed, atoms, timeless, after) for side in sides))
        case RepeatStep():
            end = needed
            while True:
                start = _atoms_of_body(step.body, end, atoms, timeless, after)
                if step.times == 1 or start | needed == end:
                    return start | needed
                end = start | needed
        case _:
            assert_never(step)
