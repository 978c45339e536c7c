"""From a built Pulser sequence to a program that plays the same samples, nanosecond by nanosecond, and measures.

The schedule is translated, not the calls that made it: protocols, alignments, delays, retargeting and phase
references have become times and phases by then. So EOM mode and the SLM mask of the Ising mode come over as the
pulses and detunings that they stand for. Every translation is exported again and compared with its source.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.shapes import pulser_waveform
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.compile.to_pulser import plan_segment, to_pulser
from rydberg_qmem.errors import CapabilityError, InputError, QmemError
from rydberg_qmem.language.blocks import AnyBlock, Delay, DetuningMap, Measure, Pulse
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register
from rydberg_qmem.language.waveforms import (
    ZERO,
    Blackman,
    Composite,
    Constant,
    Custom,
    Interpolated,
    Kaiser,
    Ramp,
    Waveform,
)

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


def from_pulser(sequence: Any, *, name: str = "from_pulser", key: str = "m", basis: str | None = None) -> Program:
    """Return a program that plays a built `pulser.Sequence` (or its abstract JSON) and measures all its atoms.

    The outcome is kept under `key`, in the basis that the sequence measures, or else in `basis`, or else in the
    only one that it addresses. Raises InputError for a sequence that is not built, that addresses several bases
    and measures none, or that holds what a program cannot say, such as an SLM mask on microwaves.

    >>> import pulser
    >>> sequence = pulser.Sequence(pulser.Register({"q": (0, 0)}), pulser.MockDevice)
    >>> sequence.declare_channel("ryd", "rydberg_global")
    >>> sequence.add(pulser.Pulse.ConstantPulse(200, 3.0, 0.0, 0.0), "ryd")
    >>> [block.kind for block in from_pulser(sequence).body]
    ['pulse', 'measure']
    """
    built = _built(sequence)
    names = _names(built.register.qubit_ids)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = json.loads(built.to_abstract_repr(skip_validation=True))
        device, channels = _channels(built, told)
        body = _blocks(built, told, channels, names)
    measured = told["measurement"] or basis or _only_basis(built)
    positions = {names[q]: tuple(place.as_array(detach=True).tolist()) for q, place in built.register.qubits.items()}
    program = Program(
        name=name,
        device=device,
        register=Register(atoms=positions),
        body=(*body, Measure(atoms="all", key=key, basis=measured)),
    )
    _compare(program, built, channels, names)
    return program


def _built(sequence: Any) -> Any:
    import pulser

    if isinstance(sequence, str | Mapping):
        text = sequence if isinstance(sequence, str) else json.dumps(sequence)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sequence = pulser.Sequence.from_abstract_repr(text)
        except Exception as error:  # Pulser's schema errors come in several types, pages long
            short = str(error).splitlines()[0]
            raise InputError(f"is not a sequence in Pulser's abstract form ({type(error).__name__}: {short})") from None
    if not isinstance(sequence, pulser.Sequence):
        raise InputError(f"from_pulser: must be given a pulser.Sequence ({type(sequence).__name__})")
    if sequence.is_parametrized() or sequence.is_register_mappable():
        raise InputError("from_pulser: the sequence must be built first: sequence.build(variable=value, …)")
    if not sequence.declared_channels:
        raise InputError("from_pulser: the sequence declares no channel")
    return sequence


def _names(ids: tuple[Any, ...]) -> dict[Any, str]:
    """Return a name that expressions can read for each qubit: its own where it can."""
    made: dict[Any, str] = {}
    for qubit in ids:
        text = re.sub(r"\W", "_", str(qubit), flags=re.ASCII)
        text = text if text[:1].isalpha() and text[0] != "_" else f"q{text.lstrip('_')}"
        while text in made.values():
            text += "_"
        made[qubit] = text
    return made


def _only_basis(sequence: Any) -> str:
    bases = sorted(sequence.get_addressed_bases())
    if len(bases) == 1:
        return str(bases[0])
    found = " and ".join(bases) or "none"
    raise InputError(f"from_pulser: the sequence measures nothing and addresses {found}: give the basis to measure in")


# --- channels ---


def _channels(sequence: Any, told: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return the device, and its channel for each declared name; a channel declared twice is there twice."""
    device, channels = sequence.device, {}
    for name in sequence.declared_channels:
        wanted = told["channels"].get(name) or re.match(r"dmm_\d+", name).group()  # type: ignore[union-attr]
        if wanted in channels.values():
            device, wanted = _with_copy(device, wanted)
        channels[name] = wanted
    return device, channels


