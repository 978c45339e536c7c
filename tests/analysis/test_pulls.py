"""Stated errors are the scatter over seeds: pulls (estimate less truth, over the stated error) of 200 seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import rydberg_qmem as rq
from rydberg_qmem.analysis import closed_forms, expectation, hysteresis, memristivity, mitigation, mutual_information
from rydberg_qmem.analysis.hysteresis import loop
from rydberg_qmem.analysis.outcome_mean import outcome_mean
from rydberg_qmem.analysis.standard_error import mean_and_error, standard_error

Floats = NDArray[np.float64]
SEEDS, BOOTSTRAP = 200, 60
CENTRE, LOW, HIGH = 0.25, 0.8, 1.2
"""Of 200 pulls the mean scatters by 0.07 and the width by 0.05: three and a half and four of these."""
PHASE = 2 * np.pi * np.arange(64) / 64


def ellipse() -> tuple[Floats, Floats]:
    return np.cos(PHASE), 0.6 * np.sin(PHASE)


def pinched() -> tuple[Floats, Floats]:
    return np.sin(PHASE), (1 + 0.5 * (1 - np.cos(PHASE))) * np.sin(PHASE)


def lagging() -> tuple[Floats, Floats]:
    return np.sin(PHASE), 0.7 * np.sin(PHASE - 0.5)


LOOPS = {"ellipse": ellipse(), "pinched": pinched(), "lagging": lagging()}


def noisy(name: str, shots: int, noise: float = 0.15) -> xr.Dataset:
    """A loop measured anew by every seed, one seed a point."""
    x, y = LOOPS[name]
    shot = y + noise * np.random.default_rng(1).normal(size=(SEEDS, shots, len(x)))
    return xr.Dataset({"x": ("round", x), "y": (("point", "shot", "round"), shot)})


def exact(name: str) -> xr.Dataset:
    x, y = LOOPS[name]
    return xr.Dataset({"x": ("round", x), "y": ("round", y)})


def clicks(shots: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Binary outcomes of the photonic-type memristor by its law, one seed a point, and their means."""
    k = np.arange(24)
    n_in = np.sin(np.pi * k / 24) ** 2
    out = (1 - closed_forms.discrete_reflectivity(k + 24, 24, 9)) * n_in
    drawn = (np.random.default_rng(2).random((SEEDS, shots, 24)) < out).astype(np.int8)
    return (
        xr.Dataset({"x": ("round", n_in), "y": (("point", "shot", "round"), drawn)}),
        xr.Dataset({"x": ("round", n_in), "y": ("round", out)}),
    )


def assert_pulls(estimate: Any, error: Any, truth: Any, *, what: str, low: float = LOW, high: float = HIGH) -> None:
    pulls = (np.asarray(estimate) - np.asarray(truth)) / np.asarray(error)
    assert abs(pulls.mean()) < CENTRE, f"{what}: pulls have mean {pulls.mean():+.2f}"
    assert low < pulls.std(ddof=1) < high, f"{what}: pulls have width {pulls.std(ddof=1):.2f}"


@pytest.mark.parametrize(
    ("name", "shots"),
    [("pinched", 100), *(pytest.param(name, n, marks=pytest.mark.slow) for name in LOOPS for n in (100, 500))],
)
def test_loops_have_the_errors_of_their_scatter_and_no_bias(name: str, shots: int) -> None:
    made, law = (
        hysteresis(record, drive="x", response="y", bootstrap=BOOTSTRAP) for record in (noisy(name, shots), exact(name))
    )

    for measure in ("area", "signed_area", "perimeter", "form_factor"):
        low = LOW if measure in ("area", "signed_area") else 0.65  # lengths of points closer than their noise
        assert_pulls(made[measure], made[f"{measure}_error"], law[measure], what=f"{measure} of {name}", low=low)
    for measure in (
        ("perimeter", "form_factor") if shots == 100 else ()
    ):  # without the correction the same pulls are off by errors
        plain = made[measure] + made[f"{measure}_bias"]
        assert abs(((plain - law[measure]) / made[f"{measure}_error"]).mean()) > 2 * CENTRE


@pytest.mark.slow
@pytest.mark.parametrize("shots", [500, 2000])
def test_loops_of_clicks_have_the_errors_of_their_scatter(shots: int) -> None:
    record, law = clicks(shots)
    made, true = (hysteresis(r, drive="x", response="y", bootstrap=BOOTSTRAP) for r in (record, law))

    for measure in ("area", "signed_area", "perimeter", "form_factor"):
        assert_pulls(made[measure], made[f"{measure}_error"], true[measure], what=measure)


