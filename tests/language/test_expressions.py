"""The feedforward language: what it refuses, what it computes, and what it can tell of itself."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rydberg_qmem.errors import InputError, RunError
from rydberg_qmem.language.arithmetic import FUNCTIONS
from rydberg_qmem.language.evaluation import Columns, ExpressionError, Scope
from rydberg_qmem.language.expressions import Expression

SCOPE = {
    "x": np.array([0.5, -1.25, 2.0, 0.0]),
    "y": np.array([1.0, 3.0, -0.75, 0.5]),
    "z": np.array([2.0, 0.0, -1.0, 7.0]),
}
WINDOW = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])


class Counted:
    """A source that gives 0, 1, 2, … and counts its calls."""

    def __init__(self, branches: int) -> None:
        self.calls: list[str] = []
        self.branches = branches

    def uniform(self) -> NDArray[Any]:
        return self.draw("uniform")

    def normal(self) -> NDArray[Any]:
        return self.draw("normal")

    def draw(self, name: str) -> NDArray[Any]:
        self.calls.append(name)
        return np.full(self.branches, len(self.calls) - 1.0)


def refusal(source: object) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Expression(source)  # type: ignore[arg-type]  # the mistake is the test
    return caught.value


def settle(text: str) -> Expression | ExpressionError:
    try:
        return Expression(text)
    except ExpressionError as error:
        return error


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "column", "rule"),
    [
        ("().__class__", 4, "underscore"),
        ("__import__('os')", 1, "underscore"),
        ("x + _hidden", 5, "underscore"),
        ("9**9**9", 4, "exponent"),
        ("x ** y", 6, "exponent"),
        ("x ** 9", 6, "±8"),
        ("x ** -8.5", 6, "±8"),
        ("[k for k in x]", 1, "comprehension"),
        ("sum(k for k in x)", 4, "generator"),
        ("1 + f'{x}'", 5, "f-string"),
        ("(x := 1)", 2, "assignment"),
        ("1 + (lambda: 1)", 6, "lambda"),
        ("x if y else z", 1, "where(condition, yes, no)"),
        ("1e400", 1, "finite"),
        ("1 + 10000000000000000", 5, "10**15"),
        ("a.b.c", 1, "only follow a name"),
        ("sin.a", 1, "function, not a variable"),
        ("2 * mean", 5, "function, not a variable"),
        ("pi.a", 1, "constant, not a variable"),
        ("(x + y).a", 2, "only follow a name"),
        ("seen[-1]", 6, "whole number"),
        ("seen[k]", 6, "whole number"),
        ("seen[1.0]", 6, "whole number"),
        ("seen[0:1]", 6, "whole number"),
        ("seen[True]", 6, "whole number"),
        ("True", 1, "write 1 or 0"),
        ("x == None", 6, "NoneType"),
        ("'rm -rf'", 1, "str"),
        ("2j", 1, "complex"),
        ("1 + ...", 5, "ellipsis"),
        ("(x, y)", 1, "tuple"),
        ("{x: y}", 1, "dictionary"),
        ("x @ y", 1, "operator"),
        ("x & 1", 1, "operator"),
        ("~x", 1, "operator"),
        ("x is y", 1, "write =="),
        ("x in y", 1, "`in`"),
        ("open('f')", 1, "no function 'open'"),
        ("2 + sqr(x)", 5, "did you mean 'sqrt'"),
        ("x.sin(1)", 1, "functions of the table"),
        ("sin(1)(2)", 1, "functions of the table"),
        ("clip(x, 0)", 1, "takes 3 arguments, but has 2"),
        ("uniform(1)", 1, "takes no arguments, but has 1"),
        ("mean()", 1, "takes 1 argument, but has 0"),
        ("min()", 1, "one window, or two values"),
        ("sin(x=1)", 1, "by position"),
        ("sin(*x)", 1, "by position"),
        ("2 +", None, "not an expression"),
        ("x = 1", None, "not an expression"),
        ("a) + (b", 2, "not an expression"),
        ("1or 2", 1, "not an expression"),
        ("x # y", 3, "ASCII"),
        ("x + \u03b8", 5, "ASCII"),
        ("x + \uff41", 5, "ASCII"),
        ("x\0", 2, "ASCII"),
        ("  \n", 1, "empty"),
        ("clicks$atom", 7, "whole name"),
        ("clicks.$", 8, "whole name"),
        ("$atom", 1, "not for a value"),
        ("x" * 10_000, 2001, "2000 characters"),
        ("-" * 100_000 + "1", 2001, "2000 characters"),
        ("-" * 41 + "1", 41, "40 deep"),
        ("(" * 900 + "1" + ")" * 900, 201, "parentheses"),
        ("max(" + "1," * 400 + "1)", None, "400 terms"),
    ],
)
def test_what_lies_outside_the_language_is_refused_with_its_column(text: str, column: int | None, rule: str) -> None:
    error = refusal(text)

    assert rule in error.rule
    assert error.column is not None
    assert column in (None, error.column)
    assert f"at column {error.column}" in str(error)


@pytest.mark.parametrize("text", ["-" * 1999 + "1", "not " * 499 + "1", "x." * 900 + "x", "1" + "**1" * 600])
def test_deep_texts_within_the_length_are_refused(text: str) -> None:
    assert refusal(text).column is not None


@pytest.mark.parametrize(
    "source",
    [
        True,
        False,
        None,
        math.nan,
        math.inf,
        -math.inf,
        10**16,
        pytest.param(10**5000, id="huge"),
        b"1",
        [1],
        1j,
    ],
)
def test_other_values_are_refused(source: object) -> None:
    error = refusal(source)

    assert isinstance(error, InputError)
    assert "must" in str(error)


@given(st.text(alphabet="xy01.()[]+-*/%<=>!& \t\n,'\"_$:andorwhereminq\x00é", max_size=60))
@settings(max_examples=300, deadline=None)
def test_random_texts_raise_nothing_but_the_own_error(text: str) -> None:
    settled = settle(text)

    if isinstance(settled, Expression):
        assert Expression(settled.value) == settled
    else:
        assert 1 <= (settled.column or 0) <= max(1, len(text))


def test_an_error_keeps_its_parts_through_pickle() -> None:
    error = refusal("1 + foo(2)")

    again = pickle.loads(pickle.dumps(error))

    assert (again.text, again.rule, again.column) == (error.text, error.rule, 5)


# --- what is computed ---


def leaves() -> st.SearchStrategy[str]:
    numbers = st.floats(0, 8, allow_nan=False).map(lambda number: repr(round(number, 3)))
    return st.one_of(numbers, st.integers(0, 9).map(str), st.sampled_from(["x", "y", "z"]))


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return texts of operations that every floating-point library rounds alike."""
    sign = st.sampled_from(["+", "-", "*", "<", "<=", ">", ">=", "==", "!="])
    division = st.sampled_from(["/", "//", "%"])
    return st.one_of(
        st.tuples(inner, sign, inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, division, inner).map(lambda t: f"({t[0]} {t[1]} (abs({t[2]}) + 0.5))"),
        st.tuples(st.sampled_from(["-", "+", "not "]), inner).map(lambda t: f"({t[0]}{t[1]})"),
        st.tuples(st.sampled_from(["abs", "floor", "sign"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["where", "clip"]), inner, inner, inner).map(lambda t: f"{t[0]}({', '.join(t[1:])})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({', '.join(t[1:])})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} < {t[1]} <= {t[2]})"),
    )


TEXTS = st.recursive(leaves(), grown, max_leaves=10).filter(lambda text: len(text) < 600)
IN_PYTHON: dict[str, object] = {
    "abs": abs,
    "floor": math.floor,
    "min": min,
    "max": max,
    "sign": lambda value: (value > 0) - (value < 0),
    "where": lambda condition, yes, no: yes if condition else no,
    "clip": lambda value, low, high: min(max(value, low), high),
}


def rows() -> list[dict[str, float]]:
    return [{name: float(column[row]) for name, column in SCOPE.items()} for row in range(4)]


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_a_batch_agrees_with_plain_python_row_by_row(text: str) -> None:
    expected = [float(eval(text, {"__builtins__": {}, **IN_PYTHON}, row)) for row in rows()]

    result = Expression(text).evaluate(SCOPE)

    np.testing.assert_array_equal(np.broadcast_to(result, 4), expected)


@given(
    TEXTS,
    st.sampled_from(["sin({})", "tanh({})", "exp(-abs({}))", "({}) ** 3", "{} and x", "y or {}", "atan2({}, pi)"]),
)
@settings(max_examples=150, deadline=None)
def test_a_batch_agrees_with_its_rows_alone_and_bound(inner: str, outer: str) -> None:
    expression = Expression(outer.format(inner))

    batch = np.broadcast_to(expression.evaluate(SCOPE), 4)

    for row, expected in zip(rows(), batch, strict=True):
        assert expression.evaluate(row) == pytest.approx(expected, rel=1e-12)
        assert expression.bind(row).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "atan", "exp", "tanh", "asin", "acos", "log", "sqrt"])
