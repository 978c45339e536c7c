"""Liveness: what is still read after each step."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.liveness import live_after
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import RepeatStep, Step, WhenStep
from rydberg_qmem.language.program import Program
from tests.strategies import programs

MEASURE = {"measure": {"atoms": "a", "key": "m"}}
TURN = {"rotate": {"atom": "a", "angle": "m"}}
MEMORY = {"x": {}, "w": {"window": 2}}


def compiled(*body: Any, memory: Any = None) -> Compiled:
    return compile_program(Program(name="p", register={"atoms": {"a": [0, 0]}}, memory=memory or {}, body=body))


def live(steps: tuple[Step, ...], made: Compiled) -> list[set[str]]:
    return [set(made.live_after[step.number]) for step in steps]


def test_an_outcome_lives_until_it_was_read_last() -> None:
    made = compiled(MEASURE, TURN, {"reset": {"atoms": "a"}})

    assert live(made.steps, made) == [{"m"}, set(), set()]


def test_an_outcome_that_is_measured_again_stays_until_the_exact_mean_has_taken_it_back() -> None:
    made = compiled(MEASURE, MEASURE, TURN)

    assert live(made.steps, made)[0] == {"m"}


def test_memory_lives_to_the_end_for_the_record() -> None:
    made = compiled(MEASURE, {"set": {"x": "m"}}, {"reset": {"atoms": "a"}}, memory=MEMORY)

    assert live(made.steps, made) == [{"m"}, {"x"}, {"x"}]


def test_a_window_that_nobody_reads_is_dead_and_so_is_what_is_pushed() -> None:
    made = compiled(MEASURE, {"push": {"w": "m"}}, memory=MEMORY)

    assert live(made.steps, made) == [{"x"}, {"x"}]


def test_a_window_that_is_read_later_lives() -> None:
    made = compiled(MEASURE, {"push": {"w": "m"}}, {"set": {"x": "mean(w)"}}, memory=MEMORY)

    assert live(made.steps, made)[:2] == [{"m", "w"}, {"w"}]


def test_what_the_next_round_reads_lives_through_the_end_of_this_one() -> None:
    body = [{"rotate": {"atom": "a", "angle": "mean(w)"}}, MEASURE, {"push": {"w": "m"}}]
    made = compiled({"repeat": {"times": 3, "body": body}}, memory={"w": {"window": 2}})
    [loop] = made.steps
    assert isinstance(loop, RepeatStep)

    assert live(loop.body, made) == [{"w"}, {"w", "m"}, {"w"}]
    assert live(made.steps, made) == [set()]


def test_both_sides_of_a_branch_keep_what_comes_after_alive() -> None:
    when = {"when": {"if": "m", "then": [{"set": {"x": 1}}]}}
    made = compiled(MEASURE, when, {"rotate": {"atom": "a", "angle": "x"}}, memory=MEMORY)
    branch = made.steps[1]
    assert isinstance(branch, WhenStep)

    assert live(made.steps, made) == [{"m", "x"}, {"x"}, {"x"}]
    assert live(branch.then, made) == [{"x"}]


@given(programs())
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_working_it_out_twice_changes_nothing(drawn: Program) -> None:
    made = compile_program(drawn)

    assert live_after(made) == made.live_after
    assert all(set(made.scalars) <= made.live_after[step.number] for step in made.steps[-1:])
