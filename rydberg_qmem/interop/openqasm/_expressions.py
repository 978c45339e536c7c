"""From expressions of OpenQASM's tree to values, and from index operands to the atoms and variables that they name."""

from __future__ import annotations

from typing import Any

from rydberg_qmem.errors import did_you_mean
from rydberg_qmem.interop.openqasm._bits import bits_of, inverted
from rydberg_qmem.interop.openqasm._casts import to
from rydberg_qmem.interop.openqasm._functions import FUNCTIONS, called
from rydberg_qmem.interop.openqasm._lookups import meaning, refuse_unsaid, value_of
from rydberg_qmem.interop.openqasm._operators import binary
from rydberg_qmem.interop.openqasm._reading import NeedsKnown, refuse
from rydberg_qmem.interop.openqasm._scopes import Array, Atoms, BitRegister, Cell, Meaning, Subroutine
from rydberg_qmem.interop.openqasm._terms import Unsaid, fitted, minus, not_, scalar
from rydberg_qmem.interop.openqasm._translation import Translation
from rydberg_qmem.interop.openqasm._values import (
    ANGLE,
    BIT,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    Bits,
    Number,
    Type,
    Value,
    known,
)  # fmt: skip
from rydberg_qmem.language.evaluation import ExpressionError

NS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
MAX_BITS = 512
MAX_QUBITS = 256


def evaluate(here: Translation, node: Any) -> Value:
    """Return the value of an expression; refuse, with its place, what has none here."""
    try:
        value = _evaluated(here, node)
    except Unsaid as error:
        refuse_unsaid(node, "", error)
    except ExpressionError as error:
        refuse(node, "", f"{error.rule}: keep a part of it in a variable first", error.text)
    return here.settled(value) if isinstance(value, Number) else Bits(tuple(map(here.settled, value.bits)))


def _evaluated(here: Translation, node: Any) -> Value:
    match type(node).__name__:
        case "IntegerLiteral":
            return binary("+", known(INT, node.value), known(INT, 0))
        case "FloatLiteral":
            return known(FLOAT, node.value)
        case "BooleanLiteral":
            return known(BOOL, int(node.value))
        case "BitstringLiteral":
            return Bits(tuple(known(BIT, node.value >> i & 1) for i in range(min(node.width, MAX_BITS))))
        case "DurationLiteral":
            return _duration(node)
        case "Identifier":
            return value_of(here, node, meaning(here, node))
        case "UnaryExpression":
            return _unary(node.op.name, evaluate(here, node.expression))
        case "BinaryExpression":
            return binary(node.op.name, evaluate(here, node.lhs), evaluate(here, node.rhs))
        case "IndexExpression":
            return value_of(here, node, indexed(here, node))
        case "Cast":
            return cast(here, node, node.type, evaluate(here, node.argument))
        case "FunctionCall":
            return _call(here, node)
        case "SizeOf":
            return known(Type("uint"), _size(here, node))
        case "Concatenation":
            return Bits(bits_of(evaluate(here, node.rhs)) + bits_of(evaluate(here, node.lhs)))
        case other:
            refuse(
                node, "", f"{_spoken(other)} has no value that a program could hold: bits, whole numbers and floats do"
            )


def _spoken(kind: str) -> str:
    return {"ImaginaryLiteral": "a complex number", "DurationOf": "durationof", "ArrayLiteral": "an array"}.get(
        kind, kind
    )


def _duration(node: Any) -> Number:
    if node.unit.name not in NS:
        refuse(node, "", "dt is a machine's own step: give the duration in ns or µs", f"{node.value:g}dt")
    return known(DURATION, node.value * NS[node.unit.name])


def _unary(sign: str, value: Value) -> Value:
    match sign:
        case "-":
            a = scalar(value)
            negative = minus(a)
            if a.type.kind == "angle":
                return to(a.type, negative)
            return fitted(negative) if a.type.kind in ("int", "uint") and a.known is None else negative
        case "!":
            return not_(scalar(value))
        case _:
            return inverted(value)


def _call(here: Translation, node: Any) -> Value:
    name = node.name.name
    found = here.scope.find(name)
    if isinstance(found, Subroutine):
        value = here.call(here, found, node)
        if value is None:
            refuse(node, name, "returns no value, so it cannot stand in an expression")
        return value
    if name not in FUNCTIONS:
        refuse(node, name, f"is no function that is defined here{did_you_mean(name, FUNCTIONS)}")
    return called(name, [evaluate(here, argument) for argument in node.arguments])


def _size(here: Translation, node: Any) -> int:
    found = resolved(here, node.target)
    if node.index is not None:
        for _ in range(whole(here, node.index, "sizeof")):
            found = found.parts[0] if isinstance(found, Array) and found.parts else found
    match found:
        case Array(parts=parts):
            return len(parts)
        case BitRegister(cells=cells):
            return len(cells)
        case Atoms(names=names):
            return len(names)
        case _:
            refuse(node, "sizeof", "takes an array or a register")


# --- names and indices ---


def resolved(here: Translation, node: Any) -> Meaning:
    """Return what an identifier, an index into one, or a concatenation stands for."""
    match type(node).__name__:
        case "Identifier":
            return meaning(here, node)
        case "Concatenation":
            left, right = resolved(here, node.lhs), resolved(here, node.rhs)
            if isinstance(left, Atoms) and isinstance(right, Atoms):
                return Atoms(left.names + right.names)
            refuse(node, "++", "joins registers of qubits here")
        case "IndexedIdentifier" | "IndexExpression":
            return indexed(here, node)
        case other:
            refuse(node, "", f"{other} is no variable")


