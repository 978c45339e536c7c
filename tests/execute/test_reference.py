from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import rydberg_qmem as rq
from rydberg_qmem.compile.steps import MeasureStep, ResetStep
from rydberg_qmem.emulators.exact import PlayedSegment
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.engine import branches, interpreter, measurement
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.deduplicate import distinct
from rydberg_qmem.engine.outcomes import Chosen, Partition, choose
from rydberg_qmem.engine.population import Part, Population
from tests.reference import Reference, chance_of, largest_difference, least_likely
from tests.strategies import LEVELS, if_a_device_takes_it, programs

EXAMPLES = int(os.environ.get("RYDBERG_QMEM_EXAMPLES", "80"))
EXPLORE = "RYDBERG_QMEM_EXPLORE" in os.environ
"""New programs each time: to look for faults, not for the gate, which must not flake."""
ROUNDING = 1e-9
"""The engine's step control allows 1e-10 in an amplitude for each stretch of a shaped pulse; all else is rounding."""
ALPHA = 1e-6
"""Chance that a right engine fails the chi-square of one program's joint outcomes."""

Check = Callable[[rq.Program], None]


def exactly(program: rq.Program) -> None:
    assert largest_difference(program, rq.run(program, shots=None)) < ROUNDING, program.to_json()


def ideally(program: rq.Program) -> None:
    record = rq.run(program, shots=None, emulator="ideal")
    assert largest_difference(program, record, ideal=True) < ROUNDING, program.to_json()


def sampled(program: rq.Program) -> None:
    record, reference = rq.run(program, shots=3000, seed=1), Reference(program)

    # of the order of a thousand counts are compared: 1e-9 for each keeps a false alarm below 1e-6
    assert least_likely(reference, record) > 1e-9, program.to_json()
    assert chance_of(reference, record) > ALPHA, program.to_json()


def agree(
    check: Check, examples: int, *, fast: bool = True, families: tuple[str, ...] = LEVELS, noisy: bool = False
) -> None:
    """Check random programs: the same ones each time, unless told to explore."""
    phases = [Phase.generate] if fast else [Phase.generate, Phase.shrink]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not EXPLORE,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(families, noisy=noisy))
    def compare(program: rq.Program) -> None:
        with if_a_device_takes_it():
            check(program)

    compare()


def test_random_programs_have_the_expectation_values_of_the_plain_reference() -> None:
    agree(exactly, 25)


def test_random_programs_with_noise_have_the_expectation_values_of_the_plain_reference() -> None:
    agree(exactly, 8, families=("rydberg", "digital", "xy", "analog"), noisy=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_programs_with_noise_agree_with_the_plain_reference() -> None:
    agree(exactly, EXAMPLES, fast=False, noisy=True)


def test_noise_that_turns_with_the_frame_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rydberg_qmem.engine.kept_frames.turn_with_the_frame", lambda operators: True)

    with pytest.raises(AssertionError):
        agree(exactly, 40, families=("digital", "rydberg"), noisy=True)


def test_random_programs_of_ideal_gates_have_the_expectation_values_of_the_plain_reference() -> None:
    agree(ideally, 10, families=("gates", "three"))


def test_random_programs_have_shots_distributed_as_the_plain_reference_says() -> None:
    agree(sampled, 15)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("check", [exactly, ideally, sampled])
def test_many_random_programs_agree_with_the_plain_reference(check: Check) -> None:
    agree(check, EXAMPLES, fast=False)


def test_a_measurement_that_keeps_coherence_between_outcomes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = measurement.measure

    def gentle(run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        numbered = population.with_values(row__=np.arange(len(population), dtype=float))
        made = measure(run, cursor, step, numbered)
        before = population.take(made.values["row__"].astype(np.int64))
        return replace(made, parts=before.parts)

    monkeypatch.setattr(interpreter, "measure", gentle)

    with pytest.raises(AssertionError):
        agree(exactly, 40)


def test_a_reset_that_moves_no_population_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(run: RunContext, cursor: Cursor, step: ResetStep, population: Population) -> Population:
        return branches.merged(run, population, step)

    monkeypatch.setattr(interpreter, "reset", nothing)

    with pytest.raises(AssertionError):
        agree(exactly, 40)


def test_feedforward_that_reads_the_value_before_the_measurement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = measurement.measure

    def stale(run: RunContext, cursor: Cursor, step: MeasureStep, population: Population) -> Population:
        made = measure(run, cursor, step, population)
        return made.with_values(**{step.key: np.zeros_like(made.values[step.key])})

    monkeypatch.setattr(interpreter, "measure", stale)

    with pytest.raises(AssertionError):
        agree(exactly, 40)


def test_atoms_that_share_one_random_number_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(population: Population, part: Part, split: Partition, uniform: Any) -> Chosen:
        return choose(population, part, split, np.repeat(uniform[:, :1], uniform.shape[1], axis=1))

    monkeypatch.setattr("rydberg_qmem.engine.measurement.choose", careless)

    with pytest.raises(AssertionError):
        agree(sampled, 40)


def test_merging_branches_of_different_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(population: Population, live: frozenset[str]) -> Population:
        first, which = distinct([part.state_of for part in population.parts])
        weights = np.bincount(which, population.weights).astype(float)
        kept = {name: value for name, value in population.values.items() if name in live}
        return replace(replace(population, values=kept).take(first), weights=weights)

    monkeypatch.setattr("rydberg_qmem.engine.branches.merge_branches", careless)

    with pytest.raises(AssertionError):
        agree(exactly, 40)


def test_a_wrong_sign_of_the_phase_references_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PlayedSegment.turned

    def conjugate(segment: PlayedSegment, rows: State) -> State:
        return right(segment, rows.conj()).conj()

    monkeypatch.setattr(PlayedSegment, "turned", conjugate)

    with pytest.raises(AssertionError):
        agree(exactly, 40)


def test_the_references_own_shots_have_its_expectation_values() -> None:
    body = [
        {"rotate": {"atom": "q", "angle": 1.0}},
        {"measure": {"atoms": "q", "key": "m"}},
        {"rotate": {"atom": "q", "angle": "0.7 + m"}},
        {"measure": {"atoms": "q", "key": "n"}},
    ]
    reference = Reference(rq.Program(name="p", register={"atoms": {"q": (0, 0)}}, body=body))
    rng = np.random.default_rng(7)
    shots = [reference.shot(rng).written for _ in range(2000)]

    for place, mean in reference.means().items():
        error = np.sqrt(mean * (1 - mean) / len(shots))
        assert abs(np.mean([shot[place] for shot in shots]) - mean) < 4 * error