def test_transcendental_functions_agree_with_the_math_module(name: str) -> None:
    points = np.linspace(0.01, 0.99, 25)

    result = Expression(f"{name}(x)").evaluate({"x": points})

    np.testing.assert_allclose(result, [getattr(math, name)(point) for point in points], rtol=1e-14)


def test_every_function_of_the_table_gives_its_known_value() -> None:
    known = {
        "sin(pi / 6)": 0.5, "cos(pi / 3)": 0.5, "tan(pi / 4)": 1.0, "asin(1)": math.pi / 2,
        "acos(-1)": math.pi, "atan(1)": math.pi / 4, "atan2(1, -1)": 3 * math.pi / 4, "exp(1)": math.e,
        "log(exp(2))": 2.0, "sqrt(9)": 3.0, "abs(-2.5)": 2.5, "min(3, 1, 2)": 1.0, "max(3, 1, 2)": 3.0,
        "clip(5, 0, 1)": 1.0, "clip(-5, 0, 1)": 0.0, "where(0, 1, 2)": 2.0, "floor(-1.5)": -2.0,
        "sign(-3)": -1.0, "tanh(0)": 0.0, "-7 // 2": -4.0, "-7 % 3": 2.0, "2 ** -2": 0.25, "4 ** 0.5": 2.0,
        "-2 ** 2": -4.0,
    }  # fmt: skip
    tested = set().union(*(Expression(text).functions for text in known))

    assert FUNCTIONS - tested == {"mean", "sum", "uniform", "normal", "ensemble_mean"}
    for text, value in known.items():
        assert Expression(text).evaluate({}) == pytest.approx(value, abs=1e-15), text


