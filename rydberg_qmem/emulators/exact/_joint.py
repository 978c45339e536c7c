"""Several atoms driven together: dense propagators where small, Chebyshev expansion where not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact import _chebyshev as chebyshev
from rydberg_qmem.emulators.exact import _step_search as step_search
from rydberg_qmem.emulators.exact._global_drive import GlobalDrive
from rydberg_qmem.emulators.exact._subspace import Samples, Subspace, Transition
from rydberg_qmem.emulators.layout import State

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]

DENSE_DIMENSION = 32
"""Largest subspace whose Hamiltonians are diagonalised."""
SPLIT_DIMENSION = 512
"""Smallest subspace under one global drive that the split-operator method takes."""
DENSE_WORK = 4_000_000
"""Largest number of matrix elements of all intervals that are diagonalised in batches."""
DENSE_FEW = 2**12
"""Matrix elements of an interval's Hamiltonians up to which all intervals go in batches, however many they are."""
DENSE_BATCH = 2**18
"""Matrix elements that are diagonalised at a time."""
DENSE_ELEMENT, EXPAND_CALL, EXPAND_AMPLITUDE = 1.5e-8, 6e-5, 4e-8
"""Seconds: diagonalising, per element and dimension; a term of an expansion, and each of its amplitudes. Only their
ratios matter."""
REFERENCE_CUTOFF = 1e-10
"""The same where a state is what the steps of the split operator are held against."""


def evolve(
    states: State, space: Subspace, sites: tuple[Transition, ...], samples: Samples, share: float = 1.0
) -> State:
    """Evolve states (rows, settings, dimension) through all intervals: `share` of a segment, of whose error as much."""
    if _is_global(space, sites, samples):

        def exactly(some: State, rows: NDArray[np.int64]) -> State:
            return _steps(some[:, None], space, sites, samples.rows(rows), REFERENCE_CUTOFF)[:, 0]

        cost_s = _expanding_s(states, chebyshev.SpectralBounds.of(space, sites, samples), samples)
        made = step_search.evolve(states[:, 0], _global_drive(space, sites, samples), exactly, cost_s, share)
        if made is not None:
            return made[:, None]
    return _steps(states, space, sites, samples)


def _steps(
    states: State, space: Subspace, sites: tuple[Transition, ...], samples: Samples, cutoff: float = chebyshev.CUTOFF
) -> State:
    """Diagonalise where that costs less than expanding: where many states share few Hamiltonians."""
    rows = max([1, *(len(o) for o in samples.omegas), *(len(d) for d in samples.deltas)])
    matrices, count = rows * len(space.energies), len(samples.dt_us)
    bounds = chebyshev.SpectralBounds.of(space, sites, samples)
    expanding = _expanding_s(states, bounds, samples)
    if space.dimension > DENSE_DIMENSION or expanding < count * matrices * DENSE_ELEMENT * space.dimension**3:
        return chebyshev.evolve(states, space, sites, samples, bounds, cutoff)
    elements = matrices * space.dimension**2
    if elements * count <= DENSE_WORK or elements <= DENSE_FEW:
        return np.asarray(np.matmul(_dense_all(space, sites, samples)[:, 0], states[..., None])[..., 0])
    for k, dt in enumerate(samples.dt_us):
        omegas = tuple(o[:, k] for o in samples.omegas)
        deltas = tuple(d[:, k] for d in samples.deltas)
        states = _dense(states, hamiltonian(space, sites, omegas, deltas), float(dt))
    return states


def _expanding_s(states: State, bounds: chebyshev.SpectralBounds, samples: Samples) -> float:
    """Return about how long (s) expanding in every interval takes."""
    terms = sum(len(chebyshev.coefficients(bounds.radius * dt)) for dt in samples.dt_us.tolist())
    return terms * (EXPAND_CALL + EXPAND_AMPLITUDE * states.size)


