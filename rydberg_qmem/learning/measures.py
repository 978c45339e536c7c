"""How well a readout does: errors of predictions, accuracy with its interval, and memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.checked import whole_number
from rydberg_qmem.errors import InputError, short
from rydberg_qmem.learning.readout import fit_ridge, window
from rydberg_qmem.learning.tasks import Series, finite_array

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """How many predictions were right, as a number of tests; accuracies of separate test sets add.

    Attributes:
        correct: Number of right predictions, from 0 to `total`.
        total: Number of predictions, one at least.

    Raises InputError unless 0 <= correct <= total and total >= 1.

    >>> both = Accuracy(45, 50) + Accuracy(47, 50)
    >>> both.value, [round(bound, 3) for bound in both.interval()]
    (0.92, [0.85, 0.959])
    """

    correct: int
    total: int

    def __post_init__(self) -> None:
        if whole_number("correct", self.correct, minimum=0) > whole_number("total", self.total):
            raise InputError(f"correct must be at most the total of {self.total}, but is {self.correct}")

    @property
    def value(self) -> float:
        """The share of right predictions."""
        return self.correct / self.total

    @arguments.taking(confidence=arguments.real())
    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return Wilson's interval: every p with |value - p| <= z sqrt(p (1 - p) / total).

        It holds for independent test cases; the rounds of one series under memory are not quite that.
        """
        if not 0 < confidence < 1:
            raise InputError(f"confidence must lie between 0 and 1, but is {short(confidence)}")
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        shrink = 1 / (1 + z**2 / self.total)
        centre = shrink * (self.value + z**2 / (2 * self.total))
        spread = self.value * (1 - self.value) / self.total + (z / (2 * self.total)) ** 2
        half = shrink * z * math.sqrt(spread)
        return max(0.0, min(self.value, centre - half)), min(1.0, max(self.value, centre + half))

    def __add__(self, other: Accuracy) -> Accuracy:
        return Accuracy(self.correct + other.correct, self.total + other.total)


@dataclass(frozen=True)
class MemoryCapacity:
    """How much of past inputs can be read out, delay by delay; `total` is the sum.

    Attributes:
        delays: The delays, in rounds.
        each: For each of them the squared correlation of input and readout, from 0 to 1.

    >>> MemoryCapacity(delays=(0, 1), each=(1.0, 0.25)).total
    1.25
    """

    delays: tuple[int, ...]
    each: tuple[float, ...]

    @property
    def total(self) -> float:
        """The sum over delays."""
        return sum(self.each)


