"""The three fingerprints of a memristor over a sweep of the drive's frequency, with verdicts and errors."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem.analysis.hysteresis import Signal, hysteresis
from rydberg_qmem.errors import InputError

Floats = NDArray[np.float64]


def fingerprints(
    record: xr.Dataset,
    *,
    drive: Signal,
    response: Signal,
    frequency: str,
    period: int | None = None,
    tolerance: float = 0.02,
    sigmas: float = 4.0,
    bootstrap: int = 200,
    seed: int = 0,
) -> xr.Dataset:
    """Return, for a sweep over `frequency`, whether the loops bear the three fingerprints of a memristor.

    1. `pinched`: at each frequency the loop passes through the origin, `pinch` at most `tolerance` plus `sigmas`
    errors. 2. `shrinks`: from the frequency of the largest area upwards the area falls from each frequency to the
    next, within errors; `exponent` is d ln(area)/d ln(frequency) over that stretch (-1: area goes as 1/frequency).
    3. `straightens`: at the highest frequency the loop is a line, 1 - R² at most `tolerance`.
    `memristor` is all three; each verdict is True, False, and for 2 False also where fewer than three frequencies
    lie from the maximum upwards. `frequency` names a coordinate along `point`; loops are those of `hysteresis`. A
    device whose area has zeros in between, as the photonic type with its window, fails 2 by construction.
    """
    if frequency not in record.coords or record[frequency].dims != ("point",):
        raise InputError(f"frequency must name a coordinate along 'point', but is {frequency!r}")
    order = np.argsort(record[frequency].values, kind="stable")
    rates = record[frequency].values[order].astype(float)
    if len(rates) < 3 or (np.diff(rates) <= 0).any() or rates[0] <= 0:
        raise InputError(f"{frequency} must take three or more different positive values")
    loops = hysteresis(record, drive=drive, response=response, period=period, bootstrap=bootstrap, seed=seed)
    loops = loops.isel(point=order)
    area, area_error = loops.area.values, loops.area_error.values
    pinch, pinch_error = loops.pinch.values, loops.pinch_error.values
    top = int(area.argmax())
    gap, unsure = np.diff(area[top:]), sigmas * np.hypot(area_error[top:-1], area_error[top + 1 :])
    exponent, exponent_error = _exponent(rates[top:], area[top:], area_error[top:])
    unbent = float(1 - loops.line_r2.values[-1])
    verdicts = {
        "pinched": bool((pinch <= tolerance + sigmas * np.nan_to_num(pinch_error)).all()),
        "shrinks": bool(len(gap) >= 2 and (gap < unsure).all() and area[-1] < area[top]),
        "straightens": unbent <= tolerance,
    }
    made = xr.Dataset(coords={frequency: (frequency, rates)}, attrs={"tolerance": tolerance, "sigmas": sigmas})
    for name, values in (
        ("area", area), ("area_error", area_error), ("pinch", pinch), ("pinch_error", pinch_error),
        ("line_r2", loops.line_r2.values),
    ):  # fmt: skip
        made[name] = (frequency, values)
    for name, value in {
        **verdicts, "memristor": all(verdicts.values()), "exponent": exponent, "exponent_error": exponent_error,
        "largest_pinch": float(pinch.max()), "bent": unbent,
    }.items():  # fmt: skip
        made[name] = value
    return made


def _exponent(rates: Floats, area: Floats, error: Floats) -> tuple[float, float]:
    """Return the slope of ln area against ln rate and its standard error: of the fit, or from the areas' own."""
    if len(rates) < 2 or (area <= 0).any():
        return float("nan"), float("nan")
    x, y = np.log(rates), np.log(area)
    dx = x - x.mean()
    slope = float(dx @ y / (dx @ dx))
    left = y - y.mean() - slope * dx
    fit = np.sqrt(left @ left / max(len(x) - 2, 1) / (dx @ dx))
    own = np.sqrt(((dx * np.nan_to_num(error) / area) ** 2).sum()) / (dx @ dx)
    return slope, float(max(fit, own))
