"""Feedforward expressions: a whitelist on Python's grammar, compiled to functions over all branches at once.

Nothing is ever handed to `eval`, `exec` or `compile`: the text is parsed to a tree, each node of the tree is
looked up in a fixed table, and what the table does not hold is refused with its column.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from math import isfinite, pi
from typing import Any, NoReturn, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError, core_schema

from rydberg_qmem.errors import InputError, RunError, did_you_mean, short

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """The largest size of an expression: characters, terms and depth of nesting."""

    length: int
    nodes: int
    depth: int


WRITTEN = Limits(length=2000, nodes=400, depth=40)
BOUND = Limits(length=20_000, nodes=800, depth=80)
"""Numbers put in the place of names may be longer than the names, and have a sign of their own."""
MAX_EXPONENT = 8
MAX_INTEGER = 10**15
ROUNDING = 1e-12
"""How far rounding may carry an argument of asin, acos or sqrt out of its domain."""


class ExpressionError(InputError):
    """An expression that is refused: the text, the rule, and the column (from 1) inside the text.

    >>> str(ExpressionError("2 +", "must not end here", 4))
    "must not end here ('2 +') at column 4"
    """

    def __init__(self, text: str, rule: str, column: int | None = None) -> None:
        self.text, self.rule, self.column = text, rule, column
        place = "" if column is None else f" at column {column}"
        super().__init__(f"{rule} ({short(text)}){place}")

    def __reduce__(self) -> tuple[type[ExpressionError], tuple[str, str, int | None]]:
        return type(self), (self.text, self.rule, self.column)


@dataclass(frozen=True, eq=False)
class Columns:
    """Outcomes kept under one key on one or several atoms, of shape (branch, atom).

    >>> Expression("m.b - m.a").evaluate({"m": Columns(("a", "b"), np.array([[0, 1], [1, 1]]))})
    array([1., 0.])
    """

    names: tuple[str, ...]
    values: NDArray[Any]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            shape = f"(branch, {len(self.names)})"
            raise RunError(f"columns {self.names} need values of shape {shape}, not {self.values.shape}")


class RandomSource(Protocol):
    """What gives the program's own random numbers, one per branch, of shape (branch,)."""

    def uniform(self) -> NDArray[Any]:
        """Return numbers uniform in [0, 1)."""

    def normal(self) -> NDArray[Any]:
        """Return numbers of the standard normal distribution."""


Scope = Mapping[str, "float | NDArray[Any] | Columns"]


