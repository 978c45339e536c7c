import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import fit_ridge, mse, narma_memristor
from rydberg_qmem.learning.classical_reservoirs import mean_field
from rydberg_qmem.learning.comparison import compare
from rydberg_qmem.learning.reservoir import MemristorReservoir
from rydberg_qmem.learning.tasks import Series
from rydberg_qmem.programs import memristor_network

Floats = NDArray[np.float64]

X = np.random.default_rng(0).uniform(size=(20, 4))
TWO = memristor_network(["x0", "1 - x0 ** 2"], time_constants=[2, 4])


def test_one_cell_gives_its_closed_form() -> None:
    x = (
        MemristorReservoir(memristor_network(["x0"], time_constants=[2]), scale=False, readout="all")
        .fit(X)
        .transform(X)
    )

    r, expected = np.full(20, 0.5), []
    for n in X.T:
        expected += [r * n, (1 - r) * n]
        r = r + (n - r) / 2
    assert np.allclose(x, np.stack(expected, axis=1), atol=1e-12)


def test_the_mean_field_of_cells_that_never_meet_is_what_the_device_gives() -> None:
    device = MemristorReservoir(TWO, scale=False, readout="all").fit(X)

    assert np.allclose(device.transform(X), mean_field(TWO, {"x0": X}).reshape(20, -1), atol=1e-12)


def test_the_mean_field_of_windows_is_what_the_device_gives() -> None:
    program = memristor_network(["x0"], time_constants=[2], memory="window", port="transmitted")
    device = MemristorReservoir(program, scale=False, readout="all").fit(X)

    assert np.allclose(device.transform(X), mean_field(program, {"x0": X}).reshape(20, -1), atol=1e-12)


def test_frozen_feedback_forgets() -> None:
    other = X.copy()
    other[:, :-1] = 0.3
    last = [MemristorReservoir(TWO, scale=False, freeze=freeze).fit(X) for freeze in (True, False)]

    assert np.allclose(last[0].transform(X), last[0].transform(other), atol=1e-12)
    assert np.abs(last[1].transform(X) - last[1].transform(other)).max() > 0.05


def test_a_stream_is_one_long_series_and_a_window_a_short_one() -> None:
    signal = X[0][:, None]
    stream = MemristorReservoir(TWO, scale=False, layout="stream").fit(signal).transform(signal)
    window = MemristorReservoir(TWO, scale=False, layout="window", window=2).fit(signal).transform(signal)
    whole = MemristorReservoir(TWO, scale=False, readout="all").fit(X[:1]).transform(X[:1])
    short = MemristorReservoir(TWO, scale=False).fit(X[:1, :2]).transform(X[:1, 2:])

    assert np.allclose(stream.reshape(1, -1), whole)
    assert np.allclose(window[-1], short)


def test_clones_and_pickles_give_the_same_features() -> None:
    device = MemristorReservoir(TWO, shots=50, random_state=3).fit(X)

    same = pickle.loads(pickle.dumps(device)).transform(X)
    assert np.array_equal(same, device.transform(X))
    assert np.array_equal(clone(device).fit(X).transform(X), same)


def test_wrong_features_are_refused() -> None:
    with pytest.raises(InputError, match="features must be some of"):
        MemristorReservoir(features=("meanings",)).fit(X)


def error_of(task: Series, features: Floats, train: int) -> float:
    """Return the test error of a readout from `train` rounds after the first 20."""
    split = task.split(train, 20)
    readout = fit_ridge(features[split.train], task.targets[split.train])
    return mse(task.targets[split.test], readout.predict(features[split.test]))


@pytest.mark.slow
def test_narma_reaches_its_figures_beside_its_controls() -> None:
    tasks = [narma_memristor(1000, seed=seed) for seed in range(5)]
    x = np.stack([task.inputs for task in tasks])
    one = memristor_network(["1 - x0 ** 2"], time_constants=[4])
    three = memristor_network(["1 - x0 ** 2"] * 3, time_constants=[1.5, 3, 5])
    options: dict[str, Any] = {"scale": False, "layout": "stream"}
    single = MemristorReservoir(one, scale=False, readout="all").fit(x).transform(x).reshape(5, 1000, -1)
    triple = compare(MemristorReservoir(three, features=("means", "products"), **options), tasks, train=480, washout=20)

    assert np.mean([error_of(task, found, 480) for task, found in zip(tasks, single, strict=True)]) < 3.2e-5
    assert float(triple.mse.sel(model="memristor").mean()) < 4e-6
    for control in ("feedback frozen", "memory shuffled", "linear window 2"):
        assert float(triple.mse.sel(model=control).mean()) > 1e-4
    assert np.allclose(triple.mse.sel(model="mean field"), triple.mse.sel(model="memristor"), rtol=1e-3)


def test_the_readout_of_one_cell_beats_a_frozen_one() -> None:
    task = narma_memristor(200, seed=0)
    errors = []
    for freeze in (False, True):
        device = MemristorReservoir(
            memristor_network(["1 - x0 ** 2"], time_constants=[4]), scale=False, layout="stream"
        )
        x = device.set_params(freeze=freeze).fit(task.inputs[:, None]).transform(task.inputs[:, None])
        errors.append(error_of(task, x, 120))

    assert errors[0] < errors[1] / 3
