# ruff: noqa: E501  # table heads and sentences of the page
"""Figures of docs/learning.md: `python benchmarks/learning.py [section ...]` measures, `page` writes the page."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import rydberg_qmem as rq
from rydberg_qmem.execute.series import run_series
from rydberg_qmem.learning import fit_ridge, mse, narma_memristor, polynomial
from rydberg_qmem.learning.capacities import processing_capacity
from rydberg_qmem.learning.comparison import compare
from rydberg_qmem.learning.datasets import digits, power_four
from rydberg_qmem.learning.networks import memristor_network, random_photons
from rydberg_qmem.learning.reservoir import MemristorReservoir

DOCS = Path(__file__).parent.parent / "docs"
FIGURES = DOCS / "learning.json"
Rows = list[list[Any]]


def stream(photons: list[str], taus: list[float], **options: Any) -> MemristorReservoir:
    return MemristorReservoir(memristor_network(photons, time_constants=taus), scale=False, layout="stream", **options)


def narma() -> Rows:
    tasks = [narma_memristor(1000, seed=seed) for seed in range(5)]
    rows: Rows = []
    for taus, features in (([4.0], ("means",)), ([1.5, 3.0, 5.0], ("means", "products"))):
        device = stream(["1 - x0 ** 2"] * len(taus), taus, features=features)
        made = compare(device, tasks, train=480, washout=20, polynomials=((1, 3), (2, 3), (4, 3), (6, 3)))
        for model in made.model.values.tolist():
            one = made.mse.sel(model=model).values
            size = int(made["features"].sel(model=model))
            rows.append([f"{len(taus)} cell(s): {model}", size, f"{one.mean():.2e}", f"{one.std(ddof=1):.0e}"])
    return rows


def shots() -> Rows:
    tasks, rows = [narma_memristor(1000, seed=seed) for seed in range(5)], []
    for number in (50, 200, 1000, 5000, None):
        found = []
        for seed, task in enumerate(tasks):
            device = stream(["1 - x0 ** 2"], [4.0], shots=number, random_state=seed)
            x, split = device.fit(task.inputs[:, None]).transform(task.inputs[:, None]), task.split(480, 20)
            readout = fit_ridge(x[split.train], task.targets[split.train])
            found.append(mse(task.targets[split.test], readout.predict(x[split.test])))
        rows.append([number or "exact", f"{np.mean(found):.2e}", f"{np.std(found, ddof=1):.0e}"])
    return rows


def power() -> Rows:
    task, rows = power_four(), []
    for features in (("means",), ("means", "products")):
        for name, orders in (("in order", [np.arange(85)]), ("shuffled", shuffles(5))):
            for freeze in (False, True):
                found = [one_power(task, order, features, freeze) for order in orders]
                rows.append(["frozen" if freeze else "memristor", " + ".join(features), name, *mean(found)])
    split = task.split(76)
    readout = fit_ridge(polynomial(task.inputs, 4)[split.train], task.targets[split.train], regularisation=1e-9)
    error = mse(task.targets[split.test], readout.predict(polynomial(task.inputs, 4)[split.test]))
    rows.append(["polynomial of degree 4", "x", "in order", *mean([error])])
    return rows


def shuffles(count: int) -> list[Any]:
    return [np.random.default_rng(seed).permutation(85) for seed in range(count)]


def mean(found: list[float]) -> list[str]:
    return [f"{np.mean(found):.2e}", f"{np.std(found, ddof=1):.0e}" if len(found) > 1 else "–"]


def one_power(task: Any, order: Any, features: tuple[str, ...], freeze: bool) -> float:
    inputs, targets, split = task.inputs[order][:, None], task.targets[order], task.split(76)
    x = stream(["x0"], [4.0], features=features, freeze=freeze).fit(inputs).transform(inputs)
    readout = fit_ridge(x[split.train], targets[split.train], regularisation=1e-9)
    return mse(targets[split.test], readout.predict(x[split.test]))


def classifier() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def digit_rows() -> Rows:
    cases, rows = digits(), []
    candidates = [(seed, gain, last) for gain in (0.7, 1.0) for last in (3.0, 6.0) for seed in (0, 1)]
    made: dict[tuple[str, bool], list[Any]] = {
        ("last", False): [],
        ("last", True): [],
        ("all", True): [],
        ("all", False): [],
    }
    for seed, gain, last in candidates:
        taus = np.geomspace(1.3, last, 9).round(2).tolist()
        program = memristor_network(random_photons(9, 8, seed=seed, gain=gain), time_constants=taus, channels=8)
        for freeze in (False, True):
            features = ("means",)
            device = MemristorReservoir(program, scale=False, features=features, readout="all", freeze=freeze)
            means = device.fit(cases.inputs).transform(cases.inputs)
            one, two = np.triu_indices(18)
            last_round = means.reshape(len(means), 8, 18)[:, -1]
            made["last", freeze].append(np.hstack([last_round, last_round[:, one] * last_round[:, two]]))
            made["all", freeze].append(means)
        print("digits", seed, gain, last, flush=True)
    for (readout, freeze), every in made.items():
        found = [score for seed in range(5) for score in nested(every, cases.labels, seed)]
        by_seed = np.reshape(found, (5, 5)).mean(axis=1)
        name = "feedback frozen" if freeze else "memristor"
        rows.append([name, readout, f"{by_seed.mean():.3f}", f"{by_seed.std(ddof=1):.3f}"])
    raw = [cross_val_score(classifier(), cases.inputs, cases.labels, cv=folds(s)).mean() for s in range(5)]
    return [*rows, ["raw pixels, logistic", "–", f"{np.mean(raw):.3f}", f"{np.std(raw, ddof=1):.3f}"]]


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


def capacity() -> Rows:
    rows = []
    for tau in (1.0, 2.0, 4.0, 8.0):
        for strength in (0.0, 0.5, 1.0):
            found = []
            for seed in range(5):
                u = np.random.default_rng(seed).uniform(size=2000)[:, None]
                device = stream(["x0"], [tau], parameters={"strength": strength}, features=("means", "products"))
                made = processing_capacity(device.fit(u).transform(u), u[:, 0], degree=3, delays=8)
                found.append([*made.by_degree.values(), made.total])
            rows.append(
                [tau, strength, *[f"{v:.2f}" for v in np.mean(found, axis=0)], f"{np.std(found, axis=0)[-1]:.2f}"]
            )
    return rows


def cost() -> Rows:
    x, rows = np.random.default_rng(0).uniform(size=(1000, 10)), []
    for cells in (1, 2, 3, 6, 9):
        program = memristor_network(["x0"] * cells, time_constants=[4.0] * cells)
        began = time.perf_counter()
        run_series(program, {"x0": x})
        rows.append([cells, f"{time.perf_counter() - began:.2f}"])
    return rows


def werner_program(strength: str) -> rq.Program:
    """Return Werner states of weight p through two memristor cells: the pair's outcomes are the features."""
    singlet = [
        {"rotate": {"atom": "s0", "angle": "-pi / 2"}},
        {"rotate": {"atom": "s1", "angle": "pi"}},
        {"cnot": {"control": "s0", "target": "s1"}},
    ]
    flips = [
        {"when": {"if": "uniform() < 0.5", "then": [{"rotate": {"atom": atom, "angle": "pi"}}]}}
        for atom in ("s0", "s1")
    ]
    body: list[Any] = [{"when": {"if": "uniform() < p", "then": singlet, "otherwise": flips}}]
    for c in (0, 1):
        body.append({"beam_splitter": {"system": f"s{c}", "ancilla": f"a{c}", "reflectivity": f"R{c}"}})
    body += [{"measure": {"atoms": ["a0", "s0", "a1", "s1"], "key": "m"}}, {"reset": {"atoms": "all"}}]
    body.append({"set": {f"R{c}": f"R{c} + {strength} * (ensemble_mean(m.a{c} + m.s{c}) - R{c}) / 4" for c in (0, 1)}})
    return rq.Program.model_validate(
        {
            "name": "werner",
            "device": "MockDevice",
            "register": {"atoms": {"s0": (0, 0), "a0": (5, 0), "s1": (0, 5), "a1": (5, 5)}},
            "inputs": {"p": {"default": "0.5", "rounds": 2}},
            "memory": {"R0": {"initial": 0.5}, "R1": {"initial": 0.5}},
            "body": [{"repeat": {"over": "p", "body": body}}],
        }
    )


