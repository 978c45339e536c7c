"""One `pulser.Sequence` per segment: timing from Pulser itself, numbers from the branches' control values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile import eom
from rydberg_qmem.compile.channels import GatePulse, Lowered
from rydberg_qmem.compile.gates import lower
from rydberg_qmem.compile.shapes import Scope, area_shape, column, duration_of, pulser_waveform, timing_of
from rydberg_qmem.compile.steps import Placed, Segment, expressions_in
from rydberg_qmem.compile.target import FRAME, Target
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
    PulseShape,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.values import Tagged
from rydberg_qmem.language.waveforms import ZERO, Composite, Constant, Waveform
from rydberg_qmem.units import NS_PER_US

MOST_PLANS = 256
"""Plans of one target that are kept."""
MOST_SCHEDULES = 20_000
"""Timings of one segment that are kept."""
WEIGHT_DIGITS = 6
"""Decimals of a detuning map's weights, as in Pulser."""
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
    phase: Waveform | None = None
    angle: Expression | None = None
    reach: float = 0.0
    fixed_phase: float = 0.0
    shape: PulseShape = "square"
    """Of a drive whose area is its `angle`."""
    weights: tuple[float, ...] | None = None

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names that the drive's samples depend on."""
        found = shape_names(self.amplitude) | shape_names(self.detuning) | shape_names(self.phase)
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
    """A segment's drives in time, how long it lasts, and the phase references that it leaves behind.

    Where EOM mode, SLM mask or output modulation shape what is played, its `sequence`, built for one setting of all
    control values, says what the drives become.
    """

    drives: tuple[Drive, ...]
    duration_ns: int
    frame: tuple[tuple[int, str, tuple[tuple[float, Expression], ...]], ...] = ()
    fixed: dict[Any, Any] = field(default_factory=dict, compare=False)
    """Samples of drives that no control value changes, kept when first evaluated."""
    sequence: Any = field(default=None, compare=False)
    crossed: str = ""
    """Place of a pulse that plays at once with another, out of phase, on one transition of one atom."""
    serial: int = field(default_factory=count().__next__, compare=False)
    """What tells it from every other schedule of the process."""


@dataclass
class Plan:
    """A segment lowered for a target, with its schedules, one for each timing that has come up."""

    segment: Segment
    target: Target
    operations: tuple[tuple[Lowered, str], ...] = ()
    timing: tuple[Expression, ...] = ()
    sampled: bool = False
    """Whether it is played from Pulser's samples, one schedule for each setting of all its controls."""
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
        match op:
            case Pulse() | GatePulse() | DetuningMap() | SLMMask() | EnableEOM() | EOMPulse() | ModifyEOM():
                return str(self.target.channel(op.channel).basis)
            case _:
                return ""

    def _acts_on(self, op: Lowered) -> frozenset[int]:
        match op:
            case Pulse():
                return frozenset(self.indices(op.atoms if op.atoms is not None else "all"))
            case GatePulse():
                return frozenset(self.indices((op.atom,)))
            case DetuningMap():
                return frozenset(self.indices(tuple(op.weights)))
            case EnableEOM() | EOMPulse() | ModifyEOM():
                return frozenset(self.indices("all"))
            case SLMMask():
                return frozenset(self.indices(op.atoms))
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
        return self.cache[key]  # type: ignore[no-any-return]  # each kind of key has its own kind of value

    def durations(self, scope: Scope, rows: int) -> NDArray[np.int64]:
        """Return how long the segment takes in each row (ns)."""
        made = np.zeros(rows, dtype=np.int64)
        for schedule, chosen, _ in timed(self, scope, rows):
            made[chosen] = schedule.duration_ns
        return made

    def schedule(self, values: tuple[float, ...], scope: Scope) -> Schedule:
        """Return the schedule for one setting of the expressions that timing depends on."""
        if values not in self.schedules:
            if len(self.schedules) >= MOST_SCHEDULES:
                self.schedules.clear()
                self.cache.clear()
            self.schedules[values] = _Builder(self.target, scope, real=self.sampled).run(self.operations)
        return self.schedules[values]


def plan_segment(segment: Segment, target: Target) -> Plan:
    """Lower a segment's gates and find what its timing depends on, once for each segment and target."""
    if segment not in target.plans:
        if len(target.plans) >= MOST_PLANS:
            target.plans.clear()
        target.plans[segment] = _planned(segment, target)
    return target.plans[segment]  # type: ignore[no-any-return]  # held as Any: plans stand above targets


