"""emu-mps against the exact emulator: sweeps, collapse and reset of matrix-product states, and what the record says."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq

pytestmark = pytest.mark.skipif(
    find_spec("emu_mps") is None, reason="emu-mps is not installed: pip install 'rydberg_qmem[emu]'"
)
TOLERANCE = 1e-5
LINE = {"a": (0, 0), "b": (5, 0), "c": (10, 0)}


def record(emulator: Any, body: list[Any], atoms: Any = LINE, shots: int | None = None, **more: Any) -> Any:
    program = rq.Program(name="p", device="MockDevice", register={"atoms": atoms}, body=body, **more)
    return rq.run(program, shots=shots, seed=5, emulator=emulator)


def worst(body: list[Any], atoms: Any = LINE, shots: int | None = None, **more: Any) -> float:
    ours, theirs = (record(name, body, atoms, shots, **more) for name in ("exact", "emu_mps"))
    return max(float(np.abs(ours[name].values - theirs[name].values).max()) for name in ours.data_vars)


def everywhere(duration_ns: int, value: float, **more: Any) -> Any:
    shape = {"constant": {"duration_ns": duration_ns, "value": value}}
    return {"pulse": {"channel": "rydberg_global", "amplitude": shape, **more}}


def on(atom: str, area: float, duration_ns: int = 150) -> Any:
    shape = {"constant": {"duration_ns": duration_ns, "area": area}}
    return {"pulse": {"channel": "rydberg_local", "atoms": atom, "amplitude": shape}}


def rho(*atoms: str) -> Any:
    return {"probe": {"atoms": list(atoms) or "all", "density_matrix": True, "key": "rho"}}


def measure(*atoms: str, key: str = "m") -> Any:
    return {"measure": {"atoms": list(atoms) or "all", "key": key}}


def test_atoms_on_both_sides_of_an_idle_one_become_entangled() -> None:
    assert worst([on("a", 1.5), on("c", 1.5), on("a", 1.5), rho()]) < TOLERANCE


def test_atoms_on_both_sides_of_one_that_is_driven_later_become_entangled() -> None:
    assert worst([on("a", 1.5), on("c", 1.5), on("a", 1.5), on("b", 1.0), rho()]) < TOLERANCE


def test_an_atom_that_rests_in_r_shifts_the_others() -> None:
    corner = {"a": (0, 0), "b": (9, 0), "c": (9, 9)}

    assert worst([on("b", np.pi), on("a", 1.5), on("c", 1.5), on("a", 1.0), rho()], corner) < TOLERANCE


def test_collapse_reset_feedforward_and_waiting_agree_with_the_exact_emulator() -> None:
    chosen = {"when": {"if": "m == 1", "then": [everywhere(40, 5.0, phase=0.5)]}}
    body = [everywhere(60, 9.0), measure("b"), {"reset": {"atoms": "a"}}, chosen, everywhere(30, 4.0, detuning="2 * m")]

    assert worst([*body, rho("c", "a")]) < TOLERANCE


def test_frames_and_every_probe_agree_with_the_exact_emulator() -> None:
    turned = {"phase_shift": {"atoms": ["b"], "angle": 0.9, "basis": "ground-rydberg"}}
    asked = {"occupation": True, "correlations": True, "pauli": ["X", "Y", "Z"], "entropy": True}
    seen = {"probe": {"atoms": ["c", "a", "b"], "key": "seen", **asked}}
    body = [on("a", 1.0), on("b", 1.5), turned, {"set": {"x": 1}}, on("b", 1.0), on("c", 2.0), seen]

    assert worst(body, memory={"x": {"initial": 0}}) < TOLERANCE


def test_the_xy_basis_agrees_with_the_exact_emulator() -> None:
    shape = {"constant": {"duration_ns": 40, "value": 9.0}}
    turn = {
        "pulse": {"channel": "mw_global", "amplitude": shape, "detuning": 2.0, "phase": 0.3, "post_phase_shift": 0.4}
    }
    body = [turn, measure("a"), turn, {"reset": {"atoms": "b"}}, {"delay": {"duration_ns": 60}}, turn, rho()]

    assert worst(body, {"a": (0, 0), "b": (14, 3), "c": (28, 1)}) < TOLERANCE


def test_shots_have_the_outcomes_of_the_exact_emulator() -> None:
    body = [
        everywhere(60, 9.0),
        measure("a", "b"),
        {"reset": {"atoms": ["b", "c"]}},
        everywhere(40, 9.0),
        measure(key="n"),
    ]

    assert worst(body, shots=60) == 0


def test_resetting_half_an_entangled_pair_leaves_the_other_half_mixed() -> None:
    pair = {"a": (0, 0), "b": (4, 0)}
    entangle = everywhere(100, 10 * np.pi / np.sqrt(2))

    made = record("emu_mps", [entangle, {"reset": {"atoms": "a"}}, rho("b"), measure(key="m")], pair)

    np.testing.assert_allclose(np.diag(made.rho), 0.5, atol=1e-3)  # (omega / U)^2 of both atoms in r
    assert abs(made.rho.values[0, 1]) < 0.017  # omega / U
    assert made.m.sel(m_atom="a") == pytest.approx(0, abs=1e-12)
    assert worst([entangle, {"reset": {"atoms": "a"}}, rho("b"), measure()], pair) < 1e-7


def test_reset_is_no_post_selection() -> None:
    pair = {"a": (0, 0), "b": (4, 0)}
    body = [everywhere(100, 10 * np.pi / np.sqrt(2)), {"reset": {"atoms": "a"}}, measure(key="m")]

    clicks = record("emu_mps", body, pair, shots=1000).m.sel(m_atom="b").values

    assert abs(clicks.mean() - 0.5) < 4.9 * 0.5 / np.sqrt(1000)  # alpha 1e-6


def test_the_record_says_the_bond_dimension_and_what_truncation_cost() -> None:
    from rydberg_qmem.emulators.emu_mps import EmuMps

    atoms = {f"q{i}": (7 * i, 0) for i in range(6)}
    body = [everywhere(150, 8.0), {"probe": {"atoms": "all", "occupation": True, "key": "n"}}]
    narrow, wide = (record(EmuMps(max_bond_dim=d), body, atoms) for d in (2, 64))
    exact = record("exact", body, atoms)

    assert float(narrow.mps_max_bond_dim) == 2
    assert 2 < float(wide.mps_max_bond_dim) <= 8
    assert float(wide.mps_truncation_error) < 1e-9
    assert 1e-6 < float(narrow.mps_truncation_error) < 1
    assert np.abs(narrow.n - exact.n).max() < 3 * np.sqrt(float(narrow.mps_truncation_error))
    assert np.abs(narrow.n - exact.n).max() > 10 * np.abs(wide.n - exact.n).max()


def test_equal_states_are_kept_once() -> None:
    from rydberg_qmem.emulators.emu_mps import EmuMps

    body = [everywhere(60, 9.0), measure(), {"reset": {"atoms": "all"}}]
    program = rq.Program(name="p", device="MockDevice", register={"atoms": LINE}, body=body)
    from rydberg_qmem.compile.semantics import interpret
    from rydberg_qmem.engine import interpreter
    from rydberg_qmem.engine.context import Cursor
    from rydberg_qmem.engine.recorder import Recorder
    from rydberg_qmem.engine.rng import Draws
    from rydberg_qmem.running.job import Job, context_of, prepare

    job, cursor = Job(program, {}, None, 50, 0, EmuMps(), "vector"), Cursor()
    compiled = prepare(job, {})
    run = context_of(job, compiled, Recorder(compiled, 50), Draws(0, 0, (0,), 1000), shots=50)
    population = interpret(compiled.steps, interpreter.start(run, cursor, 50), interpreter.steps(run, cursor))

    assert population.held is not None
    assert len(population.held.states) == 1


def test_nothing_is_printed_and_no_file_is_left(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record("emu_mps", [everywhere(30, 9.0), measure()], shots=2)

    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_one_atom_is_refused() -> None:
    with pytest.raises(rq.InputError, match="emulator 'emu_mps' needs at least 2 atoms, the program has 1"):
        rq.run("rabi", shots=1, emulator="emu_mps")


def test_density_matrices_are_refused() -> None:
    with pytest.raises(rq.InputError, match="'emu_mps' keeps pure states only"):
        rq.run("blockade", shots=None, emulator="emu_mps", state="density_matrix")


def test_a_memory_that_has_the_name_of_a_report_is_refused() -> None:
    body = [{"set": {"mps_max_bond_dim": 1}}, everywhere(60, 9.0)]

    with pytest.raises(rq.InputError, match="mps_max_bond_dim would stand for two things"):
        record("emu_mps", body, memory={"mps_max_bond_dim": {"initial": 0}})


CHAIN = {f"q{i}": (7 * i, 0) for i in range(30)}


def thirds(atoms: int, times: int, duration_ns: int) -> list[Any]:
    """Every third atom of a chain measured and reset, their mean fed forward."""
    third = [f"q{i}" for i in range(0, atoms, 3)]
    shape = {"constant": {"duration_ns": duration_ns, "area": "pi / 2 + seen"}}
    drive = {"pulse": {"channel": "rydberg_global", "amplitude": shape, "detuning": "2 * seen"}}
    body = [drive, measure(*third), {"reset": {"atoms": third}}, {"set": {"seen": "mean(m)"}}]
    return [
        {"repeat": {"times": times, "body": body}},
        {"probe": {"atoms": "all", "occupation": True, "correlations": atoms <= 8, "key": "n"}},
    ]


@pytest.mark.slow
def test_eight_atoms_with_two_rounds_of_feedforward_agree_with_the_exact_emulator() -> None:
    atoms = {name: CHAIN[name] for name in list(CHAIN)[:8]}

    assert worst(thirds(8, 2, 80), atoms, shots=3, memory={"seen": {"initial": 0}}) < TOLERANCE


@pytest.mark.slow
def test_a_chain_of_thirty_atoms_with_two_rounds_of_feedforward_runs() -> None:
    from rydberg_qmem.emulators.emu_mps import EmuMps

    quick = EmuMps(precision=1e-5, longest_ns=20)

    made = record(quick, thirds(30, 2, 80), CHAIN, shots=2, memory={"seen": {"initial": 0}})

    assert made.m.shape == (2, 2, 10)
    assert float(made.mps_truncation_error.max()) < 1e-6
    assert float(made.n.min()) >= 0
    np.testing.assert_allclose(made.n.values[::3], 0, atol=1e-9)
