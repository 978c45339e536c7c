"""An estimate of memory lies between the peak of a process of its own and three times it, 250 MB added."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rydberg_qmem as rq

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of a process")

ROOM = 250_000_000
RUN = """
import json, sys
import rydberg_qmem as rq
text, options = json.loads(sys.stdin.read())
rq.run(rq.Program.from_json(text), seed=None if options.get("shots", 0) is None else 1, **options)
with open("/proc/self/status") as status:
    [told] = [line.split()[1] for line in status if line.startswith("VmHWM:")]
print(int(told) * 1024)
"""
Case = tuple[str, rq.Program, dict[str, Any]]


def line(atoms: int, *body: Any, spacing_um: float = 7, **more: Any) -> rq.Program:
    register = {"layout": "rectangle", "rows": 1, "columns": atoms, "spacing_um": spacing_um}
    return rq.Program(name="line", device="MockDevice", register=register, body=list(body), **more)


def pulse(**more: Any) -> dict[str, Any]:
    return {"pulse": {"channel": "rydberg_global", "amplitude": 5, "duration_ns": 100, **more}}


def measure(atoms: Any = "all", key: str = "m") -> dict[str, Any]:
    return {"measure": {"atoms": atoms, "key": key, "basis": "ground-rydberg"}}


def loop(times: int, *body: Any) -> dict[str, Any]:
    return {"repeat": {"times": times, "body": list(body)}}


def last_looks() -> list[Case]:
    sizes = [(2, None), (8, None), (12, None), (18, None), (2, 1000), (6, 10_000), (10, 1000), (19, 10_000)]
    return [(f"last look of {n}, {s}", line(n, pulse(), measure()), {"shots": s}) for n, s in sizes]


def loops() -> list[Case]:
    """Return feedback by the last outcome and by a running average, which makes nearly every shot's state its own."""
    made: list[Case] = []
    for atoms, rounds, shots, rule in [
        (2, 20, 1000, "2 * m"), (4, 20, 1000, "0.7 * d + 0.6 * m"), (4, 10, 20_000, "0.7 * d + 0.6 * m"),
        (6, 8, 20_000, "0.7 * d + 0.6 * m"), (7, 6, 20_000, "0.7 * d + 0.6 * m"), (8, 6, 1000, "2 * m"),
        (10, 4, 200, "2 * m"), (10, 3, 1000, "0.7 * d + 0.6 * m"), (12, 2, 200, "2 * m"), (5, 12, 5000, "m"),
    ]:  # fmt: skip
        body = [pulse(detuning="d"), measure("q1"), {"reset": {"atoms": "q1"}}, {"set": {"d": rule}}]
        program = line(atoms, loop(rounds, *body), memory={"d": {"initial": 0}})
        made.append((f"loop of {atoms}, {rounds} rounds, {shots}, {rule}", program, {"shots": shots}))
    return made


def probes() -> list[Case]:
    made: list[Case] = []
    for atoms, rounds, shots, what in [
        (9, 60, None, "purity"), (9, 30, 1000, "purity"), (11, 20, None, "entropy"), (6, 100, 2000, "entropy"),
        (6, 100, None, "density_matrix"), (8, 40, 500, "density_matrix"), (5, 40, 50_000, "purity"),
        (10, 20, None, "correlations"), (7, 20, 50_000, "purity"), (12, 4, None, "purity"),
    ]:  # fmt: skip
        value = {what: True}
        program = line(atoms, loop(rounds, pulse(), {"probe": {"atoms": "all", "key": "s", **value}}))
        made.append((f"{what} of {atoms}, {rounds} rounds, {shots}", program, {"shots": shots}))
    return made


def branches() -> list[Case]:
    made: list[Case] = []
    for rounds in (6, 10, 14, 16, 18):
        body = [
            {"rotate": {"atom": "q", "angle": "1.3 + x"}}, {"cz": {"control": "q", "target": "a"}},
            {"rotate": {"atom": "a", "angle": 1.1}}, {"measure": {"atoms": "q", "key": "m"}},
            {"set": {"x": "x / 2 + m"}},
        ]  # fmt: skip
        program = rq.Program(
            name="doubling", register={"atoms": {"q": (0, 0), "a": (5, 0)}}, memory={"x": {"initial": 0}},
            body=[loop(rounds, *body)],
        )  # fmt: skip
        made.append((f"branches of {rounds} rounds", program, {"shots": None, "emulator": "ideal"}))
    for rounds in (20, 200):
        program = line(2, loop(rounds, pulse(), measure(), {"reset": {"atoms": "all"}}))
        made.append((f"merging branches of {rounds} rounds", program, {"shots": None}))
    return made


