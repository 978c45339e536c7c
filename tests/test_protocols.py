"""Each protocol against its law: closed forms, enumeration, published regimes."""

from __future__ import annotations

import json
import time
from itertools import product
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem import programs as p
from rydberg_qmem.analysis import expectation, group
from rydberg_qmem.learning.boltzmann import divergence, thermal, train_boltzmann
from rydberg_qmem.learning.optimise import optimise

EXACT: dict[str, Any] = {"shots": None, "emulator": "ideal"}
ROUGH: dict[str, Any] = {"noise": {"temperature": 50.0, "amp_sigma": 0.01}, "hardware": "zoned_2024"}
SIGMAS = 4.9
"""Two-sided 1e-6."""
LABELS = ["gg", "gh", "hg", "hh"]
BELL = np.array([1, 0, 0, 1]) / np.sqrt(2)


def learned(environment: Any, after: int, **options: Any) -> tuple[float, float]:
    record = rq.run(p.reward_learning(environment, rounds=after + 1, **options), shots=4000, seed=1, emulator="ideal")
    fidelity = record.fidelity.isel(round=after).values
    return float(fidelity.mean()), float(fidelity.std(ddof=1) / np.sqrt(fidelity.size))


def test_one_angle_is_learned_to_nine_tenths_in_thirty_iterations() -> None:
    mean, error = learned("great_circle", 30)

    assert mean - SIGMAS * error > 0.9


def test_haar_states_are_learned_as_well_as_the_published_rule_allows_and_no_better() -> None:
    after_30, _ = learned("haar", 30)
    began = time.perf_counter()
    after_50, _ = learned("haar", 50)

    assert time.perf_counter() - began < 30, "4,000 agents of 50 iterations are shots of one program"

    assert after_30 == pytest.approx(0.843, abs=0.01)
    assert after_50 == pytest.approx(0.878, abs=0.01)


@pytest.mark.parametrize("environment", ["great_circle", "haar"])
def test_a_reward_comes_as_often_as_the_agent_is_right(environment: Any) -> None:
    record = rq.run(p.reward_learning(environment, rounds=21), shots=4000, seed=2, emulator="ideal")
    right, reward = record.fidelity.values[:, 1:], 1 - record.punish.values[:, 1:]
    spread = np.sqrt((right * (1 - right)).sum())

    assert abs((reward - right).sum()) < SIGMAS * spread


def test_without_the_register_atom_the_agent_learns_as_well() -> None:
    mean, _ = learned("haar", 50, semi_quantum=True)

    assert mean == pytest.approx(0.878, abs=0.016)


@pytest.mark.slow
@pytest.mark.parametrize(("options", "over"), [({"punishment": 1.5, "widest": 2 * np.pi}, True), ({}, False)])
def test_with_a_proper_ratio_of_reward_and_punishment_states_are_learned_to_88_per_cent(
    options: dict[str, Any], over: bool
) -> None:
    program = p.reward_learning("haar", rounds=50, semi_quantum=True, **options)
    reached = rq.run(program, shots=20_000, seed=2, emulator="ideal").fidelity_final.values

    assert (reached.mean() - SIGMAS * reached.std() / np.sqrt(20_000) > 0.88) == over


def test_the_range_of_exploration_stays_where_it_is_told_to() -> None:
    program = p.reward_learning("haar", rounds=20, semi_quantum=True, punishment=1.5, widest=3.0)
    ranges = rq.run(program, shots=200, seed=2, emulator="ideal").range.values
    free = rq.run(p.reward_learning("haar", rounds=20, semi_quantum=True), shots=200, seed=2, emulator="ideal")

    assert ranges.max() == 3.0
    assert ranges[:, 0] == pytest.approx(3.0)
    assert free.range.values.max() > 12.6


@pytest.mark.slow
@pytest.mark.parametrize(("how", "cost"), [({}, 0.0), (ROUGH, 0.06)], ids=["pulses", "noisy pulses"])
def test_one_angle_is_learned_by_pulses_too(how: Any, cost: float) -> None:
    ideal, error = learned("great_circle", 30)
    program = p.reward_learning("great_circle", rounds=31)
    early, fidelity = rq.run(program, shots=200, seed=3, **how).fidelity.isel(round=[4, 30]).values.T
    spread = np.hypot(error, fidelity.std(ddof=1) / np.sqrt(fidelity.size))
    untaught = np.hypot(error, early.std(ddof=1) / np.sqrt(early.size))

    assert ideal - cost - SIGMAS * spread < fidelity.mean() < ideal + SIGMAS * spread
    assert fidelity.mean() > 0.8
    assert early.mean() < ideal - cost - SIGMAS * untaught, "an agent that stops after 4 iterations must not pass"


def in_a_bath(strength: float, temperature: float) -> tuple[float, float]:
    occupied = 1 / (1 + np.exp(1 / temperature)) if temperature else 0.0
    program = p.reward_learning("haar", bath=(strength, occupied), rounds=50)
    fidelity = rq.run(program, shots=2000, seed=4, emulator="ideal").fidelity_final.values
    return float(fidelity.mean()), float(fidelity.var(ddof=1) / fidelity.size)


