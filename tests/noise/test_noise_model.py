"""Noise and hardware as data: in programs, in Python, from Pulser, on the command line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pulser import NoiseModel
from typer.testing import CliRunner

import rydberg_qmem as rq
from rydberg_qmem.cli import app
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.noise import Noise

FULL = NoiseModel(
    relaxation_rate=0.1,
    temperature=20.0,
    detuning_sigma=0.3,
    eff_noise_rates=(0.2,),
    eff_noise_opers=(np.array([[0, 1j], [0, 0]]),),
    p_false_pos=0.02,
)


def noisy(**more: Any) -> rq.Program:
    return rq.Program.from_dict({**rq.load("two_port_memristor").to_dict(), **more})


def test_a_noise_model_of_pulser_comes_back_as_it_was() -> None:
    made = Noise.of(FULL)

    assert made is not None
    assert Noise.of(made.to_dict()) == made
    assert made.to_pulser().to_abstract_repr() == FULL.to_abstract_repr()


def test_every_field_of_pulsers_noise_is_a_field_here() -> None:
    from dataclasses import fields

    theirs = {field.name for field in fields(NoiseModel)} - {"noise_types", "runs", "samples_per_run"}

    assert set(Noise.model_fields) == theirs


def test_programs_with_noise_go_through_files() -> None:
    made = noisy(noise=Noise.of(FULL).to_dict(), hardware={"imaging_us": 12, "confusion": {"a": [[1, 0], [0.1, 0.9]]}})  # type: ignore[union-attr]  # FULL does something

    assert rq.Program.from_yaml(made.to_yaml()) == made
    assert rq.Program.from_json(made.to_json()) == made


def test_noise_and_hardware_count_in_the_fingerprint_only_where_given() -> None:
    plain = rq.load("two_port_memristor")

    assert plain.fingerprint() == "dd1d4d64a2d8f943efca7d86f3894d3c7516ae4368a6f6700163fcfc819f08ea"
    assert noisy(hardware="zoned_2024").fingerprint() != plain.fingerprint()
    assert noisy(noise={"relaxation_rate": 0.1}).fingerprint() != plain.fingerprint()


def test_a_program_brings_its_own_noise_and_a_run_may_replace_it() -> None:
    made = noisy(noise={"p_false_pos": 0.5}, hardware="fast_cavity")
    options: dict[str, Any] = {"shots": 50, "seed": 1, "rounds": 2, "emulator": "ideal"}
    with pytest.raises(rq.InputError, match="both have readout errors"):
        rq.run(made, **options)

    own = rq.run(made, **options, hardware="ideal")
    replaced = rq.run(made, **options, noise={})

    assert json.loads(own.attrs["noise_json"]) == {"p_false_pos": 0.5}
    assert json.loads(replaced.attrs["noise_json"]) is None
    assert json.loads(replaced.attrs["hardware_json"])["name"] == "fast_cavity"


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({"relax_rate": 1}, "noise.relax_rate: is not known here; did you mean 'relaxation_rate'"),
        ({"relaxation_rate": -1}, "'relaxation_rate' must be greater than or equal to zero"),
        ({"trap_waist": 1.0, "temperature": 5.0}, "'trap_depth' must be"),
        ({"with_leakage": True}, "effective noise operator must be defined"),
    ],
)
def test_bad_noise_is_refused_with_its_field(noise: dict[str, Any], message: str) -> None:
    with pytest.raises(rq.ProgramError, match=message):
        rq.run("rabi", shots=10, noise=noise)


def test_relaxation_without_a_rydberg_level_is_refused() -> None:
    body = [{"rotate": {"atom": "q", "angle": 1}}, {"measure": {"atoms": "q", "key": "m"}}]
    made = rq.Program.from_dict({"name": "x", "register": {"atoms": {"q": (0, 0)}}, "body": body})
    with pytest.raises(rq.QmemError, match=r"noise\.relaxation_rate: takes r to g, but the levels are g, h"):
        rq.run(made, shots=10, noise={"relaxation_rate": 0.1})


def test_unknown_hardware_is_refused_where_the_file_has_it() -> None:
    with pytest.raises(rq.ProgramError, match=r"5:.*hardware: must be one of ideal, zoned_2024, fast_cavity"):
        rq.Program.from_yaml(
            "format: rydberg_qmem-program/1\nname: x\nregister: {atoms: {q: [0, 0]}}\nbody: []\nhardware: zoned\n"
        )


def test_own_profiles_say_that_their_numbers_are_given() -> None:
    assert HardwareProfile(imaging_us=3).rows() == [("imaging_us", "3.0", "given by you")]


def command(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_line_shows_profiles_with_sources() -> None:
    shown = command("show", "--hardware", "zoned_2024")

    assert "Bluvstein" in shown
    assert "from memory" in shown


def test_the_command_line_runs_with_noise_and_hardware(tmp_path: Any) -> None:
    path = tmp_path / "noise.yaml"
    path.write_text("p_false_pos: 0.05\n")
    store = tmp_path / "r.zarr"

    command("run", "rabi", "--shots", "20", "--noise", str(path), "--hardware", "ideal", "-o", str(store))

    shown = command("info", str(store))
    assert "p_false_pos 0.05" in shown
    assert "ideal" in shown
