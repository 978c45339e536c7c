"""Feedforward expressions: numbers, or formulas over what a program knows, the same for all branches."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError, core_schema

from rydberg_qmem.errors import RunError, short
from rydberg_qmem.language.arithmetic import RANDOM, Array
from rydberg_qmem.language.binding import Binder, WithoutMeans, number_text
from rydberg_qmem.language.evaluation import ExpressionError, Frame, RandomSource, Scope
from rydberg_qmem.language.parsing import Parsed, parsed
from rydberg_qmem.language.syntax import BOUND, NAME, WRITTEN, chance_of, plain, unparsed


def _operator(sign: str, *, turned: bool = False) -> Callable[[Expression, Operand], Expression]:
    """Return an operator of expressions; turned, the expression stands on its right."""

    def joined(expression: Expression, other: Operand) -> Expression:
        return _joined(other, sign, expression) if turned else _joined(expression, sign, other)

    return joined


class Expression:
    """A number, or a formula over parameters, inputs, memory and outcomes, the same for all branches.

    Two expressions are equal when their canonical texts are equal. To compare two *values* when the program
    runs, write the comparison as text, `Expression("a == b")`: the operator `==` compares the expressions
    themselves.

    Args:
        source: The formula as text, a number, or an expression.

    Raises ExpressionError for anything outside the language.

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
    _parsed: Parsed

    def __init__(self, source: str | int | float | Expression) -> None:
        if isinstance(source, Expression):
            self._fill(source.text, source._parsed)
        elif isinstance(source, str):
            self._fill(source, parsed(source))
        else:
            text = number_text(source)
            self._fill(text, parsed(text))

    def _fill(self, text: str, parsed: Parsed) -> None:
        for name, value in (("text", text), ("value", parsed.value), ("_parsed", parsed)):
            object.__setattr__(self, name, value)

    @classmethod
    def _from_tree(cls, tree: ast.expr) -> Expression:
        """Return the expression of an accepted tree; bound numbers may make it longer than a text may be."""
        expression = cls.__new__(cls)
        text = unparsed(tree)
        expression._fill(text, parsed(text, BOUND))
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
    def terms(self) -> int:
        """How many numbers, names and operations the expression has."""
        return self._parsed.terms

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
        frame = Frame(self.text, scope, random, weights, cohort_of)
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
            if not NAME.fullmatch(mapping[name]):
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
            tree = Binder(values).visit(self.tree)
            bound = Expression._from_tree(cast(ast.expr, tree))
        if not bound.is_constant or isinstance(bound.value, int | float):
            return bound
        number = bound.evaluate({})
        if not isinstance(number, float) or not isfinite(number):
            raise ExpressionError(bound.text, f"must be a finite number, but is {number}")
        return Expression(number)

    def of_one_shot(self) -> Expression:
        """Return the expression for an ensemble of equal shots, whose means are the values of each.

        >>> Expression("1 / ensemble_mean(ensemble_mean_x)").of_one_shot()
        Expression('1 / ensemble_mean_x')
        """
        return _of_one_shot(self) if self.uses_ensemble else self

    def bernoulli(self) -> Expression | None:
        """Return the probability e of an expression `uniform() < e` (or <=, or turned round), else None.

        >>> Expression("uniform() < p / 2").bernoulli()
        Expression('p / 2')
        """
        chance = chance_of(self.tree)
        probability = None if chance is None else Expression._from_tree(chance)
        return None if probability is None or probability.is_random else probability

    @property
    def tree(self) -> ast.expr:
        """The accepted tree, for passes that read it; `$name` is written `_name`."""
        return ast.parse(plain(self.text), mode="eval").body

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

    __add__, __radd__ = _operator("+"), _operator("+", turned=True)
    __sub__, __rsub__ = _operator("-"), _operator("-", turned=True)
    __mul__, __rmul__ = _operator("*"), _operator("*", turned=True)
    __truediv__, __rtruediv__ = _operator("/"), _operator("/", turned=True)
    __floordiv__, __rfloordiv__ = _operator("//"), _operator("//", turned=True)
    __mod__, __rmod__ = _operator("%"), _operator("%", turned=True)
    __pow__, __rpow__ = _operator("**"), _operator("**", turned=True)
    __lt__, __le__ = _operator("<"), _operator("<=")
    __gt__, __ge__ = _operator(">"), _operator(">=")

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
    expression._fill(text, parsed(text, BOUND))
    return expression


def _validated(value: object) -> Expression:
    try:
        return Expression(cast(str, value))
    except ExpressionError as error:
        template = "{rule}" if error.column is None else "{rule} at column {column}"
        raise PydanticCustomError("expression", template, {"rule": error.rule, "column": error.column}) from error


@lru_cache(maxsize=1024)
def _of_one_shot(expression: Expression) -> Expression:
    return Expression._from_tree(cast(ast.expr, WithoutMeans().visit(expression.tree)))
