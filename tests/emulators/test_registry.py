from __future__ import annotations

import json
from pathlib import Path

import pytest

import rydberg_qmem as rq
from rydberg_qmem.emulators.emu_sv import EmuSv
from rydberg_qmem.emulators.ideal import Ideal
from rydberg_qmem.emulators.qutip import Qutip
from rydberg_qmem.emulators.registry import NAMES, call_of, changed_options, emulator_of, options_of, with_options
from rydberg_qmem.errors import InputError
from rydberg_qmem.report._command import command
from rydberg_qmem.running.stored import resume


@pytest.mark.parametrize("name", NAMES)
def test_every_emulator_answers_to_its_name(name: str) -> None:
    assert emulator_of(name).name == name


def test_an_emulator_object_stays_as_it_is() -> None:
    ideal = Ideal()

    assert emulator_of(ideal) is ideal


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="no emulator 'ideel'; did you mean 'ideal'"):
        emulator_of("ideel")


def test_replay_by_name_says_how_to_get_one() -> None:
    with pytest.raises(InputError, match=r"pass emulator=rq\.Replay\(record\)"):
        emulator_of("replay")


def test_a_register_too_large_for_pulsers_backend_is_refused_before_the_run() -> None:
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": {"constant": {"duration_ns": 100, "value": 1}}}}
    atoms = {f"q{i}": (8 * i, 0) for i in range(20)}
    program = rq.Program(name="p", device="MockDevice", register={"atoms": atoms}, body=[pulse])

    with pytest.raises(InputError, match="20 atoms with 2 levels need states of 1048576 amplitudes"):
        rq.run(program, shots=None, emulator="qutip")


# Options

ONE = rq.Program(
    name="one",
    register={"atoms": {"q": (0, 0)}},
    body=[{"pulse": {"channel": "rydberg_global", "amplitude": {"constant": {"duration_ns": 100, "value": 6}}}},
          {"measure": {"atoms": "q", "key": "m"}}],
)  # fmt: skip


def test_a_record_states_the_options_of_its_emulator_and_the_command_that_gives_them() -> None:
    record = rq.run(ONE, shots=5, seed=1, emulator=Qutip(dark_ns=0))

    assert json.loads(record.attrs["emulator_json"]) == {"dark_ns": 0, "relative_tolerance": 1e-9}
    assert "--emulator qutip --emulator-option dark_ns=0" in command(record, ONE)[0]
    assert json.loads(rq.run(ONE, shots=5, seed=1).attrs["emulator_json"]) == {}


@pytest.mark.parametrize("name", NAMES)
def test_options_that_a_record_states_set_an_emulator_up_again(name: str) -> None:
    options = options_of(name)

    again = with_options(name, options)

    assert options_of(again) == options
    assert changed_options(name, options) == {}
    assert call_of(again) in ((name, options), None)


def test_a_stored_run_with_options_is_resumed_with_them(tmp_path: Path) -> None:
    rq.run(ONE, shots=5, seed=1, emulator=Qutip(dark_ns=4), store=tmp_path / "r.zarr")

    resumed = resume(tmp_path / "r.zarr", run=rq.run)

    assert json.loads(resumed.attrs["emulator_json"])["dark_ns"] == 4


def test_a_gpu_that_is_not_there_is_an_error_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("emu_sv")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(InputError, match="emulator 'emu_sv' has gpu=True, but PyTorch sees no GPU here: leave gpu out"):
        rq.run(ONE, shots=5, emulator=EmuSv(gpu=True))


def estimate_seconds(shots: int) -> float:
    """Return what an estimate tells of shots that all have a state of their own."""
    turn = {"pulse": {"channel": "rydberg_global", "amplitude": {"constant": {"duration_ns": 100, "value": "w"}}}}
    drawn = {"set": {"w": "6 * uniform()"}}
    body = [drawn, turn, {"measure": {"atoms": "q", "key": "m"}}]
    p = rq.Program(name="many", register={"atoms": {"q": (0, 0)}}, memory={"w": {"initial": 1}}, body=body)
    return rq.estimate(p, shots=shots, emulator="qutip").seconds


def test_an_estimate_knows_every_emulator_but_those_that_run_jobs() -> None:
    assert rq.estimate(ONE, shots=5, emulator="qutip").seconds > 0
    few, many = (estimate_seconds(shots) for shots in (40, 400))
    assert 3 < many / few < 30
    with pytest.raises(InputError, match="an estimate tries rounds out, which would be jobs of a machine"):
        rq.estimate(ONE, shots=5, emulator="pulser_backend")
