"""Timing from Pulser itself: lowered blocks added to a `pulser.Sequence`, with when each of them plays."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any, assert_never

import numpy as np

from rydberg_qmem.devices.channels import GatePulse, Lowered
from rydberg_qmem.devices.target import FIELD_ALONG_Z, FRAME, Target
from rydberg_qmem.errors import CapabilityError, QmemError, RunError
from rydberg_qmem.language.blocks import (
    EOM,
    Align,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ModifyEOM,
    PhaseShift,
    Protocol,
    Pulse,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import ZERO, Composite, Waveform
from rydberg_qmem.pulses import eom
from rydberg_qmem.pulses.carried import NOTHING, Carried, Site, carries, fades
from rydberg_qmem.pulses.pauses import Pauses
from rydberg_qmem.pulses.phases import Reference
from rydberg_qmem.pulses.schedule import Drive, Frame, Look, Schedule, overlapping
from rydberg_qmem.pulses.shapes import Scope, area_shape, column, duration_of, pulser_waveform, timing_of, wrapped
from rydberg_qmem.units import NS_PER_US

WEIGHT_DIGITS = 6
"""Decimals of a detuning map's weights, as in Pulser."""
PLACEHOLDER = 1e-3
"""Amplitude (rad/µs) of the pulses of a sequence that is built for its timing alone."""


