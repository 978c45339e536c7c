"""Controls: every number that a step hands to the device or to memory, with the limits that it must keep."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, assert_never

import numpy as np

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.steps import Segment, expressions_in
from rydberg_qmem.devices.target import Target
from rydberg_qmem.errors import RunError
from rydberg_qmem.gates.lowering import GatePulse, Lowered, lower
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
from rydberg_qmem.language.boxes import Box
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_steps import apply
from rydberg_qmem.language.intervals import DOMAIN, UNKNOWN, Interval
from rydberg_qmem.language.waveforms import (
    Blackman,
    Composite,
    Constant,
    Custom,
    Interpolated,
    Kaiser,
    Ramp,
    Waveform,
)
from rydberg_qmem.pulses.drive_limits import SLACK
from rydberg_qmem.pulses.durations import timed_shape
from rydberg_qmem.pulses.schedule import shape_names
from rydberg_qmem.pulses.shape_bounds import bounds as bounds_of_samples
from rydberg_qmem.pulses.shape_bounds import sampled_ns
from rydberg_qmem.pulses.shapes import Array, Scope, column, duration_of, phase_levels, timing_of, unit_area, wrapped
from rydberg_qmem.pulses.windows import window_bounds
from rydberg_qmem.units import NS_PER_US
from rydberg_qmem.verification.budget import Budget

LONGEST_NS = 10**8
MOST_DRAWN = 300_000
"""Terms that drawing waveforms and schedules may cost where bounds do not tell."""
ROW = 50
"""Terms that are evaluated in the time in which one waveform is drawn, beside its samples."""
SAMPLES_PER_TERM = 200


@dataclass(frozen=True, eq=False)
class Control:
    """One number under limits: its place, its rules, its bounds in a box, and its values in rows of a scope."""

    place: str
    names: frozenset[str]
    span: Callable[[Box], Interval]
    values: Callable[[Scope], Array]
    """Values of shape (rows, k) or (1, k): a row keeps the limits if all of them do."""
    low: float = -inf
    high: float = inf
    clock: int = 0
    """Values must be whole multiples of it, unless it is 0."""
    below: str = ""
    above: str = ""
    unit: str = ""
    least: float = 0.0
    """Values must be 0 or at least so large."""
    terms: int = 8
    """Terms of expressions that bounds and values are made of, about."""

    def proved(self, interval: Interval) -> bool:
        """Return whether no number of an interval breaks a limit."""
        if interval.fault == DOMAIN or not (self.low <= interval.low and interval.high <= self.high):
            return False
        if self.least and not (interval.low >= self.least or interval.low == interval.high == 0):
            return interval.values is not None and all(v == 0 or v >= self.least for v in interval.values)
        return not self.clock or (
            interval.values is not None and all(v % self.clock == 0 for v in interval.values) and not interval.fault
        )

    def broken(self, values: Array) -> np.ndarray:
        """Return for each row whether its values break a limit."""
        bad = ~np.isfinite(values) | (values < self.low) | (values > self.high)
        if self.clock:
            with np.errstate(invalid="ignore"):
                bad |= values % self.clock != 0
        bad |= (values > 0) & (values < self.least)
        return np.asarray(bad.any(axis=1))

    def excess(self, values: Array) -> Array:
        """Return for each row how near its values come to breaking a limit, and how far beyond they go."""
        gaps = [values - self.high if self.high < inf else None, self.low - values if self.low > -inf else None]
        found = [np.where(np.isfinite(gap), gap, 1e300).max(axis=1) for gap in gaps if gap is not None]
        if not found:
            found = [np.abs(np.where(np.isfinite(values), values, 1e300)).max(axis=1)]
        return np.asarray(np.max(found, axis=0))

    def rule(self, low: float, high: float) -> str:
        """Return the rule that values between two bounds break first."""
        if high > self.high or not self.below:
            return self.above or self.below
        return self.below if low < self.low or not self.above else self.above


def finite(expression: Expression, place: str) -> Control:
    """Return the control that an expression is a finite number."""
    rule = f"must be a finite number: {expression}"

    def values(scope: Scope) -> Array:
        return column(expression, scope)[:, None]

    return Control(
        place, expression.names, lambda box: bounds(expression, box), values, below=rule, above=rule,
        terms=expression.terms,
    )  # fmt: skip


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
        if control.names or not control.proved(control.span(Box({})))
    )
    once = {(control.place, control.above): control for control in made}
    return tuple(once.values())


def _of(op: Lowered, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    match op:
        case Pulse():
            for shape in (op.duration_ns, op.amplitude, op.detuning, op.phase):
                yield from _durations(shape, op.channel, place, target, alone=shape is op.duration_ns)
            yield from _amplitude(op, place, target, budget)
            yield from _detuning(op, place, target, budget)
        case EnableEOM() | ModifyEOM():
            yield from _setpoint(op, place, target)
        case EOMPulse():
            yield from _durations(op.duration_ns, op.channel, place, target, alone=True)
        case DetuningMap():
            yield from _durations(op.detuning, op.channel, place, target)
            yield from _map(op, place, target, budget)
        case Delay():
            channels = target.device.channels.values()
            clock = target.channel(op.channel).clock_period if op.channel else max(c.clock_period for c in channels)
            if not op.duration_ns.is_constant:
                yield from _duration(op.duration_ns, place, least=0, most=LONGEST_NS, clock=clock, where="the clock")
        case GatePulse():
            yield from _gate(op, target)
        case PhaseShift() | Align() | SLMMask() | DisableEOM() | Retarget():
            pass
        case _:
            assert_never(op)
    for expression in expressions_in(op):
        yield _strength(expression, place) or finite(expression, place)


# --- durations ---


def _durations(
    shape: Waveform | Expression | None, channel_id: str, place: str, target: Target, *, alone: bool = False
) -> Iterator[Control]:
    """Yield the control of a waveform's duration, or of one that stands `alone`, unless Pulser chooses it."""
    duration = shape if alone else None if isinstance(shape, Expression) or shape is None else shape.duration_ns
    if not isinstance(duration, Expression):
        return
    channel = target.channel(channel_id)
    most = min(channel.max_duration or LONGEST_NS, LONGEST_NS)
    where = f"the clock of {channel_id} on {target.device.name}"
    yield from _duration(
        duration, place, least=channel.min_duration, most=most, clock=channel.clock_period, where=where
    )


