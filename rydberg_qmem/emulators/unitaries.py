"""The ideal unitaries of gates, from their rules, on states with any levels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise, product
from math import prod
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import Rotation, rotate
from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.gates import interaction_steps
from rydberg_qmem.language.blocks import Gate, Ising, gate_rule
from rydberg_qmem.language.blocks.rules import Complex, Diagonal, GateRule, Matrix, RotationMatrix
from rydberg_qmem.pulses import Scope, column


@dataclass(frozen=True)
class IdealGate:
    """A gate on a register: its rule, and the indices of its atoms."""

    gate: Gate
    rule: GateRule
    atoms: tuple[int, ...]

    @classmethod
    def of(cls, gate: Gate, target: Target) -> IdealGate:
        """Look up what a gate is, and where its atoms are."""
        rule = gate_rule(gate)
        named = tuple(target.atoms.index(name) for _, name in rule.atoms)
        return cls(gate, rule, named or tuple(range(len(target.atoms))))

    @cached_property
    def fills(self) -> frozenset[int]:
        """The atoms that it may take from one of its two levels to the other."""
        if self.rule.unitary is None:
            return frozenset(self.atoms)
        kind = self.rule.unitary(lambda expression: np.zeros(1))
        if isinstance(kind, Diagonal):
            return frozenset()
        return frozenset(self.atoms[-1:] if isinstance(kind, RotationMatrix) else self.atoms)

    def excited(self, target: Target) -> tuple[int, ...]:
        """Return the atoms that it may take to a Rydberg level and leave there."""
        return tuple(target.atoms.index(name) for name in self.rule.excited)


def apply_gate(target: Target, layout: Layout, ideal: IdealGate, scope: Scope, states: State) -> State:
    """Apply one ideal gate to every row of states; the target may hold a part of the register's atoms."""
    if isinstance(ideal.gate, Ising):
        return np.asarray(states * _ising_diagonal(ideal.gate, target))
    rule, atoms = ideal.rule, tuple(target.atoms.index(name) for _, name in ideal.rule.atoms)
    assert rule.unitary is not None  # of all gates but that one
    match rule.unitary(lambda expression: column(expression, scope)):
        case Diagonal(factors=factors):
            beside = np.concatenate([factors, np.ones((len(factors), 1))], axis=1)
            return np.asarray(states * beside[:, _which(layout, atoms, rule.levels)])
        case RotationMatrix(alpha=alpha, beta=beta, blockaded=False):
            made = Rotation(np.zeros((1, 1)), alpha[:, None], beta[:, None])
            return rotate(states, layout, atoms[-1], _pair(rule), made, _anywhere(layout, atoms[-1]))
        case RotationMatrix(alpha=alpha, beta=beta):
            kinds = np.zeros((1, 2)), np.stack([alpha, np.ones_like(alpha)], -1), np.stack([beta, 0 * beta], -1)
            upper = layout.is_level(atoms[0], rule.levels[1])
            blocked = upper.reshape(layout.around(atoms[-1]))[:, 0, :].astype(np.int64)
            return rotate(states, layout, atoms[-1], _pair(rule), Rotation(*kinds), blocked)
        case Matrix(matrix=matrix):
            return _on_several(layout, atoms, rule.levels, matrix, states)
        case unitary:
            assert_never(unitary)


def _pair(rule: GateRule) -> tuple[str, str]:
    return rule.levels[0], rule.levels[1]


@lru_cache(maxsize=512)
def _anywhere(layout: Layout, atom: int) -> NDArray[np.int64]:
    """Return the one kind of rotation, for every setting of the other atoms."""
    before, _, behind = layout.around(atom)
    return np.zeros((before, behind), dtype=np.int64)


def _on_several(layout: Layout, atoms: tuple[int, ...], levels: str, matrix: Complex, states: State) -> State:
    """Apply matrices (rows or 1, 2ⁿ, 2ⁿ) on two levels of n atoms; the other levels stay."""
    ends = [0, *(place for atom in sorted(atoms) for place in (atom, atom + 1)), layout.atoms]
    shape = (len(states), *(prod(layout.sizes[a:b]) for a, b in pairwise(ends)))
    out = states.copy()
    old, new = states.reshape(shape), out.reshape(shape)
    where = [_where(layout, atoms, here) for here in product(levels, repeat=len(atoms))]
    beside = (slice(None), *(None,) * (len(shape) - 1 - len(atoms)))
    for k, there in enumerate(where):
        row = matrix[:, k]
        sources = np.flatnonzero(row.any(axis=0))
        if sources.tolist() == [k] and (row[:, k] == 1).all():
            continue
        made = row[:, sources[0]][beside] * old[where[sources[0]]]
        for j in sources[1:]:
            made += row[:, j][beside] * old[where[j]]
        new[there] = made
    return out


def _where(layout: Layout, atoms: tuple[int, ...], levels: tuple[str, ...]) -> tuple[slice | int, ...]:
    """Return which part of states, with an axis for each of some atoms and for those between, has them in levels."""
    pairs = sorted(zip(atoms, levels, strict=True))
    chosen = (place for atom, level in pairs for place in (layout.each[atom].index(level), slice(None)))
    return (slice(None), slice(None), *chosen)


@lru_cache(maxsize=512)
def _which(layout: Layout, atoms: tuple[int, ...], levels: str) -> NDArray[np.int64]:
    """Return which of the states of some atoms' two levels each basis state has, 2ⁿ where it has none of them."""
    made, inside = np.zeros(layout.dimension, dtype=np.int64), np.ones(layout.dimension, dtype=bool)
    for atom in atoms:
        upper = layout.is_level(atom, levels[1])
        made, inside = 2 * made + upper, inside & (upper | layout.is_level(atom, levels[0]))
    return np.where(inside, made, 2 ** len(atoms))


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
