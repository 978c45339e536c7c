"""Hysteresis loops of a record: a response against a drive over one period, measured as a closed polygon."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from rydberg_qmem import arguments
from rydberg_qmem.analysis.cycles import Cycle as Cycle
from rydberg_qmem.analysis.cycles import CycleLayout, layouts_of, samples_of
from rydberg_qmem.analysis.loop_measures import Numbers, measures
from rydberg_qmem.analysis.mean_noise import MeanNoise, errors_of_means, mean_noise, rough_errors
from rydberg_qmem.analysis.signals import Pair, pair_of
from rydberg_qmem.analysis.signals import Signal as Signal
from rydberg_qmem.analysis.standard_error import cohorts_asked, is_whole, mean_of
from rydberg_qmem.errors import InputError, short

_LONG_NAMES = {
    "area": "enclosed area of the loop, all lobes counted positive",
    "signed_area": "signed area of the loop, counter-clockwise positive",
    "form_factor": "form factor 4 pi A / P^2 of the loop",
    "perimeter": "length of the loop",
    "pinch": "|response| at zero drive over largest |response|",
    "slope": "slope of the straight-line fit",
    "line_r2": "R^2 of the straight-line fit",
    "crossings": "self-crossings of the loop",
    "direction": "sense of the loop (+1 counter-clockwise, -1 clockwise, 0 neither)",
}


@arguments.taking(
    record=arguments.record,
    drive=arguments.signal,
    response=arguments.signal,
    dim=arguments.optional(arguments.text),
    cycle=arguments.single,
)
def hysteresis(
    record: xr.Dataset,
    *,
    drive: Signal,
    response: Signal,
    period: int | None = None,
    cycle: Cycle = "last",
    bootstrap: int = 200,
    seed: int = 0,
    dim: str | None = None,
    cohort: int | None = None,
) -> xr.Dataset:
    """Return the measures of the hysteresis loop of a response against a drive, with their standard errors.

    `area` (`geometry.unsigned_area`), `signed_area`, `perimeter`, `form_factor` 4πA/P², `pinch` and `line_r2` have a
    standard error `*_error`; `slope`, `crossings` and `direction` are those of the mean loop. Units are those of drive
    and response, or their product, as the attribute `units` says.

    Noise bends a loop, adds fake lobes and lengthens it: all but `signed_area`, which is linear, would be biased. The
    bias is found from the shots themselves (`analysis.extrapolation`: by adding their noise to the loop once and twice
    more and going back to none), is taken off, and stands beside as `*_bias`. So an area may come out below 0 by its
    error. What stays: measures that cannot be below 0 and whose true value is 0 (the area of a line, the pinch of a
    pinched loop) come out too large by one to three errors.

    Errors are of the noise as it acts on the measured loop; 0 for exact records, NaN (and nothing is taken off) with
    fewer than two shots or resamples. Shots are independent, except where a program feeds back means over its ensemble:
    there whole cohorts are drawn, and it takes ten or so for an error of any worth. With one cohort the error comes
    from how the settled cycles of a periodic drive scatter (all but the first; see `analysis.mean_noise`): of four
    cycles in all it is itself off by half now and then, of one or two it is NaN. The attribute `errors` says so, and
    `freedom` is the degrees of freedom behind the errors.

    Args:
        record: A record; with `point`, each point is measured by itself.
        drive: Name of a variable of the record, `key.atom` for one atom of a key, `key.atom.axis` for one axis of a
            probe's Bloch vector, or an array with dimensions of the record. It is averaged over shots, leaving out NaN
            and outcomes that are -1 (in int8 arrays, and in arrays that still bear the name of a key, as `1 -
            record.out` does).
        response: The same.
        period: Length of a cycle in rounds; by default the shortest exact period of the mean drive at each point, or
            the whole series if the drive has none or carries shot noise.
        cycle: "last" (default), "first", a number from 0, or "all", which adds the dimension `cycle`. Cycles are
            counted from the first round; an incomplete one at the end is left out.
        bootstrap: Number of resamples of the shots.
        seed: Starts the resamples, a whole number of at least 0.
        dim: Dimension of the rounds; by default the only one that drive and response share.
        cohort: Shots in a row that are drawn together; by default as the record says, 1 where shots are independent.

    Raises InputError for signals that do not make a loop, and cohorts that do not divide the shots.

    >>> phase = 2 * np.pi * np.arange(200) / 200
    >>> circle = xr.Dataset({"u": ("round", np.cos(phase)), "v": ("round", np.sin(phase))})
    >>> loop = hysteresis(circle, drive="u", response="v")
    >>> round(float(loop.form_factor), 3), int(loop.direction), int(loop.crossings)
    (1.0, 1, 0)
    """
    _check_resamples(bootstrap=bootstrap, seed=seed)
    pair = pair_of(record, drive, response, dim)
    together, layouts = cohorts_asked(cohort, pair.shots, record), layouts_of(pair, period, cycle)
    found, noises = _measured(pair, layouts, drawn=bootstrap, seed=seed, cohort=together)
    return _labelled(pair, found, layouts, cycle).assign_attrs(_told_by(pair, together, noises))


def _check_resamples(**numbers: object) -> None:
    for name, value in numbers.items():
        if not is_whole(value) or value < 0:
            raise InputError(f"{name} must be a whole number, 0 or more, but is {short(value)}")


def _measured(
    pair: Pair, layouts: Mapping[CycleLayout, list[int]], *, drawn: int, seed: int, cohort: int
) -> tuple[dict[str, Numbers], list[MeanNoise]]:
    """Return the measures of each point's loops by name, and the noise of those whose errors are known."""
    found: dict[str, Numbers] = {}
    noises: list[MeanNoise] = []
    for layout, points in layouts.items():
        x, y = (samples_of(pair, role, points, layout) for role in ("drive", "response"))
        noise = mean_noise(pair, points, layout, (x, y), drawn=drawn, seed=seed, cohort=cohort)
        noises += [] if noise is None else [noise]
        for name, values in measures(mean_of(x, axis=1), mean_of(y, axis=1), noise).items():
            found.setdefault(name, np.zeros((pair.points, *values.shape[1:]), values.dtype))[points] = values
    return found, noises