class Builder:
    """Adds lowered blocks to a Pulser sequence and notes when each of them plays."""

    def __init__(
        self, target: Target, scope: Scope, *, real: bool, carried: Carried = NOTHING,
        references: Mapping[Site, float] | None = None, pulser_refers: bool = False,
    ) -> None:  # fmt: skip
        """Begin a sequence after what the channels `carried` into it; its pulses have these phase `references`.

        Either each pulse is given with its phase reference in its phase, or `pulser_refers`: it has the shifts, too.
        """
        import pulser

        self.target, self.scope, self.real = target, scope, real
        try:
            self.sequence = pulser.Sequence(target.register, target.device)
        except Exception as error:
            raise CapabilityError(f"register: {error}") from None
        if "0" in target.levels and target.magnetic_field != FIELD_ALONG_Z:
            self.sequence.set_magnetic_field(*target.magnetic_field)
        self.floor = 0
        self.last_start = 0
        self.references: dict[Site, list[tuple[float, Expression]]] = {
            site: [(1.0, Expression(angle))] for site, angle in (references or {}).items()
        }
        offsets = {} if references is not None else dict(carried.references)
        self.pauses = Pauses(target, self.sequence, self._wait_on, carried, offsets)
        self.drives: list[Drive] = []
        self.first_targets: dict[str, tuple[str, ...]] = {}
        self.aims: dict[str, tuple[int, ...]] = {}
        self.first_maps: dict[str, DetuningMap] = {}
        self.maps: dict[str, tuple[str, DetuningMap]] = {}
        self.mask: SLMMask | None = None
        self.setpoints: dict[str, EnableEOM | ModifyEOM] = {}
        self.pulser_refers = pulser_refers
        self.told: set[str] = set()
        """Bases of which Pulser knows the references that were there before it had a channel of them."""

    def run(self, operations: Sequence[tuple[Lowered, str]], *, looks: Sequence[int] = ()) -> Schedule:
        """Add lowered blocks, each with its place, one after the other; return what they schedule.

        `looks` are numbers of blocks: probes look when so many have ended, as far as they have been asked to play.
        """
        for op, _ in operations:  # a channel that first waits is aimed at what it will act on
            if isinstance(op, GatePulse):
                self.first_targets.setdefault(op.channel, (op.atom,))
            elif isinstance(op, Pulse | Retarget) and isinstance(op.atoms, tuple):
                self.first_targets.setdefault(op.channel, op.atoms)
            elif isinstance(op, DetuningMap):
                self.first_maps.setdefault(op.channel, op)
        seen: dict[int, Look] = {}
        for done, (op, place) in enumerate(operations):
            if done in looks:
                seen[done] = Look(self._now(), self._frame())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._add(op, place)
        duration = max(self.floor, self._end(at_rest=self.target.with_modulation))
        self._check_length(duration, operations)
        if self.real and duration > self._end(at_rest=self.target.with_modulation):
            self._idle_until(duration)
        return Schedule(
            tuple(self.drives), duration, self._frame(), sequence=self.sequence if self.real else None,
            looks=tuple(seen.get(count) or Look(self._now(), self._frame()) for count in looks),
            crossed=overlapping(self.drives), leaves=self._leaves(duration),
        )  # fmt: skip

    def _leaves(self, duration: int) -> Carried:
        """Return what the channels carry on from the sequence, and Pulser's own references where it has any."""
        if not carries(self.target):
            return NOTHING
        angles: dict[Site, float] = {}
        if any(map(fades, self.target.device.channels.values())):
            with suppress(QmemError):  # what has no value in the check has one in the run
                angles = self.angles()
        return self.pauses.leaves(duration, self.aims, angles)

    def angles(self) -> dict[Site, float]:
        """Return the phase references of the atoms now (rad), as far as there are any."""
        references = self._all_references().items()
        return {site: sum(factor * self._number(e) for factor, e in parts) for site, parts in references}

    def _now(self) -> int:
        """Return when all that was added so far has been played, but for what modulated outputs still fade."""
        return max(self.floor, self._end())

    def _frame(self) -> Frame:
        """Return the phase references now, as angles of the levels' frame."""
        frame = []
        for (atom, basis), parts in self._all_references().items():
            level, sign = FRAME[basis]
            if level in self.target.levels:
                frame.append((atom, level, tuple((sign * factor, e) for factor, e in parts)))
        return tuple(frame)

    def _all_references(self) -> dict[Site, list[tuple[float, Expression]]]:
        """Return the phase references now; Pulser's own are all, or those that correct an EOM's drift."""
        references = {key: list(parts) for key, parts in self.references.items()}
        for basis in sorted(self._bases()) if self.real else ():
            for atom, name in enumerate(self.target.atoms):
                angle = float(self.sequence.current_phase_ref(name, basis))
                if self.pulser_refers:
                    references[atom, basis] = [(1.0, Expression(angle))]
                elif angle:
                    references.setdefault((atom, basis), []).append((1.0, Expression(angle)))
        return references

    def _bases(self) -> set[str]:
        return {str(channel.basis) for channel in self.sequence.declared_channels.values()}

    def _tell(self, place: str) -> None:
        """Tell Pulser the references of bases that it has had no channel of before."""
        for basis in sorted(self._bases() - self.told) if self.pulser_refers else ():
            self.told.add(basis)
            for (atom, of), parts in self.references.items():
                if of == basis:
                    angle = sum(factor * self._number(e) for factor, e in parts)
                    self._call(place, self.sequence.phase_shift, angle, self.target.atoms[atom], basis=basis)

    def _turned(
        self, pulse: Any, reference: tuple[tuple[float, Expression], ...], atoms: tuple[int, ...], basis: str,
        after: Expression = ZERO,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Return a pulse turned by its atoms' reference, and as Pulser is told it.

        That is the same, or where Pulser keeps the references, the pulse as it is, with the shift `after` it.
        """
        import pulser

        def at(phase: float, shift: float = 0.0) -> Any:
            return pulser.Pulse(pulse.amplitude, pulse.detuning, phase, shift)

        own = float(pulse.phase)
        if not self.pulser_refers:
            whole = at(own + sum(factor * self._number(e) for factor, e in reference))
            return whole, whole
        angle = float(self.sequence.current_phase_ref(self.target.atoms[atoms[0]], basis))
        return at(own + angle), at(own, self._number(after))

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
                self._shift(self._indices(op.atoms), op.basis, op.angle, place)
            case Align(channels=None):
                self.floor = max(self.floor, self._end(at_rest=op.at_rest), self.pauses.fading() if op.at_rest else 0)
            case Align(channels=channels):
                for name in channels or ():
                    self._ready(name, place)
                    if op.at_rest:
                        self.pauses.fade(name, self._name(name), place)
                self._call(place, self.sequence.align, *(self._name(c) for c in channels or ()), at_rest=op.at_rest)
            case Delay():
                self._delay(op, place)
            case Pulse():
                self._pulse(op, place)
            case DetuningMap():
                self._detuning_map(op, place)
            case GatePulse():
                self._gate(op)
            case Retarget():
                self._retarget(op, place)
            case SLMMask():
                names = [self.target.atoms[i] for i in self._indices(op.atoms)]
                self._call(place, self.sequence.config_slm_mask, names, op.channel)
                self._tell(place)
                self.mask = op
            case EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM():
                self._eom(op, place)
            case _:
                assert_never(op)

    def _shift(self, atoms: tuple[int, ...], basis: str, angle: Expression, place: str) -> None:
        """Shift phase references; Pulser is told, if of a shift by nothing, which orders pulses around it in time."""
        self._refer(atoms, basis, angle)
        if basis in self._bases():
            names, told = [self.target.atoms[i] for i in atoms], self._number(angle) if self.pulser_refers else 0.0
            self._call(place, self.sequence.phase_shift, told, *names, basis=basis)

    def _refer(self, atoms: tuple[int, ...], basis: str, angle: Expression) -> None:
        for atom in atoms:
            self.references.setdefault((atom, basis), []).append((1.0, angle))

    def _shift_after(self, atoms: tuple[int, ...], basis: str, angle: Expression, place: str) -> None:
        """Shift the references of a pulse's atoms after it; where Pulser refers, it has the shift with the pulse."""
        if angle != ZERO:
            (self._refer if self.pulser_refers else partial(self._shift, place=place))(atoms, basis, angle)

    def _retarget(self, op: Retarget, place: str) -> None:
        if self.target.channel(op.channel).addressing != "Local":
            raise CapabilityError(f"{place}.channel: {op.channel} acts on all atoms, it has no target")
        self._declare(op.channel, self._indices(op.atoms), place)
        names = [self.target.atoms[i] for i in self._indices(op.atoms)]
        self.pauses.fade(op.channel, op.channel, place)  # it fades even where it is aimed already
        self._call(place, self.sequence.target, names, op.channel)

    def _eom(self, op: EOM, place: str) -> None:
        import pulser

        channel = self.target.channel(op.channel)
        self._declare(op.channel, None, place)
        protocol = "min-delay" if not isinstance(op, EOMPulse) else op.protocol
        self._synchronise(op.channel, None, protocol, place)
        if not isinstance(op, EOMPulse):
            if not isinstance(op, DisableEOM):
                self.setpoints[op.channel] = op
            self.pauses.fade(op.channel, op.channel, place)
            self._call(place, eom.call, self.sequence, op, self._number)
            return
        atoms = self._aimed_at(op.channel)
        duration = self._fitting(self._whole_ns(op.duration_ns, f"{place}.duration_ns"), op.channel, place)
        phases = (*self._reference(atoms, channel.basis, place), (1.0, op.phase))
        point = self.setpoints[op.channel]
        light, detuning = self._number(point.amp_on), self._number(point.detuning_on)
        square = pulser.Pulse.ConstantPulse(duration, light, detuning, self._number(op.phase))
        pulse, told = self._turned(square, phases[:-1], atoms, channel.basis, op.post_phase_shift)
        self.pauses.before(op.channel, op.channel, atoms, pulse, op.protocol, place)
        self._call(place, eom.call, self.sequence, op, self._number, told)
        self.pauses.played(op.channel, op.channel, atoms, pulse)
        start = self._started(op.channel, duration, None, place)
        ends = start, start + duration
        self.drives.append(
            Drive(place, op.channel, channel.basis, atoms, *ends, point.amp_on, point.detuning_on, phases)
        )
        self._shift_after(atoms, channel.basis, op.post_phase_shift, place)

    def _aimed_at(self, channel_id: str) -> tuple[int, ...]:
        """Return the atoms that a declared channel acts on now."""
        if self.target.channel(channel_id).addressing == "Global":
            return self._indices("all")
        return self.aims[channel_id]

    def _number(self, expression: Expression) -> float:
        return float(column(expression, self.scope)[0])

    def _indices(self, atoms: str | tuple[str, ...]) -> tuple[int, ...]:
        if atoms == "all":
            return tuple(range(len(self.target.atoms)))
        return tuple(self.target.atoms.index(name) for name in atoms)

    def _end(self, *, at_rest: bool = False) -> int:
        if not self.sequence.declared_channels:
            return 0
        return int(self.sequence.get_duration(include_fall_time=at_rest))

    def _delay(self, op: Delay, place: str) -> None:
        channels = self.target.device.channels
        duration = self._whole_ns(op.duration_ns, f"{place}.duration_ns", least=0)
        if op.channel is None:
            clock = max(channel.clock_period for channel in channels.values())
            self._on_clock(duration, clock, "the device", f"{place}.duration_ns")
            self.floor = max(self.floor, self._end()) + duration
            return
        channel = self.target.channel(op.channel)
        self._on_clock(duration, channel.clock_period, op.channel, f"{place}.duration_ns")
        self._ready(op.channel, place)
        if op.at_rest:
            self.pauses.fade(op.channel, self._name(op.channel), place)
        self._call(place, self.sequence.delay, duration, self._name(op.channel), at_rest=op.at_rest)

    def _ready(self, channel_id: str, place: str) -> None:
        """Declare a channel that a block waits on before it plays."""
        if channel_id not in self.target.device.dmm_channels:
            self._declare(channel_id, None, place)
        elif channel_id not in self.maps:
            first = self.first_maps.get(channel_id)
            if first is None:
                raise CapabilityError(f"{place}: {channel_id} plays no detuning map in this segment")
            self._configure(first, place)

    def _name(self, channel_id: str) -> str:
        """Return the sequence's name of a channel: a DMM that also holds the SLM mask has two."""
        return self.maps[channel_id][0] if channel_id in self.maps else channel_id

    def _pulse(self, op: Pulse, place: str) -> None:
        channel = self.target.channel(op.channel)
        local = channel.addressing == "Local"
        if local == (op.atoms is None or op.atoms == "all"):
            rule = "must name its atoms: the channel is local" if local else "acts on all atoms: it names none"
            raise CapabilityError(f"{place}.atoms: a pulse on {op.channel} {rule}")
        atoms = self._indices(op.atoms) if local and op.atoms is not None else self._indices("all")
        duration = self._duration(timed_shape(op), op.channel, place)
        for other in (op.amplitude, op.detuning, op.phase):
            if not isinstance(other, Expression) and self._duration(other, op.channel, place) != duration:
                raise CapabilityError(f"{place}: amplitude, detuning and phase must last equally long")
        level = op.phase if isinstance(op.phase, Expression) else ZERO
        curve = None if isinstance(op.phase, Expression) else op.phase
        phases = (*self._reference(atoms, channel.basis, place), (1.0, level))
        start = self._place(op, op.channel, atoms if local else None, duration, phases, place)
        self.drives.append(
            Drive(
                place,
                op.channel,
                channel.basis,
                atoms,
                start,
                start + duration,
                op.amplitude,
                op.detuning,
                phases,
                curve,
            )
        )
        self._shift_after(atoms, channel.basis, op.post_phase_shift, place)

    def _place(
        self,
        op: Pulse,
        channel_id: str,
        atoms: tuple[int, ...] | None,
        duration: int,
        phases: tuple[tuple[float, Expression], ...],
        place: str,
    ) -> int:
        import pulser

        self._declare(channel_id, atoms, place)
        channel = self.target.channel(channel_id)
        atoms, pulse, told = self._aimed_at(channel_id), None, None
        turned = partial(
            self._turned, reference=phases[:-1], atoms=atoms, basis=channel.basis, after=op.post_phase_shift
        )
        if self.real:
            pulse, told = turned(self._call(place, self._real, op, duration))
        elif fades(channel):
            with suppress(QmemError, ValueError):  # what is wrong with the values is said where they are evaluated
                real = turned(self._real(op, duration))
                channel.validate_pulse(real[0])
                pulse, told = real
        if pulse is None:
            flat = level_only if not channel.mod_bandwidth else pulser.ConstantWaveform
            pulse = pulser.Pulse(flat(duration, max(PLACEHOLDER, channel.min_avg_amp)), flat(duration, 0.0), 0.0)
            told = turned(pulse)[1] if self.pulser_refers else pulse
        protocol = self._synchronise(channel_id, op.start_with, op.protocol, place)
        self._add_pulse(pulse, channel_id, protocol, place, told)
        return self._started(channel_id, duration, op.start_with, place)

    def _add_pulse(self, pulse: Any, channel_id: str, protocol: Protocol, place: str, told: Any) -> None:
        """Add a pulse, as it is `told` to Pulser, after the pauses that what came before the sequence asks for."""
        atoms = self._aimed_at(channel_id)
        self.pauses.before(channel_id, channel_id, atoms, pulse, protocol, place)
        self._call(place, self.sequence.add, told, channel_id, protocol)
        self.pauses.played(channel_id, channel_id, atoms, pulse)

    def _real(self, op: Pulse, duration: int) -> Any:
        """Return Pulser's pulse with the control values at hand, without phase reference and shift."""
        import pulser

        amplitude = pulser_waveform(op.amplitude, self.scope, duration)
        if isinstance(op.phase, Expression):
            phase = self._number(op.phase)
            return pulser.Pulse(amplitude, pulser_waveform(op.detuning, self.scope, duration), phase)
        return pulser.Pulse.ArbitraryPhase(amplitude, pulser_waveform(op.phase, self.scope, duration))

    def _gate(self, op: GatePulse) -> None:
        import pulser

        channel = self.target.channel(op.channel)
        atom = self.target.atoms.index(op.atom)
        self._declare(op.channel, (atom,), op.place)
        references = self._reference((atom,), channel.basis, op.place)
        area, phase, known = PLACEHOLDER * op.duration_ns / NS_PER_US, 0.0, self.real or fades(channel)
        if known:
            angle = column(op.angle, self.scope)
            angle = wrapped(angle, op.reach) if op.reach else angle
            area = float(abs(angle[0]))
            phase = op.phase + (np.pi if angle[0] < 0 else 0.0)
        protocol = self._synchronise(op.channel, None, "min-delay", op.place)
        wave = pulser_waveform(area_shape(op.shape, Expression(area), op.duration_ns), {}, op.duration_ns)
        pulse = pulser.Pulse.ConstantDetuning(wave, 0.0, phase)
        turned = self._turned(pulse, references if known else (), (atom,), channel.basis)
        self._add_pulse(turned[0], op.channel, protocol, op.place, turned[1])
        start = self._started(op.channel, op.duration_ns, None, op.place)
        self.drives.append(
            Drive(
                op.place, op.channel, channel.basis, (atom,), start, start + op.duration_ns, ZERO, ZERO,
                references, angle=op.angle, reach=op.reach, fixed_phase=op.phase, shape=op.shape,
            )
        )  # fmt: skip

    def _detuning_map(self, op: DetuningMap, place: str) -> None:
        import pulser

        channel = self.target.channel(op.channel)
        duration = self._duration(op.detuning, op.channel, place)
        if op.channel not in self.maps:
            self._configure(op, place)
        name, first = self.maps[op.channel]
        if op.weights != first.weights:
            raise CapabilityError(f"{place}.weights: a segment can hold one detuning map per DMM channel")
        wave: Any = level_only(duration, 0.0) if not channel.mod_bandwidth else pulser.ConstantWaveform(duration, 0.0)
        if self.real:
            wave = self._call(place, pulser_waveform, op.detuning, self.scope, duration)
        elif fades(channel):
            with suppress(QmemError, ValueError):
                wave = pulser_waveform(op.detuning, self.scope, duration)
        protocol = self._synchronise(name, op.start_with, op.protocol, place)
        pulse, everyone = pulser.Pulse.ConstantAmplitude(0.0, wave, 0.0), self._indices("all")
        self.pauses.before(op.channel, name, everyone, pulse, protocol, place)
        self._call(place, self.sequence.add_dmm_detuning, wave, name, protocol)
        self.pauses.played(op.channel, name, everyone, pulse)
        start = self._started(name, duration, op.start_with, place)
        weights = {atom: round(weight, WEIGHT_DIGITS) for atom, weight in op.weights.items()}
        atoms = tuple(i for i, atom in enumerate(self.target.atoms) if atom in weights)
        self.drives.append(
            Drive(
                place, op.channel, channel.basis, atoms, start, start + duration, ZERO, op.detuning,
                weights=tuple(weights[self.target.atoms[i]] for i in atoms),
            )
        )  # fmt: skip

    def _configure(self, op: DetuningMap, place: str) -> None:
        if self._plays_on_mask(op):
            self.maps[op.channel] = op.channel, op
            return
        weights = {name: op.weights.get(name, 0.0) for name in self.target.atoms}
        before = set(self.sequence.declared_channels)
        made = self._call(place, self.target.register.define_detuning_map, weights)
        self._call(place, self.sequence.config_detuning_map, made, op.channel)
        self._tell(place)
        new = set(self.sequence.declared_channels) - before
        own = [name for name in new if name == op.channel or name.startswith(f"{op.channel}_")]
        self.maps[op.channel] = max(own, key=len), op  # an SLM mask that waited for the mode takes the shorter name

    def _plays_on_mask(self, op: DetuningMap) -> bool:
        """Return whether a map is the one that the SLM mask has put on its DMM: weight 1 on the masked atoms alone."""
        if self.mask is None or self.mask.channel != op.channel:
            return False
        masked = {self.target.atoms[i]: 1.0 for i in self._indices(self.mask.atoms)}
        return masked == {atom: weight for atom, weight in op.weights.items() if weight}

    def _reference(self, atoms: tuple[int, ...], basis: str, place: str) -> tuple[tuple[float, Expression], ...]:
        found = [tuple(self.references.get((atom, basis), ())) for atom in atoms]
        if len({Reference.of(parts) for parts in found}) > 1:
            raise CapabilityError(f"{place}: one pulse cannot act on atoms with different phase references")
        return found[0]

    def _declare(self, channel_id: str, atoms: tuple[int, ...] | None, place: str) -> None:
        names = [self.target.atoms[i] for i in atoms] if atoms is not None else None
        if channel_id not in self.sequence.declared_channels:
            local = self.target.channel(channel_id).addressing == "Local"
            waiting = self.first_targets.get(channel_id, (self.target.atoms[0],))
            initial = names if names is not None else (list(waiting) if local else None)
            before = self.pauses.aim(channel_id)
            if before and names is None:
                initial = [self.target.atoms[i] for i in before]
            self._call(place, self.sequence.declare_channel, channel_id, channel_id, initial_target=initial)
            self._tell(place)
            if local:
                self.aims[channel_id] = self._indices(tuple(initial or ()))
                self.pauses.declared(channel_id, self.aims[channel_id], place)
        elif atoms is not None and set(self.aims[channel_id]) != set(atoms):
            self.pauses.turn(channel_id, place)
            self._call(place, self.sequence.target, names, channel_id)
            self.aims[channel_id] = atoms
            self.pauses.turned(channel_id)

    def _synchronise(self, channel_id: str, start_with: str | None, protocol: Protocol, place: str) -> Protocol:
        """Wait on the channel until the floor, or until the previous block's start."""
        self._wait_on(channel_id, self.last_start if start_with == "previous" else self.floor, place)
        return "no-delay" if start_with == "previous" else protocol

    def _started(self, channel_id: str, duration: int, start_with: str | None, place: str) -> int:
        start = int(self.sequence.get_duration(channel_id)) - duration
        if start_with == "previous" and start != self.last_start:
            raise CapabilityError(
                f"{place}: cannot start with the previous block, its channel is busy until {start} ns"
            )
        self.last_start = start
        return start

    def _idle_until(self, end: int) -> None:
        """Let the sequence last: by a channel that is dark, or by one that has nothing else to do."""
        declared = self.sequence.declared_channels
        if not declared:
            usable = {
                name: channel
                for name, channel in self.target.device.channels.items()
                if (channel.basis == "digital") == ("r" not in self.target.levels and "h" in self.target.levels)
                and (channel.basis == "XY") == ("0" in self.target.levels)
            }
            self._declare(next(iter(usable)), None, "delay")
        for name in declared or self.sequence.declared_channels:
            if name.startswith("dmm_") or self.sequence.is_in_eom_mode(name):
                continue  # else its samples are stretched to the end
            self._wait_on(name, end, "delay")
            return

    def _wait_on(self, channel_id: str, until: int, place: str) -> None:
        """Delay a channel until a time, or a little longer where its clock does not allow that."""
        now = int(self.sequence.get_duration(channel_id))
        if until > now:
            channel = self.sequence.declared_channels[channel_id]
            ticks = -(-max(until - now, channel.min_duration) // channel.clock_period)
            self._call(place, self.sequence.delay, ticks * channel.clock_period, channel_id)

    def _duration(self, shape: Waveform, channel_id: str, place: str) -> int:
        where = f"{place}.duration_ns"
        expressions = timing_of(shape)
        if shape.duration_ns is not None:
            return self._fitting(self._whole_ns(shape.duration_ns, where), channel_id, place)
        try:
            duration = duration_of(shape, self.scope)
        except CapabilityError as error:
            raise CapabilityError(f"{place}: {error}") from None
        if isinstance(shape, Composite) or not expressions:
            return self._fitting(duration, channel_id, place)
        channel = self.target.channel(channel_id)  # it may be longer: its largest value then is smaller
        return int(-(-max(duration, channel.min_duration) // channel.clock_period) * channel.clock_period)

    def _fitting(self, duration: int, channel_id: str, place: str) -> int:
        where, channel = f"{place}.duration_ns", self.target.channel(channel_id)
        if duration < channel.min_duration:
            raise CapabilityError(
                f"{where}: must be at least {channel.min_duration} ns on {channel_id} of "
                f"{self.target.device.name} ({duration})"
            )
        self._on_clock(duration, channel.clock_period, channel_id, where)
        return duration

    def _whole_ns(self, expression: Expression, place: str, *, least: int = 1) -> int:
        value = float(column(expression, self.scope)[0])
        if not np.isfinite(value) or value != round(value) or not least <= value <= 1e8:
            raise CapabilityError(f"{place}: must be a whole number of nanoseconds, {least} to 100000000 ({value:g})")
        return int(value)

    def _on_clock(self, duration: int, clock: int, channel_id: str, place: str) -> None:
        if duration % clock:
            up = (duration // clock + 1) * clock
            raise CapabilityError(
                f"{place}: must be a multiple of the {clock} ns clock of {channel_id} on "
                f"{self.target.device.name}; rounding up would give {up} ({duration})"
            )

    def _call(self, place: str, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
            kind = RunError if self.real else CapabilityError
            raise kind(f"{place}: {error}") from None


def build(
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


def level_only(duration_ns: int, value: float) -> Any:
    """Return a constant Pulser waveform that answers for its samples with one of them, however long it is."""
    return _level_class()(duration_ns, value)


@cache
def _level_class() -> Any:
    from pulser import math, waveforms

    class Level(waveforms.ConstantWaveform):
        @property
        def _samples(self) -> Any:
            return math.AbstractArray(np.full(1, float(self._value)))

    return Level


def timed_shape(op: Pulse) -> Waveform:
    """Return the waveform that a lowered pulse's duration is that of."""
    shapes = (op.amplitude, op.detuning, op.phase)
    return next(shape for shape in shapes if not isinstance(shape, Expression))