class Expression:
    """A number, or a formula over parameters, inputs, memory and outcomes, the same for all branches.

    Two expressions are equal when their canonical texts are equal. To compare two *values* when the program
    runs, write the comparison as text, `Expression("a == b")`: the operator `==` compares the expressions
    themselves. Raises ExpressionError for anything outside the language.

    >>> angle = Expression("2*asin(sqrt( n_in ))")
    >>> angle
    Expression('2 * asin(sqrt(n_in))')
    >>> angle.evaluate({"n_in": np.array([0.0, 1.0])})
    array([0.        , 3.14159265])
    >>> Expression("24.0") == Expression(24)
    True
    """

    __slots__ = ("_parsed", "text", "value")
    __array_ufunc__ = None  # numpy numbers on the left leave the operators to this class

    text: str
    value: int | float | str
    _parsed: _Parsed

    def __init__(self, source: str | int | float | Expression) -> None:
        if isinstance(source, Expression):
            self._fill(source.text, source._parsed)
        elif isinstance(source, str):
            self._fill(source, _parsed(source))
        else:
            text = _number_text(source)
            self._fill(text, _parsed(text))

    def _fill(self, text: str, parsed: _Parsed) -> None:
        for name, value in (("text", text), ("value", parsed.value), ("_parsed", parsed)):
            object.__setattr__(self, name, value)

    @classmethod
    def _from_tree(cls, tree: ast.expr) -> Expression:
        """Return the expression of an accepted tree; bound numbers may make it longer than a text may be."""
        expression = cls.__new__(cls)
        text = _unparsed(tree)
        expression._fill(text, _parsed(text, BOUND))
        return expression

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an Expression cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an Expression cannot be changed: {name}")

    def __reduce__(self) -> tuple[Callable[[str], Expression], tuple[str]]:
        return _restored, (self.text,)

    @property
    def names(self) -> frozenset[str]:
        """Names read: parameters, inputs, memory, keys, counters; not functions, `pi` or placeholders."""
        return self._parsed.names

    @property
    def columns(self) -> frozenset[tuple[str, str]]:
        """Outcomes read as `key.atom`, as (key, atom)."""
        return self._parsed.columns

    @property
    def functions(self) -> frozenset[str]:
        """Names of the functions called."""
        return self._parsed.functions

    @property
    def placeholders(self) -> frozenset[str]:
        """Names written `$name`, without the sign."""
        return self._parsed.placeholders

    @property
    def is_random(self) -> bool:
        """Whether the expression draws random numbers."""
        return bool(self.functions & RANDOM)

    @property
    def uses_ensemble(self) -> bool:
        """Whether the expression averages over the shots of a cohort."""
        return "ensemble_mean" in self.functions

    @property
    def is_constant(self) -> bool:
        """Whether the expression has one value, whatever the scope."""
        return not (self.names or self.placeholders or self.is_random or self.uses_ensemble)

    def evaluate(
        self,
        scope: Scope,
        *,
        random: RandomSource | None = None,
        weights: NDArray[Any] | None = None,
        cohort_of: NDArray[np.int64] | None = None,
    ) -> float | Array:
        """Return the value for each branch, a float where it is the same for all.

        Values in `scope` are numbers, arrays (branch,), windows (branch, width), or Columns; `weights`
        (branch,) are those of `ensemble_mean`, taken within each of the cohorts that `cohort_of` (branch,) numbers
        from 0, or over all branches. The result may be inf or nan. Raises RunError for a name that
        is not in the scope, a missing random source or missing weights, ExpressionError for a window in the
        place of one value.

        >>> Expression("where(mean(seen) > 0.5, 1, -1)").evaluate({"seen": np.array([[1, 1, 0], [0, 0, 1]])})
        array([ 1., -1.])
        """
        if self.placeholders:
            names = ", ".join(f"${name}" for name in sorted(self.placeholders))
            raise RunError(f"{short(self.text)} still holds {names}: substitute it first")
        frame = _Frame(self.text, scope, random, weights, cohort_of)
        try:
            with np.errstate(all="ignore"):
                result = np.array(self._parsed.run(frame), dtype=float)
        except ValueError as error:
            raise RunError(f"{short(self.text)}: values of different lengths ({error})") from error
        if result.ndim > 1:
            rule = "must give one value, but gives a window: use mean, sum, min, max or [0]"
            raise ExpressionError(self.text, rule, 1)
        return result if result.ndim else float(result)

    def substitute(self, mapping: Mapping[str, str]) -> Expression:
        """Return the expression with each `$name` replaced by the name that `mapping` gives for it.

        >>> Expression("clicks.$atom == 1").substitute({"atom": "d0"})
        Expression('clicks.d0 == 1')
        """
        if not self.placeholders & mapping.keys():
            return self
        for name in self.placeholders & mapping.keys():
            if not _NAME.fullmatch(mapping[name]):
                raise ExpressionError(self.text, f"${name} must be replaced by a name, not by {short(mapping[name])}")
        return Expression(re.sub(r"\$(\w+)", lambda found: mapping.get(found[1], found[0]), self.text))

    def bind(self, values: Mapping[str, float]) -> Expression:
        """Return the expression with names replaced by numbers, folded to a number where no name is left.

        Raises ExpressionError where the number is not finite.

        >>> Expression("2 * period + k").bind({"period": 24})
        Expression('2 * 24 + k')
        >>> Expression("2 * period").bind({"period": 24}).value
        48
        """
        if isinstance(self.value, int | float):
            return self
        bound = self
        if self.names & values.keys():
            tree = _Binder(values).visit(ast.parse(_plain(self.text), mode="eval").body)
            bound = Expression._from_tree(cast(ast.expr, tree))
        if not bound.is_constant or isinstance(bound.value, int | float):
            return bound
        number = bound.evaluate({})
        if not isinstance(number, float) or not isfinite(number):
            raise ExpressionError(bound.text, f"must be a finite number, but is {number}")
        return Expression(number)

    def bernoulli(self) -> Expression | None:
        """Return the probability e of an expression `uniform() < e` (or <=, or turned round), else None.

        >>> Expression("uniform() < p / 2").bernoulli()
        Expression('p / 2')
        """
        match ast.parse(_plain(self.text), mode="eval").body:
            case ast.Compare(left=draw, ops=[ast.Lt() | ast.LtE()], comparators=[chance]) if _is_uniform(draw):
                pass
            case ast.Compare(left=chance, ops=[ast.Gt() | ast.GtE()], comparators=[draw]) if _is_uniform(draw):
                pass
            case _:
                return None
        probability = Expression._from_tree(chance)
        return None if probability.is_random else probability

    @property
    def tree(self) -> ast.expr:
        """The accepted tree, for passes that read it; `$name` is written `_name`."""
        return ast.parse(_plain(self.text), mode="eval").body

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"Expression({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self.value == other.value if isinstance(other, Expression) else NotImplemented

    def __hash__(self) -> int:
        return hash(("Expression", self.value))

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the truth of {self!r} is known only when the program runs: use it as the condition of a `when` "
            "block, or write and, or, not inside the text of one expression"
        )

    def __neg__(self) -> Expression:
        return Expression(f"-({self})")

    def __add__(self, other: Operand) -> Expression:
        return _joined(self, "+", other)

    def __radd__(self, other: Operand) -> Expression:
        return _joined(other, "+", self)

    def __sub__(self, other: Operand) -> Expression:
        return _joined(self, "-", other)

    def __rsub__(self, other: Operand) -> Expression:
        return _joined(other, "-", self)

    def __mul__(self, other: Operand) -> Expression:
        return _joined(self, "*", other)

    def __rmul__(self, other: Operand) -> Expression:
        return _joined(other, "*", self)

    def __truediv__(self, other: Operand) -> Expression:
        return _joined(self, "/", other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return _joined(other, "/", self)

    def __floordiv__(self, other: Operand) -> Expression:
        return _joined(self, "//", other)

    def __rfloordiv__(self, other: Operand) -> Expression:
        return _joined(other, "//", self)

    def __mod__(self, other: Operand) -> Expression:
        return _joined(self, "%", other)

    def __rmod__(self, other: Operand) -> Expression:
        return _joined(other, "%", self)

    def __pow__(self, other: Operand) -> Expression:
        return _joined(self, "**", other)

    def __rpow__(self, other: Operand) -> Expression:
        return _joined(other, "**", self)

    def __lt__(self, other: Operand) -> Expression:
        return _joined(self, "<", other)

    def __le__(self, other: Operand) -> Expression:
        return _joined(self, "<=", other)

    def __gt__(self, other: Operand) -> Expression:
        return _joined(self, ">", other)

    def __ge__(self, other: Operand) -> Expression:
        return _joined(self, ">=", other)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> core_schema.CoreSchema:
        serializer = core_schema.plain_serializer_function_ser_schema(lambda expression: expression.value)
        return core_schema.no_info_plain_validator_function(_validated, serialization=serializer)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return {"anyOf": [{"type": "number"}, {"type": "string", "maxLength": WRITTEN.length}]}


Operand = Expression | int | float


def _joined(left: Operand, sign: str, right: Operand) -> Expression:
    accepted = (Expression, int, float, np.integer, np.floating)
    if not all(isinstance(operand, accepted) for operand in (left, right)):
        return cast(Expression, NotImplemented)
    return Expression(str(Expression(f"({Expression(left)}) {sign} ({Expression(right)})")))


def _restored(text: str) -> Expression:
    expression = Expression.__new__(Expression)
    expression._fill(text, _parsed(text, BOUND))
    return expression


def _validated(value: object) -> Expression:
    try:
        return Expression(cast(str, value))
    except ExpressionError as error:
        template = "{rule}" if error.column is None else "{rule} at column {column}"
        raise PydanticCustomError("expression", template, {"rule": error.rule, "column": error.column}) from error


def _number_text(number: object) -> str:
    if isinstance(number, bool | np.bool_):
        raise ExpressionError(short(number), "must be a number or a text, not a truth value: write 1 or 0")
    if isinstance(number, int | np.integer):
        if abs(int(number)) > MAX_INTEGER:
            raise ExpressionError(short(number), "integers must lie within ±10**15")
        return str(int(number))
    if not isinstance(number, float | np.floating):
        raise ExpressionError(short(number), f"must be a number or a text, not {type(number).__name__}")
    if not isfinite(number):
        raise ExpressionError(short(number), "must be a finite number")
    return repr(_simplest(float(number)))


def _simplest(number: int | float) -> int | float:
    return int(number) if abs(number) <= MAX_INTEGER and number == int(number) else number


# --- from text to tree ---

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ILLEGAL = re.compile(r"[^\x20-\x7e\t\n\r]|[#\\`]")
_HIDDEN_NAME = re.compile(r"(?<![A-Za-z0-9_])_")
_STRAY_DOLLAR = re.compile(r"(?<=[A-Za-z0-9_])\$|\$(?![A-Za-z])")
_PLACEHOLDER = re.compile(r"(?<![A-Za-z0-9_])_(?=[A-Za-z])")


@dataclass(frozen=True, eq=False)
class _Parsed:
    value: int | float | str
    run: _Run
    names: frozenset[str]
    columns: frozenset[tuple[str, str]]
    functions: frozenset[str]
    placeholders: frozenset[str]


@lru_cache(maxsize=4096)
def _parsed(text: str, limits: Limits = WRITTEN) -> _Parsed:
    """Return all that is known of a text, which is parsed once."""
    tree = _tree(text, limits)
    compiler = _Compiler(text)
    run = compiler.compile(tree)
    literal = _literal(tree)
    value = _unparsed(tree) if literal is None else _simplest(literal)
    if isinstance(value, str):
        _check_length(value, limits)
        if isinstance(tree, ast.Name) and compiler.placeholders:
            raise ExpressionError(text, f"{value} stands for a name, not for a value: write key.{value}", 1)
    return _Parsed(
        value,
        run,
        frozenset(compiler.names),
        frozenset(compiler.columns),
        frozenset(compiler.functions),
        frozenset(compiler.placeholders),
    )


def _tree(text: str, limits: Limits) -> ast.expr:
    _check_characters(text, limits)
    column = len(text) - len(text.lstrip()) + 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # `1or 2` is a warning in one Python, an error in the next
            tree = ast.parse(_plain(text), mode="eval").body
    except SyntaxError as error:
        column = min(len(text), column - 1 + max(1, error.offset or 1))
        raise ExpressionError(text, f"is not an expression: {error.msg}", column) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError(text, "is nested too deeply", column) from None
    _check_size(text, tree, limits)
    return tree


def _check_length(text: str, limits: Limits) -> None:
    if len(text) > limits.length:
        rule = f"must have at most {limits.length} characters, but has {len(text)}"
        raise ExpressionError(text, rule, limits.length + 1)


def _check_characters(text: str, limits: Limits) -> None:
    _check_length(text, limits)
    if not text.strip():
        raise ExpressionError(text, "must not be empty", 1)
    for pattern, rule in (
        (_ILLEGAL, "may hold only ASCII letters, digits and signs of arithmetic"),
        (_HIDDEN_NAME, "may not hold names that begin with an underscore"),
        (_STRAY_DOLLAR, "$ must stand before a whole name, as in key.$atom"),
    ):
        found = pattern.search(text)
        if found:
            raise ExpressionError(text, rule, found.start() + 1)


def _check_size(text: str, tree: ast.expr, limits: Limits) -> None:
    """Count nodes and depth without recursion, before anything recursive touches the tree."""
    stack: list[tuple[ast.AST, int]] = [(tree, 1)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if depth > limits.depth:
            raise ExpressionError(text, f"must be nested at most {limits.depth} deep", _column(text, node))
        if count > limits.nodes:
            raise ExpressionError(text, f"must have at most {limits.nodes} terms", _column(text, node))
        stack.extend((child, depth + 1) for child in _parts(node))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    skipped = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
    return (child for child in ast.iter_child_nodes(node) if not isinstance(child, skipped))


def _plain(text: str) -> str:
    """Return the text as one line of Python, `$name` as `_name`: no other name begins with an underscore."""
    return re.sub(r"[\t\n\r]", " ", text).strip().replace("$", "_")


def _unparsed(tree: ast.expr) -> str:
    return _PLACEHOLDER.sub("$", ast.unparse(tree))


def _column(text: str, node: ast.AST) -> int:
    return len(text) - len(text.lstrip()) + int(getattr(node, "col_offset", 0)) + 1


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


def _is_uniform(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "uniform"


class _Binder(ast.NodeTransformer):
    """Puts numbers in the place of plain names; keys before a dot and windows before an index stay."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = values

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.args = [cast(ast.expr, self.visit(argument)) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.values:
            return node
        number = Expression(self.values[node.id]).value
        if isinstance(number, str):
            raise ExpressionError(number, f"{node.id} must be bound to a number")
        constant = ast.Constant(value=abs(number))
        return constant if number >= 0 else ast.UnaryOp(op=ast.USub(), operand=constant)


# --- from tree to functions ---


@dataclass(frozen=True, eq=False)
class _Frame:
    text: str
    scope: Scope
    random: RandomSource | None
    weights: NDArray[Any] | None
    cohort_of: NDArray[np.int64] | None = None


_Run = Callable[[_Frame], Array]

_UNARY: dict[type[ast.unaryop], Callable[..., Any]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Not: lambda x: np.equal(x, 0).astype(float),
}
_BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.remainder,
    ast.Pow: np.power,
}
_COMPARE: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


def _inside_one(x: Array) -> Array:
    size = np.abs(x)
    return x if (size <= 1).all() else np.where((size > 1) & (size <= 1 + ROUNDING), np.sign(x), x)


def _root(x: Array) -> Array:
    return np.sqrt(x if (x >= 0).all() else np.where((x < 0) & (x >= -ROUNDING), 0.0, x))


def _all(*values: Array) -> Any:
    return reduce(np.logical_and, values).astype(float)


def _any(*values: Array) -> Any:
    return reduce(np.logical_or, values).astype(float)


def _least(*values: Array) -> Any:
    return reduce(np.minimum, values)


def _greatest(*values: Array) -> Any:
    return reduce(np.maximum, values)


_ELEMENTWISE: dict[str, tuple[int, Callable[..., Any]]] = {
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "asin": (1, lambda x: np.arcsin(_inside_one(x))),
    "acos": (1, lambda x: np.arccos(_inside_one(x))),
    "atan": (1, np.arctan),
    "atan2": (2, np.arctan2),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "sqrt": (1, _root),
    "abs": (1, np.abs),
    "clip": (3, lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "where": (3, lambda condition, yes, no: np.where(np.not_equal(condition, 0), yes, no)),
    "floor": (1, np.floor),
    "sign": (1, np.sign),
    "tanh": (1, np.tanh),
}
_REDUCE: dict[str, Callable[..., Any]] = {
    "mean": lambda columns: sum(columns) / len(columns),
    "sum": sum,
    "min": lambda columns: reduce(np.minimum, columns),
    "max": lambda columns: reduce(np.maximum, columns),
}
"""Over the columns one by one: a row's result must not hang on how the rows lie in memory."""
_SEVERAL: dict[str, Callable[..., Any]] = {"min": _least, "max": _greatest}
RANDOM = frozenset({"uniform", "normal"})
FUNCTIONS = frozenset({*_ELEMENTWISE, *_REDUCE, *RANDOM, "ensemble_mean"})
RESERVED = FUNCTIONS | {"pi"}
"""Names that no parameter, input, memory variable or key may have."""


class _Compiler:
    """Turns a tree into nested functions, and notes what it reads on the way."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self.functions: set[str] = set()
        self.placeholders: set[str] = set()

    def refuse(self, node: ast.AST, rule: str) -> NoReturn:
        raise ExpressionError(self.text, rule, _column(self.text, node))

    def compile(self, node: ast.AST) -> _Run:
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
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return _elementwise(_UNARY[type(op)], [self.compile(operand)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                if isinstance(op, ast.Pow):
                    self.check_exponent(right)
                return _elementwise(_BINARY[type(op)], [self.compile(left), self.compile(right)])
            case ast.BoolOp(op=op, values=values):
                connective = _all if isinstance(op, ast.And) else _any
                return _elementwise(connective, [self.compile(part) for part in values])
            case ast.Compare():
                return self.comparison(node)
            case _:
                self.refuse(node, f"{_SPOKEN.get(type(node), type(node).__name__)} may not stand here: {_LANGUAGE}")

    def constant(self, node: ast.Constant) -> _Run:
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

    def name(self, node: ast.Name) -> _Run:
        if node.id == "pi":
            value = np.asarray(pi)
            return lambda frame: value
        name = self.read(node)
        return lambda frame: _plain_value(frame, name)

    def column(self, node: ast.Attribute) -> _Run:
        key, atom = self.read(node.value), node.attr
        if atom.startswith("_"):
            self.placeholders.add(atom[1:])
        elif not key.startswith("_"):
            self.columns.add((key, atom))
        return lambda frame: _column_of(frame, key, atom)

    def element(self, node: ast.Subscript) -> _Run:
        name = self.read(node.value)
        match node.slice:
            case ast.Constant(value=int() as index) if index is not True and index is not False:
                at, position = index, _column(self.text, node.slice)
            case _:
                self.refuse(node.slice, "the index of a window must be a whole number, 0 or more, written out")
        return lambda frame: _element_of(frame, name, at, position)

    def call(self, node: ast.Call) -> _Run:
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
        position = _column(self.text, node)
        if name in RANDOM:
            return lambda frame: _drawn(frame, name)
        if name == "ensemble_mean":
            return lambda frame: _ensemble_mean(frame, parts[0](frame), position)
        if name in _ELEMENTWISE:
            return _elementwise(_ELEMENTWISE[name][1], parts)
        if len(parts) > 1:
            return _elementwise(_SEVERAL[name], parts)
        return lambda frame: _reduced(frame, name, parts[0](frame), position)

    def check_arity(self, node: ast.Call, name: str) -> None:
        count = len(node.args)
        if name in _SEVERAL:
            if not count:
                self.refuse(node, f"{name} takes one window, or two values and more")
            return
        wanted = 0 if name in RANDOM else _ELEMENTWISE[name][0] if name in _ELEMENTWISE else 1
        if count != wanted:
            self.refuse(node, f"{name} takes {wanted or 'no'} argument{'' if wanted == 1 else 's'}, but has {count}")

    def check_exponent(self, node: ast.expr) -> None:
        exponent = _literal(node)
        if exponent is None:
            self.refuse(node, "an exponent must be a number written out; use exp and log for others")
        if abs(exponent) > MAX_EXPONENT:
            self.refuse(node, f"an exponent must lie within ±{MAX_EXPONENT}")

    def comparison(self, node: ast.Compare) -> _Run:
        for operator in node.ops:
            if type(operator) not in _COMPARE:
                self.refuse(node, f"{_SPOKEN.get(type(operator), 'this comparison')} may not stand here")
        compare = [_COMPARE[type(operator)] for operator in node.ops]

        def chain(*values: Array) -> Any:
            return _all(*(sign(left, right) for sign, left, right in zip(compare, values, values[1:], strict=False)))

        return _elementwise(chain, [self.compile(part) for part in (node.left, *node.comparators)])


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


def _elementwise(function: Callable[..., Any], parts: Sequence[_Run]) -> _Run:
    """Apply a function to scalars (branch,) and windows (branch, width), along which a scalar is the same."""

    def run(frame: _Frame) -> Array:
        values = [part(frame) for part in parts]
        if len(values) > 1 and any(value.ndim == 2 for value in values):
            values = [value[:, None] if value.ndim == 1 else value for value in values]
        return cast(Array, function(*values))

    return run


def _found(frame: _Frame, name: str) -> Array | Columns:
    try:
        value = frame.scope[name]
    except KeyError:
        hint = did_you_mean(name, list(frame.scope))
        raise RunError(f"{short(frame.text)}: nothing here is named {name!r}{hint}") from None
    if isinstance(value, Columns):
        return value
    array = np.asarray(value, dtype=float)
    if array.ndim > 2:
        raise RunError(f"{short(frame.text)}: {name} must have shape (branch,) or (branch, width), not {array.shape}")
    return array


def _plain_value(frame: _Frame, name: str) -> Array:
    value = _found(frame, name)
    if not isinstance(value, Columns):
        return value
    values = np.asarray(value.values, dtype=float)
    return values[:, 0] if len(value.names) == 1 else values


def _column_of(frame: _Frame, key: str, atom: str) -> Array:
    value = _found(frame, key)
    if not isinstance(value, Columns):
        raise RunError(f"{short(frame.text)}: {key} is not a key, so it has no .{atom}")
    if atom not in value.names:
        raise RunError(f"{short(frame.text)}: {key} has no atom {atom!r}{did_you_mean(atom, value.names)}")
    return np.asarray(value.values[:, value.names.index(atom)], dtype=float)


def _element_of(frame: _Frame, name: str, index: int, column: int) -> Array:
    value = _found(frame, name)
    if isinstance(value, Columns):
        rule = f"{name} is a key: write {name}.{value.names[0]}, not an index"
        raise ExpressionError(frame.text, rule, column)
    if value.ndim != 2:
        raise ExpressionError(frame.text, f"{name} is not a window, so it takes no index", column)
    if index >= value.shape[1]:
        raise ExpressionError(frame.text, f"{name} holds {value.shape[1]} values, counted from 0", column)
    return value[:, index]


def _drawn(frame: _Frame, name: str) -> Array:
    if frame.random is None:
        raise RunError(f"{short(frame.text)}: {name}() has no source of random numbers here")
    return np.asarray(frame.random.uniform() if name == "uniform" else frame.random.normal(), dtype=float)


def _reduced(frame: _Frame, name: str, value: Array, column: int) -> Array:
    if value.ndim != 2:
        rule = f"{name} needs a window or a key on several atoms, not one value"
        raise ExpressionError(frame.text, rule, column)
    return cast(Array, _REDUCE[name](value.T))


def _ensemble_mean(frame: _Frame, value: Array, column: int) -> Array:
    if frame.weights is None:
        raise RunError(f"{short(frame.text)}: ensemble_mean has no cohort to average over here")
    if value.ndim == 2:
        rule = "ensemble_mean needs one value per shot: reduce the window first"
        raise ExpressionError(frame.text, rule, column)
    weights = np.asarray(frame.weights, dtype=float)
    if frame.cohort_of is None:
        return cast(Array, np.asarray(np.sum(weights * value) / np.sum(weights)))
    total = np.bincount(frame.cohort_of, weights * value) / np.bincount(frame.cohort_of, weights)
    return np.asarray(total[frame.cohort_of])
