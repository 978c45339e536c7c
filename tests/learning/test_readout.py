"""The ridge readout against its defining equations, and the control features against their definitions."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import Readout, fit_ridge, polynomial, window

Floats = NDArray[np.float64]


def random_data(rounds: int, features: int, outputs: int, seed: int = 0) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(seed)
    return generator.normal(3, 1, (rounds, features)), generator.normal(-2, 1, (rounds, outputs))


@given(
    rounds=st.integers(1, 12),
    features=st.integers(1, 8),
    outputs=st.integers(1, 3),
    regularisation=st.sampled_from([1e-6, 1e-2, 1.0, 100.0]),
    seed=st.integers(0, 1000),
)
def test_the_ridge_readout_is_where_its_loss_is_stationary(
    rounds: int, features: int, outputs: int, regularisation: float, seed: int
) -> None:
    x, y = random_data(rounds, features, outputs, seed)
    readout = fit_ridge(x, y, regularisation=regularisation)
    rest = y - readout.predict(x)

    assert np.allclose(rest.sum(axis=0), 0, atol=1e-9)  # no pull on the free bias
    assert np.allclose(x.T @ rest, regularisation * readout.weights, atol=1e-6)


def test_a_linear_law_is_recovered() -> None:
    x, _ = random_data(30, 3, 1)
    readout = fit_ridge(x, x @ [1.0, -2.0, 0.5] + 7, regularisation=0.0)

    assert readout.weights == pytest.approx([1, -2, 0.5], abs=1e-12)
    assert float(readout.bias) == pytest.approx(7, abs=1e-12)


def test_strong_regularisation_leaves_only_the_mean() -> None:
    x, y = random_data(30, 3, 2)
    readout = fit_ridge(x, y, regularisation=1e12)

    assert readout.predict(x) == pytest.approx(np.tile(y.mean(axis=0), (30, 1)), abs=1e-9)


def test_the_bias_is_free_of_the_regularisation() -> None:
    x, y = random_data(30, 3, 1)
    near, far = fit_ridge(x, y, regularisation=1.0), fit_ridge(x, y + 1000, regularisation=1.0)

    assert far.weights == pytest.approx(near.weights, abs=1e-9)
    assert far.bias == pytest.approx(near.bias + 1000, abs=1e-9)


def test_without_regularisation_equal_features_share_the_weight() -> None:
    x = np.arange(5.0)
    readout = fit_ridge(np.stack([x, x, np.ones(5)], axis=1), 4 * x, regularisation=0.0)

    assert readout.weights == pytest.approx([2, 2, 0], abs=1e-12)


def test_constant_features_predict_the_mean() -> None:
    readout = fit_ridge(np.full((4, 2), 0.1), [0.0, 1.0, 2.0, 5.0])

    assert readout.predict([[9.0, 9.0]]) == pytest.approx([2.0], abs=1e-12)


def test_shapes_of_the_predictions_follow_the_targets() -> None:
    x, y = random_data(10, 3, 2)

    assert fit_ridge(x, y[:, 0]).predict(x[:4]).shape == (4,)
    assert fit_ridge(x, y).predict(x[:4]).shape == (4, 2)
    assert fit_ridge(x[:, 0], y[:, 0]).predict(x[:4, 0]).shape == (4,)
    assert np.allclose(fit_ridge(x, y).predict(x)[:, 0], fit_ridge(x, y[:, 0]).predict(x), atol=1e-12)


def test_a_readout_is_a_value() -> None:
    x, y = random_data(10, 3, 2)
    readout = fit_ridge(x, y)

    assert readout == fit_ridge(x, y)
    assert hash(readout) == hash(fit_ridge(x, y))
    assert readout != fit_ridge(x, 2 * y)
    assert readout != Readout(readout.weights, readout.bias + 1)
    with pytest.raises(ValueError, match="read-only"):
        readout.weights[0] = 0


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: fit_ridge([1.0, 2], [1.0]), "features and targets must have the same number of rounds, but have 2 an"),
        (lambda: fit_ridge([1.0, np.nan], [1.0, 2]), "features must be finite, but holds nan in round 1"),
        (lambda: fit_ridge([1.0, 2], [1.0, np.inf]), "targets must be finite, but holds inf in round 1"),
        (lambda: fit_ridge([1.0], [1.0], regularisation=-1.0), r"regularisation must be a finite .*, but is -1\.0"),
        (lambda: fit_ridge([1.0], [1.0], regularisation=np.nan), "regularisation must be a finite .*, but is nan"),
        (lambda: fit_ridge([1.0, 2], [1.0, 2]).predict([[1.0, 2]]), "features must have 1 columns, but have 2"),
        (lambda: window([1.0, 2], 0), "length must be a whole number of at least 1, but is 0"),
        (lambda: polynomial([1.0, 2], 0), "degree must be a whole number of at least 1, but is 0"),
    ],
)
def test_bad_arguments_are_named(attempt: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        attempt()


@given(st.integers(1, 12), st.integers(1, 3), st.integers(1, 15))
def test_a_window_holds_the_last_rounds_newest_first(rounds: int, channels: int, length: int) -> None:
    inputs, _ = random_data(rounds, channels, 1)
    seen = window(inputs, length).reshape(rounds, length, channels)

    for t in range(rounds):
        for delay in range(length):
            assert np.array_equal(seen[t, delay], inputs[t - delay] if delay <= t else np.zeros(channels))


@given(st.integers(1, 4), st.integers(1, 4))
def test_polynomial_features_span_the_power_of_a_sum(features: int, degree: int) -> None:
    x, direction = random_data(3, features, 1)[0], np.random.default_rng(1).normal(size=features)
    columns = polynomial(x, degree)
    lower = comb(features + degree - 1, degree - 1) - 1
    scaled = polynomial(2 * x, degree)
    power = (x @ direction) ** degree
    readout = fit_ridge(
        polynomial(random_data(90, features, 1, 2)[0], degree),
        (random_data(90, features, 1, 2)[0] @ direction) ** degree,
        regularisation=0.0,
    )

    assert columns.shape == (3, comb(features + degree, degree) - 1)
    assert scaled[:, lower:] == pytest.approx(2**degree * columns[:, lower:], rel=1e-12)
    assert readout.predict(columns) == pytest.approx(power, rel=1e-5, abs=1e-6)


def test_polynomials_of_one_input_are_its_powers() -> None:
    assert polynomial([2.0, 3.0], 3).tolist() == [[2, 4, 8], [3, 9, 27]]
