"""The lobes of a loop on either side of zero drive, and whether shots show that they enclose anything at all."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import fdtrc

from rydberg_qmem.analysis import geometry
from rydberg_qmem.analysis.cycles import layouts_of, samples_of
from rydberg_qmem.analysis.mean_noise import MeanNoise, mean_noise
from rydberg_qmem.analysis.signals import Signal, pair_of
from rydberg_qmem.analysis.standard_error import cohorts_asked, mean_of

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
    scatter about their true values as normal numbers do, with the covariance of `bootstrap` resamples (`mean_noise`).
    Their T² about zero is compared with Hotelling's law for the degrees of freedom of that noise: χ² for many shots. 0
    for exact records that enclose an area, 1 for those that do not; NaN where nothing tells the noise.
    """
    pair = pair_of(record, drive, response, None)
    made = np.ones(pair.points)
    together = cohorts_asked(cohort, pair.shots, record)
    for layout, points in layouts_of(pair, period, "last").items():
        x, y = (samples_of(pair, role, points, layout) for role in ("drive", "response"))
        noise = mean_noise(pair, points, layout, (x, y), drawn=bootstrap, seed=seed, cohort=together)
        made[points] = _probabilities(mean_of(x, axis=1)[:, 0], mean_of(y, axis=1)[:, 0], noise)
    return made


def _probabilities(x: Floats, y: Floats, noise: MeanNoise | None) -> Floats:
    """Return the probabilities for mean loops (point, round)."""
    if noise is None:
        exact = geometry.unsigned_area(x, y) <= 1e-9 * np.ptp(x, axis=-1) * np.ptp(y, axis=-1)
        return np.asarray(exact, dtype=float)
    if len(noise.x) < 2 or noise.freedom < 1:
        return np.full(len(x), np.nan)
    moved = signed_lobes(x + 0.2 * noise.x[:, :, 0], y + 0.2 * noise.y[:, :, 0]) / 0.2
    lobes = signed_lobes(x, y)
    return np.array([_probability(lobes[point], moved[:, point], noise.freedom) for point in range(len(x))])


def _probability(lobes: Floats, drawn: Floats, freedom: int) -> float:
    covariance = np.atleast_2d(np.cov(drawn, rowvar=False))
    kept = np.diag(covariance) > 0
    if not kept.any():
        return 1.0
    sides = int(np.count_nonzero(kept))
    if freedom < sides:
        return 1.0
    t2 = float(lobes[kept] @ np.linalg.pinv(covariance[np.ix_(kept, kept)]) @ lobes[kept])
    rest = freedom - sides + 1
    return float(fdtrc(sides, rest, t2 * rest / (freedom * sides)))


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
