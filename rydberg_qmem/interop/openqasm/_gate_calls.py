"""Gates where they are called: modifiers, definitions written out, and blocks of the gate set."""

from __future__ import annotations

from math import pi, tau
from typing import Any, assert_never

from rydberg_qmem.errors import did_you_mean
from rydberg_qmem.interop.openqasm._elements import (
    Element,
    Elements,
    Exchanged,
    Flip,
    NoPower,
    Phase,
    Turn,
    controlled,
    inverse,
    is_nothing,
    lowered,
    power,
    whole_power,
)  # fmt: skip
from rydberg_qmem.interop.openqasm._expressions import evaluate, whole
from rydberg_qmem.interop.openqasm._operands import qubits
from rydberg_qmem.interop.openqasm._reading import NeedsKnown, refuse
from rydberg_qmem.interop.openqasm._scopes import Atoms, Gate, Scope
from rydberg_qmem.interop.openqasm._standard_gates import u_gate
from rydberg_qmem.interop.openqasm._terms import Unsaid, as_float, compose, half, minus, scalar
from rydberg_qmem.interop.openqasm._translation import Translation
from rydberg_qmem.interop.openqasm._values import FLOAT, Number, known

MAX_CONTROLS = 6
"""More controls than these would come to thousands of gates."""
MAX_ELEMENTS = 4_000


def gate_call(here: Translation, node: Any) -> None:
    """Append the blocks of a gate, or of a phase, that the file calls; of whole registers, one after the other."""
    phase = type(node).__name__ == "QuantumPhase"
    if getattr(node, "duration", None) is not None:
        refuse(node, node.name.name, "a gate's own duration is the device's: write a delay")
    operands = [qubits(here, operand) for operand in node.qubits]
    sizes = {len(one.names) for one in operands if not one.single}
    if len(sizes) > 1:
        refuse(node, _name(node), "registers must have one size", sorted(sizes))
    for k in range(max(sizes, default=1)):
        atoms = tuple(one.names[0] if one.single else one.names[k] for one in operands)
        if len(set(atoms)) < len(atoms):
            refuse(node, _name(node), "must act on different qubits", ", ".join(atoms))
        if phase:
            elements = _modified(here, node, (), atoms, inner=_global_phase(here, node))
        else:
            params = tuple(as_float(scalar(evaluate(here, argument))) for argument in node.arguments)
            elements = _modified(here, node, params, atoms, inner=None)
        append(here, node, elements)


def _name(node: Any) -> str:
    return "gphase" if type(node).__name__ == "QuantumPhase" else str(node.name.name)


def _global_phase(here: Translation, node: Any) -> Elements:
    return (Phase(as_float(scalar(evaluate(here, node.argument)))),)


def _modified(
    here: Translation, node: Any, params: tuple[Number, ...], atoms: tuple[str, ...], inner: Elements | None
) -> Elements:
    """Return what a gate with modifiers is made of; the last acts on it first, the first takes the first atoms."""
    steps: list[tuple[Any, tuple[str, ...]]] = []
    for modifier in node.modifiers:
        taken: tuple[str, ...] = ()
        if modifier.modifier.name in ("ctrl", "negctrl"):
            count = 1 if modifier.argument is None else whole(here, modifier.argument, "ctrl")
            if not 1 <= count <= MAX_CONTROLS or count > len(atoms):
                refuse(modifier, "ctrl", f"takes 1 to {MAX_CONTROLS} of the gate's qubits", count)
            taken, atoms = atoms[:count], atoms[count:]
        steps.append((modifier, taken))
    if inner is not None and atoms:
        refuse(node, "gphase", "takes as many qubits as its ctrl modifiers", ", ".join(atoms))
    elements = _elements(here, node, _name(node), params, atoms) if inner is None else inner
    for modifier, taken in reversed(steps):
        elements = _one_modified(here, modifier, elements, taken)
        if len(elements) > MAX_ELEMENTS:
            refuse(modifier, _name(node), f"comes to more than {MAX_ELEMENTS} gates", len(elements))
    return elements


def _one_modified(here: Translation, modifier: Any, elements: Elements, taken: tuple[str, ...]) -> Elements:
    match modifier.modifier.name:
        case "inv":
            return inverse(elements, minus)
        case "ctrl" | "negctrl" as kind:
            for atom in reversed(taken):
                elements = controlled(elements, (atom, kind == "ctrl"))
            return elements
        case _:
            return _power(here, modifier, elements)


def _power(here: Translation, modifier: Any, elements: Elements) -> Elements:
    exponent = scalar(evaluate(here, modifier.argument))
    if exponent.known is None:
        return _unknown_power(modifier, elements, exponent)
    if exponent.known == int(exponent.known):
        times = int(exponent.known)
        turns = [one for one in elements if isinstance(one, Phase | Turn)]
        if len(turns) == len(elements) == 1:
            return _scaled(elements, exponent)
        if abs(times) * len(elements) > MAX_ELEMENTS:
            refuse(modifier, "pow", f"comes to more than {MAX_ELEMENTS} gates", times)
        return whole_power(elements, times, minus)
    try:
        return power(elements, float(exponent.known))
    except NoPower:
        rule = (
            "a power that is not whole is taken of gates of one qubit with known angles, and of their controlled forms"
        )
        refuse(modifier, "pow", f"{rule}: define the gate itself", exponent.known)


def _unknown_power(modifier: Any, elements: Elements, exponent: Number) -> Elements:
    """Return a power that only the run knows: of a single turn or phase, whose angle it multiplies, and whole."""
    whole_number = exponent.type.kind in ("int", "uint", "bit", "bool")
    if whole_number and len(elements) == 1 and isinstance(elements[0], Phase | Turn):
        return _scaled(elements, exponent)
    refuse(
        modifier,
        "pow",
        "must be known when the file is read, or whole and of one rotation or phase",
        exponent.text,
        error=NeedsKnown,
    )


