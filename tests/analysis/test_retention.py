"""Memory time and mutual information of series whose memory is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import rydberg_qmem as rq


def test_memory_time_of_a_window_is_its_length() -> None:
    rng = np.random.default_rng(3)
    u = rng.uniform(size=400)
    y = np.convolve(u, np.ones(5) / 5)[: len(u)]
    record = xr.Dataset({"u": ("round", u), "y": ("round", y)})

    found = rq.analysis.memory_time(record, drive="u", response="y", lags=8)

    assert float(found.memory_time) == pytest.approx(5, abs=1e-6)
    assert float(found.age) == pytest.approx(2, abs=1e-6)


def test_independent_bits_share_no_information() -> None:
    rng = np.random.default_rng(3)
    one, two = (xr.DataArray(rng.integers(2, size=4000), dims="shot") for _ in range(2))

    found = rq.analysis.mutual_information(one, two)

    assert abs(float(found.information)) < 6 * float(found.information_error) + 1e-3


def test_bits_that_agree_nine_times_of_ten_share_half_a_bit() -> None:
    rng = np.random.default_rng(4)
    one = rng.integers(2, size=20_000)
    two = np.where(rng.uniform(size=20_000) < 0.9, one, 1 - one)
    want = 1 + 0.9 * np.log2(0.9) + 0.1 * np.log2(0.1)

    found = rq.analysis.mutual_information(xr.DataArray(one, dims="shot"), xr.DataArray(two, dims="shot"))

    assert float(found.information) == pytest.approx(want, abs=4 * float(found.information_error))


def test_errors_of_weights_are_those_of_their_fit() -> None:
    """White noise σ on the response of N rounds to a drive of deviation s: each weight scatters by σ/(s √N)."""
    rounds, sigma = 2000, 0.3
    rng = np.random.default_rng(7)
    told, weights = [], []
    for _ in range(12):
        u = rng.uniform(size=rounds)
        y = np.convolve(u, np.ones(3) / 3)[:rounds] + sigma * rng.normal(size=rounds)
        record = xr.Dataset({"u": ("round", u), "y": ("round", y)})
        found = rq.analysis.memory_time(record, drive="u", response="y", lags=4)
        told.append(found.weight_error.values)
        weights.append(found.weight.values)

    scatter = sigma * np.sqrt(12) / np.sqrt(rounds)
    assert np.sqrt(np.mean(np.square(told))) == pytest.approx(scatter, rel=0.15)  # 60 errors from 10 blocks each: 3 %
    assert np.std(weights, axis=0, ddof=1).mean() == pytest.approx(scatter, rel=0.35)
