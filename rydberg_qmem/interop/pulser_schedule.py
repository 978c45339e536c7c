"""From a Pulser schedule to blocks: every pulse at its time and with its phase, whatever calls put it there.

What protocols, alignments, retargeting and phase references decided has become waits and phases by then. Nothing is
left of the calls, but what is played is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import CapabilityError, QmemError
from rydberg_qmem.interop.pulser_calls import named_waveform, weights_of
from rydberg_qmem.interop.pulser_operations import Operation
from rydberg_qmem.language.blocks import AnyBlock, Delay, DetuningMap, Pulse
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import ZERO, Composite, Constant, Custom, Waveform
from rydberg_qmem.pulses import pulser_waveform

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class _Slot:
    """One pulse as scheduled on a channel of the program's device."""

    channel: str
    start: int
    stop: int
    atoms: tuple[str, ...] | None
    amplitude: Waveform
    detuning: Waveform
    phase: float
    weights: Mapping[str, float] | None = None


def scheduled(
    sequence: Any, operations: tuple[Operation, ...], channels: Mapping[str, str], names: Mapping[Any, str]
) -> tuple[AnyBlock, ...]:
    """Return the blocks that play a sequence's schedule; its `operations` tell the waveforms' names."""
    from pulser.sampler import sample

    samples = sample(sequence)
    slots = [
        slot
        for name, channel in channels.items()
        for slot in _slots(sequence, operations, name, channel, samples.channel_samples[name], names)
    ]
    played = _Timeline({channels[n]: c for n, c in sequence.declared_channels.items()})
    body: list[AnyBlock] = []
    for slot in sorted(slots, key=lambda slot: slot.start):  # channels keep their own order
        body += played.add(slot)
    return (*body, *played.until(samples.max_duration))


def _slots(
    sequence: Any, operations: tuple[Operation, ...], name: str, channel: str, samples: Any, names: Mapping[Any, str]
) -> Iterator[_Slot]:
    arrays = {part: getattr(samples, part).as_array(detach=True) for part in ("amp", "det", "phase")}
    kept = list(_told(operations, name))
    local = sequence.declared_channels[name].addressing == "Local"
    weights = weights_of(sequence, names).get(name)
    for slot in samples.slots:
        span = slice(slot.ti, slot.tf)
        first: tuple[Any, Any] = kept[0] if kept else (None, None)
        amplitude, detuning = _shape(first[0], arrays["amp"][span]), _shape(first[1], arrays["det"][span])
        if kept and not (isinstance(amplitude, Custom) and first[0].get("kind") != "custom"):
            kept.pop(0)
        atoms = tuple(label for q, label in names.items() if q in slot.targets) if local else None
        phase = float(arrays["phase"][slot.ti])
        yield _Slot(channel, slot.ti, slot.tf, atoms, amplitude, detuning, phase, weights)


def _told(operations: tuple[Operation, ...], name: str) -> Iterator[tuple[Any, Any]]:
    """Yield the waveforms that the sequence's calls gave for a channel, in order."""
    zero = {"kind": "constant", "value": 0.0, "duration": 0}
    for op in operations:
        if op.get("channel") == name and op["op"] == "pulse":
            yield op["amplitude"], op["detuning"]
        elif op.get("channel") == name and op["op"] == "pulse_arbitrary_phase":
            yield op["amplitude"], zero
        elif op.get("dmm_name") == name and op["op"] == "add_dmm_detuning":
            yield zero, op["waveform"]


def _shape(told: Mapping[str, Any] | None, samples: Samples) -> Waveform:
    """Return the waveform of some samples: as it was called where that gives just these, else level or list."""
    count = len(samples)
    if np.all(samples == samples[0]):
        return Constant(duration_ns=count, value=float(samples[0]))
    if told is not None:
        try:
            made = named_waveform(told)
            if not isinstance(made, Custom | Composite):
                made = made.unchecked({"duration_ns": Expression(count)})
            if np.array_equal(pulser_waveform(made, {}, count).samples.as_array(detach=True), samples):
                return made
        except (QmemError, ValueError, KeyError, AssertionError):
            pass  # what cannot be said by its name is said by its samples
    return Custom(samples=tuple(samples.tolist()))


@dataclass
class _Timeline:
    """Where each channel stands as the program plays, so that the next pulse starts where it should."""

    devices: Mapping[str, Any]
    ends: dict[str, int] = field(default_factory=dict)
    targets: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)

    def add(self, slot: _Slot) -> Iterator[AnyBlock]:
        """Yield the blocks that wait for a slot's start and play it."""
        if slot.weights is not None:
            yield from self._detuning(slot)
        else:
            yield from self._pulse(slot)
        self.ends[slot.channel] = slot.stop

    def _detuning(self, slot: _Slot) -> Iterator[AnyBlock]:
        gap = slot.start - self.ends.get(slot.channel, 0)
        weights = dict(slot.weights or {})
        if gap:
            dark = Constant(duration_ns=Expression(gap), value=Expression(0))
            yield DetuningMap(channel=slot.channel, weights=weights, detuning=dark)
        yield DetuningMap(channel=slot.channel, weights=weights, detuning=slot.detuning)

    def _pulse(self, slot: _Slot) -> Iterator[AnyBlock]:
        gap = slot.start - self.ends.get(slot.channel, 0)
        gap -= self._retargeting(slot, gap)
        if gap:
            yield Delay(duration_ns=Expression(gap), channel=slot.channel)
        flat = isinstance(slot.detuning, Constant) and slot.detuning.value == ZERO
        yield Pulse(
            channel=slot.channel, atoms=slot.atoms, amplitude=slot.amplitude, detuning=ZERO if flat else slot.detuning,
            phase=Expression(slot.phase), protocol="no-delay",
        )  # fmt: skip

    def _retargeting(self, slot: _Slot, gap: int) -> int:
        """Return how much of the gap before a slot its channel will need to turn to the slot's atoms."""
        if slot.atoms is None:
            return 0
        old, since = self.targets.get(slot.channel, (slot.atoms, 0))
        if set(old) == set(slot.atoms):
            self.targets.setdefault(slot.channel, (slot.atoms, 0))
            return 0
        self.targets[slot.channel] = (slot.atoms, slot.start)
        channel, begin = self.devices[slot.channel], self.ends.get(slot.channel, 0)
        wait, fixed = channel.min_retarget_interval or 0, channel.fixed_retarget_t or 0
        for delay in (gap - _clocked(channel, fixed), 0):
            needed = max(min(max(wait - (begin + delay - since), 0), wait), fixed)
            if delay >= 0 and delay + _clocked(channel, needed) == gap:
                self.targets[slot.channel] = (slot.atoms, slot.start)
                return gap - delay
        raise CapabilityError(f"from_pulser: cannot turn {slot.channel} to {', '.join(slot.atoms)} at {slot.start} ns")

    def until(self, end: int) -> Iterator[AnyBlock]:
        """Yield a wait to the sequence's end, where no pulse ends it."""
        last = max(self.ends.values(), default=0)
        if end > last:
            channel = next(iter(c for c, kind in self.devices.items() if kind.addressing and not c.startswith("dmm_")))
            yield Delay(duration_ns=Expression(end - self.ends.get(channel, 0)), channel=channel)


def _clocked(channel: Any, duration_ns: int) -> int:
    """Return a duration as a channel makes it: at least its shortest, on its clock."""
    if duration_ns <= 0:
        return 0
    longest = max(duration_ns, channel.min_duration)
    return int(-(-longest // channel.clock_period) * channel.clock_period)
