"""From the calls that made a Pulser sequence to blocks, one for one: protocols, alignment and phase shifts stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rydberg_qmem.errors import CapabilityError
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
    sequence: Any, told: Mapping[str, Any], channels: Mapping[str, str], names: Mapping[Any, str]
) -> tuple[AnyBlock, ...]:
    """Return the blocks of a sequence's calls, which `told`, its abstract form, lists.

    `channels` says which channel of the device a declared name means, and `names` how an atom is called. Raises
    CapabilityError for a call that no block says.
    """
    labels = {str(qubit): name for qubit, name in names.items()}
    calls = _Calls(channels, labels, list(names.values()), weights_of(sequence, names), sequence.declared_channels)
    blocks = tuple(block for call in told["operations"] for block in calls.block(call))
    masked = told.get("slm_mask_targets")  # of the XY mode: Pulser lists it beside the calls
    return (SLMMask(atoms=tuple(labels[str(q)] for q in masked)), *blocks) if masked else blocks


def weights_of(sequence: Any, names: Mapping[Any, str]) -> dict[str, dict[str, float]]:
    """Return the weights of each declared DMM's detuning map, by atom, where they are not zero."""
    from pulser.sampler import sample

    made = {}
    channels: Mapping[str, Any] = sample(sequence).channel_samples
    for channel, samples in channels.items():
        if getattr(samples, "detuning_map", None) is not None:
            weights = samples.detuning_map.get_qubit_weight_map(sequence.register.qubits)
            made[channel] = {names[qubit]: float(weight) for qubit, weight in weights.items() if weight}
    return made


@dataclass
class _Calls:
    channels: Mapping[str, str]
    names: Mapping[str, str]
    order: list[str]
    maps: Mapping[str, Mapping[str, float]]
    devices: Mapping[str, Any]
    aims: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def block(self, call: Mapping[str, Any]) -> Iterator[AnyBlock]:
        """Yield what stands for one call."""
        channel = self.channels.get(call.get("channel", ""), "")
        match call["op"]:
            case "target":
                atoms = self._atoms(call["target"])
                again = call["channel"] in self.aims
                self.aims[call["channel"]] = atoms
                if again:  # a channel begins aimed at what it acts on first
                    yield Retarget(atoms=atoms, channel=channel)
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
                yield Delay(duration_ns=call["time"], channel=channel, at_rest=bool(call.get("at_rest")))
            case "align":
                among = tuple(self.channels[name] for name in call["channels"])
                yield Align(channels=among, at_rest=bool(call.get("at_rest", True)))
            case "phase_shift":
                atoms = tuple(self.order[i] for i in call["targets"])
                yield PhaseShift(atoms=atoms, angle=call["phi"], basis=call["basis"])
            case "config_slm_mask":
                yield SLMMask(atoms=tuple(self.names[str(q)] for q in call["qubits"]), channel=call["dmm_id"])
            case "config_detuning_map":
                pass
            case "enable_eom_mode" | "modify_eom_setpoint" as kind:
                given = ("amp_on", "detuning_on", "optimal_detuning_off", "correct_phase_drift")
                yield EOM_CALLS[kind](channel=channel, **{name: call[name] for name in given if name in call})
            case "add_eom_pulse":
                given = ("phase", "post_phase_shift", "protocol", "correct_phase_drift")
                options = {name: call[name] for name in given if name in call}
                yield EOMPulse(channel=channel, duration_ns=call["duration"], **options)
            case "disable_eom_mode":
                yield DisableEOM(channel=channel, correct_phase_drift=bool(call.get("correct_phase_drift")))
            case other:
                raise CapabilityError(f"no block says {other}")

    def _pulse(self, call: Mapping[str, Any], channel: str) -> Pulse:
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
        channel, duration = self.devices[name], int(told["duration"])
        clocked = -(-duration // channel.clock_period) * channel.clock_period
        return shape.unchecked({"duration_ns": Expression(clocked)})

    def _atoms(self, target: Any) -> tuple[str, ...]:
        wanted = target if isinstance(target, list) else [target]
        return tuple(self.order[i] for i in sorted(wanted))


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
