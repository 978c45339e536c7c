"""A typing mistake does not become a variable, and what nothing reads is told."""

from __future__ import annotations

from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import ProgramError


def program(*body: dict[str, Any], **more: Any) -> rq.Program:
    data = {"format": "rydberg_qmem-program/1", "name": "declared", "register": {"atoms": {"q": [0, 0]}}}
    return rq.Program.from_dict({**data, **more, "body": [*body, {"measure": {"atoms": "q", "key": "m"}}]})


@pytest.mark.parametrize(
    ("name", "meant"),
    [("thetta", "theta"), ("teta", "theta"), ("tehta", "theta"), ("Theta", "theta"), ("reflectivty", "reflectivity")],
)
@pytest.mark.parametrize("around", [None, "repeat", "when", "for_each"])
def test_setting_a_misspelt_name_is_refused_with_the_one_that_was_meant(
    name: str, meant: str, around: str | None
) -> None:
    block: dict[str, Any] = {"set": {name: 1}}
    if around == "repeat":
        block = {"repeat": {"times": 2, "body": [block]}}
    elif around == "when":
        block = {"when": {"if": f"{meant} == 0", "then": [block]}}
    elif around == "for_each":
        block = {"for_each": {"atom": "all", "body": [block]}}

    [problem] = rq.check(program(block, memory={meant: {}}))

    assert problem.place.endswith(f"set.{name}")
    assert problem.rule.startswith(f"is not declared in memory; did you mean {meant!r}?")


@pytest.mark.parametrize("name", ["beta", "x", "logical", "theta"])
def test_setting_another_name_makes_a_variable(name: str) -> None:
    made = program({"set": {name: 3}}, memory={"theta": {}})

    assert rq.check(made) == []
    assert float(rq.run(made, shots=None, emulator="ideal")[name]) == 3


def test_parameters_that_nothing_reads_are_told() -> None:
    parameters = {"a": 1, "b": "a", "c": "b + 1", "d": 2, "w": 3, "r": 2, "i": 0, "alone": 1}
    made = program(
        {"repeat": {"over": "u", "body": [{"rotate": {"atom": "q", "angle": "c * u"}}]}},
        {"when": {"if": "d > 1", "then": [{"push": {"seen": 1}}]}},
        parameters=parameters,
        memory={"seen": {"window": "w", "initial": "i"}},
        inputs={"u": {"default": "k", "rounds": "r"}},
    )

    assert [str(note) for note in rq.check(made).notes] == ["parameters.alone: is read by nothing"]


def test_rounds_without_an_input_are_refused() -> None:
    made = program()

    with pytest.raises(ProgramError, match="rounds: program 'declared' has no input"):
        rq.run(made, rounds=3)
    assert rq.check(made, rounds=3)[0].place == "rounds"


def test_every_ready_sequence_reads_its_parameters() -> None:
    notes = [note for entry in rq.gallery.entries() for note in rq.check(rq.load(entry.name)).notes]

    assert not [note for note in notes if "is read by nothing" in note.rule]
