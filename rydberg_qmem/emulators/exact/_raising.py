"""Σ |a⟩⟨b| over some atoms: one sparse matrix where states are small, two of half the atoms where they are large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import State

HALVED_DIMENSION = 2**14
"""Smallest dimension whose raising operators are kept as those of two halves: a whole one has as many elements as
atoms for each amplitude, of 20 bytes each."""


def raising(levels: int, atoms: int, sites: Sequence[tuple[int, int, int]]) -> tuple[Any, Any]:
    """Return Σ |a⟩⟨b| over some sites (atom, a, b), and its adjoint; both take states (dimension, columns) by `@`."""
    if levels**atoms < HALVED_DIMENSION:
        up = _sparse(levels, atoms, sites)
        return up, up.T.tocsr()
    first = atoms // 2
    left = _sparse(levels, first, [site for site in sites if site[0] < first])
    right = _sparse(levels, atoms - first, [(atom - first, a, b) for atom, a, b in sites if atom >= first])
    return Halves(left, right), Halves(left.T.tocsr(), right.T.tocsr())


def _sparse(levels: int, atoms: int, sites: Sequence[tuple[int, int, int]]) -> Any:
    from scipy import sparse

    size = levels**atoms
    index = np.arange(size)
    sinks, sources = [index[:0]], [index[:0]]
    for atom, a, b in sites:
        stride = levels ** (atoms - atom - 1)
        here = index[index // stride % levels == b]
        sources.append(here)
        sinks.append(here + (a - b) * stride)
    where = (np.concatenate(sinks), np.concatenate(sources))
    return sparse.csr_array((np.ones(len(where[0]), dtype=complex), where), shape=(size, size))


@dataclass(frozen=True)
class Halves:
    """L ⊗ 1 + 1 ⊗ R, given L on the first half of the atoms and R on the others."""

    left: Any
    right: Any

    def __matmul__(self, states: State) -> NDArray[np.complex128]:
        """Return the operator times states (dimension, columns)."""
        first, second, columns = self.left.shape[0], self.right.shape[0], states.shape[1]
        made = np.asarray(self.left @ states.reshape(first, second * columns)).reshape(first, second, columns)
        turned = np.ascontiguousarray(states.reshape(first, second, columns).swapaxes(0, 1))
        turned = np.asarray(self.right @ turned.reshape(second, first * columns))
        made += turned.reshape(second, first, columns).swapaxes(0, 1)
        return made.reshape(states.shape)
