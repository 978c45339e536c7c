"""Training a Boltzmann machine: known distributions, the control's optimum, histories that go on."""

from __future__ import annotations

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.learning.boltzmann import divergence, thermal, train_boltzmann

ONE_OF_THREE = 0.98 * np.array([0, 1, 1, 0, 1, 0, 0, 0]) / 3 + 0.02 / 8


def test_a_thermal_atom_has_the_closed_form() -> None:
    b, gamma = 0.7, 0.4
    e = np.hypot(b, gamma)

    assert thermal({"b0": b}, 1, gamma=gamma)[0] == pytest.approx((1 + b / e * np.tanh(e)) / 2, abs=1e-12)


def test_two_atoms_learn_any_distribution_without_a_transverse_field() -> None:
    data = np.array([0.4, 0.1, 0.2, 0.3])
    best = train_boltzmann(lambda w: thermal(w, 2), data)

    assert best.value == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(thermal(best.parameters, 2), data, atol=1e-6)


def test_a_transverse_field_learns_one_of_three_better_than_its_control() -> None:
    control = train_boltzmann(lambda w: thermal(w, 3), ONE_OF_THREE)
    best = train_boltzmann(lambda w: thermal(w, 3, gamma=0.3), ONE_OF_THREE, start=control.parameters)

    assert best.value < 0.02 < control.value


def test_the_control_is_at_its_optimum() -> None:
    control = train_boltzmann(lambda w: thermal(w, 3), ONE_OF_THREE).parameters
    least = divergence(ONE_OF_THREE, thermal(control, 3))
    moved = [divergence(ONE_OF_THREE, thermal({**control, name: w + h}, 3)) for name, w in control.items()
             for h in (-0.05, 0.05)]  # fmt: skip

    assert min(moved) > least


def test_a_training_goes_on_where_it_ended() -> None:
    def sample(weights: dict[str, float]) -> np.ndarray:
        calls.append(weights)
        return thermal(weights, 3)

    calls: list[dict[str, float]] = []
    whole = train_boltzmann(sample, ONE_OF_THREE, steps=6)
    half = train_boltzmann(sample, ONE_OF_THREE, steps=3)
    del calls[:]
    resumed = train_boltzmann(sample, ONE_OF_THREE, steps=6, resume=half.history)

    assert len(calls) == 3
    assert resumed.history.equals(whole.history)


def test_a_callback_ends_the_training() -> None:
    best = train_boltzmann(lambda w: thermal(w, 3), ONE_OF_THREE, callback=lambda w, value: value < 0.1)

    assert best.value < 0.1
    assert best.history.sizes["evaluation"] < 20


@pytest.mark.parametrize(
    ("data", "start", "said"),
    [
        (np.array([0.5, 0.2, 0.3]), None, "of 2, 4, 8"),
        (np.array([0.5, 0.6]), None, "add up to 1"),
        (np.array([0.5, 0.5]), {"w01": 1.0}, "no weights w01; there are b0"),
    ],
)
def test_what_does_not_fit_is_refused(data: np.ndarray, start: dict[str, float] | None, said: str) -> None:
    with pytest.raises(rq.InputError, match=said):
        train_boltzmann(lambda w: thermal(w, 1), data, start=start)
