"""Timing from Pulser itself: lowered blocks added to a `pulser.Sequence`, with when each of them plays."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, assert_never

from rydberg_qmem.devices import GatePulse, Lowered, Target
from rydberg_qmem.errors import CapabilityError, QmemError
from rydberg_qmem.language.blocks import (
    Align,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ModifyEOM,
    PhaseShift,
    Pulse,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.waveforms import ZERO
from rydberg_qmem.pulses._carried import NOTHING, Carried, Site, carries, fades
from rydberg_qmem.pulses._declared_channels import DeclaredChannels
from rydberg_qmem.pulses._driving import Driving
from rydberg_qmem.pulses._durations import check_clock, whole_ns
from rydberg_qmem.pulses._open_sequence import OpenSequence
from rydberg_qmem.pulses._pauses import Pauses
from rydberg_qmem.pulses._phase_references import PhaseReferences
from rydberg_qmem.pulses._schedule import Look, Schedule, crossing
from rydberg_qmem.pulses._shapes import Scope


class Builder:
    """Adds lowered blocks to a Pulser sequence and notes when each of them plays."""

    def __init__(
        self, target: Target, scope: Scope, *, real: bool, carried: Carried = NOTHING,
        references: Mapping[Site, float] | None = None, pulser_refers: bool = False,
    ) -> None:  # fmt: skip
        """Begin a sequence after what the channels `carried` into it; its pulses have these phase `references`.

        Either each pulse is given with its phase reference in its phase, or `pulser_refers`: it has the shifts, too.
        """
        self.target, self.opened = target, OpenSequence(target, scope, real=real)
        offsets = {} if references is not None else dict(carried.references)
        self.pauses = Pauses(target, self.sequence, self.opened.wait_on, carried, offsets)
        self.references = PhaseReferences(self.opened, references or {}, pulser_refers=pulser_refers)
        self.channels = DeclaredChannels(self.opened, self.pauses, self.references)
        self.driving = Driving(self.opened, self.pauses, self.references, self.channels)

    @property
    def sequence(self) -> Any:
        """Pulser's own sequence."""
        return self.opened.sequence

    def angles(self) -> dict[Site, float]:
        """Return the phase references of the atoms now (rad), as far as there are any."""
        return self.references.angles()

    def run(self, operations: Sequence[tuple[Lowered, str]], *, looks: Sequence[int] = ()) -> Schedule:
        """Add lowered blocks, each with its place, one after the other; return what they schedule.

        `looks` are numbers of blocks: probes look when so many have ended, as far as they have been asked to play.
        """
        self.channels.expect(operations)
        seen: dict[int, Look] = {}
        for done, (op, place) in enumerate(operations):
            if done in looks:
                seen[done] = self._look()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._add(op, place)
        opened, drives, at_rest = self.opened, self.driving.drives, self.target.with_modulation
        duration = max(opened.floor, opened.end(at_rest=at_rest))
        self._check_length(duration, operations)
        if opened.real and duration > opened.end(at_rest=at_rest):
            self.channels.idle_until(duration)
        return Schedule(
            tuple(drives), duration, self.references.frame(), sequence=self.sequence if opened.real else None,
            looks=tuple(seen.get(count) or self._look() for count in looks),
            crossed=crossing(drives, self._global), leaves=self._leaves(duration),
        )  # fmt: skip

    @property
    def _global(self) -> set[str]:
        """The channels that reach all atoms."""
        channels = self.target.device.channels.items()
        return {name for name, channel in channels if channel.addressing == "Global"}

    def _look(self) -> Look:
        return Look(self.opened.now(), self.references.frame())

    def _leaves(self, duration: int) -> Carried:
        """Return what the channels carry on from the sequence, and Pulser's own references where it has any."""
        if not carries(self.target):
            return NOTHING
        angles: dict[Site, float] = {}
        if any(map(fades, self.target.device.channels.values())):
            with suppress(QmemError):  # what has no value in the check has one in the run
                angles = self.angles()
        return self.pauses.leaves(duration, self.channels.aims, angles)

    def _check_length(self, duration: int, operations: Sequence[tuple[Lowered, str]]) -> None:
        longest = self.target.device.max_sequence_duration
        if longest is not None and duration > longest:
            raise CapabilityError(
                f"{operations[-1][1]}: ends {duration} ns after its segment began, but a sequence on "
                f"{self.target.device.name} lasts at most {longest} ns"
            )

    def _add(self, op: Lowered, place: str) -> None:
        match op:
            case PhaseShift():
                self.references.shift(self.target.indices(op.atoms), op.basis, op.angle, place)
            case Align():
                self._align(op, place)
            case Delay():
                self._delay(op, place)
            case Pulse():
                self.driving.pulse(op, place)
            case DetuningMap():
                self.driving.detuning_map(op, place)
            case GatePulse():
                self.driving.gate(op)
            case Retarget():
                self._retarget(op, place)
            case SLMMask():
                self.channels.put_on_mask(op, place)
            case EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM():
                self.driving.eom(op, place)
            case _:
                assert_never(op)

    def _align(self, op: Align, place: str) -> None:
        opened = self.opened
        if op.channels is None:
            fading = self.pauses.fading() if op.at_rest else 0
            opened.floor = max(opened.floor, opened.end(at_rest=op.at_rest), fading)
            return
        for name in op.channels:
            self._ready(name, place, at_rest=op.at_rest)
        opened.call(place, self.sequence.align, *map(self.channels.name, op.channels), at_rest=op.at_rest)

    def _delay(self, op: Delay, place: str) -> None:
        opened, where = self.opened, f"{place}.duration_ns"
        duration = whole_ns(op.duration_ns, where, opened.scope, minimum=0)
        if op.channel is None:
            clock = max(channel.clock_period for channel in self.target.device.channels.values())
            check_clock(duration, clock, "the device", where, self.target)
            opened.floor = opened.now() + duration
            return
        check_clock(duration, self.target.channel(op.channel).clock_period, op.channel, where, self.target)
        self._ready(op.channel, place, at_rest=op.at_rest)
        opened.call(place, self.sequence.delay, duration, self.channels.name(op.channel), at_rest=op.at_rest)

    def _ready(self, channel_id: str, place: str, *, at_rest: bool) -> None:
        """Declare a channel that waits before it plays, its light from before the sequence faded if `at_rest`."""
        self.channels.ready(channel_id, place)
        if at_rest:
            self.pauses.fade(channel_id, self.channels.name(channel_id), place)

    def _retarget(self, op: Retarget, place: str) -> None:
        if self.target.channel(op.channel).addressing != "Local":
            raise CapabilityError(f"{place}.channel: {op.channel} acts on all atoms, it has no target")
        atoms = self.target.indices(op.atoms)
        self.channels.declare(op.channel, atoms, place)
        names = [self.target.atoms[i] for i in atoms]
        self.pauses.fade(op.channel, op.channel, place)  # it fades even where it is aimed already
        self.opened.call(place, self.sequence.target, names, op.channel)


