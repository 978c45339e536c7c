"""Gates and cells: what they expand into, and the pulses that they last."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
import pulser
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.devices import GatePulse, Target, make_target, on_clock, rotation_duration_ns
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates import expand_cell, lower
from rydberg_qmem.gates._lowering import CZ_COEFFICIENT, cz_infidelity, cz_pi_duration_ns
from rydberg_qmem.language.blocks import (
    CNOT,
    CZ,
    BeamSplitter,
    Damp,
    Delay,
    Measure,
    PhaseShift,
    Reset,
    Rotate,
    WeakMeasure,
    When,
)


def target(distance_um: float = 5.0, device: str = "DigitalAnalogDevice") -> Target:
    atoms = {"c": [0, 0], "t": [distance_um, 0]}
    program = rq.Program(name="p", device=device, register={"atoms": atoms}, body=[CZ(control="c", target="t")])
    return make_target(program, bases_of(program))


def occupation(*body: Any, device: str = "DigitalAnalogDevice") -> list[float]:
    """Return the mean number of h on s and a after some blocks."""
    look = {"probe": {"atoms": ["s", "a"], "occupation": True, "key": "n"}}
    register = {"atoms": {"s": [0, 0], "a": [5, 0]}}
    program = rq.Program(name="p", device=device, register=register, body=[*body, look])
    return [float(x) for x in rq.run(program, shots=None, emulator="ideal").n]


def test_cells_expand_into_gates_measuring_and_resetting() -> None:
    damped = expand_cell(Damp(system="s", ancilla="a", probability="p"), hidden_key="x__")
    split = expand_cell(BeamSplitter(system="s", ancilla="a", reflectivity=0.3), hidden_key="x__")
    weak = expand_cell(WeakMeasure(system="s", ancilla="a", strength=0.3, key="m", axis="y"), hidden_key="x__")

    assert [type(block) for block in damped] == [Rotate, CZ, Rotate, Measure, When, Reset]
    assert [type(block) for block in split] == [Rotate, CZ, Rotate, CNOT]
    assert [type(block) for block in weak] == [Rotate, Rotate, CZ, Rotate, Rotate, Measure, Reset]


def test_a_cell_without_a_key_measures_under_a_hidden_one() -> None:
    hidden = expand_cell(Damp(system="s", ancilla="a", probability=0.1), hidden_key="x__")[3]
    named = expand_cell(Damp(system="s", ancilla="a", probability=0.1, key="m"), hidden_key="x__")[3]

    assert hidden == Measure(atoms="a", key="x__", basis="digital")
    assert named == Measure(atoms="a", key="m", basis="digital")


def test_what_is_no_cell_stays_as_it_is() -> None:
    for block in (CZ(control="a", target="b"), Delay(duration_ns=40), Rotate(atom="a", angle=1)):
        assert expand_cell(block, hidden_key="x__") == (block,)


@pytest.mark.parametrize("quaternion", [(1, 0, 0, 0), (0, 1, 0, 0), (0.5, 0.5, 0.5, 0.5), (0.8, -0.36, 0, 0.48)])
def test_a_quaternion_takes_g_to_h_by_its_x_and_y_parts(quaternion: tuple[float, ...]) -> None:
    made = occupation({"rotate": {"atom": "s", "quaternion": quaternion}})

    assert made[0] == pytest.approx(quaternion[1] ** 2 + quaternion[2] ** 2, abs=1e-9)


def test_a_quaternion_and_its_inverse_are_nothing() -> None:
    there, back = (0.8, -0.36, 0.0, 0.48), (0.8, 0.36, 0.0, -0.48)

    made = occupation(*({"rotate": {"atom": "s", "quaternion": q}} for q in (there, back)))

    assert made[0] == pytest.approx(0, abs=1e-12)


def test_a_rotation_about_z_takes_no_pulse() -> None:
    [digital] = lower(Rotate(atom="c", axis="z", angle=0.3), "here", target())
    [rydberg] = lower(Rotate(atom="c", axis="z", angle=0.3, basis="ground-rydberg"), "here", target())

    assert isinstance(digital, PhaseShift)
    assert isinstance(rydberg, PhaseShift)
    assert digital.angle.evaluate({}) == 0.3
    assert rydberg.angle.evaluate({}) == -0.3


@pytest.mark.parametrize(
    ("axis", "basis", "phase"),
    [("x", "digital", 0), ("y", "digital", -pi / 2), ("x", "ground-rydberg", 0), ("y", "ground-rydberg", pi / 2)],
)
def test_a_rotation_is_one_square_pulse_of_fixed_duration(axis: Any, basis: Any, phase: float) -> None:
    [op] = lower(Rotate(atom="c", axis=axis, angle="x", basis=basis), "here", target())

    assert isinstance(op, GatePulse)
    assert (op.atom, op.phase, op.duration_ns) == ("c", phase, 100)


@pytest.mark.parametrize("reach", [pi, 2 * pi])
def test_a_rotation_stays_within_the_amplitude(reach: float) -> None:
    for name, channel in pulser.DigitalAnalogDevice.channels.items():
        duration = rotation_duration_ns(channel, reach)

        assert 1000 * reach / duration <= (channel.max_amp or np.inf), name
        assert duration % channel.clock_period == 0


def test_durations_are_rounded_up_to_the_clock_and_the_shortest_pulse() -> None:
    channel = pulser.DigitalAnalogDevice.channels["raman_local"]

    assert [on_clock(t, channel) for t in (1, 16, 16.1, 19.9999999999, 20.0000000001)] == [16, 16, 20, 20, 20]


@pytest.mark.parametrize("infidelity", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("device", ["MockDevice", "DigitalAnalogDevice"])
def test_a_cz_is_slow_enough_for_the_wanted_infidelity(infidelity: float, device: str) -> None:
    here = target(5.0, device)
    duration = cz_pi_duration_ns(here, 0, 1, infidelity)
    rabi = 1000 * pi / duration

    assert CZ_COEFFICIENT * (rabi / here.van_der_waals[0, 1]) ** 2 <= infidelity
    assert rabi <= (here.channel("rydberg_local").max_amp or np.inf) * (1 + 1e-12)


def test_a_cz_is_no_slower_than_it_must_be() -> None:
    here = target(5.0, "MockDevice")
    wanted = 1000 * pi / (here.van_der_waals[0, 1] * sqrt(1e-4 / CZ_COEFFICIENT))

    turn = 1000 * pi / here.van_der_waals[0, 1]  # until the blockaded atom is back in g once more
    assert 0 <= cz_pi_duration_ns(here, 0, 1, 1e-4) - wanted < turn + 2  # up to the clock, twice


@pytest.mark.parametrize("gap_um", [4.34191, 4.35601, 4.3632, 4.37])
@pytest.mark.parametrize("infidelity", [1e-2, 1e-4, 1e-7])
def test_a_cz_is_found_where_the_blockaded_turns_beat_with_the_clock(gap_um: float, infidelity: float) -> None:
    here = target(gap_um)
    duration = cz_pi_duration_ns(here, 0, 1, infidelity)

    assert cz_infidelity(1000 * pi / duration, float(here.van_der_waals[0, 1])) <= infidelity


def test_a_cz_is_a_full_turn_of_the_target_between_two_half_turns_of_the_control() -> None:
    made = lower(CZ(control="c", target="t", infidelity=1e-3), "here", target())

    assert all(isinstance(op, GatePulse) and not op.reach for op in made)
    pulses = [(op.atom, float(op.angle.evaluate({}))) for op in made if isinstance(op, GatePulse)]
    assert pulses == [("c", pi), ("t", 2 * pi), ("c", pi)]


def test_atoms_too_far_apart_have_no_cz() -> None:
    with pytest.raises(CapabilityError, match=r"45\.0 µm apart, too far for a blockade CZ of infidelity 0\.0001"):
        lower(CZ(control="c", target="t"), "here", target(45))


@pytest.mark.parametrize(("control", "other"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_cnot_flips_its_target_where_its_control_is_in_h(control: int, other: int) -> None:
    start = [{"rotate": {"atom": "s", "angle": control * pi}}, {"rotate": {"atom": "a", "angle": other * pi}}]

    made = occupation(*start, {"cnot": {"control": "s", "target": "a"}})

    assert made == pytest.approx([control, other ^ control], abs=1e-9)


@pytest.mark.parametrize("reflectivity", [0, 0.3, 1])
def test_a_beam_splitter_shares_the_excitation(reflectivity: float) -> None:
    split = {"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": reflectivity}}

    assert occupation({"rotate": {"atom": "s", "angle": pi}}, split) == pytest.approx(
        [1 - reflectivity, reflectivity], abs=1e-9
    )
    assert occupation(split) == pytest.approx([0, 0], abs=1e-12)


def test_damping_takes_its_share_and_leaves_the_ancilla_fresh() -> None:
    damp = {"damp": {"system": "s", "ancilla": "a", "probability": 0.3}}

    assert occupation({"rotate": {"atom": "s", "angle": pi}}, damp, damp) == pytest.approx([0.49, 0], abs=1e-9)
