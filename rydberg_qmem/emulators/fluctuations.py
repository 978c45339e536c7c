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

from rydberg_qmem.compile.plan import Plan, timed
from rydberg_qmem.compile.samples import Track, evaluate
from rydberg_qmem.compile.schedule import Drive
from rydberg_qmem.compile.target import Target
from rydberg_qmem.emulators.exact import Piece, apply_frame, evolve_stretch, stretches
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

    def tracks(self, piece: Piece, tracks: list[Track], scope: Mapping[str, Any]) -> list[Track]:
        """Return the drives of a piece as each row has them, atom by atom."""
        drives = [d for d in piece.schedule.drives if not set(piece.atoms).isdisjoint(d.atoms)]
        made = []
        for drive, track in zip(drives, tracks, strict=True):
            if drive.weights is None or self.noise.detuning_map_spot_waist is None:
                for k, atom in enumerate(track.atoms):
                    made.append(self._track(drive, track, k, piece.atoms[atom], atom, scope))
        if self.noise.detuning_map_spot_waist is not None:  # a spot reaches atoms that its map does not name
            for drive, track in zip(piece.schedule.drives, evaluate(piece.schedule, scope, self.target), strict=True):
                if drive.weights is not None:
                    made += [self._track(drive, track, 0, atom, k, scope) for k, atom in enumerate(piece.atoms)]
        return made

    def evolve(self, plan: Plan, scope: Mapping[str, Any], states: State, atoms: tuple[int, ...]) -> State:
        """Return vectors after a segment whose drives differ from row to row, the interactions being the same."""
        out = np.empty_like(states)
        for schedule, rows, part in timed(plan, scope, len(states)):
            piece, now = Piece(plan, schedule, atoms), states[rows]
            tracks = self.tracks(piece, piece.tracks(part), part)
            for cuts, active in stretches(tracks, schedule.duration_ns):
                now = evolve_stretch(piece.target, now, cuts, active)
            out[rows] = apply_frame(plan.target, schedule, part, now, atoms)
        return out

    def _track(self, drive: Drive, track: Track, k: int, atom: int, place: int, scope: Mapping[str, Any]) -> Track:
        channel = self.channels.index(drive.channel)
        is_dmm = drive.weights is not None
        weight = 1.0 if track.weights is None else track.weights[k]
        factor = self._amplitude(drive, channel, atom, scope)
        breaks, omega, delta = track.breaks, track.omega * factor[:, None], track.delta * weight
        if is_dmm and self.noise.detuning_map_spot_waist:
            delta = track.delta * self._spots(drive, atom)
        if is_dmm and "#dmm" in scope:
            delta = delta * scope["#dmm"][:, channel : channel + 1]
        shift = np.zeros((1, 1))
        if "#doppler" in scope:
            shift = shift + scope["#doppler"][:, atom : atom + 1]
        if "#detuning" in scope:
            shift = shift + scope["#detuning"][:, channel : channel + 1]
        if "#phases" in scope:
            fine = np.arange(breaks[0], breaks[-1] + 1)
            which = track.pieces(fine[:-1])
            breaks, omega, delta = fine, omega[:, which], delta[:, which]
            shift = shift + self._waves(channel, fine[:-1], scope)
        return Track(track.basis, (place,), None, breaks, omega, delta + shift, fixed=False)

    def _amplitude(self, drive: Drive, channel: int, atom: int, scope: Mapping[str, Any]) -> Array:
        factor = np.ones(1)
        if "#amplitude" in scope:
            factor = factor * scope["#amplitude"][:, channel]
        device = self.target.channel(drive.channel)
        if self.noise.laser_waist is not None and device.addressing == "Global" and drive.weights is None:
            place = self.places(scope)[:, atom]
            along = np.array(device.propagation_dir or (0.0, 1.0, 0.0), dtype=float)
            along = along / np.linalg.norm(along)
            away = np.linalg.norm(place - (place @ along)[:, None] * along, axis=1)
            factor = factor * np.exp(-((away / self.noise.laser_waist) ** 2))
        return factor

    def _spots(self, drive: Drive, atom: int) -> float:
        """Return the weight of all spots of a detuning map on an atom where the register has it, as in Pulser."""
        assert drive.weights is not None
        assert self.noise.detuning_map_spot_waist is not None
        places = places_of(self.target)
        away = places[atom] - places[list(drive.atoms)]
        shape = np.exp(-(away**2).sum(axis=-1) / (2 * self.noise.detuning_map_spot_waist**2))
        return float(shape @ np.array(drive.weights))

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
        fixed = places_of(self.target)[None]
        if "#place" not in scope:
            return fixed
        return np.asarray(fixed + scope["#place"].reshape(-1, len(self.target.atoms), 3))


def doppler_sigma(temperature_uk: float) -> float:
    """Return the standard deviation (rad/µs) of the Doppler shift, by Pulser's constants."""
    from pulser.noise_model import _doppler_sigma

    return float(_doppler_sigma(temperature_uk * 1e-6))


def places_of(target: Target) -> Array:
    """Return the atoms' positions (atoms, 3) in µm."""
    made = np.zeros((len(target.atoms), 3))
    for i, name in enumerate(target.atoms):
        place = target.register.qubits[name].as_array(detach=True)
        made[i, : len(place)] = place
    return made


def strengths(
    target: Target, pairs: tuple[tuple[int, int], ...], scope: Mapping[str, Any], names: tuple[str, ...]
) -> Array:
    """Return the interactions (rows, couplings) of pairs of displaced atoms; `#place` holds all the register's."""
    everyone = tuple(target.register.qubits)
    here = [everyone.index(name) for name in names]
    moved = np.asarray(scope["#place"]).reshape(-1, len(everyone), 3)[:, here]
    place = places_of(target)[None] + moved
    made: list[Any] = []
    for i, j in pairs:
        gap = place[:, i] - place[:, j]
        distance = np.linalg.norm(gap, axis=1)
        if "0" in target.levels:
            cosine = gap[:, 2] / distance
            made.append(target.device.interaction_coeff_xy * (1 - 3 * cosine**2) / distance**3)
        made.append(target.device.interaction_coeff / distance**6)
    return np.stack(made, axis=1)
