"""The controls of a segment's blocks: durations, what pulses play, setpoints, gates' amplitudes, cells' strengths."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import assert_never

import numpy as np

from rydberg_qmem.compile.steps import Segment, expressions_in
from rydberg_qmem.devices import GatePulse, Lowered, Target
from rydberg_qmem.gates import lower
from rydberg_qmem.language.arithmetic import ROUNDING
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
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.interval_steps import apply
from rydberg_qmem.language.intervals import Interval
from rydberg_qmem.language.waveforms import Waveform
from rydberg_qmem.pulses import LONGEST_NS, SLACK, Array, Scope, column, unit_area, wrapped
from rydberg_qmem.verification._budget import Budget
from rydberg_qmem.verification._controls import Control, finite_control, of_expression
from rydberg_qmem.verification._waveform_controls import amplitude_controls, detuning_controls, map_controls


def controls_of(segment: Segment, target: Target, budget: Budget) -> tuple[Control, ...]:
    """Return the controls of a segment of which anything is known only in the run.

    What is written out in it is among them where it breaks a limit: the run may be the first to play it. Waveforms
    that are drawn for one row after the other are paid for out of a budget.
    """
    if not any(expressions_in(placed.block) for placed in segment.blocks):
        return ()
    made = (
        control
        for placed in segment.blocks
        for op in lower(placed.block, placed.place, target)
        for control in _of(op, placed.place, target, budget)
        if control.names or not control.proved(control.span(IntervalScope({})))
    )
    once = {(control.place, control.above): control for control in made}
    return tuple(once.values())


def _of(op: Lowered, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    match op:
        case Pulse():
            for shape in (op.duration_ns, op.amplitude, op.detuning, op.phase):
                yield from _durations(shape, op.channel, place, target, alone=shape is op.duration_ns)
            yield from amplitude_controls(op, place, target, budget)
            yield from detuning_controls(op, place, target, budget)
        case EnableEOM() | ModifyEOM():
            yield from _setpoint(op, place, target)
        case EOMPulse():
            yield from _durations(op.duration_ns, op.channel, place, target, alone=True)
        case DetuningMap():
            yield from _durations(op.detuning, op.channel, place, target)
            yield from map_controls(op, place, target, budget)
        case Delay():
            channels = target.device.channels.values()
            clock = target.channel(op.channel).clock_period if op.channel else max(c.clock_period for c in channels)
            if not op.duration_ns.is_constant:
                yield _duration(op.duration_ns, place, minimum=0, maximum=LONGEST_NS, clock=clock, where="the clock")
        case GatePulse():
            yield from _gate(op, target)
        case PhaseShift() | Align() | SLMMask() | DisableEOM() | Retarget():
            pass
        case _:
            assert_never(op)
    for expression in expressions_in(op):
        yield _strength(expression, place) or finite_control(expression, place)


# --- durations ---


def _durations(
    shape: Waveform | Expression | None, channel_id: str, place: str, target: Target, *, alone: bool = False
) -> Iterator[Control]:
    """Yield the control of a waveform's duration, or of one that stands `alone`, unless Pulser chooses it."""
    duration = shape if alone else None if isinstance(shape, Expression) or shape is None else shape.duration_ns
    if not isinstance(duration, Expression):
        return
    channel = target.channel(channel_id)
    yield _duration(
        duration, place, minimum=channel.min_duration, maximum=min(channel.max_duration or LONGEST_NS, LONGEST_NS),
        clock=channel.clock_period, where=f"the clock of {channel_id} on {target.device.name}",
    )  # fmt: skip


def _duration(
    expression: Expression, place: str, *, minimum: int, maximum: int, clock: int, where: str
) -> Control:  # fmt: skip
    rule = f"must be a multiple of the {clock} ns of {where}, from {minimum} to {maximum} ns"
    return of_expression(
        expression, f"{place}.duration_ns", rule, low=minimum, high=maximum, clock=clock, unit=" ns"
    )  # fmt: skip


# --- setpoints, gates and cells ---


def _setpoint(op: EnableEOM | ModifyEOM, place: str, target: Target) -> Iterator[Control]:
    """The level of the EOM mode's pulses: Pulser holds it against the modulator's own limits when it is built."""
    channel = target.channel(op.channel)
    on = f"{op.channel} of {target.device.name}"
    for name, level, minimum, maximum in (
        ("amp_on", op.amp_on, 0.0, channel.max_amp),
        ("detuning_on", op.detuning_on, None, channel.max_abs_detuning),
    ):
        if level.is_constant or maximum is None:
            continue
        high = maximum * (1 + SLACK)
        low = -high if minimum is None else minimum
        rule = f"must lie between {-maximum if minimum is None else minimum:.6g} and {maximum:.6g} rad/µs on {on}"
        yield of_expression(level, f"{place}.{name}", rule, low=low, high=high, unit=" rad/µs")


def _gate(op: GatePulse, target: Target) -> Iterator[Control]:
    """Angles are taken into [-reach, reach): the amplitude is within the limit for every angle, if it is for reach."""
    limit = target.channel(op.channel).max_amp
    per_angle = float(unit_area(op.shape, op.duration_ns).values.max())
    if limit is None or (op.reach and op.reach * per_angle <= limit * (1 + SLACK)):
        return

    def within(box: IntervalScope) -> Interval:
        angle = Interval(-op.reach, op.reach) if op.reach else bounds(op.angle, box)
        return apply("*", np.multiply, [apply("abs", np.abs, [angle]), Interval.of(per_angle)])

    def values(scope: Scope) -> Array:
        angle = column(op.angle, scope)
        return np.abs(wrapped(angle, op.reach) if op.reach else angle)[:, None] * per_angle

    rule = f"must peak at or below {limit:.6g} rad/µs on {op.channel} of {target.device.name}"
    yield Control(
        f"{op.place}.amplitude", op.angle.names, within, values, 0.0, limit * (1 + SLACK), 0, rule, rule, " rad/µs",
    )  # fmt: skip


STRENGTHS = {"damp": "probability", "beam_splitter": "reflectivity", "weak_measure": "strength"}


def _strength(angle: Expression, place: str) -> Control | None:
    """Return the control of a cell's strength, which its rotations take the arcsine of."""
    name = STRENGTHS.get(place.rpartition(".")[2])
    found = _argument(angle, "asin") if name is not None else None
    if found is None or found.is_constant:
        return None
    inner = _argument(found, "sqrt") if name != "strength" else None
    strength, minimum = (inner, 0.0) if inner is not None else (found, -1.0)
    rule = f"must lie between {minimum:g} and 1"
    return of_expression(strength, f"{place}.{name}", rule, low=minimum - ROUNDING, high=1 + ROUNDING)


def _argument(expression: Expression, function: str) -> Expression | None:
    """Return what the first call of a function inside an expression is of."""
    for node in ast.walk(expression.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            return Expression(ast.unparse(node.args[0]))
    return None
