"""What a wrong program shows: all that can be shown, and what is wrong with it; and texts that are only text."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rydberg_qmem as rq
from rydberg_qmem.cli import app
from rydberg_qmem.errors import QmemError, printable

CONTROL = "\x1b]0;title\x07\x1b[2J\x1b[31mred \u202ereversed\u2066 \x00\x85\u200b"
WRONG: dict[str, dict[str, Any]] = {
    "an atom that is not there": {"measure": {"atoms": "z", "key": "m"}},
    "an input that is not there": {"repeat": {"over": "u", "body": [{"reset": {"atoms": "q"}}]}},
    "one atom twice": {"cz": {"control": "q", "target": "q"}},
    "an atom of a cell": {"damp": {"system": "q", "ancilla": "z", "probability": 0.5}},
    "an atom of a shift": {"phase_shift": {"atoms": "z", "angle": 1}},
    "an atom of a probe": {"probe": {"atoms": "z", "key": "w", "occupation": True}},
    "an atom of an interaction": {"ising": {"couplings": {"q": {"z": 1}}}},
    "a channel": {"pulse": {"channel": "none", "amplitude": 1, "duration_ns": 100}},
    "a map": {"detuning_map": {"weights": {"z": 1}, "detuning": {"constant": {"duration_ns": 100, "value": -1}}}},
    "a name": {"rotate": {"atom": "q", "angle": "nothing"}},
    "a duration": {"delay": {"duration_ns": 1e300}},
    "a number of rounds": {"repeat": {"times": 1e300, "body": []}},
    "a target": {"target": {"channel": "rydberg_local", "atoms": ["z"]}},
    "two gates of one atom": {"exchange": {"atoms": ["q", "z"], "angle": 1}},
    "a setpoint": {"enable_eom_mode": {"channel": "none", "amp_on": 1}},
}


def program(block: dict[str, Any]) -> rq.Program:
    data = {"format": "rydberg_qmem-program/1", "name": "wrong", "register": {"atoms": {"q": [0, 0], "s": [5, 0]}}}
    return rq.Program.from_dict({**data, "body": [block]})


def rqm(*args: object) -> Any:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_is_shown_with_its_problem(name: str, tmp_path: Path) -> None:
    made = program(WRONG[name])
    path = tmp_path / "wrong.yaml"
    path.write_text(made.to_yaml(), encoding="utf-8")
    [problem, *_] = rq.check(made)

    shown = rqm("show", path)

    assert shown.exit_code == 0, shown.output
    assert f"body\n    {made.body[0].kind} " in shown.output
    assert problem.rule in shown.output.partition("problems\n")[2]
    assert problem.rule in html.unescape(made._repr_html_())


@pytest.mark.parametrize("name", WRONG)
def test_what_needs_a_right_program_tells_the_problem(name: str) -> None:
    made = program(WRONG[name])

    for act in (made.draw, made.to_pulser, made.qpu_report):
        with pytest.raises(QmemError):
            act()


def test_texts_leave_with_their_control_characters_escaped(tmp_path: Path) -> None:
    path = tmp_path / "text.json"
    text = {"format": "rydberg_qmem-program/1", "name": "text", "about": CONTROL, "tags": [CONTROL]}
    path.write_text(json.dumps({**text, "register": {"atoms": {"q": [0, 0]}}, "body": []}), encoding="utf-8")
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**text, CONTROL: CONTROL, "register": CONTROL, "body": []}), encoding="utf-8")

    for done in (rqm("show", path), rqm("check", wrong), rqm("check", tmp_path / f"{CONTROL[1:5]}.yaml")):
        assert all(sign.isprintable() or sign == "\n" for sign in done.output), done.output
    assert "\\x1b[31mred \\u202ereversed" in rqm("show", path).output
    loaded = rq.load(path)
    assert all(sign.isprintable() or sign == "\n" for sign in loaded._repr_html_())


def test_line_ends_and_tabs_stay_and_letters_of_any_language() -> None:
    assert printable("µ Ω\n\tπ 量子 é") == "µ Ω\n\tπ 量子 é"
