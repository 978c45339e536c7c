"""Under shared feedback the scatter of cycles tells the errors of one cohort: held against the scatter over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import rydberg_qmem as rq
from rydberg_qmem.analysis import fingerprints, geometry, hysteresis, loop, memristivity
from rydberg_qmem.analysis.lobes import no_area_probability
from rydberg_qmem.analysis.mean_noise import error_of_cycles, of_cycles, series_of, settled_cycles
from rydberg_qmem.analysis.signals import pair_of

Floats = NDArray[np.float64]
SIGMAS = 4.9
SEEDS, K, CYCLES = 400, 24, 4
DRIVE = np.sin(np.pi * np.arange(K) / K) ** 2


def conductance(shots: int = 300, seeds: int = SEEDS, cycles: int = CYCLES) -> dict[str, Floats]:
    """Means (seed, round) of a memory w that forgets in 5 rounds, its conductance G, and clicks of u G."""
    rng, keep = np.random.default_rng(1), np.exp(-1 / 5)
    w, made = np.full(seeds, 0.5), []
    for u in np.tile(DRIVE, cycles):
        g = 1 / (1 + np.exp(-6 * (w - 0.5)))
        made.append((g, rng.binomial(shots, u * g) / shots))
        w = w * keep + (1 - keep) * rng.binomial(shots, u, seeds) / shots
    return dict(zip(("G", "out"), np.array(made).transpose(1, 2, 0), strict=True))


def photonic(shots: int = 1000, seeds: int = SEEDS, cycles: int = CYCLES, window: int = 9) -> dict[str, Floats]:
    """Means (seed, round) of the photonic-type memristor that is fed its ensemble's mean photon number."""
    rng, made = np.random.default_rng(2), []
    seen, r = np.full((seeds, window), 0.5), np.full(seeds, 0.5)
    for u in np.tile(DRIVE, cycles):
        reflected = rng.binomial(shots, u * r)
        sent = rng.binomial(shots - reflected, np.clip(u * (1 - r) / (1 - u * r), 0, 1))
        made.append((r, sent / shots))
        n = np.where(r > 0.05, reflected / np.maximum(r, 0.05), reflected + sent) / shots
        seen = np.concatenate([seen[:, 1:], n[:, None]], axis=1)
        r = np.clip(seen.mean(axis=1), 0, 1)
    return dict(zip(("R", "out"), np.array(made).transpose(1, 2, 0), strict=True))


MEANS = {**{f"conductance {k}": v for k, v in conductance().items()},
         **{f"photonic {k}": v for k, v in photonic().items()}}  # fmt: skip


