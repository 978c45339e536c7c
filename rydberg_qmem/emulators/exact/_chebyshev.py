"""Chebyshev expansion of a propagator that acts on states: for subspaces too large to diagonalise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact._subspace import Samples, Subspace, Transition
from rydberg_qmem.emulators.layout import State

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]

BLOCK = 20_000
"""So many amplitudes, with what their expansion needs, stay near the processor: more rows are expanded in blocks."""
CUTOFF = 1e-14
"""Chebyshev coefficients below this are left out."""


@lru_cache(maxsize=4096)
def coefficients(x: float, cutoff: float = CUTOFF) -> Complex:
    """Return the Chebyshev coefficients of exp(-ixy) for y in [-1, 1] that are larger than a cutoff."""
    from scipy.special import jv

    count = int(abs(x) + 16 + 5 * abs(x) ** (1 / 3))
    made = jv(np.arange(count), x) * (-1j) ** np.arange(count)
    made[1:] *= 2
    return np.asarray(made[: int(np.flatnonzero(np.abs(made) > cutoff)[-1]) + 1])


@dataclass(frozen=True)
class SpectralBounds:
    """An interval that holds the spectra of all Hamiltonians of a stretch."""

    centre: float
    radius: float

    @classmethod
    def of(cls, space: Subspace, sites: tuple[Transition, ...], samples: Samples) -> SpectralBounds:
        if space.exchange is None:
            low, high = space.energies.min(axis=0), space.energies.max(axis=0)
        else:
            low, high = (np.full(space.dimension, bound) for bound in space.fixed_bounds)
        for site, delta in zip(sites, samples.deltas, strict=True):
            here = space.digits[site.atom] == site.b
            low, high = low - float(delta.max()) * here, high - float(delta.min()) * here
        coupling = sum(float(np.abs(omega).max()) / 2 for omega in samples.omegas)
        bottom, top = float(low.min()) - coupling, float(high.max()) + coupling
        return cls((bottom + top) / 2, max((top - bottom) / 2, 1e-9))


def evolve(
    states: State,
    space: Subspace,
    sites: tuple[Transition, ...],
    samples: Samples,
    bounds: SpectralBounds,
    cutoff: float,
) -> State:
    """Expand exp(-iHt) in Chebyshev polynomials: as many terms as the spectrum's width times t, and a few more."""
    at_once = max(1, BLOCK // states[0].size)
    if len(states) > at_once:
        blocks = (np.arange(k, min(k + at_once, len(states))) for k in range(0, len(states), at_once))
        made = [evolve(states[some], space, sites, samples.rows(some), bounds, cutoff) for some in blocks]
        return np.concatenate(made)
    drives = _raisings(space, sites, samples.omegas)
    fixed = (space.energies.T[:, None, :] - bounds.centre) / bounds.radius
    counts = [(space.digits[site.atom] == site.b).astype(float)[:, None, None] / bounds.radius for site in sites]
    shifts = _alike(counts, samples.deltas)
    exchange = None if space.exchange is None else 2 * space.exchange / bounds.radius
    psi = np.ascontiguousarray(np.moveaxis(states, -1, 0))
    for k, dt in enumerate(samples.dt_us):
        diagonal = fixed - sum(count * delta[None, :, k, None] for count, delta in shifts)
        now = [(raising, omega[:, k, None] / bounds.radius) for raising, omega in drives]
        psi = _expanded(psi, coefficients(bounds.radius * float(dt), cutoff), 2 * diagonal, now, exchange)
    phase = np.exp(-1j * bounds.centre * float(np.sum(samples.dt_us)))
    return np.ascontiguousarray(np.moveaxis(phase * psi, 0, -1))


def _alike(counts: list[Array], deltas: tuple[Array, ...]) -> list[tuple[Array, Array]]:
    """Return the counts of the sites that share a detuning added up, with the detuning."""
    groups: list[tuple[Array, Array]] = []
    for count, delta in zip(counts, deltas, strict=True):
        for i, (some, other) in enumerate(groups):
            if delta is other or np.array_equal(delta, other):
                groups[i] = (some + count, other)
                break
        else:
            groups.append((count, delta))
    return groups


def _expanded(psi: State, weights: Complex, diagonal: Array, drives: list[tuple[Any, Complex]], exchange: Any) -> State:
    """Sum weights times T_n(H) psi, given twice the scaled H."""
    previous, current = psi, 0.5 * _apply(psi, drives, diagonal, exchange)
    total = weights[0] * previous
    if len(weights) > 1:
        total += weights[1] * current
    for weight in weights[2:]:
        following = _apply(current, drives, diagonal, exchange)
        following -= previous
        previous, current = current, following
        total += weight * current
    return np.asarray(total)


def _raisings(space: Subspace, sites: tuple[Transition, ...], omegas: tuple[Complex, ...]) -> list[tuple[Any, Complex]]:
    """Return the sum of |a⟩⟨b| over the sites of each drive, sparse, with the drive; alike drives are one."""
    groups: list[tuple[list[Transition], Complex]] = []
    for site, omega in zip(sites, omegas, strict=True):
        for some, other in groups:
            if omega is other or np.array_equal(omega, other):
                some.append(site)
                break
        else:
            groups.append(([site], omega))
    return [(space.raising(tuple(some)), omega) for some, omega in groups]


def _apply(states: State, drives: list[tuple[Any, Complex]], diagonal: Array, exchange: Any) -> State:
    """Return 2 H times states (dimension, rows, settings), given twice the diagonal and the exchange."""
    out = states * diagonal
    flat = states.reshape(len(states), -1)
    if exchange is not None:
        out = out + (exchange @ flat).reshape(out.shape)
    for (up, down), omega in drives:
        out += omega * (up @ flat).reshape(out.shape)
        out += omega.conj() * (down @ flat).reshape(out.shape)
    return out
