"""Every setting beside every emulator: it is followed, and the matrix is that of `exact`, or it is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from pulser.channels import Rydberg
from pulser.devices import VirtualDevice

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.emulators.protocol import Capabilities
from rydberg_qmem.emulators.pulser_backend import PulserBackend
from rydberg_qmem.emulators.registry import NAMES, emulator_of
from rydberg_qmem.errors import CapabilityError, QmemError
from rydberg_qmem.language.hardware import HardwareProfile
from rydberg_qmem.language.noise import LINDBLAD, PREPARATION_AND_READOUT, SHOT_TO_SHOT
from tests.features import BODIES, PAIR, clean, flat, program, pulse
from tests.noise.test_nothing import WEAK, surroundings

AGREE = 1e-4
"""Largest difference of two emulators' density matrices; matrix products of shaped pulses are the least exact."""
STATES = tuple(name for name in NAMES if emulator_of(name).capabilities.states and name != "exact")
JOBS = tuple(name for name in NAMES if not emulator_of(name).capabilities.states)
HARDWARE: dict[str, dict[str, Any]] = {
    "imaging_us": {"imaging_us": 1.0},
    "readout_latency_us": {"readout_latency_us": 1.0},
    "decision_latency_us": {"decision_latency_us": 1.0},
    "reset_us": {"reset_us": 1.0},
    "p_false_pos": {"p_false_pos": 1e-9},
    "p_false_neg": {"p_false_neg": 1e-9},
    "confusion": {"confusion": {"a": [[1, 0], [0, 1]]}},
    "loss": {"loss": 1e-9},
    "spectator_dephasing": {"spectator_dephasing": 1e-9},
    "spectator_heating": {"spectator_heating": 1e-9},
    "t1_us": {"t1_us": 1e9},
    "t2_us": {"t2_us": 1e9},
    "rydberg_lifetime_us": {"rydberg_lifetime_us": 1e9},
}


@dataclass(frozen=True)
class Cell:
    """One setting beside one emulator: what is run, and what the emulator's capabilities say of it."""

    program: rq.Program
    options: dict[str, Any]
    follows: bool


def feature_cell(feature: str, emulator: str) -> Cell:
    can, target = emulator_of(emulator).capabilities, compile_program(program(feature)).target
    masked = "0" in target.levels and "mask" in feature
    enough = len(target.atoms) >= can.fewest_atoms and (can.xy_masks or not masked)
    return Cell(program(feature), {}, target.levels in can.levels and enough)


def noise_cell(field: str, emulator: str) -> Cell:
    can = emulator_of(emulator).capabilities
    return Cell(program("pulses"), surroundings(field, "pulses"), field in can.noise)


def hardware_cell(field: str, emulator: str) -> Cell:
    options = {"hardware": {"name": "machine", **HARDWARE[field]}}
    return Cell(program("pulses"), options, field in emulator_of(emulator).capabilities.hardware)


def played(cell: Cell, emulator: str) -> np.ndarray[Any, Any]:
    """Return the matrix at the end: of an exact run, or where that is undefined, of one shot."""
    random = any(field in SHOT_TO_SHOT for field in cell.options.get("noise", ()))
    random |= not emulator_of(emulator).capabilities.density_matrices  # it decoheres by chance alone
    options: dict[str, Any] = {"shots": 1 if random else None, "seed": 1, "emulator": emulator, **cell.options}
    return np.asarray(rq.run(cell.program, **options)["end"].values)


def holds(cell: Cell, emulator: str, expected: np.ndarray[Any, Any]) -> None:
    """Assert that a cell is followed as in `exact`, or refused by the emulator's name."""
    if not cell.follows:
        with pytest.raises(CapabilityError, match=f"emulator '{emulator}' (cannot|needs|keeps)"):
            played(cell, emulator)
        return
    made = played(cell, emulator)
    size = min(len(made), len(expected))
    assert np.abs(made[:size, :size] - expected[:size, :size]).max() < AGREE


FIELDS = [*LINDBLAD, *SHOT_TO_SHOT, "state_prep_error"]
CHEAP = ("ideal", "qutip")
"""Emulators that take a tenth of a second for each program."""


def test_the_table_has_every_setting() -> None:
    assert set(FIELDS) <= WEAK.keys()
    assert set(HardwareProfile.model_fields) - {"name", "about", "sources"} == HARDWARE.keys()
    assert {*FIELDS, "p_false_pos", "p_false_neg"} == {*LINDBLAD, *SHOT_TO_SHOT, *PREPARATION_AND_READOUT}
    assert set(Capabilities.__dataclass_fields__) >= {"sums_fields", "xy_masks", "noise", "hardware", "levels"}


@pytest.mark.parametrize(("feature", "emulator"), [*product(BODIES, CHEAP)])
def test_a_feature_is_played_as_in_exact_or_refused_by_name(feature: str, emulator: str) -> None:
    holds(feature_cell(feature, emulator), emulator, clean(feature))