@pytest.mark.slow
def test_a_weak_cold_bath_costs_little_and_a_strong_one_more() -> None:
    free, error = learned("haar", 50)
    (weak, one), (strong, other) = in_a_bath(0.05, 0.5), in_a_bath(0.4, 0.5)

    assert weak > free - 0.02 - SIGMAS * np.sqrt(one + error**2)
    assert weak - strong > SIGMAS * np.sqrt(one + other)
    assert strong < free - 0.02 - SIGMAS * np.sqrt(other + error**2), "a strong bath must not pass for a weak one"


def test_learning_without_feedback_is_no_learning() -> None:
    program = p.reward_learning("great_circle", epsilon=1.0, rounds=2)
    fidelity = rq.run(program, shots=4000, seed=3, emulator="ideal").fidelity.isel(round=1).values

    assert fidelity.mean() < 0.9


@pytest.mark.parametrize(("angle", "q"), [(np.pi, 0.3), (0.0, 0.45), (1.0, 0.0)])
def test_thermal_contact_relaxes_as_its_law(angle: float, q: float) -> None:
    record = rq.run(p.thermal_contact(angle=angle, occupation=q), **EXACT)
    law = q + (np.sin(angle / 2) ** 2 - q) * 0.8 ** np.arange(12)

    np.testing.assert_allclose(record.n.values.ravel(), law, atol=1e-12)


def enumerated(chance: float, q: float, rounds: int) -> float:
    """Return the logical error after n rounds, state by state over data errors and syndrome flips."""
    states = np.eye(8)[0]
    fix = {(1, 0): 4, (1, 1): 2, (0, 1): 1, (0, 0): 0}
    for _ in range(rounds):
        after = np.zeros(8)
        for bits, error, flip in np.ndindex(8, 8, 4):
            n, m, now = bin(error).count("1"), bin(flip).count("1"), bits ^ error
            a, b, c = now >> 2, now >> 1 & 1, now & 1
            weight = chance**n * (1 - chance) ** (3 - n) * q**m * (1 - q) ** (2 - m)
            after[now ^ fix[a ^ b ^ (flip >> 1), b ^ c ^ (flip & 1)]] += states[bits] * weight
        states = after
    return float(sum(states[k] for k in range(8) if bin(k).count("1") >= 2))


def test_the_enumeration_has_the_closed_form_without_syndrome_errors() -> None:
    once = 3 * 0.1**2 - 2 * 0.1**3

    assert enumerated(0.1, 0, 1) == pytest.approx(once, abs=1e-15)
    assert enumerated(0.1, 0, 4) == pytest.approx((1 - (1 - 2 * once) ** 4) / 2, abs=1e-15)


@pytest.mark.parametrize("error", ["bit", "phase"])
@pytest.mark.parametrize(("q", "rounds"), [(0.0, 1), (0.0, 3), (0.05, 1), (0.05, 3)])
def test_a_code_fails_exactly_as_often_as_enumerated(error: Any, q: float, rounds: int) -> None:
    record = rq.run(p.repetition_code(error, p=0.1, q=q, rounds=rounds), **EXACT)

    assert float(record.logical) == pytest.approx(enumerated(0.1, q, rounds), abs=1e-9)


def without_corrections(program: rq.Program) -> rq.Program:
    repeat = next(block for block in program.body if isinstance(block, rq.Repeat))
    idle = repeat.model_copy(
        update={
            "body": tuple(b for b in repeat.body if not (isinstance(b, rq.When) and "syndrome" in str(b.condition)))
        }
    )
    return program.model_copy(update={"body": tuple(idle if block is repeat else block for block in program.body)})


@pytest.mark.parametrize("error", ["bit", "phase"])
def test_a_code_that_corrects_nothing_is_worse(error: Any) -> None:
    record = rq.run(without_corrections(p.repetition_code(error, p=0.1, rounds=3)), **EXACT)

    assert float(record.logical) > enumerated(0.1, 0, 3) + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("error", ["bit", "phase"])
def test_a_hundred_thousand_shots_of_a_code_agree_with_enumeration(error: Any) -> None:
    record = rq.run(p.repetition_code(error, p=0.1, q=0.05), shots=100_000, seed=4, emulator="ideal")
    laws = np.array([enumerated(*wrong, 3) for wrong in ((0.1, 0.05), (0.11, 0.05), (0.1, 0.055))])
    off = np.abs(float(record.logical.mean()) - laws) / np.sqrt(laws * (1 - laws) / 1e5)

    assert off[0] < 4
    assert (off[1:] > 4).all(), "chances 10 % too large must fail"


@pytest.mark.slow
def test_a_code_by_pulses_fails_as_often_as_enumerated() -> None:
    logical = rq.run("bit_flip_code", parameters={"p": 0.1, "rounds": 1}, shots=4000, seed=7).logical.values
    right, mutant = (
        abs(logical.mean() - law) / np.sqrt(law * (1 - law) / 4000)
        for law in (enumerated(0.1, 0, 1), enumerated(0.14, 0, 1))
    )

    assert right < SIGMAS < mutant, "flips as often as 0.14 must fail"


