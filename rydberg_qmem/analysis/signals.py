"""Drive and response of a record: which arrays they are, what they share, and where their outcomes are missing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem.analysis.record_series import labelled
from rydberg_qmem.errors import InputError, did_you_mean, short

Floats = NDArray[np.float64]
Signal: TypeAlias = str | xr.DataArray


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
