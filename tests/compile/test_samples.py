"""Samples: what the engine evaluates is what Pulser plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pulser
import pytest
from numpy.typing import NDArray
from pulser.sampler import sample

from rydberg_qmem.compile.samples import Track, check_drive, evaluate
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.shapes import column
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.compile.to_pulser import Plan, Schedule, plan_segment, timed, to_pulser
from rydberg_qmem.errors import RunError
from rydberg_qmem.language.expressions import Columns
from rydberg_qmem.language.program import Program

Samples = dict[tuple[str, str], tuple[NDArray[np.complex128], NDArray[np.float64]]]
"""Ω exp(-iφ) where there is amplitude, and δ, at each nanosecond, by basis and atom."""

ATOMS = {"a": [0, 0], "b": [7, 0], "c": [3, 6]}
SCOPE: dict[str, Any] = {"x": 0.7, "y": -1.3, "m": Columns(("a", "b"), np.array([[1.0, 0.0]]))}

RYDBERG, RAMAN, XY = "rydberg_global", "raman_local", "mw_global"
T = {"duration_ns": 52}
SHAPES: dict[str, dict[str, Any]] = {
    "constant value": {"constant": T | {"value": "2 + x"}},
    "constant area": {"constant": T | {"area": "pi * x / 5"}},
    "ramp up": {"ramp": T | {"start": 0, "stop": "4 + y"}},
    "ramp down": {"ramp": T | {"start": "9 * x", "stop": 1.5}},
    "blackman": {"blackman": T | {"area": "x / 3"}},
    "kaiser": {"kaiser": T | {"area": "x / 4"}},
    "kaiser of another shape": {"kaiser": T | {"area": 0.2, "beta": 3.5}},
    "interpolated": {"interpolated": T | {"values": [0, "5 * x", 2, 0]}},
    "interpolated at given times": {"interpolated": T | {"values": [0, 6, "2 - y"], "times": [0, 0.2, 1]}},
    "custom": {"custom": {"samples": [float(i % 5) for i in range(52)], "scale": "1 + x"}},
    "composite": {
        "composite": [
            {"ramp": {"duration_ns": 24, "start": 0, "stop": 3}},
            {"constant": {"duration_ns": 8, "value": "3 * x"}},
            {"blackman": {"duration_ns": 20, "area": 0.08}},
        ]
    },
    "composite in a composite": {
        "composite": [
            {"constant": {"duration_ns": 20, "value": 1}},
            {"composite": [{"constant": {"duration_ns": 20, "value": 2}}, {"kaiser": {"duration_ns": 12, "area": 0.1}}]},
        ]
    },
}
LEVEL = {"constant": {"duration_ns": 40, "value": 3.0}}
LONGER = {"constant": {"duration_ns": 100, "value": 2.0}}
BELOW = {"ramp": {"duration_ns": 60, "start": 0, "stop": "-8 * x"}}


def planned(body: Any, device: str = "MockDevice", atoms: Mapping[str, Any] = ATOMS) -> Plan:
    """Return the plan of a program's first segment; memory x and y and key m may be used."""
    head = [{"set": {"x": 0, "y": 0}}]
    program = Program(name="p", device=device, register={"atoms": atoms}, body=[*head, *body])
    compiled = compile_program(program)
    segment = next(step for step in compiled.steps if isinstance(step, Segment))
    return plan_segment(segment, compiled.target)


def scheduled(plan: Plan, scope: Mapping[str, Any]) -> Schedule:
    return plan.schedule(tuple(float(column(e, scope)[0]) for e in plan.timing), scope)


def sampled(tracks: list[Track], duration: int, atoms: tuple[str, ...], row: int = 0) -> Samples:
    """Add up tracks at each nanosecond."""
    made: Samples = {}
    for track in tracks:
        piece = track.pieces(np.arange(track.breaks[0], track.breaks[-1]))
        when = slice(track.breaks[0], track.breaks[-1])
        for k, atom in enumerate(track.atoms):
            zero = (np.zeros(duration, dtype=complex), np.zeros(duration))
            omega, delta = made.setdefault((track.basis, atoms[atom]), zero)
            weight = 1.0 if track.weights is None else track.weights[k]
            omega[when] += track.omega[min(row, len(track.omega) - 1), piece]
            delta[when] += weight * track.delta[min(row, len(track.delta) - 1), piece]
    return made


