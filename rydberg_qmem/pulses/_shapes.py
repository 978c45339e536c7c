"""Waveforms as numbers: piecewise-constant levels of many waveforms of one shape at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import RunError
from rydberg_qmem.language.blocks import PulseShape
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
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
from rydberg_qmem.pulses._windows import blackman_duration, blackman_window, kaiser_duration, kaiser_window
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Scope = Mapping[str, float | Array | Columns]


@dataclass(frozen=True)
class Levels:
    """Values (rows, pieces) of waveforms, constant between `breaks` (pieces + 1, ns from the start)."""

    breaks: NDArray[np.int64]
    values: Array


def column(expression: Expression, scope: Scope) -> Array:
    """Evaluate an expression to an array (rows,) or (1,)."""
    return np.atleast_1d(np.asarray(expression.evaluate(scope), dtype=float))


def levels(shape: Waveform | Expression, scope: Scope, duration_ns: int) -> Levels:
    """Evaluate a waveform over all rows: Pulser's samples at 1 ns, equal neighbours as one piece."""
    match shape:
        case Expression():
            return _constant(column(shape, scope), duration_ns)
        case Constant(value=Expression() as value):
            return _constant(column(value, scope), duration_ns)
        case Constant(area=Expression() as area):
            return _constant(column(area, scope) * NS_PER_US / duration_ns, duration_ns)
        case Constant():
            raise AssertionError("a constant has a value or an area")
        case Ramp():
            start, stop = np.broadcast_arrays(column(shape.start, scope), column(shape.stop, scope))
            steps = np.linspace(0.0, 1.0, duration_ns)
            return _sampled(start[:, None] + (stop - start)[:, None] * steps)
        case Blackman():
            return _sampled(column(shape.area, scope)[:, None] * blackman_window(duration_ns))
        case Kaiser():
            beta = float(np.asarray(shape.beta.evaluate({})))
            return _sampled(column(shape.area, scope)[:, None] * kaiser_window(duration_ns, beta))
        case Interpolated():
            return _sampled(interpolated(shape, scope, duration_ns))
        case Custom():
            return _sampled(column(shape.scale, scope)[:, None] * np.array(shape.samples))
        case Composite():
            return _joined([levels(part, scope, duration_of(part, scope)) for part in shape.waveforms])
        case _:
            assert_never(shape)


def phase_levels(shape: Waveform, scope: Scope, duration_ns: int) -> tuple[Array, Levels]:
    """Return the phase offset (rows,) and the detuning that make a waveform's phase, as Pulser's `ArbitraryPhase`."""
    match shape:
        case Constant():
            made = levels(shape, scope, duration_ns)
            return made.values[:, 0], _constant(np.zeros(1), duration_ns)
        case Ramp() if duration_ns > 1:
            start, stop = np.broadcast_arrays(column(shape.start, scope), column(shape.stop, scope))
            slope = (stop - start) / (duration_ns - 1)
            return start - slope, _constant(-slope * NS_PER_US, duration_ns)
        case _:
            if duration_ns < 2:
                raise RunError("a phase's waveform must last at least 2 ns")
            made = levels(shape, scope, duration_ns)
            phases = np.repeat(made.values, np.diff(made.breaks), axis=1)
            detuning = -np.diff(phases, axis=1) * NS_PER_US
            detuning = np.concatenate([detuning[:, :1], detuning], axis=1)
            return phases[:, 0] + detuning[:, 0] / NS_PER_US, _sampled(detuning)


def area_shape(shape: PulseShape, area: Expression, duration_ns: int) -> Waveform:
    """Return the waveform of a gate's pulse of some area."""
    duration = Expression(duration_ns)
    if shape == "blackman":
        return Blackman(duration_ns=duration, area=area)
    return Constant(duration_ns=duration, area=area)


@lru_cache(maxsize=256)
def unit_area(shape: PulseShape, duration_ns: int) -> Levels:
    """Return the levels (1, pieces) of a gate's pulse of unit area."""
    return levels(area_shape(shape, Expression(1), duration_ns), {}, duration_ns)


