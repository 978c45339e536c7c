"""What an OpenQASM 3 circuit gives, by a dense state vector that follows the reference parser's tree as it stands.

It knows nothing of the package: no partial evaluation, no gate set, no branches kept together. The circuit is played
once for each history of outcomes, and the histories' probabilities are added up by what the variables hold at the end.
"""

from __future__ import annotations

import cmath
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
STDGATES = (Path(__file__).parent / "data" / "openqasm" / "gates.inc").read_text(encoding="utf-8")


@dataclass(frozen=True)
class W:
    """A whole number, or an angle in steps, with its kind and number of bits."""

    value: int
    kind: str
    bits: int | None = None

    def wrapped(self) -> W:
        if self.bits is None:
            return self
        size = 2**self.bits
        shift = size // 2 if self.kind == "int" else 0
        return W((self.value + shift) % size - shift, self.kind, self.bits)


@dataclass
class Var:
    type: Any
    value: Any


class Left(Exception):
    def __init__(self, kind: str, value: Any = None) -> None:
        self.kind, self.value = kind, value


S = TypeVar("S", bound="Shot")


@dataclass
class Shot:
    """One history: outcomes as prescribed, then the likelier first; `open` are the other histories that begin so."""

    given: tuple[int, ...]
    chance: float = 1.0
    taken: list[int] = field(default_factory=list)
    open: list[tuple[int, ...]] = field(default_factory=list)
    state: Complex = field(default_factory=lambda: np.ones((), dtype=complex))
    qubits: int = 0
    names: list[dict[str, Any]] = field(default_factory=lambda: [{}])

    # --- the state ---

    def add(self, count: int) -> list[int]:
        for _ in range(count):
            self.state = np.stack([self.state, np.zeros_like(self.state)], axis=-1)
        self.qubits += count
        return list(range(self.qubits - count, self.qubits))

    def apply(self, matrix: Complex, qubits: list[int]) -> None:
        n = len(qubits)
        turned = np.tensordot(matrix.reshape((2,) * 2 * n), self.state, axes=(range(n, 2 * n), qubits))
        self.state = np.moveaxis(turned, range(n), qubits)

    def measure(self, qubit: int) -> int:
        halves = np.moveaxis(self.state, qubit, 0)
        weights = [float(np.sum(np.abs(half) ** 2)) for half in halves]
        total = sum(weights)
        likely = [bit for bit in (0, 1) if weights[bit] / total > 1e-13]
        if len(self.taken) < len(self.given):
            bit = self.given[len(self.taken)]
        else:
            bit = likely[0]
            self.open += [(*self.taken, other) for other in likely[1:]]
        self.taken.append(bit)
        self.chance *= weights[bit] / total
        kept = np.zeros_like(halves)
        kept[bit] = halves[bit] / math.sqrt(weights[bit])
        self.state = np.moveaxis(kept, 0, qubit)
        return bit

    def reset(self, qubit: int) -> None:
        if self.measure(qubit):
            self.apply(np.array([[0, 1], [1, 0]], dtype=complex), [qubit])

    # --- names ---

    def find(self, name: str) -> Any:
        for scope in reversed(self.names):
            if name in scope:
                return scope[name]
        return {"pi": math.pi, "π": math.pi, "tau": math.tau, "euler": math.e}[name]

    # --- statements ---

    def play(self, statements: Any) -> None:
        for one in statements:
            getattr(self, f"on_{type(one).__name__}")(one)

    def scoped(self, statements: Any, **names: Any) -> None:
        self.names.append(dict(names))
        try:
            self.play(statements)
        finally:
            self.names.pop()

    def on_Include(self, node: Any) -> None:
        self.play(standard().statements)

    def on_QubitDeclaration(self, node: Any) -> None:
        self.names[-1][node.qubit.name] = self.add(1 if node.size is None else plain(self.value(node.size)))

    def on_QuantumGateDefinition(self, node: Any) -> None:
        self.names[-1][node.name.name] = node

    on_SubroutineDefinition = on_QuantumGateDefinition

    def on_ClassicalDeclaration(self, node: Any) -> None:
        if type(node.type).__name__ == "ArrayType":
            parts = [
                Var(node.type.base_type, self.cast(node.type.base_type, self.value(v)))
                for v in node.init_expression.values
            ]
            self.names[-1][node.identifier.name] = parts
            return
        first = node.init_expression
        zero = self.zero(node.type)
        self.names[-1][node.identifier.name] = Var(
            node.type, zero if first is None else self.cast(node.type, self.value(first))
        )

    def on_ConstantDeclaration(self, node: Any) -> None:
        self.names[-1][node.identifier.name] = Var(node.type, self.cast(node.type, self.value(node.init_expression)))

    def zero(self, kind: Any) -> Any:
        if type(kind).__name__ == "BitType" and kind.size is not None:
            return [0] * plain(self.value(kind.size))
        return self.cast(kind, 0 if type(kind).__name__ != "AngleType" else 0.0)

    def on_AliasStatement(self, node: Any) -> None:
        self.names[-1][node.target.name] = self.operand(node.value)

    def on_ClassicalAssignment(self, node: Any) -> None:
        value = self.value(node.rvalue)
        if node.op.name != "=":
            value = self.operate(node.op.name[:-1], self.value(node.lvalue), value)
        self.store(node.lvalue, value)

    def store(self, target: Any, value: Any) -> None:
        if type(target).__name__ == "Identifier":
            found = self.find(target.name)
            found.value = self.cast(found.type, value)
            return
        found = self.find(target.name.name)
        index = target.indices[0][0]
        if isinstance(found, list):
            part = found[plain(self.value(index))]
            part.value = self.cast(part.type, value)
        elif isinstance(found.value, W):
            place = plain(self.value(index)) % (found.value.bits or 1)
            bit = int(truth(value))
            found.value = W(
                found.value.value & ~(1 << place) | bit << place, found.value.kind, found.value.bits
            ).wrapped()
        else:
            places = self.places(index, len(found.value))
            bits = list(value) if isinstance(value, list) else [int(truth(value))]
            changed = list(found.value)
            for place, bit in zip(places, bits, strict=True):
                changed[place] = bit
            found.value = changed

    def on_QuantumMeasurementStatement(self, node: Any) -> None:
        bits = self.value(node.measure)
        if node.target is not None:
            self.store(node.target, bits)

    def on_QuantumReset(self, node: Any) -> None:
        for qubit in self.operand(node.qubits):
            self.reset(qubit)

    def on_QuantumBarrier(self, node: Any) -> None:
        pass

    on_DelayInstruction = on_QuantumBarrier

    def on_Box(self, node: Any) -> None:
        self.play(node.body)

    def on_CompoundStatement(self, node: Any) -> None:
        self.scoped(node.statements)

    def on_ExpressionStatement(self, node: Any) -> None:
        self.value(node.expression)

    def on_BranchingStatement(self, node: Any) -> None:
        self.scoped(node.if_block if truth(self.value(node.condition)) else node.else_block)

    def on_SwitchStatement(self, node: Any) -> None:
        target = plain(self.value(node.target))
        for values, body in node.cases:
            if target in [plain(self.value(one)) for one in values]:
                self.scoped(body.statements)
                return
        if node.default is not None:
            self.scoped(node.default.statements)

    def on_ForInLoop(self, node: Any) -> None:
        kind, over = type(node.set_declaration).__name__, node.set_declaration
        if kind == "RangeDefinition":
            start, end = plain(self.value(over.start)), plain(self.value(over.end))
            step = 1 if over.step is None else plain(self.value(over.step))
            values: list[Any] = list(range(start, end + (1 if step > 0 else -1), step))
        elif kind == "DiscreteSet":
            values = [self.value(one) for one in over.values]
        else:
            values = list(self.value(over))
        for value in values:
            try:
                self.scoped(node.block, **{node.identifier.name: Var(node.type, self.cast(node.type, value))})
            except Left as left:
                if left.kind == "break":
                    return
                if left.kind != "continue":
                    raise

    def on_WhileLoop(self, node: Any) -> None:
        while truth(self.value(node.while_condition)):
            try:
                self.scoped(node.block)
            except Left as left:
                if left.kind == "break":
                    return
                if left.kind != "continue":
                    raise

    def on_BreakStatement(self, node: Any) -> None:
        raise Left("break")

    def on_ContinueStatement(self, node: Any) -> None:
        raise Left("continue")

    def on_EndStatement(self, node: Any) -> None:
        raise Left("end")

    def on_ReturnStatement(self, node: Any) -> None:
        raise Left("return", None if node.expression is None else self.value(node.expression))

    # --- gates ---

    def on_QuantumGate(self, node: Any) -> None:
        operands = [self.operand(one) for one in node.qubits]
        params = [as_float(self.value(one)) for one in node.arguments]
        size = max(map(len, operands))
        for k in range(size):
            qubits = [one[k if len(one) > 1 else 0] for one in operands]
            self.apply(self.modified(node, node.name.name, params, len(qubits)), qubits)

    def on_QuantumPhase(self, node: Any) -> None:
        qubits = [self.operand(one)[0] for one in node.qubits]
        self.apply(self.modified(node, "gphase", [as_float(self.value(node.argument))], len(qubits)), qubits)

    def modified(self, node: Any, name: str, params: list[float], size: int) -> Complex:
        inner = size
        for one in node.modifiers:
            if one.modifier.name in ("ctrl", "negctrl"):
                inner -= 1 if one.argument is None else plain(self.value(one.argument))
        matrix = self.matrix(name, params, inner)
        for one in reversed(node.modifiers):
            match one.modifier.name:
                case "inv":
                    matrix = matrix.conj().T
                case "pow":
                    exponent = self.value(one.argument)
                    matrix = powered(matrix, exponent if isinstance(exponent, float) else plain(exponent))
                case kind:
                    for _ in range(1 if one.argument is None else plain(self.value(one.argument))):
                        matrix = controlled(matrix, kind == "ctrl")
        return matrix

    def matrix(self, name: str, params: list[float], size: int) -> Complex:
        if name == "gphase":
            return np.full((1, 1), cmath.exp(1j * params[0]))
        if name == "U":
            t, p, m = params
            a, b = 1 + cmath.exp(1j * t), 1 - cmath.exp(1j * t)
            rows = [a, -1j * cmath.exp(1j * m) * b], [1j * cmath.exp(1j * p) * b, cmath.exp(1j * (p + m)) * a]
            return np.asarray(np.array(rows) / 2, dtype=complex)
        gate = self.find(name)
        inner = Shot(())
        inner.names = [*self.names[:1], dict(zip((one.name for one in gate.arguments), params, strict=True))]
        made = np.eye(2**size, dtype=complex)
        places = {one.name: k for k, one in enumerate(gate.qubits)}
        for one in gate.body:
            if type(one).__name__ == "QuantumBarrier":
                continue
            where = [places[q.name] for q in one.qubits]
            if type(one).__name__ == "QuantumPhase":
                part = inner.modified(one, "gphase", [as_float(inner.value(one.argument))], len(where))
            else:
                part = inner.modified(one, one.name.name, [as_float(inner.value(a)) for a in one.arguments], len(where))
            made = embedded(part, where, size) @ made
        return made

    # --- operands and values ---

    def places(self, index: Any, size: int) -> list[int]:
        match type(index).__name__:
            case "RangeDefinition":
                step = 1 if index.step is None else plain(self.value(index.step))
                start = 0 if index.start is None else plain(self.value(index.start)) % size
                end = size - 1 if index.end is None else plain(self.value(index.end)) % size
                return list(range(start, end + (1 if step > 0 else -1), step))
            case "DiscreteSet":
                return [plain(self.value(one)) % size for one in index.values]
            case _:
                return [plain(self.value(index)) % size]

    def operand(self, node: Any) -> list[int]:
        match type(node).__name__:
            case "Identifier":
                return list(self.find(node.name))
            case "Concatenation":
                return self.operand(node.lhs) + self.operand(node.rhs)
            case "IndexedIdentifier":
                base, index = self.find(node.name.name), node.indices[0]
            case _:
                base, index = self.operand(node.collection), node.index
        return [base[k] for k in self.places(index[0] if isinstance(index, list) else index, len(base))]

    def value(self, node: Any) -> Any:
        match type(node).__name__:
            case "IntegerLiteral":
                return W(node.value, "int")
            case "FloatLiteral":
                return float(node.value)
            case "BooleanLiteral":
                return int(node.value)
            case "BitstringLiteral":
                return [node.value >> i & 1 for i in range(node.width)]
            case "Identifier":
                found = self.find(node.name)
                return found.value if isinstance(found, Var) else found
            case "QuantumMeasurement":
                bits = [self.measure(qubit) for qubit in self.operand(node.qubit)]
                single = len(bits) == 1 and not self.is_register(node.qubit)
                return bits[0] if single else bits
            case "IndexExpression" | "IndexedIdentifier":
                return self.element(node)
            case "UnaryExpression":
                return unary(node.op.name, self.value(node.expression))
            case "BinaryExpression":
                if node.op.name in ("&&", "||"):
                    left = truth(self.value(node.lhs))
                    return int(truth(self.value(node.rhs))) if left == (node.op.name == "&&") else int(left)
                return self.operate(node.op.name, self.value(node.lhs), self.value(node.rhs))
            case "Cast":
                return self.cast(node.type, self.value(node.argument))
            case "Concatenation":
                return [*self.value(node.rhs), *self.value(node.lhs)]
            case "FunctionCall":
                return self.call(node)
            case other:
                raise AssertionError(other)

    def is_register(self, node: Any) -> bool:
        found = self.find(node.name) if type(node).__name__ == "Identifier" else None
        return type(node).__name__ != "IndexedIdentifier" and found is not None and len(found) > 1

    def element(self, node: Any) -> Any:
        if type(node).__name__ == "IndexedIdentifier":
            found, index = self.find(node.name.name), node.indices[0]
        else:
            inner = node.collection
            found = self.find(inner.name) if type(inner).__name__ == "Identifier" else self.value(inner)
            index = node.index
        index = index[0] if isinstance(index, list) else index
        if isinstance(found, list) and found and isinstance(found[0], Var):
            return found[plain(self.value(index))].value
        value = found.value if isinstance(found, Var) else found
        bits = bits_of(value)
        chosen = [bits[k] for k in self.places(index, len(bits))]
        return chosen if type(index).__name__ in ("RangeDefinition", "DiscreteSet") else chosen[0]

    def operate(self, sign: str, a: Any, b: Any) -> Any:
        return operate(sign, a, b)

    def call(self, node: Any) -> Any:
        name = node.name.name
        if name in FUNCTIONS:
            return FUNCTIONS[name](*map(self.value, node.arguments))
        found = self.find(name)
        scope: dict[str, Any] = {}
        for wanted, given in zip(found.arguments, node.arguments, strict=True):
            if type(wanted).__name__ == "QuantumArgument":
                scope[wanted.name.name] = self.operand(given)
            else:
                scope[wanted.name.name] = Var(wanted.type, self.cast(wanted.type, self.value(given)))
        outer, self.names = self.names, [self.names[0], scope]
        try:
            self.play(found.body)
        except Left as left:
            if left.kind != "return":
                raise
            return None if found.return_type is None else self.cast(found.return_type, left.value)
        finally:
            self.names = outer
        return None

    def cast(self, kind: Any, value: Any) -> Any:
        name = type(kind).__name__
        size = None if getattr(kind, "size", None) is None else plain(self.value(kind.size))
        match name:
            case "BoolType":
                return int(truth(value))
            case "BitType" if size is None:
                return int(truth(value)) if not isinstance(value, W) else value.value & 1
            case "BitType":
                return (bits_of(value) + [0] * (size or 0))[:size]
            case "FloatType":
                return as_float(value)
            case "AngleType":
                return to_angle(value, size)
            case _:
                return to_whole(value, "int" if name == "IntType" else "uint", size)


