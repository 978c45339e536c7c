"""Registers, trap layouts and devices, beside Pulser; the ready sequences of its modes against closed forms."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pulser
import pytest
from pulser.register.special_layouts import TriangularLatticeLayout

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.language.registers import Register
from tests.beside_pulser.beside import Case, agrees_with_emu_sv, agrees_with_qutip

RG = "rydberg_global"
SQUARE = {"pulse": {"channel": RG, "amplitude": {"blackman": {"duration_ns": 200, "area": 1.6}}, "detuning": 1.0}}
WEAK = {"pulse": {"channel": RG, "amplitude": 6.0, "duration_ns": 200}}
LATTICE = {"layout": "triangular_lattice", "n_traps": 61, "spacing_um": 8}


def by_hand(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(200, 1.6), 1.0, 0.0), RG)


PLACES: dict[str, Any] = {
    "rectangle": {"layout": "rectangle", "rows": 1, "columns": 3, "spacing_um": 7},
    "square": {"layout": "square", "side": 2, "spacing_um": 8},
    "rectangular lattice": {
        "layout": "rectangular_lattice", "rows": 2, "columns": 2, "row_spacing_um": 7, "col_spacing_um": 9,
    },
    "triangular lattice": {"layout": "triangular_lattice", "rows": 1, "columns": 3, "spacing_um": 8},
    "max connectivity": {"layout": "max_connectivity", "n_qubits": 4, "spacing_um": 8},
    "in space": {"atoms": {"a": (0, 0, 0), "b": (5, 3, 6), "c": (-4, 5, 1)}},
    "cuboid": {"layout": "cuboid", "rows": 1, "columns": 2, "layers": 2, "spacing_um": 8},
    "cells": {"layout": "cells", "units": 2, "roles": ["s", "a"], "spacing_um": 7, "between_um": 20},
    "traps": {"traps": LATTICE, "trap_ids": {"s": 30, "a": 31, "b": 39}},
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_a_register_interacts_as_pulsers(name: str) -> None:
    agrees_with_qutip(Case([SQUARE], by_hand, register=Register(**PLACES[name])))


@pytest.mark.parametrize("name", PLACES)
def test_emu_sv_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    agrees_with_emu_sv(Case([SQUARE], by_hand, register=Register(**PLACES[name])), monkeypatch)


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"layout": "hexagon", "layers": 2, "spacing_um": 6}, pulser.Register.hexagon(2, spacing=6, prefix="q")),
        ({"layout": "cubic", "side": 2, "spacing_um": 6}, pulser.Register3D.cubic(2, spacing=6, prefix="q")),
        (
            {"layout": "max_connectivity", "n_qubits": 7, "spacing_um": 6},
            pulser.Register.max_connectivity(7, pulser.MockDevice, spacing=6, prefix="q"),
        ),
    ],
)
def test_a_layout_is_pulsers(fields: dict[str, Any], made: Any) -> None:
    assert Register(**fields).to_pulser() == made


def test_cells_stand_apart_as_told() -> None:
    cells = Register(layout="cells", units=4, columns=2, roles=("s", "a"), spacing_um=5, between_um=30)
    gaps = compile_program(rq.Program(name="p", device="MockDevice", register=cells, body=[SQUARE])).target.distances_um

    assert cells.names == ("s0", "a0", "s1", "a1", "s2", "a2", "s3", "a3")
    assert [gaps[i, i + 1] for i in (0, 2, 4, 6)] == [5, 5, 5, 5]
    assert min(gaps[i, j] for i in range(8) for j in range(8) if i // 2 != j // 2) == 30


# --- traps ---


def test_a_pulser_register_on_a_layout_keeps_its_traps() -> None:
    layout = TriangularLatticeLayout(61, 5)
    given = layout.define_register(30, 12, qubit_ids=["b", "a"])
    register = Register.model_validate(given)

    assert register.trap_ids == {"b": 30, "a": 12}
    assert register.to_pulser() == given
    assert register.to_pulser().layout == layout
    assert Register.model_validate(register.model_dump(mode="json")) == register


def test_a_device_runs_the_layout_that_the_program_chose() -> None:
    traps = {"traps": {"layout": "triangular_lattice", "n_traps": 61, "spacing_um": 5}, "trap_ids": {"s": 30}}
    program = rq.Program(name="p", device="AnalogDevice", register=traps, body=[WEAK])

    assert rq.check(program) == []
    assert compile_program(program).target.register.layout == TriangularLatticeLayout(61, 5)


def test_a_layout_that_a_device_does_not_take_is_refused() -> None:
    traps = {"traps": {"coordinates": [[0, 0], [9, 0]]}, "trap_ids": {"s": 0, "a": 1}}
    [problem] = rq.check(rq.Program(name="p", device="AnalogDevice", register=traps, body=[SQUARE]))

    assert "fill up to" in str(problem) or "traps" in str(problem)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"traps": LATTICE, "trap_ids": {"a": 61}}, "different numbers from 0 to 60"),
        ({"traps": LATTICE, "trap_ids": {"a": 6, "b": 6}}, "different numbers from 0 to 60"),
        ({"traps": LATTICE}, "traps and trap_ids go together"),
        ({"traps": {"coordinates": [[0, 0], [0, 0]]}, "trap_ids": {"a": 0}}, "must be different places"),
        ({"layout": "cells", "units": 2, "roles": ["s", "s"], "spacing_um": 5, "between_um": 9}, "different names"),
        ({"layout": "square", "side": 2, "spacing_um": 5, "rows": 2}, "has no rows"),
    ],
)
def test_a_register_that_is_none_is_refused(fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(rq.ProgramError, match=rule):
        Register(**fields)


def test_a_mappable_register_is_built_first() -> None:
    with pytest.raises(ValueError, match="must be built first"):
        Register.model_validate(TriangularLatticeLayout(61, 5).make_mappable_register(2))


# --- devices ---

ABSTRACT = pulser.DigitalAnalogDevice.to_abstract_repr()


def test_a_device_is_a_name_an_object_its_json_a_mapping_or_a_file(tmp_path: Path) -> None:
    place = {"atoms": {"q": (0, 0)}}
    (tmp_path / "mine.json").write_text(ABSTRACT)
    text = "name: p\ndevice: mine.json\nregister: {atoms: {q: [0, 0]}}\nbody: []\n"
    (tmp_path / "p.yaml").write_text(text)
    programs = [
        rq.Program(name="p", device="DigitalAnalogDevice", register=place, body=()),
        rq.Program(name="p", device=pulser.DigitalAnalogDevice, register=place, body=()),
        rq.Program(name="p", device=ABSTRACT, register=place, body=()),
        rq.Program(name="p", device=json.loads(ABSTRACT), register=place, body=()),
        rq.Program(name="p", device=tmp_path / "mine.json", register=place, body=()),
        rq.load(tmp_path / "p.yaml"),
    ]

    assert {program.device_name for program in programs} == {"DigitalAnalogDevice"}
    assert all(compile_program(program).target.device == pulser.DigitalAnalogDevice for program in programs)
    assert all(rq.Program.from_json(program.to_json()) == program for program in programs)


def test_a_device_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("name: p\ndevice: gone.json\nregister: {atoms: {q: [0, 0]}}\nbody: []\n")

    with pytest.raises(rq.ProgramError, match=r"p\.yaml:2:.* device: cannot read .*gone\.json.*there is no such file"):
        rq.load(path)


# --- the ready sequences ---


def test_the_drift_of_the_eom_mode_is_its_detuning_times_the_wait() -> None:
    off = float(pulser.AnalogDevice.channels[RG].eom_config.calculate_detuning_off(2.5 * np.pi, 0.0, -20.0))  # type: ignore[union-attr]  # the channel has an EOM
    record = rq.run("eom_bang_bang", shots=None)

    assert float(record.fringe) == pytest.approx((1 + np.cos(off * 0.1)) / 2, abs=1e-9)
    assert float(record.corrected) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("field", [(0, 0, 30), (10, 0, 30), (1, 2**0.5, 0)])
def test_the_exchange_follows_the_angle_of_the_field(field: tuple[float, float, float]) -> None:
    program = rq.load("tilted_exchange").model_copy(update={"magnetic_field": field})
    cosine = field[0] / np.linalg.norm(field)
    rate = pulser.MockDevice.interaction_coeff_xy * (1 - 3 * cosine**2) / 15**3

    assert float(rq.run(program, shots=None).n[1]) == pytest.approx(np.sin(0.2 * rate) ** 2, abs=1e-9)


# --- what check must see, and how fast ---


def problems(*body: Any, **more: Any) -> list[str]:
    program = rq.Program(name="p", device="MockDevice", register={"atoms": {"q": (0, 0)}}, body=body, **more)
    return [str(problem) for problem in rq.check(program)]


def test_a_kaiser_window_takes_its_beta_from_parameters_alone() -> None:
    window = {"kaiser": {"duration_ns": 100, "area": 1, "beta": "x"}}
    pulse = {"pulse": {"channel": RG, "amplitude": window}}

    assert "beta: must be known before the run" in problems(pulse, memory={"x": {"initial": 3}})[0]
    assert problems(pulse, parameters={"x": 3}) == []


@pytest.mark.parametrize(
    "shape",
    [
        {"blackman": {"duration_ns": 50_000_000, "area": "1 + k"}},
        {"kaiser": {"duration_ns": 50_000_000, "area": "1 + k"}},
        {"ramp": {"duration_ns": 50_000_000, "start": 0, "stop": "k"}},
        {"interpolated": {"duration_ns": 50_000_000, "values": [0, "k", 0]}},
    ],
)
def test_very_long_pulses_are_checked_without_their_samples(shape: dict[str, Any]) -> None:
    problems()  # imports Pulser
    began = time.process_time()
    loop = {"repeat": {"times": 1000, "body": [{"pulse": {"channel": RG, "amplitude": shape}}]}}

    assert problems(loop) == []
    assert time.process_time() - began < 1


@pytest.mark.parametrize("shape", ["blackman", "kaiser"])
def test_the_bounds_of_long_windows_are_those_of_their_samples(shape: str) -> None:
    from rydberg_qmem.pulses import _windows as windows

    beta = None if shape == "blackman" else 14.0
    made = windows.of_unit_area(100_001, beta)

    low, high = windows.window_bounds(100_001, beta)
    assert (low, high) == pytest.approx((made.min(), made.max()), rel=1e-9, abs=1e-12)


def test_fields_out_of_phase_add_as_complex_numbers() -> None:
    """Equal fields a half turn apart cancel, where Pulser's sum of amplitudes and of phases would drive."""
    wide = {"amplitude": 5.0, "duration_ns": 100}
    body = [
        {"pulse": {"channel": RG, **wide}},
        {"pulse": {"channel": "rydberg_local", "atoms": "q", "phase": "pi", "with": "previous", **wide}},
        {"measure": {"atoms": "q", "key": "m"}},
    ]
    program = rq.Program(name="p", device="MockDevice", register={"atoms": {"q": (0, 0)}}, body=body)

    assert float(rq.run(program, shots=None).m) == pytest.approx(0, abs=1e-12)
    assert float(rq.run(program, shots=None, emulator="qutip").m) == pytest.approx(0, abs=1e-12)