def misjudged(chance: float, how: dict[str, Any], program: Any = "bit_flip_code") -> Any:
    """Return for each shot of three rounds on zoned_2024 whether most atoms left are wrong; a tie is a guess."""
    read = rq.run(program, parameters={"p": chance, "rounds": 3}, shots=4000, seed=7, **how).data.values
    ones, zeros = (read == 1).sum(axis=1), (read == 0).sum(axis=1)
    return np.where(ones == zeros, 0.5, ones > zeros)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "cost"),
    [({"emulator": "ideal", "hardware": "zoned_2024"}, 0.02), (ROUGH, 0.1)],
    ids=["ideal gates", "noisy pulses"],
)
def test_on_a_real_machine_a_code_costs_something_and_pays_below_break_even(how: dict[str, Any], cost: float) -> None:
    flipped, quiet, beyond = (misjudged(chance, how) for chance in (0.1, 0.0, 0.7))
    bare = [(1 - (1 - 2 * chance) ** 3) / 2 for chance in (0.1, 0.7)]

    assert flipped.mean() + SIGMAS * flipped.std() / 4000**0.5 < bare[0]
    assert enumerated(0.0, 0, 3) == 0 < quiet.mean() < cost
    assert beyond.mean() + SIGMAS * beyond.std() / 4000**0.5 > bare[1]


@pytest.mark.slow
def test_three_readings_that_outvote_one_are_not_all_that_a_code_gains() -> None:
    how = {"emulator": "ideal", "hardware": "zoned_2024"}
    program = rq.load("bit_flip_code")
    code, readings = (misjudged(0.1, how, made) for made in (program, without_corrections(program)))

    assert readings.mean() - code.mean() > SIGMAS * np.hypot(code.std(), readings.std()) / 4000**0.5


@pytest.mark.parametrize(("theta", "phi"), [(1.1, 0.4), (2.7, -2.0)])
def test_teleportation_keeps_the_state(theta: float, phi: float) -> None:
    rho = rq.run(p.teleportation(theta=theta, phi=phi), **EXACT).rho.sel(rho_row=["g", "h"], rho_column=["g", "h"])
    psi = np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)])

    assert (psi.conj() @ rho.values @ psi).real == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("emulator", "least"), [("ideal", 1 - 1e-9), ("exact", 0.999)])
def test_swapping_entangles_atoms_that_never_met(emulator: str, least: float) -> None:
    rho = rq.run(p.entanglement_swapping(), shots=None, emulator=emulator).rho

    assert BELL @ rho.sel(rho_row=LABELS, rho_column=LABELS).values.real @ BELL > least


@pytest.mark.parametrize("atoms", [2, 3, 4])
def test_ghz_states_of_any_length_take_two_layers(atoms: int) -> None:
    ends = ["g" * atoms, "h" * atoms]
    rho = rq.run(p.ghz_by_measurement(atoms), **EXACT).rho.sel(rho_row=ends, rho_column=ends)

    assert rho.values.real.sum() / 2 == pytest.approx(1, abs=1e-9)


def ghz_by_pulses(*, infidelity: float = 1e-4, wall: str = "max(walls.a0, 0)") -> float:
    """Return the fidelity of three atoms with (ggg + hhh)/√2 by pulses, CNOTs of some infidelity."""
    data = json.loads(p.ghz_by_measurement(3).to_json().replace("(pi * max(walls.a0, 0))", f"(pi * {wall})"))
    for block in data["body"]:
        if "cnot" in block:
            block["cnot"]["infidelity"] = infidelity
    ends = ["ggg", "hhh"]
    rho = rq.run(rq.Program.from_dict(data), shots=None).rho.sel(rho_row=ends, rho_column=ends)
    return float(rho.values.real.sum() / 2)


def test_a_ghz_state_by_pulses_lacks_what_four_blockaded_gates_cost() -> None:
    assert ghz_by_pulses() > 1 - 4 * 2.5e-4 > ghz_by_pulses(infidelity=1e-2)
    assert ghz_by_pulses(wall="walls.a1") < 0.6, "an atom turned over by the wrong wall must fail"


@pytest.mark.parametrize("looks", [1, 2, 8])
def test_looking_keeps_an_atom_where_it_is(looks: int) -> None:
    record = rq.run(p.zeno(looks=looks), **EXACT)

    assert float(record.stayed_final) == pytest.approx(np.cos(np.pi / (2 * looks)) ** (2 * looks), abs=1e-12)


@pytest.mark.parametrize("looks", [2, 8])
def test_looking_keeps_an_atom_where_it_is_by_pulses_too(looks: int) -> None:
    law = np.cos(np.pi / (2 * looks)) ** (2 * looks)
    right, wrong = (
        float(rq.run(p.zeno(looks=looks, angle=angle), shots=None).stayed_final) for angle in (np.pi, 1.1 * np.pi)
    )

    assert right == pytest.approx(law, abs=1e-9)
    assert abs(wrong - law) > 0.01, "a turn 10 % too large must fail"


def test_an_active_reset_leaves_what_was_misread() -> None:
    misread = {"name": "misread", "p_false_pos": 0.01, "p_false_neg": 0.03}
    left = rq.run(p.active_reset(rounds=3), **EXACT, hardware=misread).left.values.ravel()

    np.testing.assert_allclose(left[1:], left[:-1] * 0.03 + (1 - left[:-1]) * 0.01, atol=1e-12)


