"""Control values to samples: the complex Rabi frequencies and detunings of a schedule, checked against limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.segment_sequence import played
from rydberg_qmem.devices import Target, channel_objects_of, mask_of
from rydberg_qmem.pulses import (
    Array,
    Drive,
    Schedule,
    Scope,
    WaveformBounds,
    angle_level,
    bounds_of,
    check_amplitude,
    check_detuning,
    check_finite,
    column,
    levels,
    phase_levels,
    unit_area,
)


@dataclass(frozen=True)
class Track:
    """One drive evaluated: Ω exp(-iφ) and δ, (rows or 1, pieces), constant between `breaks` (ns).

    `fixed` tracks depend on no control value. While a track is not `lit`, its channel plays what is left between
    pulses: the noise of pulses is not in it.
    """

    basis: str
    atoms: tuple[int, ...]
    weights: tuple[float, ...] | None
    breaks: NDArray[np.int64]
    omega: NDArray[np.complex128]
    delta: Array
    fixed: bool = False
    channel: str = ""
    lit: bool = True

    def within(self, begin: int, end: int) -> Track | None:
        """Return what it plays between two times, counted from the first; None where that is nothing."""
        begin_here, end_here = max(begin, int(self.breaks[0])), min(end, int(self.breaks[-1]))
        if begin_here >= end_here:
            return None
        inner = self.breaks[(self.breaks > begin_here) & (self.breaks < end_here)]
        breaks = np.concatenate([[begin_here], inner, [end_here]]).astype(np.int64)
        which = self.pieces(breaks[:-1])
        return replace(self, breaks=breaks - begin, omega=self.omega[:, which], delta=self.delta[:, which])

    def pieces(self, cuts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the piece that holds each interval beginning at `cuts`."""
        return np.searchsorted(self.breaks, cuts, side="right") - 1


def evaluate(schedule: Schedule, scope: Scope, target: Target, atoms: set[int] | None = None) -> list[Track]:
    """Evaluate the drives of a schedule, or those on some atoms, over all rows of control values."""
    if schedule.sequence is not None:
        return [t for t in sampled(schedule, target).tracks if atoms is None or not atoms.isdisjoint(t.atoms)]
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


@dataclass(frozen=True)
class Sampled:
    """What a schedule's sequence plays; until `masked_until` (ns) the atoms under the XY mask do not interact."""

    tracks: tuple[Track, ...]
    masked: frozenset[str] = frozenset()
    masked_until: int = 0


def sampled(schedule: Schedule, target: Target) -> Sampled:
    """Return what a schedule plays as Pulser's samples have it, sampled once."""
    if schedule.sequence is None:
        return Sampled(())
    if "sampled" not in schedule.fixed:
        begin, end = schedule.span
        made = played(schedule.sequence, target, end)
        hidden, until = mask_of(made) if "0" in target.levels else (frozenset(), 0)
        hidden = hidden if until else frozenset()
        here, objects = min(max(until, begin), end) - begin, channel_objects_of(made)
        tracks = tuple(
            track
            for name, channel in made.channel_samples.items()
            for whole in _played(name, channel, objects[name], target, end, hidden, until)
            if (track := whole.within(begin, end)) is not None
        )
        schedule.fixed["sampled"] = Sampled(tracks, hidden if here else frozenset(), here)
    return schedule.fixed["sampled"]  # type: ignore[no-any-return]  # kept under this name alone


def _played(
    name: str, samples: Any, channel: Any, target: Target, duration_ns: int, hidden: frozenset[str], until: int
) -> Iterator[Track]:
    """Yield what one channel plays: a global one all the time, others while they are aimed at an atom."""
    amp, det, phase = (getattr(samples, item).as_array(detach=True)[:duration_ns] for item in ("amp", "det", "phase"))
    omega = amp * np.exp(-1j * phase)
    everywhere = hasattr(samples, "detuning_map") or channel.addressing == "Global"
    weights: dict[str, float] | None = None
    if hasattr(samples, "detuning_map"):
        weights = samples.detuning_map.get_qubit_weight_map(samples.qubits)
    output = _Output(channel.basis, _channel_of(name, target), target, weights, omega, det)
    for start, stop, names, lit in _spans(samples.slots, duration_ns, set(target.atoms) if everywhere else None):
        free = names - hidden if start < until else names
        yield from output.span(free, start, stop, lit=lit)
        if start < until < stop:
            yield from output.span(names & hidden, until, stop, lit=lit)


