"""Every accuracy that the README promises, against dense propagation, interval by interval."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.emulators.collapse import collapse_operators
from rydberg_qmem.emulators.exact import Exact, OpenSystemPropagator
from rydberg_qmem.emulators.exact import _joint as joint
from rydberg_qmem.emulators.exact import _split_operator as splitting
from rydberg_qmem.emulators.exact import _step_search as search
from rydberg_qmem.emulators.exact._global_drive import GlobalDrive
from rydberg_qmem.emulators.exact._grid import Grid
from rydberg_qmem.emulators.exact._subspace import Samples
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.language.noise import Noise

from . import accuracy
from .accuracy import FAMILIES, Case, Matrix

PROMISED = 1e-9
"""Of groups of up to eight entangled two-level atoms."""
PROMISED_INFIDELITY = 1e-10
"""Of larger ones under one global pulse, per segment."""
NOISE = {
    "rydberg": Noise(relaxation_rate=0.3, dephasing_rate=0.2),
    "three": Noise(relaxation_rate=0.3, dephasing_rate=0.2, hyperfine_dephasing_rate=0.1),
    "xy": Noise(dephasing_rate=0.2),
}


def error(case: Case) -> float:
    """Return the largest distance of any row from what dense exponentials make of it."""
    times, h = accuracy.hamiltonians(case.plan, {})
    wanted = accuracy.propagated(times, [-1j * one for one in h], case.states)
    found = Exact().evolve(case.plan, {}, case.states, case.atoms)
    return float(np.linalg.norm(found - wanted, axis=1).max())


def errors(family: str, programs: int, seed: int, **options: Any) -> list[float]:
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    return [error(accuracy.draw(rng, family, **options)) for _ in range(programs)]


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_follow_every_interval(family: str) -> None:
    assert max(errors(family, 20, seed=1)) < PROMISED


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_follow_every_interval_of_many_programs(family: str) -> None:
    assert max(errors(family, 120, seed=2)) < PROMISED


@pytest.mark.parametrize(
    ("family", "count", "programs"), [("rydberg", 6, 2), ("map", 5, 2), ("xy", 5, 2), ("three", 3, 2)]
)
def test_larger_groups_follow_every_interval(family: str, count: int, programs: int) -> None:
    assert max(errors(family, programs, seed=3, count=count, longest=1000)) < PROMISED


def held_after_a_ramp(distance: float) -> Case:
    """Return many short samples and a few long holds, which steps counted from the front get wrong."""
    ramp = {"ramp": {"duration_ns": 104, "start": 2.7, "stop": 1.4}}
    flat = [
        {"constant": {"duration_ns": ns, "value": v}}
        for ns, v in ((412, 0), (100, 8.4), (276, 0), (240, -7.5), (100, -2))
    ]
    waves = {"amplitude": {"composite": [ramp, *flat[:2]]}, "detuning": {"composite": flat[2:]}}
    program = rq.Program.from_dict(
        {
            "name": "ramp_and_holds",
            "device": "MockDevice",
            "register": {"atoms": {"a": (0, 0), "b": (distance, 0)}},
            "body": [{"pulse": {"channel": "rydberg_global", **waves}}],
        }
    )
    return accuracy.case(np.random.default_rng(4), program, 2)


@pytest.mark.parametrize("distance", [7.0, 16.0])
def test_holds_after_a_ramp_are_exact(distance: float) -> None:
    assert error(held_after_a_ramp(distance)) < 1e-12


def joined(samples: Samples, group: int) -> Samples:
    """Return two intervals with the moments of each group of samples, counted from the front."""
    count, dt = len(samples.dt_us), samples.dt_us
    starts, ends = np.arange(0, count, group), np.cumsum(dt)
    h = np.add.reduceat(dt, starts)
    centre = np.repeat(ends[np.append(starts[1:], count) - 1] - h / 2, np.diff(np.append(starts, count)))

    def two(values: Any) -> Any:
        mean = np.add.reduceat(values * dt, starts, axis=1) / h
        tilt = np.add.reduceat(values * dt * (ends - dt / 2 - centre), starts, axis=1) * 4 / h**2
        return np.stack([mean - tilt, mean + tilt], axis=-1).reshape(len(values), -1)

    return Samples(np.repeat(h / 2, 2), tuple(map(two, samples.omegas)), tuple(map(two, samples.deltas)))


def test_steps_whose_last_group_nobody_checks_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    exactly = joint._steps

    def halved(states: Matrix, space: Any, sites: Any, samples: Samples, *more: Any) -> Matrix:
        group = 1 << (len(samples.dt_us).bit_length() - 1)
        before = exactly(states, space, sites, joined(samples, group))
        while group >= 4:
            now = exactly(states, space, sites, joined(samples, group // 2))
            if np.abs(now - before).max() < 1e-10:
                return before
            group, before = group // 2, now
        return exactly(states, space, sites, samples)

    monkeypatch.setattr(joint, "_steps", halved)
    assert error(held_after_a_ramp(16.0)) > 1e-3
    assert sum(found > PROMISED for found in errors("holds", 25, seed=1)) >= 2


# ---------------------------------------------------------------- many atoms


def infidelities(case: Case) -> Matrix:
    """Return the infidelity of each row to what exponentials make of it, interval by interval."""
    times, h = accuracy.hamiltonians(case.plan, {})
    wanted = accuracy.propagated(times, [-1j * one for one in h], case.states)
    found = Exact().evolve(case.plan, {}, case.states, case.atoms)
    return np.asarray(1 - np.abs((found.conj() * wanted).sum(axis=1)) ** 2)


@pytest.mark.parametrize(("count", "rows"), [(9, 2), (9, 12)])
def test_many_atoms_under_one_pulse_follow_every_interval(count: int, rows: int) -> None:
    case = accuracy.draw(np.random.default_rng(count + rows), "rydberg", count, rows, longest=150)
    assert infidelities(case).max() < PROMISED_INFIDELITY


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("count", "rows"), [(9, 2), (9, 12), (10, 16)])
def test_many_atoms_under_one_pulse_follow_every_interval_of_many_programs(count: int, rows: int, seed: int) -> None:
    case = accuracy.draw(np.random.default_rng([seed, count, rows]), "rydberg", count, rows, longest=400)
    assert infidelities(case).max() < PROMISED_INFIDELITY


def swept(rows: int) -> Case:
    """Return nine atoms under a sweep whose end is held: a detuning that jumps."""

    def hold(ns: int, value: float) -> dict[str, Any]:
        return {"constant": {"duration_ns": ns, "value": value}}

    sweep = {"ramp": {"duration_ns": 40, "start": -16, "stop": 16}}
    amplitude = {"composite": [{"ramp": {"duration_ns": 30, "start": 0, "stop": 9.0}}, hold(150, 9.0)]}
    body = {
        "channel": "rydberg_global",
        "amplitude": amplitude,
        "detuning": {"composite": [hold(30, -16), sweep, hold(110, 0)]},
    }
    program = rq.Program.from_dict(
        {
            "name": "sweep_and_hold",
            "device": "MockDevice",
            "register": {"atoms": {f"q{i}": (0, 9.0 * i) for i in range(9)}},
            "body": [{"pulse": body}],
        }
    )
    return accuracy.case(np.random.default_rng(5), program, rows)


def test_a_detuning_held_after_a_sweep_is_held_for_many_atoms() -> None:
    assert infidelities(swept(12)).max() < PROMISED_INFIDELITY


def test_steps_that_are_too_long_for_many_atoms_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, run = [], splitting.evolve_in_steps

    def counted(states: Matrix, drive: Any, steps: Any) -> Matrix:
        taken.append(len(steps.steps_us))
        return run(states, drive, steps)

    monkeypatch.setattr(search, "evolve_in_steps", counted)
    monkeypatch.setattr(search, "TOLERANCE", 1.0)
    monkeypatch.setattr(search, "FIRST_ANGLE", 1e9)
    monkeypatch.setattr(search, "FEWEST", 1)

    assert infidelities(swept(12)).max() > PROMISED_INFIDELITY
    assert taken


def smooth(levels: int, atoms: int, rows: int) -> GlobalDrive:
    """Return a chirped pulse of 60 ns on a chain, with a Rabi frequency of its own in each row."""
    at = np.linspace(0, np.pi, 60)
    rabi = np.linspace(8, 12, rows)[:, None] * np.sin(at) ** 2
    digits = np.indices((levels,) * atoms).reshape(atoms, -1) == levels - 1
    energies = 30.0 * (digits[1:] & digits[:-1]).sum(axis=0)
    chirp = 5 * np.cos(at)[None]
    phase, deltas = np.full(rows, 0.4), (*(chirp,) * (atoms - 1), 0 * chirp)
    return GlobalDrive(levels, atoms, 0, levels - 1, np.full(60, 1e-3), rabi, phase, deltas, energies)


@pytest.mark.parametrize(("levels", "atoms", "rows"), [(2, 11, 2), (2, 12, 1), (3, 7, 2)])
def test_groups_of_atoms_turn_as_halves_of_the_register_do(
    levels: int, atoms: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive, rng = smooth(levels, atoms, rows), np.random.default_rng(atoms)
    states = rng.standard_normal((rows, levels**atoms)) + 1j * rng.standard_normal((rows, levels**atoms))
    steps = Grid.of(drive.dt_us, np.array([], dtype=np.int64), np.array([6]))

    in_groups = splitting.evolve_in_steps(states, drive, steps)
    monkeypatch.setattr(splitting, "LARGE_DIMENSION", 2**20)

    assert np.abs(in_groups - splitting.evolve_in_steps(states, drive, steps)).max() < 1e-11
    assert np.abs(in_groups - states).max() > 0.1


def stretches(steps: Grid, edges: Any) -> Any:
    """Return how many steps there are in each stretch."""
    return np.add.reduceat(steps.parts, np.searchsorted(steps.starts, [0, *edges]))


def test_trials_are_held_against_fewer_steps_in_every_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of three samples between jumps: more steps there are parts of each sample, and come in threes."""
    jumps, count = np.arange(3, 30, 3), 30
    rabi = np.repeat(np.random.default_rng(2).uniform(20, 90, 10), 3)[None] + np.linspace(0, 1, count)
    drive = GlobalDrive(
        2, 3, 0, 1, np.full(count, 1e-3), rabi, np.zeros(1), (40 * np.cos(np.arange(count))[None],) * 3,
        np.arange(0.0, 320.0, 40.0),
    )  # fmt: skip
    taken, run = [], splitting.evolve_in_steps

    def counted(states: Matrix, drive: Any, steps: Any) -> Matrix:
        taken.append(stretches(steps, jumps))
        return run(states, drive, steps)

    monkeypatch.setattr(search, "evolve_in_steps", counted)
    monkeypatch.setattr(search, "ORDER", 100)  # so that counts grow by the least factor
    trials = search.Trials(np.eye(1, 8, dtype=complex), drive, jumps)
    search._search(trials.by_counts, trials, 1000, 1e-12)

    assert len(taken) > 5
    assert all((more / fewer >= 1.2).all() for fewer, more in pairwise(taken[1:]))  # the first may be single steps


