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
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.noise_settings import NoiseSettings, check_noise
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.noise import LINDBLAD, PREPARATION_AND_READOUT, SHOT_TO_SHOT, Noise

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

    assert plain.fingerprint() == "7f2997ec7eb3d8c6b3808c68f3812f13d99fa22ec66481d02db311ec0f3b708f"
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


DAMPING = {"eff_noise_rates": [0.5], "eff_noise_opers": [[[0, 0], [1, 0]]]}
FIELDS: dict[str, dict[str, Any]] = {
    "state_prep_error": {"state_prep_error": 0.3},
    "p_false_pos": {"p_false_pos": 0.3},
    "p_false_neg": {"p_false_neg": 0.3},
    "temperature": {"temperature": 1000.0},
    "trap_waist": {"trap_waist": 1.0, "trap_depth": 100.0, "temperature": 50.0, "disable_doppler": True},
    "laser_waist": {"laser_waist": 5.0},
    "amp_sigma": {"amp_sigma": 0.2},
    "detuning_sigma": {"detuning_sigma": 3.0},
    "detuning_hf_psd": {"detuning_hf_psd": (0.5, 0.4, 0.2), "detuning_hf_omegas": (5.0, 20.0, 50.0)},
    "dmm_sigma": {"dmm_sigma": 0.5},
    "detuning_map_spot_waist": {"detuning_map_spot_waist": 8.0},
    "relaxation_rate": {"relaxation_rate": 0.5},
    "dephasing_rate": {"dephasing_rate": 0.5},
    "hyperfine_dephasing_rate": {"hyperfine_dephasing_rate": 5.0},
    "depolarizing_rate": {"depolarizing_rate": 0.5},
    "eff_noise_rates": DAMPING,
    "with_leakage": {"with_leakage": True, "eff_noise_rates": [0.5],
                     "eff_noise_opers": [[[0, 0, 0], [0, 0, 0], [1, 0, 0]]]},
}  # fmt: skip
"""For each field that does something: noise with it that nobody could miss."""


def driven(field: str) -> rq.Program:
    """Two atoms under every kind of drive; the hyperfine level is there only where a field is about it."""
    shape = {"constant": {"duration_ns": 400, "value": 6.0}}
    body: list[Any] = [{"pulse": {"channel": "rydberg_global", "amplitude": shape, "detuning": 2.0}}]
    if field == "hyperfine_dephasing_rate":
        half = {"constant": {"duration_ns": 100, "area": "pi / 2"}}
        body += [{"pulse": {"channel": "raman_local", "atoms": "q", "amplitude": half}}] * 2
    elif field in ("dmm_sigma", "detuning_map_spot_waist"):
        light = {"constant": {"duration_ns": 200, "value": -9.0}}
        body += [{"detuning_map": {"channel": "dmm_0", "weights": {"q": 0.7, "p": 0.3}, "detuning": light}}, *body]
    body += [{"probe": {"atoms": "all", "occupation": True, "key": "n"}}, {"measure": {"atoms": "all", "key": "m"}}]
    register = {"atoms": {"q": (0.0, 0.0), "p": (7.0, 3.0)}}
    return rq.Program.from_dict({"name": "driven", "device": "MockDevice", "register": register, "body": body})


def test_the_table_of_fields_holds_all_that_do_something() -> None:
    assert set(FIELDS) == {*LINDBLAD, *SHOT_TO_SHOT, *PREPARATION_AND_READOUT}
    assert all(name in Noise(**fields).active for name, fields in FIELDS.items())


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_is_ignored(field: str) -> None:
    options: dict[str, Any] = {"shots": 300, "seed": 1, "emulator": "exact"}
    clean = rq.run(driven(field), **options)

    noisy = rq.run(driven(field), noise=FIELDS[field], **options)

    if field.startswith("p_"):  # the state does not notice
        assert abs(clean.m.mean("shot") - noisy.m.mean("shot")).max() > 3 * np.sqrt(0.5 / 300)
    else:
        assert abs(clean.n - noisy.n).max() > 1e-3


@pytest.mark.parametrize("emulator", ["exact", "ideal", "qutip", "emu_sv", "emu_mps"])
@pytest.mark.parametrize("field", FIELDS)
def test_each_emulator_follows_a_field_or_refuses_it_by_name(emulator: str, field: str) -> None:
    compiled = compile_program(driven(field))
    engine = emulator_of(emulator)
    noise_settings = NoiseSettings(Noise(**FIELDS[field]))
    refused = [name for name in noise_settings.fields if name.partition(".")[2] not in engine.capabilities.noise]

    if refused:
        with pytest.raises(rq.QmemError, match=rf"emulator '{engine.name}' cannot follow {refused[0]}"):
            check_noise(noise_settings, engine, compiled, exact=False)
    elif field != "with_leakage":  # its fourth level comes with the compilation of a run
        check_noise(noise_settings, engine, compiled, exact=False)
    assert bool(refused) == (field not in engine.capabilities.noise)
    assert not refused or emulator != "exact"


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
