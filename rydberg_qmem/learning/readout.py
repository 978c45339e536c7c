"""Linear readouts and the classical features that a device has to beat.

A task that `polynomial(window(inputs, ...), ...)` solves as well under the same readout needs no device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.checked import whole_number
from rydberg_qmem.errors import InputError, short
from rydberg_qmem.learning.tasks import finite_array, same_rounds

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Readout:
    """A fitted linear readout: predictions = features @ weights + bias.

    Arrays are kept as read-only copies; readouts are equal if all values are.

    Attributes:
        weights: (feature,), or (feature, output).
        bias: (), or (output,).

    >>> Readout(weights=np.array([2.0, 1.0]), bias=np.array(0.5)).predict([[1.0, 0.0], [0.0, 3.0]]).tolist()
    [2.5, 3.5]
    """

    weights: Floats
    bias: Floats

    def __post_init__(self) -> None:
        for field in ("weights", "bias"):
            values = np.array(arguments.numbers()(field, getattr(self, field)))
            values.setflags(write=False)
            object.__setattr__(self, field, values)
        if self.weights.ndim not in (1, 2) or self.bias.shape != self.weights.shape[1:]:
            shapes = f"weights {self.weights.shape} and bias {self.bias.shape}"
            raise InputError(
                f"weights must be (feature,) or (feature, output), bias one for each output, but: {shapes}"
            )

    def predict(self, features: ArrayLike) -> Floats:
        """Return the predictions, (round,) or (round, output), from features (round, feature) or (round,).

        Raises InputError if the number of features is not that of the fit.
        """
        columns = _columns("features", features)
        if columns.shape[1] != len(self.weights):
            raise InputError(f"features must have {len(self.weights)} columns, but have {columns.shape[1]}")
        return np.asarray(columns @ self.weights + self.bias)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Readout):
            return NotImplemented
        return np.array_equal(self.weights, other.weights) and np.array_equal(self.bias, other.bias)

    def __hash__(self) -> int:
        return hash(self.weights.shape)


@arguments.taking(
    features=arguments.numbers(),
    targets=arguments.numbers(),
    standardise=arguments.flag,
    regularisation=arguments.number,
)
def fit_ridge(
    features: ArrayLike, targets: ArrayLike, *, regularisation: float = 1e-6, standardise: bool = False
) -> Readout:
    """Fit the readout that minimises |targets - features @ weights - bias|² + regularisation |weights|².

    The bias is free, so features need no constant.

    Args:
        features: (round, feature), or (round,) for one feature.
        targets: What is to be predicted, (round,) or (round, output).
        regularisation: Weight of the ridge, 0 or more; with 0, the smallest of the best weights.
        standardise: Whether weights are regularised for features in units of their own standard deviation, so that
            predictions do not depend on the units or offsets of features; the readout is in their own units all the
            same.

    Raises InputError for anything but finite arrays with as many rounds.

    >>> readout = fit_ridge([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], regularisation=0.0)
    >>> readout.weights.round(9).tolist(), round(float(readout.bias), 9)
    ([2.0], 1.0)
    """
    if not (math.isfinite(regularisation) and regularisation >= 0):
        raise InputError(f"regularisation must be a finite number, 0 or more, but is {short(regularisation)}")
    x, y = _columns("features", features), finite_array("targets", targets)
    same_rounds(features=x, targets=y)
    units = deviations(x) if standardise else np.ones(x.shape[1])
    left, values, right = np.linalg.svd((x - x.mean(axis=0)) / units, full_matrices=False)
    kept = values > values.max() * max(x.shape) * np.finfo(float).eps
    gains = np.zeros_like(values)
    gains[kept] = values[kept] / (values[kept] ** 2 + regularisation)
    weights = ((right.T @ (gains * (left.T @ (y - y.mean(axis=0))).T).T).T / units).T
    return Readout(weights, np.asarray(y.mean(axis=0) - x.mean(axis=0) @ weights))


@arguments.taking(features=arguments.numbers(dims=2))
def deviations(features: Floats) -> Floats:
    """Return the standard deviation of each column, 1 where it is constant but for rounding.

    >>> deviations(np.array([[0.0, 300.1], [2.0, 300.1]])).tolist()
    [1.0, 1.0]
    """
    spread = features.std(axis=0)
    return np.where(spread > 1e-12 * np.abs(features).max(axis=0), spread, 1.0)


@arguments.taking(inputs=arguments.numbers(), length=arguments.single)
def window(inputs: ArrayLike, length: int) -> Floats:
    """Return the inputs of the last rounds, the present one first, zero before the first round.

    Args:
        inputs: (round,) or (round, channel).
        length: How many rounds; the result is (round, length * channels), all channels of a round together.

    Raises InputError for numbers that are not finite, or a length below 1.

    >>> window([1.0, 2.0, 3.0], 2).tolist()
    [[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]]
    """
    columns = _columns("inputs", inputs)
    padded = np.concatenate([np.zeros((whole_number("length", length) - 1, columns.shape[1])), columns])
    return np.hstack([padded[length - 1 - delay : len(padded) - delay] for delay in range(length)])


@arguments.taking(features=arguments.numbers(), degree=arguments.whole(0, 100))
def polynomial(features: ArrayLike, degree: int) -> Floats:
    """Return all products of 1 to `degree` features, repeats allowed, lower degrees first; no constant.

    Args:
        features: (round, feature), or (round,) for one feature.
        degree: Most factors of a product; n features give (n + degree)! / (n! degree!) - 1 columns.

    Raises InputError for numbers that are not finite, or a degree below 1.

    >>> polynomial([[2.0, 3.0]], 2).tolist()  # a, b, a a, a b, b b
    [[2.0, 3.0, 4.0, 6.0, 9.0]]
    """
    columns = _columns("features", features)
    sizes = range(1, whole_number("degree", degree) + 1)
    chosen = (pick for size in sizes for pick in combinations_with_replacement(range(columns.shape[1]), size))
    return np.stack([columns[:, pick].prod(axis=1) for pick in chosen], axis=1)


def _columns(name: str, values: ArrayLike) -> Floats:
    array = finite_array(name, values)
    return array[:, None] if array.ndim == 1 else array