@lru_cache(maxsize=1)
def standard() -> Any:
    import openqasm3

    return openqasm3.parse(STDGATES)


def powered(matrix: Complex, exponent: float) -> Complex:
    if isinstance(exponent, int):
        return np.asarray(np.linalg.matrix_power(matrix, exponent))
    values, vectors = np.linalg.eig(matrix)
    phases = np.where(np.abs(np.abs(np.angle(values)) - np.pi) < 1e-12, np.pi, np.angle(values))
    return np.asarray(vectors @ np.diag(np.exp(1j * exponent * phases)) @ np.linalg.inv(vectors))


def controlled(matrix: Complex, one: bool) -> Complex:
    made = np.eye(2 * len(matrix), dtype=complex)
    begin = len(matrix) if one else 0
    made[begin : begin + len(matrix), begin : begin + len(matrix)] = matrix
    return made


def embedded(matrix: Complex, where: list[int], size: int) -> Complex:
    shot = Shot(())
    shot.state = np.eye(2**size, dtype=complex).reshape((2,) * 2 * size)
    shot.apply(matrix, where)
    return shot.state.reshape(2**size, 2**size)


# --- numbers ---


def plain(value: Any) -> int:
    if isinstance(value, list):
        return sum(bit << i for i, bit in enumerate(value))
    return value.value if isinstance(value, W) else int(value)


