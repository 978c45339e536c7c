"""One `pulser.Sequence` per segment: timing from Pulser itself, numbers from the branches' control values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.gates import GatePulse, Lowered, lower
from rydberg_qmem.compile.shapes import Scope, column, duration_of, pulser_waveform
from rydberg_qmem.compile.steps import Placed, Segment, expressions_in
from rydberg_qmem.compile.target import FRAME, Target
from rydberg_qmem.errors import CapabilityError, QmemError, RunError
from rydberg_qmem.language.blocks import Align, Delay, DetuningMap, PhaseShift, Protocol, Pulse
from rydberg_qmem.language.expressions import Columns, Expression
from rydberg_qmem.language.values import Tagged
from rydberg_qmem.language.waveforms import ZERO, Waveform
from rydberg_qmem.units import NS_PER_US

PLACEHOLDER = 1e-3
"""Amplitude (rad/µs) of the pulses of a sequence that is built for its timing alone."""


@dataclass(frozen=True)
class Drive:
    """One pulse as scheduled: which atoms, when (ns), and what its samples are made of."""

    place: str
    channel: str
    basis: str
    atoms: tuple[int, ...]
    start: int
    stop: int
    amplitude: Waveform | Expression
    detuning: Waveform | Expression
    phases: tuple[tuple[float, Expression], ...] = ()
    angle: Expression | None = None
    reach: float = 0.0
    fixed_phase: float = 0.0
    weights: tuple[float, ...] | None = None

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names that the drive's samples depend on."""
        found = shape_names(self.amplitude) | shape_names(self.detuning)
        found |= self.angle.names if self.angle is not None else frozenset()
        return found.union(*(expression.names for _, expression in self.phases))


def shape_names(value: Any) -> frozenset[str]:
    """Return the names that a waveform's expressions read."""
    if isinstance(value, Expression):
        return value.names
    if isinstance(value, tuple):
        return frozenset().union(*(shape_names(item) for item in value))
    if isinstance(value, Tagged):
        return frozenset().union(*(shape_names(getattr(value, name)) for name in type(value).model_fields))
    return frozenset()


@dataclass(frozen=True)
class Schedule:
    """A segment's drives in time, how long it lasts, and the phase references that it leaves behind."""

    drives: tuple[Drive, ...]
    duration_ns: int
    frame: tuple[tuple[int, str, tuple[tuple[float, Expression], ...]], ...] = ()
    fixed: dict[int, Any] = field(default_factory=dict, compare=False)
    """Samples of drives that no control value changes, kept when first evaluated."""


