"""Series against their recurrences, a differential equation solver, and the laws of their targets."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from rydberg_qmem import learning
from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import Series, mackey_glass, narma, narma_memristor, parity, short_term_memory

Floats = NDArray[np.float64]

GENERATORS: dict[str, Callable[[int], Series]] = {
    "narma_memristor": lambda seed: narma_memristor(50, seed=seed),
    "narma_10": lambda seed: narma(10, 50, seed=seed),
    "mackey_glass_17": lambda seed: mackey_glass(50, seed=seed),
    "short_term_memory": lambda seed: short_term_memory(50, [1, 3], seed=seed),
    "parity_3": lambda seed: parity(50, 3, seed=seed),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_series_depends_on_its_seed_alone(name: str) -> None:
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    series, again, other = (GENERATORS[name](seed) for seed in (5, 5, 6))

    assert series.name == name
    assert len(series) == 50
    assert series == again
    assert hash(series) == hash(again)
    assert series != other


@pytest.mark.parametrize("name", sorted(set(GENERATORS) - {"mackey_glass_17"}))
def test_a_longer_series_begins_with_the_shorter(name: str) -> None:
    make: dict[str, Callable[[int], Series]] = {
        "narma_memristor": lambda length: narma_memristor(length, seed=2),
        "narma_10": lambda length: narma(10, length, seed=2),
        "short_term_memory": lambda length: short_term_memory(length, [4], seed=2),
        "parity_3": lambda length: parity(length, 3, seed=2),
    }
    short, long = make[name](30), make[name](60)

    assert np.array_equal(long.inputs[:30], short.inputs)
    assert np.array_equal(long.targets[:30], short.targets)


def test_the_memristor_narma_is_its_recurrence_and_aims_one_round_ahead() -> None:
    series = narma_memristor(300, seed=3)
    x, y = series.inputs, np.concatenate([[0.0, 0.0], series.targets])  # y_{-1}, y_0, y_1, ...

    assert 0 <= x.min() < 0.05
    assert 0.45 < x.max() < 0.5
    assert series.targets == pytest.approx(0.4 * y[1:-1] + 0.4 * y[1:-1] * y[:-2] + 0.6 * x**3 + 0.1, abs=1e-15)


@pytest.mark.parametrize("order", [1, 2, 10])
def test_narma_is_its_recurrence_from_the_first_round(order: int) -> None:
    series = narma(order, 300, seed=4)
    u = np.concatenate([np.zeros(order), series.inputs])
    y = np.concatenate([np.zeros(order), series.targets])

    for t in range(300):
        now = order - 1 + t  # where y_t stands; u_t stands one further
        expected = 0.3 * y[now] + 0.05 * y[now] * y[t : now + 1].sum() + 1.5 * u[now + 2 - order] * u[now + 1] + 0.1
        assert y[now + 1] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("order", [15, 20, 30])
def test_narma_that_runs_away_is_refused_with_advice(order: int) -> None:
    with pytest.raises(InputError, match=rf"order {order} with seed 0 runs away at round \d+; take another seed"):
        narma(order, 3000, seed=0)


def test_mackey_glass_solves_its_equation() -> None:
    series = mackey_glass(120, seed=1)
    past = CubicSpline(np.arange(120), series.inputs)

    def slope(t: float, x: Floats) -> Floats:
        late = past(t - 17)
        return np.asarray(0.2 * late / (1 + late**10) - 0.1 * x)

    later = solve_ivp(slope, (40, 100), [series.inputs[40]], t_eval=np.arange(40, 101), rtol=1e-9, atol=1e-9)

    # The step of 0.1 and the spline through one value per unit of time each err by about 1e-5.
    assert later.y[0] == pytest.approx(series.inputs[40:101], abs=5e-5)
    assert np.std(series.inputs) > 0.1


def test_mackey_glass_settles_at_1_below_the_critical_delay_and_swings_above() -> None:
    # Derived: the slope of the production at x = 1 is -0.4, so z' = -0.4 z(t - tau) - 0.1 z turns unstable at
    # tau = arccos(-0.25) / sqrt(0.15) = 4.71.
    assert mackey_glass(50, tau=3, seed=2).inputs == pytest.approx(1, abs=1e-6)
    assert np.ptp(mackey_glass(50, tau=6, seed=2).inputs) > 0.3


def test_mackey_glass_at_tau_17_keeps_to_its_range() -> None:
    values = mackey_glass(1500, seed=3).inputs

    assert 0.4 < values.min() < 0.5
    assert 1.25 < values.max() < 1.33


def test_the_horizon_of_mackey_glass_moves_the_target_ahead() -> None:
    near, far = mackey_glass(60, seed=1), mackey_glass(60, seed=1, horizon=6)

    assert np.array_equal(near.inputs, far.inputs)
    assert np.array_equal(far.targets[:-5], near.targets[5:])
    assert np.array_equal(far.targets[:-6], far.inputs[6:])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(1, 30))
def test_short_term_memory_recalls_each_delay(delays: list[int], length: int) -> None:
    series = short_term_memory(length, delays, seed=0)

    assert series.targets.shape == (length, len(delays))
    for column, delay in zip(series.targets.T, delays, strict=True):
        assert column.tolist() == ([0.0] * delay + series.inputs.tolist())[:length]


@given(st.integers(1, 6), st.integers(1, 40))
def test_parity_counts_the_last_bits(order: int, length: int) -> None:
    series = parity(length, order, seed=1)
    bits = [0] * (order - 1) + series.inputs.astype(int).tolist()

    assert set(bits) <= {0, 1}
    assert series.targets.tolist() == [sum(bits[t : t + order]) % 2 for t in range(length)]


def test_a_split_is_washout_then_train_then_test() -> None:
    series = Series(np.arange(10), np.arange(10) / 2, "line")

    assert [series.inputs[part].tolist() for part in series.split(train=3, washout=2, test=4)] == [
        [0, 1],
        [2, 3, 4],
        [5, 6, 7, 8],
    ]
    assert series.split(train=3, washout=2).test == slice(5, 10)
    assert series.split(train=9).washout == slice(0, 0)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"train": 8, "washout": 2, "test": 1}, "must fit into the 10 rounds of the series, but needs 11"),
        ({"train": 10}, "but needs 11"),
        ({"train": 0}, "train must be a whole number of at least 1, but is 0"),
        ({"train": 1, "washout": -1}, "washout must be a whole number of at least 0, but is -1"),
        ({"train": 1, "test": 2.5}, r"test must be a whole number of at least 1, but is 2\.5"),
    ],
)
def test_a_split_that_does_not_fit_is_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Series(np.zeros(10), np.zeros(10), "zeros").split(**sizes)


def test_a_series_is_a_value_of_its_own() -> None:
    inputs = np.arange(3.0)
    series = Series(inputs, inputs, "line")
    inputs[0] = 9

    assert series.inputs.tolist() == [0, 1, 2]
    assert pickle.loads(pickle.dumps(series)) == series
    assert replace(series, name="other") != series
    assert series != "line"
    with pytest.raises(ValueError, match="read-only"):
        series.inputs[0] = 9
    with pytest.raises(FrozenInstanceError):
        series.name = "other"  # type: ignore[misc]  # frozen is the test


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ([0, 1], [0, 1, 2], "inputs and targets must have the same number of rounds, but have 2 and 3"),
        ([0, np.nan], [0, 1], "inputs must be finite, but holds nan in round 1"),
        ([0, 1], [[0, 1], [-np.inf, 1]], "targets must be finite, but holds -inf in round 1"),
        ([], [], r"inputs must be of shape \(round,\) or \(round, column\), none empty, but is of \(0,\)"),
        (np.zeros((2, 2, 2)), [0, 1], r"but is of \(2, 2, 2\)"),
        ([[0], [0, 1]], [0, 1], r"inputs must be an array of numbers, but is \[\[0\], \[0, 1\]\]"),
        (["0", "1"], [0, 1], "inputs must be an array of numbers"),
        ([0, 1j], [0, 1], "inputs must be an array of numbers"),
    ],
)
def test_a_series_refuses_what_is_not_one(inputs: Any, targets: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Series(inputs, targets, "bad")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: narma_memristor(0, seed=0), "length must be a whole number of at least 1, but is 0"),
        (lambda: narma_memristor(5, seed=-1), "seed must be a whole number of at least 0, but is -1"),
        (lambda: narma(0, 5, seed=0), "order must be"),
        (lambda: mackey_glass(5, tau=0, seed=0), "tau must be"),
        (lambda: mackey_glass(5, seed=0, horizon=0), "horizon must be"),
        (lambda: short_term_memory(5, [], seed=0), "delays must name at least one delay, but is empty"),
        (lambda: short_term_memory(5, [-1], seed=0), "delays must be a whole number of at least 0, but is -1"),
        (lambda: parity(5, True, seed=0), "order must be a whole number of at least 1, but is True"),
    ],
)
def test_a_task_names_the_argument_that_it_refuses(make: Callable[[], Series], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_every_public_name_of_learning_is_there_and_told_about() -> None:
    assert len(set(learning.__all__)) == len(learning.__all__)
    assert all(getattr(learning, name).__doc__ for name in learning.__all__)
