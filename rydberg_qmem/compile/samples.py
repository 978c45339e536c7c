"""Control values to samples: the complex Rabi frequencies and detunings of a schedule, checked against limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.shapes import Array, Scope, column, levels
from rydberg_qmem.compile.target import Target
from rydberg_qmem.compile.to_pulser import Drive, Schedule, wrapped
from rydberg_qmem.errors import RunError
from rydberg_qmem.units import NS_PER_US

SLACK = 1e-9
"""Relative excess over a limit that is rounding."""


@dataclass(frozen=True)
class Track:
    """One drive evaluated: Ω exp(-iφ) and δ, (rows or 1, pieces), constant between `breaks` (ns).

    `fixed` tracks depend on no control value.
    """

    basis: str
    atoms: tuple[int, ...]
    weights: tuple[float, ...] | None
    breaks: NDArray[np.int64]
    omega: NDArray[np.complex128]
    delta: Array
    fixed: bool = False

    def pieces(self, cuts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the piece that holds each interval beginning at `cuts`."""
        return np.searchsorted(self.breaks, cuts, side="right") - 1


def evaluate(schedule: Schedule, scope: Scope, target: Target, atoms: set[int] | None = None) -> list[Track]:
    """Evaluate the drives of a schedule, or those on some atoms, over all rows of control values."""
    made = []
    for k, drive in enumerate(schedule.drives):
        if atoms is not None and atoms.isdisjoint(drive.atoms):
            continue
        if drive.names:
            made.append(_track(drive, scope, target))
            continue
        if k not in schedule.fixed:
            schedule.fixed[k] = _track(drive, scope, target)
        made.append(schedule.fixed[k])
    return made


def check_drive(drive: Drive, scope: Scope, target: Target) -> None:
    """Hold a drive against its channel's limits wherever its expressions can be evaluated."""
    if drive.names <= scope.keys():
        _track(drive, scope, target)


_DARK = np.zeros((1, 1))


def _track(drive: Drive, scope: Scope, target: Target) -> Track:
    duration = drive.stop - drive.start
    phase = np.full(1, drive.fixed_phase)
    for factor, expression in drive.phases:
        phase = phase + factor * column(expression, scope)
    if drive.angle is not None:
        angle = column(drive.angle, scope)
        angle = wrapped(angle, drive.reach) if drive.reach else angle
        level = angle * NS_PER_US / duration
        _check_finite(drive, level)
        _check_finite(drive, phase)
        _check_amplitude(drive, np.abs(level), target)
        turned = np.asarray(level * np.exp(-1j * phase), dtype=complex)[:, None]
        ends = np.array([drive.start, drive.stop])
        return Track(drive.basis, drive.atoms, drive.weights, ends, turned, _DARK, not drive.names)
    amplitude = levels(drive.amplitude, scope, duration)
    detuning = levels(drive.detuning, scope, duration)
    _check_finite(drive, amplitude.values)
    _check_amplitude(drive, amplitude.values, target)
    _check_detuning(drive, detuning.values, target)
    _check_finite(drive, phase)
    breaks = np.union1d(amplitude.breaks, detuning.breaks)
    a = amplitude.values[:, np.searchsorted(amplitude.breaks, breaks[:-1], side="right") - 1]
    d = detuning.values[:, np.searchsorted(detuning.breaks, breaks[:-1], side="right") - 1]
    omega = np.asarray(a * np.exp(-1j * phase)[:, None], dtype=complex)
    return Track(drive.basis, drive.atoms, drive.weights, breaks + drive.start, omega, d, not drive.names)


def _check_finite(drive: Drive, values: Array) -> None:
    if not np.all(np.isfinite(values)):
        raise RunError(f"{drive.place}: a control value is not finite (an expression left its domain)")


def _check_amplitude(drive: Drive, values: Array, target: Target) -> None:
    limit = target.channel(drive.channel).max_amp
    low, high = float(values.min()), float(values.max())
    if low < 0:
        raise RunError(f"{drive.place}.amplitude: must not be negative, but reaches {low:.6g} rad/µs")
    if limit is not None and high > limit * (1 + SLACK):
        raise RunError(
            f"{drive.place}.amplitude: must peak at or below {limit:.6g} rad/µs on {drive.channel} of "
            f"{target.device.name}, but peaks at {high:.6g}"
        )


def _check_detuning(drive: Drive, values: Array, target: Target) -> None:
    channel = target.channel(drive.channel)
    _check_finite(drive, values)
    low, high = float(values.min()), float(values.max())
    if drive.weights is not None:
        bottom = channel.bottom_detuning
        if high > 0 or (bottom is not None and low * max(drive.weights) < bottom * (1 + SLACK)):
            raise RunError(
                f"{drive.place}.detuning: must lie between {bottom or '-inf'} and 0 rad/µs, "
                f"but spans {low:.6g} to {high:.6g}"
            )
    elif channel.max_abs_detuning is not None and max(-low, high) > channel.max_abs_detuning * (1 + SLACK):
        raise RunError(
            f"{drive.place}.detuning: must stay within ±{channel.max_abs_detuning:.6g} rad/µs on {drive.channel}, "
            f"but spans {low:.6g} to {high:.6g}"
        )