def _duration(
    expression: Expression, place: str, *, least: int, most: int, clock: int, where: str
) -> Iterator[Control]:
    rule = f"must be a multiple of the {clock} ns of {where}, from {least} to {most} ns"
    yield Control(
        f"{place}.duration_ns", expression.names, lambda box: bounds(expression, box),
        lambda scope: column(expression, scope)[:, None], least, most, clock, rule, rule, " ns",
    )  # fmt: skip


# --- amplitudes and detunings ---


def _ends_of(
    shape: Waveform | Expression, op: Pulse | DetuningMap, budget: Budget
) -> Callable[[Scope], Array]:  # fmt: skip
    """Return the least and greatest sample of a waveform in each row."""
    shaped = _shaped(shape, op, budget)
    return lambda scope: shaped(scope)[:, :2]


def _shaped(
    shape: Waveform | Expression, op: Pulse | DetuningMap, budget: Budget
) -> Callable[[Scope], Array]:  # fmt: skip
    """Return the least and greatest sample of a waveform and its mean in each row."""
    if isinstance(shape, Expression):
        return lambda scope: np.repeat(column(shape, scope)[:, None], 3, axis=1)
    timing = op.detuning if isinstance(op, DetuningMap) else timed_shape(op)
    assert not isinstance(timing, Expression)
    depends = timing_of(timing)

    def values(scope: Scope) -> Array:
        rows = max([len(column(e, scope)) for e in depends], default=1)
        if all(len(np.unique(column(e, scope))) == 1 for e in depends):
            return _ends(shape, scope, timing, budget)
        return np.concatenate([_ends(shape, _row_of(scope, i), timing, budget) for i in range(rows)])

    return values


