"""Sampled shots against exact probabilities, and the promises about seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import rydberg_qmem as rq
from tests.reference import Reference

SHOTS = 50_000
PASSES, FAILS = 1e-6, 1e-9
"""A sound sampler falls below the first once in a million seeds; a mutant falls below the second always."""

ROUNDS = 3
ROUND = [
    {"rotate": {"atom": "s", "angle": "1.1 + 0.7 * x"}},
    {"rotate": {"atom": "a", "angle": -0.9}},
    {"cz": {"control": "s", "target": "a", "infidelity": 0.01}},
    {"rotate": {"atom": "a", "angle": 0.9}},
    {"measure": {"atoms": ["a", "s"], "key": "m"}},
    {"reset": {"atoms": "a"}},
    {"set": {"x": "m.a - m.s"}},
]
FLIPS = [
    {"when": {"if": "uniform() < 0.02", "then": [{"rotate": {"atom": atom, "axis": "x", "angle": "pi"}}]}}
    for atom in ("a", "s")
]
MUTANTS: dict[str, list[Any]] = {
    "two percent of the outcomes flipped": [*ROUND[:4], *FLIPS, *ROUND[4:]],
    "no reset": [*ROUND[:5], *ROUND[6:]],
    "feedforward reversed": [*ROUND[:6], {"set": {"x": "m.s - m.a"}}],
}


def feedback(body: list[Any]) -> rq.Program:
    """Return three rounds of a body on two atoms, s never reset, steered by the last outcomes."""
    return rq.Program(
        name="feedback",
        device="MockDevice",
        register={"atoms": {"s": [0, 0], "a": [5, 0]}},
        memory={"x": {"initial": 0}},
        body=[{"repeat": {"times": ROUNDS, "body": body}}],
    )


@cache
def expected() -> NDArray[np.float64]:
    """Return the probability of each of the 64 histories, from the reference's tree of branches."""
    chances = np.zeros(4**ROUNDS)
    for branch in Reference(feedback(ROUND)).branches():
        bits = [bit for k in range(ROUNDS) for bit in branch.written["m", (("round", k),)]]
        chances[int("".join(map(str, bits)), 2)] += branch.probability
    return chances


def histories(record: Any) -> NDArray[np.int64]:
    """Return how often each history came up."""
    bits = record.m.values.reshape(record.sizes["shot"], -1).astype(np.int64)
    return np.bincount(bits @ 2 ** np.arange(2 * ROUNDS - 1, -1, -1), minlength=4**ROUNDS)


def p_value(body: list[Any], *, seed: int, shots: int = SHOTS) -> float:
    """Return the chance of a histogram as far off as this one; histories with few shots count as one."""
    counts = histories(rq.run(feedback(body), shots=shots, seed=seed))
    wanted = expected() * shots
    rare = wanted < 10
    observed = [*counts[~rare], counts[rare].sum()]
    return float(stats.chisquare(observed, [*wanted[~rare], wanted[rare].sum()]).pvalue)


def test_the_tree_of_branches_is_complete() -> None:
    assert expected().sum() == pytest.approx(1, abs=1e-9)
    assert (expected() * SHOTS > 10).sum() > 25


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shots_have_the_probabilities_of_the_tree_of_branches(seed: int) -> None:
    assert p_value(ROUND, seed=seed) > PASSES