@pytest.mark.parametrize("phase", [0.0, 0.34375, 0.96875])
def test_phases_of_few_bits_are_read_exactly(phase: float) -> None:
    record = rq.run(p.iterative_phase_estimation(phase=phase, bits=5), **EXACT)

    assert float(record.estimate_final) == pytest.approx(phase, abs=1e-12)


def estimated_by_pulses(phase: float, *, back: str = "-pi * estimate", bits: int = 5) -> float:
    program = p.iterative_phase_estimation(phase=phase, bits=bits).to_json().replace('"-pi * estimate"', f'"{back}"')
    return float(rq.run(rq.Program.from_json(program), shots=None).estimate_final)


@pytest.mark.parametrize("phase", [0.34375, 0.96875])
def test_phases_of_few_bits_are_read_exactly_by_pulses_too(phase: float) -> None:
    assert estimated_by_pulses(phase) == pytest.approx(phase, abs=1e-9), "with one atom in h no pulse is blockaded"
    assert abs(estimated_by_pulses(phase, back="-0.9 * pi * estimate") - phase) > 1e-3


def test_pauli_strings_go_together_where_no_atom_needs_two_letters() -> None:
    assert group(["XI", "IX", "XX"]) == {"XX": ("XX", "XI", "IX")}
    assert group(["II"]) == {}


def test_expectation_values_agree_with_the_state_within_their_errors() -> None:
    angles = {"t0": 0.7, "t1": -0.4, "t2": 2.5, "t3": 0.3}
    records = {
        s: rq.run(p.two_atom_ansatz(setting=s), parameters=angles, shots=20_000, seed=5, emulator="ideal")
        for s in group(p.H2)
    }
    found = expectation(records, p.H2, key="m")

    assert abs(float(found.value) - energy("hardware_efficient", list(angles.values()))) < SIGMAS * float(found.error)
    assert 0 < float(found.error) < 0.01


def test_expectation_names_the_basis_it_misses() -> None:
    with pytest.raises(rq.InputError, match="have none for XX"):
        expectation({}, {"XX": 1.0}, key="m")


def test_expectation_refuses_strings_of_other_letters() -> None:
    with pytest.raises(rq.InputError, match="one is 'XQ'"):
        group(["XQ"])


PAULI = {"I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}
HAMILTONIAN = sum(c * np.kron(PAULI[t[0]], PAULI[t[1]]) for t, c in p.H2.items())


def energy(kind: Any, angles: list[float], emulator: str = "ideal") -> float:
    program = p.two_atom_ansatz(kind)
    probe = rq.Probe(atoms=("q0", "q1"), density_matrix=True, key="rho")
    program = program.model_copy(update={"body": (*program.body[:-1], probe)})
    where = {f"t{k}": v for k, v in enumerate(angles)}
    rho = rq.run(program, parameters=where, shots=None, emulator=emulator).rho
    return float(np.trace(HAMILTONIAN @ rho.sel(rho_row=LABELS, rho_column=LABELS).values).real)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "size"), [("hardware_efficient", 4), ("digital_analog", 5)])
def test_an_ansatz_finds_the_ground_state_of_hydrogen(kind: Any, size: int) -> None:
    start = {f"t{k}": v for k, v in enumerate(np.random.default_rng(3).uniform(-1, 1, size))}
    best = optimise(lambda t: energy(kind, list(t.values())), start, evaluations=150)

    assert best.value == pytest.approx(-1.1456, abs=1.6e-3)
    assert energy(kind, list(best.parameters.values()), "exact") == pytest.approx(best.value, abs=1.6e-3)


def test_unfolding_takes_misread_bits_out_of_an_energy() -> None:
    angles = {"t0": 0.7, "t1": -0.4, "t2": 2.5, "t3": 0.3}
    misread = {"name": "misread", "p_false_pos": 0.02, "p_false_neg": 0.04}
    records = {
        s: rq.run(p.two_atom_ansatz(setting=s), parameters=angles, shots=40_000, seed=5, emulator="ideal",
                  hardware=misread) for s in group(p.H2)
    }  # fmt: skip
    true = energy("hardware_efficient", list(angles.values()))
    read, unfolded = (expectation(records, p.H2, key="m", unfold=unfold) for unfold in (False, True))

    assert abs(float(unfolded.value) - true) < SIGMAS * float(unfolded.error)
    assert abs(float(read.value) - true) > SIGMAS * float(read.error)


def cut(layers: int, gammas: list[float]) -> float:
    atoms = 2 * layers + 2
    program = p.qaoa_ring(atoms, layers)
    program = program.model_copy(update={"body": program.body[:-1]})
    angles = {f"gamma{k}": g for k, g in enumerate(gammas)} | {f"beta{k}": -g for k, g in enumerate(gammas[::-1])}
    pairs = rq.run(program, parameters=angles, **EXACT).cut_correlations.values
    n = np.diag(pairs)
    return float(np.mean([n[k] + n[(k + 1) % atoms] - 2 * pairs[k, (k + 1) % atoms] for k in range(atoms)]))


def test_qaoa_of_one_layer_cuts_three_quarters_of_a_ring() -> None:
    assert cut(1, [np.pi / 8]) == pytest.approx(3 / 4, abs=1e-9)
    assert cut(1, [np.pi / 8 + 0.1]) < 0.74


