"""The classical-spin control: the same array with every atom a classical spin in the mean field of the others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.devices import make_target
from rydberg_qmem.errors import InputError
from rydberg_qmem.programs.arrays import AnalogArray
from rydberg_qmem.units import NS_PER_US

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
STEP_NS = 2
"""Longest step of the split propagation: halving it changes no occupation of a chain at 10 µm by 1e-4."""


@arguments.taking(array=arguments.made(AnalogArray), samples=arguments.numbers(dims=2))
def classical_spins(array: AnalogArray, samples: Floats) -> Floats:
    """Return occupations (sample, readout, atom) of an array whose atoms stay in a product of pure states.

    Atom i sees H_i = Ω/2 σ_x - (δ_i - Σ_j V_ij n_j) n_i, with n_j the present mean of atom j: a classical spin that
    precesses. The drive and the detunings are applied in turns, second order in the step; mean fields are exact within
    a turn, as detunings change no occupation.

    Args:
        array: The array.
        samples: Numbers from -1 to 1, (sample, column).

    Raises InputError for samples that do not fit the array.

    >>> classical_spins(AnalogArray(columns=1, duration_ns=500, readouts=1), np.zeros((1, 1))).round(6).tolist()
    [[[1.0]]]
    """
    if samples.shape[1] != array.columns:
        raise InputError(f"samples must have {array.columns} columns, but have {samples.shape[1]}")
    strength = _strengths(array, samples)
    psi = np.zeros((len(samples), array.size, 2), dtype=complex)
    psi[..., 0] = 1.0
    times, seen = array.times_ns(), []
    cuts = array.cuts_ns(times[-1])
    for start, stop in pairwise(cuts):
        detuning = array.detuning * _detuned(array, samples, start)
        steps = -(-(stop - start) // STEP_NS)
        for _ in range(steps):
            psi = _step(psi, detuning, strength, array.rabi, (stop - start) / NS_PER_US / steps)
        if stop in times:
            seen.append(np.abs(psi[..., 1]) ** 2)
    return np.stack(seen, axis=1)


def _step(psi: Complex, detuning: Floats, strength: Floats, rabi: float, time_us: float) -> Complex:
    cosine, sine = np.cos(rabi * time_us / 4), -1j * np.sin(rabi * time_us / 4)
    psi = cosine * psi + sine * psi[..., ::-1]
    occupied = np.abs(psi[..., 1]) ** 2
    field = np.matmul(strength, occupied[..., None])[..., 0]
    psi[..., 1] *= np.exp(1j * time_us * (detuning - field))
    return np.asarray(cosine * psi + sine * psi[..., ::-1])


def _detuned(array: AnalogArray, samples: Floats, time_ns: int) -> Floats:
    match array.encoding:
        case "local_detuning":
            return samples
        case "global_time":
            return samples[:, array.column_at(time_ns)][:, None]
        case _:
            return np.zeros((len(samples), 1))


def _strengths(array: AnalogArray, samples: Floats) -> Floats:
    """Return the interactions (sample or 1, atom, atom) in rad/µs."""
    first = make_target(array.program(), frozenset({"ground-rydberg"})).van_der_waals
    if array.encoding != "position" or array.size == 1:
        return first[None]
    coefficient = first[0, 1] * (array.places_um()[1][0] - array.places_um()[0][0]) ** 6
    places = np.array([array.places_um(row.tolist()) for row in samples])[:, :, 0]
    gaps = np.abs(places[:, :, None] - places[:, None, :]) + np.where(np.eye(array.size) > 0, np.inf, 0.0)
    return np.asarray(coefficient / gaps**6)
