"""What a probe sees: expectation values and reduced states, summed over weighted states."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import ProbeStep
from rydberg_qmem.compile.target import ONE
from rydberg_qmem.emulators.layout import Layout, State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def probe_totals(layout: Layout, step: ProbeStep, states: State, weights: Array) -> dict[str, NDArray[Any]]:
    """Return, for each quantity asked for, its sum over states times their weights."""
    made: dict[str, NDArray[Any]] = {}
    for quantity in step.probe.quantities:
        match quantity:
            case "occupation":
                made[quantity] = _occupation(layout, step, states, weights)
            case "correlations":
                made[quantity] = _correlations(layout, step, states, weights)
            case "pauli":
                made[quantity] = _pauli(layout, step, states, weights)
            case "density_matrix":
                made[quantity] = np.tensordot(weights, reduced(layout, states, step.atoms), axes=(0, 0))
            case "purity":
                rho = reduced(layout, states, step.atoms)
                made[quantity] = np.asarray(weights @ np.einsum("qij,qji->q", rho, rho).real)
            case _:
                made[quantity] = np.asarray(weights @ entropy_bits(reduced(layout, states, step.atoms)))
    return made


def reduced(layout: Layout, states: State, atoms: tuple[int, ...]) -> Complex:
    """Return the reduced density matrices (states, d^m, d^m) of some atoms, in the order given."""
    d, n = len(layout.levels), layout.atoms
    others = tuple(i for i in range(n) if i not in atoms)
    axes = (0, *(1 + i for i in atoms), *(1 + i for i in others))
    split = states.reshape((len(states), *(d,) * n)).transpose(axes).reshape(len(states), d ** len(atoms), -1)
    return np.asarray(np.einsum("qik,qjk->qij", split, split.conj()))


def entropy_bits(rho: Complex) -> Array:
    """Return the von Neumann entropy (bits) of density matrices."""
    p = np.clip(np.linalg.eigvalsh(rho), 1e-300, None)
    return np.asarray(-(p * np.log2(p)).sum(axis=-1))


def _occupation(layout: Layout, step: ProbeStep, states: State, weights: Array) -> Array:
    bits = np.array([layout.bit(atom, step.basis) for atom in step.atoms], dtype=float)
    return np.asarray(bits @ (weights @ np.abs(states) ** 2))


def _correlations(layout: Layout, step: ProbeStep, states: State, weights: Array) -> Array:
    bits = np.array([layout.bit(atom, step.basis) for atom in step.atoms], dtype=float)
    return np.asarray(np.einsum("ik,k,jk->ij", bits, weights @ np.abs(states) ** 2, bits))


def _pauli(layout: Layout, step: ProbeStep, states: State, weights: Array) -> Array:
    zero, one = layout.levels[layout.ground], ONE[step.basis]
    a, b = layout.levels.index(zero), layout.levels.index(one)
    rows = []
    for atom in step.atoms:
        rho = np.tensordot(weights, reduced(layout, states, (atom,)), axes=(0, 0))
        values = {"X": 2 * rho[b, a].real, "Y": 2 * rho[b, a].imag, "Z": (rho[a, a] - rho[b, b]).real}
        rows.append([values[name] for name in step.probe.pauli])
    return np.array(rows)
