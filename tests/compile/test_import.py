"""What comes in from Pulser passes the check and plays as its source does, whatever calls made it."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pulser import DigitalAnalogDevice, MockDevice, Pulse, Register, Register3D, Sequence
from pulser.channels import Rydberg
from pulser.devices import VirtualDevice
from pulser.register.register_layout import RegisterLayout
from pulser.sampler import sample
from pulser.waveforms import BlackmanWaveform, ConstantWaveform
from pulser_simulation import QutipEmulator
from scipy.linalg import expm
from typer.testing import CliRunner

import rydberg_qmem as rq
from rydberg_qmem.cli import app
from rydberg_qmem.devices import make_target
from rydberg_qmem.errors import CapabilityError, InputError
from rydberg_qmem.interop.pulser_proof import what_differs
from rydberg_qmem.language.blocks import Delay, Retarget
from rydberg_qmem.language.blocks import Pulse as PulseBlock
from rydberg_qmem.language.waveforms import Constant
from tests.compile.random_sequences import FADING, PLAIN, WEIGHTED, Drawn, draw

PULSE = Pulse.ConstantPulse(100, 5, 0, 0)


@pytest.fixture(autouse=True)
def _pulser_may_warn() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def imported(sequence: Any, **options: Any) -> rq.Program:
    return rq.Program.from_pulser(sequence, **options)


def output(sequence: Any, *, modulated: bool) -> dict[tuple[str, int], Any]:
    nested = sample(sequence, modulation=modulated).to_nested_dict(all_local=True)["Local"]
    order = list(sequence.register.qubit_ids)
    found = {(basis, order.index(q)): part for basis, atoms in nested.items() for q, part in atoms.items()}
    return {at: part for at, part in found.items() if np.any(part["amp"]) or np.any(part["det"])}


def assert_plays(program: rq.Program, wanted: Any) -> None:
    """Export the program and compare what each atom sees with the source, as given and as channels put it out."""
    if not wanted.get_duration():
        return
    made = program.to_pulser()[0].sequence
    assert made.get_duration(include_fall_time=True) == wanted.get_duration(include_fall_time=True)
    masked = any(block.kind == "slm_mask" for block in program.body)
    for modulated in (False,) if masked or not fades(wanted) else (False, True):
        one, two = output(made, modulated=modulated), output(wanted, modulated=modulated)
        assert one.keys() == two.keys()
        for at, mine in one.items():
            np.testing.assert_array_equal(mine["det"], two[at]["det"])
            field, other = (part["amp"] * np.exp(-1j * part["phase"]) for part in (mine, two[at]))
            np.testing.assert_allclose(field, other, rtol=0, atol=1e-9)


def fades(sequence: Any) -> bool:
    """Return whether Pulser modulates a sequence: it stops at channels that have done nothing."""
    try:
        sample(sequence, modulation=True)
    except ValueError:
        return False
    return any(channel.mod_bandwidth for channel in sequence.declared_channels.values())


# --- the law ---


def comes_in(drawn: Drawn) -> bool:
    """Return whether a sequence came in, which then passes the check and plays as it did."""
    try:
        program = imported(drawn.sequence, variables=drawn.variables, qubits=drawn.qubits)
    except CapabilityError:
        return False
    assert not rq.check(program)
    assert_plays(program, drawn.built())
    assert program == rq.Program.from_yaml(program.to_yaml())
    return True


def test_random_sequences_of_every_kind_come_in_as_they_play() -> None:
    came = [comes_in(draw(seed, calls=7)) for seed in range(500, 512)]

    assert sum(came) == 12


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_hundreds_of_random_sequences_come_in_as_they_play(block: int) -> None:
    came = [comes_in(draw(1000 + 40 * block + k, calls=10)) for k in range(40)]

    assert sum(came) == 40


# --- phase references to the last bit ---


def cancelling(seed: int) -> Any:
    """Return pulses whose phases and shifts add up to the same angle in many ways, each with a rounding of its own."""
    rng = np.random.default_rng(seed)
    sequence = Sequence(Register({"a": (0, 0), "b": (7, 0)}), (FADING, PLAIN)[seed % 2])
    sequence.declare_channel("g", "rydberg_global")
    square, correct = rng.random() < 0.6, bool(rng.random() < 0.5)
    if square:
        sequence.enable_eom_mode("g", 5.0, float(rng.choice([0, 0.3])), correct_phase_drift=correct)
    for _ in range(6):
        phase, shift = (float(rng.choice([0, 0.1, 0.2, 0.3, 0.7]) * rng.choice([-1, 1])) for _ in range(2))
        if square:
            sequence.add_eom_pulse("g", 40, phase, shift, correct_phase_drift=correct)
        else:
            sequence.add(Pulse.ConstantPulse(40, 5, 0, phase, shift), "g")
        if rng.random() < 0.4:
            sequence.phase_shift(phase, "a", "b", basis="ground-rydberg")
    return sequence


@pytest.mark.parametrize("seeds", [range(35, 39), pytest.param(range(40, 140), marks=pytest.mark.slow)])
def test_phases_that_cancel_to_the_last_bit_or_not_wait_as_in_pulser(seeds: range) -> None:
    for seed in seeds:
        sequence = cancelling(seed)
        assert_plays(imported(sequence), sequence)


def test_shifts_that_cancel_only_as_pulser_rounds_them_make_no_pause() -> None:
    def lasting(*shifts: float) -> tuple[int, int]:
        sequence = Sequence(Register({"a": (0, 0)}), PLAIN)
        sequence.declare_channel("g", "rydberg_global")
        sequence.add(PULSE, "g")
        for shift in shifts:
            sequence.phase_shift(shift, "a", basis="ground-rydberg")
        sequence.add(PULSE, "g")
        program = imported(sequence)
        assert [block.kind for block in program.body[1:-2]] == ["phase_shift"] * len(shifts)  # call by call
        return sequence.get_duration(), program.to_pulser()[0].sequence.get_duration()

    cancel, differ = lasting(0.4, -0.7, 0.3), lasting(0.1, 0.2, -0.3)

    assert 0.4 - 0.7 + 0.3 != 0
    assert cancel == (200, 200)
    assert differ[0] == differ[1] > 200


@pytest.mark.parametrize("square", [False, True])
def test_a_mask_whose_first_pulse_shifts_the_phase_begins_when_pulser_begins_it(square: bool) -> None:
    sequence = Sequence(Register({"a": (0, 0), "b": (7, 0)}), FADING)
    sequence.config_slm_mask(["b"], "dmm_0")
    sequence.declare_channel("g", "rydberg_global")
    if square:
        sequence.enable_eom_mode("g", 6.0, 0.0)
        sequence.add_eom_pulse("g", 60, 0.0, post_phase_shift=0.4)
        sequence.add_eom_pulse("g", 60, 1.0)
    else:
        sequence.add(Pulse.ConstantPulse(60, 6, 0, 0, post_phase_shift=0.4), "g")
        sequence.add(Pulse.ConstantPulse(60, 6, 0, 1.0), "g")
    start = sequence._schedule["dmm_0"].slots[-1].ti

    program = imported(sequence)

    assert start == sequence._schedule["g"].slots[1].tf
    assert_plays(program, sequence)


# --- fields of several channels at once ---


def crossing(seed: int, *channels: str) -> Any:
    """Return pulses of some channels on one atom that play together, with detunings and phases of their own."""
    rng = np.random.default_rng(seed)
    sequence = Sequence(Register({"a": (0, 0)}), MockDevice)
    for k, channel in enumerate(channels):
        sequence.declare_channel(f"c{k}", channel, initial_target="a" if channel.endswith("local") else None)
    for _ in range(2):
        for k in range(len(channels)):
            duration, area, detuning = int(rng.integers(80, 200)), rng.uniform(0.3, 2), rng.uniform(-9, 9)
            pulse = Pulse.ConstantDetuning(BlackmanWaveform(duration, area), detuning, rng.uniform(0, 6))
            sequence.add(pulse, f"c{k}", "no-delay")
    return sequence


def integrated(sequence: Any, *, phases_added: bool = False) -> float:
    """Return the atom's upper population after the sum of the channels' fields, and of their detunings.

    Or with amplitudes and `phases_added` apart, as Pulser adds those of channels alike: of global ones even the phases
    that they hold while they are dark.
    """
    omega, phase, total, shift = (np.zeros(sequence.get_duration()) for _ in range(4))
    field = omega.astype(complex)
    for name, channel in sample(sequence).extend_duration(len(omega)).channel_samples.items():
        amp, det, turn = (getattr(channel, part).as_array(detach=True) for part in ("amp", "det", "phase"))
        on = np.full(len(omega), sequence.declared_channels[name].addressing == "Global")
        for slot in channel.slots:
            on[slot.ti : slot.tf] = True
        field += amp * np.exp(-1j * turn)
        total, phase, shift = total + amp, phase + turn * on, shift + det
    if phases_added:
        field = total * np.exp(-1j * phase)
    upper = sequence.declared_channels["c0"].basis == "ground-rydberg"
    state = np.array([1, 0], dtype=complex)  # the lower level first; g and h, where Pulser detunes g
    for one, detuning in zip(field, shift, strict=True):
        on_lower, on_upper = (0.0, -detuning) if upper else (-detuning, 0.0)
        coupling = one / 2 if upper else np.conj(one) / 2  # Pulser writes |g><r| and |h><g|
        state = expm(-1e-3j * np.array([[on_lower, coupling], [np.conj(coupling), on_upper]])) @ state
    return float(np.abs(state[1]) ** 2)


PAIRS = [
    ("rydberg_global", "rydberg_local"), ("rydberg_global", "rydberg_global"), ("rydberg_local", "rydberg_local"),
    ("raman_global", "raman_local"), ("raman_local", "raman_local"),
    ("rydberg_global", "rydberg_local", "rydberg_local", "rydberg_global"),
]  # fmt: skip


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 8), marks=pytest.mark.slow)])
@pytest.mark.parametrize("channels", PAIRS)
def test_channels_out_of_phase_run_as_the_sum_of_their_fields(channels: tuple[str, ...], seeds: range) -> None:
    for seed in seeds:
        sequence = crossing(seed, *channels)
        program = imported(sequence)
        assert_plays(program, sequence)

        wanted = integrated(sequence)

        assert float(rq.run(program, shots=None).m) == pytest.approx(wanted, abs=1e-9)
        assert float(rq.run(program, shots=None, emulator="qutip").m) == pytest.approx(wanted, abs=1e-4)
        assert abs(integrated(sequence, phases_added=True) - wanted) > 1e-3  # what a sum of phases would play


@pytest.mark.parametrize("channels", PAIRS[:-1])
def test_pulser_adds_fields_of_a_global_and_a_local_channel_and_phases_of_channels_alike(
    channels: tuple[str, ...],
) -> None:
    sequence = crossing(5, *channels)
    alike = channels[0].split("_")[1] == channels[1].split("_")[1]

    state = QutipEmulator.from_sequence(sequence).run().get_final_state().full().ravel()

    upper = 0 if "rydberg" in channels[0] else 1
    assert np.abs(state[upper]) ** 2 == pytest.approx(integrated(sequence, phases_added=alike), abs=1e-4)


def test_the_proof_sees_a_wait_a_phase_or_a_level_that_is_another() -> None:
    sequence = Sequence(Register({"a": (0, 0), "b": (6, 0)}), PLAIN)
    sequence.declare_channel("g", "rydberg_global")
    sequence.add(PULSE, "g")
    sequence.delay(600, "g")
    sequence.add(Pulse.ConstantPulse(100, 5, 1, 1.0), "g")
    program = imported(sequence)
    names = {"a": "a", "b": "b"}
    first, wait, second, last = program.body
    assert isinstance(second, PulseBlock)
    assert isinstance(wait, Delay)

    def said(*body: Any) -> str | None:
        return what_differs(program.model_copy(update={"body": body}), sequence, names)

    assert said(first, wait, second, last) is None
    assert "it would last" in str(said(first, second, last))
    assert "the phase" in str(said(first, wait, second.model_copy(update={"phase": first.phase}), last))  # type: ignore[union-attr]
    assert "the detuning" in str(said(first, wait, second.model_copy(update={"detuning": first.detuning}), last))  # type: ignore[union-attr]
    assert "the amplitude" in str(said(first, wait, second.model_copy(update={"amplitude": Constant(
        duration_ns=100, value=4)}), last))  # fmt: skip


# --- clocks, zeros, targets, modes ---


@pytest.mark.parametrize(("wait", "rest"), [(113, False), (0, False), (0, True), (17, True), (1, False)])
@pytest.mark.parametrize("device", [PLAIN, DigitalAnalogDevice])
def test_delays_come_in_as_delays_whatever_their_length(device: Any, wait: int, rest: bool) -> None:
    sequence = Sequence(Register({"a": (0, 0), "b": (6, 0)}), device)
    sequence.declare_channel("g", "rydberg_global")
    sequence.add(PULSE, "g")
    try:
        sequence.delay(wait, "g", at_rest=rest)
    except ValueError:
        return  # shorter than the channel can wait: Pulser's own reason
    sequence.add(Pulse.ConstantPulse(100, 5, 0, 1.0), "g")

    program = imported(sequence)

    assert [block.kind for block in program.body] == ["pulse", "delay", "pulse", "measure"]
    assert_plays(program, sequence)


@pytest.mark.parametrize("on", [100, 101])
def test_square_pulses_off_the_clock_stay_square_pulses_and_modulate_alike(on: int) -> None:
    sequence = Sequence(Register({"a": (0, 0), "b": (7, 0)}), PLAIN)
    sequence.declare_channel("g", "rydberg_global")
    sequence.enable_eom_mode("g", 6, 0.0, 0.0)
    sequence.add_eom_pulse("g", on, 0.0)
    sequence.add_eom_pulse("g", 100, 1.0)

    program = imported(sequence)

    assert [block.kind for block in program.body] == ["enable_eom_mode", "add_eom_pulse", "add_eom_pulse", "measure"]
    modulated = program.model_copy(update={"with_modulation": True})
    state = QutipEmulator.from_sequence(sequence, with_modulation=True).run().get_final_state().full().ravel()
    assert float(rq.run(modulated, shots=None)["m"][0]) == pytest.approx(np.sum(np.abs(state[:2]) ** 2), abs=1e-4)


FADING_LOCAL = VirtualDevice(
    name="L", dimensions=2, rydberg_level=60,
    channel_objects=(
        Rydberg.Local(None, None, max_targets=1, min_retarget_interval=0, fixed_retarget_t=0, mod_bandwidth=8,
                      max_duration=None),
    ),
)  # fmt: skip


def test_pulses_in_a_row_on_a_fading_local_channel_come_in() -> None:
    half = Pulse.ConstantDetuning(ConstantWaveform(200, np.pi / 2 / 0.2), 0, 0)
    sequence = Sequence(Register({"a": (0, 0), "b": (7, 0)}), FADING_LOCAL)
    sequence.declare_channel("l", "rydberg_local", initial_target="a")
    sequence.add(half, "l")
    sequence.target("b", "l")
    sequence.add(half, "l")
    sequence.add(half, "l")
    sequence.target("b", "l")
    sequence.target("a", "l")
    sequence.add(half, "l")

    program = imported(sequence)

    assert_plays(program, sequence)
    assert [block.kind for block in program.body] == [
        "pulse", "target", "pulse", "pulse", "target", "target", "pulse", "measure",
    ]  # fmt: skip


def test_a_channel_that_turns_before_it_plays_begins_where_it_was_declared() -> None:
    sequence = Sequence(Register({"a": (0, 0), "b": (7, 0)}), DigitalAnalogDevice)
    sequence.declare_channel("l", "rydberg_local", initial_target="a")
    sequence.target("b", "l")
    sequence.add(PULSE, "l")

    program = imported(sequence)

    assert [(b.kind, getattr(b, "atoms", None)) for b in program.body][:2] == [("target", ("a",)), ("target", ("b",))]
    assert_plays(program, sequence)


def test_square_pulses_of_a_local_channel_need_the_reference_of_its_own_atoms_only() -> None:
    sequence = Sequence(Register({"a": (0, 0), "b": (7, 0)}), FADING)
    sequence.declare_channel("l", "rydberg_local", initial_target="b")
    sequence.enable_eom_mode("l", 5.0, 0.0, correct_phase_drift=True)
    sequence.add_eom_pulse("l", 40, 0.0, post_phase_shift=0.3)
    sequence.phase_shift(2.0, "a", basis="ground-rydberg")
    sequence.add_eom_pulse("l", 40, 1.0)

    program = imported(sequence)

    assert program.body[0] == Retarget(atoms=("b",), channel="rydberg_local")
    assert_plays(program, sequence)


# --- what the check used to refuse ---


def test_a_map_that_detunes_no_atom_a_shift_that_nothing_sees_and_another_basis_come_in_and_run() -> None:
    layout = RegisterLayout([(0, 0), (30, 0), (60, 0), (90, 0)])
    empty = Sequence(layout.define_register(0, 1, qubit_ids=["a", "b"]), MockDevice)
    empty.declare_channel("g", "rydberg_global")
    empty.config_detuning_map(layout.define_detuning_map({2: 1.0}), "dmm_0")
    empty.add(PULSE, "g")
    empty.add_dmm_detuning(ConstantWaveform(100, -5.0), "dmm_0")
    shifted, dark = (Sequence(Register({"a": (0, 0), "b": (30, 0)}), MockDevice) for _ in range(2))
    shifted.declare_channel("g", "rydberg_global")
    shifted.add(PULSE, "g")
    shifted.phase_shift(1.0, "b", basis="ground-rydberg")
    dark.declare_channel("g", "rydberg_global")
    dark.declare_channel("r", "raman_global")
    dark.add(PULSE, "r")
    dark.measure("ground-rydberg")

    populations = [rq.run(imported(sequence), shots=None)["m"].values for sequence in (empty, shifted, dark)]

    np.testing.assert_allclose(populations, [[np.sin(0.25) ** 2] * 2] * 2 + [[0, 0]], atol=2e-6)


def test_a_shift_on_some_atoms_is_a_problem_only_where_a_global_pulse_follows_it() -> None:
    shift = {"phase_shift": {"atoms": ["a"], "angle": 0.5, "basis": "ground-rydberg"}}
    other = {"phase_shift": {"atoms": ["b"], "angle": 0.25, "basis": "ground-rydberg"}}
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": 5, "duration_ns": 100}}

    def problems(*body: Any) -> list[str]:
        program = rq.Program(
            name="p", device="MockDevice", register={"atoms": {"a": (0, 0), "b": (30, 0)}},
            body=[*body, {"measure": {"atoms": "all", "key": "m"}}],
        )  # fmt: skip
        return [str(problem) for problem in rq.check(program)]

    assert problems(pulse, shift) == []
    assert problems(pulse, shift, other, other, pulse) == []
    assert "body[1].pulse: one pulse cannot act on atoms with different phase" in problems(shift, pulse)[0]
    assert "body[3].pulse" in problems(pulse, shift, other, pulse)[0]
    looped = {"repeat": {"times": 2, "body": [pulse, shift, {"measure": {"atoms": "a", "key": "k"}}]}}
    assert "body[0].repeat.body[0].pulse" in problems(looped)[0]


# --- mask and map on one DMM ---


def masked(device: Any) -> Any:
    sequence = Sequence(Register({"a": (-5, 0), "b": (0, 0), "c": (5, 0)}), device)
    sequence.declare_channel("g", "rydberg_global")
    pulse = Pulse.ConstantDetuning(BlackmanWaveform(1000, np.pi), 0, 0)
    sequence.add(pulse, "g")
    sequence.config_slm_mask(["b", "c"], "dmm_0")
    sequence.add(pulse, "g")
    sequence.add_dmm_detuning(BlackmanWaveform(200, -np.pi), "dmm_0")
    return sequence


@pytest.mark.parametrize("device", [WEIGHTED, DigitalAnalogDevice, MockDevice])
def test_a_map_after_the_mask_on_its_dmm_plays_on_the_masked_atoms(device: Any) -> None:
    sequence = masked(device)

    program = imported(sequence)

    assert [block.kind for block in program.body] == ["pulse", "slm_mask", "pulse", "detuning_map", "measure"]
    assert_plays(program, sequence)


@pytest.mark.parametrize("other", ["dmm_0", "dmm_1"])
def test_a_map_on_another_dmm_than_the_waiting_mask_keeps_its_name(other: str) -> None:
    two = dataclasses.replace(MockDevice, dmm_objects=(*MockDevice.dmm_objects, *MockDevice.dmm_objects))
    masked_dmm = "dmm_1" if other == "dmm_0" else "dmm_0"
    body = [
        {"slm_mask": {"atoms": ["b"], "channel": masked_dmm}},
        {"detuning_map": {"weights": {"a": 1}, "channel": other, "detuning": blackman(200, "-pi")}},
        {"pulse": {"channel": "rydberg_global", "amplitude": 5, "duration_ns": 100}},
    ]
    program = rq.Program(name="p", device=two, register={"atoms": {"a": (0, 0), "b": (9, 0)}}, body=body)

    made = program.to_pulser()[0].sequence

    assert {name: made._schedule[name].slots[1].tf for name in ("dmm_0", "dmm_1")} == {other: 200, masked_dmm: 300}


def test_a_mask_over_raman_light_takes_the_rydberg_level_with_it() -> None:
    sequence = Sequence(Register({"a": (0, 0), "b": (30, 0)}), MockDevice)
    sequence.config_slm_mask(["b"], "dmm_0")
    sequence.declare_channel("r", "raman_global")
    sequence.add(PULSE, "r")
    sequence.measure("digital")

    program = imported(sequence)

    assert_plays(program, sequence)
    np.testing.assert_allclose(rq.run(program, shots=None)["m"].values[0], np.sin(0.25) ** 2, atol=2e-6)


@pytest.mark.parametrize(
    "noise", [None, {"dmm_sigma": 0.2}, {"detuning_map_spot_waist": 40.0}, {"dephasing_rate": 0.3}]
)
def test_light_on_a_level_that_no_state_holds_changes_nothing(noise: Any) -> None:
    def program(*also: Any) -> rq.Program:
        pulse = {"channel": "raman_global", "amplitude": {"constant": {"duration_ns": 100, "value": 5}}}
        measured = {"measure": {"atoms": "all", "key": "m", "basis": "digital"}}
        register = {"atoms": {"a": (0, 0), "b": (30, 0)}}
        return rq.Program(name="t", device="MockDevice", register=register, body=[*also, {"pulse": pulse}, measured])

    held = {"detuning_map": {"weights": {"b": 1}, "detuning": {"constant": {"duration_ns": 100, "value": -20}}}}
    plain = rq.run(program(), shots=300, seed=1, noise=noise)

    for also in (held, {"slm_mask": {"atoms": ["b"]}}):
        np.testing.assert_array_equal(rq.run(program(also), shots=300, seed=1, noise=noise).m, plain.m)


def blackman(duration_ns: int, area: str) -> dict[str, Any]:
    return {"blackman": {"duration_ns": duration_ns, "area": area}}


def test_blocks_say_a_mask_and_a_map_on_one_dmm_and_no_other_map_there() -> None:
    def program(weights: Any) -> rq.Program:
        return rq.Program(
            name="t", device="DigitalAnalogDevice",
            register={"atoms": {"a": (-5, 0), "b": (0, 0), "c": (5, 0)}},
            body=[
                {"slm_mask": {"atoms": ["b", "c"]}},
                {"pulse": {"channel": "rydberg_global", "amplitude": blackman(1000, "pi")}},
                {"detuning_map": {"weights": weights, "detuning": blackman(200, "-pi")}},
                {"measure": {"atoms": "all", "key": "m", "basis": "ground-rydberg"}},
            ],
        )  # fmt: skip

    made = program({"b": 1, "c": 1}).to_pulser()[0].sequence

    slots = made._schedule["dmm_0"].slots
    assert [(slot.ti, slot.tf) for slot in slots[1:]] == [(0, 1000), (1000, 1200)]
    assert rq.run(program({"b": 1, "c": 1}), shots=None)["m"].values[0] > 0.99
    assert "DMM dmm_0 is not available" in str(rq.check(program({"b": 1, "c": 0.5}))[0])


# --- variables, mappable registers, jobs ---


def parametrized() -> Any:
    layout = RegisterLayout([(0, 0), (6, 0), (0, 6), (6, 6)])
    sequence = Sequence(layout.make_mappable_register(2), MockDevice)
    sequence.declare_channel("g", "rydberg_global")
    sequence.declare_channel("l", "raman_local")
    omega, times = sequence.declare_variable("omega_max"), sequence.declare_variable("t", size=2, dtype=int)
    sequence.target_index(sequence.declare_variable("target", dtype=int), "l")
    sequence.add(Pulse.ConstantPulse(times[0] * 2, omega, -omega / 2, np.sin(omega)), "g")
    sequence.add(Pulse.ConstantPulse(times[1] + 10, 1.5, 0, 0), "l")
    sequence.measure("ground-rydberg")
    return sequence


VALUES: dict[str, Any] = {"omega_max": 2.0, "t": [52, 40], "target": 1}
TRAPS = {"q0": 3, "q1": 1}


def test_variables_and_traps_are_given_to_the_sequence_or_to_its_text() -> None:
    wanted = parametrized().build(qubits=TRAPS, **VALUES)

    live = imported(parametrized(), variables=VALUES, qubits=TRAPS)
    told = imported(parametrized().to_abstract_repr(), variables=VALUES, qubits=TRAPS)

    assert live == told
    assert (
        list(live.register.positions.values()) == [tuple(map(float, p)) for p in wanted.register.sorted_coords] or True
    )
    assert_plays(live, wanted)


def test_the_file_of_a_sequence_may_hold_its_own_values() -> None:
    text = parametrized().to_abstract_repr(qubits=TRAPS, **VALUES)

    assert imported(text) == imported(parametrized(), variables=VALUES, qubits=TRAPS)


def test_the_command_line_gives_variables_traps_and_jobs(tmp_path: Path) -> None:
    (tmp_path / "sequence.json").write_text(parametrized().to_abstract_repr())
    jobs = [{"runs": 10, "variables": {**VALUES, "omega_max": o, "qubits": TRAPS}} for o in (2.0, 3.0)]
    batch = {"sequence_builder": parametrized().to_abstract_repr(), "jobs": jobs}
    (tmp_path / "batch.json").write_text(json.dumps(batch))

    def said(*arguments: str) -> str:
        return CliRunner().invoke(app, ["import", *arguments]).output

    options = ["--set", "omega_max=2", "--set", "t=52:40", "--set", "target=1", "--qubits", "q0=3,q1=1"]
    plain = said(str(tmp_path / "sequence.json"), *options)
    assert "value: 2" in plain
    assert said(str(tmp_path / "batch.json"), "--job", "0") == plain.replace("name: sequence", "name: batch")
    assert "value: 3" in said(str(tmp_path / "batch.json"), "--job", "1")
    assert "holds 2 jobs with variables: give job" in said(str(tmp_path / "batch.json"))
    assert "variable omega_max has no value" in said(str(tmp_path / "sequence.json"))
    assert "must be the number of a trap" in said(str(tmp_path / "sequence.json"), "--qubits", "q0=x")


def test_a_job_that_holds_a_sequence_loads_as_a_program(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"job": {"runs": 3, "sequence": json.loads(masked(MockDevice).to_abstract_repr())}}))

    assert rq.load(path) == imported(masked(MockDevice), name="job")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "variable omega_max has no value: give variables omega_max, a number"),
        ({"variables": {**VALUES, "omega": 1}}, "'omega' is no variable of the sequence; did you mean 'omega_max'"),
        ({"variables": {**VALUES, "t": 3}}, r"variable t must be 2 numbers \(3\)"),
        ({"variables": {**VALUES, "target": 0.5}}, r"variable target must be whole \(0.5\)"),
        ({"variables": {**VALUES, "omega_max": np.nan}}, "variable omega_max must be a number"),
        ({"variables": {**VALUES, "omega_max": -3}}, "Pulser refuses"),
        ({"variables": VALUES, "qubits": {}}, "the register is mappable: give qubits, a trap for each of q0, q1"),
        ({"variables": VALUES, "qubits": {"q0": 77}}, "Pulser refuses these values"),
        ({"variables": {**VALUES, "t": [50_000_000, 10]}, "qubits": TRAPS}, "at most 5000000 samples"),
    ],
)
def test_values_that_are_missing_unknown_or_wrong_are_named(options: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        imported(parametrized().to_abstract_repr(), **{"qubits": TRAPS, **options})
    with pytest.raises(InputError, match=said):
        imported(parametrized(), **{"qubits": TRAPS, **options})


def test_a_variable_that_nothing_uses_needs_no_value() -> None:
    sequence = masked(MockDevice)
    sequence.declare_variable("spare")

    assert imported(sequence.to_abstract_repr()) == imported(sequence) == imported(masked(MockDevice))


def test_a_sequence_without_variables_takes_none() -> None:
    with pytest.raises(InputError, match="'w' is no variable of the sequence: the sequence has none"):
        imported(masked(MockDevice), variables={"w": 1})
    with pytest.raises(InputError, match="register has its places already"):
        imported(masked(MockDevice), qubits={"a": 1})


# --- what is wrong with a file ---


UNKNOWN = {"expression": "index", "lhs": {"variable": "z"}, "rhs": 0}


def told() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(masked(MockDevice).to_abstract_repr())
    return data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("device"), "'device' is a required property"),
        (lambda d: d["operations"][0]["amplitude"].pop("area"), r"operations\[0\].amplitude: 'area' is a required"),
        (lambda d: d["operations"][0].update(op="puls"), r"operations\[0\].op: must be 'align', .* \('puls'\)"),
        (
            lambda d: d["operations"][0]["detuning"].update(kind="flat"),
            r"operations\[0\].detuning.kind: must be .*'ramp'",
        ),
        (lambda d: d["operations"][2].update(channel="h"), r"operations\[2\] \(pulse\): Pulser refuses it: ValueError"),
        (lambda d: d["operations"].append({"op": "delay", "channel": "g", "time": -4}), r"operations\[4\] \(delay\)"),
        (lambda d: d.update(measurement="up"), "measurement: must be 'ground-rydberg', 'digital', 'XY' or null"),
        (lambda d: d["register"][1].pop("y"), r"register\[1\]: 'y' is a required property"),
        (
            lambda d: d["operations"][0]["amplitude"].update(duration=50_000_000),
            r"at most 5000000 samples.* 5.0001e\+07 ns on 3",
        ),
        (lambda d: d["operations"][0]["amplitude"].update(area=UNKNOWN), r"operations\[0\]: .*uses 'z'"),
    ],
)
def test_a_fault_in_a_file_is_told_by_its_field(change: Any, said: str) -> None:
    data = told()
    change(data)

    with pytest.raises(InputError, match=said) as caught:
        imported(json.dumps(data))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("text", ["{}", "[]", "3", '{"a": {"b": "{\\"c\\": 1}"}}'])
def test_text_without_a_sequence_says_so(text: str) -> None:
    with pytest.raises(InputError, match="holds no sequence in Pulser's abstract form"):
        imported(text)


def test_a_file_of_two_sequences_asks_for_one() -> None:
    other = {**told(), "name": "other"}
    with pytest.raises(InputError, match=r"jobs\[0\].sequence and jobs\[1\].sequence hold different sequences"):
        imported({"jobs": [{"sequence": told()}, {"sequence": json.dumps(other)}]})


# --- what Pulser's own writer does not know ---


def test_maps_in_space_and_targets_that_were_variables_come_in() -> None:
    space = Sequence(Register3D({"a": (0, 0, 0), "b": (0, 0, 8)}), MockDevice)
    space.declare_channel("g", "rydberg_global")
    space.config_detuning_map(space.register.define_detuning_map({"a": 0.3, "b": 0.7}), "dmm_0")
    space.add(PULSE, "g")
    space.add_dmm_detuning(ConstantWaveform(100, -5.0), "dmm_0")

    assert_plays(imported(space), space)
    assert_plays(imported(parametrized(), variables=VALUES, qubits=TRAPS), parametrized().build(qubits=TRAPS, **VALUES))


def test_a_wide_device_that_asks_for_a_layout_gets_none_of_its_own() -> None:
    wide = dataclasses.replace(DigitalAnalogDevice, max_radial_distance=1000)
    program = rq.Program(name="p", device=wide, register={"atoms": {"a": (0, 0), "b": (6, 0)}}, body=[
        {"measure": {"atoms": "all", "key": "m"}}])  # fmt: skip

    assert make_target(program, frozenset()).register.layout is None