@dataclass
class Plan:
    """A segment lowered for a target, with its schedules, one for each timing that has come up."""

    segment: Segment
    target: Target
    operations: tuple[tuple[Lowered, str], ...] = ()
    timing: tuple[Expression, ...] = ()
    schedules: dict[tuple[float, ...], Schedule] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def touched(self) -> frozenset[int]:
        """Atoms that any pulse or phase shift acts on."""
        shifted = {a for op, _ in self.operations if isinstance(op, PhaseShift) for a in self.indices(op.atoms)}
        return frozenset(shifted).union(*(self._acts_on(op) for op, _ in self.operations))

    @cached_property
    def excited(self) -> frozenset[int]:
        """Atoms that may be taken to a Rydberg level."""
        return frozenset().union(*(self._acts_on(op) for op, _ in self.operations if self._basis(op) != "digital"))

    def drives_together(self, atoms: tuple[int, ...]) -> bool:
        """Return whether one pulse drives several of these atoms on a Rydberg transition, or XY exchange couples."""
        several = (len(self._acts_on(op) & set(atoms)) > 1 for op, _ in self.operations if self._basis(op) != "digital")
        return "0" in self.target.levels or any(several)

    linked: tuple[tuple[int, ...], ...] = ()

    def _basis(self, op: Lowered) -> str:
        return str(self.target.channel(op.channel).basis) if isinstance(op, Pulse | GatePulse | DetuningMap) else ""

    def _acts_on(self, op: Lowered) -> frozenset[int]:
        match op:
            case Pulse():
                return frozenset(self.indices(op.atoms if op.atoms is not None else "all"))
            case GatePulse():
                return frozenset(self.indices((op.atom,)))
            case DetuningMap():
                return frozenset(self.indices(tuple(op.weights)))
            case _:
                return frozenset()

    def indices(self, atoms: str | tuple[str, ...]) -> tuple[int, ...]:
        """Return the register indices of atoms."""
        if atoms == "all":
            return tuple(range(len(self.target.atoms)))
        return tuple(self.target.atoms.index(name) for name in atoms)

    def controls_of(self, atoms: tuple[int, ...]) -> tuple[Expression, ...]:
        """Return the expressions that steer what happens to some atoms, and those that timing depends on."""
        key = ("controls", atoms)
        if key not in self.cache:
            wanted: dict[Expression, None] = dict.fromkeys(self.timing)
            for op, _ in self.operations:
                acts = set(self.indices(op.atoms)) if isinstance(op, PhaseShift) else set(self._acts_on(op))
                if acts & set(atoms):
                    wanted.update(dict.fromkeys(expressions_in(op)))
            self.cache[key] = tuple(wanted)
        return self.cache[key]  # type: ignore[no-any-return]

    def durations(self, scope: Scope, rows: int) -> NDArray[np.int64]:
        """Return how long the segment takes in each row (ns)."""
        made = np.zeros(rows, dtype=np.int64)
        for schedule, chosen, _ in timed(self, scope, rows):
            made[chosen] = schedule.duration_ns
        return made

    def schedule(self, values: tuple[float, ...], scope: Scope) -> Schedule:
        """Return the schedule for one setting of the expressions that timing depends on."""
        if values not in self.schedules:
            self.schedules[values] = _Builder(self.target, scope, real=False).run(self.operations)
        return self.schedules[values]


def plan_segment(segment: Segment, target: Target) -> Plan:
    """Lower a segment's gates and find what its timing depends on."""
    operations = tuple((op, placed.place) for placed in segment.blocks for op in _lowered(placed, target))
    timing: dict[Expression, None] = {}
    for op, _ in operations:
        for expression in _timing_of(op, target):
            if not expression.is_constant:
                timing[expression] = None
    return Plan(segment, target, operations, tuple(timing))


def _lowered(placed: Placed, target: Target) -> tuple[Lowered, ...]:
    try:
        return lower(placed.block, placed.place, target)
    except CapabilityError as error:
        raise CapabilityError(f"{placed.place}: {error}") from None


def _timing_of(op: Lowered, target: Target) -> tuple[Expression, ...]:
    match op:
        case Pulse():
            shape = op.amplitude if not isinstance(op.amplitude, Expression) else op.detuning
            assert not isinstance(shape, Expression)
            jumps = target.channel(op.channel).phase_jump_time > 0  # which also depends on how pulses fade
            return (shape.duration_ns, *expressions_in(op)) if jumps else (shape.duration_ns,)
        case DetuningMap():
            return (op.detuning.duration_ns,)
        case Delay():
            return (op.duration_ns,)
        case PhaseShift():
            jumps = any(c.phase_jump_time > 0 for c in target.device.channels.values())
            return (op.angle,) if jumps else ()
        case GatePulse():
            return expressions_in(op) if target.channel(op.channel).phase_jump_time > 0 else ()
        case Align():
            return ()
        case _:
            assert_never(op)


