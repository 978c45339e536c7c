"""Hysteresis loops of a record: a response against a drive over one period, measured as a closed polygon."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.analysis import extrapolation, geometry
from rydberg_qmem.analysis.series import labelled
from rydberg_qmem.analysis.standard_error import cohorts_asked, inflation, is_whole, resamples, standard_error
from rydberg_qmem.errors import InputError, did_you_mean, short

Floats = NDArray[np.float64]
Signal: TypeAlias = str | xr.DataArray
Cycle: TypeAlias = Literal["last", "first", "all"] | int
Numbers: TypeAlias = NDArray[np.float64] | NDArray[np.int64]

FEWEST_ROUNDS = 3
_SHORTEST_FOUND = 4
_SAME = 1e-9
_CORRECTED = ("area", "perimeter", "form_factor", "pinch", "line_r2")

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
    """Measure the hysteresis loop of `response` against `drive`.

    `drive` and `response` are names of record variables, `key.atom` for one atom of a key, `key.atom.axis` for
    one axis of a probe's Bloch vector, or arrays with dims of the record. They are averaged over shots, leaving
    out outcomes that are -1 (in int8 arrays, and in arrays that still bear the name of a key, as `1 - record.out`
    does) or NaN. `dim` is the rounds' dimension (default: the only one that both share). `period` is in rounds; by
    default the shortest exact period of the mean drive, or the whole series if the drive has none or carries shot
    noise. `cycle` is "last", "first", a number, or "all" (adds the dimension `cycle`); cycles are counted from the
    first round, an incomplete one at the end is left out. With `point`, each point is measured by itself, with
    its own period if periods are found.

    Gives `area` (`geometry.unsigned_area`), `signed_area`, `perimeter`, `form_factor`, `pinch`, `line_r2` with their
    standard errors `*_error`, and `slope`, `crossings`, `direction` of the mean loop. Noise bends a loop, adds fake
    lobes and lengthens it: all but `signed_area`, which is linear, would be biased. The bias is found from the shots
    themselves (`analysis.extrapolation`: by adding their noise to the loop once and twice more and going back to none),
    is taken off, and stands beside as `*_bias`. So an area may come out below 0
    by its error. What stays: measures that cannot be below 0 and whose true value is 0 (the area of a line, the pinch
    of a pinched loop) come out too large by one to three errors. Errors are of the noise as it acts on the measured
    loop, from `bootstrap` resamples of the shots drawn with `seed`; 0 for exact records, NaN (and nothing is taken off)
    with fewer than two shots or resamples. Shots are independent, except where a program feeds back means over its
    ensemble: there whole cohorts are drawn, `cohort` shots in a row each (default: as the record says), and with one
    cohort there is no error to be told; it takes ten or so for an error of any worth.
    Raises InputError for signals that do not make a loop.

    >>> phase = 2 * np.pi * np.arange(200) / 200
    >>> circle = xr.Dataset({"u": ("round", np.cos(phase)), "v": ("round", np.sin(phase))})
    >>> loop = hysteresis(circle, drive="u", response="v")
    >>> round(float(loop.form_factor), 3), int(loop.direction), int(loop.crossings)
    (1.0, 1, 0)
    """
    for name, value in (("bootstrap", bootstrap), ("seed", seed)):
        if not is_whole(value) or value < 0:
            raise InputError(f"{name} must be a whole number, 0 or more, but is {short(value)}")
    pair = pair_of(record, drive, response, dim)
    together = cohorts_asked(cohort, pair.shots, record)
    layouts = layouts_of(pair, period, cycle)
    found: dict[str, Numbers] = {}
    for layout, points in layouts.items():
        x, y = (samples_of(pair, role, points, layout) for role in ("drive", "response"))
        drawn = list(resamples(pair.shots, bootstrap, seed, together)) if pair.shots else None
        for name, values in _estimates(x, y, drawn, inflation(pair.shots, together) if pair.shots else 0.0).items():
            found.setdefault(name, np.zeros((pair.points, *values.shape[1:]), values.dtype))[points] = values
    return _labelled(pair, found, layouts, cycle)


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

    Arguments as for `hysteresis`. Dims: `point` and `cycle` if there are any, then the rounds, with the
    numbers of the rounds of the (first) cycle as coordinate unless cycle is "all". Errors are 0 for exact
    records.

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
    for role, signal in (("drive", pair.drive), ("response", pair.response)):
        samples = samples_of(pair, role, points, layout)
        error = standard_error(samples, axis=1, cohort=together) if signal.sampled else np.zeros_like(samples[:, 0])
        for name, data, text in ((role, _means(samples), ""), (f"{role}_error", error, "standard error of ")):
            shown = data if cycle == "all" else data[:, 0]
            result[name] = (dims, shown, {"long_name": text + signal.label, "units": signal.units})
    if cycle != "all":
        result = result.assign_coords({pair.dim: pair.rounds[layout.rounds()[0]]})
    return result if pair.has_points else result.isel(point=0)


# Signals


@dataclass(frozen=True, eq=False)
class _Signal:
    """One signal: `values` have axes point, shot, round (length 1 without the dim), NaN where not valid."""

    name: str
    label: str
    units: str
    sampled: bool
    values: Floats


@dataclass(frozen=True, eq=False)
class Pair:
    """Drive and response of a record with what they share: rounds, points, shots."""

    drive: _Signal
    response: _Signal
    dim: str
    rounds: NDArray[np.generic]
    points: int
    has_points: bool
    shots: int
    coords: Mapping[Hashable, xr.DataArray]

    def free_coords(self, taken: Iterable[str]) -> dict[Hashable, xr.Variable]:
        """Return the points' coordinates; a parameter whose name is taken becomes `parameter_<name>`."""
        names = set(taken)
        return {f"parameter_{name}" if name in names else name: c.variable for name, c in self.coords.items()}


