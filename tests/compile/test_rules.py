"""Rows of rules: each gate's says what its pulses do, each cell's what its blocks do, and no block is without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import block_diag, expm

import rydberg_qmem as rq
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.compile.steps import Placed, Segment
from rydberg_qmem.devices import LEVELS, Target, make_target
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.emulators.gate_set import FAR, every_gate
from rydberg_qmem.gates import expand_cell
from rydberg_qmem.language.blocks import (
    KINDS,
    AnyBlock,
    Cell,
    Classical,
    ForEach,
    Gate,
    Ising,
    Measure,
    Probe,
    PulseLevel,
    Repeat,
    Reset,
    Timed,
    When,
    cell_rule,
    classical_rule,
    gate_rule,
    key_of,
)
from rydberg_qmem.language.blocks.rules import Diagonal, GateRule, Matrix, RotationMatrix, always
from rydberg_qmem.language.expressions import Expression
from tests.language.test_blocks import SMALLEST

Complex = NDArray[np.complex128]
FAMILIES = {
    "gate": get_args(Gate), "cell": get_args(Cell), "classical": get_args(Classical),
    "pulse level": get_args(PulseLevel), "looking": (Measure, Reset, Probe), "control": (Repeat, When, ForEach),
}  # fmt: skip
GATES = [name for name, block in every_gate().items() if issubclass(KINDS[next(iter(block))], get_args(Gate))]
TURNED = {"rotate": {"atom": "c", "quaternion": [0.8, -0.36, 0.2, 0.48]}}
ASKED = 1.25
"""Process infidelity per average infidelity that is asked of a gate on two atoms: (d + 1)/d."""
SEVERAL = {"swap": 3, "exchange": 2}
"""How many CZ some gates are, each of them as good as asked."""


def setting(name: str) -> tuple[Gate, Target]:
    """Return a gate and two atoms, near or far as it wants them, on a device that has all its channels."""
    block = every_gate().get(name, TURNED)
    register = {"atoms": {"c": [0, 0], "t": [12.0 if name in FAR else 5.0, 0]}}
    program = rq.Program(name="p", device="MockDevice", register=register, body=[block])
    [gate] = program.body
    assert isinstance(gate, Gate)
    return gate, make_target(program, bases_of(program))


def planned(gate: Gate, target: Target) -> Plan:
    parts = expand_cell(gate, hidden_key="")
    return Exact().plan(Segment(0, tuple(Placed(part, "gate") for part in parts if isinstance(part, Timed))), target)


def value(expression: Expression) -> NDArray[np.float64]:
    return np.atleast_1d(np.asarray(expression.evaluate({}), dtype=float))


def ideal(gate: Gate, rule: GateRule) -> Complex:
    """Return the unitary of a row on the states of two levels of its atoms, rows out, columns in."""
    if isinstance(gate, Ising):  # the one that is known on a register only
        [coupling] = [coupling for others in gate.couplings.values() for coupling in others.values()]
        return np.asarray(expm(-1j * value(gate.time_us) * value(coupling) * np.diag([1, -1, -1, 1])))
    assert rule.unitary is not None
    match rule.unitary(value):
        case Diagonal(factors=factors):
            return np.asarray(np.diag(factors[0]))
        case Matrix(matrix=matrix):
            return np.asarray(matrix[0])
        case RotationMatrix(alpha=alpha, beta=beta, blockaded=blockaded):
            turn = np.array([[alpha[0], beta[0]], [-beta[0].conj(), alpha[0].conj()]])
            return np.asarray(block_diag(turn, np.eye(2))) if blockaded else turn


def missed(name: str, change: Callable[[GateRule], GateRule] = lambda rule: rule) -> float:
    """Return how far a gate's pulses are from the unitary of its row: 1 - |Tr(V† M)|²/d²."""
    gate, target = setting(name)
    rule = change(gate_rule(gate))
    atoms = tuple(target.atoms.index(atom) for _, atom in rule.atoms) or tuple(range(len(target.atoms)))
    states = list(product(rule.levels, repeat=len(atoms)))
    every = list(product(target.levels, repeat=len(atoms)))
    index = [every.index(state) for state in states]
    fresh = [k for k, (_, atom) in enumerate(rule.atoms) if atom in rule.fresh]
    begin = [k for k, state in enumerate(states) if all(state[i] == rule.levels[0] for i in fresh)]
    start = np.eye(len(every), dtype=complex)[[index[k] for k in begin]]
    made = Exact().evolve(planned(gate, target), {}, start, atoms)[:, index]
    wanted = ideal(gate, rule).T[begin]
    return float(1 - abs(np.vdot(wanted, made)) ** 2 / len(begin) ** 2)


