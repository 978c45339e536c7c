"""Probed states as matrices of qubits."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem.analysis import density_matrix, entanglement
from rydberg_qmem.analysis.tomography import counts_of
from rydberg_qmem.errors import InputError

BELL = {
    "name": "bell",
    "register": {"atoms": {"a": (0, 0), "b": (5, 0)}},
    "parameters": {"angle": "pi / 2"},
    "body": [
        {"rotate": {"atom": "a", "angle": "angle"}},
        {"cnot": {"control": "a", "target": "b"}},
        {"probe": {"atoms": ["a", "b"], "density_matrix": True, "key": "rho"}},
    ],
}


def test_three_levels_are_cut_to_g_and_h_with_g_first() -> None:
    swept = {"angle": [0.0, np.pi / 2, np.pi]}
    record = rq.run(rq.Program.model_validate(BELL), sweep=swept, shots=None, emulator="ideal")

    rho = record.qmem.density_matrix("rho")

    assert rho.shape == (3, 4, 4)
    assert rho[0, 0, 0] == pytest.approx(1)  # gg
    assert rho[2, 3, 3] == pytest.approx(1)  # hh
    assert entanglement.concurrence(rho) == pytest.approx([0, 1, 0], abs=1e-9)


def test_what_is_left_in_r_is_missing_from_the_trace() -> None:
    pulse = {"channel": "rydberg_local", "atoms": "q", "amplitude": {"blackman": {"duration_ns": 200, "area": 1.0}}}
    look = {"probe": {"atoms": "q", "density_matrix": True, "key": "rho"}}
    body = [{"rotate": {"atom": "q", "angle": 0.5}}, {"pulse": pulse}, look]
    record = rq.run(rq.Program(name="leaky", register={"atoms": {"q": (0, 0)}}, body=body), shots=None)

    rho = density_matrix(record, "rho")

    assert np.trace(rho).real == pytest.approx(1 - np.cos(0.25) ** 2 * np.sin(0.5) ** 2, abs=1e-6)
    assert np.trace(density_matrix(record, "rho", kept=("g", "r"))).real == pytest.approx(np.cos(0.25) ** 2, abs=1e-6)


def test_a_key_that_holds_no_state_is_refused() -> None:
    record = rq.run(rq.Program.model_validate(BELL), shots=None, emulator="ideal")

    with pytest.raises(InputError, match=r"must name a probe with density_matrix: true, but 'rhoo' does not.*rho"):
        density_matrix(record, "rhoo")


def test_shots_with_a_lost_atom_are_not_counted() -> None:
    bits = np.tile(np.array([0, 1, 1, -1], dtype=np.int8), (3, 1))
    record = xr.Dataset({"m": (("point", "shot"), bits)}, {"setting": ("point", [0, 1, 2])})

    assert counts_of(record, key="m").tolist() == [[1.0, 2.0]] * 3