def werner() -> Rows:
    rows = []
    for shots_each, name in ((None, "exact"), (1000, "1000 shots")):
        for strength, who in (("1", "memristors"), ("0", "feedback frozen")):
            found = []
            for seed in range(5):
                p = np.random.default_rng(seed).uniform(size=(600, 1))
                device = MemristorReservoir(
                    werner_program(strength),
                    scale=False,
                    features=("means", "pairs"),
                    shots=shots_each,
                    random_state=seed,
                )
                x, y = device.fit(p).transform(p), p[:, 0] > 1 / 3
                fitted = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=5000)).fit(x[:300], y[:300])
                found.append(fitted.score(x[300:], y[300:]))
            rows.append([who, name, f"{np.mean(found):.3f}", f"{np.std(found, ddof=1):.3f}"])
    return rows


SECTIONS = {
    "narma": (narma, "NARMA of the memristor literature", ["model", "features", "MSE", "spread over 5 seeds"]),
    "shots": (shots, "Shot noise: NARMA, one cell", ["shots", "MSE", "spread over 5 seeds"]),
    "power": (power, "x⁴, first 76 of 85 points train", ["model", "features", "order", "MSE", "spread"]),
    "digits": (digit_rows, "Digits 0/3/8, nine cells, columns as rounds", ["model", "rounds read out", "accuracy", "spread over 5 seeds"]),
    "capacity": (capacity, "Processing capacity, one cell", ["τ", "strength", "degree 1", "degree 2", "degree 3", "total", "spread"]),
    "werner": (werner, "Werner states: entangled or not", ["model", "shots", "accuracy", "spread over 5 seeds"]),
    "cost": (cost, "Time for 1,000 series of 10 rounds, exact", ["cells", "seconds"]),
}  # fmt: skip