def _spans(
    slots: Sequence[Any], duration_ns: int, everyone: set[str] | None
) -> Iterator[tuple[int, int, set[str], bool]]:
    """Yield start, end, atoms and whether it is a pulse; what a global channel plays between pulses, too."""
    now = 0
    for slot in slots:
        stop = min(slot.tf, duration_ns)
        if everyone is not None and now < slot.ti:
            yield now, slot.ti, everyone, False
        if slot.ti < stop:
            yield slot.ti, stop, slot.targets if everyone is None else everyone, True
        now = max(now, stop)
    if everyone is not None and now < duration_ns:
        yield now, duration_ns, everyone, False


def _channel_of(name: str, target: Target) -> str:
    """Return the device's name of a sequence's channel: a DMM that also holds the SLM mask has two there."""
    channels = (*target.device.channels, *target.device.dmm_channels)
    return next(str(channel) for channel in channels if name == channel or name.startswith(f"{channel}_"))


@dataclass(frozen=True)
class _Output:
    """The samples of one channel."""

    basis: str
    channel: str
    target: Target
    weights: dict[str, float] | None
    omega: NDArray[np.complex128]
    delta: Array

    def span(self, names: set[str], start: int, stop: int, *, lit: bool) -> Iterator[Track]:
        """Yield a track of the samples of a span, unless there is nothing in it."""
        omega, delta = self.omega[start:stop], self.delta[start:stop]
        atoms = tuple(i for i, name in enumerate(self.target.atoms) if name in names)
        if not atoms or not (lit or omega.any() or delta.any()):
            return
        steps = np.flatnonzero((np.diff(omega) != 0) | (np.diff(delta) != 0)) + 1
        first = np.concatenate([[0], steps])
        breaks = np.concatenate([first, [stop - start]]) + start
        of = None if self.weights is None else tuple(float(self.weights[self.target.atoms[i]]) for i in atoms)
        yield Track(
            self.basis, atoms, of, breaks, omega[None, first], delta[None, first], True, self.channel, lit
        )  # fmt: skip


def _track(drive: Drive, scope: Scope, target: Target) -> Track:
    """Return the samples of a drive, checked; of a part of a pulse, those that the whole has there."""
    if drive.whole is None:
        return _whole_track(drive, scope, target)
    start, stop = drive.whole
    part = _whole_track(replace(drive, start=start, stop=stop, whole=None), scope, target).within(
        drive.start, drive.stop
    )
    assert part is not None
    return replace(part, breaks=part.breaks + drive.start)


def _whole_track(drive: Drive, scope: Scope, target: Target) -> Track:
    duration = drive.stop - drive.start
    phase = np.full(1, drive.fixed_phase)
    for factor, expression in drive.phases:
        phase = phase + factor * column(expression, scope)
    if drive.angle is not None:
        level = angle_level(drive, scope)
        check_finite(drive, level)
        check_finite(drive, phase)
        size = np.abs(level).max(axis=1)
        check_amplitude(drive, WaveformBounds(size, size, size), target)
        turned = np.asarray(level * np.exp(-1j * phase)[:, None], dtype=complex)
        dark = np.zeros((1, level.shape[1]))
        breaks = unit_area(drive.shape, duration).breaks + drive.start
        return Track(drive.basis, drive.atoms, drive.weights, breaks, turned, dark, not drive.names, drive.channel)
    amplitude = levels(drive.amplitude, scope, duration)
    if drive.phase is None:
        detuning = levels(drive.detuning, scope, duration)
    else:
        offset, detuning = phase_levels(drive.phase, scope, duration)
        phase = phase + offset
    check_amplitude(drive, bounds_of(amplitude), target)
    check_detuning(drive, bounds_of(detuning), target)
    check_finite(drive, phase)
    breaks = np.union1d(amplitude.breaks, detuning.breaks)
    a = amplitude.values[:, np.searchsorted(amplitude.breaks, breaks[:-1], side="right") - 1]
    d = detuning.values[:, np.searchsorted(detuning.breaks, breaks[:-1], side="right") - 1]
    omega = np.asarray(a * np.exp(-1j * phase)[:, None], dtype=complex)
    return Track(
        drive.basis, drive.atoms, drive.weights, breaks + drive.start, omega, d, not drive.names, drive.channel
    )
