"""Calibrations of two-atom gates for a distance and a channel: computed by optimisation, deterministic, kept in memory.

The pulses that drive both atoms together follow published ideas, their numbers are found here: two pulses with a phase
jump (Levine et al., PRL 123, 170503 (2019)), and one pulse whose phase is a cosine plus a ramp (Jandura and Pupillo,
Quantum 6, 712 (2022); Evered et al., Nature 622, 268 (2023)). The search starts from the pulses of a perfect blockade.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, pi
from typing import Any

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.devices import BLACKMAN_MEAN, GATE_RABI
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates._entangling import SteppedPulse, amplitudes, h_phase, infidelities, pair_map, residuals
from rydberg_qmem.gates._starting_pulses import NAMES, Array, started
from rydberg_qmem.language.blocks import PulseShape
from rydberg_qmem.pulses import blackman_window
from rydberg_qmem.units import NS_PER_US

Pulses = Callable[[Array], tuple[SteppedPulse, ...]]
MARGIN = 1.03
"""A pulse starts a little longer than its area needs, which the search may raise."""
LEAST_ANGLE = 0.05 * pi
LONGER, TRIES = 1.3, 8
MOST_STEPS = 160
"""Into so many steps a modulated pulse is cut at most: more are not needed, and cost time."""
ANALOG_MARGIN = 1.1
CLOSER = 3.0
"""A pulse on both atoms starts no faster than the interaction over this."""
MOST_WAITS = 3
SLOWEST_NS = 100_000


@dataclass(frozen=True)
class ChannelLimits:
    """What a channel can do: clock and shortest pulse (ns), largest amplitude and detuning (rad/µs)."""

    clock_ns: int
    least_ns: int
    rabi: float
    detuning: float

    @classmethod
    def of(cls, channel: Any) -> ChannelLimits:
        """Return the limits of a channel of a device."""
        rabi = min(GATE_RABI, channel.max_amp or GATE_RABI)
        return cls(channel.clock_period, channel.min_duration, rabi, channel.max_abs_detuning or inf)

    def up(self, duration_ns: float) -> int:
        """Return a duration on the clock, not shorter."""
        clock = self.clock_ns
        return int(max(ceil(duration_ns / clock - 1e-9), ceil(self.least_ns / clock)) * clock)


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibrated gate: its pulses, the phase that h of each atom gets, its predicted infidelities, its numbers."""

    method: str
    parts: tuple[SteppedPulse, ...]
    h_phase: float
    process_infidelity: float
    average_infidelity: float
    parameters: tuple[tuple[str, float], ...] = ()

    @property
    def duration_ns(self) -> int:
        """How long the pulses take."""
        return sum(part.duration_ns for part in self.parts)

    @property
    def peak_rabi(self) -> float:
        """Largest amplitude (rad/µs)."""
        return max(float(part.amplitude.max()) for part in self.parts)

    def within(self, limits: ChannelLimits) -> bool:
        """Return whether a channel can play the pulses."""
        detuning = max(float(np.abs(part.detuning).max()) for part in self.parts)
        return self.peak_rabi <= limits.rabi * (1 + 1e-9) and detuning <= limits.detuning


@arguments.taking(
    method=arguments.one_of("levine", "time_optimal", "analog"),
    angle=arguments.real(),
    interaction=arguments.real(above=0),
    limits=arguments.made(ChannelLimits),
    infidelity=arguments.real(above=0),
    shape=arguments.one_of("square", "blackman"),
)
@lru_cache(maxsize=512)
def calibrate(
    method: str, *, angle: float, interaction: float, limits: ChannelLimits, infidelity: float, shape: PulseShape
) -> Calibration:
    """Return the shortest calibrated gate of a method, on a grid of durations, that meets an average infidelity.

    `angle` is that of diag(1, 1, 1, exp(i angle)); it is taken into (-π, π].
    """
    angle = _folded(angle)
    if method == "analog":
        return _analog(angle, interaction, limits, infidelity)
    if method == "levine" and shape != "square":
        raise CapabilityError("levine is two square pulses: shape must be square")
    if abs(angle) < LEAST_ANGLE:
        raise CapabilityError(f"{method} makes no angle as small as {angle:.3g}: use pi-2pi-pi")
    rabi = min(limits.rabi, interaction / CLOSER)
    area = started(method, angle, shape)[NAMES[method, shape].index("area")]
    shortest = MARGIN * NS_PER_US * area / (rabi if shape == "square" else BLACKMAN_MEAN * rabi)
    best = inf
    for n in range(TRIES):
        duration = _in_steps(limits.up(shortest * LONGER**n), limits.clock_ns)
        made = at_duration(method, angle=angle, interaction=interaction, duration_ns=duration, shape=shape)
        if made.within(limits):
            best = min(best, made.average_infidelity)
            if made.average_infidelity <= infidelity:
                return made
    raise CapabilityError(
        f"no {method} pulse of shape {shape} meets an infidelity of {infidelity:g} for an angle of {angle:.4g} at "
        f"U = {interaction:.4g} rad/µs; the best has {best:.2g}"
    )


def at_duration(
    method: str, *, angle: float, interaction: float, duration_ns: int, shape: PulseShape = "square"
) -> Calibration:
    """Return the calibrated gate whose pulses (each of `levine`'s two) last so long, however good it is.

    >>> gate = at_duration("levine", angle=pi, interaction=1e6, duration_ns=280)
    >>> gate.process_infidelity < 1e-9, dict(gate.parameters)["detuning/rabi"]
    (True, 0.377...)
    """
    pulses = {"levine": _levine, "time_optimal": _time_optimal if shape == "square" else _smooth}[method]
    start = started(method, angle, shape)
    return _fitted(method, NAMES[method, shape], lambda x: pulses(x, duration_ns), start, interaction, angle)


