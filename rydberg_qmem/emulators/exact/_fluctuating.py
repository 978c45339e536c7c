"""Drives as the rows of a run have them: amplitudes, detunings and waves of their own.

Where pulses of two channels overlap on an atom, each keeps its own amplitude; Pulser multiplies both by both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.samples import Track
from rydberg_qmem.emulators.fluctuations import CLOCK, Fluctuations, displaced
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Numbers = Mapping[str, Any]
"""What each row has drawn, by name, as a scope holds it."""


def fluctuating_tracks(noise: Fluctuations, tracks: list[Track], atoms: tuple[int, ...], scope: Numbers) -> list[Track]:
    """Return drives as each row has them, atom by atom, with the atoms' places among `atoms`.

    As in Pulser, the light of a detuning map shifts every atom by what its channel fluctuates, named or not.
    """
    made = []
    for track in tracks:
        weights = _weights(noise, track)
        reached = range(len(noise.target.atoms)) if track.weights is not None else track.atoms
        for place, atom in enumerate(atoms):
            if atom in reached:
                made.append(_track(noise, track, atom, place, weights[atom], scope))
    return made


def _weights(noise: Fluctuations, track: Track) -> Array:
    """Return the weight of a track on each atom: of a detuning map as it is, or of all of its spots."""
    made = np.zeros(len(noise.target.atoms))
    made[list(track.atoms)] = 1.0 if track.weights is None else track.weights
    waist = noise.noise.detuning_map_spot_waist
    if track.weights is None or waist is None:
        return made
    places = noise.target.places_um
    away = places[:, None] - places[None, :]
    return np.asarray(np.exp(-(away**2).sum(axis=-1) / (2 * waist**2)) @ made)


def _track(noise: Fluctuations, track: Track, atom: int, place: int, weight: float, scope: Numbers) -> Track:
    breaks, omega, delta = track.breaks, track.omega, track.delta * weight
    channel, shift = noise.channels.index(track.channel), np.zeros((1, 1))
    if track.weights is not None and "#dmm" in scope:
        delta = delta * scope["#dmm"][:, channel : channel + 1]
    if track.lit:
        omega = omega * _amplitude(noise, track, channel, atom, scope)[:, None]
        if "#doppler" in scope:
            shift = shift + scope["#doppler"][:, atom : atom + 1]
        if "#detuning" in scope:
            shift = shift + scope["#detuning"][:, channel : channel + 1]
    if track.lit and "#phases" in scope:
        fine = np.arange(breaks[0], breaks[-1] + 1)
        which = track.pieces(fine[:-1])
        breaks, omega, delta = fine, omega[:, which], delta[:, which]
        shift = shift + _waves(noise, channel, fine[:-1], scope)
    return Track(track.basis, (place,), None, breaks, omega, delta + shift)


def _amplitude(noise: Fluctuations, track: Track, channel: int, atom: int, scope: Numbers) -> Array:
    factor = np.ones(1)
    if "#amplitude" in scope:
        factor = factor * scope["#amplitude"][:, channel]
    device, waist = noise.target.channel(track.channel), noise.noise.laser_waist
    if waist is not None and device.addressing == "Global" and track.weights is None:
        place = (noise.target.places_um[None] + displaced(scope, len(noise.target.atoms)))[:, atom]
        along = np.array(device.propagation_dir or (0.0, 1.0, 0.0), dtype=float)
        along = along / np.linalg.norm(along)
        away = np.linalg.norm(place - (place @ along)[:, None] * along, axis=1)
        factor = factor * np.exp(-((away / waist) ** 2))
    return factor


def _waves(noise: Fluctuations, channel: int, times_ns: NDArray[np.int64], scope: Numbers) -> Array:
    """Return the high-frequency detuning (rows, times) of a channel."""
    omegas = np.array(noise.noise.detuning_hf_omegas)
    size = np.sqrt(2 * np.diff(omegas) * np.array(noise.noise.detuning_hf_psd)[1:])
    count = len(size)
    phases = scope["#phases"][:, channel * count : (channel + 1) * count]
    now = (times_ns + float(scope[CLOCK])) / NS_PER_US
    return np.asarray(np.einsum("k,rkt->rt", size, np.cos(omegas[1:, None] * now + phases[:, :, None])))