def matrices() -> list[Case]:
    made: list[Case] = []
    for atoms, rounds, shots in [(2, 20, 1000), (4, 10, 200), (5, 6, None), (6, 3, None), (7, 2, None), (3, 20, None)]:
        body = [pulse(), measure("q0"), {"reset": {"atoms": "q0"}}]
        made.append(
            (
                f"matrices of {atoms}, {shots}",
                line(atoms, loop(rounds, *body)),
                {"shots": shots, "state": "density_matrix"},
            )
        )
    noise = {"dephasing_rate": 0.2}
    made += [
        (f"noise on {n}, {s}", line(n, pulse(), measure()), {"shots": s, "noise": noise})
        for n, s in [(2, 1000), (3, None), (5, 300), (4, 2000)]
    ]
    return made


def records() -> list[Case]:
    made: list[Case] = []
    for atoms, rounds, shots in [(1, 100, 20_000), (4, 50, 100_000), (2, 500, 50_000), (1, 2000, 10_000)]:
        program = line(atoms, loop(rounds, pulse(), measure(), {"reset": {"atoms": "all"}}), spacing_um=900)
        made.append((f"record of {atoms}, {rounds} rounds, {shots}", program, {"shots": shots}))
    for rounds, shots in [(50, 50_000), (200, 10_000)]:
        body = [
            {"rotate": {"atom": "q0", "angle": "x"}},
            {"measure": {"atoms": "q0", "key": "m"}},
            {"set": {"x": "0.5 * x + m"}},
        ]
        program = line(1, loop(rounds, *body), memory={"x": {"initial": 1}})
        made.append((f"memory of {rounds} rounds, {shots}", program, {"shots": shots}))
    return made


def pulses() -> list[Case]:
    made: list[Case] = []
    for atoms, duration_ns, shots in [(1, 300_000, 10), (1, 3_000_000, 2), (2, 100_000, 10), (1, 1_000_000, None)]:
        amplitude = ramp(duration_ns, 0, 1)
        body = [pulse(amplitude=amplitude, duration_ns=None), measure()]
        made.append((f"{duration_ns} ns on {atoms}", line(atoms, *body), {"shots": shots}))
    for atoms, duration_ns in [(3, 100_000), (2, 300_000), (1, 1_000_000)]:
        shape = {"blackman": {"duration_ns": duration_ns, "area": duration_ns / 1000}}
        body = [pulse(amplitude=shape, detuning=ramp(duration_ns, -5, 5), duration_ns=None), measure()]
        made.append((f"{duration_ns} ns of two shapes on {atoms}", line(atoms, *body), {"shots": 10}))
    return made


def networks() -> list[Case]:
    """Return coupled memristor cells, whose histories and states both double with each cell."""
    made: list[Case] = []
    for cells, shots in [(9, None), (11, None), (12, None), (12, 1000)]:
        program = rq.programs.network(cells, probes=False, device="MockDevice")
        made.append((f"network of {cells}, {shots}", program, {"shots": shots, "rounds": 3, "emulator": "ideal"}))
    return made


def ramp(duration_ns: int, start: float, stop: float) -> dict[str, Any]:
    return {"ramp": {"duration_ns": duration_ns, "start": start, "stop": stop}}


def cases() -> list[Case]:
    made = [*last_looks(), *loops(), *probes(), *branches(), *matrices(), *records(), *pulses(), *networks()]
    made += [("two_port_memristor", rq.load("two_port_memristor"), {"shots": s}) for s in (1000, 300_000, None)]
    made += [("rabi", rq.load("rabi"), {"shots": s}) for s in (1, 1_000_000)]
    return made


def measured(case: Case) -> tuple[int, int]:
    """Return what is told of a program's memory, and the peak of a fresh process that runs it."""
    _, program, options = case
    told = rq.estimate(program, **options).memory_bytes
    text = json.dumps([program.to_json(), options])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN], input=text, capture_output=True, text=True, check=True
    )
    return told, int(done.stdout)


def test_there_are_sixty_programs_of_all_kinds() -> None:
    assert len(cases()) >= 60


@pytest.mark.parametrize("case", [cases()[k] for k in (5, 20)], ids=lambda case: case[0])
def test_an_estimate_lies_between_the_peak_and_three_times_it(case: Case) -> None:
    told, peak = measured(case)

    assert peak <= told <= 3 * peak + ROOM


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case[0])
def test_sixty_estimates_lie_between_the_peak_and_three_times_it(case: Case) -> None:
    told, peak = measured(case)

    assert peak <= told <= 3 * peak + ROOM
