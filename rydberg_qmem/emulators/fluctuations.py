"""What differs from shot to shot: lasers, velocities and positions, as Pulser's noise trajectories have them.

A shot draws its numbers once, before it begins, and keeps them to its end: velocities, one amplitude and one detuning
per channel, phases of the spectrum, positions. They reach the emulator as columns of the scope, one entry per row.
Where pulses of two channels overlap on an atom, each keeps its own amplitude; Pulser multiplies both by both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.interactions import Strengths
from rydberg_qmem.compile.plan import Plan, timed
from rydberg_qmem.compile.samples import Track, evaluate
from rydberg_qmem.compile.target import Target
from rydberg_qmem.emulators.exact import Piece, apply_frame, evolve_stretch
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]

CLOCK = "#clock"
"""Scope entry: when the segment begins (ns)."""


@dataclass(frozen=True, eq=False)
class Fluctuating:
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

    def tracks(self, piece: Piece, scope: Mapping[str, Any]) -> list[Track]:
        """Return the drives of a piece as each row has them, atom by atom.

        As in Pulser, the light of a detuning map shifts every atom by what its channel fluctuates, named or not.
        """
        made = []
        for track in evaluate(piece.schedule, scope, piece.plan.target):
            weights = self._weights(track)
            reached = range(len(piece.plan.target.atoms)) if track.weights is not None else track.atoms
            for place, atom in enumerate(piece.atoms):
                if atom in reached:
                    made.append(self._track(track, atom, place, weights[atom], scope))
        return made

    def _weights(self, track: Track) -> Array:
        """Return the weight of a track on each atom: of a detuning map as it is, or of all of its spots."""
        made = np.zeros(len(self.target.atoms))
        made[list(track.atoms)] = 1.0 if track.weights is None else track.weights
        waist = self.noise.detuning_map_spot_waist
        if track.weights is None or waist is None:
            return made
        places = self.target.places_um
        away = places[:, None] - places[None, :]
        return np.asarray(np.exp(-(away**2).sum(axis=-1) / (2 * waist**2)) @ made)

    def evolve(self, plan: Plan, scope: Mapping[str, Any], states: State, atoms: tuple[int, ...]) -> State:
        """Return vectors after a segment whose drives differ from row to row, the interactions being the same."""
        out = np.empty_like(states)
        for schedule, rows, part in timed(plan, scope, len(states)):
            piece, now = Piece(plan, schedule, atoms), states[rows]
            for stretch in piece.stretches(self.tracks(piece, part)):
                now = evolve_stretch(stretch.target, now, stretch.cuts, stretch.active, stretch.share)
            out[rows] = apply_frame(plan.target, schedule, part, now, atoms)
        return out

    def _track(self, track: Track, atom: int, place: int, weight: float, scope: Mapping[str, Any]) -> Track:
        breaks, omega, delta = track.breaks, track.omega, track.delta * weight
        channel, shift = self.channels.index(track.channel), np.zeros((1, 1))
        if track.weights is not None and "#dmm" in scope:
            delta = delta * scope["#dmm"][:, channel : channel + 1]
        if track.lit:
            omega = omega * self._amplitude(track, channel, atom, scope)[:, None]
            if "#doppler" in scope:
                shift = shift + scope["#doppler"][:, atom : atom + 1]
            if "#detuning" in scope:
                shift = shift + scope["#detuning"][:, channel : channel + 1]
        if track.lit and "#phases" in scope:
            fine = np.arange(breaks[0], breaks[-1] + 1)
            which = track.pieces(fine[:-1])
            breaks, omega, delta = fine, omega[:, which], delta[:, which]
            shift = shift + self._waves(channel, fine[:-1], scope)
        return Track(track.basis, (place,), None, breaks, omega, delta + shift)

    def _amplitude(self, track: Track, channel: int, atom: int, scope: Mapping[str, Any]) -> Array:
        factor = np.ones(1)
        if "#amplitude" in scope:
            factor = factor * scope["#amplitude"][:, channel]
        device = self.target.channel(track.channel)
        if self.noise.laser_waist is not None and device.addressing == "Global" and track.weights is None:
            place = self.places(scope)[:, atom]
            along = np.array(device.propagation_dir or (0.0, 1.0, 0.0), dtype=float)
            along = along / np.linalg.norm(along)
            away = np.linalg.norm(place - (place @ along)[:, None] * along, axis=1)
            factor = factor * np.exp(-((away / self.noise.laser_waist) ** 2))
        return factor

    def _waves(self, channel: int, times_ns: NDArray[np.int64], scope: Mapping[str, Any]) -> Array:
        """Return the high-frequency detuning (rows, times) of a channel."""
        omegas = np.array(self.noise.detuning_hf_omegas)
        size = np.sqrt(2 * np.diff(omegas) * np.array(self.noise.detuning_hf_psd)[1:])
        count = len(size)
        phases = scope["#phases"][:, channel * count : (channel + 1) * count]
        now = (times_ns + float(scope[CLOCK])) / NS_PER_US
        return np.asarray(np.einsum("k,rkt->rt", size, np.cos(omegas[1:, None] * now + phases[:, :, None])))

    def places(self, scope: Mapping[str, Any]) -> Array:
        """Return where the atoms are (rows or 1, atoms, 3)."""
        fixed = self.target.places_um[None]
        if "#place" not in scope:
            return fixed
        return np.asarray(fixed + scope["#place"].reshape(-1, len(self.target.atoms), 3))


def doppler_sigma(temperature_uk: float) -> float:
    """Return the standard deviation (rad/µs) of the Doppler shift, by Pulser's constants."""
    from pulser.noise_model import _doppler_sigma

    return float(_doppler_sigma(temperature_uk * 1e-6))


def strengths(target: Target, register: tuple[str, ...], scope: Mapping[str, Any]) -> Strengths:
    """Return the interactions (rows, atoms, atoms) of a target's displaced atoms; `#place` holds the register's."""
    here = [register.index(name) for name in target.atoms]
    moved = np.asarray(scope["#place"]).reshape(-1, len(register), 3)[:, here]
    return target.strengths(target.places_um + moved)
