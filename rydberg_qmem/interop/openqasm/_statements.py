"""One statement of an OpenQASM file after the other: each goes to the module of its kind, or is refused by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rydberg_qmem.interop.openqasm import _control as control
from rydberg_qmem.interop.openqasm._casts import to
from rydberg_qmem.interop.openqasm._declarations import (
    assign,
    assign_value,
    declare,
    declare_constant,
    declare_input,
    declare_qubits,
    measure_into,
    variable,
)  # fmt: skip
from rydberg_qmem.interop.openqasm._expressions import bits_to, evaluate, resolved, type_of, whole
from rydberg_qmem.interop.openqasm._gate_calls import gate_call
from rydberg_qmem.interop.openqasm._measuring import measure
from rydberg_qmem.interop.openqasm._operands import qubits
from rydberg_qmem.interop.openqasm._reading import refuse
from rydberg_qmem.interop.openqasm._scopes import Array, Atoms, BitRegister, Cell, Gate, Meaning, Scope, Subroutine
from rydberg_qmem.interop.openqasm._standard_gates import QELIB, STANDARD
from rydberg_qmem.interop.openqasm._terms import Unsaid, scalar
from rydberg_qmem.interop.openqasm._translation import Call, Translation
from rydberg_qmem.interop.openqasm._values import BOOL, Bits, Type, Value, known

LIBRARIES = {"stdgates.inc": STANDARD, "qelib1.inc": QELIB}
FOREIGN = "pulses of another machine: leave them out, or import a Pulser sequence"
REFUSED = {
    "ExternDeclaration": "extern: only a machine knows what this function does: write it as a def",
    "CalibrationGrammarDeclaration": f"defcalgrammar: {FOREIGN}",
    "CalibrationStatement": f"cal: {FOREIGN}",
    "CalibrationDefinition": f"defcal: {FOREIGN}",
    "Pragma": "pragma: asks for what this program could not keep: leave it out",
}


def play(here: Translation, statements: Collection[Any]) -> None:
    """Translate statements in order."""
    control.in_order(here, list(statements), statement)


def statement(here: Translation, node: Any) -> None:
    """Translate one statement."""
    if getattr(node, "annotations", None):
        here.notes["annotations"] += len(node.annotations)
    kind = type(node).__name__
    match kind:
        case "Include":
            _include(here, node)
        case "QubitDeclaration":
            declare_qubits(here, node)
        case "ClassicalDeclaration":
            declare(here, node)
        case "ConstantDeclaration":
            declare_constant(here, node)
        case "IODeclaration":
            declare_input(here, node)
        case "QuantumGateDefinition" | "SubroutineDefinition":
            _define(here, node)
        case "AliasStatement":
            _alias(here, node)
        case "ClassicalAssignment":
            assign(here, node)
        case "ExpressionStatement":
            _expression(here, node)
        case "QuantumGate" | "QuantumPhase":
            gate_call(here, node)
        case "QuantumMeasurementStatement":
            measure_into(here, node)
        case "QuantumReset":
            here.emit("reset", {"atoms": list(qubits(here, node.qubits).names)})
        case "QuantumBarrier":
            here.emit("align", {})
        case "DelayInstruction":
            _delay(here, node)
        case _:
            _compound(here, node, kind)


def _compound(here: Translation, node: Any, kind: str) -> None:
    match kind:
        case "BranchingStatement":
            control.branching(here, node)
        case "ForInLoop":
            control.for_loop(here, node)
        case "WhileLoop":
            control.while_loop(here, node)
        case "SwitchStatement":
            control.switch(here, node)
        case "CompoundStatement":
            with here.within(here.scope.inner()):
                play(here, node.statements)
        case "Box":
            if node.duration is not None:
                refuse(
                    node,
                    "box",
                    "a box of a given duration stretches gates, which last as the device has them: leave it out",
                )
            play(here, node.body)
        case "BreakStatement" | "ContinueStatement" | "ReturnStatement" | "EndStatement":
            _stop(here, node, kind)
        case _:
            place, _, rule = REFUSED.get(kind, f"{kind}: cannot be said as blocks").partition(": ")
            refuse(node, place, rule)


def _include(here: Translation, node: Any) -> None:
    if node.filename not in LIBRARIES:
        refuse(
            node,
            "include",
            "reads stdgates.inc or qelib1.inc alone: put the content of other files in its place",
            node.filename,
        )
    here.gates = LIBRARIES[node.filename]


def _define(here: Translation, node: Any) -> None:
    """Keep a gate or a subroutine with what is defined so far, so that none can call itself."""
    name = node.name.name
    if here.scope.outer is not None:
        refuse(node, name, "gates and subroutines are defined outside of all blocks alone")
    if isinstance(here.scope.names.get(name), Cell | Atoms | BitRegister | Array):
        refuse(node, name, "is declared twice")
    around = Scope(None, names=dict(here.scope.names))
    made = Gate(node, around) if type(node).__name__ == "QuantumGateDefinition" else Subroutine(node, around)
    here.scope.names[name] = made


def _alias(here: Translation, node: Any) -> None:
    found = resolved(here, node.value)
    if node.target.name in here.scope.names:
        refuse(node, node.target.name, "is declared twice")
    here.scope.names[node.target.name] = found


def _expression(here: Translation, node: Any) -> None:
    inner = node.expression
    if type(inner).__name__ == "FunctionCall":
        found = here.scope.find(inner.name.name)
        if isinstance(found, Subroutine):
            call(here, found, inner)
            return
    evaluate(here, inner)


def _delay(here: Translation, node: Any) -> None:
    """Wait: on the channel that turns atoms, or on all where no qubits are named."""
    duration = scalar(evaluate(here, node.duration))
    if duration.type.kind != "duration" or duration.known is None:
        refuse(node, "delay", "must be a duration that is known when the file is read")
    for operand in node.qubits:
        qubits(here, operand)
    if duration.known < 0 or duration.known != int(duration.known):
        refuse(node, "delay", "must be a whole number of ns, 0 or more", f"{duration.known:g} ns")
    channels = [
        name for name, one in here.device.channels.items() if (one.basis, one.addressing) == ("digital", "Local")
    ]
    if duration.known:
        channel = {"channel": channels[0]} if channels and node.qubits else {}
        here.emit("delay", {"duration_ns": int(duration.known), **channel})


def _stop(here: Translation, node: Any, kind: str) -> None:
    """Raise the flag of what is left: the round, the loop, the subroutine or the file."""
    up = known(BOOL, 1)
    if kind in ("BreakStatement", "ContinueStatement"):
        if not here.loops[-1]:
            refuse(node, "break" if kind == "BreakStatement" else "continue", "stands in loops alone")
        loop = here.loops[-1][-1]
        here.assign((loop.left if kind == "BreakStatement" else loop.skipped, up))
        return
    inside = len(here.frames) > 1
    if inside != (kind == "ReturnStatement"):
        name, where = ("return", "in subroutines") if kind == "ReturnStatement" else ("end", "outside of subroutines")
        refuse(node, name, f"stands {where} alone")
    if kind == "ReturnStatement":
        _return(here, node)
    here.assign((here.frames[-1].returned, up))


def _return(here: Translation, node: Any) -> None:
    results = here.frames[-1].results
    if (node.expression is None) != (results is None):
        refuse(node, "return", "must give a value where the subroutine says its type, and none where it does not")
    if results is None:
        return
    if type(node.expression).__name__ == "QuantumMeasurement":
        measure(here, node.expression, results)
        return
    value = evaluate(here, node.expression)
    found: Meaning = results[0] if here.frames[-1].scalar else BitRegister("", results)
    assign_value(here, node, found, value)


# --- subroutines ---


def call(here: Translation, found: Subroutine, node: Any) -> Value | None:
    """Write out a subroutine where it is called; return its value, if it gives one."""
    definition = found.node
    name = definition.name.name
    if len(node.arguments) != len(definition.arguments):
        refuse(node, name, f"takes {len(definition.arguments)} arguments", len(node.arguments))
    here.count(node)
    scope = Scope(found.scope, closed=True)
    for wanted, given in zip(definition.arguments, node.arguments, strict=True):
        scope.names[wanted.name.name] = _argument(here, wanted, given)
    results, single = None, True
    if definition.return_type is not None:
        made = variable(here, f"{name}_result", type_of(here, definition.return_type))
        results, single = ((made,), True) if isinstance(made, Cell) else (made.cells, False)
    here.frames.append(Call(results, here.flag(), single))
    here.loops.append([])
    try:
        with here.within(scope):
            play(here, definition.body)
    finally:
        here.frames.pop()
        here.loops.pop()
    if results is None:
        return None
    return results[0].number if single else Bits(tuple(cell.number for cell in results))


def _argument(here: Translation, wanted: Any, given: Any) -> Meaning:
    if type(wanted).__name__ == "QuantumArgument":
        return _qubit_argument(here, wanted, given)
    if type(wanted.type).__name__ == "ArrayReferenceType":
        found = resolved(here, given)
        if not isinstance(found, Array):
            refuse(given, wanted.name.name, "must be an array")
        return found
    kind, value = type_of(here, wanted.type), evaluate(here, given)
    try:
        numbers = (to(kind, value),) if isinstance(kind, Type) else bits_to(kind, value)
    except Unsaid as error:
        refuse(given, wanted.name.name, str(error))
    made = variable(here, wanted.name.name, kind)
    cells = (made,) if isinstance(made, Cell) else made.cells
    here.assign(*zip(cells, numbers, strict=True))
    return made


def _qubit_argument(here: Translation, wanted: Any, given: Any) -> Atoms:
    atoms = qubits(here, given)
    size = 1 if wanted.size is None else whole(here, wanted.size, "qubit")
    if len(atoms.names) != size:
        refuse(given, wanted.name.name, f"must be {size} qubit{'s' * (size != 1)}", len(atoms.names))
    return Atoms(atoms.names, single=wanted.size is None)
