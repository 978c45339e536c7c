"""Digital-analog Ising gates: any couplings, for any number of atoms, out of the register's own interaction."""

from __future__ import annotations

from itertools import combinations, product
from math import log, pi
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rydberg_qmem as rq
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.compile.steps import Placed, Segment
from rydberg_qmem.devices import Target, make_target
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.emulators.ideal import Ideal
from rydberg_qmem.emulators.process import gate_report
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates import interaction_steps
from rydberg_qmem.language.blocks import Ising

PLACES = {
    2: [(0, 0), (12, 0)],
    3: [(0, 0), (12, 0), (5, 11)],
    4: [(0, 0), (12, 0), (12, 12), (0, 13)],
    5: [(0, 0), (12, 0), (15, 11), (6, 17), (-4, 11)],
}


def couplings(count: int, seed: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(seed)
    made: dict[str, dict[str, float]] = {}
    for one, other in combinations("abcde"[:count], 2):
        made.setdefault(one, {})[other] = float(rng.uniform(-1, 1))
    return made


def setting(count: int, *, device: str = "MockDevice", **fields: Any) -> tuple[Ising, Target]:
    atoms = dict(zip("abcde", PLACES[count], strict=False))
    program = rq.Program(name="p", device=device, register={"atoms": atoms}, body=[{"ising": fields}])
    [block] = program.body
    assert isinstance(block, Ising)
    return block, make_target(program, bases_of(program))


def wanted(given: dict[str, dict[str, float]], count: int, time_us: float) -> NDArray[np.complex128]:
    """Return exp(-i t Σ g ZZ) on the qubits from its definition: the first level of each has Z = 1."""
    signs = np.array(list(product((1, -1), repeat=count)))
    names = "abcde"[:count]
    energy = sum(
        g * signs[:, names.index(one)] * signs[:, names.index(other)]
        for one, others in given.items()
        for other, g in others.items()
    )
    return np.asarray(np.exp(-1j * time_us * energy))


def infidelity(block: Ising, target: Target, diagonal: NDArray[np.complex128]) -> float:
    """Return the process infidelity of the ideal emulator's gate on g and the upper level."""
    upper = "r" if block.mode == "banged" else "h"
    index = [k for k, state in enumerate(product(target.levels, repeat=len(target.atoms))) if {*state} <= {"g", upper}]
    index.sort(key=lambda k: [state != "g" for state in list(product(target.levels, repeat=len(target.atoms)))[k]])
    plan = Ideal().plan(Segment(0, (Placed(block, "gate"),)), target)
    states = np.eye(target.dimension, dtype=complex)[index]
    made = Ideal().evolve(plan, {}, states, tuple(range(len(target.atoms))))[:, index]
    np.testing.assert_allclose(made, np.diag(np.diag(made)), atol=1e-12)
    return float(1 - abs(np.vdot(diagonal, np.diag(made))) ** 2 / len(diagonal) ** 2)


@pytest.mark.parametrize("mode", ["stepwise", "banged"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_any_couplings_are_made_exactly_where_switching_is(count: int, seed: int, mode: str) -> None:
    given = couplings(count, seed)
    block, target = setting(count, couplings=given, time_us=0.8, mode=mode)

    assert abs(infidelity(block, target, wanted(given, count, 0.8))) < 1e-9


def test_the_comparison_sees_a_wrong_coupling() -> None:
    given = couplings(4, 0)
    block, target = setting(4, couplings=given)
    given["b"]["d"] += 0.01

    assert infidelity(block, target, wanted(given, 4, 1.0)) > 5e-5


@pytest.mark.parametrize("mode", ["stepwise", "banged"])
@pytest.mark.parametrize("count", [3, 4])
def test_times_are_not_negative_and_no_more_patterns_than_equations(count: int, mode: str) -> None:
    block, target = setting(count, couplings=couplings(count, 7), mode=mode)
    steps = interaction_steps(block, target)

    equations = count * (count - 1) // 2 + (count if mode == "banged" else 0)
    assert min(steps.times_us) >= 0
    assert len(steps.patterns) <= equations
    assert mode == "stepwise" or np.abs(steps.fields).max() < 1e-9


def slope(count: int, seed: int, mode: str) -> float:
    """Return the power with which the infidelity falls with U/Ω, π pulses of 24, 12 and 6 ns."""
    given = couplings(count, seed)
    found = []
    for pulse_ns in (24, 12, 6):
        block, target = setting(count, couplings=given, time_us=0.5, mode=mode, rabi=1000 * pi / pulse_ns)
        found.append(gate_report(block, target).process_infidelity)
    assert found[0] < 0.05
    return log(found[0] / found[2]) / log(4)


@pytest.mark.parametrize(("count", "seed"), [(3, 0), (3, 1), (4, 0)])
def test_always_on_interactions_cost_the_square_of_interaction_over_rabi(count: int, seed: int) -> None:
    assert slope(count, seed, "banged") == pytest.approx(2, abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [3, 4, 5])
def test_always_on_interactions_cost_that_square_for_more_targets(count: int, seed: int) -> None:
    assert slope(count, seed + 10, "banged") == pytest.approx(2, abs=0.2)


def test_switching_by_real_pulses_costs_the_square_too() -> None:
    assert slope(3, 0, "stepwise") == pytest.approx(2, abs=0.2)


def zz_errors(count: int, mode: str, pulse_ns: int) -> NDArray[np.float64]:
    """Return the angle (rad) by which real pulses miss each pair's Z_j Z_k."""
    given = couplings(count, 0)
    block, target = setting(count, couplings=given, time_us=0.5, mode=mode, rabi=1000 * pi / pulse_ns)
    levels = list(product(target.levels, repeat=count))
    index = [levels.index(state) for state in product(("g", "r" if mode == "banged" else "h"), repeat=count)]
    plan = Exact().plan(Segment(0, (Placed(block, "gate"),)), target)
    states = np.eye(target.dimension, dtype=complex)[index]
    made = np.diag(Exact().evolve(plan, {}, states, tuple(range(count)))[:, index]) / wanted(given, count, 0.5)
    signs = np.array(list(product((1, -1), repeat=count)))
    return np.array([(np.angle(made / made[0]) * signs[:, i] * signs[:, j]).mean()
                     for i, j in combinations(range(count), 2)])  # fmt: skip


@pytest.mark.parametrize("mode", ["stepwise", "banged"])
def test_what_interacts_while_pulses_last_is_counted(mode: str) -> None:
    """Pulses of 48 ns alone would add some 0.02 rad to each pair; what stays is half a nanosecond of each wait."""
    assert np.abs(zz_errors(3, mode, 48)).max() < 2e-3


def test_stepwise_gates_run_on_a_device_with_one_local_target() -> None:
    block, target = setting(2, device="DigitalAnalogDevice", couplings={"a": {"b": 0.3}})

    assert gate_report(block, target).process_infidelity < 1e-2


def test_two_gates_in_a_row_add_their_angles() -> None:
    turns = [{"rotate": {"atom": name, "angle": "pi / 2", "basis": "ground-rydberg"}} for name in "ab"]
    gate = {"ising": {"couplings": {"a": {"b": "pi / 8"}}, "mode": "banged", "rabi": 500}}
    probe = {"probe": {"atoms": "all", "density_matrix": True, "key": "rho"}}
    atoms = {"a": [0, 0], "b": [14, 0]}
    program = rq.Program(name="p", device="MockDevice", register={"atoms": atoms}, body=[*turns, gate, gate, probe])

    exact, ideal = (rq.run(program, shots=None, emulator=name).rho.values for name in ("exact", "ideal"))

    assert float(np.trace(exact @ ideal).real) > 1 - 2e-3


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(CapabilityError, match="at most 1 target"):
        gate_report(*setting(2, device="DigitalAnalogDevice", couplings={"a": {"b": 0.3}}, mode="banged"))
    with pytest.raises(CapabilityError, match="more than 1000"):
        gate_report(*setting(3, couplings={"a": {"b": 300}}, time_us=100))
    with pytest.raises(CapabilityError, match=r"couplings\.a\.b: must be known before the run"):
        gate_report(*setting(2, couplings={"a": {"b": "x"}}))


def test_a_pair_is_named_once() -> None:
    block = {"ising": {"couplings": {"a": {"b": 1, "a": 2}, "b": {"a": 1, "x": 1}}}}
    program = rq.Program(name="p", register={"atoms": {"a": [0, 0], "b": [12, 0]}}, body=[block])

    said = [str(problem) for problem in rq.check(program)]
    assert len(said) == 3
    assert sum("must name each pair of two atoms once" in text for text in said) == 2
