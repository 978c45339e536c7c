"""Errors, Wilson's interval and memory capacities against definitions and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import Accuracy, accuracy, memory_capacity, mse, nmse, window
from rydberg_qmem.learning.capacities import processing_capacity

Floats = NDArray[np.float64]

ROUNDS = 4000
DELAYS = range(12)


def uniform_inputs(seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(0, 1, ROUNDS)


def leaky_states(inputs: Floats, kept: float) -> Floats:
    state, states = 0.5, []
    for value in inputs:
        state = kept * state + (1 - kept) * value
        states.append(state)
    return np.array(states)


def test_errors_of_a_constant_offset() -> None:
    targets = np.array([[0.0, 10.0], [2.0, 30.0]])

    assert mse(targets, targets) == nmse(targets, targets) == 0
    assert mse(targets, targets + 3) == 9
    assert nmse(targets, targets + 3) == pytest.approx(36 / 202)


def test_nmse_is_one_for_the_mean_and_knows_no_units() -> None:
    targets, predictions = uniform_inputs(1).reshape(-1, 2), uniform_inputs(2).reshape(-1, 2)

    assert nmse(targets, np.tile(targets.mean(axis=0), (ROUNDS // 2, 1))) == pytest.approx(1, abs=1e-12)
    assert nmse(5 * targets - 1, 5 * predictions - 1) == pytest.approx(nmse(targets, predictions), rel=1e-12)


def test_wilson_interval_of_a_known_case() -> None:
    # The textbook value for 8 of 10 at 95 %.
    assert Accuracy(8, 10).interval() == pytest.approx((0.490162, 0.943318), abs=1e-6)


@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([(0.6827, 1.0000), (0.95, 1.959964), (0.99, 2.575829)]))
def test_the_bounds_of_wilsons_interval_lie_z_deviations_away(
    total: int, share: float, confidence_and_z: tuple[float, float]
) -> None:
    measured, (confidence, z) = Accuracy(round(share * total), total), confidence_and_z
    low, high = measured.interval(confidence)

    assert 0 <= low <= measured.value <= high <= 1
    for bound in (low, high):
        deviation = math.sqrt(bound * (1 - bound) / total)
        assert abs(measured.value - bound) == pytest.approx(z * deviation, rel=1e-4, abs=1e-9)


def test_wilson_intervals_cover_the_truth_as_often_as_they_say() -> None:
    right = np.random.default_rng(0).binomial(100, 0.8, size=4000)
    bounds = np.array([Accuracy(int(count), 100).interval(0.95) for count in right])
    covered = np.mean((bounds[:, 0] <= 0.8) & (bounds[:, 1] >= 0.8))

    assert covered == pytest.approx(0.9405, abs=0.0187)  # the sum over the binomial law; 5 deviations of 4000 draws


def test_accuracy_counts_equal_labels_of_any_kind() -> None:
    assert accuracy(["a", "b", "c"], ["a", "c", "c"]) == Accuracy(2, 3)
    assert accuracy([True, False], [1, 1]) == Accuracy(1, 2)


def test_a_window_recalls_exactly_its_own_length() -> None:
    inputs = uniform_inputs()
    capacity = memory_capacity(window(inputs, 5), inputs, delays=DELAYS, washout=20)

    assert capacity.delays == tuple(DELAYS)
    assert capacity.each[:5] == pytest.approx([1] * 5, abs=1e-6)
    assert max(capacity.each[5:]) < 25 / ((ROUNDS - 20) / 2)  # chi squared of one degree: 25 is 5 deviations
    assert capacity.total == sum(capacity.each)


@pytest.mark.parametrize("kept", [0.5, 0.75])
def test_a_leaky_integrator_has_its_closed_form_and_a_total_of_one(kept: float) -> None:
    # Derived: a state sum_d (1 - q) q^d u_{t-d} of independent inputs correlates with u_{t-d} as r^2 = (1 - q^2) q^2d.
    inputs = uniform_inputs(3)
    capacity = memory_capacity(leaky_states(inputs, kept), inputs, delays=DELAYS, washout=50)
    expected = (1 - kept**2) * kept ** (2 * np.arange(12))
    held_out = (ROUNDS - 50) / 2
    deviation = 2 * np.sqrt(expected) * (1 - expected) / math.sqrt(held_out) + 1 / held_out

    assert (np.abs(np.array(capacity.each) - expected) < 5 * deviation).all()
    assert capacity.total == pytest.approx(1, abs=0.1)


def test_states_of_another_series_hold_no_memory() -> None:
    capacity = memory_capacity(window(uniform_inputs(8), 5), uniform_inputs(9), delays=DELAYS, washout=20)

    # Each delay adds 1 / T by chance, with a deviation of sqrt(2) / T; T = 1990.
    assert capacity.total < (12 + 5 * math.sqrt(24)) / 1990


def test_capacity_knows_no_units_and_no_offset() -> None:
    inputs = uniform_inputs(4)
    states = np.stack([leaky_states(inputs, 0.5), leaky_states(inputs, 0.8)], axis=1)

    plain = memory_capacity(states, inputs, delays=[0, 2], washout=10, regularisation=0.0)
    scaled = memory_capacity(3 - 2 * states, 10 * inputs, delays=[0, 2], washout=10, regularisation=0.0)

    assert scaled.each == pytest.approx(plain.each, rel=1e-9)


def test_states_that_never_change_recall_nothing() -> None:
    capacity = memory_capacity(np.full(100, 0.25), uniform_inputs()[:100], delays=[0, 1], washout=1)

    assert capacity.each == (0, 0)


def test_only_the_rounds_held_out_are_counted() -> None:
    inputs = uniform_inputs(5)[:100]
    states = window(inputs, 2)
    states[60:] = 0.5  # broken after the training rounds

    assert memory_capacity(states, inputs, delays=[0, 1], washout=10, train=50).each == (0, 0)
    assert memory_capacity(states[:60], inputs[:60], delays=[0], washout=10, train=30).total > 0.999


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: mse([1.0, 2], [1.0]), r"predictions must have the targets' shape \(2,\), but have \(1,\)"),
        (lambda: mse([1.0, 2], [[1.0], [2.0]]), r"predictions must have the targets' shape \(2,\), but have \(2, 1\)"),
        (lambda: mse([1.0, 2], [1.0, np.nan]), "predictions must be finite, but holds nan in round 1"),
        (lambda: nmse([2.0, 2], [1.0, 2]), "targets must vary, but are constant"),
        (lambda: accuracy([1, 0], [1]), r"must be of one shape \(case,\), but are of \(2,\) and \(1,\)"),
        (lambda: accuracy([], []), r"must be of one shape \(case,\), but are of \(0,\) and \(0,\)"),
        (lambda: Accuracy(3, 2), "correct must be at most the total of 2, but is 3"),
        (lambda: Accuracy(0, 0), "total must be a whole number of at least 1, but is 0"),
        (lambda: Accuracy(1, 2).interval(1.0), r"confidence must lie between 0 and 1, but is 1\.0"),
        (lambda: capacity_of(delays=[3], washout=2), "washout must be at least the longest delay 3, but is 2"),
        (lambda: capacity_of(delays=[], washout=2), r"delays must be at least one and all different, but are \(\)"),
        (lambda: capacity_of(delays=[1, 1], washout=2), r"all different, but are \(1, 1\)"),
        (lambda: capacity_of(delays=[1], washout=9), "split must fit into the 10 rounds of the series, but needs 11"),
        (lambda: memory_capacity([1.0], [[1.0]], delays=[0], washout=0), r"inputs must be of shape \(round,\)"),
        (lambda: memory_capacity([1.0, 2], [1.0], delays=[0], washout=0), "same number of rounds, but have 2 and 1"),
    ],
)
def test_bad_arguments_are_named(attempt: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        attempt()


def capacity_of(**settings: Any) -> object:
    return memory_capacity(np.arange(10.0), np.arange(10.0), **settings)


def test_features_that_know_nothing_of_the_inputs_have_no_capacity() -> None:
    rng = np.random.default_rng(5)

    found = processing_capacity(rng.normal(size=(1000, 6)), rng.uniform(size=1000), degree=2, delays=5)

    assert found.by_degree == {1: 0.0, 2: 0.0}
    assert found.floor == pytest.approx(2 * (6 + 4 * np.sqrt(6)) / 950)


def test_capacities_are_of_legendre_polynomials_of_inputs_from_minus_one_to_one() -> None:
    u = np.random.default_rng(1).uniform(size=4000)
    second = (3 * (2 * u - 1) ** 2 - 1) / 2

    found = processing_capacity(second[:, None], u, degree=3, delays=1, washout=1).by_degree

    assert found[2] == pytest.approx(1, abs=0.01)
    assert found[1] < 0.01
    assert found[3] < 0.01
