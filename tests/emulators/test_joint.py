from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import expm

from rydberg_qmem.emulators.exact import _joint as joint
from rydberg_qmem.emulators.exact import _subspace as spaces
from rydberg_qmem.emulators.exact._interactions import exchange_matrix
from rydberg_qmem.emulators.exact._subspace import Samples, Subspace, Transition
from rydberg_qmem.emulators.layout import Layout

RNG = np.random.default_rng(11)
ROWS, LEVELS, ATOMS = 2, 3, 3
SITES = (Transition(0, 1, 0), Transition(1, 1, 0), Transition(2, 2, 1))


def random_space(settings: int, exchange: bool = False) -> Subspace:
    energies = RNG.uniform(-30, 60, (settings, LEVELS**ATOMS))
    if not exchange:
        return Subspace(LEVELS, ATOMS, energies)
    swap = RNG.normal(size=(LEVELS**ATOMS, LEVELS**ATOMS))
    return Subspace(LEVELS, ATOMS, energies, sparse.csr_array((swap + swap.T).astype(complex)))


def random_samples(intervals: int) -> Samples:
    omegas = RNG.normal(size=(len(SITES), ROWS, intervals, 2)) @ np.array([10, 10j])
    deltas = RNG.uniform(-8, 8, (len(SITES), ROWS, intervals))
    return Samples(RNG.uniform(0.001, 0.05, intervals), tuple(omegas), tuple(deltas))


def random_states(settings: int) -> joint.Complex:
    made = RNG.normal(size=(ROWS, settings, LEVELS**ATOMS, 2)) @ np.array([1, 1j])
    return np.asarray(made / np.linalg.norm(made, axis=-1, keepdims=True))


@pytest.mark.parametrize(("settings", "exchange"), [(1, False), (4, False), (1, True)])
def test_the_chebyshev_path_equals_the_dense_path(
    monkeypatch: pytest.MonkeyPatch, settings: int, exchange: bool
) -> None:
    space, samples, states = random_space(settings, exchange), random_samples(5), random_states(settings)

    dense = joint.evolve(states, space, SITES, samples)
    monkeypatch.setattr(joint, "DENSE_DIMENSION", 0)
    chebyshev = joint.evolve(states, space, SITES, samples)

    np.testing.assert_allclose(chebyshev, dense, atol=1e-11)


def test_the_dense_path_is_the_matrix_exponential_in_every_row_and_setting() -> None:
    space, samples, states = random_space(2), random_samples(3), random_states(2)

    found = joint.evolve(states, space, SITES, samples)

    for row, setting in np.ndindex(ROWS, 2):
        psi = states[row, setting]
        for k, dt in enumerate(samples.dt_us):
            h = np.diag(space.energies[setting]).astype(complex)
            for site, omega, delta in zip(SITES, samples.omegas, samples.deltas, strict=True):
                left, right = np.eye(LEVELS**site.atom), np.eye(LEVELS ** (ATOMS - site.atom - 1))
                small = np.zeros((LEVELS, LEVELS), dtype=complex)
                small[site.a, site.b] = omega[row, k] / 2
                small[site.b, site.a] = omega[row, k].conj() / 2
                small[site.b, site.b] = -delta[row, k]
                h += np.kron(np.kron(left, small), right)
            psi = expm(-1j * h * dt) @ psi
        np.testing.assert_allclose(found[row, setting], psi, atol=1e-11)


def test_a_long_step_of_a_wide_spectrum_keeps_the_norm_on_the_chebyshev_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "DENSE_DIMENSION", 0)
    samples = random_samples(2)
    space = Subspace(LEVELS, ATOMS, RNG.uniform(0, 3000, (1, LEVELS**ATOMS)))

    found = joint.evolve(random_states(1), space, SITES, samples)

    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-11)


def test_the_exchange_moves_an_excitation_between_each_pair() -> None:
    rng, raised = np.random.default_rng(3), np.array([[0.0, 0.0], [1.0, 0.0]])
    strength = np.triu(rng.uniform(1, 9, (4, 4)), 1)
    strength[0, 3] = 0.0
    wanted = np.zeros((16, 16))
    for i, j in zip(*np.triu_indices(4, 1), strict=True):
        factors = [raised if k == i else raised.T if k == j else np.eye(2) for k in range(4)]
        moved = np.kron(np.kron(factors[0], factors[1]), np.kron(factors[2], factors[3]))
        wanted += strength[i, j] * (moved + moved.T)

    made = exchange_matrix(Layout(("0", "1"), 4), strength)

    assert np.abs(made.toarray() - wanted).max() < 1e-14
    assert made.nnz == 5 * 2 * 4  # five pairs that interact, each in four settings of the others


@pytest.mark.parametrize("seed", range(6))
def test_bounds_of_couplings_hold_their_spectrum_and_little_more(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaces, "LANCZOS_DIMENSION", 64)
    rng = np.random.default_rng(seed)
    exchange = exchange_matrix(Layout(("0", "1"), 7), np.triu(rng.normal(0, 50, (7, 7)), 1))
    space = Subspace(2, 7, rng.uniform(0, 300, (1, 2**7)), exchange)
    found = np.linalg.eigvalsh(exchange.toarray() + np.diag(space.energies[0]))

    low, high = space.fixed_bounds

    assert low <= found[0] <= found[-1] <= high
    assert high - low < 1.03 * (found[-1] - found[0])
