"""Trajectories of many atoms through steps of the split operator, beside samples one by one and density matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.emulators.collapse import collapse_operators
from rydberg_qmem.emulators.exact import OpenSystemPropagator, _decaying_search, _decaying_steps, _processors
from rydberg_qmem.emulators.exact._step_search import TOLERANCE
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.language.noise import Noise

from .test_lindblad import PAIR, deviations, program, pulse

ROWS, LONG = 4, 120
FIELD = {"a": (0.0, 0.0), "b": (7.0, 0.0), "c": (0.0, 7.5)}
RATES: dict[str, Any] = {"relaxation_rate": 0.6, "dephasing_rate": 0.4}
VARIED: dict[str, dict[str, Any]] = {
    "still": {},
    "doppler": {"temperature": 50.0},
    "lasers": {"amp_sigma": 0.1, "detuning_sigma": 2.0},
    "places": {"temperature": 50.0, "trap_waist": 1.0, "trap_depth": 150.0},
}
JUMPS = 40
"""So many times a distance may be after jumps: a norm that is off by ε shifts a jump by ε over its rate (about 1 per
µs), and meanwhile the states turn by interactions (46 and 30 rad/µs here)."""
BELL = {"blackman": {"duration_ns": LONG, "area": 4.0}}
RAMP = {"ramp": {"duration_ns": LONG, "start": -4.0, "stop": 7.0}}
HELD = pulse("rydberg_global", LONG, 6.0, "x")
SHAPED = pulse("rydberg_global", LONG, BELL, RAMP, phase=0.7)
STEERED = pulse("rydberg_global", LONG, BELL, "3 * x", phase="x")
THREE = [pulse("raman_global", 200, 4.0, 1.0), SHAPED]
BODIES = {"held": [HELD], "shaped": [SHAPED], "steered": [STEERED, HELD], "three levels": THREE}
Matrix = np.ndarray[Any, Any]


def planned(body: list[dict[str, Any]]) -> Plan:
    data = {"name": "many", "device": "MockDevice", "register": {"atoms": FIELD}, "memory": {"x": {"initial": 0.0}},
            "body": body}  # fmt: skip
    compiled = compile_program(rq.Program.from_dict(data))
    return plan_segment(next(step for step in compiled.steps if isinstance(step, Segment)), compiled.target)


def moved(plan: Plan, noise: dict[str, Any]) -> tuple[Matrix, Matrix]:
    """Return rows of their own numbers that have decayed, and the same with jumps whose chances are given."""
    rng, model = np.random.default_rng(3), Noise(**(RATES | noise))
    collapse, varied = collapse_operators(plan.target.levels, model, None), Fluctuations(plan.target, model)
    sizes = varied.sizes()
    numbers = {name: varied.scaled(name, rng.standard_normal((ROWS, size))) for name, size in sizes.items()}
    scope: dict[str, Any] = {"x": np.linspace(-1.0, 1.0, ROWS), "#clock": 0.0, **numbers}
    states = rng.normal(size=(ROWS, plan.target.dimension)) + 1j * rng.normal(size=(ROWS, plan.target.dimension))
    states /= np.linalg.norm(states, axis=1)[:, None]
    atoms, chances = tuple(range(len(plan.target.atoms))), rng.random((40, ROWS, 2)) ** 0.4
    made = OpenSystemPropagator(plan.target, collapse, varied if sizes else None)
    decayed = made.evolve(plan, scope, states, atoms, mixed=False)
    return decayed, made.jump(plan, scope, states, atoms, 0.0, lambda jump: chances[jump])


def in_steps(monkeypatch: pytest.MonkeyPatch, smallest: int = 2) -> None:
    monkeypatch.setattr(_decaying_search, "DECAYING_DIMENSION", smallest)


def farthest(monkeypatch: pytest.MonkeyPatch, body: list[dict[str, Any]], noise: dict[str, Any]) -> tuple[float, float]:
    """Return how far states taken through steps are from those taken sample by sample: without jumps, and with."""
    plan = planned(body)
    with monkeypatch.context() as patch:
        in_steps(patch)
        steps = moved(plan, noise)
    with monkeypatch.context() as patch:
        in_steps(patch, 10**9)
        samples = moved(plan, noise)
    decayed, jumped = (float(np.linalg.norm(one - two, axis=1).max()) for one, two in zip(steps, samples, strict=True))
    return decayed, jumped


QUICK = ("shaped", "doppler"), ("steered", "places")
SLOW = [pytest.param(name, varied, marks=pytest.mark.slow) for name in ("shaped", "steered") for varied in VARIED
        if (name, varied) not in QUICK]  # fmt: skip


@pytest.mark.parametrize(("name", "varied"), [*QUICK, *SLOW])
def test_steps_are_as_near_as_they_promise(name: str, varied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decayed, jumped = farthest(monkeypatch, BODIES[name], VARIED[varied])

    assert decayed < TOLERANCE
    assert jumped < JUMPS * TOLERANCE


@pytest.mark.parametrize("name", ["held", pytest.param("three levels", marks=pytest.mark.slow)])
def test_holds_and_a_third_level_are_as_near(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decayed, jumped = farthest(monkeypatch, BODIES[name], VARIED["doppler"])

    assert decayed < TOLERANCE
    assert jumped < JUMPS * TOLERANCE


@pytest.mark.parametrize("strong", ["x > 0", "x < 0"])
def test_rows_of_one_timing_jump_in_their_own_steps(strong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {"blackman": {"duration_ns": LONG, "area": f"where({strong}, 9, 0.001)"}}
    waits = [
        {"delay": {"channel": "rydberg_global", "duration_ns": ns}}
        for ns in ("100 + 40 * (x > 0)", "140 - 40 * (x > 0)")
    ]
    body = [pulse("rydberg_global", LONG, shape, 0.0), waits[0], pulse("rydberg_global", LONG, 1.0, 0.0), waits[1]]

    decayed, jumped = farthest(monkeypatch, body, {})

    assert decayed < TOLERANCE
    assert jumped < JUMPS * TOLERANCE


def without_decay(steps: Any, times_us: Matrix, turns: Matrix) -> Matrix:
    made = RIGHT(steps, times_us, turns)
    return np.asarray(made / np.abs(made))


def one_detuning_for_all(steps: Any, times_us: Matrix, turns: Matrix) -> Matrix:
    return RIGHT(steps, times_us, turns[:1])


RIGHT = _decaying_steps.DecayingSteps.kicked
WRONG: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "no decay": (_decaying_steps.DecayingSteps, "kicked", without_decay),
    "one detuning": (_decaying_steps.DecayingSteps, "kicked", one_detuning_for_all),
    "each jump from the step's beginning on": (_decaying_steps.StepFlow, "after", lambda flow, times_us: flow),
}


@pytest.mark.parametrize("what", WRONG)
def test_steps_that_are_wrong_are_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*WRONG[what])

    assert farthest(monkeypatch, BODIES["shaped"], VARIED["doppler"])[1] > 2 * JUMPS * TOLERANCE


def test_trajectories_in_steps_agree_with_density_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    in_steps(monkeypatch)
    made = program(PAIR, pulse("rydberg_global", LONG, BELL, RAMP, phase=0.7), pulse("rydberg_global", 60, 8.0))

    strong = {"relaxation_rate": 4.0, "dephasing_rate": 1.0}
    assert deviations(made, 1000, strong) < 5
    assert deviations(made, 1000, strong, off_by=3.0) > 7


def test_a_noise_of_next_to_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    in_steps(monkeypatch)
    made = program(FIELD, SHAPED)

    ideal = rq.run(made, shots=3, seed=1).rho.values
    noisy = rq.run(made, shots=3, seed=1, noise={"relaxation_rate": 1e-13}, state="vector").rho.values

    assert np.abs(ideal - noisy).max() < 2 * TOLERANCE


@pytest.mark.parametrize("processors", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_rows_taken_a_few_at_a_time_or_in_threads_are_the_same(
    processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_steps(monkeypatch)
    plan = planned(BODIES["steered"])
    wanted = moved(plan, VARIED["doppler"])
    monkeypatch.setattr(_processors, "processors", lambda: processors)
    monkeypatch.setattr(_decaying_steps, "BLOCK", 2 * plan.target.dimension)

    made = moved(plan, VARIED["doppler"])

    assert all(np.array_equal(one, two) for one, two in zip(made, wanted, strict=True))
