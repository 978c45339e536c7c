from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import rydberg_qmem as rq
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.execute import walk
from rydberg_qmem.execute.population import Population, Split
from rydberg_qmem.execute.sharing import distinct
from tests.reference import Reference, largest_difference
from tests.strategies import programs

EXAMPLES = int(os.environ.get("RYDBERG_QMEM_EXAMPLES", "500"))
ROUNDING = 1e-9
"""Both sides multiply at most some hundred propagators, each exact to 1e-14."""


def agree(examples: int, *, derandomize: bool = True, shrink: bool = True, families: Any = None) -> None:
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(families) if families else programs())
    def compare(program: rq.Program) -> None:
        assert largest_difference(program, rq.run(program, shots=None)) < ROUNDING, program.to_json()

    compare()


def test_random_programs_have_the_expectation_values_of_the_plain_reference() -> None:
    agree(40)


@pytest.mark.slow
def test_many_random_programs_have_the_expectation_values_of_the_plain_reference() -> None:
    agree(EXAMPLES, derandomize=False)


def test_a_measurement_that_keeps_coherence_between_outcomes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "projector", lambda split: lambda states, outcome: states)

    with pytest.raises(AssertionError):
        agree(40, shrink=False)


def test_a_reset_that_moves_no_population_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(layout: Any, atoms: Any, split: Split) -> Any:
        return lambda states, outcome: states * (split.code[None, :] == outcome[:, None])

    monkeypatch.setattr(walk, "refresher", stuck)

    with pytest.raises(AssertionError):
        agree(40, shrink=False)


def test_feedforward_that_reads_the_value_before_the_measurement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = walk.Walk._measure

    def stale(self: walk.Walk, step: Any, population: Population) -> Population:
        made = measure(self, step, population)
        return made.with_values(**{step.key: np.zeros_like(made.values[step.key])})

    monkeypatch.setattr(walk.Walk, "_measure", stale)

    with pytest.raises(AssertionError):
        agree(40, shrink=False)


def test_merging_branches_of_different_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(population: Population, live: frozenset[str]) -> Population:
        first, which = distinct([population.state_of])
        made = population.keep(live).take(first)
        return Population(made.states, made.state_of, np.bincount(which, population.weights), made.shots, made.values)

    monkeypatch.setattr(walk, "merge_branches", careless)

    with pytest.raises(AssertionError):
        agree(40, shrink=False)


def test_a_wrong_sign_of_the_phase_references_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from rydberg_qmem.emulators import exact

    right = exact.apply_frame

    def conjugate(target: Any, schedule: Any, scope: Any, states: State) -> State:
        return right(target, schedule, scope, states.conj()).conj()

    monkeypatch.setattr(exact, "apply_frame", conjugate)

    with pytest.raises(AssertionError):
        agree(40, shrink=False)


def test_the_references_own_shots_have_its_expectation_values() -> None:
    program = rq.load("two_port_memristor").model_copy(
        update={"parameters": {"period": rq.Expression(2), "window": rq.Expression(2)}}
    )
    reference = Reference(program)
    rng = np.random.default_rng(7)
    shots = [reference.shot(rng).written for _ in range(600)]

    for place, mean in reference.means().items():
        seen = np.mean([shot[place] for shot in shots], axis=0)
        spread = np.std([shot[place] for shot in shots], axis=0) + 1e-3
        assert np.all(np.abs(seen - mean) < 5 * spread / np.sqrt(len(shots)) + 1e-9)
