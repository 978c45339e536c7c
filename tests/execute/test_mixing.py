"""Branches of density matrices that nothing tells apart any more are mixed: fewer rows, the same means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.engine import population

FORGETFUL = """
format: rydberg_qmem-program/1
name: forgetful
register: {atoms: {s: [0, 0], a: [4, 0]}}
parameters: {rounds: 6}
memory: {seen: {initial: 0}}
body:
  - rotate: {atom: s, angle: 1.1}
  - repeat:
      times: rounds
      body:
        - probe: {atoms: s, pauli: [X, Y, Z], key: b}
        - weak_measure: {system: s, ancilla: a, strength: 0.5, axis: y, key: m}
        - set: {seen: seen * 0 + m}
        - when: {if: seen == 1, then: [{rotate: {atom: s, axis: z, angle: 0.3}}]}
        - rotate: {atom: s, angle: 0.4}
"""


def record(state: str, **options: Any) -> Any:
    return rq.run(rq.Program.from_yaml(FORGETFUL), shots=None, emulator="ideal", state=state, **options)


def test_mixed_branches_have_the_means_of_branches_kept_apart() -> None:
    apart, mixed = record("vector"), record("density_matrix")

    np.testing.assert_allclose(mixed.b, apart.b, atol=1e-12)
    np.testing.assert_allclose(mixed.m, apart.m, atol=1e-12)


def test_mixing_keeps_the_number_of_branches_from_growing() -> None:
    assert record("density_matrix", parameters={"rounds": 60}).sizes["round"] == 60  # 2^60 branches otherwise


def test_mixing_without_weights_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = population._mixed

    def wrong(given: population.Population, number: int) -> population.Population:
        even = np.full(len(given), 1 / len(given))
        return whole(replace(given, weights=even), number)

    monkeypatch.setattr(population, "_mixed", wrong)

    assert np.abs(record("density_matrix").b - record("vector").b).max() > 1e-3