def rows_of(scope: Scope, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return the scope of some of the rows; numbers stay as they are."""
    made: dict[str, Any] = {}
    for name, value in scope.items():
        if isinstance(value, Columns):
            made[name] = Columns(value.names, value.values[rows])
        else:
            made[name] = value[rows] if isinstance(value, np.ndarray) and value.ndim else value
    return made


def timed(plan: Plan, scope: Scope, rows: int) -> Iterator[tuple[Schedule, NDArray[np.int64], dict[str, Any]]]:
    """Yield schedule, rows and their scope for each timing that the control values ask for."""
    everything = np.arange(rows)
    if not plan.timing:
        yield plan.schedule((), scope), everything, dict(scope)
        return
    columns = [np.broadcast_to(column(e, scope), (rows,)) for e in plan.timing]
    settings, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    for k, setting in enumerate(settings):
        chosen = everything[which.ravel() == k]
        part = rows_of(scope, chosen)
        yield plan.schedule(tuple(setting.tolist()), part), chosen, part


def to_pulser(plan: Plan, scope: Scope) -> Any:
    """Build the segment's real `pulser.Sequence` for one row of control values."""
    builder = _Builder(plan.target, scope, real=True)
    builder.run(plan.operations)
    return builder.sequence


def wrapped(angle: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Return angles in [-reach, reach), turns of 2 reach taken off."""
    return np.asarray(angle - 2 * reach * np.floor((angle + reach) / (2 * reach)))


def validate_register(target: Target) -> None:
    """Let Pulser hold the register against the device: distances, radius, number of atoms, layout."""
    _Builder(target, {}, real=False)


class _Builder:
    """Adds lowered blocks to a Pulser sequence and notes when each of them plays."""

    def __init__(self, target: Target, scope: Scope, *, real: bool) -> None:
        import pulser

        self.target, self.scope, self.real = target, scope, real
        try:
            self.sequence = pulser.Sequence(target.register, target.device)
        except Exception as error:
            raise CapabilityError(f"register: {error}") from None
        self.floor = 0
        self.last_start = 0
        self.references: dict[tuple[int, str], list[tuple[float, Expression]]] = {}
        self.drives: list[Drive] = []
        self.first_targets: dict[str, tuple[str, ...]] = {}

    def run(self, operations: Sequence[tuple[Lowered, str]]) -> Schedule:
        for op, _ in operations:  # a channel that first waits is aimed at what it will act on
            if isinstance(op, GatePulse):
                self.first_targets.setdefault(op.channel, (op.atom,))
            elif isinstance(op, Pulse) and isinstance(op.atoms, tuple):
                self.first_targets.setdefault(op.channel, op.atoms)
        for op, place in operations:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._add(op, place)
        duration = max(self.floor, self._end())
        if self.real and duration > self._end():
            self._idle_until(duration)
        frame = []
        for (atom, basis), parts in self.references.items():
            level, sign = FRAME[basis]
            if level in self.target.levels:
                frame.append((atom, level, tuple((sign * factor, e) for factor, e in parts)))
        return Schedule(tuple(self.drives), duration, tuple(frame))

    def _add(self, op: Lowered, place: str) -> None:
        match op:
            case PhaseShift():
                for atom in self._indices(op.atoms):
                    self.references.setdefault((atom, op.basis), []).append((1.0, op.angle))
            case Align():
                self.floor = max(self.floor, self._end())
            case Delay():
                self._delay(op, place)
            case Pulse():
                self._pulse(op, place)
            case DetuningMap():
                self._detuning_map(op, place)
            case GatePulse():
                self._gate(op)
            case _:
                assert_never(op)

    def _indices(self, atoms: str | tuple[str, ...]) -> tuple[int, ...]:
        if atoms == "all":
            return tuple(range(len(self.target.atoms)))
        return tuple(self.target.atoms.index(name) for name in atoms)

    def _end(self) -> int:
        return int(self.sequence.get_duration()) if self.sequence.declared_channels else 0

    def _delay(self, op: Delay, place: str) -> None:
        channels = self.target.device.channels
        duration = self._whole_ns(op.duration_ns, f"{place}.duration_ns")
        if op.channel is None:
            clock = max(channel.clock_period for channel in channels.values())
            self._on_clock(duration, clock, "the device", f"{place}.duration_ns")
            self.floor = max(self.floor, self._end()) + duration
            return
        channel = self.target.channel(op.channel)
        self._on_clock(duration, channel.clock_period, op.channel, f"{place}.duration_ns")
        self._declare(op.channel, None, place)
        self._call(place, self.sequence.delay, duration, op.channel)

    def _pulse(self, op: Pulse, place: str) -> None:
        channel = self.target.channel(op.channel)
        local = channel.addressing == "Local"
        if local == (op.atoms is None or op.atoms == "all"):
            rule = "must name its atoms: the channel is local" if local else "acts on all atoms: it names none"
            raise CapabilityError(f"{place}.atoms: a pulse on {op.channel} {rule}")
        atoms = self._indices(op.atoms) if local and op.atoms is not None else self._indices("all")
        shape = op.amplitude if not isinstance(op.amplitude, Expression) else op.detuning
        assert not isinstance(shape, Expression)
        duration = self._duration(shape, channel, op.channel, place)
        for other in (op.amplitude, op.detuning):
            if not isinstance(other, Expression) and duration_of(other, self.scope) != duration:
                raise CapabilityError(f"{place}: amplitude and detuning must last equally long")
        phases = (*self._reference(atoms, channel.basis, place), (1.0, op.phase))
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
            )
        )
        if op.post_phase_shift != ZERO:
            for atom in atoms:
                self.references.setdefault((atom, channel.basis), []).append((1.0, op.post_phase_shift))

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
        amplitude, detuning, phase = PLACEHOLDER, 0.0, 0.0
        wave_a: Any = pulser.ConstantWaveform(duration, amplitude)
        wave_d: Any = pulser.ConstantWaveform(duration, detuning)
        if self.real:
            wave_a, wave_d, phase = self._real(op, phases, duration)
        elif self.target.channel(channel_id).phase_jump_time > 0:
            with suppress(QmemError, ValueError):  # what is wrong with the values is said where they are evaluated
                real = self._real(op, phases, duration)
                self.target.channel(channel_id).validate_pulse(pulser.Pulse(*real))
                wave_a, wave_d, phase = real
        protocol = self._synchronise(channel_id, op.start_with, op.protocol, place)
        self._call(place, lambda: self.sequence.add(pulser.Pulse(wave_a, wave_d, phase), channel_id, protocol))
        return self._started(channel_id, duration, op.start_with, place)

    def _real(self, op: Pulse, phases: tuple[tuple[float, Expression], ...], duration: int) -> tuple[Any, Any, float]:
        """Return amplitude, detuning and phase with the control values at hand."""
        phase = float(sum(factor * column(e, self.scope)[0] for factor, e in phases))
        wave_a = pulser_waveform(op.amplitude, self.scope, duration)
        return wave_a, pulser_waveform(op.detuning, self.scope, duration), phase

    def _gate(self, op: GatePulse) -> None:
        import pulser

        channel = self.target.channel(op.channel)
        atom = self.target.atoms.index(op.atom)
        self._declare(op.channel, (atom,), op.place)
        references = self._reference((atom,), channel.basis, op.place)
        area, phase = PLACEHOLDER, 0.0
        if self.real or channel.phase_jump_time > 0:
            angle = column(op.angle, self.scope)
            angle = wrapped(angle, op.reach) if op.reach else angle
            area = float(abs(angle[0])) * NS_PER_US / op.duration_ns
            phase = op.phase + (np.pi if angle[0] < 0 else 0.0)
            phase += float(sum(factor * column(e, self.scope)[0] for factor, e in references))
        protocol = self._synchronise(op.channel, None, "min-delay", op.place)
        pulse = pulser.Pulse.ConstantPulse(op.duration_ns, area, 0.0, phase)
        self._call(op.place, self.sequence.add, pulse, op.channel, protocol)
        start = self._started(op.channel, op.duration_ns, None, op.place)
        self.drives.append(
            Drive(
                op.place, op.channel, channel.basis, (atom,), start, start + op.duration_ns, ZERO, ZERO,
                references, op.angle, op.reach, op.phase,
            )
        )  # fmt: skip

    def _detuning_map(self, op: DetuningMap, place: str) -> None:
        import pulser

        channel = self.target.channel(op.channel)
        duration = self._duration(op.detuning, channel, op.channel, place)
        if op.channel not in self.sequence.declared_channels:
            weights = {name: op.weights.get(name, 0.0) for name in self.target.atoms}
            made = self._call(place, self.target.register.define_detuning_map, weights)
            self._call(place, self.sequence.config_detuning_map, made, op.channel)
            self._map = op.weights
        elif op.weights != self._map:
            raise CapabilityError(f"{place}.weights: a segment can hold one detuning map per DMM channel")
        wave: Any = pulser.ConstantWaveform(duration, 0.0)
        if self.real:
            wave = pulser_waveform(op.detuning, self.scope, duration)
        protocol = self._synchronise(op.channel, op.start_with, "no-delay", place)
        self._call(place, self.sequence.add_dmm_detuning, wave, op.channel, protocol)
        start = self._started(op.channel, duration, op.start_with, place)
        atoms = tuple(i for i, name in enumerate(self.target.atoms) if name in op.weights)
        weights_of = tuple(op.weights[self.target.atoms[i]] for i in atoms)
        self.drives.append(
            Drive(
                place, op.channel, channel.basis, atoms, start, start + duration, ZERO, op.detuning,
                weights=weights_of,
            )
        )  # fmt: skip

    def _reference(self, atoms: tuple[int, ...], basis: str, place: str) -> tuple[tuple[float, Expression], ...]:
        found = [tuple(self.references.get((atom, basis), ())) for atom in atoms]
        if any(other != found[0] for other in found):
            raise CapabilityError(f"{place}: one pulse cannot act on atoms with different phase references")
        return found[0]

    def _declare(self, channel_id: str, atoms: tuple[int, ...] | None, place: str) -> None:
        names = [self.target.atoms[i] for i in atoms] if atoms is not None else None
        if channel_id not in self.sequence.declared_channels:
            local = self.target.channel(channel_id).addressing == "Local"
            waiting = self.first_targets.get(channel_id, (self.target.atoms[0],))
            initial = names if names is not None else (list(waiting) if local else None)
            self._call(place, self.sequence.declare_channel, channel_id, channel_id, initial_target=initial)
        elif names is not None:
            self._call(place, self.sequence.target, names, channel_id)

    def _synchronise(self, channel_id: str, start_with: str | None, protocol: Protocol, place: str) -> Protocol:
        """Wait on the channel until the floor, or until the previous block's start."""
        wanted = self.last_start if start_with == "previous" else self.floor
        now = int(self.sequence.get_duration(channel_id))
        if wanted > now:
            self._call(place, self.sequence.delay, wanted - now, channel_id)
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
        if not self.sequence.declared_channels:
            usable = {
                name: channel
                for name, channel in self.target.device.channels.items()
                if (channel.basis == "digital") == ("r" not in self.target.levels and "h" in self.target.levels)
                and (channel.basis == "XY") == ("0" in self.target.levels)
            }
            self._declare(next(iter(usable)), None, "delay")
        name = next(iter(self.sequence.declared_channels))
        now = int(self.sequence.get_duration(name))
        self._call("delay", self.sequence.delay, end - now, name)

    def _duration(self, shape: Waveform, channel: Any, channel_id: str, place: str) -> int:
        where = f"{place}.duration_ns"
        duration = self._whole_ns(shape.duration_ns, where)
        if duration < channel.min_duration:
            raise CapabilityError(
                f"{where}: must be at least {channel.min_duration} ns on {channel_id} of "
                f"{self.target.device.name} ({duration})"
            )
        self._on_clock(duration, channel.clock_period, channel_id, where)
        return duration

    def _whole_ns(self, expression: Expression, place: str) -> int:
        value = float(column(expression, self.scope)[0])
        if not np.isfinite(value) or value != round(value) or not 0 < value <= 1e8:
            raise CapabilityError(f"{place}: must be a whole number of nanoseconds, 1 to 100000000 ({value:g})")
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
