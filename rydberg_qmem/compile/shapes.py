"""Waveforms as numbers: piecewise-constant levels of many waveforms of one shape at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import CapabilityError, RunError
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
from rydberg_qmem.units import NS_PER_US

CACHED_NS = 100_000
"""Longest window whose samples are kept."""
LONGEST_US = 1e5
"""Longest pulse that a largest value may ask for."""

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
            return _sampled(_interpolate(shape, scope, duration_ns))
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
            return _blackman_duration(*(float(column(e, scope)[0]) for e in (top, shape.area)))
        case Kaiser(max_val=Expression() as top):
            return _kaiser_duration(*(float(column(e, scope)[0]) for e in (top, shape.area, shape.beta)))
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


@lru_cache(maxsize=4096)
def _blackman_duration(max_val: float, area: float) -> int:
    from pulser.waveforms import BlackmanWaveform

    _check_signs(max_val, area)
    return int(BlackmanWaveform.from_max_val(max_val, area).duration)


@lru_cache(maxsize=4096)
def _kaiser_duration(max_val: float, area: float, beta: float) -> int:
    from pulser.waveforms import KaiserWaveform

    _check_signs(max_val, area)
    return int(KaiserWaveform.from_max_val(max_val, area, beta).duration)


def _check_signs(max_val: float, area: float) -> None:
    if not max_val * area > 0 or not np.isfinite(max_val * area):
        raise CapabilityError(f"max_val and area must have one sign and not be zero ({max_val:g} and {area:g})")
    if area / max_val > LONGEST_US:
        raise CapabilityError(f"max_val must let the pulse end within {LONGEST_US:g} µs ({area / max_val:g} at least)")


@lru_cache(maxsize=256)
def _window(duration_ns: int, beta: float | None) -> Array:
    window = np.blackman(duration_ns) if beta is None else np.kaiser(duration_ns, beta)
    return np.asarray(np.clip(window, 0, np.inf))


def blackman_window(duration_ns: int) -> Array:
    """Return a Blackman window of unit area (rad/µs per rad), as Pulser samples it."""
    return _of_unit_area(duration_ns, None)


def kaiser_window(duration_ns: int, beta: float) -> Array:
    """Return a Kaiser window of unit area (rad/µs per rad), as Pulser samples it."""
    return _of_unit_area(duration_ns, beta)


def _of_unit_area(duration_ns: int, beta: float | None) -> Array:
    window = _window(duration_ns, beta) if duration_ns <= CACHED_NS else _window.__wrapped__(duration_ns, beta)
    with np.errstate(invalid="ignore", divide="ignore"):  # no area to scale: not finite, refused where it is played
        return np.asarray(window * NS_PER_US / window.sum())


def _interpolate(shape: Interpolated, scope: Scope, duration_ns: int) -> Array:
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


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest value and mean of waveforms, shape (rows,) or (1,)."""

    low: Array
    high: Array
    mean: Array


def bounds(shape: Waveform | Expression, scope: Scope, duration_ns: int) -> Bounds:
    """Return what limits are held against, without the samples of long waveforms.

    An interpolated waveform's extremes are those of its values, which its samples never pass.
    """
    match shape:
        case Expression():
            value = column(shape, scope)
            return Bounds(value, value, value)
        case Constant(value=Expression() as value):
            return bounds(value, scope, duration_ns)
        case Constant(area=Expression() as area):
            return bounds(area * (NS_PER_US / duration_ns), scope, duration_ns)
        case Constant():
            raise AssertionError("a constant has a value or an area")
        case Ramp():
            ends = np.broadcast_arrays(column(shape.start, scope), column(shape.stop, scope))
            return Bounds(np.minimum(*ends), np.maximum(*ends), (ends[0] + ends[1]) / 2)
        case Blackman():
            return _of_window(column(shape.area, scope), window_bounds(duration_ns, None), duration_ns)
        case Kaiser():
            beta = float(np.asarray(shape.beta.evaluate({})))
            return _of_window(column(shape.area, scope), window_bounds(duration_ns, beta), duration_ns)
        case Interpolated() if duration_ns <= CACHED_NS:
            return _of_samples(_interpolate(shape, scope, duration_ns))
        case Interpolated():
            values = np.stack(np.broadcast_arrays(*(column(value, scope) for value in shape.values)), axis=-1)
            return Bounds(values.min(axis=-1), values.max(axis=-1), values.max(axis=-1))
        case Custom():
            samples = np.array(shape.samples)
            scale = column(shape.scale, scope)
            ends = scale * samples.min(), scale * samples.max()
            return Bounds(np.minimum(*ends), np.maximum(*ends), scale * samples.mean())
        case Composite():
            lengths = [duration_of(part, scope) for part in shape.waveforms]
            parts = [bounds(part, scope, n) for part, n in zip(shape.waveforms, lengths, strict=True)]
            low, high = parts[0].low, parts[0].high
            for part in parts[1:]:
                low, high = np.minimum(low, part.low), np.maximum(high, part.high)
            mean = sum(part.mean * n for part, n in zip(parts, lengths, strict=True)) / sum(lengths)
            return Bounds(low, high, np.asarray(mean))
        case _:
            assert_never(shape)


def sampled_ns(shape: Waveform | Expression, duration_ns: int) -> int:
    """Return how many samples `bounds` draws of each row of a waveform."""
    match shape:
        case Interpolated():
            return duration_ns if duration_ns <= CACHED_NS else 1
        case Composite():
            return duration_ns
        case Blackman() | Kaiser():
            return duration_ns if duration_ns <= CACHED_NS else 1
        case _:
            return 1


def _of_samples(values: Array) -> Bounds:
    return Bounds(values.min(axis=1), values.max(axis=1), values.mean(axis=1))


def _of_window(area: Array, ends: tuple[float, float], duration_ns: int) -> Bounds:
    one, two = area * ends[0], area * ends[1]
    return Bounds(np.minimum(one, two), np.maximum(one, two), area * NS_PER_US / duration_ns)


@lru_cache(maxsize=4096)
def window_bounds(duration_ns: int, beta: float | None) -> tuple[float, float]:
    """Return smallest and largest value of a window of unit area.

    Beyond `CACHED_NS` its sum is the closed form 0.42 (N - 1) of the Blackman window, and for the Kaiser window the
    integral (N - 1) sinh β / (β I₀(β)) with the trapezoidal ends, right to 1e-9; derived.
    """
    if duration_ns <= CACHED_NS:
        window = _of_unit_area(duration_ns, beta)
        return float(window.min()), float(window.max())
    steps = duration_ns - 1
    if beta is None:
        return 0.0, NS_PER_US / (0.42 * steps)
    edge = 1 / float(np.i0(beta))
    integral = np.sinh(beta) / beta * edge if beta > 0 else 1.0
    total = steps * integral + edge
    return NS_PER_US * edge / total, NS_PER_US / total


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