def test_digital_analog_layers_are_the_same_by_pulses() -> None:
    angles = {f"t{k}": t for k, t in enumerate((0.3, -0.7, 1.1, 0.4, 0.5))}
    ring = {"gamma0": np.pi / 8, "beta0": -np.pi / 8}
    cases = ((p.two_atom_ansatz("digital_analog"), angles, "m"), (p.qaoa_ring(4, 1), ring, "cut_correlations"))
    for program, values, name in cases:
        gates, pulses = (rq.run(program, parameters=values, shots=None, emulator=e)[name] for e in ("ideal", "exact"))

        np.testing.assert_allclose(pulses, gates, atol=2e-3)


@pytest.mark.parametrize(("layers", "angles"), [(2, [0.3279, 0.6214]), (3, [0.29607, 0.57804, 0.68229])])
def test_qaoa_of_more_layers_cuts_more_of_a_ring(layers: int, angles: list[float]) -> None:
    assert cut(layers, angles) == pytest.approx((2 * layers + 1) / (2 * layers + 2), abs=1e-6)


@pytest.mark.slow
def test_a_sweep_finds_the_largest_independent_set_of_a_king_s_graph() -> None:
    places = {f"a{i}{j}": (5.5 * i, 5.5 * j) for i in range(3) for j in range(3)}
    record = rq.run(p.independent_set_sweep(places, reach_um=8.0), shots=None)

    assert float(record.largest) > 0.95
    assert float(record.independent) > 0.999


RING = {f"a{k}": (4.679 * np.cos(0.4 * np.pi * k), 4.679 * np.sin(0.4 * np.pi * k)) for k in range(5)}
"""Five atoms, neighbours 5.5 µm apart."""


@pytest.mark.slow
def test_a_sweep_finds_the_largest_independent_sets_of_a_ring() -> None:
    slow, fast = (
        rq.run(p.independent_set_sweep(RING, last=10 * np.pi, reach_um=5.6, duration_ns=time), shots=None)
        for time in (2000, 900)
    )

    assert float(slow.largest) > 0.95
    assert float(fast.largest) < 0.9
    assert float(slow.independent) > 0.999


@pytest.mark.slow
def test_four_trained_pulses_find_the_largest_independent_sets_of_a_ring() -> None:
    program = p.independent_set_pulses(RING, reach_um=5.6)
    trained = dict(zip((f"rabi{k}" for k in range(4)), (9.574, 10.301, 11.110, 10.731), strict=True))
    trained |= dict(zip((f"detuning{k}" for k in range(4)), (-12.667, -13.236, -3.645, 26.039), strict=True))
    before, after = (rq.run(program, parameters=angles, shots=None) for angles in ({}, trained))

    assert float(before.largest) < 0.5
    assert float(after.largest) > 0.95


def test_a_shot_is_judged_by_its_neighbours() -> None:
    path = {"a": (0, 0), "b": (5, 0), "c": (10, 0)}
    program = p.independent_set_pulses(path, 2, duration_ns=400, reach_um=6)
    record = rq.run(program, shots=500, seed=1)
    a, b, c = record.m.values.T

    np.testing.assert_array_equal(record.independent.values, (a * b + b * c == 0))
    np.testing.assert_array_equal(record.largest.values, (a == 1) & (b == 0) & (c == 1))


def test_a_sweep_must_last_longer_than_its_rise_and_fall() -> None:
    with pytest.raises(rq.InputError, match=r"duration_ns must be more than twice rise_ns \(400\), but is 800"):
        p.independent_set_sweep(RING, duration_ns=800)


def test_too_many_atoms_are_not_searched_for_independent_sets() -> None:
    with pytest.raises(rq.InputError, match="at most 16 to find the largest sets, but are 17"):
        p.independent_set_sweep({f"a{k}": (9 * k, 0) for k in range(17)}, reach_um=5)


@pytest.mark.parametrize(("rabi", "detuning", "beta"), [(1, 1, 1), (2, -1, 0.7), (0.5, 2, 2)])
def test_collisions_bring_an_atom_to_its_thermal_state(rabi: float, detuning: float, beta: float) -> None:
    record = rq.run(p.thermal_atom(rabi=rabi, detuning=detuning, beta=beta), **EXACT)
    e = np.hypot(rabi, detuning)

    assert float(record.m) == pytest.approx((1 + detuning / e * np.tanh(beta * e / 2)) / 2, abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("atoms", "shown", "machine"),
    [
        (3, [1, 2, 4], {"sweeps": 6, "width_us": 0.25}),
        (4, [0, 3, 5, 10, 12, 15], {"sweeps": 4, "width_us": 0.35, "step_us": 0.1}),
    ],
    ids=["one of three in h", "bars and stripes"],
)
def test_collisions_with_a_transverse_field_show_data_that_no_classical_weights_show(
    atoms: int, shown: list[int], machine: dict[str, Any]
) -> None:
    data = 0.98 * np.isin(np.arange(2**atoms), shown) / len(shown) + 0.02 / 2**atoms
    control, best = (
        train_boltzmann(lambda w, g=g: thermal(w, atoms, gamma=g), data, rate=0.5, steps=40)  # type: ignore[misc]  # bound now
        for g in (0.0, 0.3)
    )
    program = p.boltzmann_machine(atoms, **machine, gamma=0.3)
    record = rq.run(program, parameters=best.parameters, **EXACT, state="density_matrix")
    labels = ["".join(bits) for bits in product("gh", repeat=atoms)]
    found = np.diag(record.p.sel(p_row=labels, p_column=labels).values).real

    assert divergence(data, found) < 0.02 < control.value


