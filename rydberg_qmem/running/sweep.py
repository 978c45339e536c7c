"""The points of a run: named axes that multiply, and axes that go together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from rydberg_qmem.arguments import is_xarray, listed, real, refuse
from rydberg_qmem.errors import InputError, did_you_mean
from rydberg_qmem.language.program import Program

Sweep = Mapping[Any, Sequence[Any]]
"""Axes by name; a tuple of names, or names joined by commas, has tuples of values."""

Point = dict[str, float]


def swept_names(sweep: Sweep | None) -> tuple[str, ...]:
    """Return the parameters that a sweep sets, in order; InputError if one is named twice.

    >>> swept_names({"period": [12, 24], ("window", "delay"): [(3, 100), (9, 200)]})
    ('period', 'window', 'delay')
    """
    names = tuple(name for axis in sweep or () for name in _together(axis))
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"sweep: {name} is swept twice")
    return names


def points_of(program: Program, parameters: Mapping[str, float] | None, sweep: Sweep | None) -> list[Point]:
    """Return the parameters of every point: all combinations of the axes, the last axis first.

    An axis is a parameter's name with its values, or several names, as a tuple or joined by commas, with one tuple of
    values for each setting: these go together.

    >>> from rydberg_qmem.language.library import load
    >>> points = points_of(load("two_port_memristor"), {}, {"period, window": [(12, 3), (24, 9)]})
    >>> points
    [{'period': 12.0, 'window': 3.0}, {'period': 24.0, 'window': 9.0}]
    """
    base = dict(parameters or {})
    if sweep is None:
        return [base]
    for name in swept_names(sweep):
        if name not in program.parameters:
            raise InputError(f"sweep: no parameter {name!r}{did_you_mean(name, list(program.parameters))}")
        if name in base:
            raise InputError(f"sweep: {name} is given as a parameter too")
    axes = [_settings(axis, values) for axis, values in sweep.items()]
    return [base | {k: v for part in parts for k, v in part.items()} for parts in itertools.product(*axes)]


def sweep_of(name: str, value: Any) -> Sweep:
    """Take a sweep: a mapping from parameters' names to lists of values; InputError, by name, for anything else."""
    if not isinstance(value, Mapping) or is_xarray(value):
        raise refuse(name, "a mapping from names of parameters to lists of values", value)
    for axis in value:
        if not isinstance(axis, str) and not (isinstance(axis, tuple) and all(isinstance(one, str) for one in axis)):
            raise refuse(name, "a mapping from names, or tuples of names, of parameters", axis)
    return value


def _together(axis: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for name in axis.split(",")) if isinstance(axis, str) else tuple(axis)


def _settings(axis: str | tuple[str, ...], values: Sequence[Any]) -> list[Point]:
    names = _together(axis)
    place = f"sweep.{','.join(names)}"
    given = listed(place, values)
    if not given:
        raise InputError(f"{place}: must have at least one value")
    made = []
    for value in given:
        row = tuple(listed(place, value)) if len(names) > 1 or isinstance(value, tuple | list) else (value,)
        if len(row) != len(names):
            raise InputError(f"{place}: each setting must have {len(names)} values, but one has {len(row)} ({row})")
        made.append({name: _number(place, one) for name, one in zip(names, row, strict=True)})
    return made


_number = real()


def as_one_axis(points: Sequence[Mapping[str, float]], names: Sequence[str]) -> dict[str, list[list[float]]] | None:
    """Return a sweep, fit for JSON, that gives these points again.

    >>> as_one_axis([{"a": 1.0, "b": 2.0}], ["a", "b"])
    {'a,b': [[1.0, 2.0]]}
    """
    return {",".join(names): [[point[name] for name in names] for point in points]} if names else None