def played(sequence: pulser.Sequence) -> Samples:
    """Return Pulser's own samples, each atom and basis by itself."""
    nested = sample(sequence).to_nested_dict(all_local=True)["Local"]
    return {
        (basis, str(atom)): (np.asarray(s["amp"]) * np.exp(-1j * np.asarray(s["phase"])), np.asarray(s["det"]))
        for basis, atoms in nested.items()
        for atom, s in atoms.items()
    }


def gap(one: Samples, two: Samples) -> float:
    """Return the largest difference of two sets of samples; what one lacks is zero."""
    worst = 0.0
    for site in one.keys() | two.keys():
        here, there = one.get(site), two.get(site)
        for k in range(2):
            some = here[k] if here is not None else 0.0
            other = there[k] if there is not None else 0.0
            worst = max(worst, float(np.max(np.abs(some - other))))
    return worst


def agrees(body: Any, device: str = "MockDevice", scope: Mapping[str, Any] = SCOPE) -> Samples:
    """Compare the engine's samples and duration of a segment with those of its Pulser sequence."""
    plan = planned(body, device)
    schedule, sequence = scheduled(plan, scope), to_pulser(plan, scope)
    mine = sampled(evaluate(schedule, scope, plan.target), schedule.duration_ns, plan.target.atoms)

    assert schedule.duration_ns == sequence.get_duration()
    assert gap(mine, played(sequence)) < 1e-9
    return mine


def pulse(channel: str, amplitude: Any = LEVEL, **more: Any) -> dict[str, Any]:
    return {"pulse": {"channel": channel, "amplitude": amplitude, **more}}


# --- waveforms ---


