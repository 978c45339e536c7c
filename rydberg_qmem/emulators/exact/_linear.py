"""Linear equations dX/dt = (A + Σ c_k B_k) X for many rows at once: sparse terms, coefficients row by row.

The same code serves density matrices (the Lindblad equation on D² real numbers) and vectors that decay under an
effective Hamiltonian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Matrix = NDArray[Any]
Sparse = Any

DENSE_SIZE = 256
"""Largest generators that are exponentiated; larger ones act on the rows by Taylor series."""
CHUNK = 4_000_000
"""Matrix elements of one batch of exponentials."""
TAYLOR_NORM = 2.0
TAYLOR_CUTOFF = 1e-15


@dataclass(frozen=True, eq=False)
class LinearEquation:
    """A constant part and terms, sparse matrices (size, size) all."""

    constant: Sparse
    terms: tuple[Sparse, ...]

    @property
    def size(self) -> int:
        """Number of amplitudes of a row."""
        return int(self.constant.shape[0])

    @cached_property
    def _dense(self) -> tuple[Matrix, Matrix]:
        """The constant part, and the terms as rows of a matrix."""
        flat = [term.toarray().ravel() for term in self.terms]
        return self.constant.toarray(), np.array(flat) if flat else np.zeros((0, self.size**2))

    @cached_property
    def _norms(self) -> tuple[float, Array]:
        norms = [float(abs(term).sum(axis=0).max()) for term in self.terms]
        return float(abs(self.constant).sum(axis=0).max()), np.array(norms)

    def matrices(self, coefficients: Array) -> Matrix:
        """Return the dense generators (rows, size, size) for coefficients (rows, terms)."""
        constant, terms = self._dense
        made = (coefficients @ terms).reshape(len(coefficients), self.size, self.size)
        return np.asarray(made + constant)

    def propagators(self, coefficients: Array, dt_us: float) -> Matrix:
        """Return exp(G dt) for coefficients (rows, terms)."""
        return expm(self.matrices(coefficients) * dt_us)

    def advance(self, rows: Matrix, coefficients: Array, dt_us: float) -> Matrix:
        """Return rows (count, size) after a time, for coefficients (count or 1, terms)."""
        if self.size > DENSE_SIZE:
            return self.series(rows, coefficients, np.full(1, dt_us))
        if len(coefficients) == 1:
            return np.asarray(rows @ self.propagators(coefficients, dt_us)[0].T)
        out = np.empty(rows.shape, dtype=np.result_type(rows, self.constant.dtype))
        for some in chunks(len(rows), self.size**2):
            made = self.propagators(coefficients[some], dt_us)
            out[some] = np.matmul(made, rows[some][:, :, None])[:, :, 0]
        return out

    def series(self, rows: Matrix, coefficients: Array, times_us: Array) -> Matrix:
        """Return rows after a time each, by Taylor series of short steps."""
        constant, terms = self._norms
        norm = float(((constant + np.abs(coefficients) @ terms) * times_us).max())
        steps = max(1, int(np.ceil(norm / TAYLOR_NORM)))
        scale = (times_us / steps)[:, None]
        for _ in range(steps):
            term, total = rows, rows
            for order in range(1, 60):
                term = self.apply(term, coefficients) * (scale / order)
                total = total + term
                if np.abs(term).max() < TAYLOR_CUTOFF * max(np.abs(total).max(), 1e-300):
                    break
            rows = total
        return np.asarray(rows)

    def apply(self, rows: Matrix, coefficients: Array) -> Matrix:
        """Return G X for each row."""
        columns = np.ascontiguousarray(rows.T)
        made = self.constant @ columns
        for k, term in enumerate(self.terms):
            if coefficients[:, k].any():
                made = made + (term @ columns) * coefficients[:, k]
        return np.asarray(made.T)


def chunks(rows: int, elements: int) -> Iterator[slice]:
    """Yield slices of rows whose matrices fit into one batch."""
    step = max(1, CHUNK // elements)
    for first in range(0, rows, step):
        yield slice(first, first + step)


_PADE = (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
         670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1)  # fmt: skip
_RADIUS = 5.371920351148152
"""Up to this norm the Padé approximant of degree 13 is exact to rounding (Higham, SIAM J. Matrix Anal. 26, 2005)."""


def expm(matrices: Matrix) -> Matrix:
    """Return the exponentials of a batch of matrices (…, n, n): scaling, Padé of degree 13, squaring.

    >>> import numpy as np
    >>> bool(np.allclose(expm(np.array([[0.0, -np.pi], [np.pi, 0.0]])), -np.eye(2), atol=1e-14))
    True
    """
    norm = float(np.abs(matrices).sum(axis=-2).max(initial=0.0))
    squarings = max(0, int(np.ceil(np.log2(max(norm, 1e-300) / _RADIUS))))
    a = matrices / 2.0**squarings
    one = np.eye(a.shape[-1])
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    b = _PADE
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    made = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        made = made @ made
    return np.asarray(made)
