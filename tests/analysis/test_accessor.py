"""The accessor `record.qmem` and its plain functions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem import analysis
from rydberg_qmem.errors import InputError


def sweep(**parameters: list[float]) -> xr.Dataset:
    points = len(next(iter(parameters.values())))
    coords = {name: ("point", values) for name, values in parameters.items()}
    return xr.Dataset(
        {
            "out": (("point", "shot"), np.arange(2 * points, dtype=np.int8).reshape(points, 2) % 2),
            "area": ("point", np.arange(points) / 10),
            "crossings": ("point", np.arange(points)),
            "n_in": ("round", [0.0, 1.0]),
        },
        coords={"point": np.arange(points), **coords},
    )


def test_the_accessor_measures_like_the_plain_function() -> None:
    record = xr.Dataset({"u": ("round", [0.0, 1, 2, 1] * 2), "v": ("round", [0.0, 2, 1, 0] * 2)})

    loop = record.qmem.hysteresis(drive="u", response="v", cycle="first")

    assert loop.identical(analysis.hysteresis(record, drive="u", response="v", cycle="first"))


def test_records_have_the_accessor_before_anyone_asks_for_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(xr.Dataset, "qmem")
    for name in ("run", "open_record"):
        monkeypatch.delitem(vars(rq), name, raising=False)
        assert not hasattr(xr.Dataset, "qmem")

        getattr(rq, name)

        assert xr.Dataset(attrs={"program_json": "{}"}).qmem.program_json == "{}"
        monkeypatch.delattr(xr.Dataset, "qmem")


def test_the_accessor_gives_the_program_as_it_was_recorded() -> None:
    record = xr.Dataset(attrs={"program_json": '{"name":"blink"}'})

    assert record.qmem.program_json == analysis.program_json(record) == '{"name":"blink"}'


def test_a_dataset_without_program_is_no_record() -> None:
    with pytest.raises(InputError, match=r"must carry its program in attrs\['program_json'\]"):
        _ = xr.Dataset().qmem.program_json


def test_unstack_gives_the_grid_of_a_product_sweep() -> None:
    record = sweep(window=[9, 9, 3, 3], period=[24, 12, 24, 12])

    grid = record.qmem.unstack()

    assert dict(grid.sizes) == {"shot": 2, "window": 2, "period": 2, "round": 2}
    assert grid.area.sel(window=9, period=12) == 0.1
    assert grid.area.sel(window=3, period=24) == 0.2
    assert grid.window.values.tolist() == [3, 9]
    assert grid.n_in.dims == ("round",)
    assert (grid.out.dtype, grid.crossings.dtype) == (np.int8, np.int64)


def test_unstack_of_one_parameter_sorts_its_values() -> None:
    grid = analysis.unstack(sweep(window=[9, 3, 5]))

    assert grid.window.values.tolist() == [3, 5, 9]
    assert grid.area.values.tolist() == [0.1, 0.2, 0.0]
    assert "point" not in grid.coords


def test_unstack_marks_settings_that_the_sweep_left_out() -> None:
    grid = analysis.unstack(sweep(window=[3, 9], period=[12, 24]))

    assert np.isnan(grid.area.sel(window=3, period=24))
    assert np.isnan(grid.crossings.sel(window=3, period=24))
    assert grid.out.sel(window=3, period=24).values.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (xr.Dataset({"u": ("round", [1.0])}), "must have the dimension 'point' to be unstacked"),
        (xr.Dataset({"u": ("point", [1.0])}), "'point' must have a coordinate for each swept parameter"),
        (sweep(window=[3, 3], period=[12, 12]), r"window = 3, period = 12 comes more than once"),
    ],
)
def test_unstack_says_what_is_missing(record: xr.Dataset, message: str) -> None:
    with pytest.raises(InputError, match=message):
        analysis.unstack(record)


@pytest.mark.filterwarnings("error")
def test_registering_twice_changes_nothing() -> None:
    before = vars(xr.Dataset)["qmem"]

    analysis.register()

    assert vars(xr.Dataset)["qmem"] is before
