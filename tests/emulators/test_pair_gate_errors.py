"""Gates of two atoms make no larger error than they are asked for, at any distance, angle, shape and method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.compile.steps import Placed, Segment
from rydberg_qmem.devices import make_target
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.emulators.ideal import Ideal
from rydberg_qmem.emulators.process import _infidelities, gate_report
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates import _phase_jump

ROUNDED = 1.05
"""Pulses are sampled each nanosecond, and amplitudes rounded to the clock."""


def gates(count: int, seed: int) -> Iterator[tuple[Any, Any]]:
    """Yield gates drawn at random, each with its device and atoms."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        gap, angle = float(rng.uniform(4.0, 11.0)), round(float(rng.uniform(-3.1, 3.1)), 3)
        device = ("MockDevice", "DigitalAnalogDevice")[int(rng.integers(2))]
        common = {"infidelity": float(10 ** rng.uniform(-4, -2)), "shape": ("square", "blackman")[int(rng.integers(2))]}
        pair = {"control": "a", "target": "b"}
        made = (
            rq.blocks.CPhase(**pair, angle=angle, **common),
            rq.blocks.CPhase(**pair, angle=angle, **common),
            rq.blocks.ZZ(atoms=("a", "b"), angle=angle, **common),
            rq.blocks.CZ(**pair, **common),
        )[int(rng.integers(4))]
        program = rq.Program(name="p", device=device, register={"atoms": {"a": (0, 0), "b": (gap, 0)}}, body=[made])
        yield made, make_target(program, bases_of(program))


def too_large(count: int, seed: int) -> tuple[int, list[str]]:
    """Return how many gates a device could make, and those whose error is larger than they were asked for."""
    tried, found = 0, []
    for block, target in gates(count, seed):
        try:
            made = gate_report(block, target)
        except CapabilityError:
            continue
        tried += 1
        if made.average_infidelity > ROUNDED * block.infidelity:
            found.append(f"{block!r} at {made.distance_um} µm: {made.average_infidelity:.2g}")
    return tried, found


def test_gates_of_two_atoms_make_no_larger_error_than_asked_for() -> None:
    tried, found = too_large(16, seed=3)

    assert tried >= 10
    assert not found


@pytest.mark.slow
def test_many_gates_of_two_atoms_make_no_larger_error_than_asked_for() -> None:
    tried, found = too_large(300, seed=5)

    assert tried >= 200
    assert not found


def test_a_light_shift_that_the_played_jump_changes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_phase_jump, "SETTLED", 0)  # the jump corrected by the light shift of another jump
    judged = _phase_jump._split

    def unseen(duration_ns: int, *args: Any) -> Any:
        made = judged(duration_ns, *args)
        return _phase_jump.SplitPulse(duration_ns, made.light_shift, 0.0, 0.0)

    monkeypatch.setattr(_phase_jump, "_split", unseen)
    _phase_jump.split_pulse.cache_clear()

    assert too_large(16, seed=3)[1]
    _phase_jump.split_pulse.cache_clear()


@pytest.mark.parametrize("gap", [5.0, 8.0, 10.0])
def test_angles_fed_forward_make_no_larger_error_than_asked_for(gap: float) -> None:
    block = rq.blocks.CPhase(control="a", target="b", angle="x", infidelity=1e-3)
    register = {"atoms": {"a": (0, 0), "b": (gap, 0)}}
    program = rq.Program(name="p", register=register, memory={"x": {"initial": 0}}, body=[block])
    target, segment = make_target(program, bases_of(program)), Segment(0, (Placed(block, "cphase"),))
    qubits = [target.levels.index(one) * 3 + target.levels.index(two) for one in "gh" for two in "gh"]
    states = np.eye(9, dtype=complex)[qubits]

    for angle in np.linspace(-3, 3, 13):
        scope = {"x": np.full(4, angle)}
        made = Exact().evolve(Exact().plan(segment, target), scope, states, (0, 1))[:, qubits]
        wanted = Ideal().evolve(Ideal().plan(segment, target), scope, states, (0, 1))[:, qubits]

        assert _infidelities(made, wanted)[1] < ROUNDED * 1e-3