def _with_copy(device: Any, channel_id: str) -> tuple[Any, str]:
    """Return a virtual device with one more channel like one that it has."""
    if channel_id.startswith("dmm_"):
        copies = (*device.dmm_objects, device.dmm_channels[channel_id])
        return replace(device, dmm_objects=copies), f"dmm_{len(copies) - 1}"
    fresh = next(made for i in range(2, 1000) if (made := f"{channel_id}_{i}") not in device.channels)
    channels = {**device.channels, fresh: device.channels[channel_id]}
    return replace(device, channel_objects=tuple(channels.values()), channel_ids=tuple(channels)), fresh


# --- schedule to blocks ---


def _blocks(sequence: Any, told: Mapping[str, Any], channels: Mapping[str, str], names: Mapping[Any, str]) -> Any:
    from pulser.sampler import sample

    samples = sample(sequence)
    _refuse_masked_microwaves(sequence, told)
    slots = [
        slot
        for name, channel in channels.items()
        for slot in _slots(sequence, told, name, channel, samples.channel_samples[name], names)
    ]
    played = _Timeline({channels[n]: c for n, c in sequence.declared_channels.items()}, {})
    body: list[AnyBlock] = []
    for slot in sorted(slots, key=lambda slot: slot.start):  # channels keep their own order
        body += played.add(slot)
    return (*body, *played.until(samples.max_duration))


def _refuse_masked_microwaves(sequence: Any, told: Mapping[str, Any]) -> None:
    masked = any(op["op"] == "config_slm_mask" for op in told["operations"]) or told.get("slm_mask_targets")
    if "XY" not in {channel.basis for channel in sequence.declared_channels.values()}:
        return
    if masked:
        raise InputError("from_pulser: an SLM mask on microwave pulses cannot be said in a program")
    field = np.asarray(sequence.magnetic_field, dtype=float)
    if np.any(field[:2]) or field[2] <= 0:
        raise InputError(f"from_pulser: the magnetic field must be along z in a program ({field.tolist()})")


def _slots(
    sequence: Any, told: Mapping[str, Any], name: str, channel: str, samples: Any, names: Mapping[Any, str]
) -> Iterator[_Slot]:
    arrays = {part: getattr(samples, part).as_array(detach=True) for part in ("amp", "det", "phase")}
    kept = list(_told(told, name))
    local = sequence.declared_channels[name].addressing == "Local"
    weights = None
    if getattr(samples, "detuning_map", None) is not None:
        given = samples.detuning_map.get_qubit_weight_map(sequence.register.qubits)
        weights = {names[q]: float(w) for q, w in given.items() if w}
    for slot in samples.slots:
        span = slice(slot.ti, slot.tf)
        first: tuple[Any, Any] = kept[0] if kept else (None, None)
        amplitude, detuning = _shape(first[0], arrays["amp"][span]), _shape(first[1], arrays["det"][span])
        if kept and not (isinstance(amplitude, Custom) and first[0].get("kind") != "custom"):
            kept.pop(0)
        atoms = tuple(label for q, label in names.items() if q in slot.targets) if local else None
        phase = float(arrays["phase"][slot.ti])
        yield _Slot(channel, slot.ti, slot.tf, atoms, amplitude, detuning, phase, weights)


