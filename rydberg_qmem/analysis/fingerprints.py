"""The three fingerprints of a memristor over a sweep of the drive's frequency, with verdicts and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import erfc, stdtrit

from rydberg_qmem import arguments
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.analysis.lobes import no_area_probability
from rydberg_qmem.analysis.signals import Signal
from rydberg_qmem.errors import InputError

Floats = NDArray[np.float64]


@arguments.taking(
    record=arguments.record,
    drive=arguments.signal,
    response=arguments.signal,
    frequency=arguments.text,
    period=arguments.optional(arguments.whole(1)),
    tolerance=arguments.real(0),
    sigmas=arguments.real(0),
    bootstrap=arguments.RESAMPLES,
    seed=arguments.SEED,
    cohort=arguments.optional(arguments.whole(1)),
)
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
    cohort: int | None = None,
) -> xr.Dataset:
    """Return, for a sweep over `frequency`, whether the loops bear the three fingerprints of a memristor.

    `pinched`: no frequency contradicts a loop through the origin, `pinch` at most `tolerance` plus `sigmas` errors.
    `shrinks`: the loops enclose an area at all (`no_area`, the probability of lobes as large as those of the largest
    loop if it encloses nothing, is below the two-sided tail of `sigmas`), and from the frequency of the largest area
    upwards, three at least, the area falls by more than `sigmas` errors, and nowhere rises by as many. `straightens`:
    at the highest frequency the loop is a line, 1 - R² at most `tolerance` plus `sigmas` errors. `memristor` is all
    three.

    Measures are those of `hysteresis`, their bias by noise taken off; exact records have no errors. So a line, a lag of
    constant area or a diode is called a memristor at most as often as `sigmas` says, and noise alone never makes one.
    Where few cohorts or cycles tell the errors, `sigmas` errors are as many as hold the same rate (Student's t); where
    nothing tells them, no verdict is given: all are False.

    `exponent` is d ln(area)/d ln(frequency) from the largest area upwards (-1: area goes as 1/frequency), areas
    weighted by their errors. A device whose area has zeros in between, as the photonic type with its window, does not
    shrink by construction.

    Args:
        record: A record of a sweep, with the dimension `point`.
        drive: As in `hysteresis`.
        response: As in `hysteresis`.
        frequency: Name of a coordinate along `point` with three or more different positive values, in any unit.
        period: Period of the drive in rounds at every point; by default found at each point, as in `hysteresis`.
        tolerance: Largest pinch, and largest 1 - R², that counts as none (default 0.02).
        sigmas: How many standard errors a verdict allows for (default 4: wrong in 6 of 100,000).
        bootstrap: Number of resamples of the shots.
        seed: Starts the resamples.
        cohort: Shots in a row that are drawn together, as in `hysteresis`.

    Raises InputError for a coordinate that is no such frequency, and where `hysteresis` does.

    >>> k, rates = np.arange(100), np.array([1.0, 2.0, 4.0, 8.0])
    >>> drive = np.sin(2 * np.pi * k / 100)
    >>> charge = (1 - np.cos(2 * np.pi * k / 100)) / rates[:, None]  # the time integral of the drive
    >>> made = xr.Dataset({"u": ("round", drive), "v": (("point", "round"), (1 + 0.1 * charge) * drive)})
    >>> found = fingerprints(made.assign_coords(rate=("point", rates)), drive="u", response="v", frequency="rate")
    >>> bool(found.memristor), round(float(found.exponent), 2)
    (True, -1.0)
    """
    rates, order = _rates(record, frequency)
    asked: dict[str, Any] = {"drive": drive, "response": response, "period": period}
    asked |= {"bootstrap": bootstrap, "seed": seed, "cohort": cohort}
    loops = hysteresis(record, **asked).isel(point=order)
    top = int(loops.area.values.argmax())
    no_area = float(no_area_probability(record, **asked)[order[top]])
    return _judged(loops, frequency, rates, no_area, tolerance=tolerance, sigmas=sigmas)


def _rates(record: xr.Dataset, frequency: str) -> tuple[Floats, NDArray[np.intp]]:
    """Return the frequencies in rising order, and the points that have them."""
    if frequency not in record.coords or record[frequency].dims != ("point",):
        raise InputError(f"frequency must name a coordinate along 'point', but is {frequency!r}")
    order = np.argsort(record[frequency].values, kind="stable")
    rates = record[frequency].values[order].astype(float)
    if len(rates) < 3 or (np.diff(rates) <= 0).any() or rates[0] <= 0:
        raise InputError(f"{frequency} must take three or more different positive values")
    return rates, order


def _judged(
    loops: xr.Dataset, frequency: str, rates: Floats, no_area: float, *, tolerance: float, sigmas: float
) -> xr.Dataset:
    """Return the verdicts on loops in the order of their frequencies, and the figures that they stand on."""
    area, area_error = loops.area.values, loops.area_error.values
    pinch, pinch_error = loops.pinch.values, loops.pinch_error.values
    errors = _as_far(sigmas, loops.attrs.get("freedom"))
    top = int(area.argmax())
    rise, unsure = np.diff(area[top:]), errors * np.hypot(area_error[top:-1], area_error[top + 1 :])
    fall = area[top] - area[-1] - errors * np.hypot(area_error[top], area_error[-1])
    exponent, exponent_error = _exponent(rates[top:], area[top:], area_error[top:])
    unbent = float(1 - loops.line_r2.values[-1] + np.nan_to_num(loops.line_r2_bias.values[-1]))
    verdicts = {
        "pinched": bool((pinch <= tolerance + errors * pinch_error).all()),
        "shrinks": bool(
            len(rise) >= 2
            and no_area < erfc(sigmas / np.sqrt(2))
            and (rise <= unsure).all()
            and fall > 1e-9 * area[top]
        ),
        "straightens": bool(unbent <= tolerance + errors * float(loops.line_r2_error.values[-1])),
    }
    made = xr.Dataset(coords={frequency: (frequency, rates)}, attrs={"tolerance": tolerance, "sigmas": sigmas})
    for name, values in (
        ("area", area), ("area_error", area_error), ("pinch", pinch), ("pinch_error", pinch_error),
        ("line_r2", loops.line_r2.values),
    ):  # fmt: skip
        made[name] = (frequency, values)
    for name, value in {
        **verdicts, "memristor": all(verdicts.values()), "exponent": exponent, "exponent_error": exponent_error,
        "largest_pinch": float(pinch.max()), "bent": unbent, "no_area": no_area,
    }.items():  # fmt: skip
        made[name] = value
    return made


def _as_far(sigmas: float, freedom: int | None) -> float:
    """Return how many errors lie as far out as `sigmas` of a normal number, errors of few degrees of freedom."""
    if freedom is None:
        return sigmas
    return float(-stdtrit(freedom, 0.5 * erfc(sigmas / np.sqrt(2)))) if freedom > 0 else float("nan")


def _exponent(rates: Floats, area: Floats, error: Floats) -> tuple[float, float]:
    """Return the slope of ln area against ln rate and its standard error: of the fit, or from the areas' own."""
    there = area > 0
    rates, area, error = rates[there], area[there], error[there]
    if len(rates) < 2:
        return float("nan"), float("nan")
    weight = (area / error) ** 2 if (error > 0).all() else np.ones_like(area)
    x, y = np.log(rates), np.log(area)
    dx = x - np.average(x, weights=weight)
    sharp = float(weight @ dx**2)
    slope = float((weight * dx) @ y) / sharp
    left = y - np.average(y, weights=weight) - slope * dx
    scatter = float(weight @ left**2) / max(len(x) - 2, 1) / sharp
    own = float(((weight * dx * error / area) ** 2).sum()) / sharp**2
    return slope, float(np.sqrt(max(own, scatter if (error == 0).all() or len(x) > 2 else 0.0)))
