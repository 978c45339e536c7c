"""Kinds of state: what is done to a density matrix from both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from rydberg_qmem.emulators.layout import on_both_sides
from rydberg_qmem.engine.representation import Vectors


def random_unitary(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    return np.linalg.qr(rng.normal(size=(9, 9)) + 1j * rng.normal(size=(9, 9)))[0]


def mixed(levels: list[int]) -> Any:
    """Return a density matrix of nine states with only some of them occupied."""
    rng = np.random.default_rng(len(levels))
    half = np.zeros((9, 9), dtype=complex)
    half[levels] = rng.normal(size=(len(levels), 9)) + 1j * rng.normal(size=(len(levels), 9))
    return half @ half.conj().T / np.linalg.norm(half) ** 2


def test_a_density_matrix_is_evolved_from_both_sides_however_few_states_are_occupied() -> None:
    matrices = np.array([mixed([0, 1, 3, 4]), mixed([2]), mixed(list(range(9)))])
    turns = np.array([random_unitary(k) for k in range(3)])
    kept = matrices.copy()

    def evolve(columns: Any, which: Any) -> Any:
        return np.einsum("cij,cj->ci", turns[which], columns)

    found = on_both_sides(matrices.reshape(3, -1), evolve).reshape(3, 9, 9)

    np.testing.assert_allclose(found, turns @ matrices @ turns.conj().swapaxes(1, 2), atol=1e-14)
    np.testing.assert_array_equal(matrices, kept)


def test_columns_of_empty_levels_are_not_evolved() -> None:
    seen = []

    def count(columns: Any, which: Any) -> Any:
        seen.append(len(which))
        return columns

    on_both_sides(mixed([0, 1, 3, 4]).reshape(1, -1), count)

    assert seen == [4, 4]


def test_what_is_left_of_a_product_of_vectors_is_the_projector_on_one_of_them() -> None:
    one, other = np.array([[0.6, 0.8j]]), np.array([[1, 1j]]) / np.sqrt(2)

    left = Vectors().reduced(Vectors().tensor(one, other), (2, 2), (0,))

    np.testing.assert_allclose(left[0], np.outer(one[0], one[0].conj()), atol=1e-12)
