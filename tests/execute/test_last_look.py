"""A last look needs probabilities only; a measurement in the middle keeps what is still asked for, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.steps import Step
from rydberg_qmem.engine import measurement
from rydberg_qmem.engine.context import RunContext, needed_after

HARDWARE: tuple[dict[str, Any] | None, ...] = (
    None,
    {"name": "reads", "p_false_pos": 0.05, "p_false_neg": 0.1},
    {"name": "slow", "imaging_us": 3, "reset_us": 2},
    {"name": "lossy", "imaging_us": 1, "loss": 0.2, "p_false_neg": 0.1},
)


def pulse(**more: Any) -> dict[str, Any]:
    return {"pulse": {"channel": "rydberg_global", "amplitude": 5, "duration_ns": 152, **more}}


def chain(atoms: int, *body: Any, **more: Any) -> rq.Program:
    register = {"layout": "rectangle", "rows": 1, "columns": atoms, "spacing_um": 7}
    return rq.Program(name="chain", device="MockDevice", register=register, body=list(body), **more)


def drawn(rng: np.random.Generator, depth: int = 0) -> list[dict[str, Any]]:
    """Return blocks that pulse, look, reset, choose and repeat at random on three atoms."""
    made: list[dict[str, Any]] = []
    for _ in range(int(rng.integers(2, 5))):
        some = [f"q{k}" for k in range(3) if rng.random() < 0.6] or ["q1"]
        match int(rng.integers(7 if depth < 2 else 5)):
            case 0 | 1:
                made.append(pulse(detuning=float(rng.integers(-2, 3))))
            case 2 | 3:
                name = "".join(some) + str(depth)
                made.append({"measure": {"atoms": some, "key": f"m{name}", "basis": "ground-rydberg"}})
                if rng.random() < 0.3:
                    made.append({"set": {"x": f"m{name}.{some[0]}" if len(some) > 1 else f"m{name}"}})
            case 4:
                made.append({"reset": {"atoms": some}})
            case 5:
                made.append({"when": {"if": "x > 0.5", "then": drawn(rng, depth + 1)}})
            case 6:
                made.append({"repeat": {"times": int(rng.integers(1, 3)), "body": drawn(rng, depth + 1)}})
    return made


def programs(count: int) -> list[tuple[rq.Program, dict[str, Any]]]:
    """Return programs that `check` allows, each with a machine."""
    made: list[tuple[rq.Program, dict[str, Any]]] = []
    seed = 0
    while len(made) < count:
        rng = np.random.default_rng(seed := seed + 1)
        program = chain(3, pulse(), *drawn(rng), *drawn(rng), memory={"x": {"initial": 0}})
        hardware = HARDWARE[int(rng.integers(len(HARDWARE)))]
        if not rq.check(program):
            made.append((program, {} if hardware is None else {"hardware": hardware}))
    return made


def everything(run: RunContext, step: Step) -> frozenset[int]:
    """Let the state of every atom matter for ever: what a run is to be compared with."""
    return frozenset(range(run.layout.atoms))


def differing(count: int, patch: pytest.MonkeyPatch, needed: Callable[[RunContext, Step], frozenset[int]]) -> int:
    """Return in how many programs a run differs from one to which the state of every atom matters for ever."""
    wrong = 0
    for program, around in programs(count):
        records = []
        for how in (needed, everything):
            patch.setattr(measurement, "needed_after", how)
            exact = [rq.run(program, shots=None, state=state, **around) for state in ("vector", "density_matrix")]
            records.append([*exact, rq.run(program, shots=40, seed=7, **around)])
        wrong += any(
            not np.allclose(one[name], two[name], atol=1e-9, equal_nan=True)
            for one, two in zip(*records, strict=True)
            for name in one.data_vars
        )
    return wrong


NEEDED = needed_after


def test_forgetting_what_nothing_asks_for_changes_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    assert differing(5, monkeypatch, NEEDED) == 0


def test_forgetting_everything_that_was_measured_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert differing(4, monkeypatch, lambda run, step: frozenset()) > 0


@pytest.mark.slow
def test_forgetting_changes_no_record_of_many_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert differing(300, monkeypatch, NEEDED) == 0


def peak_bytes(work: Callable[[], Any]) -> int:
    """Return the most memory that arrays and objects made by some work take at one time."""
    work()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LAST = chain(11, pulse(), {"measure": {"atoms": "all", "key": "m"}})
MIDDLE = chain(
    10,
    pulse(),
    {"measure": {"atoms": [f"q{k}" for k in range(9)], "key": "m", "basis": "ground-rydberg"}},
    {"measure": {"atoms": "q9", "key": "l", "basis": "ground-rydberg"}},
)


@pytest.mark.parametrize("program", [LAST, MIDDLE], ids=["last", "middle"])
@pytest.mark.parametrize("shots", [None, 1000])
def test_reading_many_atoms_takes_a_few_states(program: rq.Program, shots: int | None) -> None:
    state = 16 * 2**11

    taken = peak_bytes(lambda: rq.run(program, shots=shots, seed=None if shots is None else 1))

    assert taken < 40 * state + 4_000_000  # every outcome's state would be 67 and 17 MB


def test_a_last_look_at_a_density_matrix_takes_its_diagonal() -> None:
    program = chain(5, pulse(), {"measure": {"atoms": "all", "key": "m"}})

    taken = peak_bytes(lambda: rq.run(program, shots=None, state="density_matrix"))

    assert taken < 2_000_000


def test_means_of_a_last_look_are_those_that_a_branch_for_every_outcome_gives() -> None:
    looked = [pulse(), {"measure": {"atoms": "all", "key": "m"}}]
    for hardware in HARDWARE[:2]:
        means = rq.run(chain(4, *looked), shots=None, hardware=hardware)
        read = chain(4, *looked, {"set": {"x": "m.q0"}}, memory={"x": {"initial": 0}})
        branches = rq.run(read, shots=None, hardware=hardware)

        np.testing.assert_allclose(means.m, branches.m, atol=1e-12)


TWENTY = """
import json, sys
import rydberg_qmem as rq
text, shots = json.loads(sys.stdin.read())
rq.run(rq.Program.from_json(text), shots=shots, seed=None if shots is None else 1)
with open("/proc/self/status") as status:
    [told] = [line.split()[1] for line in status if line.startswith("VmHWM:")]
print(int(told) * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("shots", [None, 10_000])
def test_twenty_entangled_atoms_are_read_in_less_than_a_gigabyte(shots: int | None) -> None:
    program = chain(20, pulse(duration_ns=100), {"measure": {"atoms": "all", "key": "m"}})

    told = json.dumps([program.to_json(), shots])
    done = subprocess.run([sys.executable, "-c", TWENTY], input=told, capture_output=True, text=True, check=True)

    assert int(done.stdout) < 1_000_000_000
