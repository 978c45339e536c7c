"""Circuits at the command line: `rqm import` and `rqm export --to openqasm`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import rydberg_qmem as rq
from rydberg_qmem.cli import app

pytest.importorskip("openqasm3.parser")
CIRCUIT = 'include "stdgates.inc";\ninput float theta;\nqubit q;\nbit c;\nry(theta) q;\nc = measure q;\n'


def rqm(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def circuit(tmp_path: Path) -> Path:
    path = tmp_path / "coin.qasm"
    path.write_text(CIRCUIT, encoding="utf-8")
    return path


def test_a_circuit_is_imported_and_exported_again(circuit: Path, tmp_path: Path) -> None:
    made, again = tmp_path / "coin.yaml", tmp_path / "again.qasm"

    assert rqm("import", circuit, "--set", "theta=pi / 3", "-o", made).exit_code == 0
    assert rq.load(made).name == "coin"
    assert rqm("export", made, "--to", "openqasm", "-o", again).exit_code == 0
    assert "ry((pi / 3)) q;" in again.read_text(encoding="utf-8")


def test_without_an_output_the_circuit_goes_to_the_terminal(circuit: Path) -> None:
    assert "format: rydberg_qmem-program/1" in rqm("import", circuit, "--set", "theta=1").stdout
    assert rqm("export", "zeno", "--to", "openqasm").stdout.startswith("OPENQASM 3.0;")


@pytest.mark.parametrize(("arguments", "said"), [
    (("import", "C"), "theta: is an input of the file"),
    (("import", "C", "--key", "x"), "--key: is for Pulser sequences"),
    (("export", "zeno", "--to", "qasm"), "--to: must be pulser or openqasm; did you mean 'openqasm'?"),
    (("export", "zeno", "--to", "openqasm", "--round", "1"), "excludes --value and --round"),
    (("export", "rabi", "--to", "openqasm"), "OpenQASM has no pulses"),
    (("export", "zeno"), "--output: name a new folder"),
    (("export", "zeno", "--without-probes"), "--without-probes: goes with --to openqasm"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused_by_name(circuit: Path, arguments: tuple[str, ...], said: str) -> None:
    result = rqm(*(circuit if argument == "C" else argument for argument in arguments))

    assert result.exit_code == 2
    assert said in result.stderr


def test_probes_are_left_out_where_that_is_asked_for() -> None:
    assert rqm("export", "teleportation", "--to", "openqasm").exit_code == 2
    assert rqm("export", "teleportation", "--to", "openqasm", "--without-probes").exit_code == 0
