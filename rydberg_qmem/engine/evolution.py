"""How rows pass a segment: its plan, made once, and each distinct state and setting of its controls evolved once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.steps import Segment, Step
from rydberg_qmem.engine.carried_numbers import carrying
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.deduplicate import Index, distinct
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.row_values import refuse_infinite, scope_of
from rydberg_qmem.errors import RunError
from rydberg_qmem.pulses import CARRIED, column

Array = NDArray[np.float64]
SO_SMALL = 512
"""So many amplitudes are evolved about as fast as one state of them."""


def plan_of(run: RunContext, segment: Segment) -> Any:
    """Return the emulator's plan of a segment, made once."""
    if segment.index not in run.plans:
        begun = segment if run.kept_frames is None else run.kept_frames.segment(segment)
        run.plans[segment.index] = run.emulator.plan(begun, run.compiled.target)
    return run.plans[segment.index]


def segment(run: RunContext, cursor: Cursor, step: Segment, population: Population) -> Population:
    """Return the rows after a segment, and let the clock go on by the longest time that it takes in any of them."""
    plan = plan_of(run, step)
    population = turn_frames(run, cursor, population, -1, step) if step.begins else population
    timing = frozenset().union(*(e.names for e in plan.timing))
    scope = scope_of(run, cursor, population, timing | {CARRIED})
    for expression in plan.timing:
        refuse_infinite(cursor, column(expression, scope), expression, step.place)
    try:
        rows = len(population) if timing or CARRIED in population.values else 1
        longest = int(plan.durations(scope, rows).max())
        population = run.states.evolve(run, cursor, plan, population, step, longest)
    except RunError as error:
        raise RunError(f"{cursor}{error}") from None
    cursor.clock_ns += longest
    if not step.ends:
        return population
    if run.kept_frames is not None:
        population = _with_frames(run, cursor, step, population)
    return carrying(cursor, population, plan.leaves(scope, rows)) if CARRIED in scope else population


def _with_frames(run: RunContext, cursor: Cursor, step: Segment, population: Population) -> Population:
    """Return the rows with the phase references that they keep after a segment."""
    assert run.kept_frames is not None
    names = frozenset().union(*(e.names for e in plan_of(run, step).controls_of(tuple(range(run.layout.atoms)))))
    made = run.kept_frames.after(step, scope_of(run, cursor, population, names), len(population))
    return population.with_values(**made)


def turn_frames(run: RunContext, cursor: Cursor, population: Population, sign: int, step: Step) -> Population:
    """Turn the references that rows keep into their states (1), or out of them (-1): no time passes."""
    if run.kept_frames is None:
        return population
    turning = run.kept_frames.turning(sign, step.place)
    plan = run.emulator.plan(turning, run.compiled.target)
    return run.states.turn(run, cursor, plan, population, turning)


def settings(
    run: RunContext, cursor: Cursor, plan: Any, atoms: tuple[int, ...], state_of: Index, population: Population,
    step: Segment, *, size: int = SO_SMALL,
) -> tuple[Index, dict[str, Any], Index]:  # fmt: skip
    """Return the states, and the scope of the controls, of each distinct combination, and which one rows have.

    Different memory may ask for the same control values: that is looked for unless states of this `size` are so few
    that one costs as much as all.
    """
    acting_noise = run.acting_noise if run.is_noisy else None
    alone = acting_noise is not None and bool(acting_noise.settings)
    controls = plan.controls_of(tuple(range(run.layout.atoms)) if run.is_noisy else atoms)
    names = sorted(frozenset().union(*(e.names for e in controls)) - cursor.shared.keys())
    carried = [population.values[CARRIED]] if CARRIED in population.values else []
    first, which = distinct([state_of, *(population.values[name] for name in names), *carried])
    if alone:
        first = which = np.arange(len(population))
    known = frozenset([CARRIED]).union(*(e.names for e in controls))
    scope = scope_of(run, cursor, population.classical.take(first), known)
    values = [column(e, scope) for e in controls]
    for expression, value in zip(controls, values, strict=True):
        refuse_infinite(cursor, value, expression, step.place)
    states = state_of[first]
    if names and not alone and len(first) * size > SO_SMALL:
        some, same = distinct([states, *(v for v in values if len(v) > 1), *(v[first] for v in carried)])
        scope, which, states = rows_of(scope, some), same[which], states[some]
        first = first[some]
    if acting_noise is not None:
        scope |= acting_noise.scope_of(population.shots[first], cursor.clock_ns)
    return states, scope, which
