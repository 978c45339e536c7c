"""The gates of OpenQASM 3's stdgates.inc and of OpenQASM 2's qelib1.inc, and the two that the language is built on."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

from rydberg_qmem.interop.openqasm._elements import Element, Elements, Exchanged, Flip, Phase, Turn, controlled
from rydberg_qmem.interop.openqasm._terms import half, minus, plus
from rydberg_qmem.interop.openqasm._values import FLOAT, Number, known

Made = Callable[[tuple[Number, ...], tuple[str, ...]], Elements]


def _angle(value: float) -> Number:
    return known(FLOAT, value)


def _euler(params: tuple[Number, ...], q: str) -> Elements:
    theta, phi, lam = params
    return Turn("z", lam, q), Turn("y", theta, q), Turn("z", phi, q)


def u_gate(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    """Return OpenQASM 3's U(θ, φ, λ): its first element is (1 + exp(iθ))/2, so that it brings a phase along."""
    theta, phi, lam = params
    return Phase(half(plus(plus(theta, phi), lam))), *_euler(params, atoms[0])


def _u3(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return _euler(params, atoms[0])


def _u(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    """Return OpenQASM 2's and Qiskit's u(θ, φ, λ), whose first element is cos(θ/2)."""
    return Phase(half(plus(params[1], params[2]))), *_euler(params, atoms[0])


def _phase(angle: Number, q: str) -> Element:
    return Phase(angle, ((q, True),))


def _turn(axis: str) -> Made:
    return lambda params, atoms: (Turn(axis, params[0], atoms[0]),)  # type: ignore[arg-type]


def _fixed_phase(angle: float) -> Made:
    return lambda params, atoms: (_phase(_angle(angle), atoms[0]),)


def _h(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return _phase(_angle(pi), atoms[0]), Turn("y", _angle(pi / 2), atoms[0])


def _y(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return Phase(_angle(pi / 2)), Turn("y", _angle(pi), atoms[0])


def _sx(sign: int) -> Made:
    return lambda params, atoms: (Phase(_angle(sign * pi / 4)), Turn("x", _angle(sign * pi / 2), atoms[0]))


def _controls(count: int, inner: Made) -> Made:
    """Return a gate with its first `count` atoms as controls."""

    def made(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
        elements = inner(params, atoms[count:])
        for atom in reversed(atoms[:count]):
            elements = controlled(elements, (atom, True))
        return elements

    return made


def _cu(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    theta, phi, lam, gamma = params
    turned = _phase(plus(gamma, minus(half(theta))), atoms[0])
    return turned, *controlled(u_gate((theta, phi, lam), atoms[1:]), (atoms[0], True))


def _u2(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return _euler((_angle(pi / 2), *params), atoms[0])


def _x(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return (Flip(atoms[0]),)


def _p(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return (_phase(params[0], atoms[0]),)


def _u_flip(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return u_gate((_angle(pi), _angle(0), _angle(pi)), atoms)


def _swap(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return (Exchanged((atoms[0], atoms[1])),)


def _rzz(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    flip = Flip(atoms[1], ((atoms[0], True),))
    return flip, Turn("z", params[0], atoms[1]), flip


def _id(params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    return ()


STANDARD: dict[str, tuple[int, int, Made]] = {
    "p": (1, 1, _p), "phase": (1, 1, _p), "u1": (1, 1, _p),
    "x": (0, 1, _x), "y": (0, 1, _y), "z": (0, 1, _fixed_phase(pi)), "h": (0, 1, _h),
    "s": (0, 1, _fixed_phase(pi / 2)), "sdg": (0, 1, _fixed_phase(-pi / 2)),
    "t": (0, 1, _fixed_phase(pi / 4)), "tdg": (0, 1, _fixed_phase(-pi / 4)), "sx": (0, 1, _sx(1)),
    "rx": (1, 1, _turn("x")), "ry": (1, 1, _turn("y")), "rz": (1, 1, _turn("z")),
    "cx": (0, 2, _controls(1, _x)), "CX": (0, 2, _controls(1, _u_flip)),
    "cy": (0, 2, _controls(1, _y)), "cz": (0, 2, _controls(1, _fixed_phase(pi))),
    "cp": (1, 2, _controls(1, _p)), "cphase": (1, 2, _controls(1, _p)),
    "crx": (1, 2, _controls(1, _turn("x"))), "cry": (1, 2, _controls(1, _turn("y"))),
    "crz": (1, 2, _controls(1, _turn("z"))), "ch": (0, 2, _controls(1, _h)),
    "swap": (0, 2, _swap), "ccx": (0, 3, _controls(2, _x)), "cswap": (0, 3, _controls(1, _swap)),
    "cu": (4, 2, _cu), "id": (0, 1, _id), "u2": (2, 1, _u2), "u3": (3, 1, _u3),
}  # fmt: skip
"""Gates of stdgates.inc by name: how many parameters and atoms, and what they are made of."""

QELIB: dict[str, tuple[int, int, Made]] = {
    **STANDARD, "u0": (1, 1, _id), "u": (3, 1, _u), "CX": STANDARD["cx"], "sxdg": (0, 1, _sx(-1)),
    "cu1": STANDARD["cp"], "cu3": (3, 2, _controls(1, _u)), "csx": (0, 2, _controls(1, _sx(1))),
    "rzz": (1, 2, _rzz), "c3x": (0, 4, _controls(3, _x)), "c4x": (0, 5, _controls(4, _x)),
}  # fmt: skip
"""Gates of qelib1.inc, which OpenQASM 2 includes, by name."""