def truth(value: Any) -> bool:
    return bool(value if isinstance(value, float) else plain(value))


def as_float(value: Any) -> float:
    if isinstance(value, W) and value.kind == "angle":
        return float(value.value * math.tau / 2 ** (value.bits or 0))
    return value if isinstance(value, float) else float(plain(value))


def bits_of(value: Any) -> list[int]:
    if isinstance(value, list):
        return list(value)
    if isinstance(value, W):
        return [value.value >> i & 1 for i in range(64 if value.bits is None else value.bits)]
    return [int(value)]


def to_angle(value: Any, size: int | None) -> Any:
    if size is None:
        return as_float(value) % math.tau
    if isinstance(value, list):
        return W(plain(value), "angle", size)
    return (
        value
        if isinstance(value, W) and value.kind == "angle"
        else W(math.floor(as_float(value) / math.tau * 2**size + 0.5), "angle", size).wrapped()
    )


def to_whole(value: Any, kind: str, size: int | None) -> W:
    return W(int(value) if isinstance(value, float) else plain(value), kind, size).wrapped()


def unary(sign: str, value: Any) -> Any:
    if sign == "!":
        return int(not truth(value))
    if sign == "-":
        return -value if isinstance(value, float) else W(-plain(value), value.kind, value.bits).wrapped()
    if isinstance(value, list):
        return [1 - bit for bit in value]
    return W(~value.value, value.kind, value.bits).wrapped() if isinstance(value, W) else 1 - value


