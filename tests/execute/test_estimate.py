"""Memory estimates against the real peak of a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.running import estimate as estimating
from rydberg_qmem.running.estimate import Estimate, Group
from rydberg_qmem.running.job import Job, prepare
from rydberg_qmem.running.memory_estimate import libraries_bytes

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of a process")

ROOM = 50_000_000
"""What the interpreter takes more or less from one process to the next."""

MEASURED = """
import json, sys
import rydberg_qmem as rq
text, options = json.loads(sys.stdin.read())
rq.run(rq.Program.from_json(text), seed=1, **options)
with open("/proc/self/status") as status:
    [told] = [line.split()[1] for line in status if line.startswith("VmHWM:")]
print(int(told) * 1024)
"""
"""Prints the peak of the process itself: `ru_maxrss` of a child is at least what its parent had when it was started."""


def chain(atoms: int, rule: str, rounds: int = 12) -> rq.Program:
    """Return a chain whose middle atom is measured, reset and steers the next pulse's detuning."""
    pulse = {
        "channel": "rydberg_global",
        "amplitude": {"blackman": {"duration_ns": 400, "area": "pi"}},
        "detuning": "d",
    }
    middle = f"q{atoms // 2}"
    body: list[Any] = [
        {"pulse": pulse},
        {"measure": {"atoms": middle, "key": "m"}},
        {"reset": {"atoms": middle}},
        {"set": {"d": rule}},
    ]
    return rq.Program(
        name="chain",
        device="MockDevice",
        register={"layout": "rectangle", "rows": 1, "columns": atoms, "spacing_um": 9},
        memory={"d": {"initial": 0.0}},
        body=[{"repeat": {"times": rounds, "body": body}}],
    )


@cache
def peak_of(told: str) -> int:
    """Return the largest resident size of a fresh process that runs the program."""
    done = subprocess.run([sys.executable, "-c", MEASURED], input=told, capture_output=True, text=True, check=True)
    return int(done.stdout)


def peak_bytes(program: rq.Program, **options: Any) -> int:
    return peak_of(json.dumps([program.to_json(), options]))


def idle_bytes() -> int:
    """Return the peak of a process whose program needs next to nothing."""
    return peak_bytes(chain(2, "m", 1), shots=1)


def within(program: rq.Program, **options: Any) -> bool:
    told, peak = rq.estimate(program, **options).memory_bytes, peak_bytes(program, **options)
    own = peak - idle_bytes()
    return peak <= told and told - libraries_bytes() <= 3 * own + ROOM


@pytest.mark.slow
@pytest.mark.parametrize("atoms", [2, 4, 6, 8, 10, 12])
def test_the_peak_memory_of_a_register_lies_between_the_estimate_and_three_times_it(atoms: int) -> None:
    assert within(chain(atoms, "0.7 * d + 0.6 * m", 2), shots=50)


@pytest.mark.slow
def test_kept_propagators_of_ten_atoms_are_in_the_estimate() -> None:
    assert within(chain(10, "2 * m", 6), shots=100)


@pytest.mark.slow
def test_density_matrices_are_in_the_estimate() -> None:
    assert within(chain(4, "2 * m", 6), shots=200, state="density_matrix")


@pytest.mark.slow
def test_a_large_record_is_in_the_estimate_and_an_estimate_without_it_is_found_too_low(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = rq.load("two_port_memristor")

    assert within(program, shots=300_000)
    monkeypatch.setattr(estimating, "record_bytes", lambda compiled, shots: 0)
    assert not within(program, shots=300_000)


def test_a_notebook_shows_an_estimate_line_by_line() -> None:
    made = Estimate(1.0, 2_000_000, 1_000_000, 3.0, (Group("body[0]", ("a",), 2, 1, "a < b"),))

    assert made._repr_html_() == f"<pre>{str(made).replace('<', '&lt;')}</pre>"


@pytest.mark.parametrize(
    ("a_shot_costs", "slower"),
    [(0.0, 1.0), (1e-6, (0.01 + 199e-3) / 0.01), (1e-5, 200.0), (1e-3, 200.0)],
    ids=["all share histories", "some do", "none does", "none does, and slow"],
)
def test_the_time_of_many_shots_follows_what_more_of_them_cost(
    monkeypatch: pytest.MonkeyPatch, a_shot_costs: float, slower: float
) -> None:
    fixed = 0.01 - min(1000 * a_shot_costs, 0.01)
    monkeypatch.setattr(estimating, "pilot_of", lambda job, compiled, most, shots: (fixed + a_shot_costs * shots, None))
    job = Job(rq.load("teleportation"), {}, None, 200_000, 0, "ideal", "auto")
    compiled = prepare(job, {})

    assert estimating._slower(job, compiled, fixed + 1000 * a_shot_costs, 1000, 200_000) == pytest.approx(slower)


def test_laboratory_time_is_that_of_all_rounds_in_microseconds() -> None:
    made = rq.estimate(chain(2, "m", rounds=30), shots=10)
    machine = rq.estimate(
        chain(2, "m", rounds=30),
        shots=3_600_000,
        hardware={"imaging_us": 8.0, "decision_latency_us": 1.0, "reset_us": 0.6},
    )

    assert made.laboratory_us == pytest.approx(30 * 0.4)  # a pulse of 400 ns each round
    assert "on atoms 12 µs per shot" in str(made)
    assert machine.laboratory_us == pytest.approx(30 * (0.4 + 9.0 + 0.6))
    assert "budget   0.0003 s per shot, 0.3 hours for 3600000 shots" in str(machine)
