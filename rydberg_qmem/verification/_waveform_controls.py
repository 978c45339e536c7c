"""Controls of what pulses play: amplitudes, detunings and detuning maps, held against their channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

import numpy as np

from rydberg_qmem.compile.plan import rows_of
from rydberg_qmem.compile.steps import expressions_in
from rydberg_qmem.devices import Target
from rydberg_qmem.errors import RunError
from rydberg_qmem.language.blocks import DetuningMap, Pulse
from rydberg_qmem.language.bounds import bounds
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.interval_steps import apply
from rydberg_qmem.language.intervals import UNKNOWN, Interval
from rydberg_qmem.language.waveforms import Constant, Custom, Ramp, Waveform
from rydberg_qmem.pulses import (
    SLACK,
    Array,
    Scope,
    column,
    duration_of,
    phase_levels,
    sample_bounds,
    sampled_ns,
    shape_names,
    timed_shape,
    timing_of,
)
from rydberg_qmem.units import NS_PER_US
from rydberg_qmem.verification._budget import Budget
from rydberg_qmem.verification._controls import Control
from rydberg_qmem.verification._waveform_bounds import average, scaled, span

MOST_DRAWN = 300_000
"""Terms that drawing waveforms and schedules may cost where bounds do not tell."""


def amplitude_controls(op: Pulse, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    """Yield the controls of a pulse's amplitude: its peak, and its mean where a channel asks for a minimum."""
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
    minimum = target.channel(op.channel).min_avg_amp
    if minimum:
        rule = f"must average to zero or at least {minimum:.6g} rad/µs on {on}"
        yield _average(op.amplitude, op, budget, f"{place}.amplitude", minimum, 1.0, rule)


def _average(
    shape: Waveform | Expression, op: Pulse | DetuningMap, budget: Budget, place: str, minimum: float, weight: float,
    rule: str,
) -> Control:  # fmt: skip
    """Return the control of a waveform's mean, which a channel holds against a minimum unless it is 0."""

    def within(box: IntervalScope) -> Interval:
        sizes = [apply("abs", np.abs, [average(shape, box)]), Interval.of(weight)]
        return apply("*", np.multiply, sizes)

    def values(scope: Scope) -> Array:
        return np.abs(_shaped(shape, op, budget)(scope)[:, 2:]) * weight

    names = shape_names(shape)
    return Control(place, names, within, values, below=rule, above=rule, unit=" rad/µs", minimum=minimum * (1 - SLACK))


