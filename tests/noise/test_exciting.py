"""Noise that takes atoms to a Rydberg level makes them interact, also those that no pulse drives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.emulators.collapse import take_to_rydberg
from tests.reference import Reference, largest_difference

HALF = {"pulse": {"channel": "rydberg_local", "atoms": ["a"], "amplitude": 20.0, "duration_ns": 80}}
UP = {"pulse": {"channel": "raman_local", "atoms": ["b"], "amplitude": 20.0, "duration_ns": 80}}
WAIT = {"delay": {"duration_ns": 250}}
DRIVEN: dict[str, list[dict[str, Any]]] = {
    "one atom driven": [HALF],
    "a wait after it": [HALF, WAIT],
    "after a reset": [HALF, {"reset": {"atoms": "all"}}, HALF, WAIT],
}
SECOND = {**UP, "pulse": {**UP["pulse"], "amplitude": 9.0}}
LONG = {"pulse": {"channel": "rydberg_local", "atoms": ["a"], "amplitude": 4.0, "duration_ns": 700}}
ROUNDING = 1e-12
LIMIT = 5.2
"""Standard errors that four populations exceed with a chance below 1e-6."""


def program(*body: dict[str, Any], spacing_um: float = 7.0, **more: Any) -> rq.Program:
    probe = {"probe": {"atoms": ["a", "b"], "key": "rho", "density_matrix": True}}
    atoms = {"a": (0.0, 0.0), "b": (spacing_um, 1.5), "far": (9000.0, 0.0)}
    if not any("measure" in block for block in body):
        del atoms["far"]
    data = {"name": "noisy", "device": "MockDevice", "register": {"atoms": atoms}, "body": [*body, probe], **more}
    return rq.Program.from_dict(data)


def operators(levels: int) -> list[np.ndarray[Any, Any]]:
    """Return operators of few entries, as tables of noise have them, and one of all entries."""
    rng = np.random.default_rng(levels)
    few = [(rng.random((levels, levels)) < 0.3) * rng.choice([1.0, -0.5, 1j], (levels, levels)) for _ in range(9)]
    return [c for c in few if c.any()] + [rng.normal(size=(levels, levels)) + 0j]


def noise(operator: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {"eff_noise_rates": [0.7], "eff_noise_opers": [operator.tolist()]}


def worst(body: list[dict[str, Any]], levels: int) -> float:
    made = [program(*body, noise=noise(operator)) for operator in operators(levels)]
    return max(largest_difference(one, rq.run(one, shots=None)) for one in made)


def deviation_of_trajectories(shots: int = 4000) -> float:
    """Return the largest deviation of trajectories from the reference's density matrix, in standard errors."""
    made = program(LONG, noise={"depolarizing_rate": 1.0})
    [wanted] = [np.diagonal(value).real for (name, _), value in Reference(made).means().items() if name == "rho"]
    found = np.diagonal(rq.run(made, shots=shots, seed=4, state="vector").rho.values).real
    error = np.sqrt(wanted * (1 - wanted) / shots)  # a bound: what a projective measurement would have
    return float((np.abs(found - wanted) / error).max())


@pytest.mark.parametrize("body", DRIVEN.values(), ids=DRIVEN)
def test_any_noise_on_an_atom_beside_a_driven_one_is_that_of_the_whole_register(body: list[dict[str, Any]]) -> None:
    assert worst(body, 2) < ROUNDING


def test_any_noise_of_three_levels_is_that_of_the_whole_register() -> None:
    assert worst([SECOND, HALF], 3) < ROUNDING


def test_atoms_taken_apart_while_noise_excites_them_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rydberg_qmem.emulators.noise_channel.take_to_rydberg", lambda operators, levels: False)

    assert worst(DRIVEN["a wait after it"], 2) > 1e-4


def test_the_dark_while_another_atom_is_read_is_a_delay_to_the_others() -> None:
    flips = noise(np.array([[0.0, 1.0], [1.0, 0.0]]))
    reads = program(HALF, {"measure": {"atoms": ["far"], "key": "m"}}, noise=flips, hardware={"imaging_us": 0.25})
    waits = program(HALF, WAIT, noise=flips)

    one, two = (rq.run(made, shots=None).rho.values for made in (reads, waits))

    assert np.abs(one - two).max() < ROUNDING


def test_trajectories_of_an_atom_that_noise_excites_agree_with_density_matrices() -> None:
    assert deviation_of_trajectories() < LIMIT


def test_trajectories_of_atoms_taken_apart_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rydberg_qmem.emulators.noise_channel.take_to_rydberg", lambda operators, levels: False)

    assert deviation_of_trajectories() > LIMIT


def test_noise_that_only_takes_atoms_down_excites_none() -> None:
    down, turned = np.array([[0j, 0], [1, 0]]), np.array([[0j, 0], [1, 1]])

    assert not take_to_rydberg((down, np.diag([1.0 + 0j, 0.0])), ("r", "g"))
    assert take_to_rydberg((turned,), ("r", "g"))  # what does not jump turns: C†C couples g and r
    assert not take_to_rydberg((np.ones((2, 2), dtype=complex),), ("g", "h"))