def test_truths_are_the_floats_one_and_zero() -> None:
    scope = {"a": np.array([0, 0, 3, 3]), "b": np.array([0, 2, 0, 2])}

    for text, expected in [("a and b", [0, 0, 0, 1]), ("a or b", [0, 1, 1, 1]), ("not a", [1, 1, 0, 0])]:
        value = Expression(text).evaluate(scope)
        assert isinstance(value, np.ndarray)
        assert value.dtype == np.float64
        assert value.tolist() == expected


@pytest.mark.parametrize("text", ["1 / x", "log(-1 - x)", "exp(1000 + x)", "x % 0", "asin(2)", "sqrt(-1e-11)"])
def test_results_that_are_not_finite_are_left_to_the_caller_without_a_warning(text: str) -> None:
    assert not np.isfinite(Expression(text).evaluate({"x": 0.0}))


def test_rounding_at_the_edge_of_a_domain_does_not_bite() -> None:
    above, below = {"x": 1 + 5e-13}, {"x": -5e-13}

    assert Expression("asin(x)").evaluate(above) == math.pi / 2
    assert Expression("acos(-x)").evaluate(above) == math.pi
    assert Expression("sqrt(x)").evaluate(below) == 0


def test_the_result_is_a_copy() -> None:
    memory = np.array([1.0, 2.0])

    result = Expression("memory").evaluate({"memory": memory})
    assert isinstance(result, np.ndarray)
    result[:] = 7

    assert memory.tolist() == [1.0, 2.0]