def _in_steps(duration_ns: int, clock_ns: int) -> int:
    """Return a duration, not shorter and on the clock, that divides into few equal steps."""
    step = clock_ns * ceil(duration_ns / (MOST_STEPS * clock_ns))
    return ceil(duration_ns / step) * step


def _steps(duration_ns: int) -> int:
    """Return into how many equal steps of whole ns to cut a pulse: few enough where that is possible."""
    longest = ceil(duration_ns / MOST_STEPS)
    return duration_ns // max(step for step in range(1, longest + 1) if duration_ns % step == 0)


def _folded(angle: float) -> float:
    """Return an angle in (-π, π]."""
    return float(-((-angle + pi) % (2 * pi) - pi))


def _fitted(
    method: str, names: tuple[str, ...], pulses: Pulses, start: Array, interaction: float, angle: float
) -> Calibration:
    """Fit a pulse's numbers until the atoms come back to g with the angle."""
    from scipy.optimize import least_squares

    def error(x: Array) -> Array:
        return residuals(*amplitudes(pulses(x), interaction), angle)

    found = least_squares(error, start, xtol=1e-9, ftol=1e-9, gtol=1e-12, max_nfev=50).x
    return judged(method, pulses(found), interaction, angle, tuple(zip(names, map(float, found), strict=True)))


def judged(
    method: str, parts: tuple[SteppedPulse, ...], interaction: float, angle: float, parameters: Any = ()
) -> Calibration:
    """Return what pulses on both atoms are as a gate."""
    one, two = amplitudes(parts, interaction)
    turn = h_phase(one, two, angle)
    process, average = infidelities(pair_map(one, two, turn), angle)
    return Calibration(method, parts, turn, process, average, parameters)


def _levine(x: Array, duration_ns: int) -> tuple[SteppedPulse, ...]:
    area, detuning, jump = x
    rabi = NS_PER_US * abs(area) / duration_ns
    level = np.array([rabi]), np.array([detuning * rabi])
    return SteppedPulse(duration_ns, *level), SteppedPulse(duration_ns, *level, float(jump))


def _time_optimal(x: Array, duration_ns: int) -> tuple[SteppedPulse, ...]:
    """Return a square pulse of phase A cos(ωt - φ) + δt, as the detuning that it stands for in Pulser."""
    depth, frequency, start, detuning, area = x
    rabi = NS_PER_US * abs(area) / duration_ns
    n = _steps(duration_ns)
    t = (np.arange(n) + 0.5) * duration_ns / n / NS_PER_US
    swing = depth * frequency * rabi * np.sin(frequency * rabi * t - start)
    return (SteppedPulse(duration_ns, np.array([rabi]), swing - detuning * rabi),)


def _smooth(x: Array, duration_ns: int) -> tuple[SteppedPulse, ...]:
    """Return a Blackman pulse with a detuning that is even about its middle."""
    depth, frequency, detuning, area = x
    n = _steps(duration_ns)
    t = (np.arange(n) + 0.5) / n - 0.5
    window = blackman_window(duration_ns).reshape(n, -1).mean(axis=1)
    swing = (depth * frequency * np.cos(frequency * t) - detuning) * NS_PER_US / duration_ns
    return (SteppedPulse(duration_ns, abs(area) * window, swing),)


def _analog(angle: float, interaction: float, limits: ChannelLimits, infidelity: float) -> Calibration:
    """Return g to r and back on both atoms, with a wait in which rr gathers the angle: -U t = angle."""
    pulse = limits.up(ANALOG_MARGIN * NS_PER_US * pi / limits.rabi)
    best: Calibration | None = None
    for turns in range(MOST_WAITS):
        time_ns = NS_PER_US * ((-angle) % (2 * pi) + 2 * pi * turns) / interaction - 0.75 * pulse
        wait = round(time_ns / limits.clock_ns) * limits.clock_ns
        if wait < limits.clock_ns or wait > SLOWEST_NS:
            continue
        pulses: Pulses = lambda x, wait=wait: _there_and_back(x, pulse, wait)  # type: ignore[misc]  # noqa: E731  # mypy infers no default
        start = np.array([pi * (1 - 1e-9), interaction * pulse / NS_PER_US / 4, pi])
        made = _fitted("analog", ("area", "detuning * duration", "jump"), pulses, start, interaction, angle)
        if made.within(limits) and (best is None or made.average_infidelity < best.average_infidelity):
            best = made
        if best is not None and best.average_infidelity <= infidelity:
            return best
    reached = f"the best has {best.average_infidelity:.2g}" if best is not None else "no wait fits"
    raise CapabilityError(
        f"the analog form needs an interaction far below the Rabi frequency; at U = {interaction:.4g} rad/µs and "
        f"Ω = {limits.rabi:.4g} rad/µs an infidelity of {infidelity:g} cannot be met: {reached}"
    )


def _there_and_back(x: Array, pulse_ns: int, wait_ns: int) -> tuple[SteppedPulse, ...]:
    area, detuning, jump = x
    level = np.array([NS_PER_US * abs(area) / pulse_ns]), np.array([NS_PER_US * detuning / pulse_ns])
    return (
        SteppedPulse(pulse_ns, *level),
        SteppedPulse(wait_ns, np.zeros(1), np.zeros(1)),
        SteppedPulse(pulse_ns, *level, float(jump)),
    )
