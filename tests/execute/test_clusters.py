"""Exact runs of cells that nothing connects keep a population for each: the means of one population for all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.semantics import interpret
from rydberg_qmem.compile.steps import SetStep, Step
from rydberg_qmem.engine import clusters, interpreter
from rydberg_qmem.engine.clusters import clusters_of
from rydberg_qmem.engine.context import Cursor
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.running.job import Job, context_of, prepare
from rydberg_qmem.running.series import run_series

LINKS = ("gate", "memory", "condition", "probe", "key", "mean")


def cell(i: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return what one cell of two atoms does in a round: gates, a measurement, feedback of some sort."""
    angle = f"{rng.uniform(0.3, 2.5):.3f} + {rng.uniform(0.1, 0.9):.3f} * x{i} + 0.2 * n_in"
    feedback: list[list[dict[str, Any]]] = [
        [{"set": {f"x{i}": f"clip(0.5 * x{i} + m{i}, -2, 2)"}}],
        [{"push": {f"w{i}": f"m{i}"}}, {"set": {f"x{i}": f"mean(w{i})"}}],
        [{"when": {"if": f"m{i} == 1", "then": [{"rotate": {"atom": f"s{i}", "angle": 0.7}}]}}],
        [{"set": {f"x{i}": f"ensemble_mean(m{i})"}}],
    ]
    return [
        {"rotate": {"atom": f"s{i}", "angle": angle}},
        {"beam_splitter": {"system": f"s{i}", "ancilla": f"a{i}", "reflectivity": f"{rng.uniform(0.2, 0.8):.3f}"}},
        {"measure": {"atoms": f"a{i}", "key": f"m{i}"}},
        *feedback[int(rng.integers(4))],
        {"probe": {"atoms": [f"s{i}"], "key": f"p{i}", "occupation": True}},
        {"reset": {"atoms": [f"a{i}"] if rng.random() < 0.5 else [f"a{i}", f"s{i}"]}},
    ]


def link(kind: str, i: int, j: int) -> list[dict[str, Any]]:
    """Return what connects two cells."""
    made: dict[str, list[dict[str, Any]]] = {
        "gate": [{"cz": {"control": f"s{i}", "target": f"s{j}"}}],
        "memory": [{"set": {f"x{j}": f"x{i} / 2 + x{j} / 3"}}],
        "condition": [{"when": {"if": f"m{i} == 1", "then": [{"rotate": {"atom": f"s{j}", "angle": 1}}]}}],
        "probe": [{"probe": {"atoms": [f"s{i}", f"s{j}"], "key": f"c{i}{j}", "correlations": True}}],
        "key": [{"measure": {"atoms": [f"s{i}", f"s{j}"], "key": f"k{i}{j}"}}],
        "mean": [{"set": {f"x{j}": f"ensemble_mean(m{i} * m{j})"}}],
    }
    return made[kind]


def program(seed: int, cells: int, links: list[tuple[str, int, int]], rounds: int = 3) -> rq.Program:
    """Return cells at random that nothing connects but the links."""
    rng = np.random.default_rng(seed)
    body = [block for i in range(cells) for block in cell(i, rng)]
    body += [block for kind, i, j in links for block in link(kind, i, j)]
    names = range(cells)
    return rq.Program.model_validate(
        {
            "name": "cells",
            "device": "MockDevice",
            "register": {"atoms": {f"{c}{i}": (7.0 * i, 5.0 * k) for i in names for k, c in enumerate("sa")}},
            "memory": {f"x{i}": {"initial": 0.1 * i} for i in names}
            | {f"w{i}": {"window": 2, "initial": 0.5} for i in names},
            "inputs": {"n_in": {"default": "cos(k)", "rounds": rounds}},
            "body": [{"repeat": {"over": "n_in", "body": body}}],
        }
    )


def contexts(of: rq.Program) -> tuple[Any, Recorder]:
    """Return what an exact run stands on, and where it writes."""
    job = Job(of, {}, None, None, None, "ideal", "auto")
    compiled = prepare(job, {})
    recorder = Recorder(compiled, None)
    return context_of(job, compiled, recorder, None, shots=None), recorder


def in_one_population(of: rq.Program) -> dict[str, Any]:
    """Return the means of a run whose branches are those of all cells together."""
    run, recorder = contexts(of)
    cursor = Cursor()
    rows = interpret(run.compiled.steps, interpreter.start(run, cursor, None), interpreter.steps(run, cursor))
    interpreter.finish(run, cursor, rows)
    return recorder.finished()


