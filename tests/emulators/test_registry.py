from __future__ import annotations

import pytest

import rydberg_qmem as rq
from rydberg_qmem.emulators.ideal import Ideal
from rydberg_qmem.emulators.registry import NAMES, emulator_of
from rydberg_qmem.errors import InputError


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
