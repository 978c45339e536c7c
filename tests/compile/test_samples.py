"""Samples: what the engine evaluates is what Pulser plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pulser
import pytest
from numpy.typing import NDArray
from pulser.sampler import sample

from rydberg_qmem.compile.plan import Plan, plan_segment, timed
from rydberg_qmem.compile.samples import Track, evaluate
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.errors import RunError
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.program import Program
from rydberg_qmem.pulses import Schedule, check_drive, column

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
            {
                "composite": [
                    {"ramp": {"duration_ns": 20, "start": 2, "stop": 0}},
                    {"kaiser": {"duration_ns": 12, "area": 0.03}},
                ]
            },
        ]
    },
}
LEVEL = {"constant": {"duration_ns": 40, "value": 3.0}}
LONGER = {"constant": {"duration_ns": 100, "value": 2.0}}
BELOW = {"ramp": {"duration_ns": 60, "start": 0, "stop": "-8 * x"}}


def planned(body: Any, device: Any = "MockDevice", atoms: Mapping[str, Any] = ATOMS) -> Plan:
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


def played(sequence: pulser.Sequence[Any]) -> Samples:
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


def agrees(body: Any, device: Any = "MockDevice", scope: Mapping[str, Any] = SCOPE) -> Samples:
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


SLOW = pulser.devices.VirtualDevice(
    name="slow",
    dimensions=2,
    rydberg_level=60,
    channel_objects=(
        pulser.channels.Rydberg.Global(None, None, mod_bandwidth=5, clock_period=2),
        pulser.channels.Rydberg.Local(None, None, mod_bandwidth=5, fixed_retarget_t=10, clock_period=2),
        pulser.channels.Raman.Local(None, None, mod_bandwidth=3, clock_period=2),
    ),
)
"""A device whose pulses take long to fall, so that the next ones wait, how long depending on their height."""


@pytest.mark.parametrize("name", ["retargeting", "two channels", "a wait", "rotations", "gates", "three atoms"])
@pytest.mark.parametrize("x", [0.7, 1e-4])
def test_pulses_that_fall_slowly_are_timed_as_in_pulser(name: str, x: float) -> None:
    turns = [{"rotate": {"atom": atom, "angle": "x"}} for atom in "abca"]

    agrees({**TIMED, "three atoms": turns}[name], SLOW, SCOPE | {"x": x})


# --- Pulser sequences written by hand ---


def by_hand(device: str = "MockDevice") -> pulser.Sequence[Any]:
    """Return a sequence of two phase shifts, a post phase shift, a new target and a wait."""
    sequence = pulser.Sequence(pulser.Register(ATOMS), getattr(pulser, device))
    sequence.declare_channel("raman", "raman_local", initial_target="a")
    sequence.declare_channel("rydberg", "rydberg_global")
    half = pulser.Pulse.ConstantDetuning(pulser.BlackmanWaveform(52, 0.7), -2.0, 0.3, post_phase_shift=0.5)
    sequence.add(half, "raman")
    sequence.phase_shift(1.1, "a", basis="digital")
    sequence.add(pulser.Pulse.ConstantPulse(40, 3.0, 0.0, 0.3), "raman")
    sequence.target("b", "raman")
    sequence.add(pulser.Pulse.ConstantPulse(40, 3.0, 0.0, 0.0), "raman")
    sequence.phase_shift(-0.4, *ATOMS, basis="ground-rydberg")
    sequence.delay(24, "rydberg")
    sequence.add(pulser.Pulse.ConstantAmplitude(2.0, pulser.RampWaveform(52, -4, 4), 0.1), "rydberg", "wait-for-all")
    return sequence


def test_a_program_plays_as_the_same_sequence_written_by_hand() -> None:
    detuned = pulse(RAMAN, {"blackman": T | {"area": "x"}}, atoms="a", detuning=-2, phase=0.3, post_phase_shift=0.5)
    body = [
        detuned,
        {"phase_shift": {"atoms": "a", "angle": 1.1}},
        pulse(RAMAN, atoms="a", phase=0.3),
        pulse(RAMAN, atoms="b"),
        {"phase_shift": {"atoms": "all", "angle": -0.4, "basis": "ground-rydberg"}},
        {"delay": {"duration_ns": 24, "channel": RYDBERG}},
        pulse(RYDBERG, 2, detuning={"ramp": T | {"start": -4, "stop": 4}}, phase=0.1, protocol="wait-for-all"),
    ]

    assert gap(agrees(body), played(by_hand())) < 1e-9


def test_a_wrong_phase_shift_would_be_seen() -> None:
    body = [{"phase_shift": {"atoms": "a", "angle": "x"}}, pulse(RAMAN, atoms="a")]
    plan = planned(body)
    mine = sampled(evaluate(scheduled(plan, SCOPE), SCOPE, plan.target), 40, plan.target.atoms)

    assert gap(mine, played(to_pulser(plan, SCOPE | {"x": -0.7}))) > 1


def test_drives_that_overlap_add_up_as_complex_numbers() -> None:
    plan = planned([pulse(RYDBERG, phase=0.4), pulse("rydberg_local", atoms="b", phase="x", **{"with": "previous"})])
    made = sampled(evaluate(scheduled(plan, SCOPE), SCOPE, plan.target), 40, plan.target.atoms)

    assert np.allclose(made["ground-rydberg", "a"][0], 3 * np.exp(-0.4j))
    assert np.allclose(made["ground-rydberg", "b"][0], 3 * np.exp(-0.4j) + 3 * np.exp(-0.7j))


def test_drives_that_overlap_without_phases_play_as_in_pulser() -> None:
    agrees([pulse(RYDBERG), pulse("rydberg_local", LONGER, atoms="b", detuning="y", **{"with": "previous"})])


# --- many rows ---


def test_each_row_of_control_values_has_its_own_samples() -> None:
    body = [*TIMED["three together"], pulse(RAMAN, SHAPES["interpolated"], atoms="c", phase="y")]
    plan = planned(body)
    scope = {"x": np.array([0.1, 0.5, 0.9]), "y": np.array([3.0, -1.0, 0.0])}
    schedule = scheduled(plan, scope)
    tracks = evaluate(schedule, scope, plan.target)

    for row in range(3):
        alone = to_pulser(plan, {name: float(values[row]) for name, values in scope.items()})
        assert gap(sampled(tracks, schedule.duration_ns, plan.target.atoms, row), played(alone)) < 1e-9


def test_rows_of_different_durations_are_scheduled_apart() -> None:
    plan = planned([pulse(RYDBERG, {"constant": {"duration_ns": "40 + 4 * x", "area": 0.1}})])
    scope = {"x": np.array([0.0, 5.0, 0.0])}

    found = {schedule.duration_ns: rows.tolist() for schedule, rows, _ in timed(plan, scope, 3)}

    assert found == {40: [0, 2], 60: [1]}
    assert plan.durations(scope, 3).tolist() == [40, 60, 40]


def test_samples_that_no_control_value_changes_are_evaluated_once() -> None:
    plan = planned([pulse(RYDBERG), pulse(RYDBERG, SHAPES["blackman"])])
    schedule = scheduled(plan, SCOPE)
    first, second = evaluate(schedule, SCOPE, plan.target), evaluate(schedule, SCOPE, plan.target)

    assert first[0] is second[0]
    assert (first[0].fixed, first[1].fixed) == (True, False)


def test_only_the_drives_on_the_atoms_asked_for_are_evaluated() -> None:
    plan = planned([pulse(RAMAN, atoms="a"), pulse(RAMAN, atoms="b"), pulse(RYDBERG)])

    tracks = evaluate(scheduled(plan, SCOPE), SCOPE, plan.target, {0})

    assert [track.atoms for track in tracks] == [(0,), (0, 1, 2)]


# --- limits ---


def value(expression: str) -> dict[str, Any]:
    return {"constant": T | {"value": expression}}


REFUSED = [
    (
        pulse(RYDBERG, value("20 * x")),
        0.7,
        "amplitude: must peak at or below 12.5664 rad/µs on rydberg_global of Analog",
    ),
    (pulse(RYDBERG, value("x")), -0.7, "amplitude: must not be negative, but reaches -0.7 rad/µs"),
    (pulse(RYDBERG, detuning="200 * x"), 0.7, "detuning: must stay within ±125.664 rad/µs on rydberg_global"),
    (pulse(RYDBERG, detuning="-200 * x"), 0.7, "but spans -140 to -140"),
    (pulse(RYDBERG, value("1e300 * x")), 1e300, "a control value is not finite"),
    (pulse(RYDBERG, detuning="1e300 * x"), 1e300, "a control value is not finite"),
]


@pytest.mark.parametrize(("block", "x", "rule"), REFUSED)
def test_samples_outside_the_limits_are_refused(block: Any, x: float, rule: str) -> None:
    plan = planned([block], "AnalogDevice")
    [drive] = scheduled(plan, {"x": x}).drives

    with pytest.raises(RunError) as caught:
        check_drive(drive, {"x": x}, plan.target)
    assert str(caught.value).startswith("body[1].pulse")
    assert rule in str(caught.value)


@pytest.mark.parametrize("value", [1.0, -130.0])
def test_a_detuning_map_must_lie_between_its_bottom_and_zero(value: float) -> None:
    block = {"detuning_map": {"weights": {"a": 1.0}, "detuning": {"constant": T | {"value": "x"}}}}
    plan = planned([block], "DigitalAnalogDevice")
    [drive] = scheduled(plan, {"x": value}).drives

    with pytest.raises(RunError, match=r"must lie between -125\.66.* and 0"):
        check_drive(drive, {"x": value}, plan.target)


def test_a_rotation_beyond_the_channels_amplitude_takes_the_short_way() -> None:
    plan = planned([{"rotate": {"atom": "a", "axis": "x", "angle": "x"}}], "DigitalAnalogDevice")
    schedule = scheduled(plan, {"x": 3.5 * np.pi})
    [track] = evaluate(schedule, {"x": 3.5 * np.pi}, plan.target)

    assert track.omega[0, 0].real * schedule.duration_ns / 1000 == pytest.approx(-0.5 * np.pi)


def test_limits_of_values_not_known_yet_wait_for_the_run() -> None:
    plan = planned([pulse(RYDBERG, value("x"))], "DigitalAnalogDevice")
    [drive] = scheduled(plan, {}).drives

    check_drive(drive, {}, plan.target)
    assert drive.names == {"x"}