def _scaled(elements: Elements, times: Number) -> Elements:
    one = elements[0]
    assert isinstance(one, Phase | Turn)
    if one.angle.known is not None and times.known is not None:
        angle = known(FLOAT, one.angle.known * times.known)
    else:
        angle = compose(FLOAT, "{0} * {1}", one.angle, times)
    return (Phase(angle, one.controls) if isinstance(one, Phase) else Turn(one.axis, angle, one.target, one.controls),)


def _elements(here: Translation, node: Any, name: str, params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    """Return what a gate is made of by its definition in the file, or by the table of standard gates."""
    found = here.scope.find(name)
    if isinstance(found, Gate):
        _fits(node, name, len(params), len(atoms), len(found.node.arguments), len(found.node.qubits))
        return _defined(here, found, params, atoms)
    if name == "U":
        _fits(node, name, len(params), len(atoms), 3, 1)
        return u_gate(params, atoms)
    if name not in here.gates:
        hint = did_you_mean(name, ["U", *here.gates])
        include = "" if here.gates else ': include "stdgates.inc" first'
        refuse(node, name, f"is no gate that is defined here{include or hint}")
    wanted, size, made = here.gates[name]
    _fits(node, name, len(params), len(atoms), wanted, size)
    return made(params, atoms)


def _fits(node: Any, name: str, params: int, atoms: int, wanted: int, size: int) -> None:
    if params != wanted:
        refuse(node, name, f"takes {wanted} angle{'s' * (wanted != 1)}", params)
    if atoms != size:
        refuse(node, name, f"acts on {size} qubit{'s' * (size != 1)}", atoms)


def _defined(here: Translation, gate: Gate, params: tuple[Number, ...], atoms: tuple[str, ...]) -> Elements:
    """Return what the body of a gate's definition is made of."""
    scope = Scope(gate.scope, closed=True)
    for argument, number in zip(gate.node.arguments, params, strict=True):
        scope.names[argument.name] = number
    for qubit, atom in zip(gate.node.qubits, atoms, strict=True):
        scope.names[qubit.name] = Atoms((atom,), single=True)
    made: list[Element] = []
    with here.within(scope):
        for inner in gate.node.body:
            made += _body_elements(here, inner)
            if len(made) > MAX_ELEMENTS:
                refuse(inner, gate.node.name.name, f"comes to more than {MAX_ELEMENTS} gates", len(made))
    return tuple(made)


def _body_elements(here: Translation, inner: Any) -> Elements:
    here.count(inner)
    match type(inner).__name__:
        case "QuantumGate":
            atoms = tuple(name for one in inner.qubits for name in qubits(here, one).names)
            if len(set(atoms)) < len(atoms):
                refuse(inner, _name(inner), "must act on different qubits", ", ".join(atoms))
            params = tuple(as_float(scalar(evaluate(here, argument))) for argument in inner.arguments)
            return _modified(here, inner, params, atoms, inner=None)
        case "QuantumPhase":
            atoms = tuple(name for one in inner.qubits for name in qubits(here, one).names)
            return _modified(here, inner, (), atoms, inner=_global_phase(here, inner))
        case "QuantumBarrier":
            return ()
        case other:
            refuse(inner, other, "may not stand in a gate's definition: gates and gphase may; write a def")


# --- blocks ---


def append(here: Translation, node: Any, elements: Elements) -> None:
    """Append the blocks of some elements; global phases are dropped and counted."""
    if any(len(one.controls) > MAX_CONTROLS for one in elements):
        refuse(node, "ctrl", f"must have at most {MAX_CONTROLS} controls in all")
    try:
        for one in lowered(elements, half, minus):
            _append(here, node, one)
    except Unsaid as error:
        refuse(node, _name(node), str(error))


def _append(here: Translation, node: Any, one: Element) -> None:
    match one:
        case Phase(controls=()):
            if not is_nothing(one.angle):
                here.notes["global phases"] += 1
        case Phase(angle=angle) if is_nothing(angle):
            pass
        case Phase(angle=angle, controls=((atom, _),)):
            _rotate(here, atom, "z", angle)
        case Phase(angle=angle, controls=((a, _), (b, _))):
            _pair(here, node, a, b)
            if angle.known is not None and abs(angle.known % tau - pi) < 1e-15:
                here.emit("cz", {"control": a, "target": b})
            else:
                here.emit("cphase", {"control": a, "target": b, "angle": here.settled(angle).said})
        case Turn(axis=axis, angle=angle, target=target):
            _rotate(here, target, axis, angle)
        case Flip(target=target, controls=()):
            _rotate(here, target, "x", known(FLOAT, pi))
        case Flip(target=target, controls=((control, _),)):
            _pair(here, node, control, target)
            here.emit("cnot", {"control": control, "target": target})
        case Exchanged(atoms=(a, b)):
            _pair(here, node, a, b)
            here.emit("swap", {"atoms": [a, b]})
        case Phase() | Flip():
            raise AssertionError("elements are lowered before they become blocks")
        case _:
            assert_never(one)


def _rotate(here: Translation, atom: str, axis: str, angle: Number) -> None:
    if not is_nothing(angle):
        here.emit("rotate", {"atom": atom, "axis": axis, "angle": here.settled(angle).said})


def _pair(here: Translation, node: Any, a: str, b: str) -> None:
    here.pairs.setdefault(frozenset((a, b)), ((a, b), node))
