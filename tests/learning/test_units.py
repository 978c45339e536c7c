"""Units and offsets change no verdict: every model meets its inputs scaled, from the training rounds."""

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import (
    MemristorReservoir,
    QuantumReservoir,
    Series,
    compare,
    comparison,
    echo_state,
    fit_ridge,
    narma,
)
from rydberg_qmem.programs import memristor_network

Floats = NDArray[np.float64]
UNITS = {"times 40": (40.0, 0.0), "times 1000": (1000.0, 0.0), "times 0.01": (0.01, 0.0), "plus 300": (1.0, 300.0),
         "minus": (-1.0, 0.0)}  # fmt: skip
DEVICE = MemristorReservoir(
    memristor_network(["x0", "1 - x0 ** 2"], time_constants=[1.5, 5]), layout="stream", features=("means", "products")
)
TASKS = [narma(5, 90, seed=seed) for seed in range(2)]


def compared(tasks: list[Series], **options: Any) -> Any:
    return compare(DEVICE, tasks, train=50, washout=10, windows=(5,), polynomials=((3, 2), (4, 3)), **options)


@cache
def as_they_come() -> Any:
    return compared(TASKS, extra={"by hand": [np.stack([task.inputs, task.inputs**2], axis=1) for task in TASKS]})


def in_units(factor: float, offset: float) -> list[Series]:
    return [Series(factor * task.inputs + offset, task.targets, task.name) for task in TASKS]


@pytest.mark.parametrize("unit", [name for name in UNITS if name != "minus"])
def test_units_and_offsets_of_inputs_change_no_row(unit: str) -> None:
    factor, offset = UNITS[unit]
    features = [np.stack([task.inputs, task.inputs**2], axis=1) for task in TASKS]
    usual = as_they_come()
    found = compared(in_units(factor, offset), extra={"by hand": [factor * x + offset for x in features]})

    assert found.model.values.tolist() == usual.model.values.tolist()
    assert np.allclose(found.nmse, usual.nmse, rtol=1e-6, atol=0)


def test_a_control_on_inputs_as_they_come_would_change() -> None:
    errors = []
    for tasks in (TASKS, in_units(1000, 0)):  # the mutant: an echo state that meets its inputs unscaled
        states = echo_state(tasks[0].inputs, 8, seed=0)
        readout = fit_ridge(states[10:60], tasks[0].targets[10:60], standardise=True)
        errors.append(float(np.mean((readout.predict(states[60:]) - tasks[0].targets[60:]) ** 2)))

    assert errors[1] > 1.1 * errors[0]


def test_what_comes_after_training_scales_nothing() -> None:
    x = np.stack([task.inputs[:, None] for task in TASKS])[:, :40]
    later = np.concatenate([x[:, :30], 5 * x[:, 30:]], axis=1)
    found, again = (comparison._devices(DEVICE, inputs, 30)["memristor"] for inputs in (x, later))
    ranges, same = (comparison._in_range(inputs[0], 30) for inputs in (x, later))

    assert np.array_equal(found[:, :30], again[:, :30])
    assert not np.array_equal(found, again)
    assert np.array_equal(ranges[:30], same[:30])
    assert same[30:].max() > 1.5  # controls are not clipped


@pytest.mark.parametrize("unit", UNITS)
def test_a_standardised_ridge_does_not_know_the_units_of_its_features(unit: str) -> None:
    factor, offset = UNITS[unit]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)), rng.normal(size=(40, 2))
    units = np.array([factor, 1, 1, factor, 1, 1])
    usual, found = (fit_ridge(f, y, regularisation=0.3, standardise=True) for f in (x, units * x + offset))

    assert np.allclose(found.predict(units * x + offset), usual.predict(x), rtol=1e-9)
    if abs(factor) != 1:  # the mutant: the ridge as it comes
        one, other = (fit_ridge(f, y, regularisation=0.3).predict(f) for f in (x, units * x + offset))
        assert not np.allclose(one, other, rtol=1e-4)


def test_a_standardised_ridge_leaves_constant_features_out() -> None:
    x = np.stack([np.arange(5.0), np.full(5, 300.1)], axis=1)
    readout = fit_ridge(x, 2 * x[:, 0] + 1, regularisation=0.0, standardise=True)

    assert readout.weights == pytest.approx([2, 0], abs=1e-9)