def _planned(segment: Segment, target: Target) -> Plan:
    operations = tuple((op, placed.place) for placed in segment.blocks for op in _lowered(placed, target))
    eom.check_modes(operations, target)
    sampled = eom.from_samples(operations, target)
    timing: dict[Expression, None] = {}
    for op, _ in operations:
        for expression in expressions_in(op) if sampled else _timing_of(op, target):
            if not expression.is_constant:
                timing[expression] = None
    return Plan(segment, target, operations, tuple(timing), sampled)


def _lowered(placed: Placed, target: Target) -> tuple[Lowered, ...]:
    try:
        return lower(placed.block, placed.place, target)
    except CapabilityError as error:
        raise CapabilityError(f"{placed.place}: {error}") from None


def _timing_of(op: Lowered, target: Target) -> tuple[Expression, ...]:
    match op:
        case Pulse():
            if fades(target.channel(op.channel)):  # then it also depends on phases, and on how pulses fade
                return (*timing_of(timed_shape(op)), *expressions_in(op))
            return timing_of(timed_shape(op))
        case DetuningMap():
            length = timing_of(op.detuning)
            return (*length, *expressions_in(op)) if fades(target.channel(op.channel)) else length
        case Delay():
            return (op.duration_ns,)
        case PhaseShift():
            return (op.angle,) if any(fades(c) for c in target.device.channels.values()) else ()
        case GatePulse():
            return expressions_in(op) if fades(target.channel(op.channel)) else ()
        case Align() | Retarget() | SLMMask() | DisableEOM():
            return ()
        case EnableEOM() | EOMPulse() | ModifyEOM():
            return expressions_in(op)
        case _:
            assert_never(op)


def timed_shape(op: Pulse) -> Waveform:
    """Return the waveform that a lowered pulse's duration is that of."""
    shapes = (op.amplitude, op.detuning, op.phase)
    return next(shape for shape in shapes if not isinstance(shape, Expression))


def fades(channel: Any) -> bool:
    """Return whether timing on a channel depends on its pulses' values."""
    return bool(channel.mod_bandwidth) or channel.phase_jump_time > 0


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


def samples_of(plan: Plan, scope: Scope, duration_ns: int) -> Any:
    """Return Pulser's samples of the segment for one row, modulated if the program asks, `duration_ns` or longer."""
    return played(to_pulser(plan, scope), plan.target, duration_ns)


