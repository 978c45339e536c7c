"""Loops cut at the zeros of the drive: the form factor of each, and the area of each lobe."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem.analysis import geometry
from rydberg_qmem.errors import InputError

Floats = NDArray[np.float64]


def memristivity(
    record: xr.Dataset,
    *,
    drive: str | xr.DataArray,
    response: str | xr.DataArray,
    cut: Literal["cycle", "lobe"] = "cycle",
    bootstrap: int = 100,
    seed: int = 0,
) -> xr.Dataset:
    """Return area, length and form factor 4πA/P² of each cycle or lobe of a response against a drive.

    Cuts lie where the mean drive changes sign, interpolated, each second one for cycles; the first begins at the
    start of the series if the drive is zero there, and what is left at the end is dropped. The `area` of a cycle is
    1/2 Σ|x dy - y dx|, swept from the origin, `length` is that of the line without its closing edge, and
    `form_factor` is called memristivity: definitions of the public code of Hernani-Morales and others (2024), the
    first value of a loop that runs from zero to zero. Drive and response must be in comparable units; the code
    divides each by its largest possible value. Errors are standard deviations over resampled shots (0 if exact).

    `signed_area` is 1/2 Σ sign(x) (x dy - y dx): its sign is the direction in which a loop pinched at zero is run
    through, negative where the response falls behind its way out on its way back to zero. `start` and `stop` are
    where a loop is cut, in rounds.

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
    found = _cycles(x.mean(axis=0), y.mean(axis=0), cut)
    if not len(found):
        raise InputError("the drive must change sign at least twice to cut out a loop")
    spread = np.zeros_like(found)
    shots = max(len(x), len(y))
    if shots > 1:
        generator = np.random.Generator(np.random.Philox(seed))
        again = []
        for _ in range(bootstrap):
            drawn = generator.integers(shots, size=shots)
            means = [(s[drawn] if len(s) > 1 else s).mean(axis=0) for s in (x, y)]
            again.append(_cycles(means[0], means[1], cut))
        same = [rows for rows in again if rows.shape == found.shape]
        spread = np.std(same, axis=0, ddof=1) if len(same) > 1 else np.full_like(found, np.nan)
    made = xr.Dataset(coords={"cycle": np.arange(len(found))}, attrs={"cut": cut})
    for column, name in enumerate(("area", "length", "form_factor", "signed_area")):
        made[name] = ("cycle", found[:, column])
        made[f"{name}_error"] = ("cycle", spread[:, column])
    made["start"], made["stop"] = (("cycle", found[:, column]) for column in (4, 5))
    return made


def _samples(record: xr.Dataset, signal: str | xr.DataArray) -> Floats:
    if isinstance(signal, str) and signal not in record:
        raise InputError(f"no variable {signal!r} in the record")
    array = record[signal] if isinstance(signal, str) else signal
    rounds = [str(dim) for dim in array.dims if dim != "shot"]
    if len(rounds) != 1:
        raise InputError(f"a signal must have one dimension beside shot, but has {rounds}")
    values = array.transpose(*(d for d in ("shot", rounds[0]) if d in array.dims)).values.astype(float)
    return np.atleast_2d(values)


def _cycles(x: Floats, y: Floats, cut: str) -> Floats:
    tiny = 1e-12 * np.abs(x).max(initial=0.0)
    x = np.where(np.abs(x) <= tiny, 0.0, x)  # else a rounded zero of the wrong sign at the start is a crossing too
    cuts = geometry.zero_crossings(x)
    starts = [0.0] if len(x) and x[0] == 0 else []
    starts += [k if x[k] == 0 else k - x[k] / (x[k] - x[k - 1]) for k in cuts.tolist()]
    if len(x) and x[-1] == 0 and (not starts or starts[-1] < len(x) - 1):
        starts.append(float(len(x) - 1))
    step = 2 if cut == "cycle" else 1
    rows = [_measured(x, y, a, b) for a, b in zip(starts[::step], starts[step::step], strict=False)]
    return np.array(rows).reshape(-1, 6)


def _measured(x: Floats, y: Floats, start: float, stop: float) -> tuple[float, ...]:
    at = np.concatenate([[start], np.arange(np.floor(start) + 1, np.ceil(stop)), [stop]])
    u, v = (np.interp(at, np.arange(len(x)), series) for series in (x, y))
    swept = 0.5 * (u[:-1] * np.diff(v) - v[:-1] * np.diff(u))
    area, signed = float(np.abs(swept).sum()), float((np.sign(u[:-1] + u[1:]) * swept).sum())
    length = float(np.hypot(np.diff(u), np.diff(v)).sum())
    return area, length, 4 * np.pi * area / length**2 if length else 0.0, signed, start, stop
