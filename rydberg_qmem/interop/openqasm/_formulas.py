"""Expressions of a program as OpenQASM 3 has them: floats throughout, outcomes as bits, comparisons as bools."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.interop.openqasm._values import literal
from rydberg_qmem.language.expressions import Expression

Kind = Literal["float", "bit", "bool"]
SAME = {"sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "exp": "exp",
        "log": "log", "sqrt": "sqrt", "floor": "floor"}  # fmt: skip
COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@dataclass(frozen=True)
class Names:
    """How names are written: memory, parameters and counters; windows and outcomes by their parts; columns of keys."""

    plain: Mapping[str, str]
    parts: Mapping[str, tuple[str, ...]]
    columns: Mapping[tuple[str, str], str]
    bits: frozenset[str]
    fresh: Callable[[str], str]


class _Written:
    """Writes one expression; `place` is that of the block that it stands in.

    OpenQASM has no choice within an expression: it is made before, in `lines`.
    """

    def __init__(self, names: Names, place: str, text: str) -> None:
        self.names, self.place, self.text = names, place, text
        self.lines: list[str] = []

    def chosen(self, first: str, *cases: tuple[str, str]) -> str:
        """Return a variable that is `first`, or what the last case that holds gives; `{0}` there is its name."""
        name = self.names.fresh("tmp")
        self.lines.append(f"float[64] {name} = {first};")
        self.lines += [f"if ({case.format(name)}) {{ {name} = {value.format(name)}; }}" for case, value in cases]
        return name

    def refuse(self, what: str) -> CapabilityError:
        return CapabilityError(
            f"{self.place}: OpenQASM has no {what} ({self.text}): keep what it gives in memory by other blocks, or set "
            "the value before the export"
        )

    def number(self, node: ast.expr) -> str:
        """Return a node as a float."""
        text, kind = self.any(node)
        if kind == "float":
            return text
        return f"float[64]({text})" if kind == "bool" else f"float[64](bool({text}))"

    def truth(self, node: ast.expr) -> str:
        """Return whether a node is not 0."""
        text, kind = self.any(node)
        return f"({text} != 0)" if kind == "float" else text  # OpenQASM takes a bit for a bool

    def any(self, node: ast.expr) -> tuple[str, Kind]:
        match node:
            case ast.Constant(value=int() | float() as value):
                return literal(float(value)), "float"
            case ast.Name(id="pi"):
                return "pi", "float"
            case ast.Name(id=name) if name in self.names.plain:
                return self.names.plain[name], "bit" if name in self.names.bits else "float"
            case ast.Attribute(value=ast.Name(id=key), attr=atom):
                return self.names.columns[key, atom], "bit"
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int() as index)):
                return self.names.parts[name][index], "float"
            case ast.UnaryOp(op=op, operand=operand):
                return self.unary(op, operand)
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(left, op, right), "float"
            case ast.BoolOp(op=op, values=values):
                sign = " && " if isinstance(op, ast.And) else " || "
                return f"({sign.join(map(self.truth, values))})", "bool"
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self.compared(left, ops, others), "bool"
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.called(name, args), "float"
            case _:
                raise self.refuse(f"{type(node).__name__} in expressions")

    def unary(self, op: ast.unaryop, operand: ast.expr) -> tuple[str, Kind]:
        if isinstance(op, ast.Not):
            return f"(!{self.truth(operand)})", "bool"
        text = self.number(operand)
        return (f"(-{text})" if isinstance(op, ast.USub) else text), "float"

    def binary(self, left: ast.expr, op: ast.operator, right: ast.expr) -> str:
        a, b = self.number(left), self.number(right)
        match op:
            case ast.FloorDiv():
                return f"floor({a} / {b})"
            case ast.Mod():
                return f"({a} - floor({a} / {b}) * {b})"
            case ast.Pow():
                return f"({a} ** {b})"
            case _:
                return f"({a} {BINARY[type(op)]} {b})"

    def compared(self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr]) -> str:
        sides = [left, *others]
        each = [self.pair(a, op, b) for a, op, b in zip(sides, ops, others, strict=False)]
        return each[0] if len(each) == 1 else f"({' && '.join(each)})"

    def pair(self, a: ast.expr, op: ast.cmpop, b: ast.expr) -> str:
        """Return one comparison; that of a bit with 0 or 1 as the bit or its opposite, which any reader knows."""
        match op, b:
            case ast.Eq() | ast.NotEq(), ast.Constant(value=0 | 1 as value):
                text, kind = self.any(a)
                if kind == "bit":
                    return text if isinstance(op, ast.Eq) == bool(value) else f"(!{text})"
        return f"({self.number(a)} {COMPARE[type(op)]} {self.number(b)})"

    def called(self, name: str, args: list[ast.expr]) -> str:
        if name in SAME:
            return f"{SAME[name]}({self.number(args[0])})"
        if name in ("mean", "sum", "min", "max"):
            return self.reduced(name, args)
        parts = list(map(self.number, args)) if name != "where" else [self.truth(args[0]), *map(self.number, args[1:])]
        match name, parts:
            case "where", (c, a, b):
                return self.chosen(b, (c, a))
            case "clip", (x, low, high):
                return self.chosen(x, (f"{{0}} < {low}", low), (f"{{0}} > {high}", high))
            case "sign", (x,):
                return self.chosen("0", (f"{x} > 0", "1"), (f"{x} < 0", "-1"))
            case "abs", (x,):
                return self.chosen(x, ("{0} < 0", "-{0}"))
            case "tanh", (x,):
                return f"(1.0 - 2.0 / (exp(2.0 * {x}) + 1.0))"
            case "round", (x,):
                raise self.refuse("round to even")
            case "ceil", (x,):
                return f"ceiling({x})"
            case _:
                raise self.refuse(f"function {name}")

    def reduced(self, name: str, args: list[ast.expr]) -> str:
        if len(args) == 1 and isinstance(args[0], ast.Name) and args[0].id in self.names.parts:
            parts = list(self.names.parts[args[0].id])
        elif name in ("min", "max") or len(args) == 1:
            parts = list(map(self.number, args))
        else:
            raise self.refuse(f"{name} of several values")
        if name in ("mean", "sum"):
            total = f"({' + '.join(parts)})"
            return total if name == "sum" else f"({total} / {len(parts)}.0)"
        sign = "<" if name == "min" else ">"
        return self.chosen(parts[0], *((f"{part} {sign} {{0}}", part) for part in parts[1:]))


def number_text(expression: Expression, names: Names, place: str) -> tuple[str, list[str]]:
    """Return an expression as a float of OpenQASM, and the lines before it; CapabilityError for what cannot be said."""
    if expression.is_constant:
        value = expression.evaluate({})
        assert isinstance(value, float)  # an expression without names has one value
        return literal(int(value) if value == int(value) and abs(value) < 2**53 else value), []
    written = _Written(names, place, expression.text)
    return _bare(written.number(expression.tree)), written.lines


def truth_text(expression: Expression, names: Names, place: str) -> tuple[str, list[str]]:
    """Return an expression as a bool of OpenQASM, and the lines before it."""
    written = _Written(names, place, expression.text)
    return _bare(written.truth(expression.tree)), written.lines


def _bare(text: str) -> str:
    """Return a text without the brackets around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for i, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[1:-1] if i == len(text) - 1 else text
    return text
