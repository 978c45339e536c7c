"""The atoms that are driven together, with the energies of every setting of the others, and their drives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact._raising import raising

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]

LANCZOS_DIMENSION = 1024
"""Smallest dimension at which the spectrum of couplings is found by Lanczos' method; below, sums of rows bound it."""
LANCZOS_MARGIN = 0.01
"""So much of its width is added on either side."""


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
class Transition:
    """A drive's place in the subspace: the atom, and the indices of its levels (a, b)."""

    atom: int
    a: int
    b: int


@dataclass(frozen=True)
class Subspace:
    """Atoms driven together: `levels` levels each; fixed energies (settings, dimension); sparse couplings or none."""

    levels: int
    atoms: int
    energies: Array
    exchange: Any = None

    @property
    def dimension(self) -> int:
        """Number of basis states of the subspace."""
        return int(self.levels**self.atoms)

    @cached_property
    def digits(self) -> NDArray[np.int8]:
        """Level of each atom in each basis state."""
        return np.indices((self.levels,) * self.atoms, dtype=np.int8).reshape(self.atoms, -1)

    @cached_property
    def fixed_bounds(self) -> tuple[float, float]:
        """An interval that holds the spectrum of what no drive changes (rad/µs): energies and couplings."""
        if self.exchange is None:
            return float(self.energies.min()), float(self.energies.max())
        rows = float(abs(self.exchange).sum(axis=1).max())
        low, high = float(self.energies.min()) - rows, float(self.energies.max()) + rows
        if self.dimension < LANCZOS_DIMENSION or rows == 0.0:
            return low, high
        from scipy import sparse
        from scipy.sparse.linalg import eigsh

        fixed = self.exchange + sparse.diags_array(self.energies[0])
        start = np.random.Generator(np.random.Philox(self.dimension)).standard_normal(self.dimension)
        least, largest = (
            float(eigsh(fixed, 1, which=end, v0=start, tol=1e-4, return_eigenvectors=False)[0]) for end in ("SA", "LA")
        )
        margin = LANCZOS_MARGIN * (largest - least)
        return max(least - margin, low), min(largest + margin, high)

    @cached_property
    def _raised(self) -> dict[tuple[Transition, ...], Any]:
        return {}

    def raising(self, sites: tuple[Transition, ...]) -> Any:
        """Return Σ |a⟩⟨b| over some sites, and its adjoint, made once."""
        if sites not in self._raised:
            places = [(site.atom, site.a, site.b) for site in sites]
            self._raised[sites] = raising(self.levels, self.atoms, places)
        return self._raised[sites]