def test_a_missing_name_is_named() -> None:
    with pytest.raises(RunError, match="'periot'; did you mean 'period'"):
        Expression("2 * periot").evaluate({"period": 24})


def test_columns_of_different_lengths_are_named_as_such() -> None:
    with pytest.raises(RunError, match="different lengths"):
        Expression("a + b").evaluate({"a": np.zeros(2), "b": np.zeros(3)})


# --- windows, keys, cohorts, randomness ---


def test_reductions_of_a_window_and_its_elements() -> None:
    scope = {"seen": WINDOW, "R": np.array([0.5, 2.0])}
    known: dict[str, list[float]] = {
        "mean(seen)": [2 / 3, 1 / 3],
        "sum(seen)": [2, 1],
        "min(seen)": [0, 0],
        "max(seen)": [1, 1],
        "seen[0]": [1, 0],
    }

    for text, expected in known.items():
        np.testing.assert_allclose(Expression(text).evaluate(scope), expected)


def test_a_scalar_is_the_same_along_a_window_even_when_their_lengths_agree() -> None:
    scope = {"seen": np.array([[1.0, 2.0], [3.0, 4.0]]), "R": np.array([10.0, 100.0])}

    np.testing.assert_allclose(Expression("sum(R * seen)").evaluate(scope), [30, 700])


@pytest.mark.parametrize(
    ("text", "rule", "column"),
    [
        ("1 + mean(R)", "needs a window", 5),
        ("sum(2)", "needs a window", 1),
        ("min(R)", "needs a window", 1),
        ("seen + 1", "gives a window", 1),
        ("seen[3]", "holds 3 values", 6),
        ("R[0]", "not a window", 3),
        ("clicks[0]", "write clicks.a", 8),
        ("clicks + 1", "gives a window", 1),
        ("ensemble_mean(seen)", "reduce the window", 1),
    ],
)
def test_windows_and_values_are_not_mistaken_for_each_other(text: str, rule: str, column: int) -> None:
    scope: Scope = {"seen": WINDOW, "R": np.array([0.5, 2.0]), "clicks": Columns(("a", "s"), np.eye(2))}

    with pytest.raises(ExpressionError, match=rule) as caught:
        Expression(text).evaluate(scope, weights=np.ones(2))

    assert caught.value.column == column


def test_a_key_gives_its_atoms_by_name_and_a_single_one_plainly() -> None:
    pair = Columns(("a", "s"), np.array([[1, 0], [1, 1], [-1, 0]], dtype=np.int8))
    single = Columns(("q",), np.array([[1], [0], [1]], dtype=np.int8))
    known = {
        "m.a + m.s": [1, 2, -1],
        "sum(m)": [1, 2, -1],
        "max(m)": [1, 1, 0],
        "one == 1": [1, 0, 1],
        "one.q": [1, 0, 1],
    }

    for text, expected in known.items():
        np.testing.assert_array_equal(Expression(text).evaluate({"m": pair, "one": single}), expected)


