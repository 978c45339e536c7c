"""Limits of a channel, held against the drives that it plays, value by value."""

from __future__ import annotations

from typing import Any

import numpy as np

from rydberg_qmem.devices import Target
from rydberg_qmem.errors import RunError
from rydberg_qmem.language.waveforms import Constant, Ramp
from rydberg_qmem.pulses._schedule import Drive
from rydberg_qmem.pulses._shape_bounds import WaveformBounds, sample_bounds
from rydberg_qmem.pulses._shapes import Array, Levels, Scope, column, phase_levels, unit_area, wrapped
from rydberg_qmem.pulses._windows import CACHED_NS

SLACK = 1e-9
"""Relative excess over a limit that is rounding."""


def check_drive(drive: Drive, scope: Scope, target: Target) -> None:
    """Hold a drive against its channel's limits wherever its expressions can be evaluated."""
    if not drive.names <= scope.keys():
        return
    duration = drive.length_ns
    for factor, expression in drive.phases:
        check_finite(drive, factor * column(expression, scope))
    if drive.angle is not None:
        level = np.abs(angle_level(drive, scope)).max(axis=1)
        check_finite(drive, level)
        check_amplitude(drive, WaveformBounds(level, level, level), target)
        return
    check_amplitude(drive, sample_bounds(drive.amplitude, scope, duration), target)
    if drive.phase is None:
        check_detuning(drive, sample_bounds(drive.detuning, scope, duration), target)
    elif duration <= CACHED_NS or isinstance(drive.phase, Constant | Ramp):
        _, detuning = phase_levels(drive.phase, scope, duration)
        check_detuning(drive, bounds_of(detuning), target)


def angle_level(drive: Drive, scope: Scope) -> Array:
    """Return the signed amplitudes (rows, pieces) of a gate's pulse."""
    assert drive.angle is not None
    angle = column(drive.angle, scope)
    angle = wrapped(angle, drive.reach) if drive.reach else angle
    return np.asarray(angle[:, None] * unit_area(drive.shape, drive.length_ns).values)


def bounds_of(made: Levels) -> WaveformBounds:
    """Return the bounds of levels."""
    mean = made.values @ np.diff(made.breaks) / made.breaks[-1]
    return WaveformBounds(made.values.min(axis=1), made.values.max(axis=1), mean)


def check_finite(drive: Drive, values: Array) -> None:
    """Raise RunError where a control value of a drive is not finite."""
    if not np.all(np.isfinite(values)):
        of = "" if drive.angle is None else f": {drive.angle.text}"
        raise RunError(f"{drive.place}: a control value is not finite (an expression left its domain{of})")


def check_amplitude(drive: Drive, found: WaveformBounds, target: Target) -> None:
    """Raise RunError where an amplitude is negative, above its channel's limit, or too weak on average."""
    channel = target.channel(drive.channel)
    check_finite(drive, np.concatenate([found.low, found.high]))
    limit, minimum = channel.max_amp, channel.min_avg_amp
    low, high = float(found.low.min()), float(found.high.max())
    if low < 0:
        raise RunError(
            f"{drive.place}.amplitude: must not be negative, but reaches {low:.6g} rad/µs: turn back by phase π"
        )
    if drive.weights is None and limit is not None and high > limit * (1 + SLACK):
        raise RunError(
            f"{drive.place}.amplitude: must peak at or below {limit:.6g} rad/µs on {drive.channel} of "
            f"{target.device.name}, but peaks at {high:.6g}"
        )
    weak = (found.mean > 0) & (found.mean < minimum * (1 - SLACK))
    if weak.any():
        raise RunError(
            f"{drive.place}.amplitude: must average to zero or at least {minimum:.6g} rad/µs on {drive.channel} of "
            f"{target.device.name}, but averages to {float(found.mean[weak][0]):.6g}"
        )


def check_detuning(drive: Drive, found: WaveformBounds, target: Target) -> None:
    """Raise RunError where a detuning leaves the range of its channel, or of a DMM."""
    channel = target.channel(drive.channel)
    check_finite(drive, np.concatenate([found.low, found.high]))
    low, high = float(found.low.min()), float(found.high.max())
    if drive.weights is not None:
        _check_map(drive, found, channel)
    elif channel.max_abs_detuning is not None and max(-low, high) > channel.max_abs_detuning * (1 + SLACK):
        raise RunError(
            f"{drive.place}.detuning: must stay within ±{channel.max_abs_detuning:.6g} rad/µs on {drive.channel}, "
            f"but spans {low:.6g} to {high:.6g}"
        )


def _check_map(drive: Drive, found: WaveformBounds, channel: Any) -> None:
    """Hold a weighted detuning against what a DMM gives one atom, all atoms together, and at least."""
    weights = [weight for weight in drive.weights or () if weight]
    low, high = float(found.low.min()), float(found.high.max())
    bottom, total, minimum = channel.bottom_detuning, channel.total_bottom_detuning, channel.min_avg_abs_detuning
    if high > 0 or (bottom is not None and low * max(weights, default=0.0) < bottom * (1 + SLACK)):
        raise RunError(
            f"{drive.place}.detuning: must lie between {bottom or '-inf'} and 0 rad/µs, "
            f"but spans {low:.6g} to {high:.6g}"
        )
    if total is not None and low * sum(weights) < total * (1 + SLACK):
        raise RunError(
            f"{drive.place}.detuning: must not add up to less than {total:.6g} rad/µs over all atoms, "
            f"but adds up to {low * sum(weights):.6g}"
        )
    mean = np.abs(found.mean) * min(weights, default=0.0)
    weak = (mean > 0) & (mean < minimum * (1 - SLACK))
    if weak.any():
        raise RunError(
            f"{drive.place}.detuning: must average to zero or at least {minimum:.6g} rad/µs on each atom, "
            f"but averages to {float(mean[weak][0]):.6g}"
        )
