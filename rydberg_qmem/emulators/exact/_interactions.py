"""Interactions of a target's atoms, as the propagators need them: of positions, field and mask, displaced or not."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import Strengths, Target
from rydberg_qmem.emulators.exact import _rotations as rotations
from rydberg_qmem.emulators.exact._segment import layout_of
from rydberg_qmem.emulators.exact._subspace import Subspace
from rydberg_qmem.emulators.fluctuations import displaced
from rydberg_qmem.emulators.layout import Layout
from rydberg_qmem.pulses import Scope

Array = NDArray[np.float64]


def interactions(target: Target, register: tuple[str, ...], scope: Scope) -> Strengths:
    """Return the interactions (rows or 1, atoms, atoms) in rad/µs; `register` names the atoms of `#place` in order."""
    here = [register.index(name) for name in target.atoms]
    return target.strengths(target.places_um + displaced(scope, len(register))[:, here])


@lru_cache(maxsize=512)
def shifts(target: Target, atom: int) -> tuple[Array, NDArray[np.int64]]:
    """Return the distinct shifts (rad/µs) of an atom's r level, and which setting of the others has which."""
    return rotations.neighbours_shift(layout_of(target), atom, target.van_der_waals)


@lru_cache(maxsize=512)
def pair_energies(target: Target, skipped: tuple[int, ...]) -> Array:
    """Return the energies (dimension) in rad/µs of the pairs that none of the skipped atoms belongs to."""
    strength = target.van_der_waals.copy()
    strength[list(skipped)] = 0
    strength[:, list(skipped)] = 0
    return layout_of(target).interaction_diagonal(strength, "r")


@lru_cache(maxsize=128)
def subspace(target: Target, driven: tuple[int, ...]) -> Subspace:
    """Return energies of the driven atoms for every setting of the others, all interactions included."""
    layout = layout_of(target)
    if "0" in layout.levels:
        energies = layout.interaction_diagonal(target.van_der_waals, "0")
        return Subspace(2, layout.atoms, energies[None], exchange_matrix(layout, target.exchange))
    levels = len(layout.levels)
    others = tuple(i for i in range(layout.atoms) if i not in driven)
    energies = layout.interaction_diagonal(target.van_der_waals, "r")
    moved = energies.reshape((levels,) * layout.atoms).transpose((*others, *driven))
    return Subspace(levels, len(driven), moved.reshape(levels ** len(others), -1))


def exchange_matrix(layout: Layout, strength: Array) -> Any:
    """Return Σ J_ij (|10⟩⟨01| + h.c.) as a sparse matrix (rad/µs)."""
    from scipy import sparse

    pairs = [(i, j) for i in range(layout.atoms) for j in range(i + 1, layout.atoms) if strength[i, j]]
    sinks, sources, values = [np.arange(0)], [np.arange(0)], [np.zeros(0)]
    for i, j in pairs:
        here = np.flatnonzero((layout.digits[i] == 1) & (layout.digits[j] == 0))
        there = here - 2 ** (layout.atoms - 1 - i) + 2 ** (layout.atoms - 1 - j)
        sinks += [there, here]
        sources += [here, there]
        values.append(np.full(2 * len(here), strength[i, j]))
    where = (np.concatenate(sinks), np.concatenate(sources))
    shape = (layout.dimension, layout.dimension)
    return sparse.csr_array((np.concatenate(values).astype(complex), where), shape=shape)
