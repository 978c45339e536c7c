"""What a seed promises: the same record, whatever runs beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq

MEMRISTOR: Any = {"parameters": {"period": 4, "window": 2}, "emulator": "ideal"}


def equal(one: Any, two: Any, shots: int) -> bool:
    """Return whether the first shots of two records are the same in every variable."""
    one, two = one.isel(shot=slice(shots)), two.isel(shot=slice(shots))
    return all(np.array_equal(one[name].values, two[name].values, equal_nan=True) for name in one.data_vars)


def rare(then: list[Any], after: list[Any]) -> rq.Program:
    """Return a program in which one shot of two thousand or so does something else."""
    halves = [{"rotate": {"atom": atom, "angle": "pi / 2"}} for atom in "bc"]
    flip = {"rotate": {"atom": "q", "angle": 0.045}}
    seen = {"measure": {"atoms": "q", "key": "m"}}
    body = [*halves, flip, seen, {"when": {"if": "m == 1", "then": then}}, *after]
    atoms = {"b": (0, 0), "c": (9, 0), "q": (0, 40)}
    return rq.Program(name="rare", device="MockDevice", register={"atoms": atoms}, memory={"x": {}}, body=body)


BOTH = {"measure": {"atoms": ["b", "c"], "key": "n"}}
EXCITE = [{"rotate": {"atom": q, "angle": "pi / 2", "basis": "ground-rydberg"}} for q in "bc"]
SEE_R = {"measure": {"atoms": ["b", "c"], "key": "n", "basis": "ground-rydberg"}}
SIDES = {
    "draws": rare([{"set": {"x": "uniform()"}}, {"measure": {"atoms": "b", "key": "o"}}], [BOTH]),
    "entangles": rare([{"cnot": {"control": "b", "target": "c"}}], [BOTH]),
    "resets": rare([{"reset": {"atoms": "b"}}], [BOTH]),
}


def test_the_same_seed_gives_the_same_record() -> None:
    one, two = (rq.run("two_port_memristor", shots=1500, seed=4, **MEMRISTOR) for _ in range(2))

    assert equal(one, two, 1500)


def test_another_seed_gives_another_record() -> None:
    one, two = (rq.run("two_port_memristor", shots=500, seed=seed, **MEMRISTOR) for seed in (4, 5))

    assert not equal(one[["clicks"]], two[["clicks"]], 500)


@pytest.mark.parametrize("more", [1600, 3000, 25_000])
def test_more_shots_leave_the_first_ones_as_they_were(more: int) -> None:
    few = rq.run("two_port_memristor", shots=1500, seed=4, **MEMRISTOR)
    many = rq.run("two_port_memristor", shots=more, seed=4, **MEMRISTOR)

    assert equal(few[["clicks", "R"]], many[["clicks", "R"]], 1500)


@pytest.mark.parametrize("side", SIDES)
def test_a_rare_branch_of_later_shots_leaves_the_first_ones_as_they_were(side: str) -> None:
    for seed in range(6):
        few = rq.run(SIDES[side], shots=1000, seed=seed, emulator="ideal")
        many = rq.run(SIDES[side], shots=4000, seed=seed, emulator="ideal")

        assert equal(few, many, 1000)


def test_a_rare_long_delay_of_later_shots_leaves_the_physics_of_the_first_ones_as_it_was() -> None:
    wait = {"delay": {"duration_ns": "where(m == 1, 3000, 100)"}}
    made = rare([], [*EXCITE, wait, {"set": {"x": 1}}, *EXCITE, SEE_R])
    counts = []
    for seed in range(6):
        few = rq.run(made, shots=1000, seed=seed)
        many = rq.run(made, shots=4000, seed=seed)
        counts.append(int((few.n.values != many.n.values[:1000]).sum()))

    assert counts == [0] * 6


def test_cohorts_of_ensemble_feedback_do_not_see_each_other() -> None:
    few = rq.run("photonic_memristor", shots=1000, seed=4, **MEMRISTOR)
    many = rq.run("photonic_memristor", shots=2500, seed=4, **MEMRISTOR)

    assert equal(few[["clicks", "R"]], many[["clicks", "R"]], 1000)


def test_workers_do_not_change_the_record() -> None:
    alone = rq.run("photonic_memristor", shots=2000, seed=4, **MEMRISTOR)
    together = rq.run("photonic_memristor", shots=2000, seed=4, workers=2, **MEMRISTOR)

    assert alone.drop_attrs().identical(together.drop_attrs())


def test_a_run_without_a_seed_writes_down_the_one_it_drew() -> None:
    drawn = rq.run("two_port_memristor", shots=200, **MEMRISTOR)
    again = rq.run("two_port_memristor", shots=200, seed=int(drawn.attrs["seed"]), **MEMRISTOR)

    assert equal(drawn, again, 200)


def test_the_first_point_of_a_sweep_is_the_run_of_its_parameters() -> None:
    alone = rq.run("two_port_memristor", shots=300, seed=4, **MEMRISTOR)
    swept = rq.run(
        "two_port_memristor", shots=300, seed=4, sweep={"window": [2, 3]}, parameters={"period": 4}, emulator="ideal"
    )

    assert equal(alone[["clicks", "R"]], swept[["clicks", "R"]].isel(point=0), 300)
    assert not np.array_equal(swept.clicks[0], swept.clicks[1])
