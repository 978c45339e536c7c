"""Axes multiply, and those that are given together go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
import rydberg_qmem.analysis.accessor
from rydberg_qmem.running.sweep import as_one_axis, points_of, swept_names
from tests.execute.scaling import PROGRAM, run, sha256


def settings(sweep: Any) -> list[tuple[float, ...]]:
    return [tuple(point.values()) for point in points_of(PROGRAM, {}, sweep)]


def test_axes_multiply_the_last_one_first() -> None:
    assert settings({"theta": [1, 2], "rounds": [3, 4]}) == [(1, 3), (1, 4), (2, 3), (2, 4)]


@pytest.mark.parametrize("axis", [("theta", "rounds"), "theta,rounds", "theta, rounds"])
def test_axes_given_together_go_together(axis: Any) -> None:
    assert settings({axis: [(1, 3), (2, 4)]}) == [(1, 3), (2, 4)]
    assert swept_names({axis: []}) == ("theta", "rounds")


def test_a_swept_record_unfolds_to_its_grid() -> None:
    record = run(shots=50, sweep={"theta": [0.5, 1.0], "rounds": [2, 4]})
    grid = record.qmem.unstack()

    assert (grid.sizes["theta"], grid.sizes["rounds"]) == (2, 2)
    one = grid.m.sel(theta=1.0, rounds=2).transpose("shot", "round", "m_atom")
    assert np.array_equal(one.values, record.m.isel(point=2).values)


def test_a_stored_record_unfolds_to_its_grid_too(tmp_path: Any) -> None:
    sweep = {"theta": [0.5, 1.0], "rounds": [2, 4]}
    grid = run(tmp_path / "r.zarr", shots=50, sweep=sweep).qmem.unstack()
    in_memory = run(shots=50, sweep=sweep).qmem.unstack()

    assert set(grid.data_vars) == set(in_memory.data_vars)
    for name, values in in_memory.data_vars.items():
        assert grid[name].transpose(*values.dims).identical(values), name


def test_a_zipped_sweep_is_the_same_points_as_a_product_of_one() -> None:
    product = run(shots=50, sweep={"theta": [0.5], "rounds": [2, 4]})
    zipped = run(shots=50, sweep={("theta", "rounds"): [(0.5, 2), (0.5, 4)]})

    assert sha256(product) == sha256(zipped)


def test_a_sweep_comes_back_from_its_points() -> None:
    points = points_of(PROGRAM, {}, {"theta": [1, 2], "rounds": [3, 4]})

    assert points_of(PROGRAM, {}, as_one_axis(points, ["theta", "rounds"])) == points


@pytest.mark.parametrize(
    ("sweep", "rule"),
    [
        ({"theta": []}, "sweep.theta: must have at least one value"),
        ({("theta", "rounds"): [(1, 2, 3)]}, "each setting must have 2 values, but one has 3"),
        ({"theta": [1], ("theta", "rounds"): [(1, 2)]}, "theta is swept twice"),
        ({"thetta": [1]}, "no parameter 'thetta'; did you mean 'theta'?"),
        ({"theta": ["wide"]}, "must be a finite number ('wide')"),
    ],
)
def test_a_sweep_that_is_none_is_refused_with_its_rule(sweep: Any, rule: str) -> None:
    with pytest.raises(rq.InputError) as caught:
        points_of(PROGRAM, {}, sweep)
    assert rule in str(caught.value)


def test_a_parameter_is_either_set_or_swept() -> None:
    with pytest.raises(rq.InputError, match="theta is given as a parameter too"):
        run(shots=1, parameters={"theta": 1}, sweep={"theta": [1]})
