"""Density matrices as real vectors: an orthonormal basis of Hermitian matrices, where every Liouvillian is real."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Sparse = Any


class Hermitian:
    """The orthonormal basis of Hermitian matrices in which a density matrix is D² real numbers."""

    def __init__(self, dimension: int) -> None:
        upper, lower = np.triu_indices(dimension, 1)
        self.diagonal = np.arange(dimension) * (dimension + 1)
        self.above, self.below = upper * dimension + lower, lower * dimension + upper

    def real(self, flat: State) -> Array:
        """Return density matrices (rows, D²) as real rows: diagonal, √2 Re, √2 Im of what is above it."""
        above = flat[:, self.above] * np.sqrt(2)
        return np.concatenate([flat[:, self.diagonal].real, above.real, above.imag], axis=1)

    def matrix(self, rows: Array) -> State:
        """Return real rows as flat density matrices."""
        size, count = len(self.diagonal), len(self.above)
        made = np.empty((len(rows), size * size), dtype=complex)
        made[:, self.diagonal] = rows[:, :size]
        above = (rows[:, size : size + count] + 1j * rows[:, size + count :]) / np.sqrt(2)
        made[:, self.above], made[:, self.below] = above, above.conj()
        return made

    def superoperator(self, made: Sparse) -> Sparse:
        """Return a superoperator on flat density matrices as a real matrix in this basis."""
        size, count = len(self.diagonal), len(self.above)
        column = np.concatenate(
            [np.arange(size), *(np.arange(size, size + 2 * count).reshape(2, count),) * 2], axis=None
        )
        place = np.concatenate([self.diagonal, self.above, self.above, self.below, self.below])
        root = np.sqrt(0.5)
        value = np.concatenate(
            [
                np.ones(size),
                np.full(count, root),
                np.full(count, 1j * root),
                np.full(count, root),
                np.full(count, -1j * root),
            ]
        )
        change = sparse.csr_matrix((value, (place, column)), shape=(size * size, size * size))
        real = (change.conj().T @ made @ change).real.tocsr()
        real.data[np.abs(real.data) < 1e-15] = 0.0
        real.eliminate_zeros()
        return real


def liouvillian(hamiltonian: Sparse) -> Sparse:
    """Return ρ → -i[H, ρ] on flat density matrices, ket index first."""
    one = sparse.identity(hamiltonian.shape[0], format="csr")
    return -1j * (sparse.kron(hamiltonian, one) - sparse.kron(one, hamiltonian.T))