@pytest.mark.parametrize("device", ["MockDevice", "DigitalAnalogDevice", "AnalogDevice"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_global_pulse_of_any_shape_plays_as_in_pulser(shape: dict[str, Any], device: str) -> None:
    made = agrees([pulse(RYDBERG, shape, detuning="-3 * x", phase="y")], device)

    assert set(made) == {("ground-rydberg", atom) for atom in ATOMS}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("channel", ["raman_local", "rydberg_local"])
def test_a_local_pulse_of_any_shape_plays_as_in_pulser(shape: dict[str, Any], channel: str) -> None:
    made = agrees([pulse(channel, shape, atoms="b", phase=0.3)], "DigitalAnalogDevice")

    assert {atom for _, atom in made} == {"b"}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_detuning_of_any_shape_plays_as_in_pulser(shape: dict[str, Any]) -> None:
    agrees([pulse(RYDBERG, 1.5, detuning=shape)], "DigitalAnalogDevice")


@pytest.mark.parametrize("name", ["constant value", "ramp down", "blackman", "composite"])
def test_microwave_pulses_play_as_in_pulser(name: str) -> None:
    made = agrees([pulse(XY, SHAPES[name], phase="x"), pulse(XY, LEVEL)])

    assert set(made) == {("XY", atom) for atom in ATOMS}


def test_amplitude_and_detuning_may_have_different_shapes() -> None:
    agrees([pulse(RYDBERG, SHAPES["blackman"], detuning=SHAPES["ramp up"])])


def test_a_level_beside_a_waveform_lasts_as_long() -> None:
    made = agrees([pulse(RYDBERG, "1 + x", detuning={"ramp": T | {"start": -4, "stop": 4}})])

    assert np.allclose(made["ground-rydberg", "a"][0], 1.7)


def test_outcomes_steer_a_pulse() -> None:
    agrees([{"measure": {"atoms": ["a", "b"], "key": "m"}}, pulse(RYDBERG, "1 + m.a", detuning=SHAPES["ramp up"])])


# --- phases ---

PHASES: dict[str, list[Any]] = {
    "a shift of all atoms": [
        pulse(RYDBERG),
        {"phase_shift": {"atoms": "all", "angle": "x", "basis": "ground-rydberg"}},
        pulse(RYDBERG, phase=0.4),
    ],
    "a shift of one atom": [
        pulse(RAMAN, atoms="a"),
        {"phase_shift": {"atoms": "a", "angle": "x"}},
        pulse(RAMAN, atoms="a"),
        pulse(RAMAN, atoms="b"),
    ],
    "a shift in the other basis": [
        {"phase_shift": {"atoms": "a", "angle": 1.0, "basis": "digital"}},
        pulse(RYDBERG),
    ],
    "a shift after a pulse": [pulse(RAMAN, atoms="a", post_phase_shift="x - y"), pulse(RAMAN, atoms="a")],
    "two shifts": [
        pulse(RAMAN, atoms="a", post_phase_shift=0.3),
        {"phase_shift": {"atoms": ["a", "b"], "angle": "2 * x"}},
        pulse(RAMAN, atoms="a"),
        pulse(RAMAN, atoms="b"),
    ],
    "a virtual rotation": [
        {"rotate": {"atom": "a", "axis": "z", "angle": "x"}},
        pulse(RAMAN, atoms="a", phase="y"),
    ],
}


@pytest.mark.parametrize("body", PHASES.values(), ids=PHASES.keys())
@pytest.mark.parametrize("device", ["MockDevice", "DigitalAnalogDevice"])
def test_phase_references_reach_the_pulses_as_in_pulser(body: list[Any], device: str) -> None:
    agrees(body, device)


def test_a_change_of_phase_waits_as_long_as_the_device_asks() -> None:
    body = [pulse(RYDBERG), pulse(RYDBERG, phase="x")]
    plan = planned(body, "AnalogDevice")

    agrees(body, "AnalogDevice")

    assert scheduled(plan, SCOPE).duration_ns > scheduled(plan, SCOPE | {"x": 0.0}).duration_ns


# --- several pulses ---

TIMED: dict[str, list[Any]] = {
    "one after the other": [pulse(RYDBERG), pulse(RYDBERG, LONGER, detuning=-2)],
    "retargeting": [pulse(RAMAN, atoms="a"), pulse(RAMAN, atoms="b"), pulse(RAMAN, atoms="a")],
    "two channels": [pulse(RAMAN, atoms="a"), pulse("rydberg_local", atoms="a"), pulse("rydberg_local", atoms="b")],
    "no delay": [pulse(RAMAN, atoms="a"), pulse("rydberg_local", atoms="a", protocol="no-delay")],
    "wait for all": [pulse(RAMAN, atoms="a"), pulse("rydberg_local", atoms="b", protocol="wait-for-all")],
    "with the previous": [pulse(RAMAN, LONGER, atoms="a"), pulse("rydberg_local", atoms="b", **{"with": "previous"})],
    "three together": [
        pulse(RYDBERG, LONGER),
        {"detuning_map": {"weights": {"a": 1.0, "c": 0.5}, "detuning": BELOW, "with": "previous"}},
        pulse(RAMAN, atoms="b", **{"with": "previous"}),
        pulse(RYDBERG),
    ],
    "a wait": [pulse(RYDBERG), {"delay": {"duration_ns": 32}}, pulse(RAMAN, atoms="c")],
    "a wait at the end": [pulse(RYDBERG), {"delay": {"duration_ns": 32}}],
    "a wait of one channel": [
        pulse(RAMAN, atoms="a"),
        {"delay": {"duration_ns": 200, "channel": "rydberg_local"}},
        pulse("rydberg_local", atoms="c"),
    ],
    "an alignment": [
        pulse(RAMAN, LONGER, atoms="a"),
        pulse("rydberg_local", atoms="b", **{"with": "previous"}),
        {"align": {}},
        pulse("rydberg_local", atoms="c"),
    ],
    "two maps": [
        {"detuning_map": {"weights": {"a": 1.0, "b": 0.25}, "detuning": BELOW}},
        {"detuning_map": {"weights": {"a": 1.0, "b": 0.25}, "detuning": {"constant": T | {"value": -3}}}},
    ],
    "rotations": [
        {"rotate": {"atom": "a", "axis": "y", "angle": "x"}},
        {"rotate": {"atom": "b", "axis": "x", "angle": "-x"}},
        {"rotate": {"atom": "a", "axis": "z", "angle": "y"}},
        {"rotate": {"atom": "a", "axis": "y", "angle": "7 * x"}},
        {"rotate": {"atom": "c", "axis": "x", "angle": "y", "basis": "ground-rydberg"}},
    ],
    "gates": [{"cz": {"control": "a", "target": "b"}}, {"cnot": {"control": "b", "target": "c", "infidelity": 0.01}}],
    "a beam splitter": [{"beam_splitter": {"system": "a", "ancilla": "b", "reflectivity": "x / 2"}}],
}


@pytest.mark.parametrize("body", TIMED.values(), ids=TIMED.keys())
@pytest.mark.parametrize("device", ["MockDevice", "DigitalAnalogDevice"])
def test_blocks_are_timed_as_in_pulser(body: list[Any], device: str) -> None:
    agrees(body, device)
