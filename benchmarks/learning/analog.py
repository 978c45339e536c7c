"""Analog arrays: the laser series and digits from a few principal components, beside their controls."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rows import Rows, group, plain
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from rydberg_qmem.learning import echo_state, fit_ridge, mse, nmse, polynomial
from rydberg_qmem.learning.array_reservoir import QuantumReservoir
from rydberg_qmem.learning.datasets import LASER_VARIABLE, laser

GAPS_UM = (8.3, 8.2, 8.2, 8.2, 8.1, 8.8, 8.2, 8.8, 8.8)
"""Gaps, and all other numbers of the two arrays, as in the public notebooks of Kornjača et al. (QRC-tutorials)."""
ARRAYS: dict[str, dict[str, Any]] = {
    "local detunings": {},
    "global detuning in time": {
        "encoding": "global_time", "atoms": 10, "spacing_um": GAPS_UM, "rabi": 3 * np.pi, "detuning": 9.0,
        "duration_ns": 3500, "readouts": 7,
    },
}  # fmt: skip
WINDOW, TRAIN, TEST = 10, 1400, 600
REGULARISATIONS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)


@cache
def windows() -> tuple[Any, Any]:
    """Return windows of ten values and the values that follow, of the first 2,010 of the laser series."""
    series = laser()[: WINDOW + TRAIN + TEST] / 255
    return np.lib.stride_tricks.sliding_window_view(series, WINDOW)[:-1], series[WINDOW:]


def laser_rows() -> None:
    if LASER_VARIABLE not in os.environ:
        print(f"laser: skipped, {LASER_VARIABLE} does not name the file")
        return
    for name, options in ARRAYS.items():
        for classical in (False, True):
            who = ("classical spins" if classical else "quantum array") + f", {name}"
            group("laser", who, lambda o=options, c=classical: scored(array_features(o, c)))
    group("laser", "linear", lambda: scored(windows()[0]))
    group("laser", "polynomial, degree 2", lambda: scored(polynomial(windows()[0], 2)))
    group("laser", "echo state, 440 units", lambda: scored(streamed()))


def array_features(options: dict[str, Any], classical: bool) -> Any:
    """Return the features of all windows; RYDBERG_QMEM_FEATURES names a folder that keeps them, minutes of work."""
    x, _ = windows()
    folder = os.environ.get("RYDBERG_QMEM_FEATURES")
    place = folder and Path(folder) / f"laser_{options.get('encoding', 'local_detuning')}_{classical}.npy"
    if place and place.exists():
        return np.load(place)
    made = one_array(options, classical, x)
    if place:
        np.save(place, made)
    return made


def one_array(options: dict[str, Any], classical: bool, x: Any) -> Any:
    return QuantumReservoir(**options, classical=classical, scale="together").fit(x[:TRAIN]).transform(x)


def streamed() -> Any:
    """Return the states of an echo-state network that has seen the series up to the last value of each window."""
    series = laser()[: WINDOW + TRAIN + TEST - 1] / 255
    return echo_state(series, 440, seed=0)[WINDOW - 1 :]


def scored(x: Any) -> Rows:
    """Return features, test error and its spread over blocks drawn anew; training blocks choose the ridge."""
    _, y = windows()
    tried = [np.mean([left_out(x, y, block, r) for block in range(5)]) for r in REGULARISATIONS]
    readout = fit_ridge(x[:TRAIN], y[:TRAIN], regularisation=REGULARISATIONS[int(np.argmin(tried))])
    expected, found = y[TRAIN:], readout.predict(x[TRAIN:])
    rng, again = np.random.default_rng(0), []
    for _ in range(500):
        drawn = np.concatenate([np.arange(s, s + 50) for s in rng.integers(0, TEST - 49, TEST // 50)])
        again.append(nmse(expected[drawn], found[drawn]))
    return [[x.shape[1], f"{nmse(expected, found):.5f}", f"{np.std(again, ddof=1):.5f}"]]


def left_out(x: Any, y: Any, block: int, regularisation: float) -> float:
    """Return the error on a fifth of the training rounds of a readout from the others."""
    out = np.arange(TRAIN) // (TRAIN // 5) == block
    readout = fit_ridge(x[:TRAIN][~out], y[:TRAIN][~out], regularisation=regularisation)
    return mse(y[:TRAIN][out], readout.predict(x[:TRAIN][out]))


def components(count: int) -> tuple[Any, Any]:
    data = load_digits()
    return PCA(count, random_state=0).fit_transform(data.data / 16), data.target


def component_rows(counts: tuple[int, ...] = (4, 5)) -> None:
    for count in counts:
        for name, features, model in arms(count):
            group("components", f"{count} components, {name}", lambda c=count, f=features, m=model: accuracy(c, f, m))


def arms(count: int) -> list[tuple[str, Any, Any]]:
    linear = lambda: LogisticRegression(max_iter=100)  # noqa: E731  # made anew for each use
    return [
        ("quantum array", lambda x: QuantumReservoir(scale="together").fit(x).transform(x), linear),
        ("classical spins", lambda x: QuantumReservoir(classical=True, scale="together").fit(x).transform(x), linear),
        ("linear", lambda x: x, linear),
        ("polynomial, degree 3", lambda x: polynomial(x, 3), linear),
        ("RBF support vectors", lambda x: x, lambda: SVC(C=10)),
    ]


def accuracy(count: int, features: Any, model: Any) -> Rows:
    x, y = components(count)
    made = features(x)
    found = [
        cross_val_score(make_pipeline(StandardScaler(), model()), made, y,
                        cv=StratifiedKFold(5, shuffle=True, random_state=seed)).mean()
        for seed in range(5)
    ]  # fmt: skip
    return [[made.shape[1], *plain(found)]]