@pytest.mark.slow
def test_the_pinch_of_an_open_loop_has_the_error_of_its_scatter() -> None:
    made, law = (
        hysteresis(r, drive="x", response="y", bootstrap=BOOTSTRAP) for r in (noisy("lagging", 500), exact("lagging"))
    )

    assert_pulls(made.pinch, made.pinch_error, law.pinch, what="pinch")


@pytest.mark.slow
def test_cycles_have_the_errors_of_their_scatter() -> None:
    x, y = (np.tile(part, 2) for part in LOOPS["pinched"])  # two cycles, else the last zero of the drive is missing
    shot = y + 0.15 * np.random.default_rng(1).normal(size=(SEEDS, 200, len(x)))
    record = xr.Dataset({"x": ("round", x), "y": (("point", "shot", "round"), shot)})
    true = memristivity(xr.Dataset({"x": ("round", x), "y": ("round", y)}), drive="x", response="y")
    made = [memristivity(record.isel(point=i), drive="x", response="y", bootstrap=BOOTSTRAP) for i in range(SEEDS)]

    for measure in ("area", "length", "form_factor", "signed_area"):
        values, errors = (np.array([float(m[name][0]) for m in made]) for name in (measure, f"{measure}_error"))
        assert_pulls(values, errors, float(true[measure][0]), what=measure)


@pytest.mark.parametrize("flipped", [0.1, *(pytest.param(f, marks=pytest.mark.slow) for f in (0.05, 0.3))])
def test_mutual_information_has_the_error_of_its_scatter(flipped: float) -> None:
    entropy = -flipped * np.log2(flipped) - (1 - flipped) * np.log2(1 - flipped)
    made = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        bits = rng.integers(2, size=400)
        read = np.where(rng.random(400) < flipped, 1 - bits, bits)
        made.append(mutual_information(*(xr.DataArray(b, dims="shot") for b in (bits, read)), bootstrap=BOOTSTRAP))

    values, errors = (np.array([float(m[name]) for m in made]) for name in ("information", "information_error"))
    assert_pulls(values, errors, 1 - entropy, what="information")


def test_equal_bits_tell_one_bit() -> None:
    bits = xr.DataArray(np.tile([0, 1], 25), dims="shot")

    assert float(mutual_information(bits, bits).information) == pytest.approx(1 + 1 / (100 * np.log(2)))


def test_means_errors_and_unfolded_chances_of_lossy_bits_have_the_errors_of_their_scatter() -> None:
    rng = np.random.default_rng(3)
    true = (rng.random((SEEDS, 300)) < 0.3).astype(np.int8)
    read = np.where(rng.random(true.shape) < 0.04, 1 - true, true)
    bits = np.where(rng.random(true.shape) < 0.1, -1, read).astype(np.int8)
    records = [xr.Dataset({"m": ("shot", row)}) for row in bits]

    seen = 0.3 * 0.96 + 0.7 * 0.04
    plain = np.array([mean_and_error(r.m) for r in records])
    told = np.array([[float(outcome_mean(r, "m")[name]) for name in ("mean", "error")] for r in records])
    for made in (plain, told):
        assert_pulls(made[:, 0], made[:, 1], seen, what="mean")
    unfolded = [mitigation.unfold(r, "m", confusion=(0.04, 0.04)) for r in records]
    assert_pulls(
        [float(u.probability) for u in unfolded], [float(u.probability_error) for u in unfolded], 0.3, what="p"
    )
    counted = np.array([[r.m.mean(), r.m.std(ddof=1) / np.sqrt(300)] for r in records])  # what -1 as a number gives
    assert abs(((counted[:, 0] - seen) / counted[:, 1]).mean()) > 3


def test_sums_of_pauli_strings_have_the_errors_of_their_scatter() -> None:
    rng = np.random.default_rng(4)
    made = []
    for _ in range(SEEDS):
        bits = (rng.random((200, 2)) < (0.2, 0.6)).astype(np.int8)
        record = {"ZZ": xr.Dataset({"m": (("shot", "m_atom"), bits)})}
        made.append(expectation(record, {"ZI": 0.5, "ZZ": 1.0, "II": 0.3}, key="m"))

    assert_pulls(
        [float(m.value) for m in made], [float(m.error) for m in made], 0.3 + 0.5 * 0.6 - 0.6 * 0.2, what="sum"
    )


