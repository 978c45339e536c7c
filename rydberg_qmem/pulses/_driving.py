"""Blocks that drive atoms: each as Pulser's pulse in a sequence, and as a drive in the schedule."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from rydberg_qmem.devices import GatePulse
from rydberg_qmem.errors import CapabilityError, QmemError
from rydberg_qmem.language.blocks import EOM, DetuningMap, DisableEOM, EnableEOM, EOMPulse, ModifyEOM, Protocol, Pulse
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import ZERO, Waveform
from rydberg_qmem.pulses._carried import fades
from rydberg_qmem.pulses._declared_channels import DeclaredChannels
from rydberg_qmem.pulses._durations import duration_on, fitting, timed_shape, whole_ns
from rydberg_qmem.pulses._eom import add_eom_block
from rydberg_qmem.pulses._open_sequence import OpenSequence
from rydberg_qmem.pulses._pauses import Pauses
from rydberg_qmem.pulses._phase_references import Parts, PhaseReferences
from rydberg_qmem.pulses._placeholders import PLACEHOLDER, level_on, placeholder
from rydberg_qmem.pulses._schedule import Drive
from rydberg_qmem.pulses._shapes import area_shape, column, pulser_waveform, wrapped
from rydberg_qmem.units import NS_PER_US

WEIGHT_DIGITS = 6
"""Decimals of a detuning map's weights, as in Pulser."""