def operate(sign: str, a: Any, b: Any) -> Any:
    if sign in ("==", "!=", "<", ">", "<=", ">="):
        x, y = (as_float(v) for v in (a, b))
        return int({"==": x == y, "!=": x != y, "<": x < y, ">": x > y, "<=": x <= y, ">=": x >= y}[sign])
    if sign in ("&", "|", "^"):
        made = [{"&": x & y, "|": x | y, "^": x ^ y}[sign] for x, y in zip(bits_of(a), bits_of(b), strict=False)]
        if isinstance(a, list) or isinstance(b, list):
            return made
        if isinstance(a, W):
            return W(plain(made), a.kind, a.bits).wrapped()
        return made[0]
    if sign in ("<<", ">>"):
        return shifted(a, plain(b) if sign == "<<" else -plain(b))
    angles = [isinstance(v, W) and v.kind == "angle" for v in (a, b)]
    if isinstance(a, float) or isinstance(b, float) or (sign in ("+", "-") and any(angles) and not all(angles)):
        x, y = as_float(a), as_float(b)
        return of_floats(sign, x, y)
    return whole(sign, a, b)


def of_floats(sign: str, x: float, y: float) -> float:
    match sign:
        case "+":
            return x + y
        case "-":
            return x - y
        case "*":
            return x * y
        case "/":
            return x / y
        case "%":
            return math.fmod(x, y)
        case _:
            return float(x**y)


