"""What would not fit is refused before it begins, with the way out."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.engine.branches import branches_to_come
from rydberg_qmem.running import guards
from tests.execute.scaling import run


def heard(**changes: Any) -> list[tuple[int, int]]:
    """Return what a refused run was heard of: nothing."""
    told: list[tuple[int, int]] = []
    with pytest.raises(rq.InputError):
        run(progress=lambda done, total: told.append((done, total)), **changes)
    return told


@pytest.mark.parametrize("changes", [{"max_seconds": 1e-6}, {"max_memory_gb": 1e-6}, {"max_memory_gb": 0}])
def test_nothing_runs_of_what_is_refused(changes: Any) -> None:
    assert heard(**changes) == []


def test_a_run_that_takes_too_long_is_refused_with_the_way_out() -> None:
    with pytest.raises(rq.InputError, match=r"would take .* s on one processor, more than 1e-06 s: .*more workers"):
        run(max_seconds=1e-6)


def test_a_record_too_large_for_memory_is_sent_to_disk() -> None:
    with pytest.raises(rq.InputError, match=r"GB in memory: use fewer shots, .*store=, -o"):
        run(max_memory_gb=1e-6)


def test_a_record_too_large_for_memory_is_written_where_there_is_a_store(tmp_path: Path) -> None:
    call: Any = {"shots": 10, "sweep": None}
    with pytest.raises(rq.InputError, match="in memory"):
        run(**call, max_memory_gb=1e-7)

    assert run(tmp_path / "r.zarr", **call, max_memory_gb=0.1).sizes["shot"] == 10


def test_states_too_large_for_memory_are_refused() -> None:
    with pytest.raises(rq.InputError, match=r"the states would need .* GB: use fewer atoms or levels"):
        guards._check_estimate(rq.estimate("rabi", shots=1000), 1, 1e-9, None)


def test_a_run_within_its_limits_runs() -> None:
    assert run(shots=10, sweep=None, max_seconds=1e6, max_memory_gb=1).sizes["shot"] == 10


@pytest.mark.parametrize("name", ["max_memory_gb", "max_seconds"])
@pytest.mark.parametrize("wrong", [float("nan"), -1, 0, "1", True])
def test_a_limit_that_is_no_positive_number_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(rq.InputError, match=f"{name}: must be a positive number"):
        rq.run("rabi", shots=1, seed=1, **{name: wrong})


def test_no_limit_of_memory_is_refused() -> None:
    with pytest.raises(rq.InputError, match="max_memory_gb: must be a positive number"):
        rq.run("rabi", shots=1, seed=1, max_memory_gb=None)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("periods", [[3, 20_000], [20_000, 3]])
def test_the_time_of_all_points_counts_whatever_their_order(periods: list[int]) -> None:
    with pytest.raises(rq.InputError, match="would take"):
        rq.run("two_port_memristor", shots=100, seed=1, sweep={"period": periods}, max_seconds=5)


def nested(depth: int, times: int) -> rq.Program:
    body: list[Any] = [{"rotate": {"atom": "q", "angle": 0.1}}]
    for k in range(depth):
        body = [{"repeat": {"times": times, "counter": f"c{k}", "body": body}}]
    return rq.Program(name="nested", register={"atoms": {"q": (0, 0)}}, body=body)


def ramp(duration_ns: int) -> rq.Program:
    amplitude = {"ramp": {"duration_ns": duration_ns, "start": 0, "stop": 1}}
    body: list[Any] = [
        {"pulse": {"channel": "rydberg_global", "amplitude": amplitude}},
        {"measure": {"atoms": "q", "key": "m", "basis": "ground-rydberg"}},
    ]
    return rq.Program(name="ramp", device="MockDevice", register={"atoms": {"q": (0, 0)}}, body=body)


@pytest.mark.parametrize("program", [nested(6, 12), ramp(100_000_000)], ids=["nested loops", "a long pulse"])
def test_a_guard_takes_no_more_than_a_few_seconds(program: rq.Program) -> None:
    began = time.thread_time()
    with pytest.raises(rq.InputError, match="would take"):
        rq.run(program, shots=2, seed=1, max_seconds=1, max_memory_gb=1000)

    assert time.thread_time() - began < 4


def test_a_pulse_whose_samples_fill_memory_is_refused() -> None:
    with pytest.raises(rq.InputError, match="GB: use fewer atoms or levels, shorter pulses"):
        rq.run(ramp(100_000_000), shots=2, seed=1, max_memory_gb=1)


def doubling(rounds: int) -> rq.Program:
    body = [
        {"rotate": {"atom": "q", "angle": "1.3 + x"}},
        {"measure": {"atoms": "q", "key": "m"}},
        {"set": {"x": "x / 2 + m"}},
    ]
    return rq.Program(
        name="doubling",
        register={"atoms": {"q": (0, 0)}},
        memory={"x": {"initial": 0}},
        body=[{"repeat": {"times": rounds, "body": body}}],
    )


def test_branches_that_double_are_refused_before_they_are_many() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(rq.RunError, match=r"more in each round: the exact run would have more than 2000000"):
            rq.run(doubling(30), shots=None, emulator="ideal")
        with pytest.raises(rq.InputError, match=r"would need .* GB .*more than 0\.1 GB"):
            rq.run(doubling(20), shots=None, emulator="ideal", max_memory_gb=0.1)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def replace_body(program: rq.Program, body: list[Any]) -> rq.Program:
    return rq.Program(**program.to_dict() | {"body": body})


def losing(rounds: int) -> rq.Program:
    """Return a program whose histories a reset lets merge a little: they multiply by less and less than two."""
    body = [
        {"rotate": {"atom": "q", "angle": "1.3 + x"}},
        {"cz": {"control": "q", "target": "a"}},
        {"rotate": {"atom": "a", "angle": 1.1}},
        {"measure": {"atoms": "q", "key": "m"}},
        {"set": {"x": "x / 2 + m"}},
        {"reset": {"atoms": "a"}},
    ]
    register, memory = {"atoms": {"q": (0, 0), "a": (5, 0)}}, {"x": {"initial": 0}}
    repeat = {"repeat": {"times": rounds, "body": body}}
    return rq.Program(name="losing", register=register, memory=memory, body=[repeat])


@pytest.mark.parametrize(
    "program", [pytest.param(losing(30), marks=pytest.mark.slow), losing(64), "ca_squid_closed"], ids=str
)
def test_branches_that_multiply_by_less_each_round_are_refused_before_they_are_many(program: Any) -> None:
    if program == "ca_squid_closed":
        text = rq.load(program).to_yaml().replace("ensemble_mean(m)", "m")
        program = rq.Program.from_yaml(text)
    tracemalloc.start()
    try:
        with pytest.raises(rq.QmemError, match=r"more in each round|would need|memory"):
            rq.run(program, shots=None, max_memory_gb=1)
        assert tracemalloc.get_traced_memory()[1] < 600_000_000
    finally:
        tracemalloc.stop()


def forgetful(rounds: int) -> rq.Program:
    """Return a program of so many measurements that only its run can tell which of them make branches."""
    looks = [{"rotate": {"atom": "q", "angle": 1}}, {"measure": {"atoms": "q", "key": "n"}}]
    return replace_body(doubling(rounds), [*looks * 10, *doubling(rounds).to_dict()["body"]])


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "in a store"])
def test_a_run_watches_its_branches_by_the_limit_that_was_asked_for(stored: bool, tmp_path: Path) -> None:
    store = tmp_path / "r.zarr" if stored else None
    with pytest.raises(rq.RunError, match=r"would need .* GB, more than 0\.02 GB: .*raise max_memory_gb"):
        rq.run(forgetful(18), shots=None, emulator="ideal", max_memory_gb=0.02, store=store)


def test_states_that_memory_will_not_hold_are_told_with_the_limit_that_was_asked_for() -> None:
    register = {"layout": "rectangle", "rows": 1, "columns": 30, "spacing_um": 6}
    program = replace_body(ramp(100), ramp(100).to_dict()["body"][:1])
    program = rq.Program(**program.to_dict() | {"register": register, "name": "line"})
    for limit in (8, 40):
        with pytest.raises(rq.RunError, match=rf"30 entangled atoms .*, more than {limit} GB: .*raise max_memory_gb"):
            rq.run(program, shots=1, seed=1, max_memory_gb=limit)


def test_a_store_is_continued_with_another_limit_of_memory(tmp_path: Path) -> None:
    run(tmp_path / "r.zarr", shots=10, sweep=None, max_memory_gb=1)

    assert run(tmp_path / "r.zarr", shots=20, sweep=None, max_memory_gb=2).sizes["shot"] == 20


def test_branches_that_merge_again_or_only_add_up_run_on() -> None:
    program = rq.load("two_port_memristor")

    assert rq.run(program, shots=None, rounds=None, max_memory_gb=0.5).sizes["round"] > 20
    assert branches_to_come([k * k for k in range(1, 60)], 10_000) == 59**2
    assert branches_to_come([k**3 for k in range(1, 10)], 20, minimum=1) == pytest.approx(29**3, rel=0.01)
    assert branches_to_come([2 ** min(k, 15) for k in range(20)], 1000) == 2**15


def test_workers_multiply_what_a_run_takes() -> None:
    made = rq.estimate("rabi", shots=1000)
    one = made.memory_bytes / 1e9

    guards._check_estimate(made, 1, 1.2 * one, None)
    with pytest.raises(rq.InputError, match="in 8 processes"):
        guards._check_estimate(replace(made, memory_bytes=made.memory_bytes + 10**9), 1, 2 * one + 1, None, workers=8)


@pytest.mark.parametrize("window", range(8, 14))
def test_branches_that_a_window_ends_are_not_taken_to_double_for_ever(window: int) -> None:
    record = rq.run("two_port_memristor", parameters={"window": window}, shots=None, emulator="ideal")

    assert record.sizes["round"] == 48