def _told_by(pair: Pair, together: int, noises: list[MeanNoise]) -> dict[str, object]:
    """Return what there is to say of errors under shared feedback, at the point where least tells them."""
    if together == 1 or not noises:
        return {}
    worst = min(noises, key=lambda noise: noise.freedom)
    rough = rough_errors(pair.shots, together, worst.cycles)
    return {"freedom": worst.freedom} | ({} if rough is None else {"errors": rough})


@arguments.taking(
    record=arguments.record,
    drive=arguments.signal,
    response=arguments.signal,
    dim=arguments.optional(arguments.text),
    cycle=arguments.single,
)
def loop(
    record: xr.Dataset,
    *,
    drive: Signal,
    response: Signal,
    period: int | None = None,
    cycle: Cycle = "last",
    dim: str | None = None,
    cohort: int | None = None,
) -> xr.Dataset:
    """Return the mean loop that `hysteresis` measures: `drive`, `response` and their standard errors.

    Dimensions are `point` and `cycle` if there are any, then the rounds, with the numbers of the rounds of the (first)
    cycle as coordinate unless `cycle` is "all". Errors are 0 for exact records.

    Args:
        record: As in `hysteresis`.
        drive: As in `hysteresis`.
        response: As in `hysteresis`.
        period: Length of a cycle in rounds; by default found from the drive, and the same at every point.
        cycle: "last" (default), "first", a number from 0, or "all".
        dim: Dimension of the rounds; by default the only one that drive and response share.
        cohort: Shots in a row that share their feedback; by default as the record says.

    Raises InputError for signals that do not make a loop, and where the period differs between points.

    >>> record = xr.Dataset({"u": ("round", [0.0, 1, 2, 1] * 2), "v": ("round", [0.0, 2, 1, 0] * 2)})
    >>> loop(record, drive="u", response="v").response.values.tolist()
    [0.0, 2.0, 1.0, 0.0]
    """
    pair = pair_of(record, drive, response, dim)
    together = cohorts_asked(cohort, pair.shots, record)
    layouts = layouts_of(pair, period, cycle)
    if len(layouts) > 1:
        raise InputError("loop must have one period, but it differs between points; select one point first")
    [(layout, points)] = layouts.items()
    dims = ("point", "cycle", pair.dim) if cycle == "all" else ("point", pair.dim)
    result = xr.Dataset(coords=pair.free_coords(("drive", "response")), attrs=_settings(pair, layouts, cycle))
    x, y = (samples_of(pair, role, points, layout) for role in ("drive", "response"))
    errors = errors_of_means(pair, points, layout, (x, y), together)
    for role, signal, samples, error in zip(
        ("drive", "response"), (pair.drive, pair.response), (x, y), errors, strict=True
    ):
        for name, data, text in ((role, mean_of(samples, axis=1), ""), (f"{role}_error", error, "standard error of ")):
            shown = data if cycle == "all" else data[:, 0]
            result[name] = (dims, shown, {"long_name": text + signal.label, "units": signal.units})
    if cycle != "all":
        result = result.assign_coords({pair.dim: pair.rounds[layout.rounds()[0]]})
    return result if pair.has_points else result.isel(point=0)


def _labelled(
    pair: Pair, found: Mapping[str, Numbers], layouts: Mapping[CycleLayout, list[int]], cycle: Cycle
) -> xr.Dataset:
    dims = ("point", "cycle") if cycle == "all" else ("point",)
    result = xr.Dataset(coords=pair.free_coords(_LONG_NAMES), attrs=_settings(pair, layouts, cycle))
    for name in sorted(found, key=lambda text: list(_LONG_NAMES).index(_stem(text))):
        values = found[name] if cycle == "all" else found[name][:, 0]
        result[name] = (dims, values, {"long_name": _long_name(name), "units": _units(pair, _stem(name))})
    if cycle == "all":
        result = result.assign_coords(cycle=np.arange(result.sizes["cycle"]))
    return result if pair.has_points else result.isel(point=0)


def _stem(name: str) -> str:
    return name.removesuffix("_error").removesuffix("_bias")


def _long_name(name: str) -> str:
    stem = _LONG_NAMES[_stem(name)]
    if name.endswith("_error"):
        return f"standard error of the {stem}"
    return f"bias of the {stem}" if name.endswith("_bias") else stem


def _units(pair: Pair, measure: str) -> str:
    x, y = pair.drive.units, pair.response.units
    match measure:
        case "area" | "signed_area":
            return " ".join(unit for unit in (x, y) if unit != "1") or "1"
        case "perimeter":
            return x if x == y else "mixed"
        case "slope" if x != y:
            return y if x == "1" else f"{y}/({x})"
        case _:
            return "1"


def _settings(pair: Pair, layouts: Mapping[CycleLayout, list[int]], cycle: Cycle) -> dict[str, object]:
    periods = {point: layout.period for layout, points in layouts.items() for point in points}
    each = [periods[point] for point in range(pair.points)]
    period = each[0] if len(set(each)) == 1 else each
    return {"drive": pair.drive.name, "response": pair.response.name, "period": period, "cycle": cycle}
