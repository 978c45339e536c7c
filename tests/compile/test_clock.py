"""The laboratory clock: how long blocks take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile import plan
from rydberg_qmem.compile.clock import Clock, clock_of
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.pulses import build_sequence

PULSE = {
    "pulse": {"channel": "rydberg_local", "atoms": "s", "amplitude": {"constant": {"duration_ns": 200, "value": 3}}}
}
MEASURE = {"measure": {"atoms": "a", "key": "m"}}
WAIT = {"delay": {"duration_ns": 48}}


def clock(*body: dict[str, Any], **fields: Any) -> Clock:
    register = {"atoms": {"s": (0, 0), "a": (5, 0)}}
    return clock_of(compile_program(rq.Program.from_dict({"name": "p", "register": register, "body": body, **fields})))


def test_pulses_and_waits_take_time_and_measurements_none() -> None:
    made = clock(PULSE, WAIT, MEASURE, PULSE)

    assert [made.ns(f"body[{i}].{kind}") for i, kind in enumerate(["pulse", "delay", "measure", "pulse"])] == [
        200, 48, 0, 200,
    ]  # fmt: skip
    assert made.total_ns == 448


def test_waits_between_pulses_of_one_place_count_once() -> None:
    register = {"atoms": {"s": (0, 0), "a": (5, 0)}}
    made = compile_program(rq.Program(name="p", register=register, body=[WAIT, PULSE, WAIT, PULSE]))
    [segment] = made.steps
    assert isinstance(segment, Segment)
    together = replace(segment, blocks=tuple(replace(placed, place="cell") for placed in segment.blocks))

    assert clock_of(replace(made, steps=(together,))).ns("cell") == clock_of(made).total_ns == 2 * 48 + 2 * 200


def test_a_loop_takes_its_count_and_a_loop_within_it_once_more() -> None:
    inner = {"repeat": {"times": 3, "body": [PULSE, MEASURE]}}
    made = clock({"repeat": {"times": 5, "body": [inner, WAIT]}})

    assert made.counts == {"body[0].repeat": 5, "body[0].repeat.body[0].repeat": 3}
    assert made.ns("body[0].repeat") == 3 * 200 + 48
    assert made.total_ns == 5 * (3 * 200 + 48)


def test_of_a_branch_the_longer_side_counts() -> None:
    made = clock(MEASURE, {"when": {"if": "m == 1", "then": [PULSE], "otherwise": [WAIT]}})

    assert made.ns("body[1].when") == made.total_ns == 200


def test_a_loop_over_atoms_takes_all_of_them() -> None:
    turn = {"when": {"if": "m == 1", "then": [{"rotate": {"atom": "$atom", "angle": "pi"}}]}}
    made = clock(MEASURE, {"for_each": {"atom": "all", "body": [turn]}})

    assert made.ns("body[1].for_each") == made.total_ns > 0
    assert made.ns("body[1].for_each.body[0].when") == made.total_ns


def test_a_time_that_the_run_decides_is_open() -> None:
    wave = {"constant": {"duration_ns": "100 + 100 * m", "value": 1}}
    made = clock(MEASURE, {"pulse": {"channel": "rydberg_local", "atoms": "s", "amplitude": wave}}, PULSE)

    assert made.is_open("body[1].pulse")
    assert made.is_open("")


def test_the_clock_is_that_of_the_run() -> None:
    program = rq.load("two_port_memristor")
    record = rq.run(program, shots=2, seed=1, rounds=3)
    made = clock_of(compile_program(program, rounds=3))

    assert np.diff(record.time_us) == pytest.approx(made.ns("body[0].repeat") / 1000)


def test_a_segment_that_many_look_into_is_scheduled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built, build = [], build_sequence

    def counted(*args: Any, **options: Any) -> Any:
        built.append(0)
        return build(*args, **options)

    looks = [{"probe": {"atoms": "a", "key": f"p{k}", "occupation": True}} for k in range(20)]
    body = [block for look in looks for block in ({"rotate": {"atom": "a", "angle": 0.1}}, look)]
    made = compile_program(rq.Program.from_dict({"name": "p", "register": {"atoms": {"a": (0, 0)}}, "body": body}))
    monkeypatch.setattr(plan, "build_sequence", counted)

    total = clock_of(made).total_ns

    assert total > 0
    assert len(built) == 1
