from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq

ATOMS = {"a": (0.0, 0.0), "b": (6.0, 0.0)}
LEVELS = ["g", "h"]
PAULI = {"x": np.array([[0, 1], [1, 0]]), "y": np.array([[0, -1j], [1j, 0]]), "z": np.diag([1, -1])}


def final_state(body: list[Any], emulator: str = "ideal", atoms: Any = None) -> Any:
    probe = {"probe": {"atoms": "all", "density_matrix": True, "key": "rho"}}
    register = {"atoms": {"a": (0, 0)} if atoms is None else atoms}
    program = rq.Program(name="p", device="MockDevice", register=register, body=[*body, probe])
    return rq.run(program, shots=None, emulator=emulator).rho


def rotation(axis: str, angle: float) -> Any:
    return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * PAULI[axis]


def turn(axis: str, angle: float, **more: Any) -> dict[str, Any]:
    return {"rotate": {"atom": "a", "axis": axis, "angle": angle, **more}}


@pytest.mark.parametrize("emulator", ["ideal", "exact"])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_rotation_is_the_exponential_of_its_pauli_matrix(axis: str, emulator: str) -> None:
    turns = [("y", 1.1), ("z", 0.4), (axis, -0.9), ("x", 2.0)]
    psi = np.eye(2)[0].astype(complex)
    for about, angle in turns:
        psi = rotation(about, angle) @ psi

    rho = final_state([turn(*one) for one in turns], emulator).sel(rho_row=LEVELS, rho_column=LEVELS).values

    np.testing.assert_allclose(rho, np.outer(psi, psi.conj()), atol=1e-12)


@pytest.mark.parametrize("emulator", ["ideal", "exact"])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_rotation_between_g_and_r_counts_g_as_its_upper_pole_too(axis: str, emulator: str) -> None:
    turns = [("y", 1.1), ("z", 0.4), (axis, -0.9), ("x", 2.0)]
    psi = np.eye(2)[0].astype(complex)
    for about, angle in turns:
        psi = rotation(about, angle) @ psi

    rho = final_state([turn(*one, basis="ground-rydberg") for one in turns], emulator)

    wanted = np.outer(psi, psi.conj())
    np.testing.assert_allclose(rho.sel(rho_row=["g", "r"], rho_column=["g", "r"]).values, wanted, atol=1e-12)


@pytest.mark.parametrize("emulator", ["ideal", "exact"])
def test_a_full_turn_between_g_and_r_changes_the_sign_of_g_against_h(emulator: str) -> None:
    body = [turn("y", np.pi / 2), turn("x", 2 * np.pi, basis="ground-rydberg")]

    rho = final_state(body, emulator).sel(rho_row=LEVELS, rho_column=LEVELS).values

    np.testing.assert_allclose(rho, [[0.5, -0.5], [-0.5, 0.5]], atol=1e-12)


@pytest.mark.parametrize("emulator", ["ideal", "exact"])
def test_a_quaternion_is_the_rotation_about_its_axis(emulator: str) -> None:
    angle, axis = 1.3, np.array([0.48, -0.6, 0.64])
    w, (x, y, z) = np.cos(angle / 2), np.sin(angle / 2) * axis
    unitary = w * np.eye(2) - 1j * (x * PAULI["x"] + y * PAULI["y"] + z * PAULI["z"])
    psi = unitary @ rotation("y", 0.7)[:, 0]

    about = {"rotate": {"atom": "a", "quaternion": [float(w), float(x), float(y), float(z)]}}
    rho = final_state([turn("y", 0.7), about], emulator).sel(rho_row=LEVELS, rho_column=LEVELS).values

    np.testing.assert_allclose(rho, np.outer(psi, psi.conj()), atol=1e-12)


@pytest.mark.parametrize(("start", "end"), [("gg", "gg"), ("gh", "gh"), ("hg", "hh"), ("hh", "hg")])
def test_a_cnot_flips_its_target_where_the_control_is_in_h(start: str, end: str) -> None:
    flips = [
        {"rotate": {"atom": q, "axis": "x", "angle": np.pi}}
        for q, level in zip("ab", start, strict=True)
        if level == "h"
    ]

    rho = final_state([*flips, {"cnot": {"control": "a", "target": "b"}}], atoms=ATOMS)

    assert rho.sel(rho_row=end, rho_column=end).item() == pytest.approx(1, abs=1e-12)


def test_a_cz_changes_the_sign_of_hh_alone() -> None:
    plus = [{"rotate": {"atom": q, "angle": np.pi / 2}} for q in "ab"]
    labels = ["gg", "gh", "hg", "hh"]

    found = final_state([*plus, {"cz": {"control": "a", "target": "b"}}], atoms=ATOMS)

    signs = np.array([1, 1, 1, -1])
    wanted = np.outer(signs, signs) / 4
    np.testing.assert_allclose(found.sel(rho_row=labels, rho_column=labels).values, wanted, atol=1e-12)


def test_gates_take_no_time_and_pulses_between_them_do() -> None:
    pulse = {
        "pulse": {"channel": "raman_local", "atoms": "a", "amplitude": {"constant": {"duration_ns": 120, "area": 1}}}
    }
    loop = {"repeat": {"times": 2, "body": [turn("y", 1.0), pulse, turn("x", 1.0)]}}
    program = rq.Program(name="p", device="MockDevice", register={"atoms": {"a": (0, 0)}}, body=[loop])

    assert rq.run(program, shots=None, emulator="ideal").time_us.values.tolist() == pytest.approx([0, 0.12])
    assert rq.run(program, shots=None).time_us.values.tolist() == pytest.approx([0, 0.22])


def test_pulses_evolve_as_in_the_exact_emulator() -> None:
    pulse = {"channel": "rydberg_global", "amplitude": {"blackman": {"duration_ns": 200, "area": 2.5}}, "detuning": 3}
    body = [turn("y", 1.0), {"pulse": pulse}, {"pulse": {**pulse, "phase": 0.3}}]

    ideal, exact = (final_state(body, name, ATOMS).values for name in ("ideal", "exact"))

    np.testing.assert_allclose(ideal, exact, atol=1e-9)
