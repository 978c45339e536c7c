"""What measuring, resetting, branching, looping and remembering mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.errors import ProgramError, RunError

PAIR = {"a": (0, 0), "b": (5, 0)}
BELL = [{"rotate": {"atom": "a", "angle": "pi / 2"}}, {"cnot": {"control": "a", "target": "b"}}]
HALF = {"rotate": {"atom": "a", "angle": "pi / 2"}}
FLIP = {"rotate": {"atom": "a", "axis": "x", "angle": "pi"}}


def record(body: list[Any], atoms: Any = None, **options: Any) -> Any:
    given = {name: options.pop(name) for name in ("memory", "parameters", "inputs") if name in options}
    atoms = {"a": (0, 0)} if atoms is None else atoms
    program = rq.Program(name="p", device="MockDevice", register={"atoms": atoms}, body=body, **given)
    return rq.run(program, **{"shots": None, "emulator": "ideal", **options})


def look(*atoms: str) -> dict[str, Any]:
    return {"probe": {"atoms": list(atoms), "density_matrix": True, "key": "rho"}}


def measured(key: str, *atoms: str) -> dict[str, Any]:
    return {"measure": {"atoms": list(atoms), "key": key}}


def logical(found: Any) -> Any:
    return found.rho.sel(rho_row=["g", "h"], rho_column=["g", "h"]).values


# ----------------------------------------------------------------------- reset


def test_resetting_half_of_a_bell_pair_leaves_the_other_half_maximally_mixed() -> None:
    found = logical(record([*BELL, {"reset": {"atoms": "a"}}, look("b")], PAIR))

    np.testing.assert_allclose(found, np.eye(2) / 2, atol=1e-12)


def test_resetting_half_of_a_bell_pair_by_pulses_leaves_the_other_half_mixed_up_to_the_gates_error() -> None:
    found = logical(record([*BELL, {"reset": {"atoms": "a"}}, look("b")], PAIR, emulator="exact"))

    # an average infidelity of 1e-4 is an amplitude of at most √(5/4 1e-4) = 0.011 out of place
    np.testing.assert_allclose(found, np.eye(2) / 2, atol=0.012)


def test_a_reset_atom_is_in_g_and_in_no_superposition() -> None:
    found = record([HALF, {"reset": {"atoms": "a"}}, HALF, look("a")])

    np.testing.assert_allclose(found.rho.values, np.full((2, 2), 0.5), atol=1e-12)


def test_a_reset_empties_the_rydberg_level_too() -> None:
    excite = {"rotate": {"atom": "a", "angle": 1.3, "basis": "ground-rydberg"}}
    found = record([HALF, excite, {"reset": {"atoms": "a"}}, look("a")])

    np.testing.assert_allclose(np.diag(found.rho.values), [0, 1, 0], atol=1e-12)


def test_a_reset_does_not_choose_among_outcomes_in_an_exact_run() -> None:
    uneven = [{"rotate": {"atom": "a", "angle": 1.0}}, BELL[1]]

    found = record([*uneven, {"reset": {"atoms": "a"}}, measured("m", "b")], PAIR)

    assert float(found.m) == pytest.approx(np.sin(0.5) ** 2, abs=1e-12)


def test_a_reset_does_not_choose_among_outcomes_in_a_sampled_run() -> None:
    uneven = [{"rotate": {"atom": "a", "angle": 1.0}}, BELL[1]]

    found = record([*uneven, {"reset": {"atoms": "a"}}, measured("m", "b")], PAIR, shots=40_000, seed=2)

    p = np.sin(0.5) ** 2
    assert abs(float(found.m.mean()) - p) < 4.9 * np.sqrt(p * (1 - p) / 40_000)


def test_a_reset_leaves_the_coherence_of_atoms_that_are_not_entangled_with_it() -> None:
    other = {"rotate": {"atom": "b", "angle": "pi / 2"}}
    found = logical(record([HALF, other, {"reset": {"atoms": "a"}}, look("b")], PAIR))

    np.testing.assert_allclose(found, np.full((2, 2), 0.5), atol=1e-12)


# ----------------------------------------------------------------- measurement


def test_measuring_twice_gives_the_same_bit() -> None:
    found = record([HALF, measured("m", "a"), measured("n", "a")], shots=500, seed=1)

    assert np.array_equal(found.m, found.n)
    assert 0 < float(found.m.mean()) < 1


def test_measuring_half_of_a_bell_pair_projects_the_other_half() -> None:
    found = record([*BELL, measured("m", "a"), measured("n", "b")], PAIR, shots=500, seed=1)

    assert np.array_equal(found.m, found.n)


def test_the_bits_of_a_key_are_in_the_order_of_its_atoms() -> None:
    found = record([FLIP, measured("m", "b", "a")], PAIR)

    assert found.m.sel(m_atom="a") == 1
    assert found.m.values.tolist() == pytest.approx([0, 1])


def test_a_digital_measurement_keeps_the_coherence_between_g_and_r() -> None:
    excite = {"rotate": {"atom": "a", "angle": "pi / 2", "basis": "ground-rydberg"}}
    body = [excite, {"measure": {"atoms": "a", "key": "m", "basis": "digital"}}, excite]
    seen = {"measure": {"atoms": "a", "key": "n", "basis": "ground-rydberg"}}

    found = record([*body, {"rotate": {"atom": "a", "angle": 0}}, seen])

    assert (float(found.m), float(found.n)) == pytest.approx((0, 1), abs=1e-12)


def test_a_key_that_is_measured_twice_holds_the_last_bit_sampled_or_exact() -> None:
    body = [measured("m", "a"), FLIP, measured("m", "a")]

    assert float(record(body).m) == pytest.approx(1, abs=1e-12)
    assert float(record(body, shots=10, seed=1).m.mean()) == 1


def test_a_key_that_some_branches_never_measure_is_minus_one_there_and_left_out_of_the_mean() -> None:
    then = {"when": {"if": "m == 1", "then": [measured("n", "a")]}}

    sampled = record([HALF, measured("m", "a"), then], shots=400, seed=4)
    exact = record([HALF, measured("m", "a"), then])

    assert np.array_equal(sampled.n, np.where(sampled.m == 1, 1, -1))
    assert float(exact.n) == pytest.approx(1, abs=1e-12)


# ---------------------------------------------------------------------- memory


def test_all_right_hand_sides_of_a_set_see_the_old_values() -> None:
    found = record([{"set": {"x": "y", "y": "x"}}], memory={"x": {"initial": 1}, "y": {"initial": 2}})

    assert (float(found.x), float(found.y)) == (2, 1)


def test_a_window_drops_its_oldest_value() -> None:
    push = {"repeat": {"times": 4, "body": [{"push": {"w": "k"}}]}}
    read = {"set": {"x": "w[0] + 10 * w[1] + 100 * w[2]"}}

    found = record([push, read], memory={"w": {"window": 3, "initial": 9}, "x": {}})

    assert float(found.x) == 3 + 10 * 2 + 100 * 1


def test_a_window_that_is_never_read_may_be_pushed_to() -> None:
    body = [HALF, measured("m", "a"), {"reset": {"atoms": "a"}}, {"push": {"w": "m"}}]

    found = record(body, memory={"w": {"window": 2, "initial": 0}})

    assert float(found.m) == pytest.approx(0.5)


def test_the_record_of_memory_is_its_value_when_each_round_begins() -> None:
    found = record([{"repeat": {"times": 3, "body": [{"set": {"x": "x + 2"}}]}}], memory={"x": {"initial": 1}})

    assert found.x.values.tolist() == [1, 3, 5]
    assert float(found.x_final) == 7


def test_feedforward_of_an_outcome_acts_on_the_branch_that_had_it() -> None:
    body = [HALF, measured("m", "a"), {"rotate": {"atom": "a", "axis": "x", "angle": "pi * m"}}, measured("n", "a")]

    assert float(record(body).n) == pytest.approx(0, abs=1e-12)


def test_an_outcome_steers_until_it_is_measured_again() -> None:
    turn = {"rotate": {"atom": "a", "axis": "x", "angle": "pi * (1 - m)"}}
    body = [measured("m", "a"), {"repeat": {"times": 4, "body": [turn, measured("m2", "a"), {"set": {"x": "m2"}}]}}]

    assert record(body, memory={"x": {}}).m2.values.tolist() == pytest.approx([1, 0, 1, 0])


# --------------------------------------------------------------------- control


def test_a_coin_of_the_program_splits_an_exact_run_by_its_probability() -> None:
    body = [{"when": {"if": "uniform() < p", "then": [FLIP]}}, measured("m", "a")]

    assert float(record(body, parameters={"p": 0.3}).m) == pytest.approx(0.3, abs=1e-12)


@pytest.mark.parametrize("slow_side", ["m == 1", "m == 0"])
def test_both_sides_of_a_when_take_the_longer_sides_time(slow_side: str) -> None:
    sides = [[{"delay": {"duration_ns": 700}}], [FLIP]]
    then, otherwise = sides if slow_side == "m == 1" else sides[::-1]
    slow = {"when": {"if": "m == 1", "then": then, "otherwise": otherwise}}
    body = [{"repeat": {"times": 2, "body": [HALF, measured("m", "a"), slow]}}]

    found = record(body, emulator="exact")

    assert found.time_us.values.tolist() == pytest.approx([0, 0.7 + 0.05])


@pytest.mark.parametrize("times", [1, 7])
def test_a_side_that_no_branch_takes_still_takes_its_time(times: int) -> None:
    wait = {"delay": {"duration_ns": 700 // times}}
    rounds = {"repeat": {"name": "inner", "times": times, "body": [wait, {"set": {"x": "0"}}]}}
    never = {"when": {"if": "m > 1", "then": [wait if times == 1 else rounds]}}

    found = record([{"repeat": {"times": 2, "body": [HALF, measured("m", "a"), never]}}], emulator="exact")

    assert found.time_us.values.tolist() == pytest.approx([0, 0.75])


@pytest.mark.parametrize("short_side", ["otherwise", "then"])
def test_the_shorter_side_of_a_when_goes_on_interacting_while_it_waits(short_side: str) -> None:
    excite = [{"rotate": {"atom": q, "angle": "pi / 2", "basis": "ground-rydberg"}} for q in "ab"]
    sides = {"then": [{"delay": {"duration_ns": 400}}], "otherwise": []}
    if short_side == "then":
        sides = {"then": [], "otherwise": sides["then"]}
    wait = {"when": {"if": "x == 1" if short_side == "otherwise" else "x == 0", **sides}}
    atoms = {"a": (0, 0), "b": (9, 0)}

    waited = record([*excite, wait, look("a", "b")], atoms, emulator="exact", memory={"x": {"initial": 0}})
    delayed = record([*excite, {"delay": {"duration_ns": 400}}, look("a", "b")], atoms, emulator="exact")

    np.testing.assert_allclose(waited.rho.values, delayed.rho.values, atol=1e-9)


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_how_long_a_row_waits_does_not_hang_on_other_rows(chance: float) -> None:
    excite = [{"rotate": {"atom": q, "angle": "pi / 2", "basis": "ground-rydberg"}} for q in "ab"]
    turn = {q: {"pulse": {"channel": "rydberg_local", "atoms": q, "amplitude": 2, "duration_ns": 100}} for q in "ab"}
    register = {"atoms": {"a": (0, 0), "b": (9, 0)}}

    def seen(aimed: str) -> Any:
        aim = {"when": {"if": aimed, "then": [turn["a"]], "otherwise": [turn["b"]]}}
        again = {"when": {"if": "x == 0", "then": [turn["a"]], "otherwise": [turn["b"]]}}  # one side aims anew
        body = [*excite, aim, again, look("a", "b")]
        program = rq.Program(name="p", register=register, memory={"x": {"initial": 0}}, body=body)
        return rq.run(program, shots=None).rho.values

    mixed = chance * seen("x == 0") + (1 - chance) * seen("x > 0")

    np.testing.assert_allclose(seen(f"uniform() < {chance}"), mixed, atol=1e-9)


def test_nested_loops_have_a_dimension_each_and_counters_of_their_own() -> None:
    inner = {"repeat": {"times": 3, "counter": "j", "body": [{"set": {"x": "10 * k + j"}}]}}

    found = record([{"repeat": {"times": 2, "body": [inner]}}], memory={"x": {}})

    assert found.x.dims == ("round", "round_2")
    assert found.x.values.ravel().tolist() == [0, 0, 1, 2, 10, 11]


NOT_FINITE: list[Any] = [{"repeat": {"times": 3, "body": [{"set": {"x": "1 / (1 - k)"}}]}}]


def test_a_value_that_is_not_finite_is_refused_with_round_and_expression() -> None:
    told = r"body\[0\]\.repeat\.body\[0\]\.set\.x: must be a finite number: 1 / \(1 - k\), but reaches inf in round 1"

    with pytest.raises(ProgramError, match=told):
        record(NOT_FINITE, memory={"x": {}})


def test_a_value_that_is_not_finite_and_was_not_foreseen_is_an_error_that_names_round_and_expression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rydberg_qmem.verification._check.limits", lambda *_, **__: [])

    with pytest.raises(RunError, match=r"round 1: body\[0\]\.repeat\.body\[0\]\.set\.x: 1 / \(1 - k\) is inf"):
        record(NOT_FINITE, memory={"x": {}})


def test_the_purity_of_half_a_bell_pair_is_that_of_a_mixture_also_after_the_other_half_is_reset() -> None:
    purity = {"probe": {"atoms": "b", "purity": True, "key": "p"}}

    assert float(record([*BELL, purity], PAIR).p) == pytest.approx(0.5, abs=1e-12)
    assert float(record([*BELL, {"reset": {"atoms": "a"}}, purity], PAIR).p) == pytest.approx(0.5, abs=1e-12)


def test_each_atom_of_a_for_each_draws_numbers_of_its_own() -> None:
    shots, chance, names = 10_000, 0.3, ("a", "b", "c")
    atoms = {name: (20 * i, 0) for i, name in enumerate(names)}
    flip = {"rotate": {"atom": "$atom", "axis": "x", "angle": "pi"}}
    draw = {"for_each": {"atom": names, "body": [{"when": {"if": f"uniform() < {chance}", "then": [flip]}}]}}

    bits = record([draw, measured("m", *names)], atoms, shots=shots, seed=4).m.values
    pairs = np.stack([bits[:, i] * bits[:, j] for i, j in ((0, 1), (0, 2), (1, 2))], axis=1)

    for found, p in ((bits, chance), (pairs, chance**2)):
        assert np.abs(found.mean(axis=0) - p).max() < 5 * np.sqrt(p * (1 - p) / shots)


def test_what_an_exact_run_leaves_out_adds_up() -> None:
    """Three clicks of a probability of 4e-15 each, too rare to be followed."""
    rare = {"angle": float(2 * np.arcsin(np.sqrt(4e-15)))}
    rounds = [{"rotate": {"atom": "a", **rare}}, measured("m", "a"), {"set": {"x": "x + m"}}, {"reset": {"atoms": "a"}}]

    found = record([{"repeat": {"times": 3, "body": rounds}}], memory={"x": {"initial": 0}})

    assert found.attrs["pruned_probability"] == pytest.approx(3 * 4e-15, abs=1e-15)
