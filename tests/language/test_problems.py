"""What is wrong with a file: every problem at once, each with place, line, column and advice."""

from __future__ import annotations

from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import Problem, ProgramError, did_you_mean, short
from rydberg_qmem.language.problems import place_of

HEAD = "name: p\nregister: {atoms: {a: [0, 0], b: [5, 0]}}\n"
WRONG = (
    HEAD
    + """\
boddy: []
memory: {x: {inital: 0}}
body:
  - rotat: {atom: a, angle: 1}
  - repeat:
      times: 2
      body:
        - rotate: {atom: a, anglee: 1}
        - pulse: {channel: c, amplitude: {constnt: {duration_ns: 1, value: 1}}}
  - when: {if: "x > ", then: [{measure: {atoms: [], key: 1m}}]}
  - rotate
"""
)


def problems(text: str, file: str = "p.yaml") -> list[str]:
    reader = rq.Program.from_json if file.endswith(".json") else rq.Program.from_yaml
    with pytest.raises(ProgramError) as caught:
        reader(text, file=file)
    return [str(problem) for problem in caught.value.problems]


def problem(body: str) -> str:
    [only] = problems(f"{HEAD}body:\n  - {body}\n")
    return only


def test_every_problem_is_told_at_once_with_place_line_and_column() -> None:
    found = problems(WRONG)

    assert sorted(text.partition(": ")[0] for text in found) == sorted([
        "p.yaml:3:8", "p.yaml:4:22", "p.yaml:6:5", "p.yaml:10:37", "p.yaml:11:42", "p.yaml:12:16", "p.yaml:12:49",
        "p.yaml:12:58", "p.yaml:13:5",
    ])  # fmt: skip


def test_each_problem_stands_on_a_line_of_the_message() -> None:
    with pytest.raises(ProgramError) as caught:
        rq.Program.from_yaml(WRONG, file="p.yaml")

    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("rotat: {atom: a, angle: 1}",
         "p.yaml:4:5: body[0]: is not a known block; did you mean 'rotate'? ('rotat')"),
        ("rotate: {atom: a, anglee: 1}",
         "p.yaml:4:31: body[0].rotate.anglee: is not known here; did you mean 'angle'?"),
        ("pulse: {channel: c, amplitude: {constnt: {duration_ns: 4, value: 1}}}",
         "p.yaml:4:36: body[0].pulse.amplitude: is not a known waveform; did you mean 'constant'? ('constnt')"),
        ("rotate: {atom: a, angle: 2 * sqr(x)}",
         "p.yaml:4:30: body[0].rotate.angle: there is no function 'sqr'; did you mean 'sqrt'? "
         "at column 5 of the expression ('2 * sqr(x)')"),
        ("rotate: {atom: a, angle: 1, axis: q}",
         "p.yaml:4:39: body[0].rotate.axis: must be 'x', 'y' or 'z' ('q')"),
        ("measure: {atoms: a, key: 1m}",
         "p.yaml:4:30: body[0].measure.key: must be a name: letters, digits, underscores; a letter first ('1m')"),
        ("measure: {key: m}",
         "p.yaml:4:14: body[0].measure.atoms: is missing"),
        ("measure: {atoms: [a, a], key: m}",
         "p.yaml:4:22: body[0].measure.atoms: must not name an atom twice"),
        ("repeat: {body: []}",
         "p.yaml:4:13: body[0].repeat: must give either times or over"),
        ("repeat: {times: 2, body: [{when: {if: 1, them: []}}]}",
         "p.yaml:4:52: body[0].repeat.body[0].when.them: is not known here; did you mean 'then'?"),
        ("rotate: {atom: a, angle: {value: 3}}",
         "p.yaml:4:30: body[0].rotate.angle: must be a number or a text, not dict ({'value': 3})"),
    ],
)  # fmt: skip
def test_a_problem_says_what_is_meant(body: str, message: str) -> None:
    assert problem(body) == message


@pytest.mark.parametrize("body", ["rotate", "5", "{rotate: {atom: a, angle: 1}, reset: {atoms: a}}", "[]", "~"])
def test_what_is_no_block_is_met_with_the_blocks_there_are(body: str) -> None:
    message = problem(body)

    assert message.startswith(
        "p.yaml:4:5: body[0]: must be a block, written as a mapping with one key; known: add_eom_pulse, "
    )


