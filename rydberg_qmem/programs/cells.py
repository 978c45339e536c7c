"""Functions that return blocks: the primitives that quantum memristors are made of."""

from __future__ import annotations

from typing import Any, Literal, assert_never

from rydberg_qmem import arguments
from rydberg_qmem.language.blocks import (
    CNOT,
    CZ,
    AnyBlock,
    BeamSplitter,
    BlockadeMeasure,
    BlockadeRotate,
    Damp,
    Exchange,
    Measure,
    PulseShape,
    Reset,
    Rotate,
    Swap,
    WeakMeasure,
    When,
)
from rydberg_qmem.language.expressions import Expression

HALF_PI = Expression("pi / 2")


def _angle(name: str, value: Any) -> Expression:
    """Take a number or an expression."""
    return Expression(arguments.setting(name, value))


@arguments.taking(
    system=arguments.text, ancilla=arguments.text, angle=_angle, shape=arguments.one_of("square", "blackman")
)
def controlled_ry(
    system: str, ancilla: str, angle: Expression, *, shape: PulseShape = "square"
) -> tuple[AnyBlock, ...]:
    """Return Ry(-θ) on the ancilla, CZ, Ry(θ): sin²θ of h on the system moves a fresh ancilla to h.

    Derived from Ry(θ) Z Ry(-θ) = Ry(2θ) Z.

    Args:
        system: Name of the control atom.
        ancilla: Name of the target atom, which must be in g.
        angle: The angle θ (rad).
        shape: Shape of the pulses, "square" by default.

    Raises ProgramError for names that no atom can have.

    >>> [block.kind for block in controlled_ry("s", "a", Expression("pi / 4"))]
    ['rotate', 'cz', 'rotate']
    """
    return (
        Rotate(atom=ancilla, angle=-angle),
        CZ(control=system, target=ancilla, shape=shape),
        Rotate(atom=ancilla, angle=angle),
    )


@arguments.taking(block=arguments.made(Damp), key=arguments.text)
def amplitude_damping(block: Damp, *, key: str) -> tuple[AnyBlock, ...]:
    """Return primitive D: K0 = |g⟩⟨g| + √(1-R)|h⟩⟨h|, K1 = √R |g⟩⟨h|, with one CZ and feedforward.

    The ancilla's click projects the system on h; a π pulse then takes it to g.

    Args:
        block: The damping: atoms, and the probability R of a decay.
        key: Name under which the ancilla's outcome is kept.

    Raises ProgramError for a name that no outcome can have.

    >>> [block.kind for block in amplitude_damping(Damp(system="s", ancilla="a", probability=0.5), key="decay")]
    ['rotate', 'cz', 'rotate', 'measure', 'when', 'reset']
    """
    angle = Expression(f"asin(sqrt({block.probability}))")
    flip = Rotate(atom=block.system, axis="x", angle=Expression("pi"))
    return (
        *controlled_ry(block.system, block.ancilla, angle, shape=block.shape),
        Measure(atoms=block.ancilla, key=key, basis="digital"),
        When(condition=Expression(f"{key} == 1"), then=(flip,)),
        Reset(atoms=block.ancilla),
    )


@arguments.taking(block=arguments.made(BeamSplitter))
def beam_splitter(block: BeamSplitter) -> tuple[AnyBlock, ...]:
    """Return primitive B: |h g⟩ → cos θ |h g⟩ + sin θ |g h⟩ with sin²θ = R, |g g⟩ stays; two CZ.

    The ancilla must be in g and carries the reflected mode afterwards.

    Args:
        block: The beam splitter: atoms, and the reflectivity R from 0 to 1.

    >>> [block.kind for block in beam_splitter(BeamSplitter(system="s", ancilla="a", reflectivity=0.5))]
    ['rotate', 'cz', 'rotate', 'cnot']
    """
    angle = Expression(f"asin(sqrt({block.reflectivity}))")
    return (
        *controlled_ry(block.system, block.ancilla, angle, shape=block.shape),
        CNOT(control=block.ancilla, target=block.system, shape=block.shape),
    )


@arguments.taking(block=arguments.made(WeakMeasure))
def weak_measure(block: WeakMeasure) -> tuple[AnyBlock, ...]:
    """Return primitive W: a measurement of strength ε = sin χ of one axis of the system, by one CZ.

    P(±1) = (1 ± ε⟨axis⟩)/2; coherence between the two outcomes' states shrinks by cos χ when unread.

    Args:
        block: The measurement: atoms, axis, strength ε from 0 to 1, and key.

    >>> [made.kind for made in weak_measure(WeakMeasure(system="s", ancilla="a", strength=0.5, key="w"))]
    ['rotate', 'cz', 'rotate', 'measure', 'reset']
    """
    quarter = -HALF_PI if block.axis == "y" else HALF_PI
    about: Literal["x", "y"] = "x" if block.axis == "y" else "y"
    turn = () if block.axis == "z" else (Rotate(atom=block.system, axis=about, angle=-quarter),)
    back = () if block.axis == "z" else (Rotate(atom=block.system, axis=about, angle=quarter),)
    return (
        *turn,
        Rotate(atom=block.ancilla, angle=Expression(f"-asin({block.strength})")),
        CZ(control=block.system, target=block.ancilla, shape=block.shape),
        Rotate(atom=block.ancilla, angle=HALF_PI),
        *back,
        Measure(atoms=block.ancilla, key=block.key, basis="digital"),
        Reset(atoms=block.ancilla),
    )