def largest_difference(of: rq.Program) -> float:
    """Return by how much a record differs from that of one population, in its worst variable."""
    record = rq.run(of, shots=None, emulator="ideal")
    expected = in_one_population(of)
    compared = [name for name in expected if name in record]
    assert any(name.startswith("m") for name in compared)
    return max(float(np.nanmax(np.abs(record[name].values - expected[name]), initial=0.0)) for name in compared)


def drawn(seed: int) -> tuple[rq.Program, int]:
    """Return three cells with links at random, and how many clusters they make."""
    rng = np.random.default_rng(1000 + seed)
    pairs = [(0, 1), (1, 2)][: int(rng.integers(0, 3))]
    links = [(LINKS[int(rng.integers(len(LINKS)))], i, j) for i, j in pairs]
    return program(seed, 3, links), 3 - len(links)


def cells_of(of: rq.Program) -> list[frozenset[Any]]:
    """Return the clusters that have atoms: memory that nothing uses is one of its own."""
    run, _ = contexts(of)
    found = clusters_of(run)
    return [cluster.nodes for cluster in found if any(isinstance(node, int) for node in cluster.nodes)]


@pytest.mark.parametrize("seed", range(6))
def test_a_population_for_each_cluster_gives_the_means_of_one_for_all(seed: int) -> None:
    made, count = drawn(seed)

    assert largest_difference(made) < 1e-12
    if count > 1:
        assert len(cells_of(made)) == count


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6, 60))
def test_a_population_for_each_cluster_gives_the_means_of_one_for_all_in_many_programs(seed: int) -> None:
    assert largest_difference(drawn(seed)[0]) < 1e-12


@pytest.mark.parametrize("kind", LINKS)
def test_what_connects_two_cells_makes_them_one_cluster(kind: str) -> None:
    together = [nodes for nodes in cells_of(program(1, 3, [(kind, 0, 1)])) if {0, 1} & nodes]

    assert {0, 2} <= next(nodes for nodes in together if 0 in nodes)
    assert not any({0, 4} <= nodes for nodes in together)


def test_cells_cut_although_memory_connects_them_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = clusters._edges

    def blind(run: Any, steps: tuple[Step, ...]) -> Iterator[frozenset[Any]]:
        for edge in whole(run, steps):
            names = [node for node in edge if isinstance(node, str) and node.startswith("x")]
            yield edge if len(names) < 2 else frozenset(names[:1])

    made = program(1, 2, [("memory", 0, 1)])
    assert largest_difference(made) < 1e-12
    monkeypatch.setattr(clusters, "_edges", blind)
    with pytest.raises((rq.QmemError, KeyError, AssertionError)):
        assert largest_difference(made) < 1e-12


def test_steps_of_a_cluster_are_its_own() -> None:
    run, _ = contexts(program(1, 3, []))

    for cluster in clusters_of(run)[1:]:
        sets = [step for step in cluster.run.compiled.steps if isinstance(step, SetStep)]
        assert all(name in cluster.nodes for step in sets for name, _ in step.values)


def test_exact_and_sampled_runs_of_many_cells_mean_the_same() -> None:
    made, shots = program(3, 4, []), 4000
    exact, sampled = rq.run(made, shots=None, emulator="ideal"), rq.run(made, shots=shots, seed=1, emulator="ideal")

    for i in range(4):
        error = np.abs(sampled[f"m{i}"].mean("shot") - exact[f"m{i}"])
        assert float(error.max()) < 5.5 * 0.5 / np.sqrt(shots)  # alpha 1e-6 for a dozen means


def test_branches_of_cells_add_up_where_they_would_multiply() -> None:
    cells = 12  # each has several branches: more than 4 ** 12 together

    record = rq.run(program(5, cells, [], rounds=2), shots=None, emulator="ideal")

    assert all(np.isfinite(record[f"m{i}"]).all() for i in range(cells))


def test_series_of_many_cells_are_the_runs_of_each() -> None:
    made = program(7, 3, [("memory", 0, 1)])
    inputs = np.random.default_rng(1).uniform(0, 1, (3, 3))

    means = run_series(made, {"n_in": inputs}).means

    for row, values in enumerate(inputs):
        one = rq.run(made, inputs={"n_in": values}, shots=None, emulator="ideal")
        assert all(
            np.abs(means[f"m{i}"][row].squeeze() - one[f"m{i}"].values.squeeze()).max() < 1e-12 for i in range(3)
        )
