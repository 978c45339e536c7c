"""Benchmark tasks for devices with memory: a series of inputs, and what is to be read out in each round.

The target of round t may depend on the inputs up to and including round t, never on later ones. What lies before
the first round counts as zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.checked import whole_number
from rydberg_qmem.errors import InputError, short

Floats = NDArray[np.float64]

_RUNAWAY = 2.0  # NARMA of orders 1 to 10 that stays bounded stays below 1.3 (400 series of 3000 rounds each)
_STEPS = 10  # integration steps of the Mackey-Glass equation per unit of time
_SETTLING = 500  # units of time before its first round


class Split(NamedTuple):
    """The consecutive slices of a series.

    Attributes:
        washout: Rounds to leave out.
        train: Rounds to fit on.
        test: Rounds to test on.
    """

    washout: slice
    train: slice
    test: slice


@dataclass(frozen=True, eq=False)
class Series:
    """Inputs and targets of a task, one row per round, as read-only copies.

    Series are equal if name and all values are.

    Attributes:
        inputs: (round,) or (round, channel), finite.
        targets: (round,) or (round, channel), finite, with as many rounds.
        name: Name of the task.

    Raises InputError for anything else.

    >>> series = Series(inputs=[0.1, 0.2, 0.3, 0.4], targets=[0.0, 0.1, 0.2, 0.3], name="the last input")
    >>> split = series.split(train=2, washout=1)
    >>> series.inputs[split.train].tolist(), series.targets[split.test].tolist()
    ([0.2, 0.3], [0.3])
    """

    inputs: Floats
    targets: Floats
    name: str

    def __init__(self, inputs: ArrayLike, targets: ArrayLike, name: str) -> None:
        for field, values in (
            ("inputs", finite_array("inputs", inputs)),
            ("targets", finite_array("targets", targets)),
        ):
            values.setflags(write=False)
            object.__setattr__(self, field, values)
        object.__setattr__(self, "name", arguments.words("name", name))
        same_rounds(inputs=self.inputs, targets=self.targets)

    def __len__(self) -> int:
        return len(self.inputs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Series):
            return NotImplemented
        pairs = ((self.inputs, other.inputs), (self.targets, other.targets))
        return self.name == other.name and all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    def __hash__(self) -> int:
        return hash((self.name, self.inputs.shape, self.targets.shape))

    def split(self, train: int, washout: int = 0, test: int | None = None) -> Split:
        """Return the slices of `washout` rounds, then `train`, then `test` (default: all that remain).

        Slices, not series, because the features of a device with memory come from one run over all rounds. Raises
        InputError if the series is too short.
        """
        start = whole_number("washout", washout, minimum=0)
        middle = start + whole_number("train", train)
        end = middle + whole_number("test", max(1, len(self) - middle) if test is None else test)
        if end > len(self):
            raise InputError(f"split must fit into the {len(self)} rounds of the series, but needs {end}")
        return Split(slice(0, start), slice(start, middle), slice(middle, end))


def narma_memristor(length: int, *, seed: int) -> Series:
    """Return the NARMA task of the memristor literature: y_{t+1} = 0.4 y_t + 0.4 y_t y_{t-1} + 0.6 x_t^3 + 0.1.

    Inputs x_t are uniform in [0, 0.5); the target of round t is y_{t+1}, with y_0 = y_{-1} = 0.

    Args:
        length: Number of rounds.
        seed: Starts the random inputs.

    Raises InputError for a length below 1.

    >>> series = narma_memristor(3, seed=0)
    >>> bool(np.isclose(series.targets[0], 0.1 + 0.6 * series.inputs[0] ** 3))
    True
    """
    inputs = _generator(seed).uniform(0, 0.5, whole_number("length", length))
    outputs = [0.0, 0.0]
    for x in inputs.tolist():
        outputs.append(0.4 * outputs[-1] + 0.4 * outputs[-1] * outputs[-2] + 0.6 * x**3 + 0.1)
    return Series(inputs, outputs[2:], "narma_memristor")


def narma(order: int, length: int, *, seed: int) -> Series:
    """Return NARMA-n: y_{t+1} = 0.3 y_t + 0.05 y_t (y_t + ... + y_{t-n+1}) + 1.5 u_{t-n+1} u_t + 0.1.

    Inputs u_t are uniform in [0, 0.5); the target of round t is y_{t+1}. The recurrence is not bounded: order 10 runs
    away now and then, orders from 12 on nearly always.

    Args:
        order: n.
        length: Number of rounds.
        seed: Starts the random inputs.

    Raises InputError where the series runs away, as such a series is no task, and for an order or length below 1.

    >>> bool(narma(10, 200, seed=0).targets.max() < 1)
    True
    """
    order = whole_number("order", order)
    inputs = _generator(seed).uniform(0, 0.5, whole_number("length", length)).tolist()
    delayed = [0.0] * (order - 1) + inputs
    outputs = [0.0] * order
    for u, first in zip(inputs, delayed, strict=False):
        y = outputs[-1]
        outputs.append(0.3 * y + 0.05 * y * sum(outputs[-order:]) + 1.5 * first * u + 0.1)
        if outputs[-1] > _RUNAWAY:
            raise InputError(
                f"narma must stay bounded, but order {order} with seed {seed} runs away at round "
                f"{len(outputs) - order - 1}; take another seed, a shorter series or a lower order"
            )
    return Series(inputs, outputs[order:], f"narma_{order}")


def mackey_glass(length: int, tau: int = 17, *, seed: int, horizon: int = 1) -> Series:
    """Return the Mackey-Glass series x' = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x, one round per unit of time.

    The first 500 units of time are left out. x stays within about 0.4 and 1.33 for tau = 17, where it is chaotic.

    Args:
        length: Number of rounds.
        tau: The delay, in units of time.
        seed: Draws the constant history, from [0.5, 1.3).
        horizon: How many rounds ahead the target is.

    Raises InputError for numbers that are not whole, or below 1.

    >>> series = mackey_glass(100, seed=0)
    >>> bool((series.inputs[1:] == series.targets[:-1]).all())
    True
    """
    length, tau, horizon = whole_number("length", length), whole_number("tau", tau), whole_number("horizon", horizon)
    start = float(_generator(seed).uniform(0.5, 1.3))
    values = _mackey_glass(start, tau, _SETTLING + length + horizon - 1)[_SETTLING:]
    return Series(values[:length], values[horizon:], f"mackey_glass_{tau}")


@arguments.taking(delays=arguments.ordered)
def short_term_memory(length: int, delays: Iterable[int], *, seed: int) -> Series:
    """Return the task to recall the inputs of some rounds ago: targets (round, delay).

    Inputs are uniform in [0, 1) and zero before the first round, so leave out at least max(delays) rounds.

    Args:
        length: Number of rounds.
        delays: How many rounds ago, each 0 or more.
        seed: Starts the random inputs.

    Raises InputError for no delays, or one below 0.

    >>> series = short_term_memory(4, [0, 2], seed=0)
    >>> bool((series.targets[2:, 1] == series.inputs[:2]).all()), series.targets[:2, 1].tolist()
    (True, [0.0, 0.0])
    """
    inputs = _generator(seed).uniform(0, 1, whole_number("length", length))
    targets = [_delayed(inputs, whole_number("delays", delay, minimum=0)) for delay in delays]
    if not targets:
        raise InputError("delays must name at least one delay, but is empty")
    return Series(inputs, np.stack(targets, axis=1), "short_term_memory")


def parity(length: int, order: int, *, seed: int) -> Series:
    """Return the parity task: inputs are random bits, the target is 1 if the last `order` of them sum to an odd number.

    For order >= 2 the target is uncorrelated with every single bit: a linear readout of bits explains none of it.

    Args:
        length: Number of rounds.
        order: How many bits, the present one among them.
        seed: Starts the random bits.

    Raises InputError for an order or length below 1.

    >>> series = parity(6, 2, seed=3)
    >>> series.inputs.astype(int).tolist(), series.targets.astype(int).tolist()
    ([1, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 1])
    """
    bits = _generator(seed).integers(0, 2, whole_number("length", length)).astype(float)
    sums = np.sum([_delayed(bits, delay) for delay in range(whole_number("order", order))], axis=0)
    return Series(bits, sums % 2, f"parity_{order}")


def finite_array(name: str, values: ArrayLike) -> Floats:
    """Return `values` as a new float array (round,) or (round, column); raises InputError if that or a number fails.

    >>> finite_array("inputs", [1, 2]).tolist()
    [1.0, 2.0]
    """
    if np.ma.is_masked(values):
        raise InputError(f"{name} must be an array of numbers, none of them masked, but is {short(values)}")
    try:
        array = np.array(values).astype(float, casting="same_kind")
    except (TypeError, ValueError):  # text, objects, complex numbers, ragged rows
        raise InputError(f"{name} must be an array of numbers, but is {short(values)}") from None
    if array.ndim not in (1, 2) or not array.size:
        raise InputError(f"{name} must be of shape (round,) or (round, column), none empty, but is of {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise InputError(f"{name} must be finite, but holds {array[tuple(bad[0])]} in round {bad[0][0]}")
    return array


def same_rounds(**arrays: Floats) -> None:
    """Raise InputError, naming the arrays, unless all have the same number of rounds.

    >>> same_rounds(inputs=np.zeros(3), targets=np.zeros((3, 2)))
    """
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = " and ".join(str(len(array)) for array in arrays.values())
        raise InputError(f"{' and '.join(arrays)} must have the same number of rounds, but have {lengths}")


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(whole_number("seed", seed, minimum=0))


def _delayed(values: Floats, delay: int) -> Floats:
    return np.concatenate([np.zeros(delay), values])[: len(values)]


def _mackey_glass(start: float, tau: int, rounds: int) -> list[float]:
    """Return x at times 0, 1, ..., rounds, for x = `start` up to time 0.

    The equation is linear in x(t) with a known source, the delayed production: each step takes the decay exactly and
    the source by Simpson's rule, with the source's midpoint from a cubic through four known values.
    """
    step = 1 / _STEPS
    decay, half = math.exp(-0.1 * step), math.exp(-0.05 * step)
    x = [start] * (_STEPS * tau + 2)
    for now in range(rounds * _STEPS):  # x[now + 1] lies tau before the present, x[-1]
        before, first, last, after = x[now : now + 4]
        middle = (9 * (first + last) - before - after) / 16
        source = decay * _production(first) + 4 * half * _production(middle) + _production(last)
        x.append(decay * x[-1] + step / 6 * source)
    return x[_STEPS * tau + 1 :: _STEPS]


def _production(x: float) -> float:
    return 0.2 * x / (1 + x**10)