def test_every_row_chooses_its_regularisation_on_its_training_rounds() -> None:
    one, other, both = (compared(TASKS[:1], regularisation=r) for r in (1e-8, 1e2, (1e-8, 1e2)))

    assert ((both.mse == one.mse) | (both.mse == other.mse)).all()
    assert bool((both.mse.mean("task") < other.mse.mean("task")).sel(model="linear window 5"))


def test_the_tuned_echo_state_is_chosen_on_training_rounds_only() -> None:
    task = TASKS[0]
    other = Series(task.inputs, np.r_[task.targets[:60], task.targets[60:][::-1]], task.name)
    split = task.split(50, 10)
    tuned = [comparison._tuned(one, split, 8, 0, [1e-6]) for one in (task, other)]
    plain = echo_state(comparison._in_range(task.inputs[:, None], 60), 8, seed=0)

    assert np.array_equal(tuned[0], tuned[1])
    assert not np.allclose(tuned[0], plain)


PAIR = memristor_network(["x0", "x1"], time_constants=[3, 3], channels=2)
APART = np.random.default_rng(2).uniform(size=(30, 6)) * np.tile([1.0, 1000.0], 3)


@pytest.mark.parametrize("layout", ["series", "stream"])
def test_each_column_has_its_own_scale(layout: Any) -> None:
    x = APART if layout == "series" else APART[:, :2]
    device = MemristorReservoir(PAIR, layout=layout)
    found = device.fit(x).transform(x)
    plain = device.fit(x / x.max(axis=0)).transform(x / x.max(axis=0))

    assert np.ptp(found, axis=0).min() > 0.3
    assert np.allclose(found, plain, atol=1e-9)


def test_columns_of_one_input_share_a_scale_where_asked() -> None:
    x = np.array([[0.0, 5.0], [1.0, 10.0]])
    shared = MemristorReservoir(scale="together").fit(x)
    every = MemristorReservoir(PAIR, scale="together").fit(np.tile(x, 2))

    assert (shared.low_.tolist(), shared.high_.tolist()) == ([0, 0], [10, 10])
    assert (every.low_.tolist(), every.high_.tolist()) == ([0, 5, 0, 5], [1, 10, 1, 10])


def test_a_constant_column_is_the_low_end() -> None:
    assert MemristorReservoir(low=0.25).fit(np.ones((4, 3)))._scaled(np.ones((1, 3))).tolist() == [[0.25] * 3]


def test_columns_of_an_array_have_scales_of_their_own() -> None:
    x = np.array([[1.0, -300.0], [-0.5, 100.0], [0.0, 0.0]])
    options: dict[str, Any] = {"readouts": 1, "duration_ns": 500}
    found, plain = (QuantumReservoir(**options, scale=s).fit(v).transform(v)
                    for s, v in ((True, x), (False, x / [1.0, 300.0])))  # fmt: skip

    assert np.allclose(found, plain, atol=1e-9)
    assert QuantumReservoir(**options, scale="together").fit(x).scale_.tolist() == [300, 300]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"regularisation": -1.0}, "regularisation[0]: must be a finite number of at least 0 (-1.0)"),
        ({"regularisation": ()}, "regularisation: must be a list of at least 1 numbers"),
        ({"windows": (0,)}, "windows[0]: must be a whole number of at least 1 (0)"),
        ({"extra": {"mine": [np.zeros((3, 1))] * 2}}, "extra['mine'] must hold features (round, feature)"),
        ({"train": 1}, "train must be at least 2 rounds, the last to choose by, but is 1"),
        ({"train": 0}, "train must be a whole number of at least 1, but is 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        compare(DEVICE, TASKS, **{"train": 50, **change})


def test_tasks_whose_columns_the_device_cannot_take_are_refused() -> None:
    two = [Series(np.stack([task.inputs, task.inputs], axis=1), task.targets, "two") for task in TASKS]

    with pytest.raises(InputError, match="X must have columns for the 1 inputs of memristor_network, but has 2"):
        compare(DEVICE, two, train=50)
    with pytest.raises(InputError, match="reservoir must be a MemristorReservoir, but is QuantumReservoir"):
        compare(QuantumReservoir(), TASKS, train=50)
