from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from rydberg_qmem.emulators.exact import _rotations as rotations
from rydberg_qmem.emulators.layout import Layout

RNG = np.random.default_rng(3)
OMEGA = RNG.normal(size=(2, 7)) * 9 + 1j * RNG.normal(size=(2, 7)) * 9
DELTA, DT = RNG.normal(size=(2, 7)) * 6, RNG.uniform(0.01, 0.3, 7)


def matrix(turn: rotations.Rotation, *place: int) -> rotations.Complex:
    alpha, beta = turn.alpha[place], turn.beta[place]
    return np.asarray(np.exp(1j * turn.theta[place]) * np.array([[alpha, beta], [-beta.conj(), alpha.conj()]]))


def exponential(row: int, k: int) -> rotations.Complex:
    omega = OMEGA[row, k]
    h = np.array([[0, omega / 2], [omega.conj() / 2, -DELTA[row, k]]])
    return np.asarray(expm(-1j * h * DT[k]))


def test_each_piece_is_the_exponential_of_its_hamiltonian() -> None:
    turns = rotations.pieces(OMEGA, DELTA, DT)

    for row, k in np.ndindex(2, 7):
        np.testing.assert_allclose(matrix(turns, row, k), exponential(row, k), atol=1e-13)


def test_a_piece_without_drive_and_detuning_is_the_identity() -> None:
    turn = rotations.pieces(np.zeros((1, 1), complex), np.zeros((1, 1)), np.ones(1))

    np.testing.assert_array_equal(matrix(turn, 0, 0), np.eye(2))


def test_pieces_are_multiplied_later_ones_to_the_left() -> None:
    whole = rotations.product(rotations.pieces(OMEGA, DELTA, DT))

    for row in range(2):
        wanted = np.eye(2, dtype=complex)
        for k in range(7):
            wanted = exponential(row, k) @ wanted
        np.testing.assert_allclose(matrix(whole, row), wanted, atol=1e-12)


def test_a_rotation_of_the_middle_atom_leaves_the_others_and_the_third_level_alone() -> None:
    layout = Layout(("r", "g", "h"), 3)
    turn = rotations.pieces(OMEGA[:1, :1], DELTA[:1, :1], DT[:1])
    state = RNG.normal(size=(1, 27)) + 1j * RNG.normal(size=(1, 27))
    small = np.eye(3, dtype=complex)
    small[np.ix_([1, 0], [1, 0])] = matrix(turn, 0, 0)

    found = rotations.apply(state, layout, 1, ("g", "r"), turn, np.zeros((3, 3), dtype=np.int64))

    np.testing.assert_allclose(found[0], np.kron(np.kron(np.eye(3), small), np.eye(3)) @ state[0], atol=1e-13)


def test_neighbours_in_r_shift_an_atom_by_the_sum_of_their_interactions() -> None:
    strength = np.array([[0.0, 2.0, 5.0], [2.0, 0.0, 11.0], [5.0, 11.0, 0.0]])

    shifts, which = rotations.neighbours_shift(Layout(("r", "g"), 3), 1, strength)

    np.testing.assert_array_equal(shifts[which], [[13.0, 2.0], [11.0, 0.0]])