# ---------------------------------------------------------------- rows of their own


def test_rows_with_control_values_of_their_own_follow_every_interval() -> None:
    detuning = {"composite": [{"ramp": {"duration_ns": 40, "start": "d", "stop": "-d"}},
                              {"constant": {"duration_ns": 300, "value": "d / 2"}}]}  # fmt: skip
    amplitude = {"composite": [{"constant": {"duration_ns": 100, "value": 4.0}},
                               {"ramp": {"duration_ns": 40, "start": 1, "stop": "abs(d)"}},
                               {"constant": {"duration_ns": 200, "value": 0}}]}  # fmt: skip
    program = rq.Program.from_dict(
        {
            "name": "own_values",
            "device": "MockDevice",
            "register": {"atoms": {"a": (0, 0), "b": (9, 0), "c": (0, 12)}},
            "memory": {"d": {"initial": 0.0}},
            "body": [{"pulse": {"channel": "rydberg_global", "amplitude": amplitude, "detuning": detuning}}],
        }
    )
    values = [-7.0, 0.4, 12.5]
    case = accuracy.case(np.random.default_rng(6), program, len(values))
    found = Exact().evolve(case.plan, {"d": np.array(values)}, case.states, case.atoms)
    for value, row, state in zip(values, found, case.states, strict=True):
        times, h = accuracy.hamiltonians(case.plan, {"d": value})
        wanted = accuracy.propagated(times, [-1j * one for one in h], state[None])[0]
        assert np.linalg.norm(row - wanted) < PROMISED


