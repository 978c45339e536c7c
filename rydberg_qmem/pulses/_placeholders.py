"""Pulses that stand in a sequence built for its timing alone, for those whose values are not known yet."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

PLACEHOLDER = 1e-3
"""Amplitude (rad/µs) of the pulses of a sequence that is built for its timing alone."""


def placeholder(channel: Any, duration_ns: int) -> Any:
    """Return a Pulser pulse that takes as long as another one on its channel, with as little light as there may be."""
    import pulser

    amplitude = level_on(channel, duration_ns, max(PLACEHOLDER, channel.min_avg_amp))
    return pulser.Pulse(amplitude, level_on(channel, duration_ns, 0.0), 0.0)


def level_on(channel: Any, duration_ns: int, value: float) -> Any:
    """Return a constant Pulser waveform, with all its samples only where a channel's output is modulated."""
    import pulser

    return (pulser.ConstantWaveform if channel.mod_bandwidth else _level_class())(duration_ns, value)


@cache
def _level_class() -> Any:
    from pulser import math, waveforms

    class Level(waveforms.ConstantWaveform):
        """A constant that answers for its samples with one of them, however long it is."""

        @property
        def _samples(self) -> Any:
            return math.AbstractArray(np.full(1, float(self._value)))

    return Level