def detuning_controls(op: Pulse, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    """Yield the control of a pulse's detuning, or of the one that its phase's waveform makes."""
    limit = target.channel(op.channel).max_abs_detuning
    maximum = inf if limit is None else limit * (1 + SLACK)
    rule = f"must stay within ±{limit:.6g} rad/µs on {op.channel}" if limit is not None else "must be a finite number"
    if not isinstance(op.phase, Expression):
        yield Control(
            f"{place}.detuning", shape_names(op.phase), lambda box: _slopes(op.phase, box), _turning(op.phase, budget),
            -maximum, maximum, 0, rule, rule, " rad/µs",
        )  # fmt: skip
        return
    yield Control(
        f"{place}.detuning", shape_names(op.detuning), lambda box: span(op.detuning, box),
        _ends_of(op.detuning, op, budget), -maximum, maximum, 0, rule, rule, " rad/µs",
    )  # fmt: skip


def map_controls(op: DetuningMap, place: str, target: Target, budget: Budget) -> Iterator[Control]:
    """Yield the controls of a detuning map: on one atom, on all atoms together, and its mean on the weakest."""
    bottom = target.channel(op.channel).bottom_detuning
    total, weak = target.channel(op.channel).total_bottom_detuning, target.channel(op.channel).min_avg_abs_detuning
    weights = [weight for weight in op.weights.values() if weight] or [1.0]
    minimum = -inf if bottom is None else bottom * (1 + SLACK) / max(weights)
    rule = f"must lie between {bottom or '-inf'} and 0 rad/µs"
    if total is not None and total * (1 + SLACK) / sum(weights) > minimum:
        minimum = total * (1 + SLACK) / sum(weights)
        rule = f"must not be positive nor add up to less than {total:.6g} rad/µs over all atoms"
    yield Control(
        f"{place}.detuning", shape_names(op.detuning), lambda box: span(op.detuning, box),
        _ends_of(op.detuning, op, budget), minimum, 0.0, 0, rule, rule, " rad/µs",
    )  # fmt: skip
    if weak:
        rule = f"must average to zero or at least {weak:.6g} rad/µs on each atom"
        yield _average(op.detuning, op, budget, f"{place}.detuning", weak, min(weights), rule)


# --- samples ---


def _ends_of(shape: Waveform | Expression, op: Pulse | DetuningMap, budget: Budget) -> Callable[[Scope], Array]:
    """Return the least and greatest sample of a waveform in each row."""
    shaped = _shaped(shape, op, budget)
    return lambda scope: shaped(scope)[:, :2]


def _shaped(shape: Waveform | Expression, op: Pulse | DetuningMap, budget: Budget) -> Callable[[Scope], Array]:
    """Return the least and greatest sample of a waveform and its mean in each row."""
    if isinstance(shape, Expression):
        return lambda scope: np.repeat(column(shape, scope)[:, None], 3, axis=1)
    timing = op.detuning if isinstance(op, DetuningMap) else timed_shape(op)
    assert not isinstance(timing, Expression)

    def of_one_duration(scope: Scope, duration_ns: int, rows: int) -> Array:
        budget.draw(sampled_ns(shape, duration_ns) * rows)
        made = sample_bounds(shape, scope, duration_ns)
        return np.stack([made.low, made.high, made.mean], axis=1)

    return _by_duration(timing, shape, of_one_duration)


def _turning(phase: Waveform, budget: Budget) -> Callable[[Scope], Array]:
    """Return the least and greatest detuning that a phase's waveform makes in each row."""

    def of_one_duration(scope: Scope, duration_ns: int, rows: int) -> Array:
        budget.draw(duration_ns * rows)
        made = phase_levels(phase, scope, duration_ns)[1].values
        return np.stack([made.min(axis=1), made.max(axis=1)], axis=1)

    return _by_duration(phase, phase, of_one_duration)


def _by_duration(
    timing: Waveform, shape: Waveform, of_one_duration: Callable[[Scope, int, int], Array]
) -> Callable[[Scope], Array]:
    """Return what samples of a shape say in each row; rows of different durations are drawn one after the other."""
    depends, reads = timing_of(timing), expressions_in(shape)

    def drawn(scope: Scope) -> Array:
        if not all(np.isfinite(column(e, scope)).all() for e in depends):
            raise RunError("a waveform's duration must be a finite number")
        duration_ns = duration_of(timing, scope)
        if duration_ns < 1:
            raise RunError(f"a waveform must last at least 1 ns ({duration_ns})")
        return of_one_duration(scope, duration_ns, max((len(column(e, scope)) for e in reads), default=1))

    def values(scope: Scope) -> Array:
        if all(len(np.unique(column(e, scope))) == 1 for e in depends):
            return drawn(scope)
        rows = max(len(column(e, scope)) for e in depends)
        return np.concatenate([drawn(rows_of(scope, np.array([i]))) for i in range(rows)])

    return values


def _slopes(phase: Waveform | Expression, box: IntervalScope) -> Interval:
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
            return scaled(bounds(phase.scale, box), steps_of)
        case _:
            return UNKNOWN if shape_names(phase) else _static_slopes(phase)


def _static_slopes(phase: Waveform | Expression) -> Interval:
    assert not isinstance(phase, Expression)
    return Interval.of(*_turning(phase, Budget(MOST_DRAWN))({}).ravel().tolist())