@pytest.mark.parametrize("body", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_mutant_does_not(body: list[Any]) -> None:
    assert p_value(body, seed=1) < FAILS


def test_exact_runs_have_the_means_of_the_tree_of_branches() -> None:
    record = rq.run(feedback(ROUND), shots=None)
    bits = (np.arange(4**ROUNDS)[:, None] >> np.arange(2 * ROUNDS - 1, -1, -1)) & 1

    assert record.m.values.ravel() == pytest.approx(expected() @ bits, abs=1e-9)


# --- seeds ---


def fingerprint(record: Any) -> str:
    """Return the sha256 over all outcomes and memory."""
    digest = hashlib.sha256()
    for name in sorted(map(str, record.data_vars)):
        digest.update(name.encode() + np.ascontiguousarray(record[name].values).tobytes())
    return digest.hexdigest()


def noisy(*, ensemble: bool = False) -> rq.Program:
    """Return a program that draws numbers of its own; with `ensemble`, shots of a cohort feel each other."""
    feel = "0.3 * x + 0.5 * ensemble_mean(m)" if ensemble else "0.3 * x + m"
    body = [
        {"set": {"x": "0.2 * normal() + uniform()"}},
        {"rotate": {"atom": "q", "angle": "angle + x"}},
        {"measure": {"atoms": "q", "key": "m"}},
        {"set": {"x": feel}},
    ]
    return rq.Program(
        name="noisy",
        register={"atoms": {"q": [0, 0]}},
        parameters={"angle": 0.6},
        body=[{"repeat": {"times": 4, "body": body}}],
    )


def test_the_same_seed_gives_the_same_record() -> None:
    one, two = (rq.run(noisy(), shots=2500, seed=11) for _ in range(2))

    assert fingerprint(one) == fingerprint(two)
    assert one.attrs["seed"] == "11"


def test_another_seed_gives_another_record() -> None:
    records = [rq.run(noisy(), shots=100, seed=seed) for seed in (0, 1, 2**64, 2**64 + 1)]

    assert len({fingerprint(record) for record in records}) == 4


def test_without_a_seed_one_is_drawn_and_written_down() -> None:
    one, two = (rq.run(noisy(), shots=100) for _ in range(2))
    again = rq.run(noisy(), shots=100, seed=int(one.attrs["seed"]))

    assert one.attrs["seed"] != two.attrs["seed"]
    assert fingerprint(again) == fingerprint(one)


def test_global_random_state_is_neither_read_nor_changed() -> None:
    np.random.seed(5)  # noqa: NPY002  # the state that other libraries share
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002  # another state of it
    one = fingerprint(rq.run(noisy(), shots=100, seed=3))
    after = np.random.get_state()[1]  # type: ignore[index]  # noqa: NPY002  # another state of it
    np.random.seed(6)  # noqa: NPY002  # another state of it

    assert (before == after).all()
    assert fingerprint(rq.run(noisy(), shots=100, seed=3)) == one


@pytest.mark.parametrize("ensemble", [False, True])
def test_more_shots_keep_the_earlier_cohorts(ensemble: bool) -> None:
    few, more = (rq.run(noisy(ensemble=ensemble), shots=shots, seed=4) for shots in (2000, 3500))

    assert fingerprint(more.isel(shot=slice(0, 2000))) == fingerprint(few)
    assert fingerprint(more.isel(shot=slice(1000, 3000))) != fingerprint(few)


@pytest.mark.parametrize("ensemble", [False, True])
def test_how_many_cohorts_are_walked_together_changes_nothing(monkeypatch: pytest.MonkeyPatch, ensemble: bool) -> None:
    together = fingerprint(rq.run(noisy(ensemble=ensemble), shots=3500, seed=4))
    monkeypatch.setattr("rydberg_qmem.running.units.BATCH_COHORTS", 1)

    assert fingerprint(rq.run(noisy(ensemble=ensemble), shots=3500, seed=4)) == together


def test_means_over_two_cohorts_at_once_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    together = fingerprint(rq.run(noisy(ensemble=True), shots=2000, seed=4))
    monkeypatch.setattr("rydberg_qmem.engine.row_values.ensembles_of", lambda run, population: None)

    assert fingerprint(rq.run(noisy(ensemble=True), shots=2000, seed=4)) != together


@pytest.mark.parametrize("ensemble", [False, True])
def test_workers_change_nothing(ensemble: bool) -> None:
    def swept(workers: int) -> str:
        program = noisy(ensemble=ensemble)
        return fingerprint(rq.run(program, sweep={"angle": [0.2, 0.9]}, shots=1500, seed=8, workers=workers))

    assert swept(2) == swept(1)


def test_points_of_a_sweep_draw_their_own_numbers() -> None:
    record = rq.run(noisy(), sweep={"angle": [0.6, 0.6]}, shots=200, seed=8)

    assert fingerprint(record.isel(point=0)) != fingerprint(record.isel(point=1))


# --- independence ---


def z_scores(seeds: range, shots: int) -> NDArray[np.float64]:
    """Return by how many standard errors the mean outcome of one atom is off, seed by seed."""
    turn, look = {"rotate": {"atom": "q", "angle": 1.0}}, {"measure": {"atoms": "q", "key": "m"}}
    program = rq.Program(name="one", register={"atoms": {"q": [0, 0]}}, body=[turn, look])
    p = np.sin(0.5) ** 2
    means = np.array([float(rq.run(program, shots=shots, seed=seed).m.mean()) for seed in seeds])
    return np.asarray((means - p) / np.sqrt(p * (1 - p) / shots))


def lag_one(values: NDArray[np.float64]) -> float:
    return float(np.corrcoef(values[:-1], values[1:])[0, 1])


@pytest.mark.slow
def test_consecutive_seeds_scatter_as_they_should_and_know_nothing_of_each_other() -> None:
    scores = z_scores(range(200), 5000)

    assert 0.85 < scores.std(ddof=1) < 1.15
    assert abs(scores.mean()) < 5 / np.sqrt(200)
    assert abs(lag_one(scores)) < 0.25


def independent(one: Any, two: Any) -> bool:
    """Return whether two columns of shots are uncorrelated, at a level of 1e-6."""
    return bool(abs(np.corrcoef(one, two)[0, 1]) < stats.norm.isf(5e-7) / np.sqrt(len(one)))


def test_atoms_rounds_and_the_programs_own_numbers_are_independent() -> None:
    turns = [{"rotate": {"atom": atom, "angle": 1.2}} for atom in "ab"]
    body = [{"set": {"x": "uniform()"}}, *turns, {"measure": {"atoms": "all", "key": "m"}}, {"reset": {"atoms": "all"}}]
    program = rq.Program(
        name="p", register={"atoms": {"a": [0, 0], "b": [9, 0]}}, body=[{"repeat": {"times": 2, "body": body}}]
    )
    record = rq.run(program, shots=20_000, seed=2)
    bits, drawn = record.m.values.astype(float), record.x.values[:, 1]  # drawn in round 0

    assert independent(bits[:, 0, 0], bits[:, 0, 1])
    assert independent(bits[:, 0, 0], bits[:, 1, 0])
    assert independent(bits[:, 0, 0], drawn)
    assert not independent(bits[:, 0, 0], bits[:, 0, 0] + 10 * bits[:, 0, 1])


@pytest.mark.parametrize(("text", "cdf"), [("uniform()", stats.uniform.cdf), ("normal()", stats.norm.cdf)])
def test_the_programs_own_numbers_have_their_distribution(text: str, cdf: Callable[..., Any]) -> None:
    program = rq.Program(name="p", register={"atoms": {"a": [0, 0]}}, memory={"x": {}}, body=[{"set": {"x": text}}])
    drawn = rq.run(program, shots=20_000, seed=5).x.values

    assert stats.kstest(drawn, cdf).pvalue > PASSES
    assert stats.kstest(0.97 * drawn, cdf).pvalue < stats.kstest(drawn, cdf).pvalue
    assert len(np.unique(drawn)) == 20_000