def played(sequence: Any, target: Target, duration_ns: int) -> Any:
    """Return the samples of a sequence as the channels put them out."""
    from pulser.sampler import sample

    end = max(duration_ns, int(sequence.get_duration(include_fall_time=target.with_modulation)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # channels without a bandwidth put out what is put in
        return sample(sequence, modulation=target.with_modulation, extended_duration=end)


def wrapped(angle: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Return angles in [-reach, reach), turns of 2 reach taken off."""
    return np.asarray(angle - 2 * reach * np.floor((angle + reach) / (2 * reach)))


def validate_register(target: Target) -> None:
    """Let Pulser hold the register against the device: distances, radius, number of atoms, layout."""
    _Builder(target, {}, real=False)


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


def overlapping(drives: Sequence[Drive]) -> str:
    """Return the place of a drive that shares an atom's transition with another out of phase; refuse detuned ones.

    Fields in phase add as in Pulser: amplitudes, and detunings as shifts of the level. Out of phase they add as
    Ω exp(-iφ) where both are resonant; detuned ones have no frame that turns with both.
    """
    crossed = ""
    running: dict[tuple[int, str], Drive] = {}
    for drive in sorted(filter(_drives, drives), key=lambda drive: drive.start):
        for atom in drive.atoms:
            other = running.get((atom, drive.basis))
            if other is not None and other.stop > drive.start and not all(_in_phase(one) for one in (drive, other)):
                if not all(one.detuning == ZERO and one.phase is None for one in (drive, other)):
                    raise CapabilityError(
                        f"{drive.place}: plays at once with {other.place} on one atom's {drive.basis} transition: "
                        "out of phase, both must be resonant"
                    )
                crossed = crossed or drive.place
            if other is None or drive.stop > other.stop:
                running[(atom, drive.basis)] = drive
    return crossed


def _drives(drive: Drive) -> bool:
    off = isinstance(drive.amplitude, Expression) and drive.amplitude == ZERO
    off |= isinstance(drive.amplitude, Constant) and ZERO in (drive.amplitude.value, drive.amplitude.area)
    return drive.angle is not None or not off


def _in_phase(drive: Drive) -> bool:
    steady = drive.angle is None and not drive.fixed_phase and drive.phase is None
    return steady and all(e == ZERO for _, e in drive.phases)


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
        self.aims: dict[str, tuple[int, ...]] = {}
        self.first_maps: dict[str, DetuningMap] = {}
        self.maps: dict[str, tuple[str, DetuningMap]] = {}
        self.setpoints: dict[str, EnableEOM | ModifyEOM] = {}

    def run(self, operations: Sequence[tuple[Lowered, str]]) -> Schedule:
        for op, _ in operations:  # a channel that first waits is aimed at what it will act on
            if isinstance(op, GatePulse):
                self.first_targets.setdefault(op.channel, (op.atom,))
            elif isinstance(op, Pulse | Retarget) and isinstance(op.atoms, tuple):
                self.first_targets.setdefault(op.channel, op.atoms)
            elif isinstance(op, DetuningMap):
                self.first_maps.setdefault(op.channel, op)
        for op, place in operations:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._add(op, place)
        duration = max(self.floor, self._end(at_rest=self.target.with_modulation))
        self._check_length(duration, operations)
        if self.real and duration > self._end(at_rest=self.target.with_modulation):
            self._idle_until(duration)
        crossed = overlapping(self.drives)
        if not self.real:
            return Schedule(tuple(self.drives), duration, self._frame(), crossed=crossed)
        return Schedule(tuple(self.drives), duration, self._frame(), sequence=self.sequence, crossed=crossed)

    def _frame(self) -> tuple[tuple[int, str, tuple[tuple[float, Expression], ...]], ...]:
        """Return the phase references at the end; Pulser's own are those that correct an EOM's drift."""
        bases = {channel.basis for channel in self.sequence.declared_channels.values()} if self.real else set()
        for basis in sorted(bases):
            for atom, name in enumerate(self.target.atoms):
                drift = float(self.sequence.current_phase_ref(name, basis))
                if drift:
                    self.references.setdefault((atom, basis), []).append((1.0, Expression(drift)))
        frame = []
        for (atom, basis), parts in self.references.items():
            level, sign = FRAME[basis]
            if level in self.target.levels:
                frame.append((atom, level, tuple((sign * factor, e) for factor, e in parts)))
        return tuple(frame)

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
                self.floor = max(self.floor, self._end(at_rest=op.at_rest))
            case Align(channels=channels):
                for name in channels or ():
                    self._ready(name, place)
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
            case EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM():
                self._eom(op, place)
            case _:
                assert_never(op)

    def _shift(self, atoms: tuple[int, ...], basis: str, angle: Expression, place: str) -> None:
        """Shift phase references; Pulser is told of a shift by nothing, which orders pulses around it in time."""
        for atom in atoms:
            self.references.setdefault((atom, basis), []).append((1.0, angle))
        if any(channel.basis == basis for channel in self.sequence.declared_channels.values()):
            names = [self.target.atoms[i] for i in atoms]
            self._call(place, self.sequence.phase_shift, 0.0, *names, basis=basis)

    def _retarget(self, op: Retarget, place: str) -> None:
        if self.target.channel(op.channel).addressing != "Local":
            raise CapabilityError(f"{place}.channel: {op.channel} acts on all atoms, it has no target")
        self._declare(op.channel, self._indices(op.atoms), place)

    def _eom(self, op: EOM, place: str) -> None:
        channel = self.target.channel(op.channel)
        self._declare(op.channel, None, place)
        protocol = "min-delay" if not isinstance(op, EOMPulse) else op.protocol
        self._synchronise(op.channel, None, protocol, place)
        if not isinstance(op, EOMPulse):
            if not isinstance(op, DisableEOM):
                self.setpoints[op.channel] = op
            self._call(place, eom.call, self.sequence, op, self._number, 0.0)
            return
        atoms = self._aimed_at(op.channel)
        duration = self._fitting(self._whole_ns(op.duration_ns, f"{place}.duration_ns"), op.channel, place)
        phases = (*self._reference(atoms, channel.basis, place), (1.0, op.phase))
        phase = sum(factor * self._number(e) for factor, e in phases)
        self._call(place, eom.call, self.sequence, op, self._number, phase)
        start = self._started(op.channel, duration, None, place)
        point = self.setpoints[op.channel]
        ends = start, start + duration
        self.drives.append(
            Drive(place, op.channel, channel.basis, atoms, *ends, point.amp_on, point.detuning_on, phases)
        )
        if op.post_phase_shift != ZERO:
            self._shift(atoms, channel.basis, op.post_phase_shift, place)

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
        duration = self._whole_ns(op.duration_ns, f"{place}.duration_ns")
        if op.channel is None:
            clock = max(channel.clock_period for channel in channels.values())
            self._on_clock(duration, clock, "the device", f"{place}.duration_ns")
            self.floor = max(self.floor, self._end()) + duration
            return
        channel = self.target.channel(op.channel)
        self._on_clock(duration, channel.clock_period, op.channel, f"{place}.duration_ns")
        self._ready(op.channel, place)
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
        if op.post_phase_shift != ZERO:
            self._shift(atoms, channel.basis, op.post_phase_shift, place)

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
        pulse = None
        if self.real:
            pulse = self._call(place, self._real, op, phases, duration)
        elif fades(channel):
            with suppress(QmemError, ValueError):  # what is wrong with the values is said where they are evaluated
                real = self._real(op, phases, duration)
                channel.validate_pulse(real)
                pulse = real
        if pulse is None:
            flat = level_only if not channel.mod_bandwidth else pulser.ConstantWaveform
            pulse = pulser.Pulse(flat(duration, max(PLACEHOLDER, channel.min_avg_amp)), flat(duration, 0.0), 0.0)
        protocol = self._synchronise(channel_id, op.start_with, op.protocol, place)
        self._call(place, self.sequence.add, pulse, channel_id, protocol)
        return self._started(channel_id, duration, op.start_with, place)

    def _real(self, op: Pulse, phases: tuple[tuple[float, Expression], ...], duration: int) -> Any:
        """Return Pulser's pulse with the control values at hand."""
        import pulser

        phase = sum(factor * self._number(e) for factor, e in phases)
        amplitude = pulser_waveform(op.amplitude, self.scope, duration)
        if isinstance(op.phase, Expression):
            return pulser.Pulse(amplitude, pulser_waveform(op.detuning, self.scope, duration), phase)
        made = pulser.Pulse.ArbitraryPhase(amplitude, pulser_waveform(op.phase, self.scope, duration))
        return pulser.Pulse(made.amplitude, made.detuning, float(made.phase) + phase)

    def _gate(self, op: GatePulse) -> None:
        import pulser

        channel = self.target.channel(op.channel)
        atom = self.target.atoms.index(op.atom)
        self._declare(op.channel, (atom,), op.place)
        references = self._reference((atom,), channel.basis, op.place)
        area, phase = PLACEHOLDER * op.duration_ns / NS_PER_US, 0.0
        if self.real or fades(channel):
            angle = column(op.angle, self.scope)
            angle = wrapped(angle, op.reach) if op.reach else angle
            area = float(abs(angle[0]))
            phase = op.phase + (np.pi if angle[0] < 0 else 0.0)
            phase += float(sum(factor * column(e, self.scope)[0] for factor, e in references))
        protocol = self._synchronise(op.channel, None, "min-delay", op.place)
        wave = pulser_waveform(area_shape(op.shape, Expression(area), op.duration_ns), {}, op.duration_ns)
        pulse = pulser.Pulse.ConstantDetuning(wave, 0.0, phase)
        self._call(op.place, self.sequence.add, pulse, op.channel, protocol)
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
        self._call(place, self.sequence.add_dmm_detuning, wave, name, protocol)
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
        weights = {name: op.weights.get(name, 0.0) for name in self.target.atoms}
        before = set(self.sequence.declared_channels)
        made = self._call(place, self.target.register.define_detuning_map, weights)
        self._call(place, self.sequence.config_detuning_map, made, op.channel)
        new = set(self.sequence.declared_channels) - before
        self.maps[op.channel] = max(new, key=len), op  # an SLM mask that waited for the mode takes the shorter name

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
            if local:
                self.aims[channel_id] = atoms or self._indices(tuple(initial or ()))
        elif names is not None:
            self._call(place, self.sequence.target, names, channel_id)
            self.aims[channel_id] = atoms or ()

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
