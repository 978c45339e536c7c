"""Measures of mean loops, the bias that noise gives them taken off, and their errors."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.analysis import extrapolation, geometry
from rydberg_qmem.analysis.mean_noise import MeanNoise

Floats = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.float64] | NDArray[np.int64]

_SAME = 1e-9
_CORRECTED = ("area", "perimeter", "form_factor", "pinch", "line_r2")


def measures(x: Floats, y: Floats, noise: MeanNoise | None) -> dict[str, Numbers]:
    """Return all that `hysteresis` tells of mean loops (point, cycle, round): each measure is (point, cycle)."""
    shapes = _shapes(x, y)
    slope, _ = geometry.line_fit(x, y)
    unsure = _SAME * shapes["perimeter"] ** 2
    signed = shapes["signed_area"]
    direction = np.where(np.abs(signed) <= unsure, 0, np.sign(signed)).astype(np.int64)
    counts = {"crossings": geometry.self_crossings(x, y), "direction": direction}
    if noise is None:  # exact: no shots, no spread
        spread = bias = dict.fromkeys(shapes, np.zeros_like(x[..., 0]))
    elif len(noise.x) < 2:
        spread = bias = dict.fromkeys(shapes, np.full_like(x[..., 0], np.nan))
    else:
        spread, bias = _noise(x, y, noise)
    off = {name: np.nan_to_num(bias[name]) for name in _CORRECTED if name != "line_r2"}  # which is at most 1
    values = {name: shape - off.get(name, 0.0) for name, shape in shapes.items()}
    errors = {f"{name}_error": error for name, error in spread.items()}
    return {**values, **errors, **{f"{name}_bias": bias[name] for name in _CORRECTED}, "slope": slope, **counts}


def _shapes(x: Floats, y: Floats) -> dict[str, Floats]:
    area, length = geometry.unsigned_area(x, y), geometry.perimeter(x, y)
    return {
        "area": area,
        "signed_area": geometry.signed_area(x, y),
        "perimeter": length,
        "form_factor": geometry.ratio(4 * np.pi * area, length**2),
        "pinch": geometry.pinch(x, y),
        "line_r2": geometry.line_fit(x, y)[1],
    }


def _noise(x: Floats, y: Floats, noise: MeanNoise) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return the standard error and the bias of each measure of the mean loop; NaN where nothing tells them."""
    moved = extrapolation.moves(_broadcast_shapes, x, y, noise.x, noise.y)
    spread, bias = ({name: of(name) for name in moved.plain} for of in (moved.error, moved.bias))
    for name in ("pinch", "line_r2"):  # maxima and squares: not linear where they are largest, or nothing
        spread[name] = np.maximum(spread[name], moved.once[name].std(axis=0, ddof=1))
    area, length = (moved.plain[name] - bias[name] for name in ("area", "perimeter"))
    form = geometry.ratio(4 * np.pi * area, length**2)
    bias["form_factor"] = moved.plain["form_factor"] - form  # of both without noise: better than its own extrapolation
    length = np.where(length > 0, length, np.inf)
    by_area, by_length = (moved.small[name] for name in ("area", "perimeter"))
    spread["form_factor"] = extrapolation.error_of(4 * np.pi * by_area / length**2 - 2 * form * by_length / length)
    unknown = np.isnan(noise.widening)
    return (
        {name: noise.widening * error for name, error in spread.items()},
        {name: np.where(unknown, np.nan, value) for name, value in bias.items()},
    )


def _broadcast_shapes(x: Floats, y: Floats) -> dict[str, Floats]:
    return _shapes(*np.broadcast_arrays(x, y))
