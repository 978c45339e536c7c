"""What an expression finds when it is evaluated: the names in scope, keys, windows, random numbers, the cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import InputError, RunError, did_you_mean, short
from rydberg_qmem.language.arithmetic import (
    REDUCE,
    Array,
)


class ExpressionError(InputError):
    """An expression that is refused: the text, the rule, and the column (from 1) inside the text.

    >>> str(ExpressionError("2 +", "must not end here", 4))
    "must not end here ('2 +') at column 4"
    """

    def __init__(self, text: str, rule: str, column: int | None = None) -> None:
        self.text, self.rule, self.column = text, rule, column
        place = "" if column is None else f" at column {column}"
        super().__init__(f"{rule} ({short(text)}){place}")

    def __reduce__(self) -> tuple[type[ExpressionError], tuple[str, str, int | None]]:
        return type(self), (self.text, self.rule, self.column)


@dataclass(frozen=True, eq=False)
class Columns:
    """Outcomes kept under one key on one or several atoms, of shape (branch, atom).

    >>> from rydberg_qmem.language.expressions import Expression
    >>> Expression("m.b - m.a").evaluate({"m": Columns(("a", "b"), np.array([[0, 1], [1, 1]]))})
    array([1., 0.])
    """

    names: tuple[str, ...]
    values: NDArray[Any]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            shape = f"(branch, {len(self.names)})"
            raise RunError(f"columns {self.names} need values of shape {shape}, not {self.values.shape}")


class RandomSource(Protocol):
    """What gives the program's own random numbers, one per branch, of shape (branch,)."""

    def uniform(self) -> NDArray[Any]:
        """Return numbers uniform in [0, 1)."""

    def normal(self) -> NDArray[Any]:
        """Return numbers of the standard normal distribution."""


Scope = Mapping[str, "float | NDArray[Any] | Columns"]


@dataclass(frozen=True, eq=False)
class Frame:
    """What one evaluation sees: the text for its errors, and all that its names may stand for."""

    text: str
    scope: Scope
    random: RandomSource | None
    weights: NDArray[Any] | None
    cohort_of: NDArray[np.int64] | None = None


Run = Callable[[Frame], Array]


def elementwise(function: Callable[..., Any], parts: Sequence[Run]) -> Run:
    """Apply a function to scalars (branch,) and windows (branch, width), along which a scalar is the same."""

    def run(frame: Frame) -> Array:
        values = [part(frame) for part in parts]
        if len(values) > 1 and any(value.ndim == 2 for value in values):
            values = [value[:, None] if value.ndim == 1 else value for value in values]
        return cast(Array, function(*values))

    return run


def _found(frame: Frame, name: str) -> Array | Columns:
    try:
        value = frame.scope[name]
    except KeyError:
        hint = did_you_mean(name, list(frame.scope))
        raise RunError(f"{short(frame.text)}: nothing here is named {name!r}{hint}") from None
    if isinstance(value, Columns):
        return value
    array = np.asarray(value, dtype=float)
    if array.ndim > 2:
        raise RunError(f"{short(frame.text)}: {name} must have shape (branch,) or (branch, width), not {array.shape}")
    return array


def plain_value(frame: Frame, name: str) -> Array:
    """Return what a name stands for: (branch,), or (branch, width) for a window or a key on several atoms."""
    value = _found(frame, name)
    if not isinstance(value, Columns):
        return value
    values = np.asarray(value.values, dtype=float)
    return values[:, 0] if len(value.names) == 1 else values


def column_of(frame: Frame, key: str, atom: str) -> Array:
    """Return the outcomes of one atom of a key, (branch,); RunError if there are none."""
    value = _found(frame, key)
    if not isinstance(value, Columns):
        raise RunError(f"{short(frame.text)}: {key} is not a key, so it has no .{atom}")
    if atom not in value.names:
        raise RunError(f"{short(frame.text)}: {key} has no atom {atom!r}{did_you_mean(atom, value.names)}")
    return np.asarray(value.values[:, value.names.index(atom)], dtype=float)


def element_of(frame: Frame, name: str, index: int, column: int) -> Array:
    """Return one value of a window, the newest at index 0; ExpressionError if it has none there."""
    value = _found(frame, name)
    if isinstance(value, Columns):
        rule = f"{name} is a key: write {name}.{value.names[0]}, not an index"
        raise ExpressionError(frame.text, rule, column)
    if value.ndim != 2:
        raise ExpressionError(frame.text, f"{name} is not a window, so it takes no index", column)
    if index >= value.shape[1]:
        raise ExpressionError(frame.text, f"{name} holds {value.shape[1]} values, counted from 0", column)
    return value[:, index]


def random_numbers(frame: Frame, name: str) -> Array:
    """Return random numbers of the program, one per branch."""
    if frame.random is None:
        raise RunError(f"{short(frame.text)}: {name}() has no source of random numbers here")
    return np.asarray(frame.random.uniform() if name == "uniform" else frame.random.normal(), dtype=float)


def reduced(frame: Frame, name: str, value: Array, column: int) -> Array:
    """Return the mean, sum, least or greatest of a window, (branch,)."""
    if value.ndim != 2:
        rule = f"{name} needs a window or a key on several atoms, not one value"
        raise ExpressionError(frame.text, rule, column)
    return cast(Array, REDUCE[name](value.T))


def ensemble_mean(frame: Frame, value: Array, column: int, read: Sequence[tuple[str, str]] = ()) -> Array:
    """Return the mean of a value over the shots of each cohort, weighted, in which all outcomes it reads were measured.

    `read` names them, (key, atom), all atoms of a key by an empty name. An outcome of -1, of a lost atom say, is no
    number to average; RunError where a cohort has no shot without one.
    """
    if frame.weights is None:
        raise RunError(f"{short(frame.text)}: ensemble_mean has no cohort to average over here")
    if value.ndim == 2:
        rule = "ensemble_mean needs one value per shot: reduce the window first"
        raise ExpressionError(frame.text, rule, column)
    weights = np.asarray(frame.weights, dtype=float) * _measured(frame, read)
    if frame.cohort_of is None:
        return _mean_of(frame, np.asarray(np.sum(weights * value)), np.asarray(np.sum(weights)))
    summed: Array = np.bincount(frame.cohort_of, weights * value).astype(float)
    shots: Array = np.bincount(frame.cohort_of, weights).astype(float)
    return _mean_of(frame, summed[frame.cohort_of], shots[frame.cohort_of])


def _measured(frame: Frame, read: Sequence[tuple[str, str]]) -> Array | float:
    """Return 1.0 for each row in which all outcomes that are read were measured, 0.0 for the others."""
    made: Array | float = 1.0
    for key, atom in read:
        value = frame.scope.get(key)
        if isinstance(value, Columns):
            seen = value.values[:, [value.names.index(atom)]] if atom in value.names else value.values
            made = made * np.asarray((seen >= 0).all(axis=1), dtype=float)
    return made


def _mean_of(frame: Frame, total: Array, shots: Array) -> Array:
    if np.any(shots == 0):
        raise RunError(
            f"{short(frame.text)}: ensemble_mean has no shot in which all outcomes it reads were measured; "
            "run more shots, or measure what it reads in each"
        )
    return total / shots
