from __future__ import annotations

import numpy as np
import pytest

from rydberg_qmem.emulators.layout import Layout

QUTRITS = Layout(("r", "g", "h"), 2)


def test_the_first_atom_is_the_most_significant() -> None:
    assert [QUTRITS.levels[k] for k in QUTRITS.digits[0]] == list("rrrggghhh")
    assert [QUTRITS.levels[k] for k in QUTRITS.digits[1]] == list("rghrghrgh")


@pytest.mark.parametrize(("levels", "place"), [(("r", "g"), 3), (("g", "h"), 0), (("r", "g", "h"), 4), (("0", "1"), 0)])
def test_a_register_begins_with_every_atom_in_its_ground_level(levels: tuple[str, ...], place: int) -> None:
    assert np.flatnonzero(Layout(levels, 2).initial).tolist() == [place]


def test_a_measurement_calls_r_or_h_one_by_its_basis() -> None:
    assert QUTRITS.bit(1, "ground-rydberg").astype(int).tolist() == [1, 0, 0] * 3
    assert QUTRITS.bit(1, "digital").astype(int).tolist() == [0, 0, 1] * 3


def test_the_first_measured_atom_is_the_highest_bit_of_the_outcome() -> None:
    layout = Layout(("g", "h"), 2)

    assert layout.code((0, 1), "digital").tolist() == [0, 1, 2, 3]
    assert layout.code((1, 0), "digital").tolist() == [0, 2, 1, 3]


def test_every_pair_in_the_level_interacts_once() -> None:
    strength = np.array([[0, 3.0, 7.0], [3.0, 0, 0.5], [7.0, 0.5, 0]])

    energies = Layout(("r", "g"), 3).interaction_diagonal(strength, "r")

    assert energies.tolist() == [10.5, 3.0, 7.0, 0, 0.5, 0, 0, 0]
