"""Bounds of expressions: they hold for every point of a box, and are no wider than they must be where that is easy."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rydberg_qmem.errors import RunError
from rydberg_qmem.language import interval_rules
from rydberg_qmem.language.arithmetic import FUNCTIONS
from rydberg_qmem.language.bounds import bounds, split
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_rules import RULES
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.intervals import DOMAIN, SOUND, Interval

CASES = int(os.environ.get("RQM_INTERVAL_CASES", "400"))
KEYS = {"m": ("a", "b"), "c": ("a",)}
INF = float("inf")

numbers = st.one_of(
    st.sampled_from((0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 1e-300, 1e150, 3.141592653589793)),
    st.floats(-4, 4),
    st.integers(-9, 9).map(float),
)


@st.composite
def ranges(draw: Any) -> Interval:
    """Draw a range, known by its ends or by its values."""
    found = sorted(x + 0.0 for x in draw(st.lists(numbers, min_size=1, max_size=3)))
    if draw(st.booleans()):
        return Interval.of(*found)
    return Interval(found[0], found[-1])


def point_in(draw: Any, interval: Interval) -> float:
    """Draw a number of an interval, often one of its ends."""
    if interval.values is not None:
        return float(draw(st.sampled_from(interval.values)))
    within = st.floats(interval.low, interval.high)
    return float(draw(st.one_of(st.sampled_from((interval.low, interval.high)), within)))


atoms = st.one_of(
    st.sampled_from(
        ("x", "y", "x", "y", "m.a", "m.b", "c", "w[1]", "mean(w)", "sum(w)", "min(w)", "max(w)", "pi", "k")
    ),
    st.sampled_from(("mean(m)", "sum(w * x)", "mean(where(w > 0, w, y))", "max(w - m.a)", "uniform()")),
    numbers.filter(lambda x: abs(x) < 1e10).map(lambda x: f"({x!r})"),
)
UNARY = ("sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "sqrt", "abs", "floor", "sign", "tanh", "not ", "-",
         "ensemble_mean")  # fmt: skip
SIGNS = ("+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "and", "or")


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(st.sampled_from(UNARY), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, st.sampled_from(SIGNS), inner).map(lambda t: f"(({t[0]}) {t[1]} ({t[2]}))"),
        st.tuples(inner, st.sampled_from((0, 1, 2, 3, -1, -2, 0.5, -0.5, 8))).map(lambda t: f"(({t[0]}) ** {t[1]})"),
        st.tuples(st.sampled_from(("min", "max", "atan2")), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(st.sampled_from(("clip", "where")), inner, inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]}, {t[3]})"
        ),
    )


expressions = st.recursive(atoms, grown, max_leaves=6).map(Expression)


@st.composite
def boxes(draw: Any) -> tuple[IntervalScope, dict[str, Any]]:
    """Draw a box and a scope that lies in it."""
    names = {name: draw(ranges()) for name in ("x", "y", "k")}
    columns = {name: draw(st.sampled_from((Interval.of(0, 1), Interval.of(1), Interval.of(-1, 0, 1)))) for name in
               ("m.a", "m.b", "c.a")}  # fmt: skip
    window = draw(ranges())
    point = {name: np.array([point_in(draw, interval)]) for name, interval in names.items()}
    bits = {name: point_in(draw, interval) for name, interval in columns.items()}
    point["m"] = Columns(("a", "b"), np.array([[bits["m.a"], bits["m.b"]]]))  # type: ignore[assignment]  # columns among numbers, as a run has them
    point["c"] = Columns(("a",), np.array([[bits["c.a"]]]))  # type: ignore[assignment]  # columns among numbers, as a run has them
    point["w"] = np.array([[point_in(draw, window) for _ in range(3)]])
    wide = Interval(window.low, window.high, window.values, 3)
    return IntervalScope({**names, **columns, "w": wide}, KEYS), point


class Given:
    """Gives the random number that a test has chosen."""

    def __init__(self, number: float) -> None:
        self.number = number

    def uniform(self) -> NDArray[Any]:
        return np.array([self.number])

    def normal(self) -> NDArray[Any]:
        return np.array([self.number])


def value_at(expression: Expression, scope: dict[str, Any], drawn: float = 0.5) -> float:
    try:
        made = expression.evaluate(scope, random=Given(drawn), weights=np.ones(1))
    except RunError as error:  # a run would end here, with this reason: there is no value to bound
        assume("no shot in which all outcomes it reads were measured" not in str(error))
        raise
    return float(np.asarray(made).ravel()[0])


def assert_holds(interval: Interval, value: float, what: object) -> None:
    if not np.isfinite(value):
        assert interval.fault > SOUND, (what, interval, value)
    else:
        assert interval.low <= value <= interval.high, (what, interval, value)
        assert interval.values is None or value in interval.values, (what, interval, value)


@given(expressions, boxes(), st.sampled_from((0.0, 0.5, 1 - 2.0**-53)))
@settings(max_examples=CASES, deadline=None)
def test_the_value_at_every_point_lies_within_the_bounds(
    expression: Expression, case: tuple[IntervalScope, dict[str, Any]], drawn: float
) -> None:
    box, point = case

    interval = bounds(expression, box)

    assert not interval.width
    assert_holds(interval, value_at(expression, point, drawn), expression)


@pytest.mark.slow
@given(expressions, boxes())
@settings(max_examples=CASES, deadline=None)
def test_what_a_condition_leaves_of_a_box_holds_every_point_where_it_holds(
    condition: Expression, case: tuple[IntervalScope, dict[str, Any]]
) -> None:
    box, point = case
    truth = value_at(condition, point) != 0

    left = split(condition, box)[not truth]

    assert left is not None, condition
    for name in ("x", "y", "k"):
        assert left.names[name].holds(float(point[name][0])), (condition, name, left.names[name])
    for name, column in (("m.a", 0), ("m.b", 1)):
        assert left.names[name].holds(float(point["m"].values[0, column])), (condition, name)


ELEMENTWISE = sorted(set(RULES) - {"positive", "negative", "and", "or", "not", "**"})


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_function_keeps_a_cloud_of_points_within_its_bounds(name: str) -> None:
    random = np.random.default_rng(5)
    arity = {"clip": 3, "atan2": 2, "min": 2, "max": 2}.get(name, 2 if not name.isalpha() else 1)
    text = f"{name}({', '.join('xyz'[:arity])})" if name.isalpha() or name == "atan2" else f"x {name} y"
    for _ in range(60):
        ends = np.sort(random.choice([random.normal(0, 3), random.normal(0, 1), 0.0, 1.0, -1.0], (arity, 2)), axis=1)
        box = IntervalScope({n: Interval(float(pair[0]), float(pair[1])) for n, pair in zip("xyz", ends, strict=False)})
        inner = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * random.uniform(size=(arity, 300))
        points = np.clip(np.concatenate([inner, ends, ends[:, ::-1]], axis=1), ends[:, :1], ends[:, 1:])

        interval = bounds(Expression(text), box)

        for value in np.atleast_1d(Expression(text).evaluate(dict(zip("xyz", points, strict=False)))):
            assert_holds(interval, float(value), (text, box.names))


def test_every_function_of_the_language_has_a_rule() -> None:
    apart = {"where", "uniform", "normal", "ensemble_mean", "mean", "sum"}

    assert FUNCTIONS - apart <= RULES.keys()


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("clip(100 * x, 0, 1)", 0, 1),
        ("mean(w)", 0, 1),
        ("sum(w)", 0, 9),
        ("20 * mean(w)", 0, 20),
        ("x ** 2", 0, 4),
        ("abs(x - 1)", 0, 1),
        ("x % 4", 0, 2),
        ("where(x > 1, x, 1)", 1, 2),
        ("where(x > 1, 1 / x, 1)", 0.5, 1),
        ("x and not x", 0, 1),
        ("48 + 16 * m", 48, 64),
        ("normal()", -INF, INF),
        ("ensemble_mean(m)", 0, 1),
        ("3 < x", 0, 0),
        ("0 <= x <= 2", 1, 1),
        ("sin(x)", 0, 1),
        ("cos(x)", -0.416, 1),
    ],
)
def test_bounds_are_tight_where_that_is_easy(text: str, low: float, high: float) -> None:
    box = IntervalScope({"x": Interval(0, 2), "w": Interval(0, 1, width=9), "m.a": Interval.of(0, 1)}, {"m": ("a",)})

    found = bounds(Expression(text), box)

    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)
    assert found.fault == SOUND


@pytest.mark.parametrize("text", ["1 / x", "sqrt(x - 1)", "log(x)", "asin(x)", "x ** -1", "1 % x", "(x - 1) ** 0.5"])
def test_a_step_that_may_leave_its_domain_says_so(text: str) -> None:
    assert bounds(Expression(text), IntervalScope({"x": Interval(0, 2)})).fault == DOMAIN


def test_a_guard_keeps_a_step_in_its_domain() -> None:
    box = IntervalScope({"R": Interval(0, 1)})

    assert bounds(Expression("where(R > 0.05, 1 / max(R, 0.05), 1)"), box).high == pytest.approx(20)
    assert bounds(Expression("where(R > 0.05, 1 / R, 1)"), box).fault == SOUND


def test_an_ensemble_is_not_bounded_by_a_guard_of_single_shots() -> None:
    box = IntervalScope({"R": Interval(0, 1)})

    assert bounds(Expression("where(R > 0.5, ensemble_mean(R), 1)"), box).low == 0


def test_few_values_stay_known_one_by_one() -> None:
    box = IntervalScope({"m.a": Interval.of(0, 1)}, {"m": ("a",)})

    assert bounds(Expression("where(m == 1, 96, 48)"), box).values == (48, 96)
    assert split(Expression("m == 1"), box)[1].names["m.a"].values == (0,)  # type: ignore[union-attr]  # a box is left
    assert split(Expression("m == 1 and m == 0"), box)[0] is None


def test_bounds_that_forget_a_corner_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(a: Interval, b: Interval) -> tuple[float, float, int]:
        return a.low * b.low, a.high * b.high, SOUND

    monkeypatch.setitem(interval_rules.RULES, "*", careless)

    with pytest.raises(AssertionError):
        test_every_function_keeps_a_cloud_of_points_within_its_bounds("*")
