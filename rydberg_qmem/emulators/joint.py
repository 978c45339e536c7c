"""Several atoms driven together: dense propagators where small, Chebyshev expansion where not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import State

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]

DENSE_DIMENSION = 81
"""Largest subspace whose Hamiltonians are diagonalised."""
DENSE_WORK = 2_000_000
"""Largest number of matrix elements that one batch of Hamiltonians may hold."""


@dataclass(frozen=True)
class Term:
    """A drive on one atom of the subspace: levels (a, b) as indices, Ω exp(-iφ) (rows or 1,), δ (rows or 1,)."""

    atom: int
    a: int
    b: int
    omega: Complex
    delta: Array


@dataclass(frozen=True)
class Step:
    """One interval of constant drives."""

    terms: tuple[Term, ...]
    dt_us: float


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


def evolve(states: State, space: Subspace, steps: list[Step]) -> State:
    """Evolve states (rows, settings, dimension) through the steps."""
    for step in steps:
        rows = max([1, *(max(len(t.omega), len(t.delta)) for t in step.terms)])
        work = rows * len(space.energies) * space.dimension**2
        if space.dimension <= DENSE_DIMENSION and work <= DENSE_WORK:
            states = _dense(states, space, step)
        else:
            states = _chebyshev(states, space, step)
    return states


def _drive_matrices(space: Subspace, term: Term) -> tuple[Array, Array]:
    up = np.zeros((space.levels, space.levels))
    up[term.a, term.b] = 1.0
    here = np.zeros((space.levels, space.levels))
    here[term.b, term.b] = 1.0
    left, right = np.eye(space.levels**term.atom), np.eye(space.levels ** (space.atoms - term.atom - 1))
    return np.kron(np.kron(left, up), right), np.kron(np.kron(left, here), right)


def hamiltonian(space: Subspace, step: Step) -> Complex:
    """Return the dense Hamiltonians (rows or 1, settings, dimension, dimension) in rad/µs."""
    size = space.dimension
    h = np.zeros((1, len(space.energies), size, size), dtype=complex)
    index = np.arange(size)
    h[:, :, index, index] = space.energies
    if space.exchange is not None:
        h = h + space.exchange
    for term in step.terms:
        up, here = _drive_matrices(space, term)
        raise_ = 0.5 * term.omega[:, None, None, None] * up
        h = h + raise_ + raise_.conj().swapaxes(-1, -2) - term.delta[:, None, None, None] * here
    return h


def _dense(states: State, space: Subspace, step: Step) -> State:
    h = hamiltonian(space, step)
    energies, vectors = np.linalg.eigh(h)
    phases = np.exp(-1j * energies * step.dt_us)
    inner = np.matmul(vectors.conj().swapaxes(-1, -2), states[..., None])[..., 0] * phases
    return np.asarray(np.matmul(vectors, inner[..., None])[..., 0])


def _apply(states: State, space: Subspace, terms: tuple[Term, ...], diagonal: Array) -> State:
    out = states * diagonal
    if space.exchange is not None:
        out = out + states @ space.exchange.T
    rows, settings, _ = states.shape
    for term in terms:
        shape = (rows, settings, space.levels**term.atom, space.levels, -1)
        source, sink = states.reshape(shape), out.reshape(shape)
        half = 0.5 * term.omega[:, None, None, None]
        sink[:, :, :, term.a] += half * source[:, :, :, term.b]
        sink[:, :, :, term.b] += half.conj() * source[:, :, :, term.a]
    return out


def _full_diagonal(space: Subspace, terms: tuple[Term, ...]) -> Array:
    diagonal = space.energies[None]
    digits = np.indices((space.levels,) * space.atoms).reshape(space.atoms, -1)
    for term in terms:
        diagonal = diagonal - term.delta[:, None, None] * (digits[term.atom] == term.b)
    return np.asarray(diagonal)


def _chebyshev(states: State, space: Subspace, step: Step) -> State:
    """Expand exp(-iHt) in Chebyshev polynomials: as many terms as the spectrum's width times t, and a few more."""
    from scipy.special import jv

    diagonal = _full_diagonal(space, step.terms)
    coupling = sum(float(np.abs(term.omega).max()) / 2 for term in step.terms)
    if space.exchange is not None:
        coupling += float(np.abs(space.exchange).sum(axis=1).max())
    low, high = float(diagonal.min()) - coupling, float(diagonal.max()) + coupling
    centre, radius = (low + high) / 2, max((high - low) / 2, 1e-12)
    x = radius * step.dt_us
    count = int(x + 12 + 4.5 * x ** (1 / 3)) + 4
    weights = jv(np.arange(count), x) * (-1j) ** np.arange(count)
    weights[1:] *= 2
    count = int(np.flatnonzero(np.abs(weights) > 1e-16)[-1]) + 1
    shifted = (diagonal - centre) / radius
    terms = tuple(Term(t.atom, t.a, t.b, t.omega / radius, t.delta) for t in step.terms)
    scaled = Subspace(
        space.levels, space.atoms, space.energies, None if space.exchange is None else space.exchange / radius
    )
    previous, current = states, _apply(states, scaled, terms, shifted)
    total = weights[0] * previous + (weights[1] * current if count > 1 else 0)
    for k in range(2, count):
        previous, current = current, 2 * _apply(current, scaled, terms, shifted) - previous
        total = total + weights[k] * current
    return np.asarray(np.exp(-1j * centre * step.dt_us) * total)
