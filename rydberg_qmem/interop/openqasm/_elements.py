"""What a gate of OpenQASM is made of: controlled phases, turns, flips and swaps; and how modifiers change them."""

from __future__ import annotations

from cmath import exp, phase
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import pi, tau
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.interop.openqasm._values import FLOAT, Number, known

Control = tuple[str, bool]
"""An atom, and the bit for which it lets the gate act."""


@dataclass(frozen=True)
class Phase:
    """exp(i angle) where all controls hold; without any, a global phase."""

    angle: Number
    controls: tuple[Control, ...] = ()


@dataclass(frozen=True)
class Turn:
    """exp(-i angle/2 P) on the target about an axis, where all controls hold."""

    axis: Literal["x", "y", "z"]
    angle: Number
    target: str
    controls: tuple[Control, ...] = ()


@dataclass(frozen=True)
class Flip:
    """X on the target where all controls hold."""

    target: str
    controls: tuple[Control, ...] = ()


@dataclass(frozen=True)
class Exchanged:
    """The swap of two atoms where all controls hold."""

    atoms: tuple[str, str]
    controls: tuple[Control, ...] = ()


Element = Phase | Turn | Flip | Exchanged
Elements = tuple[Element, ...]


class NoPower(Exception):
    """A power that is not whole, of what is no known gate of one atom."""


def inverse(elements: Elements, negative: Callable[[Number], Number]) -> Elements:
    """Return the inverse: each in turn from the last, with its angle the other way."""
    made: list[Element] = []
    for one in reversed(elements):
        made.append(replace(one, angle=negative(one.angle)) if isinstance(one, Phase | Turn) else one)
    return tuple(made)


def controlled(elements: Elements, control: Control) -> Elements:
    """Return what acts only where one more atom has a bit."""
    return tuple(replace(one, controls=(control, *one.controls)) for one in elements)


def whole_power(elements: Elements, times: int, negative: Callable[[Number], Number]) -> Elements:
    """Return a gate done several times, or undone."""
    return elements * times if times >= 0 else inverse(elements, negative) * -times


def power(elements: Elements, exponent: float) -> Elements:
    """Return the principal power of a known gate of one atom, with any controls; raise NoPower for any other."""
    if not elements:
        return ()
    matrix, target, controls = _one_atom(elements)
    values, vectors = np.linalg.eig(matrix)
    basis, _ = np.linalg.qr(vectors)  # of a normal matrix: eigenvectors of one value made orthogonal
    if not np.allclose(basis @ np.diag(values) @ basis.conj().T, matrix, atol=1e-10):
        raise NoPower
    angles = [pi if abs(abs(phase(v)) - pi) < 1e-12 else phase(v) for v in values]
    made = basis @ np.diag([exp(1j * exponent * a) for a in angles]) @ basis.conj().T
    return from_matrix(made, target, controls)


def _one_atom(elements: Elements) -> tuple[NDArray[np.complex128], str | None, tuple[Control, ...]]:
    """Return the matrix of known elements that act on one atom under the same controls."""
    targets = {one.target for one in elements if isinstance(one, Turn | Flip)}
    if len(targets) > 1 or any(isinstance(one, Exchanged) for one in elements):
        raise NoPower
    target = next(iter(targets), None)
    holds = [tuple(c for c in one.controls if c[0] != target) for one in elements]
    if len({frozenset(one) for one in holds}) > 1:
        raise NoPower
    matrix = np.eye(2, dtype=complex)
    for one in elements:
        matrix = _matrix(one, target) @ matrix
    return matrix, target, holds[0]


def _matrix(one: Element, target: str | None) -> NDArray[np.complex128]:
    match one:
        case Flip():
            return np.array([[0, 1], [1, 0]], dtype=complex)
        case Turn(axis=axis, angle=Number(known=int() | float() as angle)):
            pauli = {"x": [[0, 1], [1, 0]], "y": [[0, -1j], [1j, 0]], "z": [[1, 0], [0, -1]]}[axis]
            return np.asarray(np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * np.array(pauli))
        case Phase(angle=Number(known=int() | float() as angle), controls=controls):
            own = [bit for atom, bit in controls if atom == target]
            turned = exp(1j * angle)
            return np.diag([1 if True in own else turned, 1 if False in own else turned]).astype(complex)
        case _:
            raise NoPower


