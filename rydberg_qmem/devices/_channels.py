"""Channels: which of the device's a gate's pulses use, their clock, and how long a pulse of some area lasts."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, pi
from typing import Any

from rydberg_qmem.devices._target import Target
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.blocks import PulseLevel, PulseShape
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.units import MHZ, NS_PER_US

GATE_RABI = 10 * MHZ
"""Rabi frequency of gate pulses (rad/µs) where the device sets no lower limit."""

BLACKMAN_MEAN = 0.42
"""Mean of a Blackman window whose peak is 1."""


@dataclass(frozen=True)
class GatePulse:
    """A resonant pulse of fixed duration on one atom, whose area is the gate's angle."""

    channel: str
    atom: str
    duration_ns: int
    angle: Expression
    phase: float
    place: str
    reach: float = pi
    """Angles are taken into [-reach, reach), whole turns off; 0 leaves them as they are."""
    shape: PulseShape = "square"


Lowered = PulseLevel | GatePulse


def local_channel(target: Target, basis: str) -> tuple[str, Any]:
    """Return id and channel of the device's local channel for a basis."""
    for name, channel in target.device.channels.items():
        if channel.basis == basis and channel.addressing == "Local":
            return name, channel
    raise CapabilityError(f"{target.device.name} has no local channel in the {basis} basis, which this gate needs")


def several_channel(target: Target, atoms: tuple[str, ...]) -> tuple[str, Any, tuple[str, ...] | None]:
    """Return id, channel and atoms to name of a channel that drives these atoms, and no others, together on g and r.

    That is the global one where they are the whole register, else a local one with as many targets.
    """
    channels = [(name, c) for name, c in target.device.channels.items() if c.basis == "ground-rydberg"]
    for name, channel in channels:
        if channel.addressing == "Global" and set(atoms) == set(target.atoms):
            return name, channel, None
    for name, channel in channels:
        if channel.addressing == "Local" and (channel.max_targets is None or channel.max_targets >= len(atoms)):
            return name, channel, atoms
    raise CapabilityError(
        f"drives {', '.join(atoms)} together, and no other atom: {target.device.name} can do that only where they are "
        "the whole register"
    )


def on_clock(duration_ns: float, channel: Any) -> int:
    """Round a gate's own duration up to the channel's clock and shortest pulse."""
    clock = channel.clock_period
    return int(max(ceil(duration_ns / clock - 1e-9), ceil(channel.min_duration / clock)) * clock)


def rotation_reach(target: Target) -> float:
    """Return the largest angle that a rotation must reach: a full turn where there is a third level.

    A turn by 2π changes the sign of two levels; with a third one beside them that is no global phase.
    """
    return 2 * pi if len(set(target.levels) - {"x"}) > 2 else pi


def area_duration_ns(channel: Any, area: float, shape: PulseShape, rabi: float = GATE_RABI) -> int:
    """Return the shortest duration of a pulse of some area within a Rabi frequency and the channel's amplitude."""
    peak = min(rabi, channel.max_amp or rabi)
    if shape == "blackman":  # as Pulser samples it, both ends zero
        return on_clock(NS_PER_US * area / (BLACKMAN_MEAN * peak) + 1, channel)
    return on_clock(NS_PER_US * area / peak, channel)


def rotation_duration_ns(channel: Any, reach: float, shape: PulseShape = "square") -> int:
    """Return the fixed duration that reaches any angle up to `reach` within the channel's amplitude."""
    return area_duration_ns(channel, reach, shape)