def by_matrices(b: tuple[float, float], w: float, *, swap: float) -> Any:
    """Return the outcomes of two atoms after one sweep, Γ = 0.5, β = 1, width 0.25 µs, step 0.2 µs, by matrices."""
    z = 1 - 2 * (np.arange(8) >> np.arange(2, -1, -1)[:, None] & 1)  # q0, q1, bath
    shape = np.exp(-(((np.arange(8) - 3.5) * 0.2 / 0.25) ** 2) / 2)
    field = np.cos(0.1) * PAULI["I"] + 1j * np.sin(0.1) * PAULI["X"]
    fields = np.kron(np.kron(field, field), PAULI["I"])
    rho = np.full((4, 4), 0.25)
    for atom, sign in product((0, 1), (1, -1)):
        cost = 2 * (b[atom] + sign * w)
        turn = np.exp(0.2j * (b[0] * z[0] + b[1] * z[1] + w * z[0] * z[1] + cost * z[2] / 2))
        flips = [np.kron(np.kron(*(PAULI[q if k == atom else "I"] for k in (0, 1))), PAULI[q]) for q in "XY"]
        levels, vectors = np.linalg.eigh(sum(flips) / 2)
        whole = np.eye(8)
        for angle in swap / shape.sum() * shape:
            whole = turn[:, None] * (fields @ (vectors * np.exp(-1j * angle * levels) @ vectors.conj().T @ whole))
        bath = np.diag([1, np.exp(-cost)]) / (1 + np.exp(-cost))
        after = (whole @ np.kron(rho, bath) @ whole.conj().T).reshape(4, 2, 4, 2)
        rho = after.trace(axis1=1, axis2=3)
    return np.diag(rho).real


def test_a_sweep_of_collisions_is_what_matrices_make_of_it() -> None:
    program = p.boltzmann_machine(2, gamma=0.5, sweeps=1, width_us=0.25)
    record = rq.run(program, parameters={"b0": 0.9, "b1": -0.4, "w01": 0.8}, **EXACT, state="density_matrix")
    found = np.diag(record.p.sel(p_row=LABELS, p_column=LABELS).values).real
    right, wrong = (by_matrices((0.9, -0.4), 0.8, swap=swap) for swap in (0.8, 0.88))

    np.testing.assert_allclose(found, right, atol=1e-9)
    assert np.abs(found - wrong).max() > 1e-3, "an exchange 10 % too strong must fail"


@pytest.mark.parametrize("atoms", [1, 4, 5])
def test_each_atom_of_a_machine_stands_as_near_to_the_ancilla(atoms: int) -> None:
    *near, bath = p.boltzmann_machine(atoms, spacing_um=6.0).to_dict()["register"]["atoms"].values()

    assert bath == [0.0, 0.0]
    np.testing.assert_allclose(np.hypot(*np.transpose(near)), 6.0)


@pytest.mark.slow
@pytest.mark.parametrize(("beta", "other"), [(1.0, 0.3), (0.3, 1.0)])
def test_collisions_bring_two_atoms_to_their_boltzmann_distribution(beta: float, other: float) -> None:
    weights, labels = {"b0": 0.9, "b1": -0.4, "w01": 0.8}, ["gg", "gh", "hg", "hh"]
    program = p.boltzmann_machine(2, gamma=0.0, beta=beta, sweeps=6, width_us=1.2)
    record = rq.run(program, parameters=weights, **EXACT, state="density_matrix")
    found = np.diag(record.p.sel(p_row=labels, p_column=labels).values).real
    laws = [thermal({name: at * w for name, w in weights.items()}, 2) for at in (beta, other)]
    near, far = (0.5 * np.abs(found - law).sum() for law in laws)

    assert near < 0.03
    assert far > 0.1


def feature(x: float, **options: Any) -> Any:
    record = rq.run(p.digital_analog_features(2, **options), inputs={"x0": [x], "x1": [0.2]}, **EXACT)
    return record.f_correlations.values.ravel()


def test_features_tell_signs_apart_and_know_the_analog_block() -> None:
    assert np.abs(feature(0.5) - feature(-0.5)).max() > 0.1
    assert np.abs(feature(0.5) - feature(0.5, strength=0.0)).max() > 0.1


def patch_features(x: Any, strength: float) -> Any:
    """Return the means of n_j n_k, j ≤ k, of four numbers by matrices: turns about y, ZZ on a square, turns about x."""
    signs = 1 - 2 * (np.arange(16)[:, None] >> np.arange(3, -1, -1) & 1)
    pairs = [(0, 1, 1.0), (2, 3, 1.0), (0, 2, 1.0), (1, 3, 1.0), (0, 3, 1 / 8), (1, 2, 1 / 8)]
    block = np.exp(-1j * strength * sum(c * signs[:, i] * signs[:, j] for i, j, c in pairs))
    first, last = np.ones(1), np.eye(1)
    for angle in (np.pi / 2 + x) / 2:
        first = np.kron(first, [np.cos(angle), np.sin(angle)])
        last = np.kron(last, np.cos(angle) * PAULI["I"] - 1j * np.sin(angle) * PAULI["X"])
    chances, n = np.abs(last @ (block * first)) ** 2, (1 - signs) / 2
    return np.array([chances @ (n[:, i] * n[:, j]) for i in range(4) for j in range(i, 4)])


