"""The whole chain, task to error, on figures derived for the memristor literature's NARMA: controls and one cell.

All figures are derived, not quoted: plain NumPy with ideal, noiseless cells; 1000 rounds, washout 20, 480 to fit,
500 to test, ridge 1e-6 with free bias, mean squared error averaged over 10 series. One series scatters by 11 to 15 %,
so a mean of ten is held to three of its own standard errors: 11 to 14 % of the figure.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rydberg_qmem.learning import Series, comparison, fit_ridge, mse, narma_memristor, polynomial, window
from rydberg_qmem.learning.classical_reservoirs import echo_state

Floats = NDArray[np.float64]
Features = Callable[[Floats], Floats]

SERIES = [narma_memristor(1000, seed=seed) for seed in range(10)]

CONTROLS: dict[str, Features] = {
    "linear": lambda x: window(x, 1),
    "cubic": lambda x: polynomial(x, 3),
    "linear of two": lambda x: window(x, 2),
    "cubic of two": lambda x: polynomial(window(x, 2), 3),
    "cubic of four": lambda x: polynomial(window(x, 4), 3),
}


def cell(x: Floats, tau: float = 4.0, click: Callable[[float, float], float] = lambda n, r: 1 - n) -> Floats:
    """Simulate one photonic-type memristor with n = 1 - x^2 and R <- R + (click - R) / tau, from R = 1/2."""
    reflectivity, rows = 0.5, []
    for n in 1 - x**2:
        rows.append((1 - n, n * (1 - reflectivity), n * reflectivity))
        reflectivity += (click(n, reflectivity) - reflectivity) / tau
    return np.array(rows)


def errors(features: Features, series: list[Series] = SERIES) -> Floats:
    found = []
    for one in series:
        split, rows = one.split(washout=20, train=480, test=500), features(one.inputs)
        readout = fit_ridge(rows[split.train], one.targets[split.train], regularisation=1e-6)
        found.append(mse(one.targets[split.test], readout.predict(rows[split.test])))
    return np.array(found)


def agrees(found: Floats, figure: float) -> bool:
    """Tell whether the mean of `found` lies within three of its standard errors of the figure."""
    return bool(abs(found.mean() - figure) < 3 * found.std(ddof=1) / np.sqrt(len(found)))


@pytest.mark.parametrize(
    ("control", "figure"),
    [
        ("linear", 2.8e-4),
        ("cubic", 2.0e-4),
        ("linear of two", 1.85e-4),
        ("cubic of two", 9.1e-5),
        ("cubic of four", 1.6e-5),
    ],
)
def test_classical_controls_reach_their_derived_errors(control: str, figure: float) -> None:
    assert agrees(errors(CONTROLS[control]), figure)


def test_more_features_of_a_control_help_on_every_series() -> None:
    found = {name: errors(features) for name, features in CONTROLS.items()}

    for fewer, more in [("linear", "linear of two"), ("linear", "cubic"), ("linear of two", "cubic of two")]:
        assert (found[more] < found[fewer]).all()
    assert (found["cubic of two"] < found["cubic"]).all()
    assert (found["cubic of four"] < found["cubic of two"] / 4).all()


@pytest.mark.parametrize(
    ("click", "figure"), [(lambda n, r: 1 - n, 2.7e-5), (lambda n, r: n * (1 - r), 2.9e-5)], ids=["1-n", "n(1-R)"]
)
def test_one_memristor_cell_reaches_its_derived_error(click: Callable[[float, float], float], figure: float) -> None:
    assert agrees(errors(lambda x: cell(x, click=click)), figure)


def test_without_its_memory_the_cell_is_no_better_than_the_present_input() -> None:
    frozen, live = errors(lambda x: cell(x, tau=np.inf)), errors(cell)

    assert (frozen > errors(CONTROLS["cubic"])).all()
    assert (frozen > 5 * live).all()


def test_the_polynomial_of_four_inputs_beats_one_cell() -> None:
    assert (errors(CONTROLS["cubic of four"]) < errors(cell)).all()


def test_a_target_of_the_wrong_round_misses_every_figure() -> None:
    late = [Series(one.inputs[1:], one.targets[:-1], "late") for one in SERIES]
    late = [Series(np.r_[one.inputs, 0.0], np.r_[one.targets, 0.1], "late") for one in late]

    figures = [2.8e-4, 2.0e-4, 1.85e-4, 9.1e-5, 1.6e-5, 2.7e-5]
    for features, figure in zip([*CONTROLS.values(), cell], figures, strict=True):
        assert not agrees(errors(features, late), figure)


def test_an_echo_state_leaks_by_its_share() -> None:
    """Without recurrence (radius 0) the state is what leaks of the last one, and its share of the present drive."""
    u = np.random.default_rng(1).uniform(size=20)
    present = echo_state(u, 4, seed=2, radius=0.0)

    state, wanted = np.zeros(4), []
    for drive in present:
        state = 0.7 * state + 0.3 * drive
        wanted.append(state)

    np.testing.assert_allclose(echo_state(u, 4, seed=2, radius=0.0, leak=0.3), wanted, atol=1e-12)


def test_a_regularisation_is_chosen_on_rounds_that_were_not_fitted() -> None:
    """Of features that have nothing to do with the target the largest weight is best, though the smallest fits best."""
    rng = np.random.default_rng(3)
    for _ in range(5):
        x, y = rng.normal(size=(80, 40)), rng.normal(size=80)
        split = Series(rng.uniform(size=80), y, "noise").split(train=64)

        assert comparison._best(x, y, split, [1e-6, 1e4]) == 1e4
