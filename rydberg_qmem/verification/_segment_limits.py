"""Segments held against the device's limits in every round, as far as their values are known before the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, assert_never

from rydberg_qmem.compile.clock import clock_of
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import Plan, plan_segment, timed
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
    all_steps,
    expressions_of,
)
from rydberg_qmem.errors import Problem, QmemError
from rydberg_qmem.pulses import Drive, Schedule, carries, check_drive, sampled_ns
from rydberg_qmem.verification._budget import ROWS_PER_TERM, SCHEDULED, Budget
from rydberg_qmem.verification._findings import as_problem
from rydberg_qmem.verification._loop_scopes import rounds_in_all, scope_of_rounds

MOST_ROUNDS_CHECKED = 200_000
MOST_TIMINGS_CHECKED = 300
MOST_SCHEDULED = 150_000
"""Terms of expressions that could be evaluated in the time that segments are held against the limits."""


def segment_problems(compiled: Compiled, budget: Budget) -> Iterator[Problem]:
    """Yield what is wrong with the schedules and drives of all segments."""
    for segment, loops in _segments(compiled.steps, ()):
        yield from _held(compiled, segment, loops, budget)


def too_long_after_pauses(compiled: Compiled, budget: Budget) -> Iterator[Problem]:
    """Yield what cannot play once channels keep the pauses after what they played before, which nothing shortens."""
    device = compiled.target.device
    if device.max_sequence_duration is not None and carries(compiled.target):
        segments = [step for step in all_steps(compiled.steps) if isinstance(step, Segment)]
        budget.need(2 * SCHEDULED * sum(len(segment.blocks) for segment in segments))
        for refused in clock_of(compiled).refused:
            problem = as_problem(refused)
            rule = f"{problem.rule.rstrip('.')}, with the pause that its channels keep after what they played before"
            yield Problem(problem.place, rule)


def _segments(steps: Iterable[Step], loops: tuple[RepeatStep, ...]) -> Iterator[tuple[Segment, tuple[RepeatStep, ...]]]:
    for step in steps:
        match step:
            case Segment():
                yield step, loops
            case RepeatStep():
                yield from _segments(step.body, (*loops, step))
            case WhenStep():
                yield from _segments((*step.then, *step.otherwise), loops)
            case MeasureStep() | ResetStep() | ProbeStep() | SetStep() | PushStep():
                pass
            case _:
                assert_never(step)


def _held(
    compiled: Compiled, segment: Segment, loops: tuple[RepeatStep, ...], budget: Budget
) -> Iterator[Problem]:  # fmt: skip
    found = expressions_of(segment)
    scope = _known_scope(compiled, loops, frozenset().union(*(e.names for e in found)))
    rows = max((len(value) for value in scope.values()), default=1)
    budget.need(SCHEDULED * len(segment.blocks) + sum(e.terms for e in found) * rows / ROWS_PER_TERM)
    try:
        plan = plan_segment(segment, compiled.target)
        if any(not e.names <= scope.keys() for e in plan.timing):
            return
        schedules = _schedules(plan, scope, rows, budget)
    except QmemError as error:
        yield as_problem(error)
        return
    for schedule, part, size in schedules:
        for drive in schedule.drives:
            budget.draw(size * _drawn(drive))
            try:
                check_drive(drive, part, compiled.target)
            except QmemError as error:
                yield as_problem(error)
            except ValueError as error:  # a shape too short to be drawn
                yield Problem(drive.place, f"cannot be sampled: {error}")


def _known_scope(compiled: Compiled, loops: tuple[RepeatStep, ...], names: frozenset[str]) -> dict[str, Any]:
    """Return counters and inputs of some names in every round of nested loops, or of the innermost if too many."""
    loops = tuple(loop for loop in loops if names & {loop.counter, *loop.signals})
    while rounds_in_all(loops) > MOST_ROUNDS_CHECKED:
        loops = loops[1:]
    return dict(scope_of_rounds(compiled, loops, names))


def _drawn(drive: Drive) -> int:
    """Return how many samples of a drive are drawn in each row."""
    length = drive.stop - drive.start
    if drive.phase is not None:
        return length
    return max(sampled_ns(drive.amplitude, length), sampled_ns(drive.detuning, length))


def _schedules(
    plan: Plan, scope: dict[str, Any], rows: int, budget: Budget
) -> list[tuple[Schedule, dict[str, Any], int]]:
    """Return the schedules of a segment in all rounds, the first of them where timing differs in very many."""
    made = []
    for schedule, chosen, part in timed(plan, scope, rows):
        budget.need(SCHEDULED * len(plan.operations))
        made.append((schedule, part, len(chosen)))
        if len(made) >= MOST_TIMINGS_CHECKED:
            break
    return made