def _told(told: Mapping[str, Any], name: str) -> Iterator[tuple[Any, Any]]:
    """Yield the waveforms that the sequence's calls gave for a channel, in order."""
    zero = {"kind": "constant", "value": 0.0, "duration": 0}
    for op in told["operations"]:
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
            made = _named(told, count)
            if np.array_equal(pulser_waveform(made, {}, count).samples.as_array(detach=True), samples):
                return made
        except (QmemError, ValueError, KeyError, AssertionError):
            pass  # what cannot be said by its name is said by its samples
    return Custom(samples=tuple(samples.tolist()))


def _named(told: Mapping[str, Any], count: int) -> Waveform:
    """Return a waveform of the language for one in Pulser's abstract form."""
    match told["kind"]:
        case "constant":
            return Constant(duration_ns=told["duration"], value=told["value"])
        case "ramp":
            return Ramp(duration_ns=told["duration"], start=told["start"], stop=told["stop"])
        case "blackman" | "blackman_max":
            return Blackman(duration_ns=told.get("duration", count), area=told["area"])
        case "kaiser" | "kaiser_max":
            return Kaiser(duration_ns=told.get("duration", count), area=told["area"], beta=told["beta"])
        case "interpolated":
            return Interpolated(duration_ns=told["duration"], values=told["values"], times=told["times"])
        case "custom":
            return Custom(samples=told["samples"])
        case "composite":
            return Composite(waveforms=tuple(_named(part, 0) for part in told["waveforms"]))
        case kind:
            raise KeyError(kind)


@dataclass
class _Timeline:
    """Where each channel stands as the program plays, so that the next pulse starts where it should."""

    devices: Mapping[str, Any]
    ends: dict[str, int]
    targets: dict[str, tuple[tuple[str, ...], int]] | None = None
    weights: dict[str, Mapping[str, float]] | None = None

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
        self.weights = {**(self.weights or {}), slot.channel: weights}
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
        self.targets = self.targets or {}
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
            plain = [c for c, device in self.devices.items() if c not in (self.weights or {}) and device.basis]
            channel = next((c for c in plain if not c.startswith("dmm_")), plain[0])
            yield Delay(duration_ns=Expression(end - self.ends.get(channel, 0)), channel=channel)


def _clocked(channel: Any, duration_ns: int) -> int:
    """Return a duration as a channel makes it: at least its shortest, on its clock."""
    if duration_ns <= 0:
        return 0
    longest = max(duration_ns, channel.min_duration)
    return int(-(-longest // channel.clock_period) * channel.clock_period)


# --- the proof ---


def _compare(program: Program, sequence: Any, channels: Mapping[str, str], names: Mapping[Any, str]) -> None:
    """Export the program again and hold its samples against the sequence's: the same, to the last bit."""
    from pulser.sampler import sample

    compiled = compile_program(program)
    segments = [step for step in compiled.steps if isinstance(step, Segment)]
    if not segments:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = sample(to_pulser(plan_segment(segments[0], compiled.target), {}))
        want = sample(sequence)
    mine = _by_atom(made.to_nested_dict(all_local=True)["Local"], {q: q for q in names.values()})
    theirs = _by_atom(want.to_nested_dict(all_local=True)["Local"], names)
    for place in mine.keys() | theirs.keys():
        if not _same(mine.get(place), theirs.get(place)):
            raise CapabilityError(f"from_pulser: cannot say what {place[1]} is played in {place[0]} in blocks")


def _by_atom(nested: Mapping[str, Any], names: Mapping[Any, str]) -> dict[tuple[str, str], Mapping[str, Samples]]:
    return {(basis, names[q]): parts for basis, atoms in nested.items() for q, parts in atoms.items()}


def _same(one: Mapping[str, Samples] | None, two: Mapping[str, Samples] | None) -> bool:
    """Return whether two sets of samples do the same: phases count where something is played."""
    if one is None or two is None:
        present = one or two or {}
        return not any(np.any(present[part]) for part in ("amp", "det") if part in present)
    if any(not np.array_equal(one[part], two[part]) for part in ("amp", "det")):
        return False
    played = one["amp"] != 0
    return bool(np.array_equal(one["phase"][played], two["phase"][played]))
