"""Bounds of waveforms: what limits are held against, without the samples of long waveforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np

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
from rydberg_qmem.pulses._shapes import Array, Scope, column, duration_of, interpolated
from rydberg_qmem.pulses._windows import CACHED_NS, window_bounds
from rydberg_qmem.units import NS_PER_US


@dataclass(frozen=True)
class WaveformBounds:
    """Smallest and largest value and mean of waveforms, shape (rows,) or (1,)."""

    low: Array
    high: Array
    mean: Array


def sample_bounds(shape: Waveform | Expression, scope: Scope, duration_ns: int) -> WaveformBounds:
    """Return what limits are held against, without the samples of long waveforms.

    An interpolated waveform's extremes are those of its values, which its samples never pass.
    """
    match shape:
        case Expression():
            value = column(shape, scope)
            return WaveformBounds(value, value, value)
        case Constant(value=Expression() as value):
            return sample_bounds(value, scope, duration_ns)
        case Constant(area=Expression() as area):
            return sample_bounds(area * (NS_PER_US / duration_ns), scope, duration_ns)
        case Constant():
            raise AssertionError("a constant has a value or an area")
        case Ramp():
            ends = np.broadcast_arrays(column(shape.start, scope), column(shape.stop, scope))
            return WaveformBounds(np.minimum(*ends), np.maximum(*ends), (ends[0] + ends[1]) / 2)
        case Blackman():
            return _of_window(column(shape.area, scope), window_bounds(duration_ns, None), duration_ns)
        case Kaiser():
            beta = float(np.asarray(shape.beta.evaluate({})))
            return _of_window(column(shape.area, scope), window_bounds(duration_ns, beta), duration_ns)
        case Interpolated() if duration_ns <= CACHED_NS:
            return _of_samples(interpolated(shape, scope, duration_ns))
        case Interpolated():
            values = np.stack(np.broadcast_arrays(*(column(value, scope) for value in shape.values)), axis=-1)
            return WaveformBounds(values.min(axis=-1), values.max(axis=-1), values.max(axis=-1))
        case Custom():
            samples = np.array(shape.samples)
            scale = column(shape.scale, scope)
            ends = scale * samples.min(), scale * samples.max()
            return WaveformBounds(np.minimum(*ends), np.maximum(*ends), scale * samples.mean())
        case Composite():
            lengths = [duration_of(part, scope) for part in shape.waveforms]
            parts = [sample_bounds(part, scope, n) for part, n in zip(shape.waveforms, lengths, strict=True)]
            low, high = parts[0].low, parts[0].high
            for part in parts[1:]:
                low, high = np.minimum(low, part.low), np.maximum(high, part.high)
            mean = sum(part.mean * n for part, n in zip(parts, lengths, strict=True)) / sum(lengths)
            return WaveformBounds(low, high, np.asarray(mean))
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


def _of_samples(values: Array) -> WaveformBounds:
    return WaveformBounds(values.min(axis=1), values.max(axis=1), values.mean(axis=1))


def _of_window(area: Array, ends: tuple[float, float], duration_ns: int) -> WaveformBounds:
    one, two = area * ends[0], area * ends[1]
    return WaveformBounds(np.minimum(one, two), np.maximum(one, two), area * NS_PER_US / duration_ns)
