from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from rydberg_qmem.engine.deduplicate import compact, distinct, distinct_states

RNG = np.random.default_rng(5)


@given(arrays(np.int64, st.integers(1, 40), elements=st.integers(-2, 2)))
def test_rows_share_a_number_exactly_where_all_their_columns_agree(codes: NDArray[np.int64]) -> None:
    columns = [codes, np.stack([codes % 2, codes // 2], axis=1) * 0.5]

    first, which = distinct(columns)

    np.testing.assert_array_equal(codes[first][which], codes)
    assert len(first) == len(np.unique(codes))


def test_minus_zero_is_zero_and_nan_is_nan() -> None:
    first, which = distinct([np.array([0.0, -0.0, np.nan, np.nan])])

    assert which.tolist() == [0, 0, 1, 1]
    assert len(first) == 2


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(51, 5000))
def test_compact_numbers_the_values_in_use_in_rising_order(codes: list[int], size: int) -> None:
    used, which = compact(np.array(codes), size)

    assert used.tolist() == sorted(set(codes))
    assert used[which].tolist() == codes


def test_states_that_differ_by_a_global_phase_are_one() -> None:
    states = RNG.normal(size=(3, 8)) + 1j * RNG.normal(size=(3, 8))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    twice = np.concatenate([states, states * np.exp(1j * np.array([0.3, 2.0, -1.0]))[:, None]])

    found, which = distinct_states(twice)

    assert len(found) == 3
    assert which[:3].tolist() == which[3:].tolist()


def test_states_that_differ_by_a_relative_phase_or_slightly_in_length_stay_apart() -> None:
    plus, minus = np.array([1, 1, 0, 0]) / np.sqrt(2), np.array([1, -1, 0, 0]) / np.sqrt(2)
    tilted = plus + np.array([0, 0, 1e-9, 0])

    found, _ = distinct_states(np.array([plus, minus, tilted], dtype=complex))

    assert len(found) == 3


def test_a_few_long_rows_are_told_apart_by_their_last_number() -> None:
    rows = np.zeros((5, 2000))
    rows[[1, 3], -1] = 1.0
    rows[4, -1] = -0.0  # one zero, not two

    first, which = distinct([rows])

    assert which.tolist() == [0, 1, 0, 1, 0]
    assert first.tolist() == [0, 1]
