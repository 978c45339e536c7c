import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import QuantumReservoir, classical_spins
from rydberg_qmem.programs import AnalogArray

OMEGA = 2 * np.pi
X = np.random.default_rng(0).uniform(-1, 1, size=(6, 2))
SHORT: dict[str, Any] = {"readouts": 2, "duration_ns": 1000, "scale": False}


def features(x: Any, **options: Any) -> Any:
    return QuantumReservoir(**{**SHORT, **options}).fit(x).transform(x)


def test_one_atom_follows_rabi_and_its_detuning() -> None:
    x = np.array([[-1.0], [0.0], [0.5]])
    found = features(x, detuning=6.0)

    splitting = np.sqrt(OMEGA**2 + (6 * x) ** 2)
    assert np.allclose(found, OMEGA**2 / splitting**2 * np.sin(splitting * np.array([0.5, 1.0]) / 2) ** 2, atol=1e-9)


def test_atoms_far_apart_are_classical_spins() -> None:
    far = {"spacing_um": 200.0}

    assert np.allclose(features(X, **far), features(X, classical=True, **far), atol=1e-4)


def test_atoms_close_by_are_not() -> None:
    assert np.abs(features(X) - features(X, classical=True)).max() > 0.1


def test_a_blockaded_pair_is_excited_once_at_the_root_of_two() -> None:
    found = features(np.array([[0.0]]), encoding="position", spacing_um=4.0)

    expected = np.sin(np.sqrt(2) * OMEGA * np.array([0.5, 1.0]) / 2) ** 2 / 2
    blockade = (OMEGA / (5420158.53 / 4.0**6)) ** 2
    assert np.allclose(found.reshape(2, 3)[:, :2], expected[:, None], atol=0.02)
    assert found.reshape(2, 3)[:, 2].max() < blockade


def test_longer_gaps_weaken_the_interaction() -> None:
    stretched = features(np.array([[0.0], [1.0]]), encoding="position", stretch=20.0)
    free = np.sin(OMEGA * np.array([0.5, 1.0]) / 2) ** 2

    assert np.allclose(stretched[1].reshape(2, 3)[:, 0], free, atol=1e-6)
    assert np.abs(stretched[0] - stretched[1]).max() > 0.1


def test_a_constant_detuning_in_time_is_the_same_on_every_atom() -> None:
    same = np.repeat(X[:, :1], 2, axis=1)

    assert np.allclose(features(same, encoding="global_time"), features(same), atol=1e-6)


def test_a_detuning_in_time_depends_on_the_order() -> None:
    apart = features(X, encoding="global_time") - features(X[:, ::-1], encoding="global_time")

    assert np.abs(apart).max() > 0.1


def test_sampled_features_agree_with_exact_ones() -> None:
    shots, exact = 4000, features(X)
    sampled = features(X, shots=shots, random_state=1)

    reach = 5.5 * 0.5 / shots**0.5  # 36 features, alpha 1e-6
    assert np.abs(sampled - exact).max() < reach
    assert np.abs(sampled - features(X, rabi=1.1 * OMEGA)).max() > reach  # the mutant: another drive
    assert np.array_equal(sampled, features(X, shots=shots, random_state=1))


def test_misread_bits_mix_outcomes() -> None:
    options: dict[str, Any] = {"shots": 4000, "random_state": 2, "features": ("means",)}
    found = features(X, hardware={"p_false_pos": 0.1, "p_false_neg": 0.2}, **options)

    expected = 0.1 + 0.7 * features(X, features=("means",))
    assert np.abs(found - expected).max() < 5.5 * 0.5 / 4000**0.5


def test_halving_the_step_of_the_spins_changes_nothing_of_note(monkeypatch: pytest.MonkeyPatch) -> None:
    array = AnalogArray(columns=3)
    x = np.random.default_rng(1).uniform(-1, 1, size=(5, 3))
    usual = classical_spins(array, x)
    monkeypatch.setattr("rydberg_qmem.learning.spins.STEP_NS", 1)

    assert np.abs(classical_spins(array, x) - usual).max() < 1e-4


def test_clones_and_pickles_give_the_same_features() -> None:
    device = QuantumReservoir(**SHORT, shots=20, random_state=3).fit(X)
    again = pickle.loads(pickle.dumps(device))

    assert np.array_equal(again.transform(X), device.transform(X))
    assert clone(device).get_params() == device.get_params()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"encoding": "locally"}, "encoding: must be one of local_detuning, global_time, position"),
        ({"atoms": 3}, "atoms must be 2 for 2 columns, but is 3"),
        ({"spacing_um": (8.0, 9.0)}, "spacing_um must be one number or 1 gaps"),
        ({"features": ("spins",)}, r"features must be some of \['means', 'pairs'\]"),
        ({"classical": True, "shots": 3}, "classical spins are exact"),
        ({"encoding": "position", "stretch": 2.0}, "gaps must be above 0 µm"),
    ],
)
def test_what_no_array_can_do_is_refused(options: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        features(X, **options)


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(InputError, match="must have 1 to 14 atoms, but has 15: reduce the columns first"):
        QuantumReservoir().fit(np.zeros((2, 15)))