def _dense_all(space: Subspace, sites: tuple[Transition, ...], samples: Samples) -> Complex:
    """Return the propagators (rows, 1, settings, dimension, dimension) of all intervals, multiplied in a tree of pairs.

    Batches of a power of two of intervals are branches of the tree of all.
    """
    count = len(samples.dt_us)
    rows = max([1, *(len(o) for o in samples.omegas), *(len(d) for d in samples.deltas)])
    batch = 2 ** int(np.log2(max(1, DENSE_BATCH // (rows * len(space.energies) * space.dimension**2))))
    if count > batch:
        made = [_dense_all(space, sites, samples.between(k, k + batch)) for k in range(0, count, batch)]
        return _product(np.concatenate(made, axis=1))
    omegas = tuple(np.broadcast_to(o, (rows, count)).ravel() for o in samples.omegas)
    deltas = tuple(np.broadcast_to(d, (rows, count)).ravel() for d in samples.deltas)
    h = hamiltonian(space, sites, omegas, deltas)
    h = np.broadcast_to(h, (rows * count, *h.shape[1:])) if not sites else h
    energies, vectors = np.linalg.eigh(h.reshape(rows, count, *h.shape[1:]))
    phases = np.exp(-1j * energies * samples.dt_us[None, :, None, None])
    return _product(np.matmul(vectors * phases[..., None, :], vectors.conj().swapaxes(-1, -2)))


def _product(u: Complex) -> Complex:
    """Multiply propagators along the second axis, later ones to the left, in a tree of pairs; the axis stays."""
    while u.shape[1] > 1:
        odd = u[:, u.shape[1] - 1 :] if u.shape[1] % 2 else None
        pairs = u[:, : u.shape[1] // 2 * 2]
        u = np.matmul(pairs[:, 1::2], pairs[:, 0::2])
        u = u if odd is None else np.concatenate([u, odd], axis=1)
    return u


def hamiltonian(
    space: Subspace, sites: tuple[Transition, ...], omegas: tuple[Complex, ...], deltas: tuple[Array, ...]
) -> Complex:
    """Return the dense Hamiltonians (rows or 1, settings, dimension, dimension) in rad/µs."""
    size = space.dimension
    h = np.zeros((1, len(space.energies), size, size), dtype=complex)
    index = np.arange(size)
    h[:, :, index, index] = space.energies
    if space.exchange is not None:
        h = h + space.exchange.toarray()
    for site, omega, delta in zip(sites, omegas, deltas, strict=True):
        up, here = _drive_matrices(space, site)
        raised = 0.5 * omega[:, None, None, None] * up
        h = h + raised + raised.conj().swapaxes(-1, -2) - delta[:, None, None, None] * here
    return h


def _drive_matrices(space: Subspace, site: Transition) -> tuple[Array, Array]:
    up = np.zeros((space.levels, space.levels))
    up[site.a, site.b] = 1.0
    here = np.zeros((space.levels, space.levels))
    here[site.b, site.b] = 1.0
    left, right = np.eye(space.levels**site.atom), np.eye(space.levels ** (space.atoms - site.atom - 1))
    return np.kron(np.kron(left, up), right), np.kron(np.kron(left, here), right)


def _dense(states: State, h: Complex, dt_us: float) -> State:
    energies, vectors = np.linalg.eigh(h)
    phases = np.exp(-1j * energies * dt_us)
    inner = np.matmul(vectors.conj().swapaxes(-1, -2), states[..., None])[..., 0] * phases
    return np.asarray(np.matmul(vectors, inner[..., None])[..., 0])


def _is_global(space: Subspace, sites: tuple[Transition, ...], samples: Samples) -> bool:
    """Return whether one drive of steady phase acts alike on all atoms, and they are many."""
    if space.exchange is not None or len(space.energies) > 1 or space.dimension < SPLIT_DIMENSION:
        return False
    if len(samples.dt_us) < 16:
        return False  # a constant drive is one Chebyshev expansion
    first = samples.omegas[0] if samples.omegas else np.zeros((1, 1))
    pairs, atoms = {(site.a, site.b) for site in sites}, {site.atom for site in sites}
    if len(pairs) != 1 or len(atoms) != space.atoms or len(sites) != space.atoms:
        return False
    if not all(o is first or np.array_equal(o, first) for o in samples.omegas):
        return False
    lead = first[np.arange(len(first)), np.abs(first).argmax(axis=1)]
    return bool(np.all(np.abs((first * lead[:, None].conj()).imag) <= 1e-12 * max(1e-300, np.abs(lead).max() ** 2)))


def _global_drive(space: Subspace, sites: tuple[Transition, ...], samples: Samples) -> GlobalDrive:
    omega = samples.omegas[0]
    lead = omega[np.arange(len(omega)), np.abs(omega).argmax(axis=1)]
    phase = -np.angle(lead)
    order = sorted(range(len(sites)), key=lambda k: sites[k].atom)
    return GlobalDrive(
        levels=space.levels,
        atoms=space.atoms,
        a=sites[0].a,
        b=sites[0].b,
        dt_us=samples.dt_us,
        rabi=(omega * np.exp(1j * phase)[:, None]).real,
        phase=phase,
        detunings=tuple(samples.deltas[k] for k in order),
        energies=space.energies[0],
    )
