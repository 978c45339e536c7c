"""Loops cut at the zeros of the drive: the form factor of each, and the area of each lobe."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.analysis import extrapolation, geometry
from rydberg_qmem.analysis.cycles import shortest_period
from rydberg_qmem.analysis.mean_noise import MeanNoise, cycles_of, of_cycles, of_shots
from rydberg_qmem.analysis.standard_error import cohorts_asked, mean_of
from rydberg_qmem.errors import InputError

Floats = NDArray[np.float64]


@arguments.taking(
    record=arguments.record,
    drive=arguments.signal,
    response=arguments.signal,
    cut=arguments.one_of("cycle", "lobe"),
    bootstrap=arguments.RESAMPLES,
    seed=arguments.SEED,
    cohort=arguments.optional(arguments.whole(1)),
)
def memristivity(
    record: xr.Dataset,
    *,
    drive: str | xr.DataArray,
    response: str | xr.DataArray,
    cut: Literal["cycle", "lobe"] = "cycle",
    bootstrap: int = 100,
    seed: int = 0,
    cohort: int | None = None,
) -> xr.Dataset:
    """Return area, length and form factor 4πA/P² of each cycle or lobe of a response against a drive.

    Cuts lie where the mean drive changes sign, interpolated, each second one for cycles; the first begins at the start
    of the series if the drive is zero there, and what is left at the end is dropped. The `area` of a cycle is 1/2 Σ|x
    dy - y dx|, swept from the origin, `length` is that of the line without its closing edge, and `form_factor` is
    called memristivity: definitions of the public code of Hernani-Morales and others (2024), the first value of a loop
    that runs from zero to zero. Drive and response must be in comparable units; the code divides each by its largest
    possible value. Outcomes that are -1, or missing, are left out of the means.

    Noise lengthens a line and adds to Σ|x dy - y dx|: the biases of `area`, `length` and `form_factor` are taken off
    and stand beside as `*_bias`, found as in `hysteresis`. Standard errors `*_error` are 0 if exact, NaN where nothing
    tells them.

    `signed_area` is 1/2 Σ sign(x) (x dy - y dx): its sign is the direction in which a loop pinched at zero is run
    through, negative where the response falls behind its way out on its way back to zero. `start` and `stop` are where
    a loop is cut, in rounds.

    Args:
        record: A record of one point.
        drive: Name of a variable, `key.atom`, or an array, along rounds and perhaps shots.
        response: The same, with as many rounds.
        cut: "cycle" (default), from each second zero of the drive to the next, or "lobe", from each to the next.
        bootstrap: Number of resamples of the shots.
        seed: Starts the resamples.
        cohort: Shots in a row that are drawn together; by default as the record says: whole cohorts where the program
            feeds back means over its ensemble. Of one cohort errors come from how the periods of an exact drive
            scatter.

    Raises InputError for a drive that changes sign less than twice, and signals of different lengths.

    >>> phase = 2 * np.pi * np.arange(401) / 200
    >>> circle = xr.Dataset({"u": ("round", np.sin(phase)), "v": ("round", np.cos(phase))})
    >>> [round(float(f), 3) for f in memristivity(circle, drive="u", response="v").form_factor]
    [1.0, 1.0]
    """
    if cut not in ("cycle", "lobe"):
        raise InputError(f"cut must be 'cycle' or 'lobe', but is {cut!r}")
    x, y = (_samples(record, signal) for signal in (drive, response))
    if x.shape[-1] != y.shape[-1]:
        raise InputError("drive and response must have the same number of rounds")
    at = (mean_of(x), mean_of(y))
    found = _cycles(*at, cut)
    if not len(found):
        raise InputError("the drive must change sign at least twice to cut out a loop")
    shots = max(len(x), len(y))
    together = cohorts_asked(cohort, shots, record) if shots > 1 else 1
    spread, bias = np.zeros_like(found), np.zeros_like(found)
    if shots > 1:
        spread, bias = _noise(at, _mean_noise(x, y, bootstrap, seed, together), found, cut)
    return _labelled(found, spread, bias, cut)


def _labelled(found: Floats, spread: Floats, bias: Floats, cut: str) -> xr.Dataset:
    """Return the measures (cycle, measure) by name, their biases taken off."""
    made = xr.Dataset(coords={"cycle": np.arange(len(found))}, attrs={"cut": cut})
    values = found - np.where(np.isfinite(bias), bias, 0.0)
    for column, name in enumerate(("area", "length", "form_factor", "signed_area")):
        made[name] = ("cycle", values[:, column])
        made[f"{name}_error"] = ("cycle", spread[:, column])
        if name != "signed_area":
            made[f"{name}_bias"] = ("cycle", bias[:, column])
    made["start"], made["stop"] = (("cycle", found[:, column]) for column in (4, 5))
    return made


def _mean_noise(x: Floats, y: Floats, drawn: int, seed: int, cohort: int) -> MeanNoise:
    """Return the noise of the mean series (resample, round); of one cohort that of a cycle, again in each."""
    if cohort < max(len(x), len(y)):
        return of_shots(x, y, drawn=drawn, seed=seed, cohort=cohort)
    period = shortest_period(x)
    means = (cycles_of(mean_of(signal), period) for signal in (x, y))
    noise = of_cycles(*means, drawn=drawn, seed=seed)
    rounds = np.arange(x.shape[1]) % period
    return replace(noise, x=noise.x[:, rounds], y=noise.y[:, rounds])


def _noise(at: tuple[Floats, Floats], noise: MeanNoise, plain: Floats, cut: str) -> tuple[Floats, Floats]:
    """Return errors and biases, (cycle, measure); moved lines that are cut into other cycles are left out."""

    def cycles(x: Floats, y: Floats) -> dict[str, Floats]:
        rows = [_cycles(u, v, cut) for u, v in zip(np.atleast_2d(x), np.atleast_2d(y), strict=True)]
        same = [row if row.shape == plain.shape else np.full_like(plain, np.nan) for row in rows]
        return {"all": same[0] if x.ndim == 1 else np.array(same)}

    if len(noise.x) < 2 or noise.freedom < 1:
        return np.full_like(plain, np.nan), np.full_like(plain, np.nan)
    moved = extrapolation.moves(cycles, *at, noise.x, noise.y)
    spread, bias = moved.error("all"), moved.bias("all")
    bias[:, 3:] = 0.0  # linear in the response; where loops are cut is told as it was
    area, length = (plain - bias)[:, :2].T
    form = geometry.ratio(4 * np.pi * area, length**2)
    bias[:, 2] = plain[:, 2] - form
    by_area, by_length = (moved.small["all"][..., column] for column in (0, 1))
    spread[:, 2] = extrapolation.error_of(4 * np.pi * by_area / length**2 - 2 * form * by_length / length)
    return noise.widening * spread, bias


def _samples(record: xr.Dataset, signal: str | xr.DataArray) -> Floats:
    if isinstance(signal, str) and signal not in record:
        raise InputError(f"no variable {signal!r} in the record")
    array = record[signal] if isinstance(signal, str) else signal
    rounds = [str(dim) for dim in array.dims if dim != "shot"]
    if len(rounds) != 1:
        raise InputError(f"a signal must have one dimension beside shot, but has {rounds}")
    values = array.transpose(*(d for d in ("shot", rounds[0]) if d in array.dims)).values
    known = np.where(values < 0, np.nan, values.astype(float)) if array.dtype == np.int8 else values.astype(float)
    if not np.isfinite(np.atleast_2d(known)).any(axis=0).all():
        raise InputError(f"signal {array.name!r} must have a valid value each round, but has none in some")
    return np.atleast_2d(known)


def _cycles(x: Floats, y: Floats, cut: str) -> Floats:
    tiny = 1e-12 * np.abs(x).max(initial=0.0)
    x = np.where(np.abs(x) <= tiny, 0.0, x)  # else a rounded zero of the wrong sign at the start is a crossing too
    cuts = geometry.zero_crossings(x)
    starts = [0.0] if len(x) and x[0] == 0 else []
    starts += [k if x[k] == 0 else k - x[k] / (x[k] - x[k - 1]) for k in cuts.tolist()]
    if len(x) and x[-1] == 0 and (not starts or starts[-1] < len(x) - 1):
        starts.append(float(len(x) - 1))
    step = 2 if cut == "cycle" else 1
    rows = [_measured(x, y, starts[k : k + step + 1]) for k in range(0, len(starts) - step, step)]
    return np.array(rows).reshape(-1, 6)


def _measured(x: Floats, y: Floats, zeros: list[float]) -> tuple[float, ...]:
    """Return the measures of a loop from the first to the last of the drive's `zeros`, each of them a corner."""
    start, stop = zeros[0], zeros[-1]
    at = np.union1d(np.arange(np.floor(start) + 1, np.ceil(stop)), zeros)
    u, v = (np.interp(at, np.arange(len(x)), series) for series in (x, y))
    swept = 0.5 * (u[:-1] * np.diff(v) - v[:-1] * np.diff(u))
    area, signed = float(np.abs(swept).sum()), float((np.sign(u[:-1] + u[1:]) * swept).sum())
    length = float(np.hypot(np.diff(u), np.diff(v)).sum())
    return area, length, 4 * np.pi * area / length**2 if length else 0.0, signed, start, stop
