"""The commonest mistakes of a first hour: each is met with place, rule, value, and a way out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rydberg_qmem as rq
from rydberg_qmem.cli import app

HEAD = """\
format: rydberg_qmem-program/1
name: mine
device: DigitalAnalogDevice
register: {atoms: {s: [0, 0], a: [5, 0]}}
memory: {R: {initial: 0.5}}
body:
"""
MEASURE = "  - measure: {atoms: [s, a], key: clicks}\n"
PULSE = "  - pulse: {channel: rydberg_local, atoms: s, amplitude: {constant: {duration_ns: %s, value: %s}}}\n" + MEASURE


def rqm(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(*arguments: str | Path) -> str:
    """Return what a command that must refuse says on stderr: exit code 2, no traceback."""
    result = rqm(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    return str(result.stderr).strip()


BODIES: dict[str, tuple[str, str]] = {
    "a wrong key": (
        MEASURE + "  - set: {R: click.s}\n",
        "8:14: body[1].set.R: is not a known name here; did you mean 'clicks'? ('click')",
    ),
    "an atom that the key does not hold": (
        MEASURE + "  - set: {R: clicks.b}\n",
        "8:14: body[1].set.R: key clicks has no atom b; known: a, s ('clicks.b')",
    ),
    "an atom that is not there": (
        "  - measure: {atoms: [s, b], key: clicks}\n",
        "7:22: body[0].measure.atoms: must be an atom of the register; known: a, s ('b')",
    ),
    "feedforward on a key not yet measured": (
        "  - set: {R: clicks.s}\n" + MEASURE,
        "7:14: body[0].set.R: is a key that is not measured yet at this point: "
        "measure it above, or keep a value in memory ('clicks')",
    ),
    "a pulse over the limit": (
        PULSE % (400, 90),
        "7:58: body[0].pulse.amplitude: must peak at or below 62.8319 rad/µs on rydberg_local of "
        "DigitalAnalogDevice, but peaks at 90",
    ),
    "a negative amplitude": (
        PULSE % (400, -3),
        "7:58: body[0].pulse.amplitude: must not be negative, but reaches -3 rad/µs: turn back by phase π",
    ),
    "a duration in µs": (
        PULSE % (0.4, 3),
        "7:12: body[0].pulse.duration_ns: must be a whole number of nanoseconds, 1 to 100000000 (0.4)",
    ),
    "a duration off the clock": (
        PULSE % (401, 3),
        "7:12: body[0].pulse.duration_ns: must be a multiple of the 4 ns clock of rydberg_local on "
        "DigitalAnalogDevice; rounding up would give 404 (401)",
    ),
    "an expression that does not close": (
        "  - rotate: {atom: s, angle: '2 * asin(sqrt(0.3)'}\n" + MEASURE,
        "7:30: body[0].rotate.angle: is not an expression: '(' was never closed at column 9 of the expression "
        "('2 * asin(sqrt(0.3)')",
    ),
    "a function of NumPy": (
        "  - rotate: {atom: s, angle: arcsin(0.3)}\n" + MEASURE,
        "7:30: body[0].rotate.angle: there is no function 'arcsin'; did you mean 'asin'? at column 1 of the expression "
        "('arcsin(0.3)')",
    ),
    "a hat for a power": (
        "  - set: {R: R^2}\n" + MEASURE,
        "7:14: body[0].set.R: this operator (use + - * / // %, and ** for a power) may not stand here: "
        "only numbers, names, key.atom, window[0], arithmetic, comparisons, and/or/not and functions may "
        "at column 1 of the expression ('R^2')",
    ),
    "a key given twice": (MEASURE + "body: []\n", "8:1: body: is given twice, on line 6 and on line 8"),
    "a tab": ("\t- reset: {atoms: s}\n", "7:1: body: a tab may not stand here: use spaces"),
    "a misspelt block": (
        "  - measrue: {atoms: s, key: m}\n",
        "7:5: body[0]: is not a known block; did you mean 'measure'? ('measrue')",
    ),
    "a block of another language": (
        "  - rx: {atom: s, angle: pi}\n",
        "7:5: body[0]: is not a known block; here it is 'rotate' ('rx')",
    ),
    "a misspelt field": (
        "  - rotate: {atom: s, angel: pi}\n" + MEASURE,
        "7:30: body[0].rotate.angel: is not known here; did you mean 'angle'?",
    ),
    "an atom where fields are wanted": (
        "  - measure: s\n",
        "7:14: body[0].measure: must be a mapping of fields: atoms, key, basis ('s')",
    ),
    "a number as an atom's name": (
        "  - measure: {atoms: 0, key: m}\n",
        "7:22: body[0].measure.atoms: must be a name, in quotes if it looks like a number (0)",
    ),
    "a key used twice": (
        MEASURE + "  - measure: {atoms: s, key: clicks}\n",
        "8:30: body[1].measure.key: already keeps the outcome of s, a ('clicks')",
    ),
    "a channel that is not there": (
        PULSE.replace("rydberg_local", "rydberg") % (400, 3),
        "7:22: body[0].pulse.channel: must be a channel of DigitalAnalogDevice; did you mean 'rydberg_local'? "
        "('rydberg')",
    ),
    "a reflectivity in percent": (
        "  - beam_splitter: {system: s, ancilla: a, reflectivity: 30}\n" + MEASURE,
        "7:58: body[0].beam_splitter.reflectivity: must lie between 0 and 1 (30.0)",
    ),
    "a push to what is no window": (
        MEASURE + "  - push: {R: clicks.s}\n",
        "8:15: body[1].push.R: must be a memory with a window ('R')",
    ),
    "a basis that no atom is driven in": (
        "  - rotate: {atom: s, angle: pi}\n  - measure: {atoms: s, key: m, basis: ground-rydberg}\n",
        "8:40: body[1].measure.basis: must be a basis of the program's levels g, h ('ground-rydberg')",
    ),
}


@pytest.mark.parametrize("mistake", BODIES)
def test_a_mistake_in_the_body_is_told_with_its_place_and_a_way_out(mistake: str, tmp_path: Path) -> None:
    body, message = BODIES[mistake]
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + body)

    assert said("check", path) == f"{path}:{message}"


HEADS: dict[str, tuple[str, str, str]] = {
    "an unknown device": (
        "DigitalAnalogDevice",
        "DigitalAnalogDevce",
        "3:9: device: no device 'DigitalAnalogDevce'; did you mean 'DigitalAnalogDevice'?",
    ),
    "a wrong format line": (
        "program/1",
        "program/2",
        "1:9: format: must be 'rydberg_qmem-program/1' ('rydberg_qmem-program/2')",
    ),
    "atoms too close": (
        "[5, 0]",
        "[2, 0]",
        "4:11: register: The minimal distance between atoms in this device (4 µm) is not respected (up to a precision "
        "of 1e-6 µm) for the pairs: [('s', 'a')]",
    ),
    "atoms too far for a gate": (
        "[5, 0]",
        "[40, 0]",
        "7:9: body[0].cz: atoms s and a are 40.0 µm apart, too far for a blockade CZ of infidelity 0.0001: its π pulse "
        "would last 144410476 ns",
    ),
    "a list of places": (
        "{atoms: {s: [0, 0], a: [5, 0]}}",
        "[[0, 0], [5, 0]]",
        "4:11: register: must be a mapping of fields: atoms, layout, rows, columns, side, layers, n_qubits, units, … "
        "([[0, 0], [5, 0]])",
    ),
}


@pytest.mark.parametrize("mistake", HEADS)
def test_a_mistake_in_the_head_is_told_too(mistake: str, tmp_path: Path) -> None:
    old, new, message = HEADS[mistake]
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD.replace(old, new) + "  - cz: {control: s, target: a}\n" + MEASURE)

    assert said("check", path) == f"{path}:{message}"


def test_degrees_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + "  - rotate: {atom: s, angle: 90}\n" + MEASURE)

    assert (
        "note: " + f"{path}:7:30: body[0].rotate.angle: is 14.3 full turns: angles are in rad"
        in rqm("check", path).stdout
    )
    path.write_text(HEAD + "  - rotate: {atom: s, angle: 90 * pi / 180}\n" + MEASURE)
    assert "note" not in rqm("check", path).stdout


COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "no shots": (
        ("--shots", "0"),
        "--shots: must be at least 1; for expectation values without sampling give --exact (0)",
    ),
    "an unknown emulator": (("--emulator", "extact"), "no emulator 'extact'; did you mean 'exact'?"),
    "an unknown parameter": (
        ("--set", "windw=9"),
        "parameters: program 'two_port_memristor' has no parameter 'windw'; did you mean 'window'?",
    ),
    "a setting without a sign": (("--set", "window 9"), "--set: must be NAME=VALUE ('window 9')"),
    "a window of nothing": (("--set", "window=0"), "memory.seen.window: must be a whole number from 1 to 100000 (0.0)"),
    "an unknown input": (
        ("--input", "n_inn=0.3"),
        "inputs: program 'two_port_memristor' has no input 'n_inn'; did you mean 'n_in'?",
    ),
    "an input beyond its range": (
        ("--input", "n_in=2 * k"),
        "rotate: a control value is not finite (an expression left its domain: 2 * asin(sqrt(n_in)))",
    ),
    "an unknown field of noise": (
        ("--noise", "relaxation=0.1"),
        "noise.relaxation: is not known here; did you mean 'relaxation_rate'?",
    ),
    "an unknown profile": (
        ("--hardware", "zoned"),
        "hardware: no profile 'zoned'; did you mean 'zoned_2024'?; or give a .yaml file",
    ),
    "a picture of no kind": (("--plot", "loop.jpg"), "--plot: must end in .png, .pdf, .svg (loop.jpg)"),
}


@pytest.mark.parametrize("mistake", COMMANDS)
def test_a_mistake_on_the_command_line_is_told(mistake: str) -> None:
    options, message = COMMANDS[mistake]

    assert said(
        "run", "two_port_memristor", *(options if "--shots" in options else ("--shots", "5", *options))
    ).endswith(message)


def test_an_emulator_of_two_levels_says_who_knows_three() -> None:
    from rydberg_qmem.compile.segments import compile_program
    from rydberg_qmem.emulators.protocol import Capabilities
    from rydberg_qmem.emulators.requirements import check_capabilities

    class Two:
        name, capabilities = "two", Capabilities(frozenset({("r", "g")}))

    with pytest.raises(rq.InputError) as caught:
        check_capabilities(Two(), compile_program(rq.load("two_port_memristor")), exact=False)  # type: ignore[arg-type]  # the mistake is the test

    assert "cannot run the levels {r, g, h}" in str(caught.value)
    assert str(caught.value).endswith("it knows {r, g}; exact, ideal and qutip know all")


def test_a_wrong_name_is_met_with_the_nearest() -> None:
    assert said("run", "two_port_memrister").endswith("did you mean 'two_port_memristor'?")


@pytest.mark.parametrize("command", [("info",), ("resume",)])
def test_what_is_no_record_says_what_a_record_is(command: tuple[str, ...], tmp_path: Path) -> None:
    file, folder = tmp_path / "mine.yaml", tmp_path / "empty"
    file.write_text(HEAD)
    folder.mkdir()

    assert "a file; a record is the folder that `-o` or `store=` wrote" in said(*command, file)
    assert "a record" in said(*command, folder)
    assert "no such folder" in said(*command, tmp_path / "nowhere.zarr")


PYTHON: dict[str, tuple[Callable[[], object], str]] = {
    "a field left out": (lambda: rq.Measure(atoms="s"), "measure.key: is missing"),  # type: ignore[call-arg]  # the mistake is the test
    "a misspelt field": (
        lambda: rq.Measure(atom="s", key="m"),  # type: ignore[call-arg]  # the mistake is the test
        "measure.atoms: is missing\nmeasure.atom: is not known here; did you mean 'atoms'?",
    ),
    "a name with a space": (
        lambda: rq.Program(name="my program", register={"atoms": {"s": (0, 0)}}, body=()),
        "name: must be a name: letters, digits, underscores; a letter first ('my program')",
    ),
    "atoms without the word": (
        lambda: rq.Program(name="p", register={"s": (0, 0)}, body=()),
        "register.s: is not known here; known: atoms, between_um, col_spacing_um, columns, layers, layout, n_qubits, "
        "names, prefix, roles, row_spacing_um, rows, …",
    ),
    "no shots": (
        lambda: rq.run("rabi", shots=0),
        "shots: must be a whole number from 1 to 100000000, or None for an exact run (0)",
    ),
    "an input too short": (
        lambda: rq.run("two_port_memristor", inputs={"n_in": [0.1, 0.2]}, rounds=10, shots=5),
        "inputs.n_in: has 2 values, but 10 rounds were asked for",
    ),
    "inputs of two lengths": (
        lambda: rq.run("crossed_memristors", inputs={"n_1": [0.1, 0.2]}, shots=5),
        "body[0].repeat.over: inputs must be equally long ({'n_1': 2, 'n_2': 48})",
    ),
    "a sweep of one number": (
        lambda: rq.run("two_port_memristor", sweep={"window": 3}, shots=5),  # type: ignore[dict-item]  # the mistake is the test
        "sweep.window: must be a list of values (3)",
    ),
    "a record that is not there": (
        lambda: rq.open_record("nowhere.zarr"),
        "nowhere.zarr: no record there (no such folder)",
    ),
}


@pytest.mark.parametrize("mistake", PYTHON)
def test_a_mistake_in_python_is_told_in_the_same_words(mistake: str) -> None:
    call, message = PYTHON[mistake]

    with pytest.raises(rq.InputError) as caught:
        call()
    assert str(caught.value).endswith(message)


def test_a_variable_that_the_record_does_not_have_is_met_with_the_nearest() -> None:
    record = rq.run("two_port_memristor", shots=5, seed=1, rounds=2, emulator="ideal")

    with pytest.raises(rq.InputError, match="drive must name a variable of the record, but is 'n_inn'; did you mean"):
        rq.analysis.hysteresis(record, drive="n_inn", response="clicks.s")
    with pytest.raises(rq.InputError, match=r"response 'clicks' must name one atom, clicks\.a say"):
        rq.analysis.hysteresis(record, drive="n_in", response="clicks")


def test_a_missing_extra_is_told_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(
        "rydberg_qmem.emulators.requirements.find_spec", lambda name: None if name == "emu_sv" else there(name)
    )
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)

    with pytest.raises(rq.InputError, match=r"needs the package emu-sv: pip install 'rydberg_qmem\[emu\]'"):
        rq.run("rabi", shots=5, emulator="emu_sv")
    for name in [name for name in sys.modules if name.startswith("rydberg_qmem.learning")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(rq.QmemError, match=r"scikit-learn: pip install rydberg_qmem\[learn\]"):
        _ = __import__("rydberg_qmem.learning", fromlist=["MemristorReservoir"]).MemristorReservoir
