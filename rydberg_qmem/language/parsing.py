"""From the text of an expression to functions over all branches: a whitelist on Python's grammar.

Nothing is ever handed to `eval`, `exec` or `compile`: the text is parsed to a tree, each node of the tree is
looked up in a fixed table, and what the table does not hold is refused with its column.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite, pi
from typing import Any, NoReturn

import numpy as np

from rydberg_qmem.errors import did_you_mean
from rydberg_qmem.language.arithmetic import (
    BINARY,
    COMPARE,
    ELEMENTWISE,
    FUNCTIONS,
    RANDOM,
    RESERVED,
    SEVERAL,
    UNARY,
    Array,
    every,
    some,
)
from rydberg_qmem.language.evaluation import (
    ExpressionError,
    Run,
    column_of,
    element_of,
    elementwise,
    ensemble_mean,
    plain_value,
    random_numbers,
    reduced,
)
from rydberg_qmem.language.syntax import (
    MAX_INTEGER,
    WRITTEN,
    SyntaxLimits,
    check_length,
    position_of,
    simplest,
    tree_of,
    unparsed,
)

MAX_EXPONENT = 8


@dataclass(frozen=True, eq=False)
class Parsed:
    """All that is known of a text: its value, the function it stands for, and what that reads."""

    value: int | float | str
    run: Run
    names: frozenset[str]
    columns: frozenset[tuple[str, str]]
    functions: frozenset[str]
    placeholders: frozenset[str]
    terms: int


@lru_cache(maxsize=4096)
def parsed(text: str, limits: SyntaxLimits = WRITTEN) -> Parsed:
    """Return all that is known of a text, which is parsed once."""
    tree, terms = tree_of(text, limits)
    compiler = _Compiler(text)
    run = compiler.compile(tree)
    literal = _literal(tree)
    value = unparsed(tree) if literal is None else simplest(literal)
    if isinstance(value, str):
        check_length(value, limits)
        if isinstance(tree, ast.Name) and compiler.placeholders:
            raise ExpressionError(text, f"{value} stands for a name, not for a value: write key.{value}", 1)
    return Parsed(
        value,
        run,
        frozenset(compiler.names),
        frozenset(compiler.columns),
        frozenset(compiler.functions),
        frozenset(compiler.placeholders),
        terms,
    )


def _outcomes_read(argument: ast.expr) -> tuple[tuple[str, str], ...]:
    """Return what may be outcomes in a part of an expression: (key, atom), and (name, "") for a name alone."""
    columns = {
        (inner.value.id, inner.attr)
        for inner in ast.walk(argument)
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name)
    }
    owners = {id(inner.value) for inner in ast.walk(argument) if isinstance(inner, ast.Attribute)}
    names = {(n.id, "") for n in ast.walk(argument) if isinstance(n, ast.Name) and id(n) not in owners}
    return tuple(sorted(columns | names))


def _literal(tree: ast.expr) -> int | float | None:
    match tree:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.UnaryOp(op=ast.UAdd(), operand=ast.Constant(value=int() | float() as number)):
            return number
        case _:
            return None


class _Compiler:
    """Turns a tree into nested functions, and notes what it reads on the way."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self.functions: set[str] = set()
        self.placeholders: set[str] = set()

    def refuse(self, node: ast.AST, rule: str) -> NoReturn:
        raise ExpressionError(self.text, rule, position_of(self.text, node))

    def compile(self, node: ast.AST) -> Run:
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name():
                return self.name(node)
            case ast.Attribute():
                return self.column(node)
            case ast.Subscript():
                return self.element(node)
            case ast.Call():
                return self.call(node)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
                return elementwise(UNARY[type(op)], [self.compile(operand)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                if isinstance(op, ast.Pow):
                    self.check_exponent(right)
                return elementwise(BINARY[type(op)], [self.compile(left), self.compile(right)])
            case ast.BoolOp(op=op, values=values):
                connective = every if isinstance(op, ast.And) else some
                return elementwise(connective, [self.compile(part) for part in values])
            case ast.Compare():
                return self.comparison(node)
            case _:
                self.refuse(node, f"{_SPOKEN.get(type(node), type(node).__name__)} may not stand here: {_LANGUAGE}")

    def constant(self, node: ast.Constant) -> Run:
        number = node.value
        if isinstance(number, bool):
            self.refuse(node, "True and False are not values: write 1 or 0")
        if not isinstance(number, int | float):
            self.refuse(node, f"must hold only real numbers, not {type(number).__name__}")
        if isinstance(number, float) and not isfinite(number):
            self.refuse(node, "numbers must be finite")
        if isinstance(number, int) and number > MAX_INTEGER:
            self.refuse(node, "integers must lie within ±10**15")
        value = np.asarray(float(number))
        return lambda frame: value

    def read(self, node: ast.AST) -> str:
        """Return the name that is read, noting it."""
        if not isinstance(node, ast.Name):
            self.refuse(node, "a dot or an index may only follow a name")
        if node.id in RESERVED:
            self.refuse(node, f"{node.id} is a {'constant' if node.id == 'pi' else 'function'}, not a variable")
        if node.id.startswith("_"):
            self.placeholders.add(node.id[1:])
        else:
            self.names.add(node.id)
        return node.id

    def name(self, node: ast.Name) -> Run:
        if node.id == "pi":
            value = np.asarray(pi)
            return lambda frame: value
        name = self.read(node)
        return lambda frame: plain_value(frame, name)

    def column(self, node: ast.Attribute) -> Run:
        key, atom = self.read(node.value), node.attr
        if atom.startswith("_"):
            self.placeholders.add(atom[1:])
        elif not key.startswith("_"):
            self.columns.add((key, atom))
        return lambda frame: column_of(frame, key, atom)

    def element(self, node: ast.Subscript) -> Run:
        name = self.read(node.value)
        match node.slice:
            case ast.Constant(value=int() as index) if index is not True and index is not False:
                at, position = index, position_of(self.text, node.slice)
            case _:
                self.refuse(node.slice, "the index of a window must be a whole number, 0 or more, written out")
        return lambda frame: element_of(frame, name, at, position)

    def call(self, node: ast.Call) -> Run:
        if not isinstance(node.func, ast.Name):
            self.refuse(node, "only functions of the table may be called")
        name = node.func.id
        if name not in FUNCTIONS:
            self.refuse(node, f"there is no function {name!r}{did_you_mean(name, sorted(FUNCTIONS))}")
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            self.refuse(node, f"{name} takes its arguments by position")
        self.check_arity(node, name)
        self.functions.add(name)
        parts = [self.compile(argument) for argument in node.args]
        position = position_of(self.text, node)
        if name in RANDOM:
            return lambda frame: random_numbers(frame, name)
        if name == "ensemble_mean":
            read = _outcomes_read(node.args[0])
            return lambda frame: ensemble_mean(frame, parts[0](frame), position, read)
        if name in ELEMENTWISE:
            return elementwise(ELEMENTWISE[name][1], parts)
        if len(parts) > 1:
            return elementwise(SEVERAL[name], parts)
        return lambda frame: reduced(frame, name, parts[0](frame), position)

    def check_arity(self, node: ast.Call, name: str) -> None:
        count = len(node.args)
        if name in SEVERAL:
            if not count:
                self.refuse(node, f"{name} takes one window, or two values and more")
            return
        wanted = 0 if name in RANDOM else ELEMENTWISE[name][0] if name in ELEMENTWISE else 1
        if count != wanted:
            self.refuse(node, f"{name} takes {wanted or 'no'} argument{'' if wanted == 1 else 's'}, but has {count}")

    def check_exponent(self, node: ast.expr) -> None:
        exponent = _literal(node)
        if exponent is None:
            self.refuse(node, "an exponent must be a number written out; use exp and log for others")
        if abs(exponent) > MAX_EXPONENT:
            self.refuse(node, f"an exponent must lie within ±{MAX_EXPONENT}")

    def comparison(self, node: ast.Compare) -> Run:
        for operator in node.ops:
            if type(operator) not in COMPARE:
                self.refuse(node, f"{_SPOKEN.get(type(operator), 'this comparison')} may not stand here")
        compare = [COMPARE[type(operator)] for operator in node.ops]

        def chain(*values: Array) -> Any:
            return every(*(sign(left, right) for sign, left, right in zip(compare, values, values[1:], strict=False)))

        return elementwise(chain, [self.compile(part) for part in (node.left, *node.comparators)])


_LANGUAGE = "only numbers, names, key.atom, window[0], arithmetic, comparisons, and/or/not and functions may"
_SPOKEN: dict[type[ast.AST], str] = {
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a generator",
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: "an assignment",
    ast.Lambda: "a lambda",
    ast.IfExp: "if/else (write where(condition, yes, no))",
    ast.Tuple: "a tuple",
    ast.List: "a list",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.Starred: "a star",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.BinOp: "this operator (use + - * / // %, and ** for a power)",
    ast.UnaryOp: "this operator (use + - not)",
    ast.Is: "`is` (write ==)",
    ast.IsNot: "`is not` (write !=)",
    ast.In: "`in`",
    ast.NotIn: "`not in`",
}
