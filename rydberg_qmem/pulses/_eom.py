"""EOM mode and SLM mask: their rules within a segment, and their calls on a Pulser sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, assert_never

from rydberg_qmem.devices import GatePulse, Lowered, Target
from rydberg_qmem.errors import CapabilityError
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
    Pulse,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.expressions import Expression

Placed = Iterable[tuple[Lowered, str]]


def plays_from_samples(operations: Placed, target: Target) -> bool:
    """Return whether a segment is played from Pulser's samples, its controls together deciding all of it."""
    special = any(isinstance(op, SLMMask | EnableEOM | EOMPulse | ModifyEOM | DisableEOM) for op, _ in operations)
    channels = {name for op, _ in operations if (name := getattr(op, "channel", None)) is not None}
    fading = any(target.channel(name).mod_bandwidth for name in channels)
    return special or (target.with_modulation and fading)


def check_modes(operations: Placed, target: Target) -> None:
    """Refuse EOM blocks out of order, other blocks in EOM mode, and masks that the device does not have."""
    on: set[str] = set()
    masked = False
    for op, place in operations:
        match op:
            case EnableEOM():
                if not target.channel(op.channel).supports_eom():
                    raise CapabilityError(f"{place}.channel: {op.channel} of {target.device.name} has no EOM")
                if op.channel in on:
                    raise CapabilityError(f"{place}: {op.channel} is already in EOM mode")
                on.add(op.channel)
            case EOMPulse() | ModifyEOM() | DisableEOM():
                if op.channel not in on:
                    rule = "is not in EOM mode, which enable_eom_mode begins and the end of a segment ends"
                    raise CapabilityError(f"{place}: {op.channel} {rule}")
                on -= {op.channel} if isinstance(op, DisableEOM) else set()
            case SLMMask():
                _check_mask(place, target, masked)
                masked = True
            case Pulse() | Retarget() if op.channel in on:
                raise CapabilityError(f"{place}: {op.channel} is in EOM mode: add_eom_pulse, or disable_eom_mode first")
            case Pulse() | Retarget() | GatePulse() | DetuningMap() | Delay() | Align() | PhaseShift():
                pass
            case _:
                assert_never(op)


def _check_mask(place: str, target: Target, masked: bool) -> None:
    if not target.device.supports_slm_mask:
        raise CapabilityError(f"{place}: {target.device.name} has no SLM mask")
    if masked:
        raise CapabilityError(f"{place}: a segment can hold one SLM mask")
    if target.with_modulation:
        raise CapabilityError(f"{place}: an SLM mask and with_modulation cannot be used together, as in Pulser")


def add_eom_block(sequence: Any, op: EOM, number: Callable[[Expression], float], pulse: Any = None) -> None:
    """Add one EOM block to a sequence, with the phase and the shift after it that Pulser's `pulse` has."""
    match op:
        case EnableEOM() | ModifyEOM():
            begin = sequence.enable_eom_mode if isinstance(op, EnableEOM) else sequence.modify_eom_setpoint
            begin(
                op.channel,
                amp_on=number(op.amp_on),
                detuning_on=number(op.detuning_on),
                optimal_detuning_off=number(op.optimal_detuning_off),
                correct_phase_drift=op.correct_phase_drift,
            )
        case EOMPulse():
            sequence.add_eom_pulse(
                op.channel,
                int(number(op.duration_ns)),
                float(pulse.phase),
                float(pulse.post_phase_shift),
                protocol=op.protocol,
                correct_phase_drift=op.correct_phase_drift,
            )
        case DisableEOM():
            sequence.disable_eom_mode(op.channel, correct_phase_drift=op.correct_phase_drift)
        case _:
            assert_never(op)
