"""Purity and entropy are one number each: no run keeps a density matrix of every round for them."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT


def probed(atoms: int, rounds: int, some: Any = "all", **more: Any) -> rq.Program:
    register = {"layout": "rectangle", "rows": 1, "columns": atoms, "spacing_um": 6}
    return rq.Program(
        name="probed",
        device="MockDevice",
        register=register,
        memory={"x": {"initial": 0}},
        body=[
            {
                "repeat": {
                    "times": rounds,
                    "body": [
                        {"pulse": {"channel": "rydberg_global", "amplitude": "3 + x", "duration_ns": 200}},
                        {"measure": {"atoms": "q0", "key": "m", "basis": "ground-rydberg"}},
                        {"set": {"x": "m"}},
                        {"probe": {"atoms": some, "key": "s", "purity": True, "entropy": True, **more}},
                    ],
                }
            }
        ],
    )


@pytest.mark.parametrize("state", ["vector", "density_matrix"])
@pytest.mark.parametrize("some", ["all", ["q2", "q0"], ["q1"]])
@pytest.mark.parametrize("shots", [None, 30])
def test_values_are_those_of_the_mean_density_matrix(shots: int | None, some: Any, state: str) -> None:
    record = rq.run(probed(3, 3, some, density_matrix=True), shots=shots, seed=shots and 5, state=state)

    for rho, purity, entropy in zip(record.s_density_matrix.values, record.s_purity, record.s_entropy, strict=True):
        assert float(purity) == pytest.approx(float(np.trace(rho @ rho).real), abs=1e-12)
        p = np.linalg.eigvalsh(rho).clip(1e-300)
        assert float(entropy) == pytest.approx(float(-(p * np.log2(p)).sum()), abs=1e-9)


def test_several_units_add_their_states_and_one_unit_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    program, shots = probed(2, 2), 2 * COHORT
    whole = rq.run(program, shots=shots, seed=2)
    monkeypatch.setattr("rydberg_qmem.running.units.BATCH_COHORTS", 1)
    parts = rq.run(program, shots=shots, seed=2)

    np.testing.assert_allclose(whole.s_purity, parts.s_purity, atol=1e-12)
    np.testing.assert_allclose(whole.s_entropy, parts.s_entropy, atol=1e-12)


def test_a_purity_of_many_atoms_takes_no_matrix_at_all() -> None:
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": 3, "duration_ns": 100}}
    probe = {"probe": {"atoms": "all", "key": "s", "purity": True, "entropy": True}}
    register = {"layout": "rectangle", "rows": 1, "columns": 11, "spacing_um": 6}
    repeat = {"repeat": {"times": 4, "body": [pulse, probe]}}
    program = rq.Program(name="p", device="MockDevice", register=register, body=[repeat])
    tracemalloc.start()
    record = rq.run(program, shots=None)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    np.testing.assert_allclose(record.s_purity, 1, atol=1e-9)
    np.testing.assert_allclose(record.s_entropy, 0, atol=1e-7)
    assert taken < 40_000_000  # one matrix of 2048 x 2048 has 67 MB


def test_states_to_be_added_to_others_are_in_the_size_of_a_trace() -> None:
    compiled = compile_program(probed(3, 2))

    assert len(Recorder(compiled, 0).sums()) - len(Recorder(compiled, 0, alone=True).sums()) == 2 * 2 * (2 * 64 - 1)