def whole(sign: str, a: Any, b: Any) -> W:
    x, y = plain(a), plain(b)
    made = {"+": x + y, "-": x - y, "*": x * y}.get(sign)
    if sign == "**":
        made = x**y
    if sign == "/":
        made = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    if sign == "%":
        made = abs(x) % abs(y) * (1 if x >= 0 else -1)
    assert made is not None
    typed = [v for v in (a, b) if isinstance(v, W) and v.bits is not None] or [v for v in (a, b) if isinstance(v, W)]
    if not typed or (
        any(isinstance(v, W) and v.bits is None for v in (a, b))
        and not any(isinstance(v, W) and v.kind == "angle" for v in (a, b))
    ):
        return W(made, "int")
    first = max(typed, key=lambda v: ((v.kind == "angle"), v.bits or 0))
    return W(made, first.kind, first.bits).wrapped()


def shifted(value: Any, by: int) -> Any:
    if isinstance(value, list):
        size = len(value)
        return ([0] * by + value)[:size] if by >= 0 else (value[-by:] + [0] * -by)[:size]
    return W(value.value << by if by >= 0 else value.value >> -by, value.kind, value.bits).wrapped()


FUNCTIONS: dict[str, Any] = {
    "sin": lambda x: math.sin(as_float(x)), "cos": lambda x: math.cos(as_float(x)),
    "arctan": lambda x: math.atan(as_float(x)), "arcsin": lambda x: math.asin(as_float(x)),
    "exp": lambda x: math.exp(as_float(x)),
    "sqrt": lambda x: math.sqrt(as_float(x)), "floor": lambda x: float(math.floor(as_float(x))),
    "ceiling": lambda x: float(math.ceil(as_float(x))),
    "mod": lambda a, b: operate("%", a, b), "pow": lambda a, b: operate("**", a, b),
    "popcount": lambda x: W(sum(bits_of(x)), "uint"),
    "rotl": lambda x, n: rotated(x, plain(n)), "rotr": lambda x, n: rotated(x, -plain(n)),
}  # fmt: skip


