"""NARMA, x⁴ and digits with networks of memristor cells, and what they cost."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from rows import Rows, group, plain, scientific
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rydberg_qmem.learning import fit_ridge, mse, narma_memristor, polynomial
from rydberg_qmem.learning.comparison import compare
from rydberg_qmem.learning.datasets import digits, power_four
from rydberg_qmem.learning.reservoir import MemristorReservoir
from rydberg_qmem.programs import memristor_network, random_photons
from rydberg_qmem.running.series import run_series

CELLS = {1: ([4.0], ("means",)), 3: ([1.5, 3.0, 5.0], ("means", "products"))}
"""Time constants and features of the networks for NARMA."""
TASKS = [narma_memristor(1000, seed=seed) for seed in range(5)]


def network(cells: int, **options: Any) -> MemristorReservoir:
    taus, features = CELLS[cells]
    program = memristor_network(["1 - x0 ** 2"] * cells, time_constants=taus)
    return MemristorReservoir(program, scale=False, features=features, **options)


def narma() -> None:
    for cells in CELLS:
        group("narma", f"{cells} cell{'s' * (cells > 1)}", lambda cells=cells: beside_controls(cells))
    for cells in CELLS:
        name = f"{cells} cell{'s' * (cells > 1)}, pulse by pulse"
        group("narma", name, lambda cells=cells: [pulses(cells, freeze) for freeze in (False, True)])


def beside_controls(cells: int) -> Rows:
    polynomials = ((1, 3), (2, 3), (4, 3), (6, 3))
    made = compare(network(cells, layout="stream"), TASKS, train=480, washout=20, polynomials=polynomials)
    sizes = {model: int(made["features"].sel(model=model)) for model in made.model.values.tolist()}
    return [[model, size, *scientific(made.mse.sel(model=model).values)] for model, size in sizes.items()]


def pulses(cells: int, freeze: bool) -> list[Any]:
    found = errors(network(cells, readout="all", emulator="exact", freeze=freeze))
    size = np.size(found[1])
    return ["feedback frozen" if freeze else "memristor", size, *scientific(found[0])]


def errors(device: MemristorReservoir) -> tuple[list[float], Any]:
    """Return the test errors of a device on all tasks, which it runs side by side, and one round's features."""
    x = np.stack([task.inputs for task in TASKS])
    every = device.fit(x).transform(x).reshape(len(TASKS), x.shape[1], -1)
    found = []
    for task, features in zip(TASKS, every, strict=True):
        split = task.split(480, 20)
        readout = fit_ridge(features[split.train], task.targets[split.train], standardise=True)
        found.append(mse(task.targets[split.test], readout.predict(features[split.test])))
    return found, every[0, 0]


def shots() -> None:
    for cells in CELLS:
        for number in (50, 200, 1000, 5000, None):
            label = f"{cells} cell{'s' * (cells > 1)}, {number or 'exact'}"

            def measured(cells: int = cells, number: int | None = number) -> Rows:
                arms = [network(cells, readout="all", shots=number, freeze=f, random_state=1) for f in (False, True)]
                live, frozen = (errors(arm)[0] for arm in arms)
                return [[*scientific(live), *scientific(frozen)]]

            group("shots", label, measured)


def power() -> None:
    task = power_four()
    for features in (("means",), ("means", "products")):
        for name, orders in (("in order", [np.arange(85)]), ("shuffled", shuffles(5))):
            for freeze in (False, True):

                def measured(features: Any = features, orders: Any = orders, name: str = name, f: bool = freeze) -> Any:
                    found = [one_power(task, order, features, f) for order in orders]
                    return [[" + ".join(features), name, *scientific(found)]]

                label = ("frozen" if freeze else "memristor") + f", {' + '.join(features)}, {name}"
                group("power", label, measured)
    group("power", "polynomial of degree 4", lambda: [["x", "in order", *scientific([by_polynomial(task)])]])


def by_polynomial(task: Any) -> float:
    split, x = task.split(76), polynomial(task.inputs, 4)
    readout = fit_ridge(x[split.train], task.targets[split.train], regularisation=1e-9)
    return mse(task.targets[split.test], readout.predict(x[split.test]))


def shuffles(count: int) -> list[Any]:
    return [np.random.default_rng(seed).permutation(85) for seed in range(count)]


def one_power(task: Any, order: Any, features: tuple[str, ...], freeze: bool) -> float:
    inputs, targets, split = task.inputs[order][:, None], task.targets[order], task.split(76)
    program = memristor_network(["x0"], time_constants=[4.0])
    device = MemristorReservoir(program, scale=False, layout="stream", features=features, freeze=freeze)
    x = device.fit(inputs).transform(inputs)
    readout = fit_ridge(x[split.train], targets[split.train], regularisation=1e-9)
    return mse(targets[split.test], readout.predict(x[split.test]))


def classifier() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def digit_columns() -> None:
    cases = digits()
    arms = {(readout, freeze): f"{'feedback frozen' if freeze else 'memristor'}, {readout} rounds"
            for readout in ("last", "all") for freeze in (False, True)}  # fmt: skip
    for (readout, freeze), name in arms.items():
        group("digits", name.replace("last rounds", "last round"),
              lambda readout=readout, freeze=freeze: [by_columns(cases, readout, freeze)])  # fmt: skip
    raw = lambda: [cross_val_score(classifier(), cases.inputs, cases.labels, cv=folds(s)).mean() for s in range(5)]  # noqa: E731
    group("digits", "raw pixels, logistic", lambda: [plain(raw())])


def by_columns(cases: Any, readout: str, freeze: bool) -> list[str]:
    """Return the accuracy of nine cells whose encoding and time constants each training fold chooses from eight."""
    every = []
    for gain, last, seed in [(g, t, s) for g in (0.7, 1.0) for t in (3.0, 6.0) for s in (0, 1)]:
        taus = np.geomspace(1.3, last, 9).round(2).tolist()
        program = memristor_network(random_photons(9, 8, seed=seed, gain=gain), time_constants=taus, channels=8)
        device = MemristorReservoir(program, scale=False, readout="all", freeze=freeze)
        means = device.fit(cases.inputs).transform(cases.inputs)
        one, two = np.triu_indices(18)
        last_round = means.reshape(len(means), 8, 18)[:, -1]
        both = np.hstack([last_round, last_round[:, one] * last_round[:, two]])
        every.append(means if readout == "all" else both)
    found = [score for seed in range(5) for score in nested(every, cases.labels, seed)]
    return plain(np.reshape(found, (5, 5)).mean(axis=1))


def folds(seed: int) -> StratifiedKFold:
    return StratifiedKFold(5, shuffle=True, random_state=seed)


def nested(every: list[Any], labels: Any, seed: int) -> list[float]:
    """Choose the encoding by cross-validation within each training fold, then test once."""
    scores = []
    for train, test in folds(seed).split(labels, labels):
        inner = [cross_val_score(classifier(), x[train], labels[train], cv=2).mean() for x in every]
        best = every[int(np.argmax(inner))]
        scores.append(float(classifier().fit(best[train], labels[train]).score(best[test], labels[test])))
    return scores


def cost() -> None:
    x = np.random.default_rng(0).uniform(size=(1000, 10))
    for cells in (1, 2, 3, 6, 9):

        def seconds(cells: int = cells) -> Rows:
            began = time.perf_counter()
            run_series(memristor_network(["x0"] * cells, time_constants=[4.0] * cells), {"x0": x})
            return [[f"{time.perf_counter() - began:.2f}"]]

        group("cost", str(cells), seconds)
