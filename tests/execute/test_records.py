"""The record: its layout, its meaning in words, and what stands where nothing was measured."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.store.records import outcome_arrays
from tests.strategies import programs

LOOP = [
    {"rotate": {"atom": "a", "angle": "theta"}},
    {"rotate": {"atom": "b", "angle": 1}},
    {"measure": {"atoms": ["b", "a"], "key": "m"}},
    {"when": {"if": "m.a", "then": [{"measure": {"atoms": "a", "key": "n"}}]}},
    {"set": {"x": "x + m.a"}},
    {"push": {"w": "m.b"}},
    {"probe": {"atoms": "all", "key": "q", "occupation": True, "density_matrix": True}},
    {"delay": {"duration_ns": 1000}},
]
PROGRAM = rq.Program(
    name="layout",
    about="What a record holds.",
    register={"atoms": {"a": [0, 0], "b": [5, 0]}},
    parameters={"theta": 1, "rounds": 3},
    inputs={"u": {"default": "k / 2", "rounds": "rounds"}},
    memory={"x": {}, "y": {"initial": "theta"}, "w": {"window": 2}},
    body=[{"repeat": {"over": "u", "body": LOOP}}, {"measure": {"atoms": "b", "key": "last"}}],
)
SHOTS = 40


@cache
def sampled() -> Any:
    return rq.run(PROGRAM, shots=SHOTS, seed=1)


@cache
def exact() -> Any:
    return rq.run(PROGRAM, shots=None)


@cache
def swept() -> Any:
    return rq.run(PROGRAM, shots=SHOTS, seed=1, sweep={"rounds": [2, 4], "theta": [0.5, 1]})


def layout(record: Any) -> dict[str, tuple[tuple[str, ...], str]]:
    return {str(name): (variable.dims, str(variable.dtype)) for name, variable in record.data_vars.items()}


# --- layout ---


def test_a_sampled_record_has_these_variables() -> None:
    assert layout(sampled()) == {
        "m": (("shot", "round", "m_atom"), "int8"),
        "n": (("shot", "round"), "int8"),
        "last": (("shot",), "int8"),
        "x": (("shot", "round"), "float64"),
        "x_final": (("shot",), "float64"),
        "y": (("shot",), "float64"),
        "u": (("round",), "float64"),
        "q_occupation": (("round", "q_atom"), "float64"),
        "q_density_matrix": (("round", "q_row", "q_column"), "complex128"),
        "time_us": (("round",), "float64"),
    }
    assert dict(sampled().sizes) == {
        "shot": SHOTS, "round": 3, "m_atom": 2, "q_atom": 2, "q_row": 4, "q_column": 4,
    }  # fmt: skip


def test_an_exact_record_has_the_same_variables_without_shots() -> None:
    assert layout(exact()) == {
        name: (
            tuple(dim for dim in dims if dim != "shot"),
            "complex128" if name == "q_density_matrix" else "float64",
        )
        for name, (dims, _) in layout(sampled()).items()
    }


def test_a_sweep_adds_the_dimension_point() -> None:
    assert layout(swept()) == {name: (("point", *dims), dtype) for name, (dims, dtype) in layout(sampled()).items()}
    assert swept().rounds.dims == swept().theta.dims == ("point",)


def test_coordinates_are_names_and_numbers() -> None:
    record = sampled()

    assert record.m_atom.values.tolist() == ["b", "a"]
    assert record.q_row.values.tolist() == ["gg", "gh", "hg", "hh"]
    assert record["round"].values.tolist() == [0, 1, 2]
    assert record.shot.values.tolist() == list(range(SHOTS))
    assert record.m.sel(m_atom="a").dims == ("shot", "round")


def test_every_variable_says_what_it_is_and_in_which_unit() -> None:
    for record in (sampled(), exact(), swept()):
        for name, variable in record.data_vars.items():
            assert variable.attrs["long_name"], name
            assert variable.attrs["units"] == ("µs" if name == "time_us" else "1")


def test_outcomes_explain_their_flags() -> None:
    for name in ("m", "n", "last"):
        assert sampled()[name].attrs["flag_values"] == [-1, 0, 1]
        assert sampled()[name].attrs["flag_meanings"] == "not_measured zero one"


@given(programs())
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_records_of_random_programs_have_the_layout_of_the_compiler(drawn: rq.Program) -> None:
    compiled = compile_program(drawn)
    record = rq.run(drawn, shots=20, seed=1)

    assert set(map(str, record.data_vars)) == {variable.name for variable in compiled.variables}
    for variable in compiled.variables:
        dims = (*variable.loops, *variable.extra_dims)
        assert record[variable.name].dims in (dims, ("shot", *dims))
        assert record[variable.name].dtype == variable.dtype


# --- values ---


def test_what_was_not_measured_is_minus_one() -> None:
    record = sampled()
    measured = record.m.sel(m_atom="a").values == 1

    assert (record.n.values[measured] == 1).all()
    assert (record.n.values[~measured] == -1).all()
    assert measured.any() and not measured.all()  # noqa: PT018  # both cases are there


def test_memory_is_the_value_in_force_when_the_round_begins() -> None:
    record = sampled()
    clicks = record.m.sel(m_atom="a").values.astype(float)

    assert (record.x.values[:, 0] == 0).all()
    assert (record.x.values[:, 1:] == clicks.cumsum(axis=1)[:, :-1]).all()
    assert (record.x_final.values == clicks.sum(axis=1)).all()
    assert (record.y.values == 1).all()


def test_inputs_and_times_belong_to_the_rounds() -> None:
    turns = 2  # rotations, each on its own atom, and 1 µs of waiting

    assert sampled().u.values.tolist() == [0, 0.5, 1]
    gaps = np.diff(sampled().time_us.values)
    assert gaps == pytest.approx(gaps[0])
    assert 1 < gaps[0] < 1 + turns


def test_exact_means_are_those_of_what_was_measured() -> None:
    assert exact().n.values == pytest.approx([1, 1, 1])
    assert float(exact().m.sel(m_atom="a")[0]) == pytest.approx(np.sin(0.5) ** 2, abs=1e-9)


def test_what_is_never_measured_is_minus_one_or_nan() -> None:
    never = {"when": {"if": "0", "then": [{"measure": {"atoms": "a", "key": "m"}}]}}
    program = rq.Program(name="p", register={"atoms": {"a": [0, 0]}}, body=[{"repeat": {"times": 2, "body": [never]}}])

    assert rq.run(program, shots=3).m.values.tolist() == [[-1, -1]] * 3
    assert np.isnan(rq.run(program, shots=None).m.values).all()


def test_a_program_without_a_measurement_has_a_record_too() -> None:
    record = rq.run(rq.Program(name="p", register={"atoms": {"a": [0, 0]}}, body=[]), shots=3)

    assert dict(record.data_vars) == {}
    assert record.sizes["shot"] == 3


# --- sweeps ---


def test_points_are_all_combinations_the_last_parameter_first() -> None:
    assert swept().rounds.values.tolist() == [2, 2, 4, 4]
    assert swept().theta.values.tolist() == [0.5, 1, 0.5, 1]


def test_shorter_points_are_filled_up() -> None:
    record = swept()
    short = record.isel(point=0, round=slice(2, None))

    assert record.sizes["round"] == 4
    assert record.m.dtype == np.int8
    assert (short.m.values == -1).all()
    assert (short.n.values == -1).all()
    for name in ("x", "u", "time_us", "q_occupation"):
        assert np.isnan(short[name].values).all(), name
    assert (record.m.isel(point=2).values != -1).all()


def test_a_point_of_a_sweep_is_the_exact_run_of_its_parameters() -> None:
    sweep = rq.run(PROGRAM, shots=None, sweep={"theta": [0.5, 1]})
    alone = rq.run(PROGRAM, shots=None, parameters={"theta": 0.5})

    for name in alone.data_vars:
        np.testing.assert_allclose(sweep[name].isel(point=0).values, alone[name].values, atol=1e-12, err_msg=str(name))


def test_swept_parameters_are_coordinates_and_the_others_attributes() -> None:
    one = rq.run(PROGRAM, shots=None, sweep={"theta": [0.5, 1]}, parameters={"rounds": 2})

    assert json.loads(one.attrs["parameters_json"]) == {"rounds": 2}
    assert json.loads(exact().attrs["parameters_json"]) == {"theta": 1, "rounds": 3}


def test_parameters_that_follow_from_swept_ones_are_not_told_as_if_fixed() -> None:
    program = rq.Program(
        name="p", register={"atoms": {"a": [0, 0]}}, parameters={"a": 1, "b": "2 * a", "c": 3}, body=[]
    )
    record = rq.run(program, shots=None, sweep={"a": [1, 2]})

    assert json.loads(record.attrs["parameters_json"]) == {"c": 3}


@pytest.mark.parametrize(
    ("sweep", "rule"),
    [
        ({"thet": [1]}, "no parameter 'thet'; did you mean 'theta'?"),
        ({"theta": []}, "sweep.theta: must have at least one value"),
        ({"u": [1]}, "no parameter 'u'"),
    ],
)
def test_a_sweep_that_is_none_is_refused(sweep: dict[str, Any], rule: str) -> None:
    with pytest.raises(rq.InputError) as caught:
        rq.run(PROGRAM, shots=2, sweep=sweep)
    assert rule in str(caught.value)


# --- provenance ---


def test_a_record_explains_itself() -> None:
    attrs = sampled().attrs

    assert rq.Program.from_json(attrs["program_json"]) == PROGRAM
    assert attrs["program_sha256"] == PROGRAM.fingerprint()
    assert (attrs["title"], attrs["summary"]) == ("layout", "What a record holds.")
    assert (attrs["seed"], attrs["shots"], attrs["emulator"]) == ("1", SHOTS, "exact")
    assert (attrs["device"], attrs["levels"]) == ("DigitalAnalogDevice", "g h")
    assert datetime.fromisoformat(attrs["created_at"]).tzinfo is not None
    assert json.loads(attrs["versions_json"])["rydberg_qmem"] == rq.__version__


def test_an_exact_record_has_no_seed_and_tells_what_it_dropped() -> None:
    attrs = exact().attrs

    assert (attrs["seed"], attrs["shots"]) == ("none", "exact")
    assert 0 <= attrs["pruned_probability"] < 1e-9


def test_attributes_are_texts_and_numbers() -> None:
    for record in (sampled(), exact(), swept()):
        assert all(isinstance(value, str | int | float) for value in record.attrs.values())


def test_a_record_tells_this_and_neither_machine_nor_user() -> None:
    assert set(sampled().attrs) == {
        "title", "summary", "program_json", "program_sha256", "parameters_json", "device", "levels", "machines",
        "shots", "seed", "rng", "emulator", "emulator_json", "state", "noise_json", "hardware_json", "versions_json",
        "git_commit", "created_at", "wall_s", "neglect", "neglected",
    }  # fmt: skip
    assert set(exact().attrs) == {*sampled().attrs, "pruned_probability"}


def test_a_record_runs_again_from_what_it_says() -> None:
    attrs = sampled().attrs
    again = rq.run(rq.Program.from_json(attrs["program_json"]), shots=attrs["shots"], seed=int(attrs["seed"]))

    assert again.drop_attrs().identical(sampled().drop_attrs())


def test_outcomes_are_found_by_their_type() -> None:
    assert set(outcome_arrays(sampled())) == {"m", "n", "last"}
    assert outcome_arrays(exact()) == {}


# --- arguments ---


@pytest.mark.parametrize("shots", [0, -1, 2.5, True, 10**9])
def test_shots_are_a_whole_number_within_bounds(shots: Any) -> None:
    with pytest.raises(rq.InputError, match="shots: must be a whole number from 1 to 100000000"):
        rq.run("rabi", shots=shots)


@pytest.mark.parametrize("seed", [-1, 1.5, False])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(rq.InputError, match="seed: must be a whole number from 0 to"):
        rq.run("rabi", shots=2, seed=seed)


def test_a_record_larger_than_memory_is_refused_before_the_run() -> None:
    with pytest.raises(rq.InputError, match=r"GB.*use fewer shots, rounds or points"):
        rq.run(PROGRAM, shots=10**8)


def test_a_callback_hears_how_far_the_run_is() -> None:
    heard: list[tuple[int, int]] = []
    rq.run("rabi", shots=2500, sweep={"angle": [1, 2]}, progress=lambda done, total: heard.append((done, total)))

    assert heard[-1] == (5000, 5000)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