class Driving:
    """Adds blocks that drive atoms to a sequence, and notes their drives."""

    def __init__(
        self, opened: OpenSequence, pauses: Pauses, references: PhaseReferences, channels: DeclaredChannels
    ) -> None:
        self.opened, self.target, self.scope = opened, opened.target, opened.scope
        self.pauses, self.references, self.channels = pauses, references, channels
        self.drives: list[Drive] = []
        self.setpoints: dict[str, EnableEOM | ModifyEOM] = {}

    # --- pulses ---

    def pulse(self, op: Pulse, place: str) -> None:
        """Play a pulse with waveforms."""
        channel = self.target.channel(op.channel)
        local = channel.addressing == "Local"
        if local == (op.atoms is None or op.atoms == "all"):
            rule = "must name its atoms: the channel is local" if local else "acts on all atoms: it names none"
            raise CapabilityError(f"{place}.atoms: a pulse on {op.channel} {rule}")
        atoms = self.target.indices(op.atoms if local and op.atoms is not None else "all")
        duration = self._duration(op, place)
        level = op.phase if isinstance(op.phase, Expression) else ZERO
        curve = None if isinstance(op.phase, Expression) else op.phase
        phases = (*self.references.shared(atoms, channel.basis, place), (1.0, level))
        self.channels.declare(op.channel, atoms if local else None, place)
        pulse, told = self._valued(op, duration, phases[:-1], place)
        protocol = self.opened.synchronise(op.channel, op.start_with, op.protocol, place)
        add = partial(self.opened.sequence.add, told, op.channel, protocol)
        start = self._play(op.channel, pulse, protocol, place, add, duration=duration, start_with=op.start_with)
        ends = start, start + duration
        self.drives.append(
            Drive(place, op.channel, channel.basis, atoms, *ends, op.amplitude, op.detuning, phases, curve)
        )
        self.references.shift_after(atoms, channel.basis, op.post_phase_shift, place)

    def _duration(self, op: Pulse, place: str) -> int:
        def of(shape: Waveform) -> int:
            return duration_on(op.channel, shape, place, target=self.target, scope=self.scope)

        duration = of(timed_shape(op))
        for other in (op.amplitude, op.detuning, op.phase):
            if not isinstance(other, Expression) and of(other) != duration:
                raise CapabilityError(f"{place}: amplitude, detuning and phase must last equally long")
        return duration

    def _valued(self, op: Pulse, duration: int, reference: Parts, place: str) -> tuple[Any, Any]:
        """Return Pulser's pulse and as it is told it, with the control values at hand as far as timing needs them."""
        channel = self.target.channel(op.channel)
        atoms = self.channels.aimed_at(op.channel)
        turned = partial(
            self.references.turned, reference=reference, atoms=atoms, basis=channel.basis, after=op.post_phase_shift
        )
        if self.opened.real:
            return turned(self.opened.call(place, self._with_values, op, duration))
        if fades(channel):
            with suppress(QmemError, ValueError):  # what is wrong with the values is said where they are evaluated
                real = turned(self._with_values(op, duration))
                channel.validate_pulse(real[0])
                return real
        pulse = placeholder(channel, duration)
        return pulse, turned(pulse)[1] if self.references.pulser_refers else pulse

    def _with_values(self, op: Pulse, duration: int) -> Any:
        """Return Pulser's pulse with the control values at hand, without phase reference and shift."""
        import pulser

        amplitude = pulser_waveform(op.amplitude, self.scope, duration)
        if isinstance(op.phase, Expression):
            phase = self.opened.number(op.phase)
            return pulser.Pulse(amplitude, pulser_waveform(op.detuning, self.scope, duration), phase)
        return pulser.Pulse.ArbitraryPhase(amplitude, pulser_waveform(op.phase, self.scope, duration))

    def gate(self, op: GatePulse) -> None:
        """Play the pulse of a gate, whose area is an angle."""
        import pulser

        channel = self.target.channel(op.channel)
        atom = self.target.atoms.index(op.atom)
        self.channels.declare(op.channel, (atom,), op.place)
        references = self.references.shared((atom,), channel.basis, op.place)
        area, phase, known = PLACEHOLDER * op.duration_ns / NS_PER_US, 0.0, self.opened.real or fades(channel)
        if known:
            angle = column(op.angle, self.scope)
            angle = wrapped(angle, op.reach) if op.reach else angle
            area = float(abs(angle[0]))
            phase = op.phase + (np.pi if angle[0] < 0 else 0.0)
        protocol = self.opened.synchronise(op.channel, None, "min-delay", op.place)
        wave = pulser_waveform(area_shape(op.shape, Expression(area), op.duration_ns), {}, op.duration_ns)
        pulse = pulser.Pulse.ConstantDetuning(wave, 0.0, phase)
        whole, told = self.references.turned(pulse, references if known else (), (atom,), channel.basis)
        add = partial(self.opened.sequence.add, told, op.channel, protocol)
        start = self._play(op.channel, whole, protocol, op.place, add, duration=op.duration_ns)
        self.drives.append(
            Drive(
                op.place, op.channel, channel.basis, (atom,), start, start + op.duration_ns, ZERO, ZERO,
                references, angle=op.angle, reach=op.reach, fixed_phase=op.phase, shape=op.shape,
            )
        )  # fmt: skip

    # --- detuning maps ---

    def detuning_map(self, op: DetuningMap, place: str) -> None:
        """Shift the level of weighted atoms."""
        import pulser

        channel = self.target.channel(op.channel)
        duration = duration_on(op.channel, op.detuning, place, target=self.target, scope=self.scope)
        name = self.channels.map_of(op, place)
        wave = self._shift(op, duration, place)
        protocol = self.opened.synchronise(name, op.start_with, op.protocol, place)
        pulse = pulser.Pulse.ConstantAmplitude(0.0, wave, 0.0)
        add = partial(self.opened.sequence.add_dmm_detuning, wave, name, protocol)
        start = self._play(
            op.channel, pulse, protocol, place, add, name=name, duration=duration, start_with=op.start_with
        )
        weights = {atom: round(weight, WEIGHT_DIGITS) for atom, weight in op.weights.items()}
        atoms = tuple(i for i, atom in enumerate(self.target.atoms) if atom in weights)
        self.drives.append(
            Drive(
                place, op.channel, channel.basis, atoms, start, start + duration, ZERO, op.detuning,
                weights=tuple(weights[self.target.atoms[i]] for i in atoms),
            )
        )  # fmt: skip

    def _shift(self, op: DetuningMap, duration: int, place: str) -> Any:
        """Return Pulser's waveform of a detuning map, with values as far as timing needs them."""
        channel = self.target.channel(op.channel)
        if self.opened.real:
            return self.opened.call(place, pulser_waveform, op.detuning, self.scope, duration)
        if fades(channel):
            with suppress(QmemError, ValueError):
                return pulser_waveform(op.detuning, self.scope, duration)
        return level_on(channel, duration, 0.0)

    # --- EOM mode ---

    def eom(self, op: EOM, place: str) -> None:
        """Begin, change or end the EOM mode of a channel, or play a pulse in it."""
        self.channels.declare(op.channel, None, place)
        protocol = "min-delay" if not isinstance(op, EOMPulse) else op.protocol
        self.opened.synchronise(op.channel, None, protocol, place)
        if isinstance(op, EOMPulse):
            self._eom_pulse(op, place)
            return
        if not isinstance(op, DisableEOM):
            self.setpoints[op.channel] = op
        self.pauses.fade(op.channel, op.channel, place)
        self.opened.call(place, add_eom_block, self.opened.sequence, op, self.opened.number)

    def _eom_pulse(self, op: EOMPulse, place: str) -> None:
        import pulser

        basis, atoms = self.target.channel(op.channel).basis, self.channels.aimed_at(op.channel)
        length = whole_ns(op.duration_ns, f"{place}.duration_ns", self.scope)
        duration = fitting(op.channel, length, place, self.target)
        phases = (*self.references.shared(atoms, basis, place), (1.0, op.phase))
        point, number = self.setpoints[op.channel], self.opened.number
        square = pulser.Pulse.ConstantPulse(
            duration, number(point.amp_on), number(point.detuning_on), number(op.phase)
        )  # fmt: skip
        pulse, told = self.references.turned(square, phases[:-1], atoms, basis, op.post_phase_shift)
        add = partial(add_eom_block, self.opened.sequence, op, number, told)
        start = self._play(op.channel, pulse, op.protocol, place, add, duration=duration)
        ends = start, start + duration
        self.drives.append(Drive(place, op.channel, basis, atoms, *ends, point.amp_on, point.detuning_on, phases))
        self.references.shift_after(atoms, basis, op.post_phase_shift, place)

    # --- all of them ---

    def _play(
        self, channel_id: str, pulse: Any, protocol: Protocol, place: str, add: Callable[[], Any], *,
        duration: int, name: str | None = None, start_with: str | None = None,
    ) -> int:  # fmt: skip
        """Add a pulse after the pauses that what came before the sequence asks for; return when it starts (ns).

        `name` is the sequence's for the channel, where that is not the device's.
        """
        name, atoms = name or channel_id, self.channels.aimed_at(channel_id)
        self.pauses.before(channel_id, name, atoms, pulse, protocol, place)
        self.opened.call(place, add)
        self.pauses.played(channel_id, name, atoms, pulse)
        return self.opened.started(name, duration, start_with, place)