@dataclass(frozen=True)
class Layout:
    """Which rounds make up the loops of a point: `cycles` cycles of `period` rounds from cycle `first` on."""

    period: int
    first: int
    cycles: int

    def rounds(self) -> NDArray[np.int64]:
        """Return the numbers of the rounds, (cycle, round of the cycle)."""
        starts = self.period * (self.first + np.arange(self.cycles))
        return starts[:, None] + np.arange(self.period)


def pair_of(record: xr.Dataset, drive: Signal, response: Signal, dim: str | None) -> Pair:
    """Return both signals of a record; InputError for signals that do not make a loop."""
    arrays = {"drive": _array(record, drive, "drive"), "response": _array(record, response, "response")}
    rounds = _round_dim(arrays, dim)
    sizes: dict[Hashable, int] = {}
    for array in arrays.values():
        for name in array.dims:
            if sizes.setdefault(name, array.sizes[name]) != array.sizes[name]:
                raise InputError(
                    f"drive and response must have the same length along {name!r}, "
                    f"but have {sizes[name]} and {array.sizes[name]}"
                )
    coords = {name: c for a in arrays.values() for name, c in a.coords.items() if set(c.dims) <= {"point"}}
    if "point" not in sizes:  # one point taken out of a sweep: its number would clash with the dimension
        coords.pop("point", None)
    numbers = np.asarray(arrays["drive"].coords.get(rounds, np.arange(sizes[rounds])))
    return Pair(
        _signal(record, arrays["drive"], drive, rounds),
        _signal(record, arrays["response"], response, rounds),
        rounds,
        numbers,
        sizes.get("point", 1),
        "point" in sizes,
        sizes.get("shot", 0),
        coords,
    )


def _array(record: xr.Dataset, signal: Signal, role: str) -> xr.DataArray:
    if isinstance(signal, str):
        return _variable(record, signal, role)
    if isinstance(signal, xr.DataArray):
        return signal
    raise InputError(f"{role} must be a name or an xarray DataArray, but is {short(signal)}")


