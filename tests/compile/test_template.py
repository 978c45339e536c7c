"""A program compiled with names in it becomes, with numbers put there, what the compiler makes of these numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.template import Template
from rydberg_qmem.errors import QmemError
from rydberg_qmem.pulses._building import Builder
from rydberg_qmem.running import points
from rydberg_qmem.running.job import Job, prepare, prepare_alike
from rydberg_qmem.verification import _check as check
from tests.strategies import programs

NUMBERS = {"angle", "detuning", "amplitude", "phase", "value", "area", "start", "stop", "x", "y", "w", "if", "initial"}
SETTINGS = (1.0, 0.83, 1.21, 0.0, -0.4)


def lifted(program: rq.Program) -> rq.Program:
    """Return a program whose numbers are multiples of two parameters, s and t = s² + s - 1."""
    told = program.to_dict()

    def lift(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: lift(name, inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [lift(key, inner) for inner in value]
        if key in NUMBERS and isinstance(value, int | float | str) and not isinstance(value, bool):
            return f"({value}) * {'s' if key in ('angle', 'amplitude') else 't'}"
        return value

    body, memory = lift("body", told["body"]), lift("memory", told.get("memory", {}))
    return rq.Program.from_dict(told | {"body": body, "memory": memory, "parameters": {"s": 1, "t": "s * s + s - 1"}})


def agrees(program: rq.Program, values: tuple[float, ...]) -> tuple[bool, bool]:
    """Return whether there is a template, with a plan; each of the settings is held against its own compilation."""
    names = frozenset({"s", "t"} & program.parameters.keys())
    made = []
    for value in values:
        try:
            made.append(compile_program(program, parameters={"s": value}))
        except QmemError:
            continue  # no such setting
    if len(made) < 2:
        return False, False
    template = Template.of((made[0], made[1]), names)
    if template is None:
        return False, False
    for one in made:
        assert template._is(one)
        assert all(template._agrees(number, one) for number in template.plans)
    return True, bool(template.plans)


@settings(max_examples=6, deadline=None)
@given(programs())
def test_numbers_put_into_a_template_give_what_the_compiler_makes_of_them(program: rq.Program) -> None:
    agrees(lifted(program), SETTINGS)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(programs(noisy=True), st.floats(-2, 2, width=16))
def test_numbers_put_into_many_templates_give_what_the_compiler_makes_of_them(
    program: rq.Program, value: float
) -> None:
    agrees(lifted(program), (*SETTINGS, value))


GATES: list[Any] = [
    {"rotate": {"atom": "q", "angle": "s"}},
    {"rotate": {"atom": "a", "angle": "2 * s + x", "axis": "x"}},
    {"cz": {"control": "q", "target": "a"}},
    {"phase_shift": {"atoms": "q", "angle": "s / 2"}},
    {"rotate": {"atom": "q", "angle": 0.7}},
    {"measure": {"atoms": "q", "key": "m"}},
    {"when": {"if": "uniform() < s / 3", "then": [{"reset": {"atoms": "q"}}]}},
    {"set": {"x": "x / 2 + s * m"}},
]
PULSES: list[Any] = [
    {"pulse": {"channel": "rydberg_global", "amplitude": "3 * abs(s)", "detuning": "s + x", "duration_ns": 120}},
    {"pulse": {"channel": "rydberg_global", "phase": "s",
               "amplitude": {"blackman": {"duration_ns": 90, "area": "abs(s)"}}}},
    {"measure": {"atoms": "q", "key": "m", "basis": "ground-rydberg"}},
    {"set": {"x": "x / 2 + s * m"}},
]  # fmt: skip


def program(body: list[Any]) -> rq.Program:
    loop = {"repeat": {"times": 2, "body": body}}
    register = {"atoms": {"q": (0, 0), "a": (7, 0)}}
    return rq.Program(
        name="swept", device="MockDevice", register=register, parameters={"s": 1}, memory={"x": {"initial": "s / 4"}},
        body=[loop],
    )  # fmt: skip


@pytest.mark.parametrize("body", [GATES, PULSES], ids=["gates", "pulses"])
def test_gates_and_pulses_have_templates_with_their_plans(body: list[Any]) -> None:
    assert agrees(program(body), SETTINGS) == (True, True)


def test_a_plan_whose_drives_keep_other_numbers_is_found_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Template, "_schedule", lambda self, made, change: made)

    assert agrees(program(GATES), SETTINGS) == (True, False)


@pytest.mark.parametrize("options", [
    {"shots": 40, "seed": 3}, {"shots": 1500, "seed": 3}, {"shots": 30, "seed": 3, "noise": {"dephasing_rate": 0.4}},
    {"shots": 25, "seed": 3, "noise": {"p_false_pos": 0.1, "amp_sigma": 0.1}},
])  # fmt: skip
@pytest.mark.parametrize("body", [GATES, PULSES], ids=["gates", "pulses"])
def test_points_that_come_late_are_bit_for_bit_those_compiled_before(
    monkeypatch: pytest.MonkeyPatch, body: list[Any], options: Any
) -> None:
    sweep = {"s": [1.0, 0.5, 0.0, -0.25, 1.0, 2.0]}
    before = rq.run(program(body), sweep=sweep, **options)
    monkeypatch.setattr(points, "FEW", 1)
    late = rq.run(program(body), sweep=sweep, **options)

    assert late.equals(before)
    assert all(np.array_equal(late[name], before[name], equal_nan=True) for name in before.data_vars)


def test_a_value_out_of_range_at_a_late_point_is_refused_by_place_rule_and_value() -> None:
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": "s", "duration_ns": 100}}
    made = rq.Program(
        name="swept", device="AnalogDevice", register={"atoms": {"q": (0, 0)}}, parameters={"s": 1}, body=[pulse]
    )  # fmt: skip
    values, done = [1 + k / 100 for k in range(100)], []
    values[77] = 99.0

    with pytest.raises(rq.ProgramError, match=r"body\[0\]\.pulse\.amplitude.* must peak at or below .* peaks at 99"):
        rq.run(made, shots=1, seed=1, sweep={"s": values}, progress=lambda now, total: done.append(now))
    assert done[-1] == 77


def test_what_is_checked_of_a_late_point_is_what_is_checked_of_its_program() -> None:
    job = Job(program(GATES), {}, None, 10, 1, "exact", "auto")
    made = tuple(prepare(job, {"s": value}) for value in (1.0, 0.5))
    template = Template.of(made, frozenset({"s"}))

    assert template is not None
    assert prepare_alike(job, template.bound({"s": 0.7})).parameters == {"s": 0.7}


def test_a_sweep_of_many_points_is_compiled_and_scheduled_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def counted(of: Any, name: str) -> None:
        real = getattr(of, name)

        def call(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return real(*args, **options)

        monkeypatch.setattr(of, name, call)

    counted(check, "compile_program")
    counted(Builder, "run")
    body = [{"rotate": {"atom": "q", "angle": "s"}}, {"measure": {"atoms": "q", "key": "m"}}]
    made = rq.Program(name="rabi", register={"atoms": {"q": (0, 0)}}, parameters={"s": 1}, body=body)

    record = rq.run(made, shots=1, seed=1, sweep={"s": [0.1 + k / 40 for k in range(200)]})

    assert record.sizes["point"] == 200
    assert calls["compile_program"] <= 2
    assert calls["run"] <= 4