def close(name: str, infidelity: float) -> bool:
    """Return whether a process infidelity is within that which a gate asks for; phases of its parts may add."""
    gate, _ = setting(name)
    if isinstance(gate, Ising):
        return infidelity <= 1e-3  # pulses that are fast beside the interaction
    return infidelity <= ASKED * getattr(gate, "infidelity", 1e-9) * SEVERAL.get(gate.kind, 1) ** 2


# --- no block without a row ---


def test_every_block_is_of_one_family() -> None:
    members = [cls for family in FAMILIES.values() for cls in family]

    assert len(members) == len(set(members))
    assert set(members) == set(get_args(AnyBlock)) == set(KINDS.values())


def block_of(kind: str) -> Any:
    return KINDS[kind].model_validate({kind: SMALLEST[kind]})


@pytest.mark.parametrize("cls", FAMILIES["gate"], ids=lambda cls: cls.kind)
def test_every_gate_is_in_the_table_of_gates_and_has_a_row(cls: Any) -> None:
    rule = gate_rule(block_of(cls.kind))

    assert any(cls.kind in block for block in every_gate().values())
    assert len(rule.levels) == 2
    assert len(rule.marks) == max(1, len(rule.atoms))
    assert {*rule.excited, *rule.fresh} <= {atom for _, atom in rule.atoms}
    assert {part for part, _ in rule.atoms} <= set(cls.model_fields)


@pytest.mark.parametrize("cls", FAMILIES["classical"], ids=lambda cls: cls.kind)
def test_every_classical_block_writes_something(cls: Any) -> None:
    assert classical_rule(block_of(cls.kind)).values


# --- gates: the row is what the pulses do ---


@pytest.mark.parametrize("name", [*GATES, "quaternion"])
def test_the_pulses_of_a_gate_make_the_unitary_of_its_row(name: str) -> None:
    assert close(name, missed(name))


def wrong_unitary(rule: GateRule) -> GateRule:
    size = 2 ** max(len(rule.atoms), 1)
    return replace(rule, unitary=always(Matrix(np.eye(size, dtype=complex)[None])))


@pytest.mark.parametrize("name", [*(name for name in GATES if "ising" not in name), "quaternion"])
def test_a_row_with_another_unitary_is_noticed(name: str) -> None:
    assert not close(name, missed(name, wrong_unitary))


@pytest.mark.parametrize("name", ["cnot", "cz", "rotate by 1", "exchange by π/4", "swap"])
def test_a_row_with_other_atoms_or_a_wrong_angle_is_noticed(name: str) -> None:
    gate, _ = setting(name)

    def other(rule: GateRule) -> GateRule:
        made = ideal(gate, rule) * np.exp(1j * np.arange(2 ** len(rule.atoms)) / 10)
        return replace(rule, unitary=always(Matrix(made[None])))

    assert not close(name, missed(name, other))


@pytest.mark.parametrize("name", [*GATES, "quaternion"])
def test_a_gate_plays_on_the_transitions_of_its_row(name: str) -> None:
    gate, target = setting(name)
    rule, plan = gate_rule(gate), planned(gate, target)
    played = {target.channel(drive.channel).basis for drive in plan.schedule((), {}).drives}

    assert played <= rule.bases
    assert set(rule.levels) <= set(LEVELS[rule.bases])
    assert {target.atoms.index(atom) for atom in rule.excited} <= plan.excited or not played


# --- cells: the row is what the blocks do ---


@pytest.mark.parametrize("cls", FAMILIES["cell"], ids=lambda cls: cls.kind)
def test_the_row_of_a_cell_is_that_of_its_blocks(cls: Any) -> None:
    cell = block_of(cls.kind)
    rule, parts = cell_rule(cell), list(flat(expand_cell(cell, hidden_key="hidden__")))
    rows = [gate_rule(part) for part in parts if isinstance(part, Gate)]
    keys = {key for part in parts if (key := key_of(part)) is not None} - {"hidden__"}

    assert rule.bases == frozenset().union(*(row.bases for row in rows))
    assert {atom for _, atom in rule.atoms} == {atom for row in rows for _, atom in row.atoms}
    assert keys == (set() if rule.key is None else {rule.key})
    assert key_of(cell) == rule.key
    assert len(rule.marks) == len(rule.atoms)


def flat(blocks: tuple[AnyBlock, ...]) -> Iterator[AnyBlock]:
    for block in blocks:
        if isinstance(block, When):
            yield from flat((*block.then, *block.otherwise))
        elif isinstance(block, Cell):
            yield from flat(expand_cell(block, hidden_key="hidden__"))
        else:
            yield block


def test_no_two_rows_of_gates_show_the_same() -> None:
    shown = [gate_rule(block_of(cls.kind)).marks for cls in FAMILIES["gate"]]

    assert not [one for one, other in combinations(shown, 2) if one == other]