def _variable(record: xr.Dataset, text: str, role: str) -> xr.DataArray:
    name, *chosen = [text] if text in record else text.split(".")
    if name not in record:
        known = sorted(str(key) for key in record.data_vars)
        raise InputError(f"{role} must name a variable of the record, but is {text!r}{did_you_mean(name, known)}")
    labels = {axis: [str(value) for value in record[axis].values] for axis in labelled(record[name])}
    if len(chosen) != len(labels):
        example = ".".join([name, *(values[0] for values in labels.values())])
        what = "one atom" if len(labels) == 1 else "one atom and axis"
        rule = f"name {what}, {example} say" if labels else f"be {name!r} alone: it has no atoms"
        raise InputError(f"{role} {text!r} must {rule}")
    for (axis, known), label in zip(labels.items(), chosen, strict=True):
        if label not in known:
            what = "an atom" if axis.endswith("_atom") else "an axis"
            raise InputError(f"{role} {text!r} must name {what} of {name!r}{did_you_mean(label, known)}")
    places = {axis: known.index(label) for (axis, known), label in zip(labels.items(), chosen, strict=True)}
    return record[name].isel(places, drop=True)


def _round_dim(arrays: Mapping[str, xr.DataArray], dim: str | None) -> str:
    own = {role: [str(d) for d in a.dims if d not in ("point", "shot")] for role, a in arrays.items()}
    common = [d for d in own["drive"] if d in own["response"] and not d.endswith("_atom")]
    if dim is None and len(common) != 1:
        shared = "share " + ", ".join(common) + "; give dim=" if common else "share none"
        raise InputError(
            f"drive and response must share one dimension of rounds, but {shared} "
            f"(drive: {_listed(own['drive'])}; response: {_listed(own['response'])})"
        )
    chosen = common[0] if dim is None else dim
    for role, dims in own.items():
        if chosen not in dims:
            raise InputError(f"{role} must have the dimension {chosen!r}, but has {_listed(dims)}")
        if len(dims) > 1:
            extra = ", ".join(d for d in dims if d != chosen)
            raise InputError(f"{role} must have no dimension but point, shot and {chosen}, but has {extra} too")
    return chosen


def _listed(dims: list[str]) -> str:
    return ", ".join(dims) or "none"


def _signal(record: xr.Dataset, array: xr.DataArray, given: Signal, dim: str) -> _Signal:
    missing = [d for d in ("point", "shot") if d not in array.dims]
    order = ("point", "shot", dim)
    values = array.expand_dims(missing).transpose(*order).values
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_) or np.iscomplexobj(values):
        raise InputError(f"signals must be real numbers, but {array.name!r} is of type {values.dtype}")
    values = np.where(_lost(record, array, given).expand_dims(missing).transpose(*order).values, np.nan, values)
    name, label = _names(record, array, given)
    return _Signal(name, label, str(array.attrs.get("units", "1")), "shot" in array.dims, values.astype(float))


def _lost(record: xr.Dataset, array: xr.DataArray, given: Signal) -> xr.DataArray:
    """Return where the outcome is missing: for an array computed from a key, where the key is -1."""
    key = array
    if not isinstance(given, str) and array.name in record and record[array.name].dtype == np.int8:
        key, atom = record[array.name], f"{array.name}_atom"
        key = key.sel({atom: array[atom]}) if atom in array.coords and atom not in array.dims else key
    lost = (key == -1).any([d for d in key.dims if d not in array.dims])
    if lost.sizes != array.sizes:  # computed from a part of the key
        key, lost = array, array == -1
    return lost if key.dtype == np.int8 else xr.zeros_like(array, dtype=bool)


def _names(record: xr.Dataset, array: xr.DataArray, given: Signal) -> tuple[str, str]:
    """Return name and label; xarray keeps the name of R in 1 - R, which must not be taken for R."""
    if isinstance(given, str):  # the long name of a key is that of all its atoms
        return given, given if given != array.name else str(array.attrs.get("long_name", given))
    name = "array" if array.name is None else str(array.name)
    if name in record and not array.equals(record[name]):
        return f"function of {name}", f"function of {name}"
    return name, str(array.attrs.get("long_name", name))