def matrices_hold(feature: str, emulator: str) -> None:
    cell = feature_cell(feature, emulator)
    can_mix = emulator_of(emulator).capabilities.density_matrices
    holds(Cell(cell.program, {"state": "density_matrix"}, cell.follows and can_mix), emulator, clean(feature))


@pytest.mark.parametrize(("feature", "emulator"), [*product(("probed", "mask", "digital", "one side"), CHEAP)])
def test_density_matrices_are_those_of_vectors(feature: str, emulator: str) -> None:
    matrices_hold(feature, emulator)


@pytest.mark.slow
@pytest.mark.parametrize(("feature", "emulator"), [*product(("probed", "mask"), ("emu_sv", "emu_mps"))])
def test_density_matrices_are_those_of_vectors_or_refused_by_name(feature: str, emulator: str) -> None:
    pytest.importorskip(emulator)
    matrices_hold(feature, emulator)


@pytest.mark.slow
@pytest.mark.parametrize("feature", BODIES)
@pytest.mark.parametrize("emulator", [name for name in STATES if name not in CHEAP])
def test_a_feature_is_played_by_every_emulator_as_in_exact_or_refused_by_name(feature: str, emulator: str) -> None:
    pytest.importorskip(emulator)
    holds(feature_cell(feature, emulator), emulator, clean(feature))


def modulated() -> rq.Program:
    body = [pulse("rydberg_global", 8, detuning=1, duration_ns=200), {"measure": {"atoms": "all", "key": "m"}}]
    atoms = {"a": (0.0, 0.0), "b": (6.5, 0.0)}
    return rq.Program(name="p", device="AnalogDevice", with_modulation=True, register={"atoms": atoms}, body=body)


@pytest.mark.parametrize("emulator", ["exact", "qutip", "emu_sv", "emu_mps"])
def test_output_modulation_is_heard_by_every_emulator(emulator: str) -> None:
    """0.47862 is what emu-sv itself finds when it is told to modulate; without modulation it is 0.48715."""
    if emulator.startswith("emu"):
        pytest.importorskip(emulator)

    assert rq.run(modulated(), shots=None, emulator=emulator).m.values == pytest.approx(0.47862, abs=1e-5)


@pytest.mark.parametrize(("field", "emulator"), [*product(FIELDS, ("ideal", "qutip", "emu_mps"))])
def test_a_field_of_the_noise_is_followed_or_refused_by_name(field: str, emulator: str) -> None:
    if emulator.startswith("emu"):
        pytest.importorskip(emulator)
    holds(noise_cell(field, emulator), emulator, clean("pulses"))


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_the_noise_is_followed_by_emu_sv_or_refused_by_name(field: str) -> None:
    pytest.importorskip("emu_sv")
    holds(noise_cell(field, "emu_sv"), "emu_sv", clean("pulses"))


@pytest.mark.parametrize(("field", "emulator"), [*product(HARDWARE, ("ideal", "qutip"))])
def test_a_field_of_the_hardware_is_followed_or_refused_by_name(field: str, emulator: str) -> None:
    holds(hardware_cell(field, emulator), emulator, clean("pulses"))


def crossed(**more: Any) -> rq.Program:
    wide = {"amplitude": 5.0, "duration_ns": 100}
    body = [
        {"pulse": {"channel": "rydberg_global", **wide}},
        {"pulse": {"channel": "rydberg_local", "atoms": "a", "phase": 2.0, "with": "previous", **wide}},
        {"probe": {"atoms": "all", "key": "end", "density_matrix": True}},
    ]
    return rq.Program(name="p", device="MockDevice", register={"atoms": PAIR}, body=body, **more)


@pytest.mark.parametrize("emulator", ["ideal", "qutip", "emu_sv", "emu_mps"])
def test_pulses_out_of_phase_add_as_fields(emulator: str) -> None:
    if emulator.startswith("emu"):
        pytest.importorskip(emulator)
    wanted = rq.run(crossed(), shots=None).end.values

    assert np.abs(rq.run(crossed(), shots=None, emulator=emulator).end.values - wanted).max() < AGREE


@pytest.mark.parametrize("emulator", [name for name in NAMES if not emulator_of(name).capabilities.sums_fields])
def test_an_emulator_that_adds_phases_refuses_pulses_out_of_phase(emulator: str) -> None:
    made = rq.Program(**{**dict(crossed()), "body": [*crossed().body[:-1], {"measure": {"atoms": "all", "key": "m"}}]})

    assert emulator == "pulser_backend"
    with pytest.raises(CapabilityError, match=r"body\[1\].pulse: is out of phase with another channel's pulse"):
        rq.run(made, shots=10, seed=1, emulator=emulator)


