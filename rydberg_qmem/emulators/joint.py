"""Several atoms driven together: dense propagators where small, Chebyshev expansion where not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators import magnus, splitting
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.magnus import Samples

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]

DENSE_DIMENSION = 32
"""Largest subspace whose Hamiltonians are diagonalised."""
SPLIT_DIMENSION = 512
"""Smallest subspace under one global drive that the split-operator method takes."""
DENSE_WORK = 4_000_000
"""Largest number of matrix elements that one batch of Hamiltonians may hold."""
CUTOFF = 1e-14
"""Chebyshev coefficients below this are left out."""


@dataclass(frozen=True)
class Site:
    """A drive's place in the subspace: the atom, and the indices of its levels (a, b)."""

    atom: int
    a: int
    b: int


@dataclass(frozen=True)
class Subspace:
    """Atoms driven together: `levels` levels each; fixed energies (settings, dimension); couplings or none."""

    levels: int
    atoms: int
    energies: Array
    exchange: Array | None = None

    @property
    def dimension(self) -> int:
        """Number of basis states of the subspace."""
        return int(self.levels**self.atoms)

    @cached_property
    def digits(self) -> NDArray[np.int8]:
        """Level of each atom in each basis state."""
        return np.indices((self.levels,) * self.atoms, dtype=np.int8).reshape(self.atoms, -1)


def evolve(states: State, space: Subspace, sites: tuple[Site, ...], samples: Samples) -> State:
    """Evolve states (rows, settings, dimension) through all intervals, in as few steps as accuracy allows."""
    if _is_global(space, sites, samples):
        made = splitting.evolve(states[:, 0], _global_drive(space, sites, samples))
        if made is not None:
            return made[:, None]
    if len(samples.dt_us) >= 16:
        hardest = samples.extremes()
        trial = _spread(space, len(hardest))

        def attempt(state: State, some: Samples) -> State:
            return _steps(state, space, sites, some.rows(hardest))

        group = magnus.choose_group(samples, trial, attempt)
        samples = magnus.coarsen(samples, group) if group > 1 else samples
    return _steps(states, space, sites, samples)


def _spread(space: Subspace, rows: int) -> State:
    """Return states with all amplitudes alive, so that no error of a propagator goes unseen."""
    rng = np.random.Generator(np.random.Philox(space.dimension))
    made = rng.standard_normal((rows, len(space.energies), space.dimension)) * (1 + 0j)
    made += 1j * rng.standard_normal(made.shape)
    return np.asarray(made / np.linalg.norm(made, axis=-1, keepdims=True))


def _steps(states: State, space: Subspace, sites: tuple[Site, ...], samples: Samples) -> State:
    rows = max([1, *(len(o) for o in samples.omegas), *(len(d) for d in samples.deltas)])
    work = rows * len(space.energies) * space.dimension**2
    if space.dimension <= DENSE_DIMENSION and work * len(samples.dt_us) <= DENSE_WORK:
        return _dense_all(states, space, sites, samples)
    for k, dt in enumerate(samples.dt_us):
        omegas = tuple(o[:, k] for o in samples.omegas)
        deltas = tuple(d[:, k] for d in samples.deltas)
        if space.dimension <= DENSE_DIMENSION and work <= DENSE_WORK:
            states = _dense(states, hamiltonian(space, sites, omegas, deltas), float(dt))
        else:
            states = _chebyshev(states, space, sites, omegas, deltas, float(dt))
    return states


