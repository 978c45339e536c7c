"""Several atoms driven together: dense propagators where small, Chebyshev expansion where not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact import _split_operator as splitting
from rydberg_qmem.emulators.exact._raising import raising
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
BLOCK = 20_000
"""So many amplitudes, with what their expansion needs, stay near the processor: more rows are expanded in blocks."""
CUTOFF = 1e-14
"""Chebyshev coefficients below this are left out."""
REFERENCE_CUTOFF = 1e-10
"""The same where a state is what the steps of the split operator are held against."""


@dataclass(frozen=True)
class Samples:
    """Drives over intervals `dt_us`: one array (rows or 1, intervals) for each drive's Ω exp(-iφ) and δ."""

    dt_us: Array
    omegas: tuple[Complex, ...]
    deltas: tuple[Array, ...]

    def rows(self, wanted: NDArray[np.int64]) -> Samples:
        """Return the samples of some rows."""
        omegas = tuple(o[wanted] if len(o) > 1 else o for o in self.omegas)
        return Samples(self.dt_us, omegas, tuple(d[wanted] if len(d) > 1 else d for d in self.deltas))

    def between(self, first: int, stop: int) -> Samples:
        """Return the samples of some intervals."""
        some = slice(first, stop)
        omegas = tuple(omega[:, some] for omega in self.omegas)
        return Samples(self.dt_us[some], omegas, tuple(delta[:, some] for delta in self.deltas))


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

    @cached_property
    def _raised(self) -> dict[tuple[Site, ...], Any]:
        return {}

    def raising(self, sites: tuple[Site, ...]) -> Any:
        """Return Σ |a⟩⟨b| over some sites, and its adjoint, made once."""
        if sites not in self._raised:
            places = [(site.atom, site.a, site.b) for site in sites]
            self._raised[sites] = raising(self.levels, self.atoms, places)
        return self._raised[sites]


def evolve(states: State, space: Subspace, sites: tuple[Site, ...], samples: Samples, share: float = 1.0) -> State:
    """Evolve states (rows, settings, dimension) through all intervals: `share` of a segment, of whose error as much."""
    if _is_global(space, sites, samples):

        def exactly(some: State, rows: NDArray[np.int64]) -> State:
            return _steps(some[:, None], space, sites, samples.rows(rows), REFERENCE_CUTOFF)[:, 0]

        made = splitting.evolve(states[:, 0], _global_drive(space, sites, samples), exactly, share)
        if made is not None:
            return made[:, None]
    return _steps(states, space, sites, samples)


def _steps(states: State, space: Subspace, sites: tuple[Site, ...], samples: Samples, cutoff: float = CUTOFF) -> State:
    """Diagonalise where that costs less than expanding: where many states share few Hamiltonians."""
    rows = max([1, *(len(o) for o in samples.omegas), *(len(d) for d in samples.deltas)])
    matrices, count = rows * len(space.energies), len(samples.dt_us)
    bounds = _Bounds.of(space, sites, samples)
    terms = sum(len(coefficients(bounds.radius * dt)) for dt in samples.dt_us.tolist())
    expanding = terms * (EXPAND_CALL + EXPAND_AMPLITUDE * states.size)
    if space.dimension > DENSE_DIMENSION or expanding < count * matrices * DENSE_ELEMENT * space.dimension**3:
        return _chebyshev(states, space, sites, samples, bounds, cutoff)
    elements = matrices * space.dimension**2
    if elements * count <= DENSE_WORK or elements <= DENSE_FEW:
        return np.asarray(np.matmul(_dense_all(space, sites, samples)[:, 0], states[..., None])[..., 0])
    for k, dt in enumerate(samples.dt_us):
        omegas = tuple(o[:, k] for o in samples.omegas)
        deltas = tuple(d[:, k] for d in samples.deltas)
        states = _dense(states, hamiltonian(space, sites, omegas, deltas), float(dt))
    return states


def _dense_all(space: Subspace, sites: tuple[Site, ...], samples: Samples) -> Complex:
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


@lru_cache(maxsize=4096)
def coefficients(x: float, cutoff: float = CUTOFF) -> Complex:
    """Return the Chebyshev coefficients of exp(-ixy) for y in [-1, 1] that are larger than a cutoff."""
    from scipy.special import jv

    count = int(abs(x) + 16 + 5 * abs(x) ** (1 / 3))
    made = jv(np.arange(count), x) * (-1j) ** np.arange(count)
    made[1:] *= 2
    return np.asarray(made[: int(np.flatnonzero(np.abs(made) > cutoff)[-1]) + 1])


@dataclass(frozen=True)
class _Bounds:
    """An interval that holds the spectra of all Hamiltonians of a stretch."""

    centre: float
    radius: float

    @classmethod
    def of(cls, space: Subspace, sites: tuple[Site, ...], samples: Samples) -> _Bounds:
        low, high = space.energies.min(axis=0), space.energies.max(axis=0)
        for site, delta in zip(sites, samples.deltas, strict=True):
            here = space.digits[site.atom] == site.b
            low, high = low - float(delta.max()) * here, high - float(delta.min()) * here
        coupling = sum(float(np.abs(omega).max()) / 2 for omega in samples.omegas)
        if space.exchange is not None:
            coupling += float(np.abs(space.exchange).sum(axis=1).max())
        bottom, top = float(low.min()) - coupling, float(high.max()) + coupling
        return cls((bottom + top) / 2, max((top - bottom) / 2, 1e-9))


def _chebyshev(
    states: State, space: Subspace, sites: tuple[Site, ...], samples: Samples, bounds: _Bounds, cutoff: float
) -> State:
    """Expand exp(-iHt) in Chebyshev polynomials: as many terms as the spectrum's width times t, and a few more."""
    at_once = max(1, BLOCK // states[0].size)
    if len(states) > at_once:
        blocks = (np.arange(k, min(k + at_once, len(states))) for k in range(0, len(states), at_once))
        made = [_chebyshev(states[some], space, sites, samples.rows(some), bounds, cutoff) for some in blocks]
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


def _expanded(
    psi: State, weights: Complex, diagonal: Array, drives: list[tuple[Any, Complex]], exchange: Array | None
) -> State:
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


def _raisings(space: Subspace, sites: tuple[Site, ...], omegas: tuple[Complex, ...]) -> list[tuple[Any, Complex]]:
    """Return the sum of |a⟩⟨b| over the sites of each drive, sparse, with the drive; alike drives are one."""
    groups: list[tuple[list[Site], Complex]] = []
    for site, omega in zip(sites, omegas, strict=True):
        for some, other in groups:
            if omega is other or np.array_equal(omega, other):
                some.append(site)
                break
        else:
            groups.append(([site], omega))
    return [(space.raising(tuple(some)), omega) for some, omega in groups]


def _apply(states: State, drives: list[tuple[Any, Complex]], diagonal: Array, exchange: Array | None) -> State:
    """Return 2 H times states (dimension, rows, settings), given twice the diagonal and the exchange."""
    out = states * diagonal
    flat = states.reshape(len(states), -1)
    if exchange is not None:
        out = out + (exchange @ flat).reshape(out.shape)
    for (up, down), omega in drives:
        out += omega * (up @ flat).reshape(out.shape)
        out += omega.conj() * (down @ flat).reshape(out.shape)
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
