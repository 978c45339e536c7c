"""Entanglement detection: Werner states, and pure against product states whose atoms look the same one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from rows import Rows, group, plain
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import rydberg_qmem as rq
from rydberg_qmem.learning.datasets import MATCHED_COLUMNS, matched_states
from rydberg_qmem.learning.reservoir import MemristorReservoir

CASES = 600
FLIPS = [
    {"when": {"if": "uniform() < 0.5", "then": [{"rotate": {"atom": atom, "angle": "pi"}}]}} for atom in ("s0", "s1")
]
SINGLET = [
    {"rotate": {"atom": "s0", "angle": "-pi / 2"}},
    {"rotate": {"atom": "s1", "angle": "pi"}},
    {"cnot": {"control": "s0", "target": "s1"}},
]
MATCHED = [
    {"rotate": {"atom": "s0", "angle": "chi"}},
    {"cnot": {"control": "s0", "target": "s1"}},
    *({"rotate": {"atom": f"s{c}", "quaternion": [f"{q}{c}" for q in "wxyz"]}} for c in (0, 1)),
]


def watched(preparation: list[Any], inputs: tuple[str, ...]) -> rq.Program:
    """Return a program that sends two atoms through a memristor cell each, once in every round."""
    body: list[Any] = [*preparation]
    for c in (0, 1):
        body.append({"beam_splitter": {"system": f"s{c}", "ancilla": f"a{c}", "reflectivity": f"R{c}"}})
    body += [{"measure": {"atoms": ["a0", "s0", "a1", "s1"], "key": "m"}}, {"reset": {"atoms": "all"}}]
    seen = {f"R{c}": f"clip(R{c} + (ensemble_mean(m.a{c} + m.s{c}) - R{c}) / 2, 0, 1)" for c in (0, 1)}
    return rq.Program.model_validate(
        {
            "name": "watched_pair",
            "device": "MockDevice",
            "register": {"atoms": {"s0": (0, 0), "a0": (5, 0), "s1": (0, 5), "a1": (5, 5)}},
            "inputs": {name: {"default": "0", "rounds": 2} for name in inputs},
            "memory": {"R0": {"initial": 0.5}, "R1": {"initial": 0.5}},
            "body": [
                {"repeat": {"over": list(inputs) if len(inputs) > 1 else inputs[0], "body": [*body, {"set": seen}]}}
            ],
        }
    )


def werner() -> None:
    program = watched([{"when": {"if": "uniform() < p", "then": SINGLET, "otherwise": FLIPS}}], ("p",))
    for shots in (None, 1000):
        for freeze in (False, True):
            name = f"{'feedback frozen' if freeze else 'memristors'}, {f'{shots} shots' if shots else 'exact'}"

            def measured(shots: int | None = shots, freeze: bool = freeze) -> Rows:
                found = []
                for seed in range(5):
                    p = np.random.default_rng(seed).uniform(size=(CASES, 1))
                    x = seen(program, p, shots=shots, freeze=freeze, random_state=seed)
                    found.append(split_score(LogisticRegression(C=100, max_iter=5000), x, p[:, 0] > 1 / 3))
                return [plain(found)]

            group("werner", name, measured)


def matched() -> None:
    program = watched(MATCHED, MATCHED_COLUMNS)
    arms = [("memristors", False, 3), ("feedback frozen", True, 3), ("feedback frozen", True, 1)]
    for shots in (None, 1000):
        for who, freeze, rounds in arms:
            name = f"{who}, {rounds} round{'s' * (rounds > 1)}, {f'{shots} shots' if shots else 'exact'}"
            group("matched", name, lambda s=shots, f=freeze, r=rounds: [told_apart(program, s, f, r)])
    group("matched", "single-atom means alone, exact", lambda: [told_apart(program, None, True, 1, chosen=only_means)])
    for shots in (None, 1000):
        group("matched", f"squared covariances, {f'{shots} shots' if shots else 'exact'}",
              lambda s=shots: [told_apart(program, s, True, 1, chosen=covariances)])  # fmt: skip


def told_apart(program: rq.Program, shots: int | None, freeze: bool, rounds: int, *, chosen: Any = None) -> list[str]:
    """Return accuracies of a linear readout and of one by support vectors."""
    linear, curved = [], []
    for seed in range(5):
        columns, labels = matched_states(CASES, seed=seed)
        series = np.tile(columns, (1, rounds))  # the same pair comes again in every round
        x = seen(program, series, shots=shots, freeze=freeze, random_state=seed)
        x = x if chosen is None else chosen(x)
        linear.append(split_score(LogisticRegression(C=100, max_iter=5000), x, labels))
        curved.append(split_score(SVC(C=100), x, labels))
    return [*plain(linear), *plain(curved)]


def only_means(x: Any) -> Any:
    return x[:, :4]


def covariances(x: Any) -> Any:
    """Return what products of means and pairs give by hand: squared covariances between the cells' four detectors."""
    one, two = np.triu_indices(4, 1)
    across = (one < 2) & (two >= 2)
    return ((x[:, 4:] - x[:, one] * x[:, two])[:, across]) ** 2


def seen(program: rq.Program, x: Any, **options: Any) -> Any:
    return MemristorReservoir(program, scale=False, features=("means", "pairs"), **options).fit(x).transform(x)


def split_score(model: Any, x: Any, y: Any) -> float:
    half = len(x) // 2
    return float(make_pipeline(StandardScaler(), model).fit(x[:half], y[:half]).score(x[half:], y[half:]))
