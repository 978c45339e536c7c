"""Sampled shots against the exact tree of branches, with mutants that must be found out."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

import rydberg_qmem as rq
from tests.reference import Reference

SHOTS = 50_000
FEW = 5.0
"""Histories expected fewer times than this are counted together."""

Outcomes = tuple[int, ...]


def program(*, flip: str = "0", reset: str = "a", sign: str = "+") -> rq.Program:
    """Return a program of two atoms that measures, resets and feeds forward; the options spoil it."""
    turns = [{"rotate": {"atom": "a", "angle": "x + 0.3 * k"}}, {"rotate": {"atom": "b", "angle": 0.6}}]
    body: list[Any] = [
        {"rotate": {"atom": "a", "angle": 1.0}},
        {"rotate": {"atom": "b", "angle": 0.8}},
        {"cz": {"control": "a", "target": "b"}},
        {"rotate": {"atom": "a", "axis": "x", "angle": 0.9}},
        {"measure": {"atoms": "a", "key": "m"}},
        {"rotate": {"atom": "b", "angle": f"0.9 {sign} 0.7 * m"}},
        {"measure": {"atoms": "b", "key": "n"}},
        {"reset": {"atoms": reset}},
        {"push": {"seen": "m + n"}},
        {"rotate": {"atom": "a", "angle": "0.4 + 0.3 * mean(seen)"}},
        {"when": {"if": f"uniform() < {flip}", "then": [{"rotate": {"atom": "a", "axis": "x", "angle": "pi"}}]}},
        {"measure": {"atoms": ["b", "a"], "key": "o"}},
        {"set": {"x": "where(o.a == o.b, 0.4, 1.7)"}},
        {"repeat": {"times": 2, "body": [*turns, look("p"), look("q")]}},
    ]
    memory = {"seen": {"window": 2, "initial": 0.5}, "x": {}}
    atoms = {"a": (0, 0), "b": (5, 0)}
    return rq.Program(name="tree", register={"atoms": atoms}, memory=memory, body=body)


def look(key: str) -> dict[str, Any]:
    return {"measure": {"atoms": "a" if key == "p" else "b", "key": key}}


@cache
def expected() -> dict[Outcomes, float]:
    """Return the probability of every history of outcomes, by the plain reference."""
    chances: dict[Outcomes, float] = defaultdict(float)
    for branch in Reference(program()).branches():
        bits: list[int] = []
        for key, rounds in (("m", 0), ("n", 0), ("o", 0), ("p", 2), ("q", 2)):
            places: list[Any] = [(("round", k),) for k in range(rounds)] or [()]
            bits += [int(b) for place in places for b in np.atleast_1d(branch.written[key, place])]
        chances[tuple(bits)] += branch.probability
    return chances


def p_value(spoiled: rq.Program, seed: int = 1) -> float:
    """Return the chi-square p-value of 50,000 shots of a program against the tree of the right one."""
    record = rq.run(spoiled, shots=SHOTS, seed=seed)
    columns = [record[key].values.reshape(SHOTS, -1) for key in ("m", "n", "o", "p", "q")]
    seen = Counter(map(tuple, np.concatenate(columns, axis=1).tolist()))
    often = {bits: chance * SHOTS for bits, chance in expected().items() if chance * SHOTS >= FEW}
    statistic = sum((seen[bits] - mean) ** 2 / mean for bits, mean in often.items())
    others = SHOTS - sum(often.values())
    statistic += (SHOTS - sum(seen[bits] for bits in often) - others) ** 2 / max(others, FEW)
    return float(chi2.sf(statistic, len(often)))


def test_the_tree_has_many_histories_and_all_of_the_probability() -> None:
    assert sum(expected().values()) == pytest.approx(1, abs=1e-9)
    assert sum(chance * SHOTS >= FEW for chance in expected().values()) > 50


def test_sampled_histories_are_distributed_as_the_exact_tree() -> None:
    assert p_value(program()) > 1e-6


@pytest.mark.parametrize(
    "mutant",
    [program(flip="0.02"), program(reset="b"), program(sign="-")],
    ids=["two percent of outcomes flipped", "reset of the wrong atom", "feedforward reversed"],
)
def test_a_mutant_is_found_out(mutant: rq.Program) -> None:
    assert p_value(mutant) < 1e-9


def test_a_reset_that_is_left_out_is_found_out() -> None:
    right = program()
    without = right.model_copy(update={"body": tuple(b for b in right.body if not isinstance(b, rq.Reset))})

    assert p_value(without) < 1e-9


def z_scores(seeds: int, shots: int) -> Any:
    half = [{"rotate": {"atom": "q", "angle": "pi / 3"}}, {"measure": {"atoms": "q", "key": "m"}}]
    made = rq.Program(name="coin", register={"atoms": {"q": (0, 0)}}, body=half)
    ones = np.array([float(rq.run(made, shots=shots, seed=seed).m.sum()) for seed in range(seeds)])
    return (ones - shots / 4) / np.sqrt(shots * 3 / 16)


@pytest.mark.slow
def test_two_hundred_consecutive_seeds_are_spread_as_independent_runs_are() -> None:
    z = z_scores(200, 5000)

    # 1/√(2·200) = 0.05 is the standard error of the spread, 1/√200 = 0.07 that of the correlation and the mean
    assert 0.85 < z.std() < 1.15
    assert abs(z.mean()) < 0.25
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 0.25


def test_later_rounds_of_a_shot_do_not_repeat_its_earlier_draws() -> None:
    body = [{"rotate": {"atom": "q", "angle": "pi / 2"}}, {"measure": {"atoms": "q", "key": "m"}}]
    loop = {"repeat": {"times": 4, "body": [*body, {"reset": {"atoms": "q"}}, {"set": {"x": "uniform() < 0.5"}}]}}
    made = rq.Program(name="coins", register={"atoms": {"q": (0, 0)}}, body=[loop])

    record = rq.run(made, shots=20_000, seed=3)
    columns = np.concatenate([record.m.values, record.x.values[:, 1:]], axis=1).astype(float)
    correlation = np.corrcoef(columns.T) - np.eye(columns.shape[1])

    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)