def test_drawn_loops_have_the_errors_of_their_scatter() -> None:
    made = loop(noisy("ellipse", 50), drive="x", response="y")

    assert_pulls(
        made.response.values.ravel(),
        made.response_error.values.ravel(),
        np.tile(LOOPS["ellipse"][1], SEEDS),
        what="loop",
    )


CONDUCTANCE: dict[str, Any] = {
    "name": "conductance",
    "device": "MockDevice",
    "register": {"atoms": {"q": (0, 0)}},
    "parameters": {"K": 8, "tau": 3, "g": 6},
    "inputs": {"u": {"default": "sin(pi * k / K) ** 2", "rounds": "2 * K"}},
    "memory": {"w": {"initial": 0.5}, "G": {"initial": 0.5}},
    "body": [{"repeat": {"over": "u", "body": [
        {"rotate": {"atom": "q", "basis": "ground-rydberg", "angle": "2 * asin(sqrt(u))"}},
        {"measure": {"atoms": "q", "key": "n"}}, {"reset": {"atoms": "q"}},
        {"rotate": {"atom": "q", "basis": "ground-rydberg", "angle": "2 * asin(sqrt(u * G))"}},
        {"measure": {"atoms": "q", "key": "out"}}, {"reset": {"atoms": "q"}},
        {"set": {"w": "w * exp(-1 / tau) + (1 - exp(-1 / tau)) * ensemble_mean(n)"}},
        {"set": {"G": "1 / (1 + exp(-g * (w - 0.5)))"}},
    ]}}],
}  # fmt: skip


@pytest.mark.parametrize("response", ["G", pytest.param("out", marks=pytest.mark.slow)])
def test_under_feedback_of_means_the_errors_are_those_of_whole_cohorts(response: str) -> None:
    program = rq.Program.from_dict(CONDUCTANCE)
    record = rq.run(program, shots=12_000, seed=5, emulator="ideal")
    truth = rq.run(program, shots=120_000, seed=6, emulator="ideal")
    own = [
        hysteresis(record.isel(shot=slice(1000 * i, 1000 * i + 1000)), drive="u", response=response) for i in range(12)
    ]
    scatter = np.std([float(o.area) for o in own], ddof=1) / np.sqrt(12)

    made, law = (record.qmem.hysteresis(drive="u", response=response), hysteresis(truth, drive="u", response=response))

    assert float(made.area_error) == pytest.approx(scatter, rel=0.35)
    assert abs(float(made.area - law.area)) < 4.9 * float(np.hypot(made.area_error, law.area_error))
    assert all(np.isnan(float(o.area_error)) for o in own)  # one cohort tells no error, and does not say 1e-17
    alone = hysteresis(record.assign_attrs(ensemble_cohort=1), drive="u", response="G")  # as if no feedback were shared
    assert float(alone.area_error) < 0.2 * float(hysteresis(record, drive="u", response="G").area_error)


def test_a_record_says_which_shots_share_their_feedback_and_older_ones_are_read_from_their_program() -> None:
    fed = rq.run(rq.Program.from_dict(CONDUCTANCE), shots=10, seed=1, emulator="ideal")
    older = fed.copy()
    del older.attrs["ensemble_cohort"]
    alone = rq.run("two_port_memristor", shots=10, seed=1, emulator="ideal")
    from rydberg_qmem.analysis.standard_error import cohort_of

    assert (fed.attrs["ensemble_cohort"], cohort_of(fed), cohort_of(older), cohort_of(alone)) == (1000, 1000, 1000, 1)


def test_errors_of_unequal_cohorts_are_those_of_the_scatter() -> None:
    rng = np.random.default_rng(7)
    values = np.repeat(rng.normal(size=(SEEDS, 13)), 10, axis=1)[:, :125] + 0.1 * rng.normal(size=(SEEDS, 125))

    errors = [float(standard_error(row, cohort=10)) for row in values]

    assert_pulls(values.mean(axis=1), errors, 0.0, what="cohorts", high=1.3)  # twelve degrees of freedom: wider tails
    assert np.std(values.mean(axis=1) / [float(standard_error(row)) for row in values]) > 2