@pytest.mark.parametrize(
    ("emulator", "strength", "most"), [("ideal", 1.0, 1e-9), ("exact", 1.0, 1e-3), ("exact", 0.6, 4e-4)]
)
def test_quanvolution_is_what_matrices_make_of_each_patch(emulator: str, strength: float, most: float) -> None:
    patches = np.random.default_rng(1).integers(0, 17, (3, 4)) / 16 - 0.5
    program = p.digital_analog_features(4, strength=strength)
    record = rq.run(program, inputs={f"x{k}": patches[:, k] for k in range(4)}, shots=None, emulator=emulator)
    seen = record.f_correlations.values[:, *np.triu_indices(4)]
    right, wrong = (np.array([patch_features(x, g) for x in patches]) for g in (strength, 1.1 * strength))

    np.testing.assert_allclose(seen, right, atol=most)
    assert np.abs(seen - wrong).max() > 0.01, "an analog block 10 % too strong must fail"


def test_features_are_the_same_whatever_samples_came_before() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (3, 2))
    program = p.digital_analog_features(2)
    together = rq.run(program, inputs={"x0": x[:, 0], "x1": x[:, 1]}, **EXACT).f_correlations.values
    alone = rq.run(program, inputs={"x0": x[2:, 0], "x1": x[2:, 1]}, **EXACT).f_correlations.values

    np.testing.assert_allclose(together[2], alone[0], atol=1e-12)


def test_adapting_the_setting_reads_a_phase_better_in_the_same_time() -> None:
    errors = {}
    for adaptive in (True, False):
        record = rq.run(p.ramsey_search(adaptive=adaptive), shots=2000, seed=8, emulator="ideal")
        gap = record.estimate_final.values - record.phase.values
        errors[adaptive] = 1 - np.cos(2 * np.pi * gap)
    spread = np.sqrt(sum(e.var() / e.size for e in errors.values()))

    assert errors[False].mean() - errors[True].mean() > SIGMAS * spread


