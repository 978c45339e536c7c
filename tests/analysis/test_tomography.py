"""Tomography of atoms that differ, unfolded bits and the errors of joint outcomes, beside what they must be."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem.analysis.mitigation import unfold_joint, unfolded
from rydberg_qmem.analysis.tomography import counts_of, linear_inversion

ANGLES = {"a": 0.4, "b": 1.1, "c": 2.2}


def test_atoms_keep_their_order() -> None:
    turned = [{"rotate": {"atom": atom, "angle": angle}} for atom, angle in ANGLES.items()]
    program = rq.Program(
        name="three",
        register={"atoms": {"a": (0, 0), "b": (20, 0), "c": (40, 0)}},
        parameters={"setting": 0},
        body=[*turned, *rq.programs.tomography(list(ANGLES))],
    )
    [key] = [block.key for block in program.body if isinstance(block, rq.Measure)]
    shots = 2000
    record = rq.run(program, shots=shots, seed=1, emulator="ideal", sweep={"setting": list(range(27))})

    rho = linear_inversion(counts_of(record, key=key))

    ones = [np.sin(angle / 2) ** 2 for angle in ANGLES.values()]
    for atom in range(3):
        found = np.diag(rho).real.reshape(2, 2, 2).sum(axis=tuple({0, 1, 2} - {atom}))[1]
        assert found == pytest.approx(ones[atom], abs=5 / np.sqrt(9 * shots))  # nine settings read an atom in Z


def test_the_error_of_a_joint_outcome_is_that_of_its_share() -> None:
    bits = np.array([[0, 0], [1, 1], [0, 1], [0, 0], [1, 1], [0, 0], [0, 0], [1, 0]], dtype=np.int8)
    record = xr.Dataset({"m": (("shot", "m_atom"), bits)}, {"m_atom": ["a", "b"]})

    error = unfold_joint(record, "m", confusion=(0.0, 0.0)).probability_error

    share = np.array([0.5, 0.125, 0.125, 0.25])
    np.testing.assert_allclose(error, np.sqrt(share * (1 - share) / 7))


def test_unfolded_bits_have_the_true_mean() -> None:
    bits = np.array([[0], [1], [1], [0], [1], [-1]], dtype=np.int8)
    record = xr.Dataset({"m": (("shot", "m_atom"), bits)}, {"m_atom": ["a"]})

    made = unfolded(record, "m", confusion=(0.1, 0.2))

    np.testing.assert_allclose(made.mean("shot"), (0.6 - 0.1) / 0.7)
    assert np.isnan(made.values[-1]).all()
