"""The ideal unitaries of gates, from their rules, on states with any levels."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import Rotation, rotate
from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.gates.daqc import interaction_steps
from rydberg_qmem.language.blocks import Gate, Ising, gate_rule
from rydberg_qmem.language.blocks.rules import Blockaded, Complex, Diagonal, Matrix
from rydberg_qmem.pulses import Scope, column


def gate_atoms(gate: Gate, target: Target) -> tuple[int, ...]:
    """Return the register indices of a gate's atoms."""
    named = gate_rule(gate).atoms
    return tuple(target.atoms.index(name) for _, name in named) if named else tuple(range(len(target.atoms)))


def excited_atoms(gate: Gate, target: Target) -> tuple[int, ...]:
    """Return the atoms that an ideal gate may take to a Rydberg level and leave there."""
    return tuple(target.atoms.index(name) for name in gate_rule(gate).excited)


def apply_gate(target: Target, layout: Layout, gate: Gate, scope: Scope, states: State) -> State:
    """Apply one ideal gate to every row of states."""
    if isinstance(gate, Ising):
        return np.asarray(states * _ising_diagonal(gate, target))
    rule, atoms = gate_rule(gate), gate_atoms(gate, target)
    assert rule.unitary is not None  # of all gates but that one
    match rule.unitary(lambda expression: column(expression, scope)):
        case Diagonal(factors=factors):
            beside = np.concatenate([factors, np.ones((len(factors), 1))], axis=1)
            return np.asarray(states * beside[:, _which(layout, atoms, rule.levels)])
        case Matrix(matrix=matrix) if len(atoms) == 1:
            everywhere = np.zeros((len(layout.levels) ** atoms[0], len(layout.levels) ** (layout.atoms - atoms[0] - 1)))
            return _turned(layout, atoms[0], rule.levels, matrix[:, None], everywhere.astype(np.int64), states)
        case Matrix(matrix=matrix):
            return _on_several(layout, atoms, rule.levels, matrix, states)
        case Blockaded(matrix=matrix):
            control, atom = atoms
            both = np.stack([matrix, np.broadcast_to(np.eye(2), matrix.shape)], axis=1)
            levels = len(layout.levels)
            blocked = layout.is_level(control, rule.levels[1]).reshape(levels**atom, levels, -1)[:, 0, :]
            return _turned(layout, atom, rule.levels, both, blocked.astype(np.int64), states)
        case unitary:
            assert_never(unitary)


def _turned(
    layout: Layout, atom: int, levels: str, matrices: Complex, which: NDArray[np.int64], states: State
) -> State:
    """Apply matrices (rows or 1, kinds, 2, 2) on two levels of one atom, each setting of the others its kind."""
    theta = np.angle(matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] * matrices[..., 1, 0]) / 2
    alpha, beta = (matrices[..., 0, k] * np.exp(-1j * theta) for k in range(2))
    return rotate(states, layout, atom, (levels[0], levels[1]), Rotation(theta, alpha, beta), which)


def _on_several(layout: Layout, atoms: tuple[int, ...], levels: str, matrix: Complex, states: State) -> State:
    """Apply matrices (rows or 1, 2ⁿ, 2ⁿ) on two levels of n atoms; the other levels stay."""
    index, out = _states(layout, atoms, levels), states.copy()
    each = np.broadcast_to(matrix, (len(states), *matrix.shape[1:]))
    out[:, index] = np.einsum("qij,qjk->qik", each, states[:, index])
    return out


@lru_cache(maxsize=512)
def _states(layout: Layout, atoms: tuple[int, ...], levels: str) -> NDArray[np.int64]:
    """Return the indices of the states of some atoms' two levels, for every setting of the others: (2ⁿ, settings)."""
    found = [
        np.flatnonzero(np.all([layout.is_level(atom, level) for atom, level in zip(atoms, here, strict=True)], axis=0))
        for here in product(levels, repeat=len(atoms))
    ]
    return np.array(found)


@lru_cache(maxsize=512)
def _which(layout: Layout, atoms: tuple[int, ...], levels: str) -> NDArray[np.int64]:
    """Return which of the states of some atoms' two levels each basis state has, 2ⁿ where it has none of them."""
    made = np.full(layout.dimension, 2 ** len(atoms))
    for k, states in enumerate(_states(layout, atoms, levels)):
        made[states] = k
    return made


@lru_cache(maxsize=128)
def _ising_diagonal(gate: Ising, target: Target) -> Complex:
    """Return the diagonal of an Ising gate: its steps played one by one, the interaction switched at once.

    An atom is excited where it is in r (banged) or in g, which is taken to r (stepwise); flips are exact.
    """
    layout = Layout.of(target)
    steps = interaction_steps(gate, target)
    upper = "r" if gate.mode == "banged" else "h"
    energies = layout.interaction_diagonal(target.van_der_waals, "r" if gate.mode == "banged" else "g")
    made = np.ones(layout.dimension, dtype=complex)
    for signs, time_us in zip(steps.patterns, steps.times_us, strict=True):
        made *= np.exp(-1j * energies[_flipped(layout, signs, upper)] * time_us)
    for atom, field in enumerate(steps.fields):
        z = layout.is_level(atom, "g") * 1.0 - layout.is_level(atom, upper) * 1.0
        made *= np.exp(1j * field * z)
    return made


def _flipped(layout: Layout, signs: tuple[int, ...], upper: str) -> NDArray[np.int64]:
    """Return the index that each basis state has when atoms with sign -1 are flipped between g and the upper level."""
    index = np.arange(layout.dimension)
    gap = layout.levels.index(upper) - layout.levels.index("g")
    for atom, sign in enumerate(signs):
        if sign < 0:
            step = len(layout.levels) ** (layout.atoms - atom - 1) * gap
            index = index + step * layout.is_level(atom, "g") - step * layout.is_level(atom, upper)
    return index