def test_detuned_fields_out_of_phase_play_as_in_pulser() -> None:
    def blackman(area: float) -> dict[str, Any]:
        return {"blackman": {"duration_ns": 200, "area": area}}

    def by_two_channels(s: Any) -> None:
        s.declare_channel(RG, RG)
        s.declare_channel("rydberg_local", "rydberg_local", initial_target="b")
        s.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(200, 2.0), 3.0, 0.5), RG)
        s.add(pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(200, 1.5), -5.0, 2.0), "rydberg_local", "no-delay")

    second = {"channel": "rydberg_local", "atoms": "b", "phase": 2, "detuning": -5, "with": "previous"}
    body = [
        {"pulse": {"channel": RG, "amplitude": blackman(2.0), "detuning": 3, "phase": 0.5}},
        {"pulse": {**second, "amplitude": blackman(1.5)}},
    ]

    agrees_with_qutip(Case(body, by_two_channels))


def test_a_device_file_that_is_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "device.json")
    (tmp_path / "p.yaml").write_text("name: p\ndevice: device.json\nregister: {atoms: {a: [0, 0]}}\nbody: []\n")

    with pytest.raises(rq.ProgramError, match=r"device: cannot read .*device\.json.*must be a file"):
        rq.load(tmp_path / "p.yaml")