def test_wrong_atoms_and_keys_are_named() -> None:
    scope: Scope = {"m": Columns(("alice", "bob"), np.zeros((1, 2))), "R": 0.5}

    with pytest.raises(RunError, match="'alise'; did you mean 'alice'"):
        Expression("m.alise").evaluate(scope)
    with pytest.raises(RunError, match="R is not a key"):
        Expression("R.alice").evaluate(scope)
    with pytest.raises(RunError, match="need values of shape"):
        Columns(("a",), np.zeros(3))


def test_ensemble_mean_is_weighted_and_the_same_for_all_branches() -> None:
    scope = {"n": np.array([0.0, 1.0]), "R": np.array([10.0, 20.0])}

    result = Expression("R + ensemble_mean(n)").evaluate(scope, weights=np.array([3, 1]))

    np.testing.assert_allclose(result, [10.25, 20.25])
    assert Expression("ensemble_mean(2)").evaluate({}, weights=np.array([3, 1])) == 2.0
    with pytest.raises(RunError, match="no cohort"):
        Expression("ensemble_mean(n)").evaluate(scope)


def test_ensemble_mean_may_hold_random_numbers() -> None:
    result = Expression("ensemble_mean(uniform() + n)").evaluate(
        {"n": np.array([0.0, 1.0])}, random=Counted(2), weights=np.array([1, 3])
    )

    assert result == 0.75


def test_each_written_draw_is_one_call_in_the_order_written() -> None:
    source = Counted(3)

    result = Expression("uniform() + 10 * normal() + 100 * uniform()").evaluate({}, random=source)

    assert source.calls == ["uniform", "normal", "uniform"]
    np.testing.assert_array_equal(result, [210.0] * 3)


def test_a_chain_draws_its_middle_once_and_connectives_draw_all_their_parts() -> None:
    chain, both = Counted(1), Counted(1)

    Expression("0 <= uniform() < 1").evaluate({}, random=chain)
    Expression("1 or uniform() or uniform()").evaluate({}, random=both)

    assert (len(chain.calls), len(both.calls)) == (1, 2)


def test_random_numbers_need_a_source() -> None:
    with pytest.raises(RunError, match=r"normal\(\) has no source"):
        Expression("normal()").evaluate({})


# --- one value, many spellings ---


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("24.0", 24),
        (" 2*x ", "2 * x"),
        ("(x)", "x"),
        ("-3", -3.0),
        ("+3", 3),
        ("1_000", 1e3),
        ("-0.0", 0),
        ("a\n + b", "a + b"),
    ],
)
def test_spellings_of_one_expression_are_equal_and_hash_alike(one: str | float, other: str | float) -> None:
    assert Expression(one) == Expression(other)
    assert hash(Expression(one)) == hash(Expression(other))
    assert Expression(one).value == Expression(other).value


def test_different_expressions_differ() -> None:
    assert Expression("x - (y - z)") != Expression("x - y - z")
    assert Expression("1") != Expression("2")
    assert Expression("1") != 1


@pytest.mark.parametrize(("source", "value"), [("24.0", 24), (0.5, 0.5), (1e20, 1e20), (np.int8(3), 3), ("1e3", 1000)])
def test_literals_are_numbers_whole_ones_int(source: str | float, value: float) -> None:
    expression = Expression(source)

    assert expression.value == value
    assert type(expression.value) is type(value)
    assert expression.is_constant


@given(st.one_of(st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False)))
@settings(max_examples=200, deadline=None)
def test_every_finite_number_survives_as_number_and_as_text(number: float) -> None:
    expression = Expression(number)

    assert expression.evaluate({}) == number
    assert Expression(str(expression)) == expression == Expression(expression.value)


def test_an_expression_knows_what_it_reads() -> None:
    expression = Expression("clip(mean(seen) + clicks.a, 0, pi) + clicks.$atom + uniform() * ensemble_mean(n)")

    assert expression.names == {"seen", "clicks", "n"}
    assert expression.columns == {("clicks", "a")}
    assert expression.functions == {"clip", "mean", "uniform", "ensemble_mean"}
    assert expression.placeholders == {"atom"}
    assert (expression.is_random, expression.uses_ensemble, expression.is_constant) == (True, True, False)
    assert Expression("2 * sin(pi)").is_constant