def two_global_channels(phases: tuple[float, float]) -> rq.Program:
    """Return pulses on two global channels of one transition, one after the other."""
    channels = {name: Rydberg.Global(None, None) for name in ("one", "two")}
    device = VirtualDevice(
        name="pair",
        dimensions=2,
        rydberg_level=60,
        channel_objects=tuple(channels.values()),
        channel_ids=tuple(channels),
    )
    pulses = [
        {"pulse": {"channel": name, "amplitude": 5.0, "duration_ns": 200, "phase": phase}}
        for name, phase in zip(channels, phases, strict=True)
    ]
    body = [pulses[0], {"align": {"channels": ["one", "two"]}}, pulses[1], {"measure": {"atoms": "all", "key": "m"}}]
    return rq.Program(name="p", device=device.to_abstract_repr(), register={"atoms": PAIR}, body=body)


def test_phases_of_global_channels_last_where_phases_are_added() -> None:
    """Pulser keeps each channel's phase after its pulse and adds them: both pulses would play at 3.8 rad, alike."""
    backend = PulserBackend(mimic_qpu=False)
    apart, alike = two_global_channels((0.9, 2.9)), two_global_channels((0.0, 0.0))

    with pytest.raises(CapabilityError, match=r"body\[2\].pulse: is out of phase with another channel's pulse"):
        rq.run(apart, shots=10, seed=1, emulator=backend)
    wanted = float(rq.run(alike, shots=None).m.values.mean())
    seen = float(rq.run(alike, shots=4000, seed=1, emulator=backend).m.values.mean())
    assert abs(seen - wanted) < 0.05
    assert np.abs(wanted - rq.run(apart, shots=None).m.values.mean()) > 0.05


@pytest.mark.parametrize("name", JOBS)
def test_an_emulator_without_states_refuses_density_matrices_and_probes(name: str) -> None:
    measured = rq.Program.from_dict(
        {"name": "p", "device": "MockDevice", "register": {"atoms": PAIR},
         "body": [pulse("rydberg_global", flat(100, 5.0)), {"measure": {"atoms": "all", "key": "m"}}]}
    )  # fmt: skip

    with pytest.raises(CapabilityError, match=f"emulator '{name}' has no states"):
        rq.run(measured, shots=10, seed=1, emulator=name, state="density_matrix")
    with pytest.raises(QmemError, match="only an emulator has"):
        rq.run(program("pulses"), shots=10, seed=1, emulator=name)


def test_a_job_masks_atoms_from_its_beginning_only() -> None:
    rounds = [
        pulse("rydberg_global", flat(100, 5.0)),
        {"when": {"if": "x == 0", "then": [{"slm_mask": {"atoms": "b"}}, pulse("rydberg_global", flat(100, 5.0))]}},
        {"measure": {"atoms": "all", "key": "m"}},
    ]  # fmt: skip
    made = rq.Program.from_dict(
        {"name": "p", "device": "MockDevice", "register": {"atoms": PAIR}, "memory": {"x": {"initial": 0}},
         "body": rounds}
    )  # fmt: skip

    with pytest.raises(QmemError, match="in one sequence a mask holds from its beginning"):
        rq.run(made, shots=10, seed=1, emulator="pulser_backend")


@pytest.mark.parametrize(("feature", "device_field"), [("magnetic field", True), ("microwaves in space", True)])
def test_a_job_has_the_programs_magnetic_field(feature: str, device_field: bool) -> None:
    made = program(feature)

    sequence = made.to_pulser()[0].sequence

    assert tuple(sequence.magnetic_field) == made.magnetic_field


@pytest.mark.parametrize(("levels", "shift"), [
    ("ground-rydberg", {"phase_shift": {"atoms": "all", "angle": 1.0, "basis": "ground-rydberg"}}),
    ("XY", {"phase_shift": {"atoms": "all", "angle": 1.0, "basis": "XY"}}),
])  # fmt: skip
def test_a_segment_of_phases_alone_is_played_by_qutip(levels: str, shift: dict[str, Any]) -> None:
    channel = "mw_global" if levels == "XY" else "rydberg_global"
    half, nothing = pulse(channel, flat(100, 10.0)), {"set": {"x": "x"}}
    body = [half, nothing, shift, nothing, half, {"probe": {"atoms": "all", "key": "end", "density_matrix": True}}]
    made = rq.Program.from_dict(
        {"name": "p", "device": "MockDevice", "register": {"atoms": PAIR}, "memory": {"x": {"initial": 0}},
         "body": body}
    )  # fmt: skip
    wanted = rq.run(made, shots=None).end.values

    assert np.abs(rq.run(made, shots=None, emulator="qutip").end.values - wanted).max() < AGREE
    mixed = rq.run(made, shots=None, emulator="qutip", noise={"dephasing_rate": 1e-9}, state="density_matrix")
    assert np.abs(mixed.end.values - wanted).max() < AGREE
