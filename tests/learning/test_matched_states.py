"""Pure entangled and product states that no single atom tells apart, against the states that their columns make."""

import numpy as np
import pytest

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning.datasets import matched_states

COLUMNS, LABELS = matched_states(40, seed=3)
PAULIS = np.array([np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
CNOT = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])


def amplitudes(row: np.ndarray) -> np.ndarray:
    half, (w, *v) = row[0] / 2, row[1:5]
    turns = [w * PAULIS[0] - 1j * sum(q * p for q, p in zip(v, PAULIS[1:], strict=True)),
             row[5] * PAULIS[0] - 1j * sum(q * p for q, p in zip(row[6:], PAULIS[1:], strict=True))]  # fmt: skip
    pair = CNOT @ np.array([np.cos(half), 0, np.sin(half), 0])
    return np.asarray((np.kron(*turns) @ pair).reshape(2, 2))


STATES = np.array([amplitudes(row) for row in COLUMNS])


def test_only_those_called_entangled_are() -> None:
    schmidt = np.linalg.svd(STATES, compute_uv=False)[:, 1]

    assert schmidt[LABELS == 0].max() < 1e-12
    assert schmidt[LABELS == 1].min() > 1e-3
    assert np.allclose(np.linalg.norm(STATES, axis=(1, 2)), 1)


def test_the_two_of_a_pair_have_the_same_populations() -> None:
    chances = np.abs(STATES) ** 2
    single = np.stack([chances.sum(axis=2)[:, 1], chances.sum(axis=1)[:, 1]], axis=1)

    assert np.allclose(single[0::2], single[1::2])
    assert (LABELS[0::2] + LABELS[1::2] == 1).all()


def test_no_cases_are_refused() -> None:
    with pytest.raises(InputError, match="cases must be a whole number of at least 1"):
        matched_states(0, seed=0)