def rotated(value: Any, by: int) -> Any:
    bits = bits_of(value)
    by %= len(bits)
    turned = bits[len(bits) - by :] + bits[: len(bits) - by]
    return turned if isinstance(value, list) else W(plain(turned), value.kind, value.bits).wrapped()


# --- distributions ---


def histories(text: str, kind: type[S], most: int = 4000) -> Iterator[S]:
    """Yield each history of a file, played to its end."""
    import openqasm3

    tree = openqasm3.parse(text)
    todo: list[tuple[int, ...]] = [()]
    for _ in range(most):
        shot = kind(todo.pop())
        try:
            shot.play(tree.statements)
        except Left as left:
            if left.kind != "end":
                raise
        todo += shot.open
        yield shot
        if not todo:
            return
    raise AssertionError(f"more than {most} histories")


def distribution(text: str) -> tuple[tuple[str, ...], dict[tuple[float, ...], float]]:
    """Return the file's variables, bits of registers one by one as (name_i), and the chance of each of their values."""
    found: dict[tuple[float, ...], float] = defaultdict(float)
    names: tuple[str, ...] = ()
    for shot in histories(text, Shot):
        values = dict(finals(shot.names[0]))
        names = tuple(values)
        found[tuple(values.values())] += shot.chance
    return names, dict(found)


def finals(names: dict[str, Any]) -> Any:
    """Yield what the variables of a file hold, by name."""
    for name, found in names.items():
        if not isinstance(found, Var):
            continue
        if isinstance(found.value, list):
            yield from ((f"{name}_{i}", float(bit)) for i, bit in enumerate(found.value))
        else:
            yield name, float(found.value.value if isinstance(found.value, W) else found.value)