# Cycles


def layouts_of(pair: Pair, period: int | None, cycle: Cycle) -> dict[Layout, list[int]]:
    """Return the points of each layout; points differ where a sweep changes period or number of rounds."""
    _check_period(period)
    layouts: dict[Layout, list[int]] = {}
    drives, responses = pair.drive.values, pair.response.values
    for point in range(pair.points):
        both = drives[point % len(drives)], responses[point % len(responses)]
        layouts.setdefault(_layout(*_length_and_period(*both, period), cycle), []).append(point)
    if cycle == "all" and len({layout.cycles for layout in layouts}) > 1:
        raise InputError("cycle must be one cycle, but is 'all' and points have different numbers of cycles")
    return layouts


def _check_period(period: int | None) -> None:
    if period is not None and not (is_whole(period) and period >= FEWEST_ROUNDS):
        raise InputError(f"period must be {FEWEST_ROUNDS} or more whole rounds, but is {short(period)}")


def _length_and_period(drive: Floats, response: Floats, period: int | None) -> tuple[int, int]:
    """Return both in rounds; the shorter points of a sweep are filled up with missing values of both signals."""
    known = np.isfinite(drive).any(axis=0) | np.isfinite(response).any(axis=0)
    present = np.flatnonzero(known)
    length = int(present[-1]) + 1 if len(present) else int(drive.shape[-1])
    return length, period if period is not None else _shortest_period(drive[:, :length])


