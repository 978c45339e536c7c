"""How laboratory time passes for the rows of a run while nothing is played to them, and how long steps take."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.semantics import Domain, interpret, rounds
from rydberg_qmem.compile.steps import RepeatStep, Segment, Step, WhenStep, all_steps
from rydberg_qmem.engine.carried_numbers import aged, with_carried
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.evolution import plan_of, turn_frames
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.row_values import scope_of
from rydberg_qmem.errors import QmemError
from rydberg_qmem.pulses import CARRIED
from rydberg_qmem.units import NS_PER_US


def spend(run: RunContext, cursor: Cursor, population: Population, time_us: float, step: Step) -> Population:
    """Let the time of a measurement or reset pass, for all atoms and the clock."""
    cursor.clock_ns += time_us * NS_PER_US
    return idle(run, cursor, population, time_us * NS_PER_US, step)


def idle(run: RunContext, cursor: Cursor, population: Population, duration_ns: float, step: Step) -> Population:
    """Let the atoms wait in the dark."""
    if duration_ns <= 0 or not len(population):
        return population
    population = aged(run, cursor, population, duration_ns)
    if run.kept_frames is None:
        return run.states.wait(run, cursor, population, duration_ns, step)
    population = turn_frames(run, cursor, population, -1, step)
    population = run.states.wait(run, cursor, population, duration_ns, step)
    return turn_frames(run, cursor, population, 1, step)


# --- the time of steps that no row takes ---

Timed = tuple[float, Population]
"""Time spent so far (ns), and rows with what the channels carry by then."""


def sides_ns(
    run: RunContext, cursor: Cursor, step: WhenStep, population: Population
) -> list[tuple[Population, float | None, float | None]]:
    """Return rows for which the sides of a branch last equally long, and how long (ns): None where rows decide it.

    Where it is fixed it hangs on nothing but what the channels carry.
    """
    if not _is_fixed(run, cursor, (*step.then, *step.otherwise)):
        return [(population, None, None)]
    numbers, which = np.unique(population.values.get(CARRIED, np.zeros(len(population))), return_inverse=True)
    lasting = [
        (time_of(run, cursor, step.then, rows), time_of(run, cursor, step.otherwise, rows))
        for rows in (_carrying(population, float(number)) for number in numbers)
    ]
    alike = {both: [k for k, other in enumerate(lasting) if other == both] for both in lasting}
    if len(alike) == 1:
        return [(population, *lasting[0])]
    return [(population.take(np.isin(which, members)), *both) for both, members in alike.items()]


def _is_fixed(run: RunContext, cursor: Cursor, steps: tuple[Step, ...]) -> bool:
    plans = (plan_of(run, step) for step in all_steps(steps) if isinstance(step, Segment))
    return all(frozenset().union(*(e.names for e in plan.timing)) <= cursor.shared.keys() for plan in plans)


def _carrying(population: Population, number: float) -> Population:
    """Return a row without memory for something that the channels carry: all that fixed timing depends on."""
    carried = {CARRIED: np.array([number])} if CARRIED in population.values else {}
    return Population((), np.ones(1), np.zeros(1, dtype=np.int64), carried)


def time_of(run: RunContext, cursor: Cursor, steps: tuple[Step, ...], population: Population) -> float:
    """Return the time (ns) of steps that no row takes.

    Timing that hangs on what they would measure counts as none, and so does a row's that its condition keeps away.
    """
    before = dict(cursor.shared)
    total, _ = interpret(steps, (0.0, with_carried(cursor, population)), _timing(run, cursor))
    cursor.shared = before
    return total


def _timing(run: RunContext, cursor: Cursor) -> Domain[Timed]:
    """Return steps done to time alone."""
    hardware = run.noise.hardware
    return Domain(
        compiled=run.compiled,
        is_over=lambda rows: False,
        segment=partial(_time_segment, run, cursor),
        measure=lambda step, rows: _time_wait(run, cursor, hardware.measuring_us * NS_PER_US, rows),
        reset=lambda step, rows: _time_wait(run, cursor, hardware.reset_us * NS_PER_US, rows),
        probe=lambda step, rows: rows,
        assign=lambda step, values, rows: rows,
        push=lambda step, values, rows: rows,
        when=_time_sides,
        repeat=_time_rounds,
        begin=lambda step, k, rows: rows,
        forget=lambda keys, rows: rows,
        end=lambda step, k, rows: rows,
    )


def _time_segment(run: RunContext, cursor: Cursor, step: Segment, rows: Timed) -> Timed:
    spent, population = rows
    plan = plan_of(run, step)
    timing = frozenset().union(*(e.names for e in plan.timing))
    scope = scope_of(run, cursor, population, timing | {CARRIED})
    if not timing <= scope.keys():
        return rows
    took = _longest_ns(plan, scope, len(population))
    if step.ends and CARRIED in scope:
        with suppress(QmemError):
            population = population.with_values(**{CARRIED: plan.leaves(scope, len(population))})
    return spent + took, population


def _longest_ns(plan: Any, scope: dict[str, Any], rows: int) -> float:
    """Return how long a segment takes in the slowest of those rows that could play it."""
    try:
        return float(plan.durations(scope, rows).max())
    except QmemError:  # in some rows a duration that no channel has: a condition keeps them away
        halves = [part for part in np.array_split(np.arange(rows), 2) if 0 < len(part) < rows]
        return max((_longest_ns(plan, rows_of(scope, part), len(part)) for part in halves), default=0.0)


def _time_wait(run: RunContext, cursor: Cursor, duration_ns: float, rows: Timed) -> Timed:
    spent, population = rows
    return spent + duration_ns, aged(run, cursor, population, duration_ns) if duration_ns else population


def _time_sides(step: WhenStep, rows: Timed, domain: Domain[Timed]) -> Timed:
    """Return the rows after the side that takes longer."""
    spent, population = rows
    then, one = interpret(step.then, (0.0, population), domain)
    otherwise, other = interpret(step.otherwise, (0.0, population), domain)
    return spent + max(then, otherwise), one if then >= otherwise else other


def _time_rounds(step: RepeatStep, rows: Timed, domain: Domain[Timed]) -> Timed:
    spent, population = rows
    total = 0.0
    for done in range(step.times):
        before = population
        took, population = rounds(step, (done,), (0.0, population), domain)
        total += took
        if _carry_alike(before, population):  # all the rounds to come take as long
            total += (step.times - done - 1) * took
            break
    return spent + total, population


def _carry_alike(one: Population, other: Population) -> bool:
    return CARRIED not in one.values or np.array_equal(one.values[CARRIED], other.values[CARRIED])
