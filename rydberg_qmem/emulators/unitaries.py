"""The ideal unitaries of gates on two and more atoms."""

from __future__ import annotations

from functools import lru_cache
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices.target import Target
from rydberg_qmem.emulators.exact import Rotation, rotate
from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.gates.daqc import interaction_steps
from rydberg_qmem.language.blocks import CNOT, CZ, ZZ, BlockadeRotate, CPhase, Exchange, Gate, Ising, Rotate, Swap
from rydberg_qmem.pulses.shapes import Scope, column

Complex = NDArray[np.complex128]


def gate_atoms(gate: Gate, target: Target) -> tuple[int, ...]:
    """Return the register indices of a gate's atoms."""
    match gate:
        case Rotate():
            names: tuple[str, ...] = (gate.atom,)
        case CZ() | CNOT() | CPhase() | BlockadeRotate():
            names = (gate.control, gate.target)
        case ZZ() | Swap() | Exchange():
            names = gate.atoms
        case Ising():
            names = target.atoms
        case _:
            assert_never(gate)
    return tuple(target.atoms.index(name) for name in names)


def excited_atoms(gate: Gate, target: Target) -> tuple[int, ...]:
    """Return the atoms that an ideal gate may take to a Rydberg level and leave there."""
    match gate:
        case Rotate(basis="ground-rydberg"):
            return gate_atoms(gate, target)
        case BlockadeRotate():
            return gate_atoms(gate, target)[1:]
        case Exchange(basis="XY"):
            return gate_atoms(gate, target)
        case _:
            return ()


def apply_gate(target: Target, layout: Layout, gate: Gate, scope: Scope, states: State) -> State:
    """Apply one ideal gate to every row of states."""
    match gate:
        case Rotate():
            return _rotate(target, layout, gate, scope, states)
        case CZ():
            both = _in_level(target, layout, gate.control, "h") & _in_level(target, layout, gate.target, "h")
            return np.where(both, -states, states)
        case CNOT():
            return _on_pair(
                layout, gate_atoms(gate, target), "gh", np.eye(4, dtype=complex)[None, [0, 1, 3, 2]], states
            )
        case CPhase():
            both = _in_level(target, layout, gate.control, "h") & _in_level(target, layout, gate.target, "h")
            return np.asarray(states * np.exp(1j * column(gate.angle, scope)[:, None] * both))
        case ZZ():
            half = column(gate.angle, scope)[:, None] / 2
            signs = _signs(target, layout, gate.atoms[0]) * _signs(target, layout, gate.atoms[1])
            return np.asarray(states * np.exp(-1j * half * signs))
        case Swap():
            return _on_pair(
                layout, gate_atoms(gate, target), "gh", np.eye(4, dtype=complex)[None, [0, 2, 1, 3]], states
            )
        case Exchange():
            levels = "gh" if gate.basis == "digital" else "01"
            return _on_pair(layout, gate_atoms(gate, target), levels, _exchange(column(gate.angle, scope)), states)
        case BlockadeRotate():
            return _unless_blockaded(target, layout, gate, scope, states)
        case Ising():
            return np.asarray(states * _ising_diagonal(gate, target))
        case _:
            assert_never(gate)


def _in_level(target: Target, layout: Layout, atom: str, level: str) -> NDArray[np.bool_]:
    return layout.is_level(target.atoms.index(atom), level)


def _signs(target: Target, layout: Layout, atom: str) -> NDArray[np.float64]:
    """Return Z of one atom: 1 on g, -1 on h, 0 on r."""
    return _in_level(target, layout, atom, "g") * 1.0 - _in_level(target, layout, atom, "h") * 1.0


def _rotate(target: Target, layout: Layout, gate: Rotate, scope: Scope, states: State) -> State:
    assert gate.angle is not None  # quaternions are expanded before
    atom = target.atoms.index(gate.atom)
    upper = "h" if gate.basis == "digital" else "r"
    angle = column(gate.angle, scope)
    if gate.axis == "z":
        return np.asarray(states * np.exp(1j * angle[:, None] * layout.is_level(atom, upper)))
    turn = rotation(angle, gate.axis)
    which = np.zeros((len(layout.levels) ** atom, len(layout.levels) ** (layout.atoms - atom - 1)), dtype=int)
    return rotate(states, layout, atom, ("g", upper), turn, which)


def rotation(angle: NDArray[np.float64], axis: str) -> Rotation:
    """Return exp(-i angle/2 P) for P = X or Y on (g, upper), shape (rows, 1)."""
    half = 0.5 * angle[:, None]
    beta = -1j * np.sin(half) if axis == "x" else -np.sin(half) + 0j
    return Rotation(np.zeros_like(half), np.cos(half) + 0j, beta)


def _unless_blockaded(target: Target, layout: Layout, gate: BlockadeRotate, scope: Scope, states: State) -> State:
    """Rotate the target by the angle, or by nothing where the control is in r."""
    control, atom = gate_atoms(gate, target)
    angle = column(gate.angle, scope)[:, None] * np.array([1.0, 0.0])
    half = 0.5 * angle
    turn = Rotation(np.zeros_like(half), np.cos(half) + 0j, -1j * np.sin(half))
    levels = len(layout.levels)
    blocked = layout.is_level(control, "r").reshape(levels**atom, levels, -1)[:, 0, :]
    return rotate(states, layout, atom, ("g", "r"), turn, blocked.astype(np.int64))


def _exchange(angle: NDArray[np.float64]) -> Complex:
    """Return exp(-i angle (XX + YY)/2) on (00, 01, 10, 11), one for each angle."""
    made = np.tile(np.eye(4, dtype=complex), (len(angle), 1, 1))
    made[:, 1, 1] = made[:, 2, 2] = np.cos(angle)
    made[:, 1, 2] = made[:, 2, 1] = -1j * np.sin(angle)
    return made


def _on_pair(layout: Layout, atoms: tuple[int, ...], levels: str, unitary: Complex, states: State) -> State:
    """Apply matrices (rows or 1, 4, 4) on two levels of two atoms; the other levels stay."""
    index = _pair_index(layout, atoms, levels)
    out = states.copy()
    out[:, index] = np.einsum("qij,qjk->qik", np.broadcast_to(unitary, (len(states), 4, 4)), states[:, index])
    return out


@lru_cache(maxsize=512)
def _pair_index(layout: Layout, atoms: tuple[int, ...], levels: str) -> NDArray[np.int64]:
    """Return the indices of the four states of two atoms, for every setting of the others: (4, settings)."""
    found = [
        np.flatnonzero(layout.is_level(atoms[0], one) & layout.is_level(atoms[1], other))
        for one in levels
        for other in levels
    ]
    return np.array(found)


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
