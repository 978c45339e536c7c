"""Standard errors of means over shots, and resamples of shots: the one place where scatter becomes an error.

Shots are independent, except where a program feeds back means over a cohort: then the shots of a cohort share what was
fed back, and only whole cohorts are independent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeGuard

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError, short

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COHORT = 1000
"""Shots in a cohort of records that do not say how many: the shots over which `ensemble_mean` averages."""

FEW_COHORTS = 10
"""Fewer cohorts than this tell an error roughly, one tells none by itself."""

_WEIGHTS_AT_ONCE = 2_000_000


@arguments.taking(samples=arguments.numbers(), axis=arguments.whole(), cohort=arguments.whole(1))
def standard_error(samples: ArrayLike, *, axis: int = 0, cohort: int = 1) -> Floats:
    """Return the standard error of the mean of samples along an axis, missing values (NaN) left out.

    With G cohorts, N values and e_g the sum of deviations from the mean in cohort g, the error is √(G/(G-1) Σ e_g²)/N:
    for cohorts of one the standard deviation (ddof 1) over √N. NaN with fewer than two cohorts, from which no scatter
    can be told.

    Args:
        samples: Numbers of any unit and shape; the result has this unit, and this shape without `axis`.
        axis: The axis of the samples (default the first).
        cohort: How many samples in a row share their noise (default 1: all are independent).

    Raises InputError for samples that are no numbers, or an axis that they do not have.

    >>> float(standard_error([1.0, 0.0, 1.0, 0.0])), float(standard_error([1.0, 0.0, 1.0, 0.0], cohort=2))
    (0.2886751345948129, 0.0)
    >>> float(standard_error([1.0]))
    nan
    """
    given = np.asarray(samples, dtype=float)
    if not -given.ndim <= axis < given.ndim:
        raise InputError(f"axis: must be one of samples, which has {given.ndim} ({axis})")
    rows = np.moveaxis(given, axis, 0)
    valid = np.isfinite(rows)
    count = valid.sum(axis=0)
    mean = np.where(valid, rows, 0.0).sum(axis=0) / np.maximum(count, 1)
    apart = np.where(valid, rows - mean, 0.0)
    starts = np.arange(0, max(len(rows), 1), cohort)
    if cohort > 1 and len(rows):
        apart, valid = (np.add.reduceat(part, starts, axis=0) for part in (apart, valid.astype(int)))
    groups = (valid > 0).sum(axis=0)
    squares = (apart**2).sum(axis=0) * groups / np.maximum(groups - 1, 1)
    return np.asarray(np.where(groups > 1, np.sqrt(squares) / np.maximum(count, 1), np.nan))


def cohort_of(record: xr.Dataset) -> int:
    """Return how many shots in a row of a record share their feedback: 1 where shots are independent.

    The record says so in the attribute `ensemble_cohort`; of older ones, which have none, the program tells whether
    it feeds back means over the ensemble.

    >>> cohort_of(xr.Dataset()), cohort_of(xr.Dataset(attrs={"ensemble_cohort": 500}))
    (1, 500)
    """
    told = record.attrs.get("ensemble_cohort")
    if told is not None:
        return max(int(told), 1)
    return COHORT if "ensemble_mean(" in _expressions(record) else 1


def _expressions(record: xr.Dataset) -> str:
    """Return the body and memory of a record's program as text; what it is about does not count."""
    try:
        program = json.loads(str(record.attrs.get("program_json", "{}")))
    except ValueError:
        return ""
    return json.dumps([program.get(part) for part in ("body", "memory")]) if isinstance(program, dict) else ""


def cohorts_asked(cohort: int | None, shots: int, record: xr.Dataset) -> int:
    """Return how many shots are drawn together: as asked, else as the record says; InputError if they do not fit."""
    if cohort is None or not shots:
        return cohort_of(record)
    if not is_whole(cohort) or cohort < 1 or shots % cohort or shots // cohort < 2:
        raise InputError(f"cohort must divide the {shots} shots into two or more, but is {short(cohort)}")
    return int(cohort)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number; True and False, and what no array can be as long as, are none."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and abs(int(value)) <= arguments.LARGEST  # type: ignore[call-overload]  # an integer, as whole says


def inflation(shots: int, cohort: int) -> float:
    """Return √(G/(G-1)) of G cohorts: resamples drawn with replacement scatter less than samples do by this factor."""
    groups = -(-shots // cohort)
    return float(np.sqrt(groups / (groups - 1))) if groups > 1 else 0.0


def resamples(shots: int, number: int, seed: int, cohort: int = 1) -> Iterator[Floats]:
    """Yield blocks of weights (resample, shot): how often each cohort of shots is drawn, with replacement.

    None come where there are fewer than two cohorts.

    >>> [block.sum(axis=1).tolist() for block in resamples(4, 2, 0)]
    [[4.0, 4.0]]
    """
    generator = np.random.Generator(np.random.Philox(seed))
    groups, step = -(-shots // cohort), max(1, _WEIGHTS_AT_ONCE // max(shots, 1))
    for start in range(0, number if groups > 1 else 0, step):
        rows = min(step, number - start)
        drawn = generator.integers(groups, size=(rows, groups)) + groups * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups)
        yield np.repeat(counts, cohort, axis=1)[:, :shots].astype(float)


def mean_of(samples: Floats, axis: int = 0) -> Floats:
    """Return the mean of samples along an axis, missing values (NaN) left out; NaN where all are missing.

    >>> mean_of(np.array([[1.0, np.nan], [3.0, np.nan]])).tolist()
    [2.0, nan]
    """
    valid = np.isfinite(samples)
    count = valid.sum(axis=axis)
    return np.asarray(np.where(count > 0, np.where(valid, samples, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan))


def resampled(samples: Floats, weights: Floats) -> Floats:
    """Return the means of shots drawn anew: samples (shot, ...), weights (resample, shot) -> (resample, ...).

    Missing values (NaN) have no weight; what lost all its values in a resample keeps its mean, as does a signal of
    one shot, which is exact.

    >>> resampled(np.array([[1.0], [3.0], [np.nan]]), np.array([[2.0, 0, 1], [0, 3, 0], [0, 0, 3]])).ravel().tolist()
    [1.0, 3.0, 2.0]
    """
    mean = mean_of(samples)
    if len(samples) == 1:
        return np.broadcast_to(mean, (len(weights), *mean.shape))
    flat = samples.reshape(len(samples), -1)
    valid = np.isfinite(flat)
    total, count = weights @ np.where(valid, flat, 0.0), weights @ valid.astype(float)
    means = np.where(count > 0, total / np.where(count > 0, count, 1.0), mean.ravel())
    return np.asarray(means.reshape(len(weights), *mean.shape))


def mean_and_error(array: xr.DataArray, *, cohort: int = 1) -> tuple[float, float]:
    """Return the mean of an array along `shot`, its only dimension if it has any, and its standard error.

    Of a record's outcomes (int8) what is -1 was not measured and is left out, as are missing values. The error of an
    exact mean, which has no shots, is 0.

    >>> mean_and_error(xr.DataArray(np.array([1, 0, -1, 1], dtype=np.int8), dims="shot"))
    (0.6666666666666666, 0.3333333333333333)
    """
    values = array.values.astype(float).ravel()
    values = np.where(values < 0, np.nan, values) if array.dtype == np.int8 else values
    mean = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
    return mean, float(standard_error(values, cohort=cohort)) if "shot" in array.dims else 0.0