def duration_of(shape: Waveform, scope: Scope) -> int:
    """Return the duration (ns) of a waveform, the same in all rows; Pulser's where it follows from a largest value."""
    match shape:
        case Blackman(max_val=Expression() as top):
            return blackman_duration(*(float(column(e, scope)[0]) for e in (top, shape.area)))
        case Kaiser(max_val=Expression() as top):
            return kaiser_duration(*(float(column(e, scope)[0]) for e in (top, shape.area, shape.beta)))
        case Composite():
            return sum(duration_of(part, scope) for part in shape.waveforms)
        case _:
            assert shape.duration_ns is not None
            return int(column(shape.duration_ns, scope)[0])


def timing_of(shape: Waveform) -> tuple[Expression, ...]:
    """Return the expressions that a waveform's duration depends on."""
    match shape:
        case Blackman(max_val=Expression() as top):
            return (top, shape.area)
        case Kaiser(max_val=Expression() as top):
            return (top, shape.area, shape.beta)
        case Composite():
            return tuple(e for part in shape.waveforms for e in timing_of(part))
        case _:
            return () if shape.duration_ns is None else (shape.duration_ns,)


def interpolated(shape: Interpolated, scope: Scope, duration_ns: int) -> Array:
    """Return the samples (rows, ns) of an interpolated waveform, as Pulser draws and rounds them."""
    from scipy.interpolate import PchipInterpolator, interp1d

    values = np.stack(np.broadcast_arrays(*(column(value, scope) for value in shape.values)), axis=-1)
    times = (np.linspace(0, 1, values.shape[-1]) if shape.times is None else np.array(shape.times)) * (duration_ns - 1)
    at = np.arange(duration_ns)
    if shape.interpolator == "PchipInterpolator":
        made = np.asarray(PchipInterpolator(times, values, axis=-1)(at))
        return np.asarray(made.clip(values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)))
    made = interp1d(times, values, axis=-1)(at)
    with np.errstate(divide="ignore"):
        digits = np.finfo(float).precision - np.log10(np.abs(made).max(axis=-1))
    rounded = [np.round(row, int(min(d, 9))) for row, d in zip(made, digits, strict=True)]  # as Pulser does
    return np.stack(rounded)


def _constant(value: Array, duration_ns: int) -> Levels:
    return Levels(np.array([0, duration_ns]), value[:, None])


def _sampled(values: Array) -> Levels:
    count = values.shape[1]
    changes = np.flatnonzero(np.any(values[:, 1:] != values[:, :-1], axis=0)) + 1
    first = np.concatenate([[0], changes])
    return Levels(np.concatenate([first, [count]]), values[:, first])


def _joined(parts: list[Levels]) -> Levels:
    rows = max(len(part.values) for part in parts)
    values = np.concatenate([np.broadcast_to(p.values, (rows, p.values.shape[1])) for p in parts], axis=1)
    breaks, total = [np.array([0])], 0
    for part in parts:
        breaks.append(part.breaks[1:] + total)
        total += int(part.breaks[-1])
    return Levels(np.concatenate(breaks), values)


def pulser_waveform(shape: Waveform | Expression, scope: Scope, duration_ns: int) -> Any:
    """Return Pulser's own waveform object for one row of values."""
    from pulser import waveforms as p

    def one(expression: Expression) -> float:
        return float(column(expression, scope)[0])

    match shape:
        case Expression():
            return p.ConstantWaveform(duration_ns, one(shape))
        case Constant(value=Expression() as value):
            return p.ConstantWaveform(duration_ns, one(value))
        case Constant(area=Expression() as area):
            return p.ConstantWaveform(duration_ns, one(area) * NS_PER_US / duration_ns)
        case Constant():
            raise AssertionError("a constant has a value or an area")
        case Ramp():
            return p.RampWaveform(duration_ns, one(shape.start), one(shape.stop))
        case Blackman():
            return p.BlackmanWaveform(duration_ns, one(shape.area))
        case Kaiser():
            return p.KaiserWaveform(duration_ns, one(shape.area), beta=one(shape.beta))
        case Interpolated():
            values = [one(value) for value in shape.values]
            return p.InterpolatedWaveform(duration_ns, values, times=shape.times, interpolator=shape.interpolator)
        case Custom():
            return p.CustomWaveform(np.array(shape.samples) * one(shape.scale))
        case Composite():
            parts = [pulser_waveform(part, scope, duration_of(part, scope)) for part in shape.waveforms]
            return p.CompositeWaveform(*parts)
        case _:
            assert_never(shape)


def wrapped(angle: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Return angles in [-reach, reach), turns of 2 reach taken off."""
    return np.asarray(angle - 2 * reach * np.floor((angle + reach) / (2 * reach)))
