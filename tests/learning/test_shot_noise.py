"""Every call of an estimator draws shots of its own: inputs without information teach nothing, whatever their order."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rydberg_qmem.errors import InputError
from rydberg_qmem.learning import MemristorClassifier, MemristorReservoir, QuantumReservoir
from rydberg_qmem.learning.shots import ShotStream
from rydberg_qmem.programs import memristor_network

Floats = NDArray[np.float64]
SHOTS = 200
CELLS = memristor_network(["x0", "1 - x0 ** 2", "x0 ** 2"], time_constants=[1.5, 3, 6])
QUICK: dict[str, Any] = {"readouts": 2, "duration_ns": 600}


WASHOUT = 30
"""Rounds after which a stream has forgotten that its memory started anew, which would tell the first class."""


def cells(seed: int, **options: Any) -> Any:
    features: dict[str, Any] = {"features": ("means", "products"), "scale": False}
    return MemristorReservoir(CELLS, shots=SHOTS, random_state=seed, **features, **options)


def array(seed: int, **options: Any) -> Any:
    return QuantumReservoir(shots=SHOTS, random_state=seed, scale=False, **{**QUICK, **options})


ESTIMATORS: dict[str, tuple[Callable[[int], Any], int]] = {
    "series": (lambda seed: cells(seed, readout="all"), 4),
    "stream": (lambda seed: cells(seed, layout="stream", washout=WASHOUT), 1),
    "stream that goes on": (lambda seed: cells(seed, layout="stream", washout=WASHOUT, reset_state=False), 1),
    "window": (lambda seed: cells(seed, layout="window", window=3), 1),
    "classifier": (lambda seed: MemristorClassifier(3, C=1e4, shots=SHOTS, random_state=seed), 4),
    "array, local": (lambda seed: array(seed), 3),
    "array, in time": (lambda seed: array(seed, encoding="global_time", atoms=3), 2),
    "array, places": (lambda seed: array(seed, encoding="position", readouts=1), 3),
}
"""Estimators by name, each from a seed, and how many columns its inputs have."""

CASES = {name: 16 if name == "array, places" else 40 for name in ESTIMATORS}
"""How many cases each is trained on; of places, each is a run by itself."""


def accuracies(name: str, seeds: int) -> Floats:
    """Return the test accuracies of two classes that inputs say nothing of: equal inputs, classes in order."""
    make, columns = ESTIMATORS[name]
    first = 1000 * list(ESTIMATORS).index(name)
    return np.array([accuracy_of(make(first + seed), columns, CASES[name]) for seed in range(seeds)])


def accuracy_of(device: Any, columns: int, cases: int) -> float:
    labels = np.repeat([0, 1], cases // 2)
    same = np.full((cases + getattr(device, "washout", 0), columns), 0.5)
    if isinstance(device, MemristorClassifier):
        return float(device.fit(same, labels).score(same, labels))
    train = device.fit(same).transform(same)
    # A linear readout of many features, which learns shot noise by heart where it can.
    readout = make_pipeline(StandardScaler(), LogisticRegression(C=1e4, max_iter=2000)).fit(train, labels)
    return float(readout.score(device.transform(same)[-cases:], labels))


def chance(cases: int, errors: float) -> float:
    """Return how far from 1/2 the share of right guesses may lie, in standard errors."""
    return errors * math.sqrt(0.25 / cases)


def repeating(monkeypatch: pytest.MonkeyPatch, period: int) -> None:
    """Let a stream of shots begin anew after so many seeds, the number that a call takes: the mutant."""
    taken: dict[int, int] = {}

    def seed(stream: Any) -> int:
        taken[id(stream)] = taken.get(id(stream), -1) + 1
        return int(stream._root.generate_state(period)[taken[id(stream)] % period])

    monkeypatch.setattr(ShotStream, "seed", seed)


FAST = ("series", "classifier", "array, local")


@pytest.mark.parametrize("name", FAST)
def test_inputs_without_information_teach_nothing(name: str) -> None:
    assert abs(accuracies(name, 3).mean() - 0.5) < chance(120, 4.9)  # alpha 1e-6


@pytest.mark.parametrize("name", FAST)
def test_shots_that_come_again_teach_their_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repeating(monkeypatch, 1)
    assert accuracies(name, 2).mean() - 0.5 > chance(80, 4.9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_inputs_without_information_score_chance_over_forty_seeds(name: str) -> None:
    assert abs(accuracies(name, 40).mean() - 0.5) < chance(40 * CASES[name], 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_shots_that_come_again_teach_their_order_to_every_estimator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repeating(monkeypatch, CASES[name] if name == "array, places" else 1)  # there each sample has a run of its own
    assert accuracies(name, 6).mean() - 0.5 > chance(6 * CASES[name], 4.9)


X = np.random.default_rng(0).uniform(0.2, 0.8, size=(60, 3))
CALLS: dict[str, Callable[[Any], Any]] = {
    "series": lambda state: MemristorReservoir(shots=50, random_state=state, scale=False),
    "array": lambda state: QuantumReservoir(shots=50, random_state=state, readouts=1, duration_ns=300),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_noise_of_two_calls_is_independent_and_the_sequence_reproducible(name: str) -> None:
    device, again = (CALLS[name](3).fit(X) for _ in range(2))
    exact = clone(device).set_params(shots=None).fit(X).transform(X)
    first, second = device.transform(X), device.transform(X)

    correlations = np.corrcoef((first - exact).T, (second - exact).T)
    reach = 4.9 / len(X) ** 0.5
    assert np.abs(np.diagonal(correlations, exact.shape[1])).max() < reach
    assert np.abs(np.corrcoef((first - exact).ravel(), (first - exact).ravel())[0, 1]) > reach  # the mutant
    assert np.array_equal(again.transform(X), first)
    assert np.array_equal(again.transform(X), second)
    assert np.array_equal(device.fit(X).transform(X), first)  # fitting starts the sequence anew


def test_equal_rows_of_one_call_have_shots_of_their_own_in_every_batch() -> None:
    for batch in (1, 7, 1000):
        device = MemristorReservoir(shots=1000, random_state=0, scale=False, batch=batch)
        found = device.fit(X).transform(np.full((40, 3), 0.4))
        assert len(np.unique(found[:, 0])) > 15


def test_equal_places_of_an_array_have_shots_of_their_own() -> None:
    device = QuantumReservoir("position", shots=400, random_state=0, readouts=1, duration_ns=300, scale=False)
    assert len(np.unique(device.fit(X).transform(np.zeros((30, 1 + 2)))[:, 0])) > 12


def test_a_pickled_estimator_goes_on_where_it_was() -> None:
    device = MemristorReservoir(shots=30, random_state=1).fit(X)
    device.transform(X)

    assert np.array_equal(pickle.loads(pickle.dumps(device)).transform(X), device.transform(X))


def test_a_classifier_reads_new_shots_in_every_call() -> None:
    labels = (X[:, 1] > 0.5).astype(int)
    network, again = (MemristorClassifier(2, shots=30, random_state=5).fit(X, labels) for _ in range(2))
    first = network.predict_proba(X)

    assert not np.allclose(first, network.predict_proba(X))
    assert np.array_equal(first, again.predict_proba(X))


def test_seeds_of_a_stream_never_come_again() -> None:
    stream, other = ShotStream(0), ShotStream(1)
    seeds = {stream.seed() for _ in range(2000)} | {other.seed() for _ in range(2000)}

    assert len(seeds) == 4000


@pytest.mark.parametrize("state", [-1, 2**32, 1.5, True, "0", np.random.default_rng(0)])
def test_what_is_no_random_state_is_refused(state: Any) -> None:
    with pytest.raises(InputError, match="random_state must be None, a whole number from 0 to"):
        ShotStream(state)


def test_no_stream_reads_the_global_state_of_numpy() -> None:
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    first = ShotStream(None).seed()
    np.random.seed(0)  # noqa: NPY002

    assert ShotStream(None).seed() != first