def record(means: Floats, cohort: int = 1000) -> xr.Dataset:
    """One cohort a point, whose means are these; two shots stand for all of them, as only their mean counts."""
    shots = np.repeat(means[:, None], 2, axis=1)
    drive = np.tile(DRIVE, means.shape[1] // K)
    return xr.Dataset(
        {"u": ("round", drive), "y": (("point", "shot", "round"), shots)}, attrs={"ensemble_cohort": cohort}
    )


def claimed_and_scatter(values: Any, errors: Any) -> tuple[float, float]:
    return float(np.mean(errors)), float(np.std(values, ddof=1))


def tolerance(seeds: int, settled_cycles: int) -> float:
    """Relative, of the mean of errors from so many cycles and of a scatter, both over seeds."""
    return SIGMAS * float(np.sqrt(0.57 / (settled_cycles - 1) + 0.5) / np.sqrt(seeds))


def signed_areas(means: Floats) -> Floats:
    """Of each cycle and seed, (cycle, seed)."""
    cycles = means.reshape(len(means), -1, K).transpose(1, 0, 2)
    return geometry.signed_area(np.broadcast_to(DRIVE, cycles.shape), cycles)


@pytest.mark.parametrize(
    ("name", "seeds"),
    [("photonic out", 120), *(pytest.param(name, SEEDS, marks=pytest.mark.slow) for name in MEANS)],
)
def test_one_cohort_claims_the_scatter_over_seeds(name: str, seeds: int) -> None:
    made = hysteresis(record(MEANS[name][:seeds]), drive="u", response="y", bootstrap=40)

    for measure in ("area", "signed_area"):
        claimed, scatter = claimed_and_scatter(made[measure], made[f"{measure}_error"])
        assert claimed == pytest.approx(scatter, rel=tolerance(seeds, CYCLES - 1)), measure
    assert made.attrs["freedom"] == CYCLES - 2
    assert "3 settled cycles tells errors roughly" in made.attrs["errors"]


@pytest.mark.parametrize("name", MEANS)
def test_settled_cycles_and_neither_all_of_them_nor_shots_scatter_as_seeds_do(name: str) -> None:
    areas = signed_areas(MEANS[name])

    scatter = areas[-1].std(ddof=1)
    claimed = error_of_cycles(areas, areas)[0].mean()

    assert claimed == pytest.approx(scatter, rel=tolerance(SEEDS, CYCLES - 1))
    assert areas.std(axis=0, ddof=1).mean() > (1 + tolerance(SEEDS, CYCLES)) * scatter  # the first, which starts, too
    mean = MEANS[name][:, -K:].mean(axis=0)
    shots = {"conductance out": 300, "photonic out": 1000}.get(name, np.inf)  # those of a memory are all alike
    weights = 0.5 * (np.roll(DRIVE, 1) - np.roll(DRIVE, -1))
    independent = np.sqrt((weights**2 * mean * (1 - mean)).sum() / shots)
    assert name == "conductance out" or independent < (1 - tolerance(SEEDS, CYCLES - 1)) * scatter


@pytest.mark.parametrize("cycles", [3, 4, 6])
def test_errors_of_few_cycles_are_right_in_the_mean(cycles: int) -> None:
    """Of normal noise exactly: neither the mean taken off, nor the root of few squares, nor the start biases them."""
    drawn = np.random.default_rng(3).normal(size=(cycles, 20_000))
    drawn[0] += 5.0

    claimed = error_of_cycles(drawn, drawn)[0].mean()

    rel = SIGMAS * np.sqrt(0.57 / (cycles - 2) / 20_000)
    assert claimed == pytest.approx(1.0, rel=rel)
    apart = settled_cycles(drawn, drawn)[0]
    assert np.sqrt((apart**2).mean(axis=0)).mean() < 1 - rel  # without the mean taken off counted, nor the root
    assert drawn[1:].std(axis=0, ddof=1).mean() < 1 - rel  # without the root counted


def test_deviations_have_the_covariance_of_the_settled_cycles() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 8, 3))
    noise = of_cycles(x, y, drawn=20_000, seed=0)

    made = np.cov(np.concatenate([noise.x, noise.y], axis=1), rowvar=False)

    assert float(noise.widening) == pytest.approx(1.0424, abs=1e-4)  # of six degrees of freedom
    told = np.cov(np.concatenate([x[1:], y[1:]], axis=1), rowvar=False)
    unsure = SIGMAS * np.sqrt((np.outer(np.diag(told), np.diag(told)) + told**2) / 20_000)
    assert (abs(made - told) < unsure).all()


@pytest.mark.parametrize("cycles", [1, 2])
def test_one_settled_cycle_tells_no_error_and_says_so(cycles: int) -> None:
    one = record(MEANS["photonic out"][:2, : cycles * K]).isel(point=0)

    made, drawn = hysteresis(one, drive="u", response="y"), loop(one, drive="u", response="y")

    assert np.isnan([made.area_error, made.area_bias, *drawn.response_error]).all()
    assert np.isfinite(made.area)
    assert made.attrs["freedom"] == 0
    assert "one cohort tells none before three cycles of a periodic drive" in made.attrs["errors"]


