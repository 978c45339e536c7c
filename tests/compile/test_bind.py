"""Binding: numbers for parameters and inputs, names for `$atom`, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from rydberg_qmem.compile.bind import bind_block, bind_inputs, bind_parameters, substitute_atom
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.blocks import ForEach, Measure, Pulse, Repeat, Rotate, Set
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from tests.strategies import programs


def program(**more: Any) -> Program:
    return Program(name="p", register={"atoms": {"a": [0, 0]}}, body=[], **more)


SIGNAL = program(parameters={"period": 4}, inputs={"u": {"default": "k / period", "rounds": "2 * period"}})


def refusal(values: Any, rounds: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        bind_inputs(SIGNAL, {"period": 4.0}, {"u": values}, rounds)
    return str(caught.value)


def test_parameters_may_use_each_other_in_any_order() -> None:
    made = program(parameters={"c": "a * b", "b": "a + 1", "a": 2})

    assert bind_parameters(made) == {"c": 6.0, "b": 3.0, "a": 2.0}
    assert bind_parameters(made, {"a": 3}) == {"c": 12.0, "b": 4.0, "a": 3.0}
    assert list(bind_parameters(made)) == ["c", "b", "a"]


@pytest.mark.parametrize("value", ["b", "a", "nothing", "sin(nothing)"])
def test_parameters_that_never_become_numbers_are_refused(value: str) -> None:
    with pytest.raises(InputError, match="depend on each other or on unknown names"):
        bind_parameters(program(parameters={"a": value, "b": "a"}))


@pytest.mark.parametrize("value", ["uniform()", "1e300 * 1e300", "ensemble_mean(2)"])
def test_parameters_must_be_known_and_finite(value: str) -> None:
    with pytest.raises(InputError, match=r"parameters\.a: "):
        bind_parameters(program(parameters={"a": value}))


def test_an_input_has_one_value_per_round() -> None:
    assert bind_inputs(SIGNAL, {"period": 4.0})["u"].tolist() == [k / 4 for k in range(8)]
    assert bind_inputs(SIGNAL, {"period": 4.0}, rounds=3)["u"].tolist() == [0, 0.25, 0.5]


def test_an_input_may_be_given_as_values_or_as_an_expression() -> None:
    assert bind_inputs(SIGNAL, {"period": 4.0}, {"u": [1, 2]})["u"].tolist() == [1, 2]
    assert bind_inputs(SIGNAL, {"period": 4.0}, {"u": "period - k"}, 3)["u"].tolist() == [4, 3, 2]


def test_a_given_input_is_copied() -> None:
    values = np.array([1.0, 2.0])
    made = bind_inputs(SIGNAL, {"period": 4.0}, {"u": values})["u"]

    values[0] = 9

    assert made[0] == 1


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ([1.0, np.nan], "inputs.u: must be finite, but its value of round 1 is nan"),
        ([[1.0], [2.0]], "inputs.u: must be one value per round, a one-dimensional array ((2, 1))"),
        ([], "inputs.u: must be one value per round"),
        (3.0, "inputs.u: must be one value per round"),
        ("k + x", "inputs.u: may use parameters and k, but not x"),
        ("uniform()", "inputs.u: may use parameters and k, but not randomness"),
    ],
)
def test_an_input_of_another_kind_is_refused(values: Any, rule: str) -> None:
    assert rule in refusal(values)


def test_values_and_rounds_must_agree() -> None:
    assert refusal([1, 2, 3], 4) == "inputs.u: has 3 values, but 4 rounds were asked for"


def test_an_unknown_input_is_met_with_a_near_one() -> None:
    with pytest.raises(InputError, match="has no input 'uu'; did you mean 'u'"):
        bind_inputs(SIGNAL, {"period": 4.0}, {"uu": [1]})


def test_binding_a_block_leaves_memory_and_keys_alone() -> None:
    turn = Rotate(atom="a", angle="x + 2 * m.b + A")

    bound = bind_block(turn, {"A": 3.0})

    assert isinstance(bound, Rotate)
    assert bound.angle is not None
    assert bound.angle.names == {"x", "m"}
    assert turn.angle == Expression("x + 2 * m.b + A")


def test_binding_reaches_every_expression_of_a_pulse() -> None:
    shape = {"composite": [{"ramp": {"duration_ns": "T", "start": 0, "stop": "A"}}]}
    pulse = Pulse(channel="c", amplitude=shape, detuning="A", phase="-A", post_phase_shift="2 * A")

    bound = bind_block(pulse, {"A": 3.0, "T": 40.0})

    assert isinstance(bound, Pulse)
    assert isinstance(bound.phase, Expression)
    assert "A" not in str(bound.model_dump(mode="json"))
    assert bound.phase.evaluate({}) == -3


def test_a_repeat_is_bound_where_it_is_walked() -> None:
    loop = Repeat(times="n", body=[Set(values={"x": "n"})])

    assert bind_block(loop, {"n": 3.0}) is loop


def test_an_atoms_name_takes_the_place_of_its_variable_everywhere() -> None:
    loop = Repeat(times=2, body=[Measure(atoms="$q", key="m_$q"), Set(values={"x": "m.$q"})])

    made = substitute_atom(loop, "q", "d1")

    assert made == Repeat(times=2, body=[Measure(atoms="d1", key="m_d1"), Set(values={"x": "m.d1"})])
    assert substitute_atom(made, "q", "other") == made


def test_an_inner_for_each_keeps_its_own_variable() -> None:
    inner = ForEach(atom="all", variable="b", body=[Rotate(atom="$b", angle=1), Measure(atoms="$a", key="k_$a")])

    made = substitute_atom(inner, "a", "q")

    assert made == ForEach(atom="all", variable="b", body=[Rotate(atom="$b", angle=1), Measure(atoms="q", key="k_q")])


def test_a_variable_whose_name_begins_another_ones_leaves_that_alone() -> None:
    block = Measure(atoms=["$a", "$ab"], key="m_$ab")

    assert substitute_atom(block, "a", "q") == Measure(atoms=["q", "$ab"], key="m_$ab")


@given(programs())
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_binding_twice_changes_nothing(drawn: Program) -> None:
    for block in drawn.body:
        once = bind_block(block, {"x": 0.5})

        assert bind_block(once, {"x": 0.25}) == once


def test_an_inner_for_each_of_the_same_name_stands_for_its_own_atoms() -> None:
    inner = ForEach(atom=("b",), body=(Rotate(atom="$atom", angle=1),))

    assert substitute_atom(inner, "atom", "a") == inner
    assert substitute_atom(inner.with_(atom=("$atom", "b")), "atom", "a") == inner.with_(atom=("a", "b"))
