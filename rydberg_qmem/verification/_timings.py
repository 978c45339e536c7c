"""Timings: what a segment's schedule must keep to where the run decides how long its blocks last."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf, prod
from typing import Any, assert_never

import numpy as np

from rydberg_qmem.compile.plan import Plan, plan_segment, rows_of
from rydberg_qmem.compile.steps import Segment, expressions_in
from rydberg_qmem.devices import GatePulse, Lowered, Target
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.blocks import (
    Align,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ModifyEOM,
    PhaseShift,
    Pulse,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.bounds import bounds
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.intervals import UNKNOWN, Interval
from rydberg_qmem.language.waveforms import Composite, Waveform
from rydberg_qmem.pulses import Array, Scope, timing_of
from rydberg_qmem.verification._budget import SCHEDULED, Budget
from rydberg_qmem.verification._controls import Control

LONGEST_BUFFER_NS = 2000
"""More than any device's EOM mode needs to begin, to change or to end."""
MOST_SETTINGS = 64
"""Timings of one segment that are scheduled one by one to prove that its blocks fit."""


def timings_of(segment: Segment, target: Target, budget: Budget) -> tuple[Control, ...]:
    """Return the controls of a segment's schedule: its length, and whether its blocks fit into each other.

    Schedules that are made to find that out are paid for out of a budget.
    """
    if not any(expressions_in(placed.block) for placed in segment.blocks):
        return ()
    plan = plan_segment(segment, target)
    names = frozenset[str]().union(*(e.names for e in plan.timing))
    if not names:
        return ()
    made = []
    maximum = target.device.max_sequence_duration
    if maximum is not None:
        rule = f"must last at most {maximum} ns, the longest sequence of {target.device.name}"
        made.append(
            Control(segment.place, names, lambda box: _longest(plan.operations, box, target),
                    _by_row(plan, _lasting, budget), 0, maximum, 0, rule, rule, " ns")
        )  # fmt: skip
    if any(_may_misfit(op) for op, _ in plan.operations):
        rule = "must fit together in time: a pulse's waveforms equally long, a channel free when it is to start"
        made.append(
            Control(segment.place, names, lambda box: _misfits(plan, names, box, budget),
                    _by_row(plan, _misfit, budget), 0, 0, 0, rule, rule, " misfit")
        )  # fmt: skip
    return tuple(made)


def _by_row(plan: Plan, question: Callable[[Plan, Scope], float], budget: Budget) -> Callable[[Scope], Array]:
    def values(scope: Scope) -> Array:
        rows = max([len(v.values if isinstance(v, Columns) else np.atleast_1d(v)) for v in scope.values()], default=1)
        budget.need(rows * len(plan.operations) * SCHEDULED)
        return np.array([[question(plan, rows_of(scope, np.array([i])))] for i in range(rows)])

    return values


def _lasting(plan: Plan, scope: Scope) -> float:
    try:
        return float(plan.durations(scope, 1)[0])
    except QmemError:
        return inf


def _misfit(plan: Plan, scope: Scope) -> float:
    return float(_lasting(plan, scope) == inf)


# --- blocks that fit into each other ---


def _may_misfit(op: Lowered) -> bool:
    """Return whether a block may find no place in time, besides by a duration that no channel has."""
    match op:
        case Pulse():
            shapes = [s for s in (op.amplitude, op.detuning, op.phase) if not isinstance(s, Expression)]
            lengths = {timing_of(shape) for shape in shapes}
            together = op.start_with is not None or op.protocol == "no-delay"
            return len(lengths) > 1 or together or any(map(_has_own_length, shapes))
        case DetuningMap():
            return op.start_with is not None or _has_own_length(op.detuning)
        case GatePulse() | Delay() | Align() | PhaseShift() | SLMMask() | Retarget():
            return False
        case EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM():
            return False
        case _:
            assert_never(op)


def _has_own_length(shape: Waveform) -> bool:
    """Return whether Pulser finds a waveform's duration, or adds it up, from what the run decides."""
    own = isinstance(shape, Composite) or shape.duration_ns is None
    return own and any(not expression.is_constant for expression in timing_of(shape))


def _misfits(plan: Plan, names: frozenset[str], box: IntervalScope, budget: Budget) -> Interval:
    """Return whether any timing that may come up fails, where they are few enough to be tried."""
    settings = _settings(names, box)
    if settings is None or not budget.spend(len(settings) * len(plan.operations) * SCHEDULED):
        return UNKNOWN
    return Interval.of(*{_misfit(plan, scope) for scope in settings})


def _settings(names: frozenset[str], box: IntervalScope) -> list[Scope] | None:
    """Return a scope of one row for each combination of the names' values, None where they are too many."""
    axes: dict[tuple[str, str], tuple[float, ...]] = {}
    for name in sorted(names):
        parts = box.keys.get(name, ("",))
        for part in parts:
            interval = box.names.get(f"{name}.{part}" if part else name, UNKNOWN)
            if interval.values is None or interval.width:
                return None
            axes[name, part] = interval.values
    if prod(map(len, axes.values())) > MOST_SETTINGS:
        return None
    return [_scope_of(dict(zip(axes, chosen, strict=True)), box) for chosen in product(*axes.values())]


def _scope_of(chosen: dict[tuple[str, str], float], box: IntervalScope) -> Scope:
    scope: dict[str, Any] = {name: np.array([value]) for (name, part), value in chosen.items() if not part}
    for key in {name for name, part in chosen if part}:
        scope[key] = Columns(box.keys[key], np.array([[chosen[key, atom] for atom in box.keys[key]]]))
    return scope


# --- how long a segment lasts ---


def _longest(operations: tuple[tuple[Lowered, str], ...], box: IntervalScope, target: Target) -> Interval:
    """Return an interval of a segment's duration, all blocks one after the other with all that may lie between."""
    high = 0.0
    for op, _ in operations:
        match op:
            case Pulse() | DetuningMap() | Delay() | EOMPulse():
                high += max((bounds(e, box).high if e is not None else inf for e in _timing(op)), default=0.0)
            case GatePulse():
                high += op.duration_ns
            case EnableEOM() | ModifyEOM() | DisableEOM():
                high += LONGEST_BUFFER_NS
            case PhaseShift() | Align() | SLMMask() | Retarget():
                continue
            case _:
                assert_never(op)
        if op.channel is not None:
            channel = target.channel(op.channel)
            high += channel.phase_jump_time + 2 * channel.rise_time + channel.clock_period
            high += (channel.min_retarget_interval or 0) + (channel.fixed_retarget_t or 0)
    return Interval(0.0, high)


def _timing(op: Pulse | DetuningMap | Delay | EOMPulse) -> tuple[Expression | None, ...]:
    """Return durations of which the longest is the block's; None for one that Pulser chooses."""
    match op:
        case Delay() | EOMPulse():
            return (op.duration_ns,)
        case DetuningMap():
            return _lengths(op.detuning)
        case Pulse():
            return (op.duration_ns,) if op.duration_ns is not None else _lengths(op.amplitude, op.detuning, op.phase)
        case _:
            assert_never(op)


def _lengths(*shapes: Waveform | Expression) -> tuple[Expression | None, ...]:
    return tuple(shape.duration_ns for shape in shapes if not isinstance(shape, Expression))
