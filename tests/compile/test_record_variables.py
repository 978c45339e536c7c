"""The record's layout: which variables a program leaves, along which dimensions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from rydberg_qmem.compile.compiled import Compiled, Variable
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.program import Program
from tests.strategies import programs

ONE = {"measure": {"atoms": "a", "key": "m"}}
TWO = {"measure": {"atoms": ["b", "a"], "key": "m"}}


def compiled(*body: Any, **more: Any) -> Compiled:
    return compile_program(Program(name="p", register={"atoms": {"a": [0, 0], "b": [5, 0]}}, body=body, **more))


def variables(*body: Any, **more: Any) -> dict[str, Variable]:
    return {variable.name: variable for variable in compiled(*body, **more).variables}


def repeat(*body: Any, **more: Any) -> dict[str, Any]:
    return {"repeat": {"times": 3, "body": body, **more}}


def dims(variable: Variable) -> tuple[str, ...]:
    return (*variable.loops, *variable.extra_dims)


def test_a_key_has_the_dimensions_of_the_repeats_around_it() -> None:
    assert dims(variables(ONE)["m"]) == ()
    assert dims(variables(repeat(ONE))["m"]) == ("round",)
    assert dims(variables(repeat(repeat(ONE), name="trial"))["m"]) == ("trial", "round")


def test_a_key_of_several_atoms_has_a_dimension_more_named_by_its_atoms() -> None:
    made = compiled(repeat(TWO))

    assert dims(next(v for v in made.variables if v.name == "m")) == ("round", "m_atom")
    assert made.coordinates == {"m_atom": ("b", "a")}


def test_outcomes_are_small_integers() -> None:
    assert variables(ONE)["m"].dtype == "int8"


def test_keys_of_cells_without_a_name_are_not_recorded() -> None:
    damp = {"system": "a", "ancilla": "b", "probability": 0.1}

    assert "click1__" in compiled({"damp": damp}).keys
    assert set(variables({"damp": damp})) == set()
    assert set(variables({"damp": damp | {"key": "click"}})) == {"click"}


def test_memory_set_in_a_repeat_is_recorded_round_by_round_and_at_the_end() -> None:
    made = variables(repeat({"set": {"x": "x + 1"}}), memory={"x": {}, "y": {}})

    assert dims(made["x"]) == ("round",)
    assert dims(made["x_final"]) == dims(made["y"]) == ()
    assert "y_final" not in made


def test_memory_set_in_two_repeats_has_only_an_end() -> None:
    made = variables(repeat({"set": {"x": 1}}), repeat({"set": {"x": 2}}), memory={"x": {}})

    assert dims(made["x"]) == ()


def test_memory_set_in_two_inner_repeats_is_recorded_along_the_outer_one() -> None:
    inner = repeat({"set": {"x": "x + 1"}})

    assert dims(variables(repeat(inner, inner, name="trial"), memory={"x": {}})["x"]) == ("trial",)


def test_windows_are_not_recorded() -> None:
    assert set(variables(repeat({"push": {"w": 1}}), memory={"w": {"window": 2}})) == {"time_us"}


def test_an_input_is_recorded_along_its_repeat() -> None:
    inputs = {"u": {"default": [1, 2]}, "unused": {"default": [1]}}

    made = variables({"repeat": {"over": "u", "body": [ONE]}}, inputs=inputs)

    assert dims(made["u"]) == ("round",)
    assert "unused" not in made


def test_each_repeat_has_its_times() -> None:
    made = variables(
        repeat(repeat(ONE), name="trial"), repeat(ONE | {"measure": {"atoms": "b", "key": "n"}}, name="late")
    )

    assert dims(made["time_us"]) == ("trial",)
    assert dims(made["time_us_round"]) == ("trial", "round")
    assert dims(made["time_us_late"]) == ("late",)
    assert made["time_us"].units == "µs"


PROBES = {
    "occupation": (True, ("n_atom",), (2,)),
    "correlations": (True, ("n_atom", "n_atom_2"), (2, 2)),
    "pauli": (["X", "Z"], ("n_atom", "n_axis"), (2, 2)),
    "density_matrix": (True, ("n_row", "n_column"), (4, 4)),
    "purity": (True, (), ()),
    "entropy": (True, (), ()),
}


@pytest.mark.parametrize("quantity", PROBES)
def test_each_probed_quantity_has_its_shape(quantity: str) -> None:
    asked, extra_dims, shape = PROBES[quantity]
    made = variables(repeat({"probe": {"atoms": "all", "key": "n", quantity: asked}}))

    assert dims(made["n"]) == ("round", *extra_dims)
    assert made["n"].extra_shape == shape


def test_several_probed_quantities_have_the_names_of_key_and_quantity() -> None:
    probe = {"atoms": ["b"], "key": "n", "occupation": True, "purity": True, "density_matrix": True}

    made = compiled({"rotate": {"atom": "a", "angle": 1}}, {"probe": probe})

    assert {v.name for v in made.variables} == {"n_occupation", "n_purity", "n_density_matrix"}
    assert made.coordinates == {"n_atom": ("b",), "n_row": ("g", "h"), "n_column": ("g", "h")}


def test_every_variable_says_what_it_is() -> None:
    made = variables(repeat(ONE, {"set": {"x": "m"}}, {"probe": {"atoms": "a", "key": "n", "purity": True}}))

    assert all(v.long_name and v.units for v in made.values())
    assert made["m"].long_name == "outcome of measuring a"


def test_a_key_in_two_repeats_is_refused() -> None:
    with pytest.raises(InputError, match=r"body\[1\]\.repeat\.body\[0\]\.measure\.key: 'm' is measured in two"):
        compiled(repeat(ONE), repeat(ONE))


@given(programs())
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_variables_of_random_programs_have_different_names_and_known_dimensions(drawn: Program) -> None:
    made = compile_program(drawn)
    names = [variable.name for variable in made.variables]

    assert len(set(names)) == len(names)
    assert {dim for v in made.variables for dim in v.extra_dims} <= set(made.coordinates)
    assert {dim for v in made.variables for dim in v.loops} <= set(made.rounds)
