"""Bounds of waveforms: intervals that hold every sample, or the mean, for all control values of a box."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import numpy as np

from rydberg_qmem.language.bounds import bounds
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.interval_steps import apply
from rydberg_qmem.language.intervals import UNKNOWN, Interval
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
from rydberg_qmem.pulses import LONGEST_NS, Array, window_bounds
from rydberg_qmem.units import NS_PER_US

INTERPOLATION_SLACK = 1e-9
"""Interpolated samples are rounded to nine digits."""


def span(shape: Waveform | Expression, box: IntervalScope) -> Interval:
    """Return an interval that holds every sample of a waveform."""
    match shape:
        case Expression():
            return bounds(shape, box)
        case Constant(value=Expression() as value):
            return bounds(value, box)
        case Constant():
            assert shape.area is not None
            assert shape.duration_ns is not None
            return _mean_level(shape.area, shape.duration_ns, box)
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
            return scaled(bounds(shape.scale, box), np.array(shape.samples))
        case Composite():
            return _joined(span(part, box) for part in shape.waveforms)
        case _:
            assert_never(shape)


def average(shape: Waveform | Expression, box: IntervalScope) -> Interval:
    """Return an interval that holds a waveform's mean: that of its samples where no closer one is simple."""
    match shape:
        case Ramp():
            ends = apply("+", np.add, [bounds(shape.start, box), bounds(shape.stop, box)])
            return apply("/", np.divide, [ends, Interval.of(2.0)])
        case Blackman() | Kaiser() if shape.duration_ns is not None:
            return _mean_level(shape.area, shape.duration_ns, box)
        case _:
            return span(shape, box)


def _joined(parts: Iterator[Interval]) -> Interval:
    made = next(parts)
    for part in parts:
        made = made.join(part)
    return made


def _mean_level(area: Expression, duration_ns: Expression, box: IntervalScope) -> Interval:
    made = apply("*", np.multiply, [bounds(area, box), Interval.of(NS_PER_US)])
    return apply("/", np.divide, [made, bounds(duration_ns, box)])


def _window(shape: Blackman | Kaiser, box: IntervalScope, beta: float | None) -> Interval:
    """Return the area times the window's least and greatest sample, for each duration that may come."""
    if shape.max_val is not None:
        return bounds(shape.max_val, box).join(Interval.of(0.0))
    assert shape.duration_ns is not None
    durations = bounds(shape.duration_ns, box).values
    if durations is None or any(d < 1 or d > LONGEST_NS or d != int(d) for d in durations):
        return UNKNOWN
    area = bounds(shape.area, box)
    return _joined(scaled(area, np.array(window_bounds(int(duration), beta))) for duration in durations)


def scaled(scale: Interval, samples: Array) -> Interval:
    """Return an interval that holds samples times any number of another."""
    if not np.isfinite(samples).all():
        return UNKNOWN
    return apply("*", np.multiply, [scale, Interval(float(samples.min()), float(samples.max()))])


def _curve(shape: Interpolated, box: IntervalScope) -> Interval:
    """Return the bounds of the values: between two of them a PCHIP curve never leaves their range."""
    if shape.times is not None and (shape.times[0] != 0 or shape.times[-1] != 1):
        return UNKNOWN
    made = _joined(bounds(value, box) for value in shape.values)
    low = made.low - INTERPOLATION_SLACK if made.low else 0.0
    return Interval(low, made.high + INTERPOLATION_SLACK, None, 0, made.fault)
