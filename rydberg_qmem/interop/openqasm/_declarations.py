"""Declarations and assignments: qubits, variables, known numbers, inputs, arrays, other names for parts."""

from __future__ import annotations

from typing import Any

from rydberg_qmem.interop.openqasm._bits import bits_of, inverted
from rydberg_qmem.interop.openqasm._casts import to
from rydberg_qmem.interop.openqasm._expressions import (
    MAX_BITS,
    MAX_QUBITS,
    bits_to,
    evaluate,
    indexed,
    resolved,
    type_of,
    whole,
)
from rydberg_qmem.interop.openqasm._lookups import meaning, refuse_unsaid, value_of
from rydberg_qmem.interop.openqasm._measuring import measure
from rydberg_qmem.interop.openqasm._operators import binary
from rydberg_qmem.interop.openqasm._reading import refuse
from rydberg_qmem.interop.openqasm._scopes import Array, BitRegister, Cell, Meaning
from rydberg_qmem.interop.openqasm._terms import Unsaid, scalar
from rydberg_qmem.interop.openqasm._translation import Translation
from rydberg_qmem.interop.openqasm._values import BIT, Bits, Number, Type, Value, known, unknown


def declare_qubits(here: Translation, node: Any) -> None:
    """Give a register of qubits its atoms."""
    count = 1 if node.size is None else whole(here, node.size, "qubit")
    if not 1 <= count <= MAX_QUBITS - len(here.atoms):
        refuse(node, "qubit", f"there may be 1 to {MAX_QUBITS} qubits in all", count)
    if here.scope.outer is not None:
        refuse(node, "qubit", "is declared outside of all blocks alone")
    _new(here, node, node.qubit.name, here.new_atoms(node.qubit.name, count, single=node.size is None))


def _new(here: Translation, node: Any, name: str, found: Meaning) -> None:
    if name in here.scope.names:
        refuse(node, name, "is declared twice")
    here.scope.names[name] = found


def declare(here: Translation, node: Any) -> None:
    """Declare a variable, with its first value where it has one."""
    name, first = node.identifier.name, node.init_expression
    if type(node.type).__name__ == "ArrayType":
        _new(here, node, name, _array(here, node, name, node.type, first))
        return
    kind = type_of(here, node.type)
    measured = type(first).__name__ == "QuantumMeasurement"
    value = None if first is None or measured else evaluate(here, first)
    made = variable(here, name, kind)
    if measured:
        _measured(here, first, made)
    elif value is not None:
        _assigned(here, node, made, value)
    _new(here, node, name, made)


def variable(here: Translation, name: str, kind: Type | int) -> Cell | BitRegister:
    """Return a new variable, a register of so many bits where its type is a number."""
    own = here.namer.name(name)
    if isinstance(kind, Type):
        return here.cell(own, kind)
    cells = tuple(here.cell(here.namer.name(f"{own}_{i}"), BIT) for i in range(kind))
    return BitRegister(own, cells)


def _measured(here: Translation, node: Any, found: Meaning) -> None:
    match found:
        case Cell(type=kind) if kind.kind in ("bit", "bool"):
            measure(here, node, (found,))
        case BitRegister(name=name, cells=cells):
            measure(here, node, cells, name)
        case _:
            refuse(node, "measure", "gives bits, which go into bits alone: cast them afterwards")


def measure_into(here: Translation, node: Any) -> None:
    """Measure, into variables where the statement names some."""
    if node.target is None:
        measure(here, node.measure, None)
        return
    found = (
        indexed(here, node.target) if type(node.target).__name__ == "IndexedIdentifier" else meaning(here, node.target)
    )
    whole_register = type(node.target).__name__ == "Identifier"
    if isinstance(found, BitRegister) and not whole_register:
        measure(here, node.measure, found.cells)
    else:
        _measured(here, node.measure, found)


def assign(here: Translation, node: Any) -> None:
    """Assign to a variable, a bit of one, or a register."""
    target, sign = node.lvalue, node.op.name
    bit = _bit_of_number(here, target)
    found: Meaning = bit[0] if bit else resolved(here, target)
    right = node.rvalue
    if type(right).__name__ == "QuantumMeasurement":
        _measured(here, right, found)
        return
    value = evaluate(here, right)
    try:
        if sign != "=":
            old = value_of(here, target, found)
            old = bits_of(old)[bit[1]] if bit else old
            value = binary(sign[:-1], old, value) if sign != "~=" else inverted(value)
        if bit:
            value = _with_bit(bit[0], bit[1], to(BIT, value))
    except Unsaid as error:
        refuse_unsaid(node, "", error)
    if isinstance(value, Number):
        value = here.settled(value)
    _assigned(here, node, found, value)


