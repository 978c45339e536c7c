"""The accuracy of a run bounds what it leaves out; the record says how much that was, and it is never more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.engine import interacting_parts
from rydberg_qmem.running.stored import resume


def clumps(rng: np.random.Generator, spacing_um: float) -> rq.Program:
    """Return two or three clumps of one or two atoms, drawn pulses on all, a look, more pulses, a reading."""
    places: dict[str, tuple[float, float]] = {}
    for i in range(int(rng.integers(2, 4))):
        for k in range(int(rng.integers(1, 3))):
            places[f"q{i}{k}"] = (i * spacing_um, 6.0 * k)
    body: list[dict[str, Any]] = []
    for _ in range(2):
        pulse = {"channel": "rydberg_global", "amplitude": float(rng.uniform(0.5, 9)),
                 "duration_ns": int(rng.integers(5, 20)) * 20, "detuning": float(rng.uniform(-4, 4))}  # fmt: skip
        body += [{"pulse": pulse}]
        if rng.random() < 0.5:
            body += [{"measure": {"atoms": "q00", "key": "first"}}, {"reset": {"atoms": "q00"}}]
            body += [{"delay": {"channel": "rydberg_global", "duration_ns": 200}}]
    once = {id(block): block for block in body}
    keys = [block for block in once.values() if "measure" in block]
    for number, block in enumerate(keys):
        block["measure"]["key"] = f"seen{number}"
    seen = {"atoms": list(places), "key": "p", "occupation": True, "correlations": len(places) > 1}
    body += [{"probe": seen}, {"measure": {"atoms": list(places), "key": "m"}}]
    return rq.Program.model_validate(
        {"name": "clumps", "device": "MockDevice", "register": {"atoms": places}, "body": body}
    )


def changed_and_bound(seed: int) -> tuple[float, float, float]:
    """Return by how much the worst probability is changed, the bound that the record states, and the square allowed."""
    rng = np.random.default_rng(seed)
    program, accuracy = clumps(rng, float(rng.uniform(9, 45))), float(10 ** rng.uniform(-6, -1))
    whole = rq.run(program, shots=None, neglect=0)
    apart = rq.run(program, shots=None, accuracy=accuracy)
    names = [name for name in map(str, whole) if name == "m" or name.startswith(("seen", "p_"))]
    assert "m" in names
    worst = max(float(np.abs(whole[name] - apart[name]).max()) for name in names)
    assert apart.attrs["infidelity"] <= accuracy
    return worst, float(apart.attrs["neglected"]), float(np.sqrt(apart.attrs["infidelity"]))


@pytest.mark.parametrize("seed", range(8))
def test_no_probability_is_off_by_more_than_the_record_says(seed: int) -> None:
    worst, _, bound = changed_and_bound(seed)

    assert worst <= bound + 1e-9


@pytest.mark.slow
def test_no_probability_of_many_programs_is_off_by_more_than_the_record_says() -> None:
    found = [changed_and_bound(seed) for seed in range(100, 220)]

    assert all(worst <= bound + 1e-9 for worst, _, bound in found)
    assert sum(neglected > 0 for _, neglected, _ in found) > 20  # the law is about something
    assert sum(worst > 1e-5 for worst, _, _ in found) > 10


def test_a_bound_that_forgets_most_of_what_is_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = interacting_parts.Apart.error
    monkeypatch.setattr(interacting_parts.Apart, "error", lambda self, found: stated(self, found) / 1000)

    seen = [changed_and_bound(seed) for seed in range(8)]

    assert any(worst > bound + 1e-9 for worst, _, bound in seen)


def pairs(count: int, distance_um: float = 40.0) -> rq.Program:
    """Return pairs of atoms in a line, under one pulse on all."""
    atoms = {f"{name}{i}": (distance_um * i, 5.0 * k) for i in range(count) for k, name in enumerate("ab")}
    pulse = {"channel": "rydberg_global", "amplitude": 5, "duration_ns": 300}
    body = [{"pulse": pulse}, {"measure": {"atoms": "all", "key": "m"}}]
    return rq.Program.model_validate(
        {"name": "pairs", "device": "MockDevice", "register": {"atoms": atoms}, "body": body}
    )


def test_sixteen_pairs_far_apart_are_sixteen_pairs() -> None:
    record, one = (rq.run(pairs(count), shots=None, accuracy=1e-4) for count in (16, 1))

    assert np.abs(record.m.values.reshape(16, 2) - one.m.values).max() < 1e-9
    assert 0 < record.attrs["neglected"] < 0.01
    assert record.attrs["infidelity"] == pytest.approx((record.attrs["neglected"] + record.attrs["steps_error"]) ** 2)
    assert "accuracy" not in rq.run(pairs(1), shots=None).attrs


def test_atoms_that_accuracy_keeps_together_are_refused_with_the_ways_out() -> None:
    with pytest.raises(rq.RunError, match=r"body\[0\]\.pulse: .*32 entangled atoms .* a larger accuracy .*emu_mps"):
        rq.run(pairs(16), shots=None, accuracy=1e-7)


def test_an_accuracy_below_what_steps_may_take_is_refused() -> None:
    with pytest.raises(rq.InputError, match=r"accuracy: must be above .*, which the steps in time"):
        rq.run(pairs(2), shots=None, accuracy=1e-30)


def test_emulators_whose_errors_are_not_known_are_refused() -> None:
    with pytest.raises(rq.InputError, match="accuracy: the errors of qutip are not known; use exact or ideal"):
        rq.run(pairs(1), shots=10, seed=1, accuracy=1e-3, emulator="qutip")


@pytest.mark.parametrize("wrong", [0, -1e-3, 1.5, float("nan"), "much", True])
def test_what_is_no_infidelity_is_refused(wrong: Any) -> None:
    with pytest.raises(rq.InputError, match="accuracy: must be"):
        rq.run(pairs(1), shots=1, seed=1, accuracy=wrong)
    with pytest.raises(rq.InputError, match="accuracy: must be"):
        rq.estimate(pairs(1), accuracy=wrong)


def test_an_estimate_takes_the_accuracy_of_the_run() -> None:
    assert {len(group.atoms) for group in rq.estimate(pairs(3), accuracy=1e-4).groups} == {2}
    assert {len(group.atoms) for group in rq.estimate(pairs(3)).groups} == {6}


def test_the_budget_is_spread_over_the_rounds() -> None:
    program = pairs(3).to_dict()
    program["body"] = [{"repeat": {"times": 20, "body": [*program["body"], {"reset": {"atoms": "all"}}]}}]

    record = rq.run(rq.Program.from_dict(program), shots=50, seed=1, accuracy=1e-2)

    assert 0 < record.attrs["neglected"] <= 0.1
    assert record.attrs["infidelity"] <= 1e-2


def test_a_stored_record_states_its_accuracy_and_goes_on_with_it(tmp_path: Path) -> None:
    call: Any = {"shots": 2000, "seed": 3, "accuracy": 1e-4}
    stored, kept = rq.run(pairs(3), store=tmp_path / "r.zarr", **call), rq.run(pairs(3), **call)

    for name in ("accuracy", "neglected", "steps_error", "infidelity"):
        assert stored.attrs[name] == kept.attrs[name]
    with pytest.raises(rq.QmemError, match="accuracy"):
        rq.run(pairs(3), store=tmp_path / "r.zarr", **call | {"accuracy": 1e-3})
    assert resume(tmp_path / "r.zarr", run=rq.run).attrs["accuracy"] == 1e-4


def waiting(levels: str, wait_ns: int, times: int) -> rq.Program:
    """Return two atoms that are entangled and wait, pause by pause, while a third far away is reset."""
    channel = "mw_global" if levels == "XY" else "rydberg_global"
    pulse = {"channel": channel, "amplitude": 6, "duration_ns": 200, "phase": 0}
    pause = [{"delay": {"channel": channel, "duration_ns": wait_ns}}, {"reset": {"atoms": "c"}}]
    return rq.Program(
        name="waiting",
        device="MockDevice",
        register={"atoms": {"a": (0, 0), "b": (12, 0), "c": (300, 0)}},
        body=[
            {"pulse": pulse}, {"measure": {"atoms": "c", "key": "m"}}, *pause * times,
            {"pulse": {**pulse, "phase": 1.5}}, {"measure": {"atoms": ["a", "b"], "key": "end"}},
        ],
    )  # fmt: skip


@pytest.mark.parametrize("levels", ["ground-rydberg", "XY"])
@pytest.mark.parametrize("state", ["vector", "density_matrix"])
@pytest.mark.parametrize(
    ("wait_ns", "times", "machine"), [(500, 1, {}), (16, 30, {}), (16, 1, {"reset_us": 1.0, "imaging_us": 1.0})]
)
def test_atoms_that_are_entangled_act_on_each_other_while_they_wait(
    levels: str, state: str, wait_ns: int, times: int, machine: dict[str, float]
) -> None:
    program = waiting(levels, wait_ns, times)
    options: dict[str, Any] = {"shots": None, "state": state, "hardware": machine or None}
    whole = rq.run(program, neglect=0, **options).end

    for option, value, name in (("accuracy", 1e-8, "infidelity"), ("neglect", 1e-2, "neglected")):
        made = rq.run(program, **(options | {option: value}))
        told = float(made.attrs[name]) ** (0.5 if name == "infidelity" else 1.0)
        assert float(abs(made.end - whole).max()) <= 2 * told + 1e-9