def test_json_files_have_lines_and_columns_too() -> None:
    text = '{"name": "p",\n "register": {"atoms": {"a": [0, 0]}},\n "body": [\n  {"rotat": {}}]}'

    assert problems(text, "p.json") == ["p.json:4:3: body[0]: is not a known block; did you mean 'rotate'? ('rotat')"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "p.yaml:1:1: "),
        ("name: p", "p.yaml:1:1: register: is missing"),
        ("body: []\nregister: {atoms: {a: [0, 0]}}", "p.yaml:1:1: name: is missing"),
        (HEAD + "body: 3", "p.yaml:3:7: body: "),
        (HEAD + "body: []\nparameters: [1]", "p.yaml:4:13: parameters: "),
        (HEAD + "body: []\nparameters: {a: [1]}", "p.yaml:4:17: parameters.a: "),
        (HEAD + "body: []\ninputs: {u: {default: k}}", "p.yaml:4:13: inputs.u: must say for how many rounds"),
        (HEAD + "body: []\nmemory: {x: {inital: 0}}", "p.yaml:4:22: memory.x.inital: is not known here; did you mean"),
        ("name: p\nbody: []\nregister: {atoms: {a: [0, 0], b: [0, 0]}}", "p.yaml:3:11: register: atoms a and b must"),
        ("name: p\nbody: []\nregister: {layout: rectangl}", "p.yaml:3:20: register.layout: must be 'rectangle'"),
        ("name: p\nbody: []\nregister: {atoms: {a: [0, x]}}", "p.yaml:3:27: register.atoms.a"),
    ],
)
def test_what_stands_around_the_body_is_looked_at_too(text: str, message: str) -> None:
    found = problems(text)

    assert any(one.startswith(message) for one in found), found


def test_a_place_of_two_or_three_coordinates_is_asked_for() -> None:
    found = problems("name: p\nbody: []\nregister: {atoms: {a: [0, 0], b: [1]}}")

    assert all(text.startswith("p.yaml:3:34: register.atoms.b: ") for text in found)
    assert not any("is missing" in text for text in found)


def test_python_data_have_places_without_lines() -> None:
    with pytest.raises(ProgramError) as caught:
        rq.Program.from_dict({"name": "p", "register": {"atoms": {"a": (0, 0)}}, "body": [{"rotat": {}}]})

    assert str(caught.value) == "body[0]: is not a known block; did you mean 'rotate'? ('rotat')"


def test_a_hundred_problems_are_a_hundred_lines() -> None:
    body: list[Any] = [{"measure": {"atoms": [], "key": f"m{i}"}} for i in range(100)]

    with pytest.raises(ProgramError) as caught:
        rq.Program.from_dict({"name": "p", "register": {"atoms": {"a": (0, 0)}}, "body": body})
    assert len(caught.value.problems) == 100


@pytest.mark.parametrize("depth", [100, 2000])
def test_blocks_nested_without_end_are_refused(depth: int) -> None:
    block: dict[str, Any] = {"reset": {"atoms": "a"}}
    for _ in range(depth):
        block = {"repeat": {"times": 1, "body": [block]}}

    with pytest.raises(ProgramError, match="deep"):
        rq.Program.from_dict({"name": "p", "register": {"atoms": {"a": (0, 0)}}, "body": [block]})


def test_places_are_written_as_one_would_read_them() -> None:
    assert place_of(()) == ""
    assert place_of(("body", 0, "when", "then", 1)) == "body[0].when.then[1]"


def test_a_problem_is_written_with_all_that_is_known_of_it() -> None:
    bare = Problem("body[0]", "must fit")

    assert str(bare) == "body[0]: must fit"
    assert str(bare.at("p.yaml", 3, None)) == "p.yaml:3:1: body[0]: must fit"
    assert str(Problem("", "must fit", "'x'", "p.yaml")) == "p.yaml: must fit ('x')"


def test_advice_names_a_near_word_or_the_words_there_are() -> None:
    assert did_you_mean("rottae", ["rotate", "reset"]) == "; did you mean 'rotate'?"
    assert did_you_mean("zzz", ["b", "a"]) == "; known: a, b"
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("zzz", [f"w{i:02}" for i in range(20)]).endswith("w11, …")


def test_values_are_shown_short() -> None:
    assert short("x" * 100) == "'" + "x" * 58 + "…"
    assert short(10**5000) == "<int too large to print>"
    assert short([1, 2]) == "[1, 2]"
