"""The pauses that Pulser would keep after what a sequence does not hold: what its channels played before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import remainder, tau
from typing import Any

from rydberg_qmem.devices import Target
from rydberg_qmem.pulses._carried import (
    SAME_PHASE,
    Carried,
    Past,
    Site,
    canonical_carried,
    carries,
    fades,
    longest_pause,
)

Wait = Callable[[str, int, str], None]
"""Delays a channel of the sequence, by its name there, until a time (ns); for a block at a place."""


class Pauses:
    """Keeps the pauses between what channels carried into a sequence and what they play in it.

    Pulser itself keeps those between two pulses of one sequence. `offsets` are the phase references that the atoms had
    before, where the sequence's own phases are counted from them.
    """

    def __init__(
        self, target: Target, sequence: Any, wait: Wait, carried: Carried, offsets: Mapping[Site, float]
    ) -> None:
        self.target, self.sequence, self.wait = target, sequence, wait
        self.past = dict(carried.channels)
        self.offsets = dict(offsets)
        self.aimed_at: dict[str, int] = {}
        self.late: set[str] = set()
        """Channels of which Pulser takes the first aim to be older than it is."""
        self.faded_at: dict[str, int] = {name: past.fading_ns for name, past in self.past.items()}
        self.phases: dict[str, tuple[float, int]] = {
            name: (past.phase, -past.since_ns) for name, past in self.past.items() if past.since_ns is not None
        }
        """Of each channel, the phase of its last pulse that had one, and when that has faded (ns)."""

    def aim(self, channel_id: str) -> tuple[int, ...]:
        """Return the atoms that a channel was aimed at before the sequence began, if it was."""
        return self.past[channel_id].atoms if channel_id in self.past else ()

    def fading(self) -> int:
        """Return when the light of every channel has faded that was on before the sequence began."""
        return max((past.fading_ns for past in self.past.values()), default=0)

    def fade(self, channel_id: str, name: str, place: str) -> None:
        """Wait until a channel's light from before the sequence has faded; Pulser sees to what it plays in it."""
        if channel_id in self.past:
            self.wait(name, self.past[channel_id].fading_ns, place)

    def declared(self, channel_id: str, atoms: tuple[int, ...], place: str) -> None:
        """Turn a channel whose sequence begins with other atoms than it was aimed at."""
        before = self.aim(channel_id)
        self.aimed_at[channel_id] = -self.past[channel_id].aimed_ns if before else 0
        if before and set(before) != set(atoms):
            self.fade(channel_id, channel_id, place)
            now = self._now(channel_id)
            fixed = self.target.channel(channel_id).fixed_retarget_t or 0
            self.wait(channel_id, now + max(self._turning(channel_id, now), fixed), place)
            self.aimed_at[channel_id] = self._now(channel_id)
            self.late.add(channel_id)

    def turn(self, channel_id: str, place: str) -> None:
        """Wait before Pulser turns a channel, as long as Pulser does not know that it must."""
        self.fade(channel_id, channel_id, place)
        if channel_id not in self.late:
            return
        faded = int(self.sequence.get_duration(channel_id, include_fall_time=True))
        minimum = self._turning(channel_id, faded) - (self.target.channel(channel_id).fixed_retarget_t or 0)
        if minimum > 0:
            self.wait(channel_id, faded + minimum, place)

    def turned(self, channel_id: str) -> None:
        """Note that Pulser has turned a channel."""
        self.aimed_at[channel_id] = self._now(channel_id)
        self.late.discard(channel_id)

    def _turning(self, channel_id: str, now: int) -> int:
        interval = self.target.channel(channel_id).min_retarget_interval or 0
        return min(max(interval - (now - self.aimed_at[channel_id]), 0), interval)

    def before(self, channel_id: str, name: str, atoms: tuple[int, ...], pulse: Any, protocol: str, place: str) -> None:
        """Wait before a pulse as long as light from before the sequence asks for."""
        if protocol == "no-delay" or not self.past:
            return
        until = 0
        for other, past in self.past.items():
            shared = protocol == "wait-for-all" or not past.atoms or not set(past.atoms).isdisjoint(atoms)
            if other != channel_id and shared:
                until = max(until, past.fading_ns)
        channel = self.target.channel(channel_id)
        if channel_id in self.phases and fades(channel):
            phase, faded = self.phases[channel_id]
            if abs(remainder(phase - self._phase(channel, atoms, pulse), tau)) > SAME_PHASE:
                jump = longest_pause(channel) if self.sequence.is_in_eom_mode(name) else channel.phase_jump_time
                until = max(until, faded + int(jump))
        self.wait(name, until, place)

    def played(self, channel_id: str, name: str, atoms: tuple[int, ...], pulse: Any) -> None:
        """Note a pulse that was added to a channel."""
        if not carries(self.target):
            return
        channel = self.target.channel(channel_id)
        if not fades(channel):
            return
        in_eom = self.sequence.is_in_eom_mode(name)
        faded = self._now(name) + (int(pulse.fall_time(channel, in_eom_mode=in_eom)) if channel.mod_bandwidth else 0)
        self.faded_at[channel_id] = faded
        if not _is_dark(pulse):
            self.phases[channel_id] = self._phase(channel, atoms, pulse), faded

    def _phase(self, channel: Any, atoms: tuple[int, ...], pulse: Any) -> float:
        return float(pulse.phase) + self.offsets.get((atoms[0], channel.basis), 0.0)

    def _now(self, name: str) -> int:
        return int(self.sequence.get_duration(name))

    def leaves(self, duration: int, aims: Mapping[str, tuple[int, ...]], references: Mapping[Site, float]) -> Carried:
        """Return what the channels carry on when the sequence ends; `references` are the atoms' at its end."""
        made: dict[str, Past] = {}
        for name in {*aims, *self.past, *self.faded_at}:
            atoms = aims.get(name) or self.aim(name)
            before = self.past.get(name, Past())
            aimed = -self.aimed_at[name] if name in self.aimed_at else before.aimed_ns
            phase, faded = self.phases.get(name, (0.0, None))
            since = None if faded is None else -faded
            made[name] = Past(atoms, aimed if atoms else 0, self.faded_at.get(name, 0), since, phase % tau)
        turned = {site: self.offsets.get(site, 0.0) + angle for site, angle in references.items()}
        return canonical_carried(made, {**self.offsets, **turned}).aged(duration, self.target)


def _is_dark(pulse: Any) -> bool:
    """Return whether a pulse is what Pulser takes for a wait with a detuning, whose phase is nothing."""
    from pulser import ConstantWaveform

    flat = isinstance(pulse.amplitude, ConstantWaveform) and isinstance(pulse.detuning, ConstantWaveform)
    return bool(flat and float(pulse.amplitude[0]) == 0.0)
