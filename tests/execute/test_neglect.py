"""Interactions between unentangled atoms are left out below a threshold; the record bounds the error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import StoreError
from rydberg_qmem.running.stored import resume


def square(side: int, spacing_um: float, detuning: float = 0.0) -> rq.Program:
    return rq.Program(
        name="far",
        device="MockDevice",
        register={"layout": "square", "side": side, "spacing_um": spacing_um},
        body=[
            {"pulse": {"channel": "rydberg_global", "amplitude": 5, "duration_ns": 300, "detuning": detuning}},
            {"measure": {"atoms": "all", "key": "m"}},
        ],
    )


def test_far_atoms_run_one_by_one_with_an_error_below_the_stated_bound() -> None:
    record = rq.run(square(6, 60), shots=None, neglect=1e-4)

    error = float(np.abs(record.m - np.sin(5 * 0.3 / 2) ** 2).max())
    assert error < 1e-8
    assert error < record.attrs["neglected"] < 0.01
    assert record.attrs["neglect"] == 1e-4


def test_far_atoms_are_refused_unless_asked_with_the_ways_out() -> None:
    with pytest.raises(rq.RunError, match=r"36 entangled atoms .* a larger neglect .*1e-10 rad.*emu_mps"):
        rq.run(square(6, 60), shots=100, seed=1)


@pytest.mark.parametrize("detuning", [0.0, 3.0])
@pytest.mark.parametrize("spacing_um", [14, 20, 30])
def test_what_is_left_out_changes_no_probability_by_more_than_the_bound(spacing_um: float, detuning: float) -> None:
    whole, apart = (rq.run(square(2, spacing_um, detuning), shots=None, neglect=angle) for angle in (0.0, 1.0))

    changed = float(np.abs(whole.m - apart.m).max())
    assert whole.attrs["neglected"] == 0
    assert 0 < changed < apart.attrs["neglected"]


def test_nothing_much_is_left_out_unless_asked() -> None:
    assert rq.run(square(2, 6), shots=None).attrs["neglected"] == 0
    assert rq.run(square(2, 900), shots=None).attrs["neglected"] < 6e-10


def test_a_stored_record_states_what_was_left_out_and_is_not_continued_with_another_setting(tmp_path: Path) -> None:
    call: Any = {"shots": 2000, "seed": 3, "store": tmp_path / "r.zarr"}
    record = rq.run(square(3, 60), neglect=1e-3, **call)

    assert record.attrs["neglected"] == rq.run(square(3, 60), shots=2000, seed=3, neglect=1e-3).attrs["neglected"] > 0
    with pytest.raises(StoreError, match=r"neglect 0\.001 there"):
        rq.run(square(3, 60), neglect=1e-4, **call)
    assert resume(tmp_path / "r.zarr", run=rq.run).attrs["neglect"] == 1e-3


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "1e-3", None, True])
def test_an_angle_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(rq.InputError, match="neglect: must be a finite number of at least 0"):
        rq.run(square(2, 60), shots=1, neglect=wrong)
