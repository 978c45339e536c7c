"""Hysteresis loops of records built by hand, exact and sampled, against the laws."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import xarray as xr

from rydberg_qmem.analysis import closed_forms, geometry, hysteresis, loop
from rydberg_qmem.analysis.hysteresis import Cycle
from rydberg_qmem.errors import InputError

SIGMAS = 4.9
"""Two-sided normal deviations for a false alarm of one in a million."""

NUMBERS = {"long_name": "mean photon number in", "units": "1"}
PAIR: dict[str, Any] = {"drive": "n_in", "response": "out"}


def memristor(
    period: int = 24, window: int = 9, periods: int = 2, shots: int | None = None, seed: int = 0
) -> xr.Dataset:
    """A record of the photonic-type memristor: exact, or clicks drawn with its probabilities."""
    k = np.arange(period * periods)
    n_in = np.sin(np.pi * k / period) ** 2
    reflectivity = closed_forms.discrete_reflectivity(k, period, window)
    out: Any = ("round", (1 - reflectivity) * n_in)
    if shots is not None:
        clicks = np.random.default_rng(seed).random((shots, len(k))) < out[1]
        out = (("shot", "round"), clicks.astype(np.int8))
    return xr.Dataset({"n_in": ("round", n_in, NUMBERS), "out": out, "R": ("round", reflectivity)})


def eight(n: int = 100) -> xr.Dataset:
    phase = 2 * np.pi * np.arange(n) / n
    current = closed_forms.flux_controlled_current(phase, 1.0, 0.5, 1.0, 1.0)
    voltage = ("round", np.sin(phase), {"units": "mV", "long_name": "voltage"})
    return xr.Dataset({"V": voltage, "I": ("round", current, {"units": "nA"})})


def sweep(*records: xr.Dataset) -> xr.Dataset:
    """Points of different length, filled up with missing values, as a sweep of the number of rounds is."""
    longest = max(record.sizes["round"] for record in records)
    fill: Any = {name: -1 if a.dtype == np.int8 else np.nan for name, a in records[0].data_vars.items()}
    full = [r.pad(round=(0, longest - r.sizes["round"]), constant_values=fill) for r in records]
    return xr.concat(full, "point")


def signed_area_deviation(record: xr.Dataset) -> float:
    """Of one shot: the signed area is linear in the clicks, A = sum y_k (x_k-1 - x_k+1) / 2."""
    x, y = record.n_in.values[24:48], record.out.values[24:48]
    weights = 0.5 * (np.roll(x, 1) - np.roll(x, -1))
    return float(np.sqrt(np.sum(weights**2 * y * (1 - y))))


def test_an_exact_memristor_has_the_area_of_its_law_and_no_errors() -> None:
    result = hysteresis(memristor(), **PAIR)

    assert result.area == pytest.approx(0.294922, abs=5e-7)
    assert result.signed_area == pytest.approx(-closed_forms.discrete_loop_area(24, 9), abs=1e-12)
    assert (int(result.direction), int(result.crossings)) == (-1, 0)
    assert result.pinch == pytest.approx(0, abs=1e-12)
    assert all(result[name] == 0 for name in result.data_vars if str(name).endswith(("_error", "_bias")))
    assert result.attrs == {"drive": "n_in", "response": "out", "period": 24, "cycle": "last"}


def test_every_variable_has_units_and_a_long_name() -> None:
    result = hysteresis(eight(), drive="V", response="I")

    assert all({"units", "long_name"} <= set(result[name].attrs) for name in result.data_vars)
    assert len({result[name].attrs["long_name"] for name in result.data_vars}) == len(result.data_vars)
    assert result.area.attrs["units"] == "mV nA"
    assert result.slope.attrs["units"] == "nA/(mV)"
    assert result.perimeter.attrs["units"] == "mixed"


def test_a_pinched_figure_of_eight_is_told_from_a_line() -> None:
    curve = eight()

    lobes, line = (hysteresis(curve, drive="V", response=r) for r in ("I", 2 * curve.V + 1))

    assert lobes.area == pytest.approx(2 * closed_forms.flux_controlled_lobe(0.5, 1.0, 1.0), rel=3e-3)
    assert (int(lobes.direction), int(lobes.crossings)) == (0, 1)
    assert lobes.pinch == pytest.approx(0, abs=1e-12)
    assert 0.5 < lobes.line_r2 < 0.99
    assert (float(line.slope), float(line.line_r2)) == pytest.approx((2, 1))
    assert line.form_factor == pytest.approx(0, abs=1e-12)
    assert line.pinch == pytest.approx(1 / 3)


@pytest.mark.parametrize("cycle", ["last", "first", 0, 1, -1, np.int64(1)])
def test_one_cycle_gives_scalars(cycle: Any) -> None:
    assert hysteresis(memristor(), **PAIR, cycle=cycle).area.shape == ()


def test_cycles_are_told_apart() -> None:
    record = memristor(periods=3)
    record["out"] = record.out * np.repeat([1, 2, 3], 24)

    areas = hysteresis(record, **PAIR, cycle="all").area

    assert areas.dims == ("cycle",)
    assert areas.values / areas.values[0] == pytest.approx([1, 2, 3])
    cases: list[tuple[Cycle, int]] = [("first", 0), ("last", 2), (1, 1), (-2, 1)]
    for cycle, number in cases:
        assert hysteresis(record, **PAIR, cycle=cycle).area == areas[number]


def test_an_incomplete_cycle_at_the_end_is_left_out() -> None:
    record = memristor(periods=3).isel(round=slice(0, 60))

    result = hysteresis(record, **PAIR, cycle="all", period=24)

    assert result.sizes["cycle"] == 2
    assert hysteresis(record, **PAIR).area == result.area[1]


@pytest.mark.parametrize(("rounds", "period"), [(48, 24), (47, 47), (30, 30), (72, 24), (100, 24)])
def test_the_period_is_found_if_it_fits_twice(rounds: int, period: int) -> None:
    record = memristor(periods=5).isel(round=slice(0, rounds))

    assert hysteresis(record, **PAIR).attrs["period"] == period


def test_the_period_is_found_in_spite_of_rounding_but_not_of_a_trend() -> None:
    record = memristor()
    rounding = record.assign(n_in=record.n_in * (1 + 1e-12 * np.arange(48)))
    trend = record.assign(n_in=record.n_in * (1 + 1e-6 * np.arange(48)))

    assert hysteresis(rounding, **PAIR).attrs["period"] == 24
    assert hysteresis(trend, **PAIR).attrs["period"] == 48


def test_the_period_of_a_drive_with_shot_noise_must_be_given() -> None:
    record = memristor(shots=50)

    assert hysteresis(record, drive="out", response="n_in").attrs["period"] == 48
    assert hysteresis(record, drive="out", response="n_in", period=24).attrs["period"] == 24


def test_the_recorded_parameter_called_period_is_not_believed() -> None:
    record = memristor().assign_attrs(parameters_json='{"period": 12}')

    assert hysteresis(record, **PAIR).attrs["period"] == 24


def test_a_sampled_memristor_agrees_with_the_law_within_its_error() -> None:
    result = hysteresis(memristor(shots=1000), **PAIR)
    mutant = hysteresis(memristor(shots=1000, window=3), **PAIR)  # a memristor that forgets sooner

    law = -closed_forms.discrete_loop_area(24, 9)

    assert abs(result.signed_area - law) < SIGMAS * result.signed_area_error
    assert abs(mutant.signed_area - law) > SIGMAS * mutant.signed_area_error


def test_the_error_of_the_signed_area_is_its_true_deviation() -> None:
    shots, resamples = 2000, 2000
    true = signed_area_deviation(memristor()) / np.sqrt(shots)
    tolerance = SIGMAS * np.sqrt(1 / (2 * resamples) + 1 / (2 * shots))  # of resampling, and of p (1 - p)

    error = hysteresis(memristor(shots=shots), **PAIR, bootstrap=resamples).signed_area_error
    mutant = hysteresis(memristor(shots=shots // 2), **PAIR, bootstrap=resamples).signed_area_error

    assert error == pytest.approx(true, rel=tolerance)
    assert mutant != pytest.approx(true, rel=tolerance)


def test_drive_and_response_are_resampled_together() -> None:
    clicks = np.random.default_rng(0).random((500, 24)) < np.sin(np.pi * np.arange(24) / 24) ** 2
    record = xr.Dataset({"out": (("shot", "round"), clicks.astype(np.int8))})

    result = hysteresis(record, drive="out", response=(2.0 * record.out).rename("twice"))

    assert float(result.area + result.area_error + abs(result.area_bias)) < 1e-12  # a line in every resample


def test_the_area_of_a_noisy_line_is_biased_and_says_so() -> None:
    clicks = np.random.default_rng(2).random((100, 24)) < 0.5 * np.sin(np.pi * np.arange(24) / 24) ** 2
    record = memristor(periods=1).assign(out=(("shot", "round"), clicks.astype(np.int8)))

    result = hysteresis(record, **PAIR)

    assert result.area_bias > 0.2 * result.area > 0
    assert abs(result.signed_area) < SIGMAS * result.signed_area_error
    assert result.crossings > 0


def test_the_seed_and_nothing_else_decides_the_errors() -> None:
    record = memristor(shots=200)

    one, same, other = (hysteresis(record, **PAIR, seed=seed) for seed in (7, 7, 8))

    assert one.identical(same)
    assert one.area_error != other.area_error
    assert one.area == pytest.approx(float(other.area), abs=0.05 * float(one.area_error))  # the bias taken off
    assert one.area + one.area_bias == pytest.approx(float(other.area + other.area_bias), abs=1e-12)
    assert one.signed_area == other.signed_area


@pytest.mark.parametrize(("shots", "bootstrap"), [(1, 200), (100, 0), (100, 1)])
def test_errors_that_cannot_be_known_are_nan(shots: int, bootstrap: int) -> None:
    result = hysteresis(memristor(shots=shots), **PAIR, bootstrap=bootstrap)

    assert np.isnan([result.area_error, result.pinch_error, result.area_bias]).all()
    assert np.isfinite(result.area)


def test_blocks_of_resamples_give_the_same_errors_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    record = memristor(shots=100)
    whole = hysteresis(record, **PAIR)

    monkeypatch.setattr(sys.modules["rydberg_qmem.analysis.standard_error"], "_WEIGHTS_AT_ONCE", 700)

    assert float(hysteresis(record, **PAIR).area_error) == pytest.approx(float(whole.area_error), rel=1e-9)


def test_one_atom_of_a_key_is_selected_by_its_name() -> None:
    record = memristor(shots=50)
    both = xr.concat([record.out, 1 - record.out], xr.Variable("clicks_atom", ["s", "a"])).astype(np.int8)
    record["clicks"] = both.transpose("shot", "round", "clicks_atom")

    by_name = hysteresis(record, drive="n_in", response="clicks.s")
    by_array = hysteresis(record, drive="n_in", response=record.clicks.sel(clicks_atom="s"))

    assert by_name.area == by_array.area == hysteresis(record, **PAIR).area
    assert by_name.attrs["response"] == "clicks.s"


def test_the_label_of_one_atom_is_not_that_of_the_whole_key() -> None:
    record = with_atoms()
    record.clicks.attrs["long_name"] = "outcome of measuring s, a"
    record.out.attrs["long_name"] = "outcome of measuring s"

    assert loop(record, drive="n_in", response="clicks.s").response.attrs["long_name"] == "clicks.s"
    assert loop(record, drive="n_in", response="out").response.attrs["long_name"] == "outcome of measuring s"


def test_names_and_arrays_mean_the_same() -> None:
    record = memristor()

    by_array = hysteresis(record, drive=record.n_in, response=record.out)

    assert by_array.identical(hysteresis(record, **PAIR))


def test_an_array_computed_from_a_variable_is_not_called_by_its_name() -> None:
    record = memristor()

    computed = hysteresis(record, drive="n_in", response=1 - record.R)
    renamed = hysteresis(record, drive="n_in", response=(1 - record.R).rename("transmission"))

    assert computed.attrs["response"] == "function of R"
    assert renamed.attrs["response"] == "transmission"
    assert computed.area == pytest.approx(float(hysteresis(record, drive="n_in", response="R").area))


@pytest.mark.parametrize("of_key", [lambda out: "out", lambda out: out, lambda out: 1 - out, lambda out: 2.0 * out])
def test_lost_outcomes_are_left_out_of_the_means(of_key: Any) -> None:
    record = memristor(shots=400)
    lossy = record.copy(deep=True)
    lossy.out[:100, 30:40] = -1
    kept = record.isel(shot=slice(100, None))

    lost, whole = (loop(r, drive="n_in", response=of_key(r.out)).response for r in (lossy, kept))

    assert lost[6:16].values == pytest.approx(whole[6:16].values)
    assert hysteresis(lossy, **PAIR).area_error > 0


def test_lost_outcomes_count_in_the_errors() -> None:
    record = memristor(shots=400)
    lossy = record.copy(deep=True)
    lossy.out[40:] = -1

    few, whole = (float(hysteresis(r, **PAIR, bootstrap=500).signed_area_error) for r in (lossy, record))

    assert few / whole == pytest.approx(np.sqrt(10), rel=0.25)


def test_a_resample_without_valid_outcomes_keeps_the_mean() -> None:
    record = memristor(shots=20)
    record.out[:, 24:] = [[0, 1] * 12] * 20
    record.out[1:, 25] = -1  # one valid shot, left out by a third of the resamples

    assert hysteresis(record, **PAIR).area_error < 1e-12


def test_points_are_measured_one_by_one() -> None:
    records = [memristor(window=window, shots=100, seed=window) for window in (3, 9, 15)]
    swept = xr.concat(records, "point").assign_coords(window=("point", [3, 9, 15]))

    result = hysteresis(swept, **PAIR)

    assert result.area.dims == ("point",)
    assert result.window.values.tolist() == [3, 9, 15]
    xr.testing.assert_allclose(result.isel(point=1, drop=True), hysteresis(records[1], **PAIR))


def test_points_share_a_drive_that_does_not_depend_on_them() -> None:
    swept = xr.concat([memristor(window=window)[["out"]] for window in (3, 9)], "point")
    swept["n_in"] = memristor().n_in

    areas = hysteresis(swept, **PAIR).area.values

    assert areas == pytest.approx(closed_forms.discrete_loop_area(24, [3, 9]), abs=1e-12)


@pytest.mark.parametrize("shots", [None, 60])
def test_each_point_of_a_sweep_of_the_period_has_its_own(shots: int | None) -> None:
    records = [memristor(period=period, shots=shots) for period in (12, 24, 48, 12)]
    swept = sweep(*records).assign_coords(period=("point", [12, 24, 48, 12]))

    result = hysteresis(swept, **PAIR)

    assert result.attrs["period"] == [12, 24, 48, 12]
    for point, record in enumerate(records):
        assert float(result.area[point]) == pytest.approx(float(hysteresis(record, **PAIR).area), abs=1e-12)
    assert hysteresis(swept, **PAIR, cycle="all").area.shape == (4, 2)


def test_a_swept_parameter_may_bear_the_name_of_a_measure() -> None:
    swept = xr.concat([memristor(), memristor()], "point").assign_coords(slope=("point", [1.0, 2.0]))

    result = hysteresis(swept, **PAIR)

    assert result.parameter_slope.values.tolist() == [1.0, 2.0]
    assert "slope" in result.data_vars


def test_the_loop_itself_carries_means_errors_and_rounds() -> None:
    record = memristor(shots=400)
    clicks = record.out.values[:, 24:]

    mean = loop(record, **PAIR)

    assert mean["round"].values.tolist() == list(range(24, 48))
    assert mean.response.values == pytest.approx(clicks.mean(axis=0))
    assert mean.response_error.values == pytest.approx(clicks.std(axis=0, ddof=1) / 20)
    assert (mean.drive_error == 0).all()
    assert mean.drive.attrs == NUMBERS
    assert loop(record, **PAIR, cycle="all").response.shape == (2, 24)


def test_a_dimension_of_another_name_is_found_or_given() -> None:
    record = memristor().rename(round="step")
    plane = xr.Dataset({"u": (("a", "b"), np.ones((3, 4))), "v": (("a", "b"), np.ones((3, 4)))})

    assert hysteresis(record, **PAIR, dim="step").identical(hysteresis(record, **PAIR))
    with pytest.raises(InputError, match=r"share one dimension of rounds, but share a, b; give dim="):
        hysteresis(plane, drive="u", response="v")
    with pytest.raises(InputError, match="drive must have no dimension but point, shot and a, but has b too"):
        hysteresis(plane, drive="u", response="v", dim="a")


def with_atoms() -> xr.Dataset:
    key = (("shot", "round", "clicks_atom"), np.ones((3, 48, 2), dtype=np.int8))
    return memristor(shots=3).assign(clicks=key).assign_coords(clicks_atom=["s", "a"])


def gap(value: float) -> xr.Dataset:
    record = memristor(shots=3)
    record["out"] = record.out.astype(np.int8 if value == -1 else float)
    record.out[:, 29] = value
    return record


BAD_CALLS: list[tuple[xr.Dataset, dict[str, Any], str]] = [
    (memristor(), {"drive": "n_inn"}, r"drive must name a variable .* is 'n_inn'; did you mean 'n_in'\?"),
    (memristor(), {"response": "zzz"}, r"is 'zzz'; known: R, n_in, out"),
    (memristor(), {"response": 3}, r"response: must be a name or an xarray DataArray \(3\)"),
    (memristor(), {"response": "out.s"}, "response 'out.s' must be 'out' alone: it has no atoms"),
    (with_atoms(), {"response": "clicks"}, r"response 'clicks' must name one atom, clicks\.s say"),
    (with_atoms(), {"response": "clicks.b"}, "must name an atom of 'clicks'; known: a, s"),
    (
        memristor(),
        {"response": xr.DataArray([1, 2], dims="k")},
        r"but share none \(drive: round; response: k\)",
    ),
    (memristor(), {"response": xr.DataArray(1.0)}, r"response: none\)"),
    (memristor(), {"dim": "rounds"}, "drive must have the dimension 'rounds', but has round"),
    (memristor(), {"response": xr.DataArray(np.ones(7), dims="round")}, "along 'round', but have 48 and 7"),
    (memristor(), {"response": memristor().out.astype(str).rename("text")}, "'text' is of type <U"),
    (memristor(), {"period": 49}, "must have at least 49 rounds, but the series has 48"),
    (memristor(), {"period": 2}, "period must be 3 or more whole rounds, but is 2"),
    (memristor(), {"period": 24.0}, "period must be 3 or more whole rounds, but is 24.0"),
    (memristor(), {"cycle": 2}, "cycle must be below 2, the number of whole periods, but is 2"),
    (memristor(), {"cycle": "middle"}, "cycle must be 'last', .* or a whole number, but is 'middle'"),
    (memristor(), {"cycle": True}, "a whole number, but is True"),
    (memristor(), {"bootstrap": -1}, "bootstrap must be a whole number, 0 or more, but is -1"),
    (memristor(), {"seed": 1.5}, "seed must be a whole number, 0 or more, but is 1.5"),
    (gap(-1), {}, "response 'out' must have a valid value each round, but has none in round 29"),
    (gap(np.nan), {}, "response 'out' must have a valid value each round, but has none in round 29"),
    (xr.concat([memristor(shots=3), gap(-1)], "point"), {}, "has none in round 29 of point 1"),
    (sweep(memristor(), memristor(periods=3)), {"cycle": "all"}, "points have different numbers of cycles"),
]


@pytest.mark.parametrize(("record", "call", "message"), BAD_CALLS, ids=[str(n) for n in range(len(BAD_CALLS))])
def test_what_makes_no_loop_is_refused(record: xr.Dataset, call: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        hysteresis(record, **{**PAIR, **call})


def test_the_loop_of_points_with_different_periods_is_refused() -> None:
    with pytest.raises(InputError, match="loop must have one period, but it differs between points"):
        loop(sweep(memristor(), memristor(period=12)), **PAIR)


def test_a_gap_outside_the_cycle_does_not_matter() -> None:
    assert np.isfinite(hysteresis(gap(-1), **PAIR, cycle="first").area)


def test_one_point_taken_out_of_a_numbered_sweep_is_measured_alike() -> None:
    records = [memristor(window=window) for window in (3, 9)]
    swept = xr.concat(records, "point").assign_coords(point=[0, 1], window=("point", [3, 9]))

    taken = hysteresis(swept.isel(point=1), **PAIR)

    assert taken.area == hysteresis(swept, **PAIR).area[1]
    assert taken.window == 9
    assert "point" not in loop(swept.isel(point=1), **PAIR).dims


def test_cohorts_that_follow_their_own_means_are_drawn_whole() -> None:
    rng = np.random.default_rng(5)
    phase = 2 * np.pi * np.arange(24) / 24
    size = np.repeat(1 + 0.1 * rng.normal(size=30), 50)
    shots = size[:, None] * np.cos(phase) + 0.05 * rng.normal(size=(1500, 24))
    record = xr.Dataset({"u": ("round", np.sin(phase)), "v": (("shot", "round"), shots)})

    apart = hysteresis(record, drive="u", response="v", period=24)
    whole = hysteresis(record, drive="u", response="v", period=24, cohort=50)

    assert float(whole.area_error) == pytest.approx(np.pi * 0.1 / np.sqrt(30), rel=0.4)
    assert float(whole.area_error) > 4 * float(apart.area_error)


@pytest.mark.parametrize("cohort", [0, 7, 40, 2.5])
def test_a_cohort_must_divide_the_shots(cohort: Any) -> None:
    record = xr.Dataset({"u": ("round", np.arange(4.0)), "v": (("shot", "round"), np.zeros((40, 4)))})

    with pytest.raises(InputError, match="cohort must divide the 40 shots into two or more, but is"):
        hysteresis(record, drive="u", response="v", period=4, cohort=cohort)


def test_a_probe_beside_others_of_its_key_is_named_by_its_atom() -> None:
    response = (("round", "out_atom"), [[0.0], [2.0], [1.0], [0.0]])
    record = xr.Dataset({"u": ("round", [0.0, 1, 2, 1]), "out_occupation": response}, {"out_atom": ["s"]})

    alone = record.isel(out_atom=0, drop=True)
    found = hysteresis(record, drive="u", response="out_occupation.s")
    assert float(found.area) == float(hysteresis(alone, drive="u", response="out_occupation").area) != 0


def test_an_axis_of_a_probed_vector_is_named_after_its_atom() -> None:
    values = np.array([[[0.0, 5.0]], [[2.0, 5.0]], [[1.0, 5.0]], [[0.0, 5.0]]])
    bloch = (("round", "out_atom", "out_axis"), values)
    record = xr.Dataset({"u": ("round", [0.0, 1, 2, 1]), "out": bloch}, {"out_atom": ["s"], "out_axis": ["X", "Z"]})

    found = hysteresis(record, drive="u", response="out.s.X")
    assert float(found.area) == float(hysteresis(record, drive="u", response=record.out[:, 0, 0]).area) != 0
    assert float(hysteresis(record, drive="u", response="out.s.Z").area) == 0
    with pytest.raises(InputError, match=r"must name one atom and axis, out\.s\.X say"):
        hysteresis(record, drive="u", response="out.s")
    with pytest.raises(InputError, match=r"'out\.s\.x' must name an axis of 'out'; known: X, Z"):
        hysteresis(record, drive="u", response="out.s.x")


def test_the_error_of_a_few_shots_is_that_of_their_mean() -> None:
    """A signed area is linear in the response: its error is the standard error of the areas of single shots."""
    drive, shots = np.array([0.0, 1.0, 1.0, 0.0]), np.random.default_rng(4).normal(size=(3, 4))
    record = xr.Dataset({"x": ("round", drive), "y": (("shot", "round"), shots)})

    found = hysteresis(record, drive="x", response="y", period=4, bootstrap=4000)

    each = [float(geometry.signed_area(drive, shot)) for shot in shots]
    assert float(found.signed_area_error) == pytest.approx(np.std(each, ddof=1) / np.sqrt(3), rel=0.05)
