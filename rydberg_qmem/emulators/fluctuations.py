"""What differs from shot to shot: lasers, velocities and positions, as Pulser's noise trajectories have them.

A shot draws its numbers once, before it begins, and keeps them to its end: velocities, one amplitude and one detuning
per channel, phases of the spectrum, positions. They reach the emulator as columns of the scope, one entry per row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import Target
from rydberg_qmem.language.noise import Noise

Array = NDArray[np.float64]

CLOCK = "#clock"
"""Scope entry: when the segment begins (ns)."""


@dataclass(frozen=True, eq=False)
class Fluctuations:
    """The fluctuations of one noise model on one target."""

    target: Target
    noise: Noise

    @property
    def moves(self) -> bool:
        """Whether atoms are displaced, so that interactions differ."""
        return self.noise.has_register

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels of the device, in order."""
        return (*self.target.device.channels, *self.target.device.dmm_channels)

    def sizes(self) -> dict[str, int]:
        """Return how many normal numbers of each kind a shot draws; `phases` are uniform."""
        n, channels = len(self.target.atoms), len(self.channels)
        waves = max(0, len(self.noise.detuning_hf_omegas) - 1)
        wanted = {
            "#doppler": n * self.noise.has_doppler,
            "#amplitude": channels * bool(self.noise.amp_sigma),
            "#detuning": channels * bool(self.noise.detuning_sigma),
            "#dmm": channels * bool(self.noise.dmm_sigma),
            "#place": 3 * n * self.noise.has_register,
            "#phases": channels * waves,
        }
        return {name: size for name, size in wanted.items() if size}

    def scaled(self, name: str, numbers: Array) -> Array:
        """Return standard normal (for phases: uniform) numbers (shots, size) as what they mean."""
        match name:
            case "#doppler":
                return numbers * doppler_sigma(self.noise.temperature)
            case "#amplitude":
                return np.maximum(0.0, 1.0 + self.noise.amp_sigma * numbers)
            case "#dmm":
                return np.maximum(0.0, 1.0 + self.noise.dmm_sigma * numbers)
            case "#detuning":
                return numbers * self.noise.detuning_sigma
            case "#place":
                return numbers * np.tile(self.place_sigmas, len(self.target.atoms))
            case _:
                return 2 * np.pi * numbers

    @property
    def place_sigmas(self) -> Array:
        """How far atoms are from where they should be (µm): in the plane, and along the trap's light."""
        from pulser.noise_model import _register_sigma_xy_z

        assert self.noise.trap_depth is not None
        flat, along = _register_sigma_xy_z(self.noise.temperature, self.noise.trap_waist, self.noise.trap_depth)
        return np.array([flat, flat, along])


def displaced(scope: Mapping[str, Any], atoms: int) -> Array:
    """Return how far the atoms of a register are from where it has them (rows or 1, atoms, 3) in µm."""
    if "#place" not in scope:
        return np.zeros((1, atoms, 3))
    return np.asarray(scope["#place"]).reshape(-1, atoms, 3)


def doppler_sigma(temperature_uk: float) -> float:
    """Return the standard deviation (rad/µs) of the Doppler shift, by Pulser's constants."""
    from pulser.noise_model import _doppler_sigma

    return float(_doppler_sigma(temperature_uk * 1e-6))