def indexed(here: Translation, node: Any) -> Meaning:
    """Return the part of a register, an array or a value that indices name."""
    if type(node).__name__ == "IndexedIdentifier":
        found, elements = meaning(here, node.name), node.indices
    else:
        inner = node.collection
        named = type(inner).__name__ in ("Identifier", "IndexedIdentifier", "IndexExpression")
        found, elements = resolved(here, inner) if named else evaluate(here, inner), [node.index]
    for element in elements:
        if isinstance(element, list):
            for one in element:
                found = _part(here, node, found, one)
        else:
            found = _part(here, node, found, element)
    return found


def _part(here: Translation, node: Any, found: Meaning, element: Any) -> Meaning:
    match found:
        case Atoms(names=names):
            places = _places(here, element, len(names))
            return Atoms(tuple(names[i] for i in places), _single(element))
        case BitRegister(name=name, cells=cells):
            places = _places(here, element, len(cells))
            return cells[places[0]] if _single(element) else BitRegister(name, tuple(cells[i] for i in places))
        case Array(parts=parts, type=kind):
            places = _places(here, element, len(parts))
            return parts[places[0]] if _single(element) else Array(tuple(parts[i] for i in places), kind)
        case Bits() | Number() | Cell():
            value = found.number if isinstance(found, Cell) else found
            bits = bits_of(value)
            places = _places(here, element, len(bits))
            return bits[places[0]] if _single(element) else Bits(tuple(bits[i] for i in places))
        case _:
            refuse(node, "", "has no parts that an index could name")


def _single(element: Any) -> bool:
    return type(element).__name__ not in ("RangeDefinition", "DiscreteSet")


def _places(here: Translation, element: Any, size: int) -> list[int]:
    """Return the places that an index, a range or a set names, counted from 0."""
    match type(element).__name__:
        case "RangeDefinition":
            start, step, last = ends(here, element, size)
            made = list(range(start, last + (1 if step > 0 else -1), step)[: MAX_BITS + 1])
        case "DiscreteSet":
            made = [whole(here, one, "index") for one in element.values]
        case _:
            made = [whole(here, element, "index")]
    for place in made:
        if not -size <= place < size:
            refuse(element, "index", f"must lie from {-size} to {size - 1}", place)
    if not made:
        refuse(element, "index", "names nothing")
    return [place % size for place in made]


def ends(here: Translation, element: Any, size: int | None = None) -> tuple[int, int, int]:
    """Return start, step and last of a range; of an index with what it leaves out from a register's size."""
    step = 1 if element.step is None else whole(here, element.step, "step")
    if step == 0:
        refuse(element, "range", "must not have step 0")
    if size is None and (element.start is None or element.end is None):
        refuse(element, "range", "must say its start and its end")
    around = 0 if size is None else size
    start = (0 if step > 0 else around - 1) if element.start is None else whole(here, element.start, "range")
    last = (around - 1 if step > 0 else 0) if element.end is None else whole(here, element.end, "range")
    if size is not None:
        for end in (start, last):
            if not -size <= end < size:
                refuse(element, "index", f"must lie from {-size} to {size - 1}", end)
        start, last = start % size, last % size
    return start, step, last


def whole(here: Translation, node: Any, place: str) -> int:
    """Return a whole number that must be known when the file is read."""
    value = scalar(evaluate(here, node))
    if value.known is None:
        refuse(node, place, "must be known when the file is read: say the cases by if", value.text, error=NeedsKnown)
    if value.known != int(value.known) or value.type.kind not in ("int", "uint", "bool", "bit"):
        refuse(node, place, "must be a whole number", value.known)
    return int(value.known)


# --- types ---


def type_of(here: Translation, node: Any) -> Type | int:
    """Return a scalar type; of a register of bits how many it has."""
    name = type(node).__name__.removesuffix("Type").lower()
    size = None if getattr(node, "size", None) is None else whole(here, node.size, name)
    if size is not None and not 1 <= size <= MAX_BITS:
        refuse(node, name, f"must have 1 to {MAX_BITS} bits", size)
    match name:
        case "bit":
            return BIT if size is None else size
        case "bool":
            return BOOL
        case "float":
            return FLOAT
        case "angle":
            return ANGLE if size is None else Type("angle", size)
        case "int" | "uint":
            return Type("int" if name == "int" else "uint", size)
        case "duration":
            return DURATION
        case _:
            refuse(node, name, "is no type that a program's memory has: bit, bool, int, uint, float and angle are")


def cast(here: Translation, node: Any, kind: Any, value: Value) -> Value:
    """Return a value as a type of the tree has it."""
    wanted = type_of(here, kind)
    try:
        if isinstance(wanted, int):
            return Bits(bits_to(wanted, value))
        return to(wanted, value)
    except Unsaid as error:
        refuse_unsaid(node, "", error)


def bits_to(count: int, value: Value) -> tuple[Number, ...]:
    """Return a value as a register of so many bits; raise Unsaid for one of another size."""
    bits = bits_of(value, count if isinstance(value, Number) and value.type.width is None else None)
    if isinstance(value, Number) and value.type.kind in ("bit", "bool") and count > 1:
        raise Unsaid(f"one bit is no register of {count} bits")
    if len(bits) != count:
        raise Unsaid(f"{len(bits)} bits are no register of {count}")
    return bits