def _shortest_period(drive: Floats) -> int:
    rounds = int(drive.shape[-1])
    if np.any(drive != drive[:1]):  # shot noise, or missing values: nothing exact to find
        return rounds
    values = drive[0]
    near = _SAME * np.abs(values).max(initial=0.0)
    for period in range(_SHORTEST_FOUND, rounds // 2 + 1):
        if np.all(np.abs(values[period:] - values[:-period]) <= near):
            return period
    return rounds


def _layout(length: int, period: int, cycle: Cycle) -> Layout:
    fewest = max(period, FEWEST_ROUNDS)
    if length < fewest:
        raise InputError(f"a loop must have at least {fewest} rounds, but the series has {length}")
    count = length // period
    if cycle == "all":
        return Layout(period, 0, count)
    named = {"first": 0, "last": count - 1}
    number = named.get(cycle, cycle) if isinstance(cycle, str) else cycle
    if not is_whole(number):
        raise InputError(f"cycle must be 'last', 'first', 'all' or a whole number, but is {short(cycle)}")
    if not -count <= number < count:
        raise InputError(f"cycle must be below {count}, the number of whole periods, but is {number}")
    return Layout(period, int(number) % count, 1)


# Estimates. Axes of samples: point, shot, cycle, round of the cycle.


def samples_of(pair: Pair, role: str, points: list[int], layout: Layout) -> Floats:
    """Return the samples of the rounds in use; each round must have a valid one."""
    signal = pair.drive if role == "drive" else pair.response
    own = points if len(signal.values) > 1 else [0] * len(points)
    samples = np.ascontiguousarray(signal.values[own][:, :, layout.rounds()])  # else products crawl
    lost = np.argwhere(~np.isfinite(samples).any(axis=1))
    if len(lost):
        point, cycle, step = lost[0]
        number = pair.rounds[layout.rounds()[cycle, step]]
        where = f"{pair.dim} {number}" + (f" of point {points[point]}" if pair.has_points else "")
        raise InputError(f"{role} {signal.name!r} must have a valid value each round, but has none in {where}")
    return samples


def _estimates(x: Floats, y: Floats, resampled: Sequence[Floats] | None, inflated: float) -> dict[str, Numbers]:
    mean_x, mean_y = _means(x), _means(y)
    shapes = _shapes(mean_x, mean_y)
    slope, _ = geometry.line_fit(mean_x, mean_y)
    unsure = _SAME * shapes["perimeter"] ** 2
    signed = shapes["signed_area"]
    direction = np.where(np.abs(signed) <= unsure, 0, np.sign(signed)).astype(np.int64)
    counts = {"crossings": geometry.self_crossings(mean_x, mean_y), "direction": direction}
    if resampled is None:  # exact: no shots, no spread
        spread = bias = dict.fromkeys(shapes, np.zeros_like(mean_x[..., 0]))
    elif sum(len(block) for block in resampled) < 2:
        spread = bias = dict.fromkeys(shapes, np.full_like(mean_x[..., 0], np.nan))
    else:
        spread, bias = _noise(x, y, resampled, inflated)
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


def _means(samples: Floats) -> Floats:
    valid = np.isfinite(samples)
    mean: Floats = np.where(valid, samples, 0.0).sum(axis=1) / valid.sum(axis=1)
    return mean


def _noise(
    x: Floats, y: Floats, resampled: Sequence[Floats], inflated: float
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return the standard error and the bias of each measure of the mean loop."""
    at_x, at_y = _means(x), _means(y)
    by_x, by_y = (_deviations(samples, mean, resampled) * inflated for samples, mean in ((x, at_x), (y, at_y)))
    moved = extrapolation.moves(_broadcast_shapes, at_x, at_y, by_x, by_y)
    spread, bias = ({name: of(name) for name in moved.plain} for of in (moved.error, moved.bias))
    for name in ("pinch", "line_r2"):  # maxima and squares: not linear where they are largest, or nothing
        spread[name] = np.maximum(spread[name], moved.once[name].std(axis=0, ddof=1))
    area, length = (moved.plain[name] - bias[name] for name in ("area", "perimeter"))
    form = geometry.ratio(4 * np.pi * area, length**2)
    bias["form_factor"] = moved.plain["form_factor"] - form  # of both without noise: better than its own extrapolation
    length = np.where(length > 0, length, np.inf)
    by_area, by_length = (moved.small[name] for name in ("area", "perimeter"))
    spread["form_factor"] = extrapolation.error_of(4 * np.pi * by_area / length**2 - 2 * form * by_length / length)
    return spread, bias


def _deviations(samples: Floats, mean: Floats, resampled: Sequence[Floats]) -> Floats:
    """Return what resamples add to the mean, (resample, point, cycle, round)."""
    drawn = [np.moveaxis(_resampled(samples, block), 1, 0) for block in resampled]
    return (
        np.concatenate(
            [np.broadcast_to(part, (len(block), *part.shape[1:])) for part, block in zip(drawn, resampled, strict=True)]
        )
        - mean
    )


def _broadcast_shapes(x: Floats, y: Floats) -> dict[str, Floats]:
    return _shapes(*np.broadcast_arrays(x, y))


def _resampled(samples: Floats, weights: Floats) -> Floats:
    """Return means (point, resample, cycle, round); a round that lost all its valid shots keeps its mean."""
    points, shots, *loop_shape = samples.shape
    mean = _means(samples)[:, None]
    if shots == 1:
        return mean
    flat = samples.reshape(points, shots, -1)
    valid = np.isfinite(flat)
    total = np.stack([weights @ shots_of_point for shots_of_point in np.where(valid, flat, 0.0)])
    count = np.stack([weights @ shots_of_point for shots_of_point in valid.astype(float)])
    kept = np.broadcast_to(mean.reshape(points, 1, -1), total.shape)
    means = np.where(count > 0, total / np.where(count > 0, count, 1.0), kept)
    return means.reshape(points, len(weights), *loop_shape)


# The results


def _labelled(
    pair: Pair, found: Mapping[str, Numbers], layouts: Mapping[Layout, list[int]], cycle: Cycle
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


def _settings(pair: Pair, layouts: Mapping[Layout, list[int]], cycle: Cycle) -> dict[str, object]:
    periods = {point: layout.period for layout, points in layouts.items() for point in points}
    each = [periods[point] for point in range(pair.points)]
    period = each[0] if len(set(each)) == 1 else each
    return {"drive": pair.drive.name, "response": pair.response.name, "period": period, "cycle": cycle}
