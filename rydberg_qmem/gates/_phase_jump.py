"""The π-2π-π gate with a phase jump amid its 2π pulse, and the light shift of pulses on a blockaded atom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import pi

import numpy as np

from rydberg_qmem.devices import BLACKMAN_MEAN
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates._calibration import SLOWEST_NS, ChannelLimits
from rydberg_qmem.gates._entangling import blockaded, infidelities
from rydberg_qmem.gates._starting_pulses import Array
from rydberg_qmem.language.blocks import PulseShape
from rydberg_qmem.pulses import blackman_window
from rydberg_qmem.units import NS_PER_US

JUMPS, SETTLED = 8, 6


@dataclass(frozen=True)
class SplitPulse:
    """The π-2π-π gate with a phase jump in its middle: the π pulse's duration, the blockaded atom's phase, its cost."""

    duration_ns: int
    light_shift: float
    process_infidelity: float
    average_infidelity: float


@lru_cache(maxsize=512)
def split_pulse(
    interaction: float, limits: ChannelLimits, *, infidelity: float, shape: PulseShape, jump: float | None
) -> SplitPulse:
    """Return the shortest π pulse whose split π-2π-π gate meets an infidelity, for one phase jump or (None) any."""
    mean = BLACKMAN_MEAN if shape == "blackman" else 1.0
    ticks = limits.up(NS_PER_US * pi / (limits.rabi * mean) + (shape == "blackman")) // limits.clock_ns
    while ticks * limits.clock_ns <= SLOWEST_NS:
        made = _split(ticks * limits.clock_ns, interaction, shape, jump)
        if made.average_infidelity <= infidelity:
            return made
        ticks += max(1, ticks // 64)
    raise CapabilityError(
        f"at U = {interaction:.4g} rad/µs no π pulse up to {SLOWEST_NS} ns meets an infidelity of {infidelity:g}"
    )


def _split(duration_ns: int, interaction: float, shape: PulseShape, jump: float | None) -> SplitPulse:
    """Judge one duration by what is played: a jump that is less than the given one by the light shift.

    The jump changes the light shift in turn: a little under a strong interaction, much under a weak one.
    """
    omega, dt = pulse_samples(duration_ns, pi, shape)
    delta = np.full(len(omega), -interaction)
    jumps = np.arange(JUMPS) * 2 * pi / JUMPS if jump is None else np.array([jump])
    pulse = blockaded(omega, delta, dt)
    found = pulse.twice(jumps)
    for _ in range(0 if jump is None else SETTLED):
        found = pulse.twice(jumps - np.angle(found))
    shift = float(np.angle(found.mean()))
    if jump is not None:
        found = pulse.twice(jumps - shift)
    turned = np.exp(-1j * shift)
    worst = max(infidelities(np.array([a * turned, 1, 1, 1]), 0.0) for a in found)
    return SplitPulse(duration_ns, shift, *worst)


def pulse_samples(duration_ns: int, area: float, shape: PulseShape) -> tuple[Array, Array]:
    """Return the amplitudes (rad/µs) of a pulse and how long each lasts (µs)."""
    if shape == "square":
        return np.array([NS_PER_US * area / duration_ns]), np.array([duration_ns / NS_PER_US])
    return area * blackman_window(duration_ns), np.full(duration_ns, 1 / NS_PER_US)


@lru_cache(maxsize=512)
def shift_series(duration_ns: int, interaction: float) -> tuple[float, ...]:
    """Return c of β(Θ) = Σ c_k Θ^(2k), k = 1 to 4: the blockaded atom's light-shift phase under a Blackman pulse.

    Measured at areas up to 2π by propagation, and fitted.
    """
    areas = np.linspace(0.1, 2 * pi, 24)
    delta = np.full(duration_ns, -interaction)
    samples = [pulse_samples(duration_ns, area, "blackman") for area in areas]
    phases = [np.angle(blockaded(omega, delta, dt).passed) for omega, dt in samples]
    powers = areas[:, None] ** np.array([2, 4, 6, 8])
    return tuple(float(c) for c in np.linalg.lstsq(powers, np.unwrap(phases), rcond=None)[0])