def test_the_text_as_written_is_kept_beside_the_canonical_one() -> None:
    expression = Expression(" 2*x")

    assert (expression.text, str(expression), repr(expression)) == (" 2*x", "2 * x", "Expression('2 * x')")


def test_an_expression_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="cannot be changed"):
        Expression("x").value = 3
    with pytest.raises(AttributeError, match="cannot be changed"):
        del Expression("x").text


def test_copies_and_pickles_are_equal() -> None:
    expression = Expression("clicks.$atom == 1")

    assert copy.deepcopy(expression) == expression
    assert pickle.loads(pickle.dumps(expression)) == expression


# --- substitute, bind, bernoulli ---


def test_placeholders_are_replaced_by_names_and_others_stay() -> None:
    expression = Expression("$key.$atom == x and clicks.$other")

    partly = expression.substitute({"key": "clicks", "atom": "d0"})

    assert str(partly) == "clicks.d0 == x and clicks.$other"
    assert partly.placeholders == {"other"}
    assert partly.columns == {("clicks", "d0")}
    assert expression.substitute({"nothing": "d0"}) is expression


def test_a_placeholder_that_begins_another_is_left_alone() -> None:
    assert str(Expression("m.$a + m.$atom").substitute({"a": "q"})) == "m.q + m.$atom"


def test_only_names_may_replace_a_placeholder() -> None:
    with pytest.raises(ExpressionError, match="replaced by a name"):
        Expression("m.$atom").substitute({"atom": "a + uniform()"})


def test_an_expression_with_a_placeholder_has_no_value() -> None:
    with pytest.raises(RunError, match=r"still holds \$atom"):
        Expression("m.$atom").evaluate({"m": Columns(("a",), np.zeros((1, 1)))})


def test_bind_replaces_plain_names_only_and_folds_constants() -> None:
    values = {"period": 24, "seen": 3.0, "m": 1.0}

    assert Expression("2*period").bind(values).value == 48
    assert str(Expression("k / period + seen[0] + m.a").bind(values)) == "k / 24 + seen[0] + m.a"
    assert Expression("2 * 3").bind({}).value == 6
    assert Expression("uniform() * period").bind(values) == Expression("uniform() * 24")
    assert str(Expression("period * m.$atom").bind(values)) == "24 * m.$atom"


def test_bind_keeps_the_precedence_of_negative_numbers() -> None:
    bound = Expression("p ** 2 - p + 0 * k").bind({"p": -3})

    assert bound.evaluate({"k": 1.0}) == 12.0


def test_a_long_expression_can_be_bound_to_long_numbers() -> None:
    terms = " + ".join(["max(" + ", ".join(["x"] * 8) + ")"] * 30)

    bound = Expression(f"k + {terms}").bind({"x": -1 / 3})

    assert len(bound.text) > 2000
    assert bound.evaluate({"k": 0.0}) == pytest.approx(-10)
    assert pickle.loads(pickle.dumps(bound)) == bound


@pytest.mark.parametrize(("text", "values"), [("1 / x", {"x": 0}), ("log(x)", {"x": -1}), ("x", {"x": math.nan})])
def test_binding_to_something_not_finite_is_refused(text: str, values: dict[str, float]) -> None:
    with pytest.raises(ExpressionError, match="finite"):
        Expression(text).bind(values)


def test_binding_a_window_to_one_number_is_refused() -> None:
    with pytest.raises(ExpressionError, match="needs a window"):
        Expression("mean(seen)").bind({"seen": 0.5})


@pytest.mark.parametrize("text", ["uniform() < p / 2", "uniform() <= p / 2", "p / 2 > uniform()", "p / 2 >= uniform()"])
def test_a_bernoulli_draw_is_recognised(text: str) -> None:
    assert Expression(text).bernoulli() == Expression("p / 2")