@pytest.mark.parametrize("seed", range(4))
def test_shots_with_amplitudes_of_their_own_follow_every_interval(seed: int) -> None:
    case = accuracy.draw(np.random.default_rng([7, seed]), "rydberg", 2, rows=3)
    noisy = Fluctuations(case.target, Noise(amp_sigma=0.1))
    factors = np.array([0.9, 1.0, 1.2])
    scope = {"#amplitude": np.repeat(factors[:, None], len(noisy.channels), axis=1)}
    found = OpenSystemPropagator(case.target, (), noisy).evolve(case.plan, scope, case.states, case.atoms, mixed=False)
    for factor, row, state in zip(factors, found, case.states, strict=True):
        times, h = accuracy.hamiltonians(case.plan, {}, factor)
        wanted = accuracy.propagated(times, [-1j * one for one in h], state[None])[0]
        assert np.linalg.norm(row - wanted) < PROMISED


# ---------------------------------------------------------------- decoherence


def decohering(family: str, seed: int, count: int) -> tuple[Case, tuple[Any, ...], list[Any]]:
    case = accuracy.draw(np.random.default_rng([8, seed, count, FAMILIES.index(family)]), family, count, longest=2000)
    operators = collapse_operators(case.target.levels, NOISE[family], None)
    return case, operators, [accuracy.on(c, k, case.target) for k in case.atoms for c in operators]


