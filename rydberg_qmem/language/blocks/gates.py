"""Gates: blocks that are known as matrices, whatever pulses make them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, assert_never

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.blocks.rules import (
    BOTH,
    RYDBERG,
    XY,
    Array,
    Complex,
    Diagonal,
    GateRule,
    Label,
    Mark,
    Matrix,
    Named,
    Unitary,
    Values,
    always,
    permuting,
    phases,
    turning,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.values import AtomName, AtomPair, FrozenMapping

PulseShape = Literal["square", "blackman"]
CZMethod = Literal["pi-2pi-pi", "levine", "time_optimal"]
CPhaseMethod = Literal["pi-2pi-pi", "levine", "time_optimal", "analog"]

Infidelity = Annotated[
    float,
    Field(
        gt=0,
        le=0.1,
        description="Wanted average infidelity, at most 0.1, which sets the Rabi frequency; 1e-4 by default.",
    ),
]
METHOD = Field(description="How pulses make it; `pi-2pi-pi` by default.")
SHAPE = Field(description="Shape of its pulses: `square` (default) or `blackman`.")


class Rotate(Tagged):
    """Rotate one atom by `angle` about x, y or z, R = exp(-i angle/2 P), or by a unit quaternion (w, x, y, z).

    Z is +1 on g. About z it is virtual and takes no time: a phase shift by +angle in digital, by -angle in
    ground-rydberg (shown at `PhaseShift`).
    """

    kind: ClassVar[str] = "rotate"
    atom: AtomName = Field(description="The atom.")
    angle: Expression | None = Field(None, description="Angle (rad) about `axis`; give this or a quaternion.")
    axis: Literal["x", "y", "z"] = Field("y", description="The axis on the Bloch sphere: x, y (default) or z.")
    quaternion: tuple[Expression, Expression, Expression, Expression] | None = Field(
        None, description="Unit quaternion (w, x, y, z) in place of angle and axis; it is normalised."
    )
    basis: Literal["digital", "ground-rydberg"] = Field(
        "digital", description="The transition: `digital` (g, h; default) or `ground-rydberg` (g, r)."
    )
    shape: Annotated[PulseShape, SHAPE] = "square"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.angle is None) == (self.quaternion is None):
            raise PydanticCustomError("rotate", "must give either angle or quaternion")
        return self


class CZ(Tagged):
    """Controlled-Z in the digital basis by Rydberg blockade: π on the control, 2π on the target, π.

    The Rabi frequency follows from the distance and the wanted average infidelity, about 0.370 (Ω/U)²; the ideal
    gate is diag(1, 1, 1, -1) up to a global sign. `levine` (two pulses) and `time_optimal` (one) drive both atoms
    together.
    """

    kind: ClassVar[str] = "cz"
    control: AtomName = Field(description="The control atom.")
    target: AtomName = Field(description="The target atom, within blockade reach.")
    infidelity: Infidelity = 1e-4
    method: Annotated[CZMethod, METHOD] = "pi-2pi-pi"
    shape: Annotated[PulseShape, SHAPE] = "square"


class CNOT(Tagged):
    """Controlled NOT: Ry(-π/2) on the target, CZ, Ry(π/2)."""

    kind: ClassVar[str] = "cnot"
    control: AtomName = Field(description="The control atom.")
    target: AtomName = Field(description="The target atom, flipped where the control is in h.")
    infidelity: Infidelity = 1e-4
    method: Annotated[CZMethod, METHOD] = "pi-2pi-pi"
    shape: Annotated[PulseShape, SHAPE] = "square"


class CPhase(Tagged):
    """Controlled phase in the digital basis: diag(1, 1, 1, exp(i angle)) on gg, gh, hg, hh.

    `pi-2pi-pi` splits the target's 2π pulse in two with a phase jump, so its angle may be any expression; `analog`
    excites both atoms and waits until their interaction has gathered the angle; `levine` and `time_optimal` are
    global pulses. Single-qubit phases are compensated.
    """

    kind: ClassVar[str] = "cphase"
    control: AtomName = Field(description="The control atom.")
    target: AtomName = Field(description="The target atom.")
    angle: Expression = Field(description="Phase (rad) of hh.")
    infidelity: Infidelity = 1e-4
    method: Annotated[CPhaseMethod, METHOD] = "pi-2pi-pi"
    shape: Annotated[PulseShape, SHAPE] = "square"


class ZZ(Tagged):
    """Turn exp(-i angle/2 Z⊗Z) in the digital basis, Z = +1 on g and -1 on h: a `cphase` of -2 angle."""

    kind: ClassVar[str] = "zz"
    atoms: AtomPair = Field(description="The two atoms.")
    angle: Expression = Field(description="Angle (rad) of exp(-i angle/2 Z⊗Z).")
    infidelity: Infidelity = 1e-4
    method: Annotated[CPhaseMethod, METHOD] = "pi-2pi-pi"
    shape: Annotated[PulseShape, SHAPE] = "square"


class Swap(Tagged):
    """Exchange the digital states of two atoms: three CNOT."""

    kind: ClassVar[str] = "swap"
    atoms: AtomPair = Field(description="The two atoms.")
    infidelity: Infidelity = 1e-4
    method: Annotated[CZMethod, METHOD] = "pi-2pi-pi"
    shape: Annotated[PulseShape, SHAPE] = "square"


class Exchange(Tagged):
    """Partial exchange exp(-i angle (XX + YY)/2): |10⟩ → cos angle |10⟩ - i sin angle |01⟩.

    In the XY basis it is the register's own interaction, C3/R³ for a time, and waits; in the digital basis (h as 1)
    it is two CZ between rotations.
    """

    kind: ClassVar[str] = "exchange"
    atoms: AtomPair = Field(description="The two atoms.")
    angle: Expression = Field(description="Angle (rad): π/2 exchanges the two entirely.")
    basis: Literal["digital", "XY"] = Field(
        "digital", description="`digital` (default, h as 1), or `XY`, where the atoms' own interaction does it."
    )
    infidelity: Infidelity = 1e-4
    method: Annotated[CZMethod, METHOD] = "pi-2pi-pi"
    shape: Annotated[PulseShape, SHAPE] = "square"


class BlockadeRotate(Tagged):
    """Rotate the target about x between g and r where the control is in g, and not at all where it is in r.

    One local Rydberg pulse of area `angle`, blockaded by the control; the target must be in g. The light shift that
    the control's r then sees is compensated. `infidelity` bounds (Ω/U)² at area π: how often a blockaded target is
    excited.
    """

    kind: ClassVar[str] = "blockade_rotate"
    control: AtomName = Field(description="The atom whose r blocks the rotation.")
    target: AtomName = Field(description="The atom that is rotated, which must be in g.")
    angle: Expression = Field(description="Angle (rad) of the rotation where the control is in g.")
    infidelity: float = Field(default=1e-3, gt=0, le=0.1, description="Bound of (Ω/U)² at area π; 1e-3 by default.")
    shape: Annotated[PulseShape, SHAPE] = "square"


class Ising(Tagged):
    """Turn exp(-i time Σ g_jk Z_j Z_k) by digital-analog steps of the register's own interaction, for all its atoms.

    `couplings` gives g_jk (rad/µs) by pairs, `{a: {b: 0.3}}`; pairs not named get none. `stepwise`: qubits in g and h,
    the interaction switched on by exciting g to r and back. `banged`: qubits in g and r, the interaction always on and
    fast π pulses between. Z is +1 on g; fields are cancelled. `rabi` (rad/µs) is that of the fast pulses.
    """

    kind: ClassVar[str] = "ising"
    couplings: FrozenMapping[AtomName, FrozenMapping[AtomName, Expression]] = Field(
        description="Couplings g_jk (rad/µs) by pairs of atoms; pairs not named have none."
    )
    time_us: Expression = Field(Expression(1), description="How long (µs) the couplings act; 1 by default.")
    mode: Literal["stepwise", "banged"] = Field(
        "stepwise", description="`stepwise` (default; qubits in g and h) or `banged` (qubits in g and r)."
    )
    rabi: float | None = Field(
        default=None,
        gt=0,
        description="Rabi frequency (rad/µs) of the fast pulses; 2π·10 by default, within the channel's limits.",
    )


Gate = Rotate | CZ | CNOT | CPhase | ZZ | Swap | Exchange | BlockadeRotate | Ising
"""Unitary blocks that are known as matrices, whatever pulses make them."""


def gate_rule(gate: Gate) -> GateRule:
    """Return what a gate is: the row of its kind, filled in with its fields."""
    match gate:
        case Rotate():
            return _rotation(gate)
        case CZ():
            return GateRule(_pair(gate), "gh", BOTH, ("dot", "dot"), always(Diagonal(np.array([[1, 1, 1, -1 + 0j]]))))
        case CNOT():
            return GateRule(_pair(gate), "gh", BOTH, ("dot", "plus"), permuting(0, 1, 3, 2))
        case CPhase(angle=angle):
            return GateRule(_pair(gate), "gh", BOTH, ("dot", Label(("phase",), angle)), phases(angle, 0, 0, 0, 1))
        case ZZ(angle=angle):
            turn = phases(angle, -0.5, 0.5, 0.5, -0.5)
            return GateRule(_both(gate), "gh", BOTH, 2 * (Label(("ZZ",), angle),), turn)
        case Swap():
            return GateRule(_both(gate), "gh", BOTH, 2 * (Label(("swap",)),), permuting(0, 2, 1, 3))
        case Exchange():
            return _exchange(gate)
        case BlockadeRotate():
            return _blockade_rotation(gate)
        case Ising(mode=mode, time_us=time):
            levels, bases = ("gr", RYDBERG) if mode == "banged" else ("gh", BOTH)
            return GateRule((), levels, bases, (Label(("Ising", mode)),), None, time_us=time)
        case _:
            assert_never(gate)


def _rotation(gate: Rotate) -> GateRule:
    levels, excited = ("gh", ()) if gate.basis == "digital" else ("gr", (gate.atom,))
    unitary, mark = _turn(gate)
    return GateRule((("atom", gate.atom),), levels, frozenset({gate.basis}), (mark,), unitary, excited)


def _turn(gate: Rotate) -> tuple[Unitary, Mark]:
    if gate.quaternion is not None:
        return _quaternion(gate.quaternion), Label(("R",), gate.quaternion)
    assert gate.angle is not None  # one of the two is given
    unitary = phases(gate.angle, 0, 1) if gate.axis == "z" else turning(gate.angle, gate.axis)
    return unitary, Label((f"R{gate.axis}",), gate.angle)


def _quaternion(parts: tuple[Expression, ...]) -> Unitary:
    """Return w - i (x X + y Y + z Z), normalised."""

    def unitary(of: Values) -> Matrix:
        made = np.stack(np.broadcast_arrays(*map(of, parts)))
        w, x, y, z = made / np.linalg.norm(made, axis=0)
        return Matrix(np.stack([w - 1j * z, -y - 1j * x, y - 1j * x, w + 1j * z], axis=-1).reshape(-1, 2, 2))

    return unitary


def _exchange(gate: Exchange) -> GateRule:
    levels, bases, excited = ("gh", BOTH, ()) if gate.basis == "digital" else ("01", XY, gate.atoms)
    marks = 2 * (Label(("exch.",), gate.angle),)
    return GateRule(_both(gate), levels, bases, marks, lambda of: Matrix(_exchanged(of(gate.angle))), excited)


def _exchanged(angle: Array) -> Complex:
    """Return exp(-i angle (XX + YY)/2) on (00, 01, 10, 11), one for each angle."""
    made = np.tile(np.eye(4, dtype=complex), (len(angle), 1, 1))
    made[:, 1, 1] = made[:, 2, 2] = np.cos(angle)
    made[:, 1, 2] = made[:, 2, 1] = -1j * np.sin(angle)
    return made


def _blockade_rotation(gate: BlockadeRotate) -> GateRule:
    angle, target = gate.angle, (gate.target,)
    marks: tuple[Mark, ...] = "dot", Label(("Rx if g",), angle)
    return GateRule(_pair(gate), "gr", RYDBERG, marks, turning(angle, "x", blockaded=True), target, target)


def _pair(gate: CZ | CNOT | CPhase | BlockadeRotate) -> Named:
    return ("control", gate.control), ("target", gate.target)


def _both(gate: ZZ | Swap | Exchange) -> Named:
    one, other = gate.atoms
    return ("atoms", one), ("atoms", other)


__all__ = ["CNOT", "CPhase", "CZ", "BlockadeRotate", "Exchange", "Ising", "Rotate", "Swap", "ZZ"]
