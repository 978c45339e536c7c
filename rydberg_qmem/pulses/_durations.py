"""Durations of blocks: whole nanoseconds on the clock of their channel, or a refusal at their place."""

from __future__ import annotations

import numpy as np

from rydberg_qmem.devices import Target
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.blocks import Pulse
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import Composite, Waveform
from rydberg_qmem.pulses._shapes import Scope, column, duration_of, timing_of

LONGEST_NS = 10**8
"""The longest duration of a block, whatever the device."""


def timed_shape(op: Pulse) -> Waveform:
    """Return the waveform that a lowered pulse's duration is that of."""
    shapes = (op.amplitude, op.detuning, op.phase)
    return next(shape for shape in shapes if not isinstance(shape, Expression))


def duration_on(channel_id: str, shape: Waveform, place: str, *, target: Target, scope: Scope) -> int:
    """Return how long (ns) a channel plays a waveform: as long as it says, or what fits where Pulser finds that."""
    expressions = timing_of(shape)
    if shape.duration_ns is not None:
        return fitting(channel_id, whole_ns(shape.duration_ns, f"{place}.duration_ns", scope), place, target)
    try:
        duration = duration_of(shape, scope)
    except CapabilityError as error:
        raise CapabilityError(f"{place}: {error}") from None
    if isinstance(shape, Composite) or not expressions:
        return fitting(channel_id, duration, place, target)
    channel = target.channel(channel_id)  # it may be longer: its largest value then is smaller
    return int(-(-max(duration, channel.min_duration) // channel.clock_period) * channel.clock_period)


def fitting(channel_id: str, duration: int, place: str, target: Target) -> int:
    """Return the duration (ns) of a block if its channel can play it."""
    where, channel = f"{place}.duration_ns", target.channel(channel_id)
    if duration < channel.min_duration:
        raise CapabilityError(
            f"{where}: must be at least {channel.min_duration} ns on {channel_id} of {target.device.name} ({duration})"
        )
    check_clock(duration, channel.clock_period, channel_id, where, target)
    return duration


def whole_ns(expression: Expression, place: str, scope: Scope, *, minimum: int = 1) -> int:
    """Return the value of an expression as a whole number of nanoseconds."""
    value = float(column(expression, scope)[0])
    if not np.isfinite(value) or value != round(value) or not minimum <= value <= LONGEST_NS:
        raise CapabilityError(f"{place}: must be a whole number of nanoseconds, {minimum} to {LONGEST_NS} ({value:g})")
    return int(value)


def check_clock(duration: int, clock: int, owner: str, place: str, target: Target) -> None:
    """Refuse a duration (ns) that is no multiple of the clock of its `owner`."""
    if duration % clock:
        up = (duration // clock + 1) * clock
        raise CapabilityError(
            f"{place}: must be a multiple of the {clock} ns clock of {owner} on "
            f"{target.device.name}; rounding up would give {up} ({duration})"
        )