def _bit_of_number(here: Translation, target: Any) -> tuple[Cell, int] | None:
    """Return variable and place where an assignment names one bit of a whole number or of an angle."""
    if type(target).__name__ != "IndexedIdentifier" or len(target.indices) != 1:
        return None
    found = meaning(here, target.name)
    if not isinstance(found, Cell):
        return None
    if found.type.width is None or not isinstance(target.indices[0], list) or len(target.indices[0]) != 1:
        refuse(target, target.name.name, f"{found.type} has no bits that an index names")
    place = whole(here, target.indices[0][0], "index")
    if not -found.type.width <= place < found.type.width:
        refuse(target, "index", f"must lie from {-found.type.width} to {found.type.width - 1}", place)
    return found, place % found.type.width


def _with_bit(cell: Cell, place: int, bit: Number) -> Number:
    bits = list(bits_of(cell.number))
    bits[place] = bit
    changed = scalar(Bits(tuple(bits)))
    return (
        to(cell.type, changed.of(Type("uint", cell.type.width))) if cell.type.kind != "angle" else changed.of(cell.type)
    )


def _assigned(here: Translation, node: Any, found: Meaning, value: Value) -> None:
    try:
        match found:
            case Cell():
                here.assign((found, to(found.type, value)))
            case BitRegister(cells=cells):
                here.assign(*zip(cells, bits_to(len(cells), value), strict=True))
            case _:
                refuse(
                    node, "", "only variables are assigned to: neither constants, inputs nor the variable of a `for`"
                )
    except Unsaid as error:
        refuse_unsaid(node, "", error)


def assign_value(here: Translation, node: Any, found: Meaning, value: Value) -> None:
    """Give a variable a value, cast to its type."""
    _assigned(here, node, found, value)


def declare_constant(here: Translation, node: Any) -> None:
    """Declare a known number."""
    name = node.identifier.name
    if type(node.type).__name__ == "ArrayType":
        refuse(node, name, "arrays are declared as variables here, without const")
    kind, value = type_of(here, node.type), evaluate(here, node.init_expression)
    try:
        made: Number | Bits = to(kind, value) if isinstance(kind, Type) else Bits(bits_to(kind, value))
    except Unsaid as error:
        refuse(node, name, str(error))
    if (made.known is None) if isinstance(made, Number) else not made.known:
        refuse(node, name, "must be known when the file is read: declare a variable, without const")
    _new(here, node, name, made)


def declare_input(here: Translation, node: Any) -> None:
    """Make an input a parameter of the program, or a known number where it is no float; an output is a variable."""
    name = node.identifier.name
    if node.io_identifier.name == "output":
        _new(here, node, name, variable(here, name, type_of(here, node.type)))
        return
    if name not in here.inputs:
        refuse(node, name, f"is an input of the file: give its number, as in parameters={{{name!r}: 0.5}}")
    kind = type_of(here, node.type)
    if not isinstance(kind, Type):
        refuse(node, name, "an input is one number here, no register: declare it as uint")
    number = here.inputs[name]
    if kind.kind in ("float", "angle") and kind.width is None:
        own = here.namer.name(name)
        here.parameters[own] = number
        _new(here, node, name, unknown(kind, own) if kind.kind == "float" else to(kind, unknown(Type("float"), own)))
        return
    try:
        value = known(Type("float"), number) if kind.kind in ("float", "angle") else known(Type("int"), int(number))
        _new(here, node, name, to(kind, value))
    except Unsaid as error:
        refuse(node, name, str(error))


def _array(here: Translation, node: Any, name: str, kind: Any, first: Any) -> Array:
    """Return a new array of variables, filled from a literal."""
    sizes = [whole(here, size, "array") for size in kind.dimensions]
    total = 1
    for size in sizes:
        total *= max(size, 0)
    if not 1 <= total <= MAX_BITS:
        refuse(node, name, f"must have 1 to {MAX_BITS} elements", total)
    base = type_of(here, kind.base_type)
    return _filled(here, node, here.namer.name(name), base, sizes, first)


def _filled(here: Translation, node: Any, name: str, base: Type | int, sizes: list[int], first: Any) -> Array:
    given = None
    if first is not None:
        if type(first).__name__ != "ArrayLiteral" or len(first.values) != sizes[0]:
            refuse(node, name, f"must be given {sizes[0]} values in braces")
        given = first.values
    parts: list[Any] = []
    for i in range(sizes[0]):
        one = None if given is None else given[i]
        if len(sizes) > 1:
            parts.append(_filled(here, node, f"{name}_{i}", base, sizes[1:], one))
            continue
        made = variable(here, f"{name}_{i}", base)
        if one is not None:
            _assigned(here, node, made, evaluate(here, one))
        parts.append(made)
    return Array(tuple(parts), base if isinstance(base, Type) else BIT)