@arguments.taking(targets=arguments.numbers(), predictions=arguments.numbers())
def mse(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return the mean squared error over rounds and outputs.

    Args:
        targets: What was wanted, (round,) or (round, output), in any unit; the error is in its square.
        predictions: What was found, of the same shape.

    Raises InputError for shapes that differ, or numbers that are not finite.

    >>> mse([0.0, 1.0], [0.0, 3.0])
    2.0
    """
    return float(np.mean(_errors(finite_array("targets", targets), predictions) ** 2))


@arguments.taking(targets=arguments.numbers(), predictions=arguments.numbers())
def nmse(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Return the summed squared error over that of always predicting the targets' mean: 0 is perfect, 1 is no use.

    The mean is that of the given rounds, for each output by itself.

    Args:
        targets: What was wanted, (round,) or (round, output), in any unit.
        predictions: What was found, of the same shape and unit.

    Raises InputError for constant targets, shapes that differ, or numbers that are not finite.

    >>> nmse([0.0, 2.0], [0.0, 1.0])
    0.5
    """
    expected = finite_array("targets", targets)
    if not np.ptp(expected, axis=0).any():
        raise InputError("targets must vary, but are constant")
    return float(np.sum(_errors(expected, predictions) ** 2) / np.sum((expected - expected.mean(axis=0)) ** 2))


@arguments.taking(targets=arguments.labels, predictions=arguments.labels)
def accuracy(targets: ArrayLike, predictions: ArrayLike) -> Accuracy:
    """Return how many predicted labels are the target's, as an `Accuracy` with its Wilson interval.

    Labels are compared as they are: turn a readout's real numbers into labels first.

    Args:
        targets: The right labels, (case,), numbers or texts.
        predictions: The predicted labels, (case,).

    Raises InputError for shapes that differ, or no cases.

    >>> accuracy([0, 1, 1, 0], np.array([0.2, 0.9, 0.4, 0.1]) > 0.5)
    Accuracy(correct=3, total=4)
    """
    expected, found = np.asarray(targets), np.asarray(predictions)
    if expected.ndim != 1 or found.shape != expected.shape or not expected.size:
        shapes = f"{expected.shape} and {found.shape}"
        raise InputError(f"targets and predictions must be of one shape (case,), but are of {shapes}")
    return Accuracy(int(np.count_nonzero(expected == found)), len(expected))


@arguments.taking(
    states=arguments.numbers(),
    inputs=arguments.numbers(),
    washout=arguments.whole(0),
    train=arguments.optional(arguments.whole(1)),
    regularisation=arguments.real(0),
    delays=arguments.ordered,
)
def memory_capacity(
    states: ArrayLike,
    inputs: ArrayLike,
    *,
    delays: Iterable[int],
    washout: int,
    train: int | None = None,
    regularisation: float = 1e-6,
) -> MemoryCapacity:
    """Measure which past inputs a linear readout can recall from the states of a device.

    After the wash-out, a ridge readout per delay is fitted; each capacity is the squared correlation between input and
    prediction in the T rounds that remain. For independent inputs the capacity over all delays is at most the number of
    features (H. Jaeger, GMD Report 152, 2001). A delay without any memory adds about 1 / T.

    Args:
        states: Features of the device, (round, feature).
        inputs: What drove it, (round,), best independent and uniform.
        delays: The delays that are tried, in rounds.
        washout: Rounds at the start that are left out, at least the longest delay.
        train: Rounds on which readouts are fitted; half of those that remain if not given.
        regularisation: Weight of the ridge, as in `fit_ridge`.

    Raises InputError if `washout` is shorter than the longest delay, or rounds do not suffice.

    >>> inputs = np.random.default_rng(0).uniform(size=400)
    >>> capacity = memory_capacity(window(inputs, 2), inputs, delays=range(4), washout=10)
    >>> [round(value, 1) for value in capacity.each]
    [1.0, 1.0, 0.0, 0.0]
    """
    chosen = _delays(delays, whole_number("washout", washout, minimum=0))
    drive = finite_array("inputs", inputs)
    if drive.ndim != 1:
        raise InputError(f"inputs must be of shape (round,), but are of {drive.shape}")
    series = Series(finite_array("states", states), window(drive, max(chosen) + 1)[:, chosen], "memory capacity")
    half = max(1, (len(series) - washout) // 2)
    split = series.split(half if train is None else train, washout)
    readout = fit_ridge(series.inputs[split.train], series.targets[split.train], regularisation=regularisation)
    expected, found = series.targets[split.test], readout.predict(series.inputs[split.test])
    return MemoryCapacity(chosen, tuple(_squared_correlations(expected, found).tolist()))


def _errors(targets: Floats, predictions: ArrayLike) -> Floats:
    found = finite_array("predictions", predictions)
    if found.shape != targets.shape:
        raise InputError(f"predictions must have the targets' shape {targets.shape}, but have {found.shape}")
    return found - targets


def _delays(delays: Iterable[int], washout: int) -> tuple[int, ...]:
    chosen = tuple(whole_number("delays", delay, minimum=0) for delay in delays)
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"delays must be at least one and all different, but are {short(chosen)}")
    if max(chosen) > washout:
        raise InputError(f"washout must be at least the longest delay {max(chosen)}, but is {washout}")
    return chosen


def _squared_correlations(x: Floats, y: Floats) -> Floats:
    """Return the squared correlation of each pair of columns, 0 where a column is constant."""
    vary = (np.ptp(x, axis=0) > 0) & (np.ptp(y, axis=0) > 0)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.sum(x**2, axis=0) * np.sum(y**2, axis=0)
    return np.where(vary, np.sum(x * y, axis=0) ** 2 / np.where(vary, scale, 1), 0)