def quaternion(block: Rotate) -> tuple[Rotate, ...]:
    """Return the rotation w - i(xX + yY + zZ) as rotations about z, y, z.

    With R = Rz(α) Ry(β) Rz(γ): β = 2 atan2(√(x²+y²), √(w²+z²)), (α±γ)/2 = atan2(z, w), atan2(-x, y).
    """
    if block.quaternion is None:
        return (block,)
    w, x, y, z = (f"({part})" for part in block.quaternion)
    total, gap = f"atan2({z}, {w})", f"atan2(-{x}, {y})"
    beta = f"2 * atan2(sqrt({x}**2 + {y}**2), sqrt({w}**2 + {z}**2))"

    def turn(axis: Literal["y", "z"], angle: str) -> Rotate:
        return Rotate(atom=block.atom, axis=axis, angle=Expression(angle), basis=block.basis, shape=block.shape)

    return turn("z", f"{total} - {gap}"), turn("y", beta), turn("z", f"{total} + {gap}")


def gates_of(block: CNOT | Swap | Exchange) -> tuple[Rotate | CZ | CNOT, ...]:
    """Return the gates that a gate of the digital basis is made of."""
    match block:
        case CNOT():
            return cnot(block)
        case Swap():
            return swap(block)
        case Exchange():
            return exchange(block)
        case _:
            assert_never(block)


def cnot(block: CNOT) -> tuple[Rotate | CZ, ...]:
    """Return a CNOT as Ry(-π/2) on the target, CZ, Ry(π/2)."""
    gate = CZ(
        control=block.control, target=block.target, infidelity=block.infidelity, method=block.method, shape=block.shape
    )
    turn, back = (Rotate(atom=block.target, angle=angle, shape=block.shape) for angle in (-HALF_PI, HALF_PI))
    return turn, gate, back


def _cnot_like(block: Swap | Exchange, control: str, target: str) -> CNOT:
    return CNOT(control=control, target=target, infidelity=block.infidelity, method=block.method, shape=block.shape)


def swap(block: Swap) -> tuple[CNOT, ...]:
    """Return a swap as three CNOT."""
    one, other = block.atoms
    there, back = _cnot_like(block, one, other), _cnot_like(block, other, one)
    return there, back, there


@arguments.taking(block=arguments.made(Exchange))
def exchange(block: Exchange) -> tuple[Rotate | CNOT, ...]:
    """Return exp(-iθ(XX + YY)/2) with two CNOT.

    Rx(π/2) on both takes ZZ to YY, and a CNOT takes XX to X of its control and ZZ to Z of its target. Derived.

    Args:
        block: The gate: two atoms, and the angle θ (rad).

    >>> [made.kind for made in exchange(Exchange(atoms=("a", "b"), angle="pi / 4"))].count("cnot")
    2
    """
    one, other = block.atoms
    gate = _cnot_like(block, one, other)
    turn = tuple(Rotate(atom=atom, axis="x", angle=-HALF_PI, shape=block.shape) for atom in block.atoms)
    back = tuple(Rotate(atom=atom, axis="x", angle=HALF_PI, shape=block.shape) for atom in block.atoms)
    inner = (
        Rotate(atom=one, axis="x", angle=block.angle, shape=block.shape),
        Rotate(atom=other, axis="z", angle=block.angle),
    )
    return (*turn, gate, *inner, gate, *back)


@arguments.taking(block=arguments.made(BlockadeMeasure))
def blockade_measure(block: BlockadeMeasure) -> tuple[AnyBlock, ...]:
    """Return primitive G: the ancilla rotated unless blockaded, measured between g and r, and reset.

    Args:
        block: The measurement: atoms, the area of its pulse (rad), and key.

    >>> [made.kind for made in blockade_measure(BlockadeMeasure(system="s", ancilla="a", area="pi", key="m"))]
    ['blockade_rotate', 'measure', 'reset']
    """
    gate = BlockadeRotate(
        control=block.system, target=block.ancilla, angle=block.area, infidelity=block.infidelity, shape=block.shape
    )
    return (
        gate,
        Measure(atoms=block.ancilla, key=block.key, basis="ground-rydberg"),
        Reset(atoms=block.ancilla),
    )


__all__ = [
    "amplitude_damping",
    "beam_splitter",
    "blockade_measure",
    "cnot",
    "controlled_ry",
    "exchange",
    "gates_of",
    "quaternion",
    "swap",
    "weak_measure",
]