@pytest.mark.slow
def test_overlaps_of_digital_analog_states_tell_digits_apart_as_well_as_radial_functions() -> None:
    datasets, svm = pytest.importorskip("sklearn.datasets"), pytest.importorskip("sklearn.svm")
    from sklearn.decomposition import PCA
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    images, labels = (part[:400] for part in datasets.load_digits(return_X_y=True))
    parts = PCA(4, random_state=0).fit_transform(images)
    parts = parts / parts.std(axis=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    states = digital_analog_states(parts / 2)
    overlaps = np.einsum("aij,bji->ab", states, states, optimize=True).real
    kernel, mixed = (
        cross_val_score(svm.SVC(kernel="precomputed", C=3), overlaps, known, cv=folds)
        for known in (labels, np.random.default_rng(0).permutation(labels))
    )
    radial, linear = (
        cross_val_score(model, parts, labels, cv=folds)
        for model in (svm.SVC(C=3, gamma=0.08), svm.SVC(kernel="linear"))
    )
    spread = np.hypot(kernel.std(ddof=1), radial.std(ddof=1)) / 5**0.5

    assert abs(kernel.mean() - radial.mean()) < max(0.03, 3 * spread)
    assert kernel.mean() > linear.mean() - 3 * spread
    assert mixed.mean() < 0.3


def digital_analog_states(x: Any) -> Any:
    program = p.digital_analog_features(4)
    loop = program.body[0]
    assert isinstance(loop, rq.Repeat)
    probe = rq.Probe(atoms=("q0", "q1", "q2", "q3"), density_matrix=True, key="rho")
    body = (loop.model_copy(update={"body": (*loop.body[:-2], probe, loop.body[-1])}),)
    labels = ["".join(bits) for bits in product("gh", repeat=4)]
    inputs = {f"x{k}": x[:, k] for k in range(4)}
    rho = rq.run(program.model_copy(update={"body": body}), inputs=inputs, **EXACT).rho
    return rho.sel(rho_row=labels, rho_column=labels).values


def phase_losses(shots: int = 20_000, *, emulator: str = "ideal", fed: str = "estimate / 2", **options: Any) -> Any:
    program = p.ramsey_search(**options).to_json().replace('"estimate / 2"', f'"{fed}"')
    record = rq.run(rq.Program.from_json(program), shots=shots, seed=8, emulator=emulator)
    return 1 - np.cos(2 * np.pi * (record.estimate_final.values - record.phase.values))


def test_an_adaptive_search_without_repeats_errs_as_the_quantum_fourier_transform() -> None:
    loss = phase_losses(bits=6)

    assert abs(loss.mean() - 1 / 64) < SIGMAS * loss.std() / loss.size**0.5


def test_adapting_with_repeats_beats_what_the_shortest_waits_allow_in_the_same_time() -> None:
    least = 1 / (2 * 3 * (2**7 - 1))  # one radian squared for each look, all of it spent on looks of one unit
    once, thrice = phase_losses(bits=7), phase_losses(bits=7, repeats=3)

    assert thrice.mean() + SIGMAS * thrice.std() / thrice.size**0.5 < least
    assert once.mean() > least


def test_by_pulses_adapting_beats_fixed_settings_and_what_the_shortest_waits_allow() -> None:
    least = 1 / (2 * 3 * (2**7 - 1))
    how: dict[str, Any] = {"bits": 7, "repeats": 3, "emulator": "exact"}
    adaptive, misfed = phase_losses(**how), phase_losses(fed="0.45 * estimate", **how)
    fixed, ideal = phase_losses(4000, adaptive=False, **how), phase_losses(bits=7, repeats=3)
    tops = [loss.mean() + SIGMAS * loss.std() / loss.size**0.5 for loss in (adaptive, misfed)]

    assert tops[0] < least < tops[1], "a setting fed back 10 % short must lose what adapting gains"
    assert fixed.mean() - SIGMAS * fixed.std() / fixed.size**0.5 > tops[0]
    assert abs(adaptive.mean() - ideal.mean()) < SIGMAS * np.hypot(adaptive.std(), ideal.std()) / ideal.size**0.5


def search_means(phase: float, emulator: str, *, turn: str = "-pi / 2") -> Any:
    """Return the exact means of bits and settings of a search of 7 units for one phase, its last turn as given."""
    data = json.loads(p.ramsey_search(bits=3, repeats=3).to_json().replace('"-pi / 2"', f'"{turn}"'))
    data["memory"]["phase"]["initial"] = phase
    record = rq.run(rq.Program.from_dict(data), shots=None, emulator=emulator)
    return np.concatenate([record[key].values for key in ("bit", "setting")])


@pytest.mark.parametrize("phase", [0.1234, 0.71])
def test_a_search_by_pulses_has_the_exact_means_of_ideal_gates(phase: float) -> None:
    ideal = search_means(phase, "ideal")

    np.testing.assert_allclose(search_means(phase, "exact"), ideal, atol=1e-9)
    assert np.abs(search_means(phase, "exact", turn="-0.45 * pi") - ideal).max() > 1e-3


@pytest.mark.parametrize("repeats", [0, 2])
def test_majorities_need_an_odd_number_of_repeats(repeats: int) -> None:
    with pytest.raises(rq.InputError, match=f"repeats must be 1 or more, and odd for majorities, but is {repeats}"):
        p.ramsey_search(repeats=repeats)


def missed(place: float, **options: Any) -> float:
    data = p.adaptive_ramp(**options).to_dict()
    data["memory"]["shift"]["initial"] = place
    return 1 - float(rq.run(rq.Program.from_dict(data), shots=None).up)


@pytest.mark.slow
def test_a_ramp_that_follows_its_scouts_misses_less_in_the_same_time() -> None:
    places = np.linspace(-60, 60, 17)[:-1] + 3.75
    fixed = np.mean([missed(place, adaptive=False) for place in places])
    adaptive = np.mean([missed(place) for place in places])

    assert fixed == pytest.approx(np.exp(-np.pi * 36 * 6 / (2 * 132)), abs=0.03)
    assert fixed != pytest.approx(np.exp(-np.pi * 36 * 6 / (2 * 132) * 0.9**2), abs=0.03), "Ω 10 % lower must fail"
    assert adaptive < 0.7 * fixed


def test_a_ramp_must_have_a_flat_part() -> None:
    with pytest.raises(rq.InputError, match=r"edge must be a share of the sweep from 0 to less than 0\.5, but is 0\.5"):
        p.adaptive_ramp(edge=0.5)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("reward_learning", p.reward_learning()),
        ("entanglement_swapping", p.entanglement_swapping()),
        ("ghz_by_measurement", p.ghz_by_measurement(3)),
        ("h2_ansatz", p.two_atom_ansatz("digital_analog")),
    ],
)
def test_a_ready_sequence_is_what_its_builder_makes(name: str, made: rq.Program) -> None:
    ready = rq.load(name)

    assert (ready.body, ready.memory, ready.register) == (made.body, made.memory, made.register)


@pytest.mark.parametrize("name", ["bit_flip_code", "phase_flip_code"])
def test_a_ready_code_draws_its_errors_and_still_has_exact_means(name: str) -> None:
    record = rq.run(name, parameters={"p": 0.1, "rounds": 2}, **EXACT)

    assert float(record.logical) == pytest.approx(enumerated(0.1, 0, 2), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "wrong", "rule"),
    [
        ("reward_learning", {"environment": "hair"}, "environment: must be one of great_circle, haar"),
        ("repetition_code", {"error": "bits"}, "error: must be one of bit, phase"),
        ("two_atom_ansatz", {"kind": "analog"}, "kind: must be one of hardware_efficient, digital_analog"),
        ("two_atom_ansatz", {"setting": "Z"}, "setting: must be 2 letters"),
        ("measured_in", {"setting": "QX", "atoms": ("a", "b")}, "setting: must be 2 letters"),
        ("qaoa_ring", {"atoms": 2, "layers": 1}, "atoms: must be a whole number from 3"),
        ("boltzmann_machine", {"atoms": 40}, "atoms: must be a whole number from 1 to 12"),
    ],
)
def test_names_and_counts_of_protocols_are_refused_by_name(name: str, wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(rq.InputError, match=rule):
        getattr(p, name)(**wrong)
