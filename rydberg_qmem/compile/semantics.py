"""What steps mean, whatever they are done to: their order, the rounds of loops, what is forgotten, what nothing reads.

A run does steps to rows with states, a search for counterexamples to rows without, an analysis of bounds to intervals:
each is a `Domain`, which says what a single step does there. Everything else is said here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar, assert_never

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
)
from rydberg_qmem.language.expressions import Expression

Rows = TypeVar("Rows")
Values = tuple[tuple[str, Expression], ...]
"""Names, and the expressions that they get."""


def _unchanged(step: RepeatStep, rows: Rows) -> Rows:
    return rows


@dataclass(frozen=True)
class Domain(Generic[Rows]):
    """What each kind of step does to rows of one sort."""

    compiled: Compiled
    is_over: Callable[[Rows], bool]
    """Whether nothing is left that later steps could be done to."""
    segment: Callable[[Segment, Rows], Rows]
    measure: Callable[[MeasureStep, Rows], Rows]
    reset: Callable[[ResetStep, Rows], Rows]
    probe: Callable[[ProbeStep, Rows], Rows]
    assign: Callable[[SetStep, Values, Rows], Rows]
    """Gives names their values, all evaluated before any is given."""
    push: Callable[[PushStep, Values, Rows], Rows]
    """Puts values in front of windows, the oldest of which go."""
    when: Callable[[WhenStep, Rows, Domain[Rows]], Rows]
    begin: Callable[[RepeatStep, int | None, Rows], Rows]
    """Gives the counter and the inputs their values of one round, or (None) all that they have in any round."""
    forget: Callable[[frozenset[str], Rows], Rows]
    """Takes back the outcomes of keys: they are those of the last round."""
    end: Callable[[RepeatStep, int | None, Rows], Rows]
    """Ends a round that was begun in the same way."""
    leave: Callable[[RepeatStep, Rows], Rows] = _unchanged
    """Ends a loop, after its last round."""
    repeat: Callable[[RepeatStep, Rows, Domain[Rows]], Rows] | None = None
    """Does a loop in another way than round by round."""
    notice: Callable[[Step, Rows], None] | None = None
    """Is told of each step before it is done, and may raise to stop."""


def interpret(steps: tuple[Step, ...], rows: Rows, domain: Domain[Rows]) -> Rows:
    """Return what steps, done one after the other, make of rows."""
    for step in steps:
        if domain.is_over(rows):
            break
        if domain.notice is not None:
            domain.notice(step, rows)
        match step:
            case Segment():
                rows = domain.segment(step, rows)
            case MeasureStep():
                rows = domain.measure(step, rows)
            case ResetStep():
                rows = domain.reset(step, rows)
            case ProbeStep():
                rows = domain.probe(step, rows)
            case SetStep():
                rows = domain.assign(step, step.values, rows)
            case PushStep():
                rows = domain.push(step, read_later(step, domain.compiled), rows)
            case RepeatStep() if domain.repeat is not None:
                rows = domain.leave(step, domain.repeat(step, rows, domain))
            case RepeatStep():
                rows = domain.leave(step, rounds(step, step.numbers, rows, domain))
            case WhenStep():
                rows = domain.when(step, rows, domain)
            case _:
                assert_never(step)
    return rows


def rounds(step: RepeatStep, which: Iterable[int | None], rows: Rows, domain: Domain[Rows]) -> Rows:
    """Return what some rounds of a loop, None being any of them, make of rows, one after the other.

    A key that several blocks measure, some in these rounds, has no outcome until it is measured in this round.
    """
    for k in which:
        rows = domain.begin(step, k, rows)
        if step.forgets:
            rows = domain.forget(frozenset(step.forgets), rows)
        rows = domain.end(step, k, interpret(step.body, rows, domain))
        if domain.is_over(rows):
            break
    return rows


def read_later(step: PushStep, compiled: Compiled) -> Values:
    """Return what a step pushes into windows that anything reads later: the others need no values."""
    live = compiled.live_after[step.number]
    return tuple((name, value) for name, value in step.values if name in live)