def _row_of(scope: Scope, i: int) -> dict[str, Any]:
    return rows_of(scope, np.array([i]))


def _ends(shape: Waveform, scope: Scope, timing: Waveform, budget: Budget) -> Array:
    if not all(np.isfinite(column(e, scope)).all() for e in timing_of(timing)):
        raise RunError("a waveform's duration must be a finite number")
    duration_ns = duration_of(timing, scope)
    if duration_ns < 1:
        raise RunError(f"a waveform must last at least 1 ns ({duration_ns})")
    rows = max((len(column(e, scope)) for e in expressions_in(shape)), default=1)
    budget.need(ROW + sampled_ns(shape, duration_ns) * rows / SAMPLES_PER_TERM)
    made = bounds_of_samples(shape, scope, duration_ns)
    return np.stack([made.low, made.high, made.mean], axis=1)


def _amplitude(op: Pulse, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    limit = target.channel(op.channel).max_amp
    on = f"{op.channel} of {target.device.name}"
    yield Control(
        f"{place}.amplitude",
        shape_names(op.amplitude),
        lambda box: span(op.amplitude, box),
        _ends_of(op.amplitude, op, budget),
        0.0,
        inf if limit is None else limit * (1 + SLACK),
        below="must not be negative",
        above="must be a finite number" if limit is None else f"must peak at or below {limit:.6g} rad/µs on {on}",
        unit=" rad/µs",
    )
    least = target.channel(op.channel).min_avg_amp
    if least:
        rule = f"must average to zero or at least {least:.6g} rad/µs on {on}"
        yield _average(op.amplitude, op, budget, f"{place}.amplitude", least, 1.0, rule)


def _average(shape: Waveform | Expression, op: Pulse | DetuningMap, budget: Budget, place: str, least: float,
             weight: float, rule: str) -> Control:  # fmt: skip
    """Return the control of a waveform's mean, which a channel holds against a least one unless it is 0."""

    def within(box: Box) -> Interval:
        sizes = [apply("abs", np.abs, [average(shape, box)]), Interval.of(weight)]
        return apply("*", np.multiply, sizes)

    def values(scope: Scope) -> Array:
        return np.abs(_shaped(shape, op, budget)(scope)[:, 2:]) * weight

    names = shape_names(shape)
    return Control(place, names, within, values, below=rule, above=rule, unit=" rad/µs", least=least * (1 - SLACK))


def _detuning(op: Pulse, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    limit = target.channel(op.channel).max_abs_detuning
    most = inf if limit is None else limit * (1 + SLACK)
    rule = f"must stay within ±{limit:.6g} rad/µs on {op.channel}" if limit is not None else "must be a finite number"
    if not isinstance(op.phase, Expression):
        yield Control(
            f"{place}.detuning", shape_names(op.phase), lambda box: _slopes(op.phase, box), _turning(op.phase, budget),
            -most, most, 0, rule, rule, " rad/µs",
        )  # fmt: skip
        return
    yield Control(
        f"{place}.detuning", shape_names(op.detuning), lambda box: span(op.detuning, box),
        _ends_of(op.detuning, op, budget), -most, most, 0, rule, rule, " rad/µs",
    )  # fmt: skip


def _turning(phase: Waveform, budget: Budget) -> Callable[[Scope], Array]:
    """Return the least and greatest detuning that a phase's waveform makes in each row."""
    depends = timing_of(phase)

    def one(scope: Scope) -> Array:
        rows = max((len(column(e, scope)) for e in expressions_in(phase)), default=1)
        budget.need(ROW + duration_of(phase, scope) * rows / SAMPLES_PER_TERM)
        made = phase_levels(phase, scope, duration_of(phase, scope))[1].values
        return np.stack([made.min(axis=1), made.max(axis=1)], axis=1)

    def values(scope: Scope) -> Array:
        rows = max([len(column(e, scope)) for e in depends], default=1)
        return one(scope) if rows == 1 else np.concatenate([one(_row_of(scope, i)) for i in range(rows)])

    return values


def _slopes(phase: Waveform | Expression, box: Box) -> Interval:
    """Return an interval of the detuning that a phase's waveform makes, where its slope is simple."""
    match phase:
        case Constant():
            return Interval.of(0.0)
        case Ramp():
            steps = apply("-", np.subtract, [bounds(phase.duration_ns, box), Interval.of(1.0)])
            rise = apply("-", np.subtract, [bounds(phase.start, box), bounds(phase.stop, box)])
            slope = apply("/", np.divide, [rise, steps])
            return apply("*", np.multiply, [slope, Interval.of(NS_PER_US)])
        case Custom() if len(phase.samples) > 1:
            steps_of = -np.diff(np.array(phase.samples)) * NS_PER_US
            return _scaled(bounds(phase.scale, box), steps_of)
        case _:
            return UNKNOWN if shape_names(phase) else _static_slopes(phase)


def _static_slopes(phase: Waveform | Expression) -> Interval:
    assert not isinstance(phase, Expression)
    return Interval.of(*_turning(phase, Budget(MOST_DRAWN))({}).ravel().tolist())


def _setpoint(op: EnableEOM | ModifyEOM, place: str, target: Target) -> Iterator[Control]:
    """The level of the EOM mode's pulses: Pulser holds it against the modulator's own limits when it is built."""
    channel = target.channel(op.channel)
    on = f"{op.channel} of {target.device.name}"
    for name, level, least, most in (
        ("amp_on", op.amp_on, 0.0, channel.max_amp),
        ("detuning_on", op.detuning_on, None, channel.max_abs_detuning),
    ):
        if level.is_constant or most is None:
            continue
        high = most * (1 + SLACK)
        rule = f"must lie between {-most if least is None else least:.6g} and {most:.6g} rad/µs on {on}"
        yield _level(level, f"{place}.{name}", -high if least is None else least, high, rule)


def _level(level: Expression, place: str, low: float, high: float, rule: str) -> Control:
    return Control(
        place, level.names, lambda box: bounds(level, box), lambda scope: column(level, scope)[:, None],
        low, high, 0, rule, rule, " rad/µs",
    )  # fmt: skip


def _map(op: DetuningMap, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    bottom = target.channel(op.channel).bottom_detuning
    total, weak = target.channel(op.channel).total_bottom_detuning, target.channel(op.channel).min_avg_abs_detuning
    weights = [weight for weight in op.weights.values() if weight] or [1.0]
    least = -inf if bottom is None else bottom * (1 + SLACK) / max(weights)
    rule = f"must lie between {bottom or '-inf'} and 0 rad/µs"
    if total is not None and total * (1 + SLACK) / sum(weights) > least:
        least = total * (1 + SLACK) / sum(weights)
        rule = f"must not be positive nor add up to less than {total:.6g} rad/µs over all atoms"
    yield Control(
        f"{place}.detuning", shape_names(op.detuning), lambda box: span(op.detuning, box),
        _ends_of(op.detuning, op, budget), least, 0.0, 0, rule, rule, " rad/µs",
    )  # fmt: skip
    if weak:
        rule = f"must average to zero or at least {weak:.6g} rad/µs on each atom"
        yield _average(op.detuning, op, budget, f"{place}.detuning", weak, min(weights), rule)


def _gate(op: GatePulse, target: Target) -> Iterator[Control]:
    """Angles are taken into [-reach, reach): the amplitude is within the limit for every angle, if it is for reach."""
    limit = target.channel(op.channel).max_amp
    per_angle = float(unit_area(op.shape, op.duration_ns).values.max())
    if limit is None or (op.reach and op.reach * per_angle <= limit * (1 + SLACK)):
        return

    def within(box: Box) -> Interval:
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
    strength, least = (inner, 0.0) if inner is not None else (found, -1.0)
    rule = f"must lie between {least:g} and 1"
    return Control(
        f"{place}.{name}", strength.names, lambda box: bounds(strength, box),
        lambda scope: column(strength, scope)[:, None], least - ROUNDING, 1 + ROUNDING, 0, rule, rule,
    )  # fmt: skip


def _argument(expression: Expression, function: str) -> Expression | None:
    """Return what the first call of a function inside an expression is of."""
    for node in ast.walk(expression.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            return Expression(ast.unparse(node.args[0]))
    return None


# --- bounds of waveforms ---


def span(shape: Waveform | Expression, box: Box) -> Interval:
    """Return an interval that holds every sample of a waveform."""
    match shape:
        case Expression():
            return bounds(shape, box)
        case Constant(value=Expression() as value):
            return bounds(value, box)
        case Constant():
            return _mean_level(shape, box)
        case Ramp():
            return bounds(shape.start, box).join(bounds(shape.stop, box))
        case Blackman():
            return _window(shape, box, None)
        case Kaiser():
            if not shape.beta.is_constant:
                return UNKNOWN
            return _window(shape, box, float(np.asarray(shape.beta.evaluate({}))))
        case Interpolated():
            return _curve(shape, box)
        case Custom():
            return _scaled(bounds(shape.scale, box), np.array(shape.samples))
        case Composite():
            return _joined(span(part, box) for part in shape.waveforms)
        case _:
            assert_never(shape)


def average(shape: Waveform | Expression, box: Box) -> Interval:
    """Return an interval that holds a waveform's mean: that of its samples where no closer one is simple."""
    match shape:
        case Ramp():
            ends = apply("+", np.add, [bounds(shape.start, box), bounds(shape.stop, box)])
            return apply("/", np.divide, [ends, Interval.of(2.0)])
        case Blackman() | Kaiser() if shape.duration_ns is not None:
            area = apply("*", np.multiply, [bounds(shape.area, box), Interval.of(NS_PER_US)])
            return apply("/", np.divide, [area, bounds(shape.duration_ns, box)])
        case _:
            return span(shape, box)


def _joined(parts: Iterator[Interval]) -> Interval:
    made = next(parts)
    for part in parts:
        made = made.join(part)
    return made


def _mean_level(shape: Constant, box: Box) -> Interval:
    assert shape.area is not None
    assert shape.duration_ns is not None
    area = apply("*", np.multiply, [bounds(shape.area, box), Interval.of(NS_PER_US)])
    return apply("/", np.divide, [area, bounds(shape.duration_ns, box)])


def _window(shape: Blackman | Kaiser, box: Box, beta: float | None) -> Interval:
    """Return the area times the window's least and greatest sample, for each duration that may come."""
    if shape.max_val is not None:
        return bounds(shape.max_val, box).join(Interval.of(0.0))
    assert shape.duration_ns is not None
    durations = bounds(shape.duration_ns, box).values
    if durations is None or any(d < 1 or d > LONGEST_NS or d != int(d) for d in durations):
        return UNKNOWN
    area = bounds(shape.area, box)
    return _joined(_scaled(area, np.array(window_bounds(int(duration), beta))) for duration in durations)


def _scaled(scale: Interval, samples: Array) -> Interval:
    if not np.isfinite(samples).all():
        return UNKNOWN
    return apply("*", np.multiply, [scale, Interval(float(samples.min()), float(samples.max()))])


INTERPOLATION_SLACK = 1e-9
"""Interpolated samples are rounded to nine digits."""


def _curve(shape: Interpolated, box: Box) -> Interval:
    """Return the bounds of the values: between two of them a PCHIP curve never leaves their range."""
    if shape.times is not None and (shape.times[0] != 0 or shape.times[-1] != 1):
        return UNKNOWN
    made = _joined(bounds(value, box) for value in shape.values)
    low = made.low - INTERPOLATION_SLACK if made.low else 0.0
    return Interval(low, made.high + INTERPOLATION_SLACK, None, 0, made.fault)


__all__ = ["Control", "controls_of", "finite", "span"]
