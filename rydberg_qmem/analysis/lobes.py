"""The lobes of a loop on either side of zero drive, and whether shots show that they enclose anything at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import gammaincc

from rydberg_qmem.analysis import geometry
from rydberg_qmem.analysis.hysteresis import Signal, layouts_of, pair_of, samples_of
from rydberg_qmem.analysis.standard_error import cohorts_asked, inflation, resamples

Floats = NDArray[np.float64]


def no_area_probability(
    record: xr.Dataset,
    *,
    drive: Signal,
    response: Signal,
    period: int | None = None,
    bootstrap: int = 200,
    seed: int = 0,
    cohort: int | None = None,
) -> Floats:
    """Return, for each point, how probable lobes as large as these are if the loop encloses nothing, (point,).

    The signed areas on the two sides of zero drive, ½Σ(x dy - y dx), are linear in the response: under noise they
    scatter about their true values as normal numbers do, with the covariance of `bootstrap` resamples. Their χ² about
    zero is compared with its law. 0 for exact records that enclose an area, 1 for those that do not.
    """
    pair = pair_of(record, drive, response, None)
    made = np.ones(pair.points)
    together = cohorts_asked(cohort, pair.shots, record)
    for layout, points in layouts_of(pair, period, "last").items():
        x, y = (samples_of(pair, role, points, layout) for role in ("drive", "response"))
        blocks = list(resamples(pair.shots, bootstrap, seed, together)) if pair.shots else []
        for row, point in enumerate(points):
            made[point] = _probability(x[row, :, 0], y[row, :, 0], blocks, inflation(pair.shots, together))
    return made


def _probability(x: Floats, y: Floats, blocks: Sequence[Floats], inflated: float) -> float:
    mean_x, mean_y = (np.nanmean(part, axis=0) for part in (x, y))
    lobes = signed_lobes(mean_x, mean_y)
    if not blocks:
        return float(geometry.unsigned_area(mean_x, mean_y) <= 1e-9 * np.ptp(mean_x) * np.ptp(mean_y))
    weights = np.concatenate(blocks)
    by_x, by_y = (_deviations(part, weights) * inflated for part in (x, y))
    drawn = signed_lobes(mean_x + 0.2 * by_x, mean_y + 0.2 * by_y) / 0.2
    covariance = np.atleast_2d(np.cov(drawn, rowvar=False))
    kept = np.diag(covariance) > 0
    if not kept.any():
        return 1.0
    chi2 = float(lobes[kept] @ np.linalg.pinv(covariance[np.ix_(kept, kept)]) @ lobes[kept])
    return float(gammaincc(0.5 * np.count_nonzero(kept), 0.5 * chi2))


def _deviations(samples: Floats, weights: Floats) -> Floats:
    mean = np.nanmean(samples, axis=0)
    if len(samples) == 1:
        return np.zeros((len(weights), samples.shape[1]))
    valid = np.isfinite(samples)
    total, count = weights @ np.where(valid, samples - mean, 0.0), weights @ valid.astype(float)
    return np.asarray(total / np.maximum(count, 1.0))


def signed_lobes(x: Floats, y: Floats) -> Floats:
    """Return the signed areas of a closed loop on the sides x > 0 and x < 0, (..., n) -> (..., 2); edges are cut at 0.

    >>> eight = np.array([0.0, 1, 0, -1]), np.array([0.0, 1, 0.5, -1])
    >>> signed_lobes(*eight).tolist()
    [0.25, 0.25]
    """
    after_x, after_y = np.roll(x, -1, axis=-1), np.roll(y, -1, axis=-1)
    swept = 0.5 * (x * after_y - y * after_x)
    # The part of an edge up to x = 0 lies on the side of its tail, the rest on that of its head; both triangles
    # with the origin share the edge's line, so areas go as the parts do, apart from the height where it is cut.
    crosses = x * after_x < 0
    part = np.where(crosses, x / np.where(crosses, x - after_x, 1.0), 1.0)
    height = y + part * (after_y - y)
    first = np.where(crosses, 0.5 * x * height, swept)
    rest = np.where(crosses, -0.5 * height * after_x, 0.0)
    tail, head = np.where(x != 0, x, after_x), after_x
    return np.stack([
        np.where(side * tail > 0, first, 0.0).sum(axis=-1) + np.where(side * head > 0, rest, 0.0).sum(axis=-1)
        for side in (1, -1)
    ], axis=-1)  # fmt: skip