def build_sequence(
    operations: Sequence[tuple[Lowered, str]], target: Target, scope: Scope, *, real: bool, carried: Carried = NOTHING,
    references: Mapping[Site, float] | None = None, looks: Sequence[int] = (),
) -> tuple[Builder, Schedule]:  # fmt: skip
    """Add lowered blocks to a sequence and return its builder, and what they schedule.

    Pulser keeps the phase references itself where its timing hangs on how: light of another phase waits, to the last
    bit of each sum, and a mask waits for the shift after its first pulse. Unless it cannot: references that are one
    angle, but not one number, are two to it.
    """
    if _hangs_on_references(operations, target):
        with suppress(QmemError, ValueError):
            kept = Builder(target, scope, real=real, carried=carried, references=references, pulser_refers=True)
            return kept, kept.run(operations, looks=looks)
    made = Builder(target, scope, real=real, carried=carried, references=references)
    return made, made.run(operations, looks=looks)


def _hangs_on_references(operations: Sequence[tuple[Lowered, str]], target: Target) -> bool:
    """Return whether phase references shift where a phase decides when something plays."""
    shifts = fading = masked = False
    for op, _ in operations:
        shifts |= isinstance(op, PhaseShift) or getattr(op, "post_phase_shift", ZERO) != ZERO
        shifts |= bool(getattr(op, "correct_phase_drift", False))
        channel = getattr(op, "channel", None)
        fading |= channel is not None and fades(target.channel(channel))
        masked |= isinstance(op, SLMMask)
    return shifts and (fading or masked)


def validate_register(target: Target) -> None:
    """Let Pulser hold the register against the device: distances, radius, number of atoms, layout."""
    if any(r is target.register and d is target.device and f == target.magnetic_field for r, d, f in _VALID):
        return
    Builder(target, {}, real=False)
    _VALID.append((target.register, target.device, target.magnetic_field))


_VALID: deque[tuple[Any, Any, tuple[float, ...]]] = deque(maxlen=16)
"""Registers, devices and fields that go together: the points of a sweep share them."""