def test_a_drive_that_does_not_repeat_itself_tells_no_error() -> None:
    same = record(MEANS["conductance out"][:1]).isel(point=0)
    other = same.assign(u=same.u * (1 + 0.1 * (np.arange(CYCLES * K) >= 3 * K)))

    assert np.isfinite(hysteresis(same, drive="u", response="y", period=K).area_error)
    assert np.isnan(hysteresis(other, drive="u", response="y", period=K).area_error)


def test_cycles_that_are_not_known_throughout_do_not_count() -> None:
    means = MEANS["conductance out"][:1].copy()
    means[0, K + 3] = np.nan
    one = pair_of(record(means), "u", "y", None)

    assert [len(part) for part in settled_cycles(*series_of(one, 0, K))] == [2, 2]


def test_drawn_loops_and_all_cycles_have_the_errors_of_one_cycle() -> None:
    made = record(MEANS["conductance out"])

    drawn = loop(made, drive="u", response="y")
    every = hysteresis(made.isel(point=slice(0, 3)), drive="u", response="y", cycle="all", bootstrap=20)

    assert (drawn.drive_error == 0).all()
    claimed, scatter = drawn.response_error.mean("point"), drawn.response.std("point", ddof=1)
    inner = slice(1, None)  # nothing clicks where the drive is zero
    assert claimed.values[inner] == pytest.approx(scatter.values[inner], rel=tolerance(SEEDS, CYCLES - 1))
    assert every.area_error.shape == (3, CYCLES)
    assert np.ptp(every.signed_area_error.values, axis=1) == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
def test_cycles_between_zeros_have_the_errors_of_their_scatter() -> None:
    made = record(MEANS["conductance out"][:150])
    made["v"] = made.u - 0.4
    each = [memristivity(made.isel(point=i), drive="v", response="y", bootstrap=60) for i in range(150)]

    values, errors = (np.array([float(m[name][-1]) for m in each]) for name in ("signed_area", "signed_area_error"))
    claimed, scatter = claimed_and_scatter(values, errors)

    assert claimed == pytest.approx(scatter, rel=tolerance(150, CYCLES - 1))


def test_lobes_of_nothing_seem_real_no_more_often_than_they_say() -> None:
    cycles = 0.3 * DRIVE + 0.02 * np.random.default_rng(6).normal(size=(SEEDS, CYCLES, K))
    line = record(cycles.reshape(SEEDS, -1))

    told = no_area_probability(line, drive="u", response="y", bootstrap=60)

    for rate in (0.05, 0.2):
        unsure = SIGMAS * np.sqrt(rate * (1 - rate) / SEEDS)
        assert abs((told < rate).mean() - rate) < unsure


def test_fingerprints_give_no_verdict_on_errors_that_nothing_tells() -> None:
    means = MEANS["photonic out"][:3, : 2 * K]
    swept = record(means).assign_coords(w=("point", [1.0, 2.0, 3.0]))

    made = fingerprints(swept, drive="u", response="y", frequency="w")

    assert not any(bool(made[name]) for name in ("pinched", "shrinks", "straightens", "memristor"))
    assert np.isnan(made.no_area)


@pytest.mark.slow
def test_the_photonic_memristor_claims_the_scatter_over_seeds() -> None:
    program, seeds, cycles = rq.load("photonic_memristor"), 40, 5
    settings = {"period": 12, "window": 4}
    records = [
        rq.run(program, shots=200, seed=seed, emulator="ideal", parameters=settings, rounds=12 * cycles)
        for seed in range(seeds)
    ]

    for response in ("clicks.s", "R"):
        made = [one.qmem.hysteresis(drive="n_in", response=response, bootstrap=60) for one in records]
        claimed, scatter = claimed_and_scatter([float(m.area) for m in made], [float(m.area_error) for m in made])

        assert made[0].attrs["freedom"] == cycles - 2
        assert claimed == pytest.approx(scatter, rel=tolerance(seeds, cycles - 1)), response
