"""Two-atom gates as pulses: controlled phases of every method, exchange, and rotations under blockade."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import GATE_RABI, GatePulse, Lowered, Target, area_duration_ns, local_channel, several_channel
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates._calibration import Calibration, ChannelLimits, calibrate
from rydberg_qmem.gates._entangling import SteppedPulse
from rydberg_qmem.gates._phase_jump import SplitPulse, shift_series, split_pulse
from rydberg_qmem.language.blocks import (
    CZ,
    ZZ,
    BlockadeRotate,
    CPhase,
    Delay,
    Exchange,
    PhaseShift,
    Pulse,
    PulseShape,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import Blackman, Constant, Custom, Waveform
from rydberg_qmem.units import NS_PER_US

SPLIT = "pi-2pi-pi"
MOST_TURNS = 40
"""Full turns that an exchange may wait longer, to end nearer to the clock."""


def zz_as_cphase(block: ZZ) -> tuple[CPhase, PhaseShift]:
    """Return exp(-i θ/2 ZZ) as a controlled phase of -2θ and a phase of θ on h of both atoms."""
    control, target = block.atoms
    gate = CPhase(
        control=control, target=target, angle=-(block.angle + block.angle), infidelity=block.infidelity,
        method=block.method, shape=block.shape,
    )  # fmt: skip
    return gate, PhaseShift(atoms=block.atoms, angle=block.angle)


def cz_as_cphase(block: CZ) -> CPhase:
    """Return a CZ as a controlled phase of π."""
    return CPhase(
        control=block.control, target=block.target, angle=Expression("pi"), infidelity=block.infidelity,
        method=block.method, shape=block.shape,
    )  # fmt: skip


def lower_cphase(block: CPhase, place: str, target: Target) -> tuple[Lowered, ...]:
    """Lower a controlled phase to pulses, and the phase shifts that compensate its single-qubit phases."""
    if block.method == SPLIT:
        return _split(block, place, target)
    channel, _, atoms = several_channel(target, (block.control, block.target))
    made = pair_calibration(block, target)
    pulses = tuple(played(part, channel, atoms) for part in made.parts)
    turn = PhaseShift(atoms=(block.control, block.target), angle=Expression(made.h_phase))
    return (*pulses, turn)


def pair_calibration(block: CPhase, target: Target) -> Calibration:
    """Return the calibration of a gate that drives both atoms together."""
    _, channel, _ = several_channel(target, (block.control, block.target))
    return calibrate(
        block.method,
        angle=_known(block.angle, "angle", block.method),
        interaction=interaction(target, block.control, block.target),
        limits=ChannelLimits.of(channel),
        infidelity=block.infidelity,
        shape=block.shape,
    )


def split_calibration(block: CPhase, target: Target) -> SplitPulse:
    """Return the calibration of a split π-2π-π gate."""
    _, channel = local_channel(target, "ground-rydberg")
    jump = _number(block.angle) + pi if block.angle.is_constant else None
    u = interaction(target, block.control, block.target)
    return split_pulse(u, ChannelLimits.of(channel), infidelity=block.infidelity, shape=block.shape, jump=jump)


def interaction(target: Target, one: str, other: str) -> float:
    """Return C6/R⁶ (rad/µs) of two atoms."""
    return float(target.van_der_waals[target.atoms.index(one), target.atoms.index(other)])


def _split(block: CPhase, place: str, target: Target) -> tuple[Lowered, ...]:
    """π on the control, two π pulses on the target with a phase jump, π on the control.

    From g the target gets -exp(-i jump), blockaded the light shift β: jump = angle + π - β makes the angle, and h
    of the target lacks β, h of the control angle + π.
    """
    name, _ = local_channel(target, "ground-rydberg")
    made = split_calibration(block, target)
    outer = GatePulse(name, block.control, made.duration_ns, Expression("pi"), 0.0, place, 0.0, block.shape)
    first = _pi_pulse(name, block.target, made.duration_ns, block.shape, Expression(0))
    jump = block.angle + Expression(pi - made.light_shift)
    second = _pi_pulse(name, block.target, made.duration_ns, block.shape, jump)
    return (
        outer,
        first,
        second,
        outer,
        PhaseShift(atoms=block.target, angle=Expression(made.light_shift)),
        PhaseShift(atoms=block.control, angle=block.angle + Expression(pi)),
    )


def _pi_pulse(channel: str, atom: str, duration_ns: int, shape: PulseShape, phase: Expression) -> Pulse:
    timed: dict[str, Any] = {"duration_ns": Expression(duration_ns), "area": Expression("pi")}
    wave: Waveform = Blackman(**timed) if shape == "blackman" else Constant(**timed)
    return Pulse(channel=channel, atoms=(atom,), amplitude=wave, phase=phase)


def played(part: SteppedPulse, channel: str, atoms: tuple[str, ...] | None) -> Lowered:
    """Return one part of a calibrated train as a pulse; where nothing is driven, as a wait."""
    if not part.amplitude.any():
        return Delay(duration_ns=Expression(part.duration_ns))
    return Pulse(
        channel=channel,
        atoms=atoms,
        amplitude=_wave(part.amplitude, part.duration_ns),
        detuning=_wave(part.detuning, part.duration_ns),
        phase=Expression(part.phase),
    )


def _wave(levels: NDArray[np.float64], duration_ns: int) -> Waveform:
    if len(levels) == 1:
        return Constant(duration_ns=Expression(duration_ns), value=Expression(float(levels[0])))
    return Custom(samples=tuple(np.repeat(levels, duration_ns // len(levels)).tolist()))


def _known(expression: Expression, name: str, method: str) -> float:
    if not expression.is_constant:
        raise CapabilityError(f"{name}: must be known before the run, {method} is calibrated for it ({expression})")
    return _number(expression)


def _number(expression: Expression) -> float:
    return float(np.asarray(expression.evaluate({})))


def lower_exchange(block: Exchange, target: Target) -> tuple[Lowered, ...]:
    """Lower an exchange in the XY basis to a wait, and phase shifts for C6/R⁶ |00⟩⟨00|."""
    wait = exchange_wait(block, target)
    shift = interaction(target, *block.atoms) * wait.duration_ns / NS_PER_US / 2
    turn = PhaseShift(atoms=block.atoms, angle=Expression(shift), basis="XY")
    return Delay(duration_ns=Expression(wait.duration_ns)), turn


@dataclass(frozen=True)
class Wait:
    """How long to let two atoms exchange, and how good that is."""

    duration_ns: int
    average_infidelity: float


def exchange_wait(block: Exchange, target: Target) -> Wait:
    """Return the shortest wait on the clock, full turns added, that meets the wanted infidelity; none for no angle."""
    angle = _known(block.angle, "angle", "exchange in the XY basis")
    i, j = (target.atoms.index(name) for name in block.atoms)
    rate, dark = float(target.exchange[i, j]), float(target.van_der_waals[i, j])
    clock = max(channel.clock_period for channel in target.device.channels.values())
    tries = [_waited(angle, rate, dark, clock, turns) for turns in range(MOST_TURNS)] if rate else []
    strangers = [k for k in range(len(target.atoms)) if k not in (i, j)]
    for wait in tries:
        away = sum(
            (float(target.exchange[k, m]) * wait.duration_ns / NS_PER_US) ** 2 for k in strangers for m in (i, j)
        )
        if wait.average_infidelity + away <= block.infidelity:
            return wait
    best = min((wait.average_infidelity for wait in tries), default=1.0)
    others = ", and the register's other atoms exchange too" if strangers else ""
    raise CapabilityError(
        f"an exchange by {angle:.4g} of atoms {target.distances_um[i, j]:.1f} µm apart cannot meet an infidelity of "
        f"{block.infidelity:g}: the best wait has {best:.2g}, mostly by C6/R⁶ between two atoms in 0{others}"
    )


def _waited(angle: float, rate: float, dark: float, clock: int, turns: int) -> Wait:
    """Exchange by the time on the clock nearest to an angle; |00⟩ turns by dark t meanwhile."""
    sign = 1 if rate > 0 else -1
    wanted = (sign * angle) % (2 * pi) + 2 * pi * turns
    ticks = round(NS_PER_US * wanted / abs(rate) / clock)
    time_us = ticks * clock / NS_PER_US
    error = abs(rate) * time_us - wanted
    trace = abs(2 + 2 * np.cos(error) * np.exp(0.5j * dark * time_us))
    return Wait(ticks * clock, max(1 - (float(trace) ** 2 + 4) / 20, 0.0))


def lower_blockade_rotate(block: BlockadeRotate, place: str, target: Target) -> tuple[Lowered, ...]:
    """Lower a rotation under blockade to one local pulse, and a phase shift for the light shift that it causes."""
    name, _ = local_channel(target, "ground-rydberg")
    duration = blockade_duration_ns(block, target)
    u = interaction(target, block.control, block.target)
    pulse = GatePulse(name, block.target, duration, block.angle, 0.0, place, 2 * pi, block.shape)
    shift = light_shift(block.angle, duration, u, block.shape)
    return pulse, PhaseShift(atoms=block.control, angle=shift, basis="ground-rydberg")


def blockade_duration_ns(block: BlockadeRotate, target: Target) -> int:
    """Return how long the pulse lasts: (Ω/U)² at area π is at most the infidelity, and 2π is within the amplitude."""
    _, channel = local_channel(target, "ground-rydberg")
    u = interaction(target, block.control, block.target)
    rabi = u * block.infidelity**0.5
    half = area_duration_ns(channel, pi, block.shape, min(rabi, GATE_RABI))
    return max(half, area_duration_ns(channel, 2 * pi, block.shape))


def light_shift(angle: Expression, duration_ns: int, u: float, shape: Literal["square", "blackman"]) -> Expression:
    """Return the phase that the control's r gathers while it blockades a pulse of some area."""
    area = f"(({angle}) - 4 * pi * floor((({angle}) + 2 * pi) / (4 * pi)))"
    if shape == "blackman":
        terms = (f"{c!r} * {area} ** {2 * k}" for k, c in enumerate(shift_series(duration_ns, u), start=1))
        return Expression(" + ".join(f"({term})" for term in terms))
    time_us = duration_ns / NS_PER_US
    w = f"sqrt({u!r} ** 2 + ({area} / {time_us!r}) ** 2)"
    half = f"({w} * {time_us / 2!r})"
    return Expression(f"atan2({u!r} / {w} * sin({half}), cos({half})) - {u * time_us / 2!r}")