@pytest.mark.parametrize(
    "text",
    [
        "uniform() > p",
        "p < uniform()",
        "uniform() < normal()",
        "normal() < p",
        "0 < uniform() < p",
        "uniform() - 1 < p",
        "p",
        0.5,
    ],
)
def test_other_expressions_are_no_bernoulli_draws(text: str | float) -> None:
    assert Expression(text).bernoulli() is None


# --- operators ---


def test_operators_keep_the_precedence_of_python() -> None:
    x, y = Expression("x"), Expression("y + 1")
    built = {
        "2 * (y + 1)": 2 * y, "(x - (y + 1)) / 2": (x - y) / 2, "x - (y + 1)": x - y, "-(y + 1)": -y,
        "(y + 1) ** (-2)": y**-2, "1 - x": 1 - x, "1 / (y + 1)": 1 / y, "3 // x": 3 // x, "x // 3": x // 3,
        "5 % x": 5 % x, "(y + 1) % 2": y % 2, "x + 0.5": x + 0.5, "0.5 + x": 0.5 + x, "(y + 1) * x": y * x,
        "(-2) ** 2": Expression(-2) ** 2, "-x ** 2": -(x**2), "y + 1 < x": y < x, "x <= 3": x <= 3,
        "x > y + 1": x > y, "x >= 0": x >= 0, "x < 3": 3 > x,  # noqa: SIM300  # turned round on purpose
        "(x < 1) * 2": (x < 1) * 2,
    }  # fmt: skip

    assert {text: str(expression) for text, expression in built.items()} == {text: text for text in built}


def test_numpy_numbers_leave_the_operator_to_the_expression() -> None:
    assert np.float64(2) * Expression("x") == Expression("2 * x")
    assert Expression("x") + np.float64(2) == Expression("x + 2")


def test_operators_refuse_what_is_no_number() -> None:
    with pytest.raises(TypeError):
        Expression("x") + "y"  # type: ignore[arg-type]  # the mistake is the test
    with pytest.raises(TypeError):
        np.ones(2) * Expression("x")  # type: ignore[operator]  # the mistake is the test
    with pytest.raises(ExpressionError, match="truth value"):
        Expression("x") + True
    with pytest.raises(ExpressionError, match="exponent"):
        2 ** Expression("x")


def test_an_expression_has_no_truth_before_the_run() -> None:
    with pytest.raises(TypeError, match="`when` block"):
        bool(Expression("x") < 1)


# --- in a model ---


class Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    angle: Expression


@pytest.mark.parametrize("source", [1, 0.5, "2*x", "3.0", Expression("sin(x)")])
def test_a_model_takes_and_gives_numbers_and_texts(source: Any) -> None:
    block = Block(angle=source)

    assert block.model_dump() == {"angle": Expression(source).value}
    assert Block.model_validate_json(block.model_dump_json()) == block
    assert hash(Block.model_validate(block.model_dump())) == hash(block)


@pytest.mark.parametrize("source", [True, None, [1], math.nan])
def test_a_model_refuses_other_values(source: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Block.model_validate({"angle": source})

    assert [error["type"] for error in caught.value.errors()] == ["expression"]


def test_a_model_reports_rule_and_column() -> None:
    with pytest.raises(ValidationError) as caught:
        Block.model_validate({"angle": "1 + foo(2)"})

    (error,) = caught.value.errors()
    assert error["loc"] == ("angle",)
    assert error["ctx"]["column"] == 5
    assert error["ctx"]["rule"].startswith("there is no function 'foo'")
    assert error["msg"] == f"{error['ctx']['rule']} at column 5"


def test_the_json_schema_is_a_number_or_a_text() -> None:
    angle = Block.model_json_schema()["properties"]["angle"]

    assert angle["anyOf"] == [{"type": "number"}, {"type": "string", "maxLength": 2000}]