def _dense_all(states: State, space: Subspace, sites: tuple[Site, ...], samples: Samples) -> State:
    """Diagonalise all intervals' Hamiltonians as one batch and multiply their propagators in a tree of pairs."""
    count = len(samples.dt_us)
    rows = max([1, *(len(o) for o in samples.omegas), *(len(d) for d in samples.deltas)])
    omegas = tuple(np.broadcast_to(o, (rows, count)).ravel() for o in samples.omegas)
    deltas = tuple(np.broadcast_to(d, (rows, count)).ravel() for d in samples.deltas)
    h = hamiltonian(space, sites, omegas, deltas)
    h = np.broadcast_to(h, (rows * count, *h.shape[1:])) if not sites else h
    energies, vectors = np.linalg.eigh(h.reshape(rows, count, *h.shape[1:]))
    phases = np.exp(-1j * energies * samples.dt_us[None, :, None, None])
    u = np.matmul(vectors * phases[..., None, :], vectors.conj().swapaxes(-1, -2))
    while u.shape[1] > 1:
        odd = u[:, u.shape[1] - 1 :] if u.shape[1] % 2 else None
        pairs = u[:, : u.shape[1] // 2 * 2]
        u = np.matmul(pairs[:, 1::2], pairs[:, 0::2])
        u = u if odd is None else np.concatenate([u, odd], axis=1)
    return np.asarray(np.matmul(u[:, 0], states[..., None])[..., 0])


def hamiltonian(
    space: Subspace, sites: tuple[Site, ...], omegas: tuple[Complex, ...], deltas: tuple[Array, ...]
) -> Complex:
    """Return the dense Hamiltonians (rows or 1, settings, dimension, dimension) in rad/µs."""
    size = space.dimension
    h = np.zeros((1, len(space.energies), size, size), dtype=complex)
    index = np.arange(size)
    h[:, :, index, index] = space.energies
    if space.exchange is not None:
        h = h + space.exchange
    for site, omega, delta in zip(sites, omegas, deltas, strict=True):
        up, here = _drive_matrices(space, site)
        raised = 0.5 * omega[:, None, None, None] * up
        h = h + raised + raised.conj().swapaxes(-1, -2) - delta[:, None, None, None] * here
    return h


def _drive_matrices(space: Subspace, site: Site) -> tuple[Array, Array]:
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


def coefficients(x: float) -> Complex:
    """Return the Chebyshev coefficients of exp(-ixy) for y in [-1, 1]."""
    from scipy.special import jv

    count = int(x + 16 + 5 * x ** (1 / 3))
    made = jv(np.arange(count), x) * (-1j) ** np.arange(count)
    made[1:] *= 2
    return np.asarray(made[: int(np.flatnonzero(np.abs(made) > CUTOFF)[-1]) + 1])


def _chebyshev(
    states: State,
    space: Subspace,
    sites: tuple[Site, ...],
    omegas: tuple[Complex, ...],
    deltas: tuple[Array, ...],
    dt_us: float,
) -> State:
    """Expand exp(-iHt) in Chebyshev polynomials: as many terms as the spectrum's width times t, and a few more."""
    diagonal = space.energies[None]
    for site, delta in zip(sites, deltas, strict=True):
        diagonal = diagonal - delta[:, None, None] * (space.digits[site.atom] == site.b)
    coupling = sum(float(np.abs(omega).max()) / 2 for omega in omegas)
    if space.exchange is not None:
        coupling += float(np.abs(space.exchange).sum(axis=1).max())
    centre, radius = _interval(diagonal, coupling)
    shifted = (diagonal - centre) / radius
    scaled = tuple(omega / radius for omega in omegas)
    exchange = None if space.exchange is None else space.exchange / radius

    def apply(psi: State) -> State:
        return _apply(psi, space, sites, scaled, shifted, exchange)

    weights = coefficients(radius * dt_us)
    previous, current = states, apply(states)
    total = weights[0] * previous + (weights[1] * current if len(weights) > 1 else 0)
    for weight in weights[2:]:
        previous, current = current, 2 * apply(current) - previous
        total = total + weight * current
    return np.asarray(np.exp(-1j * centre * dt_us) * total)


def _interval(diagonal: Array, coupling: float) -> tuple[float, float]:
    low, high = float(diagonal.min()) - coupling, float(diagonal.max()) + coupling
    return (low + high) / 2, max((high - low) / 2, 1e-9)


def _apply(
    states: State,
    space: Subspace,
    sites: tuple[Site, ...],
    omegas: tuple[Complex, ...],
    diagonal: Array,
    exchange: Array | None,
) -> State:
    out = states * diagonal
    if exchange is not None:
        out = out + states @ exchange.T
    rows, settings, _ = states.shape
    for site, omega in zip(sites, omegas, strict=True):
        shape = (rows, settings, space.levels**site.atom, space.levels, -1)
        source, sink = states.reshape(shape), out.reshape(shape)
        half = 0.5 * omega[:, None, None, None]
        sink[:, :, :, site.a] += half * source[:, :, :, site.b]
        sink[:, :, :, site.b] += half.conj() * source[:, :, :, site.a]
    return out


def _is_global(space: Subspace, sites: tuple[Site, ...], samples: Samples) -> bool:
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


def _global_drive(space: Subspace, sites: tuple[Site, ...], samples: Samples) -> splitting.GlobalDrive:
    omega = samples.omegas[0]
    lead = omega[np.arange(len(omega)), np.abs(omega).argmax(axis=1)]
    phase = -np.angle(lead)
    order = sorted(range(len(sites)), key=lambda k: sites[k].atom)
    return splitting.GlobalDrive(
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