def from_matrix(matrix: NDArray[np.complex128], target: str | None, controls: tuple[Control, ...]) -> Elements:
    """Return elements of a matrix of one atom: its phase, and turns about z, y and z."""
    if target is None:
        return (Phase(known(FLOAT, phase(complex(matrix[0, 0]))), controls),)
    common = phase(complex(np.linalg.det(matrix))) / 2
    a, b = complex(matrix[0, 0]) * exp(-1j * common), complex(matrix[1, 0]) * exp(-1j * common)
    theta = 2 * float(np.arctan2(abs(b), abs(a)))
    total, apart = -2 * phase(a) if abs(a) > 1e-12 else 0.0, 2 * phase(b) if abs(b) > 1e-12 else 0.0
    parts: Elements = (Phase(known(FLOAT, common), controls),)
    turns = (("z", (total - apart) / 2), ("y", theta), ("z", (total + apart) / 2))
    return parts + tuple(Turn(axis, known(FLOAT, angle), target, controls) for axis, angle in turns)  # type: ignore[arg-type]


def lowered(
    elements: Iterable[Element], half: Callable[[Number], Number], minus: Callable[[Number], Number]
) -> Elements:
    """Return elements that one block says each: turns without controls, phases of up to two atoms, CNOT, swaps."""
    made: list[Element] = []
    for one in elements:
        made += _lowered(one, half, minus)
    return tuple(made)


def _lowered(one: Element, half: Callable[[Number], Number], minus: Callable[[Number], Number]) -> list[Element]:
    negative = [atom for atom, bit in one.controls if not bit]
    if negative:
        flips: list[Element] = [Flip(atom) for atom in negative]
        plain = replace(one, controls=tuple((atom, True) for atom, _ in one.controls))
        return [*flips, *_lowered(plain, half, minus), *flips]
    parts = _parts(one, half, minus)
    return [one] if parts is None else [inner for part in parts for inner in _lowered(part, half, minus)]


def _parts(one: Element, half: Callable[[Number], Number], minus: Callable[[Number], Number]) -> list[Element] | None:
    """Return the simpler elements that one is, in order; None where it is simple."""
    quarter, back = known(FLOAT, pi / 2), known(FLOAT, -pi / 2)
    match one:
        case Phase(angle=angle, controls=(*rest, middle, last)) if rest:
            several = tuple(rest)
            flip, part = Flip(middle[0], several), half(angle)
            return [
                Phase(part, (middle, last)),
                flip,
                Phase(minus(part), (middle, last)),
                flip,
                Phase(part, (*several, last)),
            ]
        case Turn(axis="z", angle=angle, target=target, controls=controls) if controls:
            return [Phase(minus(half(angle)), controls), Phase(angle, (*controls, (target, True)))]
        case Turn(axis="x", target=target) if one.controls:
            return [Turn("y", back, target), replace(one, axis="z"), Turn("y", quarter, target)]
        case Turn(axis="y", target=target) if one.controls:
            return [Turn("x", quarter, target), replace(one, axis="z"), Turn("x", back, target)]
        case Flip(target=target, controls=controls) if len(controls) > 1:
            phased = Phase(known(FLOAT, pi), (*controls, (target, True)))
            return [Turn("y", back, target), phased, Turn("y", quarter, target)]
        case Exchanged(atoms=(a, b), controls=controls) if controls:
            return [Flip(a, ((b, True),)), Flip(b, (*controls, (a, True))), Flip(a, ((b, True),))]
        case Phase() | Turn() | Flip() | Exchanged():
            return None
        case _:
            assert_never(one)


def is_nothing(angle: Number) -> bool:
    """Return whether an angle is known to be none at all."""
    return angle.known is not None and angle.known % tau == 0
