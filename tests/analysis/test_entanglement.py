"""Measures of entanglement on states whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from rydberg_qmem.analysis import entanglement
from rydberg_qmem.errors import InputError

GHZ = np.array([1, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2)
W = np.array([0, 1, 1, 0, 1, 0, 0, 0]) / np.sqrt(3)
BELL = np.array([1, 0, 0, 1]) / np.sqrt(2)


def mixed(state: np.ndarray, part: float) -> np.ndarray:
    return part * np.outer(state, state.conj()) + (1 - part) * np.eye(8) / 8


def test_ghz_with_noise_is_genuine_down_to_three_sevenths() -> None:
    assert entanglement.genuine_tripartite(mixed(GHZ, 0.45), starts=2) > 0.005
    assert entanglement.genuine_tripartite(mixed(GHZ, 0.41), starts=2) < 1e-3


def test_w_with_noise_is_genuine_down_to_nine_seventeenths() -> None:
    assert entanglement.genuine_tripartite(mixed(W, 0.55), starts=2) > 0.005
    assert entanglement.genuine_tripartite(mixed(W, 0.50), starts=2) < 1e-3


def test_a_bell_pair_beside_a_third_qubit_is_not_genuine_however_turned() -> None:
    rng = np.random.default_rng(1)
    third = rng.normal(size=2) + 1j * rng.normal(size=2)
    state = np.kron(BELL, third / np.linalg.norm(third))

    assert entanglement.genuine_tripartite(np.outer(state, state.conj()), starts=2) < 1e-3
    assert float(entanglement.tripartite_negativity(np.outer(state, state.conj()))) == pytest.approx(0, abs=1e-4)


def test_monogamy_of_w_is_what_its_negativities_leave() -> None:
    pairs = 2 * ((np.sqrt(5) - 1) / 3) ** 2

    assert float(entanglement.monogamy(np.outer(W, W))) == pytest.approx(8 / 9 - pairs)


def test_the_purity_of_a_part_of_a_bell_pair_is_a_half() -> None:
    assert float(entanglement.purity(entanglement.reduced(np.outer(BELL, BELL), [0]))) == pytest.approx(0.5)


@pytest.mark.parametrize("part", [[], [2], [-1]])
def test_negativity_refuses_qubits_that_are_not_there(part: list[int]) -> None:
    with pytest.raises(InputError, match="part must name qubits from 0 to 1"):
        entanglement.negativity(np.eye(4) / 4, part)


def test_naming_a_qubit_twice_changes_no_negativity() -> None:
    assert float(entanglement.negativity(np.outer(BELL, BELL), [0, 0])) == pytest.approx(0.5)
