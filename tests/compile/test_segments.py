"""Cutting a program into segments and non-unitary steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import RepeatStep, Segment, Step, WhenStep
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.blocks import BeamSplitter
from rydberg_qmem.language.program import Program
from rydberg_qmem.programs.cells import beam_splitter

TURN = {"rotate": {"atom": "a", "angle": 1}}
LOOK = {"measure": {"atoms": "a", "key": "m"}}


def compiled(*body: Any, **more: Any) -> Compiled:
    return compile_program(Program(name="p", register={"atoms": {"a": [0, 0], "b": [5, 0]}}, body=body, **more))


def kinds(steps: Iterable[Step]) -> list[str]:
    return [type(step).__name__.removesuffix("Step") for step in steps]


def test_unitary_blocks_between_two_others_are_one_segment() -> None:
    made = compiled(TURN, TURN, LOOK, TURN, {"cz": {"control": "a", "target": "b"}}, {"reset": {"atoms": "a"}})

    assert kinds(made.steps) == ["Segment", "Measure", "Segment", "Reset"]
    assert [len(step.blocks) for step in made.steps if isinstance(step, Segment)] == [2, 2]


def test_segments_are_numbered_in_the_order_of_the_program() -> None:
    made = compiled(TURN, {"repeat": {"times": 2, "body": [TURN, LOOK, TURN]}}, TURN)
    [loop] = [step for step in made.steps if isinstance(step, RepeatStep)]

    inner = [step.index for step in loop.body if isinstance(step, Segment)]
    outer = [step.index for step in made.steps if isinstance(step, Segment)]
    assert (outer, inner) == ([0, 3], [1, 2])


def test_each_block_keeps_its_place() -> None:
    made = compiled(LOOK, {"when": {"if": "m", "then": [TURN], "otherwise": [LOOK, TURN]}})
    [branch] = [step for step in made.steps if isinstance(step, WhenStep)]

    assert branch.place == "body[1].when"
    assert [step.place for step in (*branch.then, *branch.otherwise)] == [
        "body[1].when.then[0].rotate", "body[1].when.otherwise[0].measure", "body[1].when.otherwise[1].rotate",
    ]  # fmt: skip


def test_a_cells_parts_have_the_cells_place() -> None:
    made = compiled({"damp": {"system": "a", "ancilla": "b", "probability": 0.1}})

    assert kinds(made.steps) == ["Segment", "Measure", "When", "Reset"]
    assert {step.place for step in made.steps} == {"body[0].damp"}


def test_rounds_of_a_cell_that_measures_nothing_are_those_of_its_gates() -> None:
    split = BeamSplitter(system="a", ancilla="b", reflectivity=0.5)
    gates = beam_splitter(split)

    [cells], [parts] = (compiled({"repeat": {"times": 3, "body": body}}).steps for body in ([split], gates))
    assert isinstance(cells, RepeatStep)
    assert isinstance(parts, RepeatStep)
    [one], [other] = cells.body, parts.body
    assert isinstance(one, Segment)
    assert isinstance(other, Segment)
    assert [placed.block for placed in one.blocks] == [placed.block for placed in other.blocks]


def test_a_for_each_is_written_out_atom_by_atom() -> None:
    each = {"for_each": {"atom": "all", "body": [TURN | {"rotate": {"atom": "$atom", "angle": 1}}]}}
    both = {"for_each": {"atom": ["b", "a"], "body": [{"measure": {"atoms": "$atom", "key": "m_$atom"}}]}}

    made = compiled(each, both)

    assert kinds(made.steps) == ["Segment", "Measure", "Measure"]
    assert list(made.keys) == ["m_b", "m_a"]


def test_repeats_are_not_written_out() -> None:
    made = compiled({"repeat": {"times": 10**6, "body": [{"repeat": {"times": 10, "body": [TURN]}}]}})
    [outer] = made.steps
    assert isinstance(outer, RepeatStep)
    [inner] = outer.body

    assert isinstance(inner, RepeatStep)
    assert made.rounds == {"round": 10**6, "round_2": 10}
    assert [step.visits for step in inner.body if isinstance(step, Segment)] == [10**7]


def test_repeats_take_their_rounds_from_parameters_and_inputs() -> None:
    inputs = {"u": {"default": "k", "rounds": "n + 1"}, "v": {"default": [1, 2, 3, 4]}}
    loops = [
        {"repeat": {"times": "2 * n", "body": [TURN], "name": "one"}},
        {"repeat": {"over": ["u", "v"], "body": []}},
    ]

    program = Program(name="p", register={"atoms": {"a": [0, 0]}}, parameters={"n": 2}, inputs=inputs, body=loops)
    made = compile_program(program, parameters={"n": 3})

    assert made.rounds == {"one": 6, "round": 4}


def test_inputs_of_one_repeat_are_equally_long() -> None:
    inputs = {"u": {"default": [1, 2]}, "v": {"default": [1, 2, 3]}}

    with pytest.raises(InputError, match=r"body\[0\]\.repeat\.over: inputs must be equally long"):
        compiled({"repeat": {"over": ["u", "v"], "body": [TURN]}}, inputs=inputs)


def test_memory_is_split_into_numbers_and_windows() -> None:
    made = compiled({"set": {"y": 1}}, memory={"x": {"initial": 0.5}, "w": {"window": 3}})

    assert list(made.scalars) == ["x", "y"]
    assert made.windows["w"][0] == 3


def test_parameters_are_replaced_by_their_values() -> None:
    turn = {"rotate": {"atom": "a", "angle": "theta + x"}}
    program = Program(
        name="p", register={"atoms": {"a": [0, 0]}}, parameters={"theta": 1}, memory={"x": {}}, body=[turn]
    )
    [segment] = compile_program(program, parameters={"theta": 0.25}).steps

    assert isinstance(segment, Segment)
    [placed] = segment.blocks
    assert str(placed.block.angle) == "0.25 + x"  # type: ignore[union-attr]  # a rotation


@pytest.mark.parametrize(
    ("body", "levels", "basis"),
    [
        ([TURN], ("g", "h"), "digital"),
        ([{"cz": {"control": "a", "target": "b"}}], ("r", "g", "h"), "digital"),
        ([{"rotate": {"atom": "a", "angle": 1, "basis": "ground-rydberg"}}], ("r", "g"), "ground-rydberg"),
        ([LOOK], ("r", "g"), "ground-rydberg"),
        ([{"measure": {"atoms": "a", "key": "m", "basis": "digital"}}], ("g", "h"), "digital"),
        ([{"repeat": {"times": 2, "body": [{"when": {"if": "1", "otherwise": [TURN]}}]}}], ("g", "h"), "digital"),
    ],
)
def test_the_levels_are_those_that_the_program_drives(body: Any, levels: tuple[str, ...], basis: str) -> None:
    made = compiled(*body)

    assert made.target.levels == levels
    assert made.target.default_basis == basis
