"""Series over rounds: the line is the mean over shots, the band one standard error of it."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem.plots import over_rounds


def band(array: xr.DataArray, cohort: int = 1) -> NDArray[np.float64]:
    """Return half the height of the band in each round."""
    axes = over_rounds({"m": array}, cohort=cohort)
    [drawn] = axes.collections
    corners = np.asarray(drawn.get_paths()[0].vertices)
    plt.close("all")
    rounds = range(array.sizes["round"])
    return np.array([np.ptp(corners[corners[:, 0] == k, 1]) / 2 for k in rounds])


def test_the_band_is_one_standard_error_of_the_mean() -> None:
    bits = np.repeat([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], 25, axis=0)  # half of 100 shots are 1

    wanted = np.sqrt(0.25 * 100 / 99) / np.sqrt(100)  # the standard deviation (ddof 1) over √n
    assert band(xr.DataArray(bits, dims=("shot", "round"))) == pytest.approx(wanted, rel=1e-9)
    assert band(xr.DataArray(bits.T, dims=("round", "shot"))) == pytest.approx(wanted, rel=1e-9)


def test_shots_that_share_their_feedback_count_once() -> None:
    cohorts = np.repeat([0.0, 1.0, 0.0, 1.0], 25)[:, None] * np.ones(2)  # 25 shots each, all alike

    alone, together = (band(xr.DataArray(cohorts, dims=("shot", "round")), size) for size in (1, 25))

    assert together == pytest.approx(np.sqrt(0.25 * 4 / 3) / np.sqrt(4), rel=1e-9)
    assert (together > 5 * alone).all()


def test_an_exact_series_has_no_band() -> None:
    axes = over_rounds({"m": xr.DataArray([0.1, 0.4], dims="round")})

    assert not axes.collections
    assert axes.lines[0].get_ydata() == pytest.approx([0.1, 0.4])
    plt.close("all")
