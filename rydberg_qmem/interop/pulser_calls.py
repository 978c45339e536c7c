"""From the calls that made a Pulser sequence to blocks, one for one: protocols, alignment and phase shifts stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rydberg_qmem.devices import mask_map_of
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.interop.pulser_operations import Operation
from rydberg_qmem.language.blocks import (
    Align,
    AnyBlock,
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
from rydberg_qmem.language.expressions import Expression
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

EOM_CALLS: dict[str, type[EnableEOM | ModifyEOM]] = {"enable_eom_mode": EnableEOM, "modify_eom_setpoint": ModifyEOM}


def called(
    sequence: Any, operations: tuple[Operation, ...], channels: Mapping[str, str], names: Mapping[Any, str]
) -> tuple[AnyBlock, ...]:
    """Return the blocks of a sequence's operations.

    `channels` says which channel of the device a declared name means, and `names` how an atom is called. Raises
    CapabilityError for a call that no block says.
    """
    mask = channels.get(mask_map_of(sequence) or "")
    maps, turning = weights_of(sequence, names), frozenset(_turning(operations))
    calls = _Calls(channels, names, maps, sequence.declared_channels, turning, mask)
    return tuple(block for operation in operations for block in calls.block(operation))


def _turning(operations: tuple[Operation, ...]) -> Iterator[str]:
    for name in {op["channel"] for op in operations if op["op"] == "target"}:
        acts = [op["op"] for op in operations if op.get("channel") == name and op["op"] != "delay"]
        if not (acts[1:2] and acts[1].startswith("pulse")):
            yield name


def weights_of(sequence: Any, names: Mapping[Any, str]) -> dict[str, dict[str, float]]:
    """Return the weights of each declared DMM's detuning map, by atom, where they are not zero for all of them."""
    from pulser.sampler import sample

    made = {}
    channels: Mapping[str, Any] = sample(sequence).channel_samples
    for channel, samples in channels.items():
        if getattr(samples, "detuning_map", None) is not None:
            weights = samples.detuning_map.get_qubit_weight_map(sequence.register.qubits)
            dark = not any(weights.values())  # it detunes traps without atoms alone
            made[channel] = {names[qubit]: float(weight) for qubit, weight in weights.items() if weight or dark}
    return made


@dataclass
class _Calls:
    channels: Mapping[str, str]
    names: Mapping[Any, str]
    maps: Mapping[str, Mapping[str, float]]
    devices: Mapping[str, Any]
    turning: frozenset[str]
    """Channels that are aimed and do something else before they play a pulse."""
    mask: str | None = None
    aims: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def block(self, call: Operation) -> Iterator[AnyBlock]:
        """Yield what stands for one call."""
        name = call.get("channel", "")
        channel = self.channels.get(name, "")
        if call["op"] == "target":
            yield from self._target(name, self._atoms(call["targets"]))
            return
        match call["op"]:
            case "pulse" | "pulse_arbitrary_phase":
                yield self._pulse(call, channel)
            case "add_dmm_detuning":
                yield DetuningMap(
                    weights=self.maps[call["dmm_name"]],
                    detuning=self._shape(call["waveform"], call["dmm_name"]),
                    channel=self.channels[call["dmm_name"]],
                    protocol=call["protocol"],
                )
            case "delay":
                duration = self._clocked(call["duration"], name)
                yield Delay(duration_ns=duration, channel=channel, at_rest=bool(call.get("at_rest")))
            case "align":
                among = tuple(self.channels[name] for name in call["channels"])
                yield Align(channels=among, at_rest=bool(call.get("at_rest", True)))
            case "phase_shift":
                yield PhaseShift(atoms=self._atoms(call["targets"]) or "all", angle=call["phi"], basis=call["basis"])
            case "config_slm_mask":
                yield SLMMask(atoms=self._atoms(call["targets"]), channel=self.mask or call["dmm_id"])
            case "enable_eom_mode" | "modify_eom_setpoint" as kind:
                given = ("amp_on", "detuning_on", "optimal_detuning_off", "correct_phase_drift")
                yield EOM_CALLS[kind](channel=channel, **{name: call[name] for name in given if name in call})
            case "add_eom_pulse":
                given = ("phase", "post_phase_shift", "protocol", "correct_phase_drift")
                options = {name: call[name] for name in given if name in call}
                yield EOMPulse(channel=channel, duration_ns=self._clocked(call["duration"], name), **options)
            case "disable_eom_mode":
                yield DisableEOM(channel=channel, correct_phase_drift=bool(call.get("correct_phase_drift")))
            case other:
                raise CapabilityError(f"no block says {other}")

    def _target(self, name: str, atoms: tuple[str, ...]) -> Iterator[AnyBlock]:
        """Yield a channel's turn; it begins aimed at what its first pulse acts on, which else is said."""
        if name in self.aims or name in self.turning:
            yield Retarget(atoms=atoms, channel=self.channels[name])
        self.aims[name] = atoms

    def _clocked(self, duration: Any, name: str) -> Expression:
        """Return a duration rounded up to the channel's clock, as Pulser did."""
        clock = self.devices[name].clock_period
        return Expression(-(-int(duration) // clock) * clock)

    def _pulse(self, call: Operation, channel: str) -> Pulse:
        name = call["channel"]
        curve = call["op"] == "pulse_arbitrary_phase"
        phase = self._shape(call["phase"], name) if curve else call["phase"]
        detuning = ZERO if curve else self._shape(call["detuning"], name)
        flat = isinstance(detuning, Constant) and detuning.value == ZERO
        return Pulse(
            channel=channel,
            atoms=self.aims.get(name),
            amplitude=self._shape(call["amplitude"], name),
            detuning=ZERO if flat else detuning,
            phase=phase,
            post_phase_shift=call["post_phase_shift"],
            protocol=call["protocol"],
        )

    def _shape(self, told: Mapping[str, Any], name: str) -> Waveform:
        """Return a waveform, its duration rounded up to the channel's clock as Pulser did."""
        shape = named_waveform(told)
        if isinstance(shape, Custom | Composite):
            return shape
        return shape.unchecked({"duration_ns": self._clocked(told["duration"], name)})

    def _atoms(self, targets: tuple[Any, ...]) -> tuple[str, ...]:
        return tuple(name for qubit, name in self.names.items() if qubit in targets)


def named_waveform(told: Mapping[str, Any]) -> Waveform:
    """Return a waveform of the language for one in Pulser's abstract form."""
    match told["kind"]:
        case "constant":
            return Constant(duration_ns=told["duration"], value=told["value"])
        case "ramp":
            return Ramp(duration_ns=told["duration"], start=told["start"], stop=told["stop"])
        case "blackman":
            return Blackman(duration_ns=told["duration"], area=told["area"])
        case "kaiser":
            return Kaiser(duration_ns=told["duration"], area=told["area"], beta=told["beta"])
        case "interpolated":
            return Interpolated(duration_ns=told["duration"], values=told["values"], times=told["times"])
        case "custom":
            return Custom(samples=told["samples"])
        case "composite":
            return Composite(waveforms=tuple(named_waveform(part) for part in told["waveforms"]))
        case kind:
            raise CapabilityError(f"no waveform of the language is a {kind}")