SAID = {
    "narma": "Cells that meet no other cell and feed back by means over shots have a classical limit that gives the same "
    "features exactly (`mean field`): nothing here is a quantum advantage. Polynomial windows with enough terms come "
    "as close.",
    "power": "The memory helps only because points come in order, so that the last round tells the present one; "
    "shuffled, it does not help. A polynomial of degree 4 solves the task without any device.",
    "digits": "With *all* rounds read out, frozen feedback does as well as the memristors: only the readout of the last "
    "round needs memory. Raw pixels do best. Which encodings and time constants the search in each training fold may "
    "choose from was narrowed down on the whole data set beforehand, for both arms alike.",
    "capacity": "The capacity is the sum over products of Legendre polynomials of up to 8 past inputs.",
    "werner": "The outcomes' correlations are linear in the weight of the singlet. Each state is looked at for one "
    "round and feedback acts only after it, so that frozen feedback is the same by construction: memory plays no part.",
    "cost": "Measured under load, so upper bounds; cells that do not meet cost the sum of their times.",
    "shots": "One ensemble per round and seed; the memory feeds the noise back.",
}


def page() -> None:
    """Write the page from the measured figures."""
    found = json.loads(FIGURES.read_text(encoding="utf-8"))
    lines = ["# Learning with quantum memristors: what the figures say", ""]
    lines += ["Generated by `python benchmarks/learning.py`; each result stands beside its controls.", ""]
    for name, (_, title, head) in SECTIONS.items():
        if name in found:
            lines += [f"## {title}", "", SAID[name], "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
            lines += ["| " + " | ".join(map(str, row)) + " |" for row in found[name]] + [""]
    (DOCS / "learning.md").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Measure the sections named, or all, and write the page."""
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or SECTIONS:
        if name != "page":
            rows = SECTIONS[name][0]()
            found = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
            found[name] = rows
            FIGURES.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(name, *rows, sep="\n", flush=True)
    page()


if __name__ == "__main__":
    main()