CASES = [("rydberg", 1), ("rydberg", 2), ("three", 1), ("xy", 2)]


def follow(family: str, seed: int, count: int) -> None:
    case, operators, jumps = decohering(family, seed, count)
    emulator, (times, h) = OpenSystemPropagator(case.target, operators), accuracy.hamiltonians(case.plan, {})

    flat = (case.states[:, :, None] * case.states[:, None, :].conj()).reshape(len(case.states), -1)
    found = emulator.evolve(case.plan, {}, flat, case.atoms, mixed=True)
    wanted = accuracy.propagated(times, [accuracy.liouvillian(one, jumps) for one in h], flat)
    assert np.linalg.norm(found - wanted, axis=1).max() < PROMISED

    found = emulator.evolve(case.plan, {}, case.states, case.atoms, mixed=False)
    weight = sum((jump.conj().T @ jump).toarray() for jump in jumps) / 2
    wanted = accuracy.propagated(times, [-1j * one - weight for one in h], case.states)
    assert np.linalg.norm(found - wanted, axis=1).max() < PROMISED

    never = np.zeros((len(case.states), 2))
    found = emulator.jump(case.plan, {}, case.states, case.atoms, 0.0, lambda jump: never)
    assert np.linalg.norm(found - wanted / np.linalg.norm(wanted, axis=1)[:, None], axis=1).max() < PROMISED


@pytest.mark.parametrize(("family", "count"), CASES)
def test_matrices_decaying_vectors_and_trajectories_follow_every_interval(family: str, count: int) -> None:
    for seed in range(3):
        follow(family, seed, count)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "count"), [*CASES, ("three", 2)])
def test_matrices_decaying_vectors_and_trajectories_follow_every_interval_of_many_programs(
    family: str, count: int
) -> None:
    for seed in range(10, 14 if count * (family == "three") > 1 else 30):
        follow(family, seed, count)
