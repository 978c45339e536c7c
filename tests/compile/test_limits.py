"""Limits before the run: refused with a history that breaks them, accepted with a proof, noted where neither is had."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pulser
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import Plan, timed
from rydberg_qmem.compile.samples import evaluate
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.errors import CapabilityError, InputError, RunError
from rydberg_qmem.language.hardware import profile_of
from rydberg_qmem.pulses import Scope
from rydberg_qmem.verification._counterexamples import search
from rydberg_qmem.verification._histories import ChanceEvent
from rydberg_qmem.verification._interval_analysis import doubts
from rydberg_qmem.verification._limits import limits
from rydberg_qmem.verification._program_controls import Controls
from tests.compile.every_control import everything_fed_back

CASES = int(os.environ.get("RQM_LIMIT_CASES", "8"))
MANY = int(os.environ.get("RQM_MANY_LIMIT_CASES", "120"))
ATOMS = {"s": [0, 0], "a": [7, 0]}
BOTH = {"measure": {"atoms": ["a", "s"], "key": "clicks"}}
ONE = {"measure": {"atoms": "a", "key": "m"}}
FRESH = {"reset": {"atoms": "all"}}
MEMORY = {"R": {"initial": 0.5}, "seen": {"window": 9, "initial": 0.5}}


def program(*body: Any, device: Any = "DigitalAnalogDevice", **more: Any) -> rq.Program:
    return rq.Program(name="p", device=device, register={"atoms": ATOMS}, body=body, **more)


def driven(level: Any, duration_ns: Any = 100, **more: Any) -> dict[str, Any]:
    shape = level if isinstance(level, dict) else {"constant": {"duration_ns": duration_ns, "value": level}}
    return {"pulse": {"channel": "rydberg_global", "amplitude": shape, **more}}


def repeat(*body: Any, times: int = 20) -> dict[str, Any]:
    return {"repeat": {"times": times, "body": body}}


def memristor(amplitude: Any, reflectivity: str = "mean(seen)", times: int = 20, **more: Any) -> rq.Program:
    step = ({"push": {"seen": "clicks.a"}}, {"set": {"R": reflectivity}})
    return program(repeat(driven(amplitude), BOTH, FRESH, *step, times=times), memory=MEMORY, **more)


def found(made: rq.Program) -> list[str]:
    return [str(problem) for problem in rq.check(made)]


def notes(made: rq.Program) -> list[str]:
    findings = rq.check(made)
    assert not findings
    return [str(note) for note in findings.notes]


# --- refused, with a history ---


def test_a_reflectivity_that_drives_an_amplitude_too_high_is_refused_with_block_value_and_outcomes() -> None:
    assert found(memristor("20 * R", device="AnalogDevice")) == [
        "body[0].repeat.body[0].pulse.amplitude: must peak at or below 12.5664 rad/µs on rydberg_global of "
        "AnalogDevice, but reaches 13.3333 rad/µs in round 3, when clicks.a = 1 in rounds 0 to 2"
    ]


def test_the_same_program_with_clip_is_proved() -> None:
    assert notes(memristor("clip(20 * R, 0, 12.5)", device="AnalogDevice")) == []
    assert notes(memristor("20 * R", reflectivity="clip(mean(seen), 0, 0.6)", device="AnalogDevice")) == []


def test_a_refused_program_does_not_run_and_a_clipped_one_does() -> None:
    with pytest.raises(rq.ProgramError, match=r"when clicks\.a = 1 in rounds 0 to 2"):
        rq.run(memristor("20 * R", device="AnalogDevice"), shots=2, seed=1)

    assert rq.run(memristor("clip(20 * R, 0, 12.5)", times=3), shots=2, seed=1).sizes["shot"] == 2


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ({"beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": "R"}}, "beam_splitter.reflectivity"),
        ({"damp": {"system": "s", "ancilla": "a", "probability": "R"}}, "damp.probability"),
        ({"weak_measure": {"system": "s", "ancilla": "a", "strength": "R", "key": "w"}}, "weak_measure.strength"),
    ],
)
def test_a_strength_beyond_one_is_refused_where_it_is_written(cell: Any, value: str) -> None:
    step = (BOTH, FRESH, {"push": {"seen": "clicks.a + clicks.s"}}, {"set": {"R": "mean(seen)"}})

    [problem] = found(program(repeat(cell, *step), memory=MEMORY))

    least = "-1" if "weak" in value else "0"
    assert problem.startswith(f"body[0].repeat.body[0].{value}: must lie between {least} and 1, but reaches 1.05556 in")
    assert "when clicks.a = 1 in rounds" in problem
    assert "clicks.s = 1 in rounds" in problem


@pytest.mark.parametrize("bad", range(3))
def test_a_value_is_held_in_the_round_that_it_stands_in_where_rounds_are_written_out(bad: int) -> None:
    mask = {"slm_mask": {"atoms": ["s"], "channel": "dmm_0"}}  # for which all rounds are one sequence
    loop = {"repeat": {"over": ["u"], "body": [driven(1), {"set": {"R": "log(u)"}}, driven(1)]}}
    made = program(mask, loop, ONE, memory={"R": {}}, inputs={"u": {"default": f"abs(k - {bad})", "rounds": 3}})

    assert found(made) == [
        f"body[1].repeat.body[1].set.R: must be a finite number: log(u), but reaches -inf in round {bad}"
    ]


def test_outcomes_that_do_not_matter_are_left_out_of_the_history() -> None:
    body = repeat(driven("2 + x"), BOTH, {"set": {"x": "where(clicks.a == 1, x + 1, 0)"}}, times=40)

    [problem] = found(program(body, memory={"x": {}}))

    assert problem.endswith("but reaches 16 rad/µs in round 14, when clicks.a = 1 in rounds 0 to 13")


def test_nested_rounds_are_named_from_the_outside_in() -> None:
    inner = repeat(driven("1 + x"), ONE, {"set": {"x": "x + m"}}, times=5)

    [problem] = found(program(repeat(inner, times=4), memory={"x": {}}))

    assert "reaches 16 rad/µs in round 3, round_2 0, when m = 1 in round 0, round_2 0 to 4; round 1, " in problem


def test_draws_are_part_of_a_history() -> None:
    [problem] = found(program(repeat(driven("10 + 6 * x"), ONE, {"set": {"x": "uniform()"}}), memory={"x": {}}))

    assert problem.endswith("in round 1, when uniform() of body[0].repeat.body[2].set.x = 0.999999 in round 0")


def test_every_shot_of_an_ensemble_may_have_the_same_history() -> None:
    [problem] = found(program(repeat(driven("40 * x"), ONE, {"set": {"x": "ensemble_mean(m)"}}), memory={"x": {}}))

    assert "reaches 40 rad/µs in round 1, when m = 1 in round 0" in problem


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        (driven("100 * m - 1"), "amplitude: must not be negative, but reaches -1 rad/µs when all outcomes are 0"),
        (driven(3, detuning="130 * m"), "detuning: must stay within ±125.664 rad/µs on rydberg_global, but"),
        (driven(3, duration_ns="100 + 50 * m"), "duration_ns: must be a multiple of the 4 ns of the clock of "
         "rydberg_global on DigitalAnalogDevice, from 16 to 67108864 ns, but reaches 150 ns when m = 1"),
        (driven(3, phase="sqrt(m - 0.5)"), "must be a finite number: sqrt(m - 0.5), but reaches nan when all"),
        (driven({"constant": {"duration_ns": 100, "area": "3 * m"}}), "reaches 30 rad/µs when m = 1"),
        (driven({"ramp": {"duration_ns": 100, "start": 0, "stop": "16 * m"}}), "reaches 16 rad/µs when m = 1"),
        (driven({"blackman": {"duration_ns": 100, "area": "m"}}), "reaches 24.04"),
        (driven({"kaiser": {"duration_ns": 100, "area": "m"}}), "but reaches"),
        (driven({"interpolated": {"duration_ns": 100, "values": [0, "16 * m", 0]}}), "but reaches 15.99"),
        (driven({"custom": {"samples": [1.0, 2.0] * 8, "scale": "9 * m"}}), "reaches 18 rad/µs when m = 1"),
        (driven({"composite": [{"constant": {"duration_ns": 16, "value": 1}},
                               {"constant": {"duration_ns": 16, "value": "16 * m"}}]}), "reaches 16 rad/µs when m = 1"),
        ({"delay": {"duration_ns": "10 * m"}}, "delay.duration_ns: must be a multiple of the 4 ns of the clock"),
        ({"detuning_map": {"weights": {"a": 1}, "detuning": {"constant": {"duration_ns": 16, "value": "m"}}}},
         "but reaches 1 rad/µs when m = 1"),
    ],
    ids=["negative", "detuning", "clock", "phase", "area", "ramp", "blackman", "kaiser", "interpolated", "custom",
         "composite", "delay", "map"],
)  # fmt: skip
def test_every_control_of_a_pulse_is_held_against_its_limit(block: Any, rule: str) -> None:
    [problem] = found(program(ONE, driven(1), block))

    assert rule in problem


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ([driven(-1, detuning="m")], "amplitude: must not be negative, but reaches -1 rad/µs"),
        ([driven(20, phase="m")], "amplitude: must peak at or below 15.708 rad/µs on rydberg_global"),
        ([driven({"blackman": {"duration_ns": 100, "area": 1}}, detuning="m")], "but reaches 24.04"),
        ([driven("m", detuning=130)], "detuning: must stay within ±125.664 rad/µs on rydberg_global"),
        ([{"phase_shift": {"atoms": "all", "angle": "m", "basis": "ground-rydberg"}}, driven(-1)], "negative"),
        ([driven(1, duration_ns="100 + 52 * m"), driven(-1)], "must not be negative, but reaches -1 rad/µs"),
    ],
    ids=["negative", "peak", "blackman", "detuning", "after a shift", "after a wait"],
)
def test_what_is_written_out_beside_what_the_run_decides_is_held_against_its_limit(body: Any, rule: str) -> None:
    problems = found(program(ONE, *body))

    assert len(problems) == 1
    assert rule in problems[0]


def test_a_duration_off_the_clock_is_refused_where_a_modulated_channel_waits_for_the_run() -> None:
    made = program(ONE, driven("m", duration_ns=22), device="AnalogDevice")

    [problem] = found(made)

    assert problem.startswith(
        "body[1].pulse.duration_ns: must be a multiple of the 4 ns of the clock of rydberg_global"
    )
    with pytest.raises((RunError, CapabilityError), match="multiple of the 4 ns"):
        run_forced(made, by_chance(1, 8), 8)


def with_limits(**limits: float) -> Any:
    """Return DigitalAnalogDevice with further limits on its global channel or its DMM."""
    import pulser

    plain = pulser.DigitalAnalogDevice.to_virtual()
    drive: dict[str, Any] = {name: value for name, value in limits.items() if name == "min_avg_amp"}
    shade: dict[str, Any] = {name: value for name, value in limits.items() if name not in drive}
    channels = tuple(replace(c, **drive) if n == "rydberg_global" else c for n, c in plain.channels.items())
    maps = tuple(replace(channel, **shade) for channel in plain.dmm_channels.values())
    return replace(plain, channel_objects=channels, dmm_objects=maps)


def shaded(level: str) -> dict[str, Any]:
    shape = {"constant": {"duration_ns": 16, "value": level}}
    return {"detuning_map": {"weights": {"a": 1, "s": 0.5}, "detuning": shape}}


@pytest.mark.parametrize(
    ("limit", "block", "good", "rule"),
    [
        ({"min_avg_amp": 3}, driven("2 * m"), driven("3 * m"),
         "amplitude: must average to zero or at least 3 rad/µs on rydberg_global of "),
        ({"min_avg_amp": 3}, driven({"ramp": {"duration_ns": 16, "start": 0, "stop": "4 + 2 * m"}}),
         driven({"ramp": {"duration_ns": 16, "start": 0, "stop": "6 + 2 * m"}}), "but reaches 2 rad/µs"),
        ({"total_bottom_detuning": -130}, shaded("-100 * m"), shaded("-80 * m"),
         "must not be positive nor add up to less than -130 rad/µs over all atoms, but reaches -100 rad/µs when m = 1"),
        ({"min_avg_abs_detuning": 2}, shaded("-2 * m"), shaded("-4 * m"), "must average to zero or at least 2 rad/µs"),
        ({}, driven(1, phase={"ramp": {"duration_ns": 100, "start": 0, "stop": "13 * m"}}),
         driven(1, phase={"ramp": {"duration_ns": 100, "start": 0, "stop": "12 * m"}}),
         "detuning: must stay within ±125.664 rad/µs on rydberg_global, but reaches -131.313 rad/µs when m = 1"),
        ({}, driven(1, duration_ns="100 + 52 * m",
                    detuning={"constant": {"duration_ns": "100 + 100 * m", "value": 1}}),
         driven(1, duration_ns="100 + 52 * m",
                detuning={"constant": {"duration_ns": "152 - 52 * (1 - m)", "value": 1}}),
         "must fit together in time: a pulse's waveforms equally long, a channel free when it is to start, but reaches "
         "1 misfit when m = 1"),
        ({}, driven({"blackman": {"max_val": 10, "area": "m"}}), driven({"blackman": {"max_val": 10, "area": "1 + m"}}),
         "must fit together in time"),
    ],
    ids=["weak", "weak ramp", "all atoms", "weak map", "turning phase", "unequal lengths", "no area"],
)  # fmt: skip
def test_limits_that_few_devices_have_are_proved_too(limit: Any, block: Any, good: Any, rule: str) -> None:
    device = with_limits(**limit)

    problems = found(program(ONE, block, device=device))

    assert len(problems) == 1
    assert rule in problems[0]
    assert notes(program(ONE, good, device=device)) == []
    with pytest.raises((RunError, CapabilityError)):
        run_forced(program(ONE, block, device=device), by_chance(1, 8), 8)


def test_a_segment_may_not_outlast_the_longest_sequence_of_the_device() -> None:
    body = (ONE, driven(1, duration_ns="3000 + 2000 * m"), driven(1, duration_ns=2000, phase="m"))

    [problem] = found(program(*body, device="AnalogDevice"))

    assert "must last at most 6000 ns, the longest sequence of AnalogDevice, but reaches" in problem


def test_the_longest_segment_holds_the_time_in_which_channels_turn_to_other_atoms() -> None:
    """Pulses of 5600 ns together, and twenty turns of a local channel that take up to 220 ns each."""
    device = replace(pulser.DigitalAnalogDevice, max_sequence_duration=6000)
    local = {"channel": "rydberg_local", "amplitude": {"constant": {"duration_ns": 80, "value": 1}}}
    turns = [{"pulse": local | {"atoms": "as"[k % 2]}} for k in range(20)]
    body = (ONE, driven(1, duration_ns="2000 + 2000 * m"), *turns)

    assert any("must last at most 6000 ns" in text for text in found(program(*body, device=device)))
    assert not found(program(*body[:2], *turns[:1], device=device))


def test_a_constant_that_is_no_number_is_refused_at_its_place() -> None:
    assert found(program(ONE, {"set": {"x": "sqrt(-2)"}}, driven("x"))) == [
        "body[1].set: must be a finite number, but is nan ('sqrt(-2)')"
    ]


# --- proved ---


@pytest.mark.parametrize(
    "made",
    [
        program(ONE, driven(3, duration_ns="100 + 52 * m")),
        program(ONE, {"set": {"x": "where(m == 1, 1 / m, 15)"}}, driven("x")),
        program(ONE, {"set": {"x": "10 * m"}}, driven("10 + x - x")),
        program(ONE, {"when": {"if": "m == 1", "then": [driven("15 * m")], "otherwise": [driven("16 * m + 1")]}}),
        program(ONE, {"rotate": {"atom": "a", "angle": "1e6 * m"}}),
        program(repeat(driven("x"), ONE, {"set": {"x": "x / 2 + 7.5 * m"}}, times=3000), memory={"x": {}}),
        program(repeat(driven("1 + x"), ONE, {"set": {"x": "x * 0.99 + 0.1 * m"}}, times=9000), memory={"x": {}}),
        program(repeat(driven("x"), ONE, {"when": {"if": "x < 15", "then": [{"set": {"x": "x + m"}}]}}),
                memory={"x": {}}),
        program(repeat(driven("8 + 7 * sin(x)"), ONE, {"set": {"x": "x + normal()"}}, times=4000), memory={"x": {}}),
    ],
    ids=["clock", "guard", "all histories", "sides", "angle", "half", "forgetting", "counted up", "unbounded memory"],
)  # fmt: skip
def test_what_keeps_its_limits_is_proved(made: rq.Program) -> None:
    assert notes(made) == []


def test_a_duration_that_its_condition_guards_is_proved_and_plays_where_no_shot_takes_it() -> None:
    guarded = {"when": {"if": "x > 0", "then": [driven(1, duration_ns="x")]}}
    made = program(ONE, {"set": {"x": "16 * m"}}, guarded)

    assert notes(made) == []
    for outcome in (0, 1):
        run_forced(made, lambda key, at, width, bit=outcome: np.full((3, width), bit), 3)


# --- neither ---


def test_many_keys_of_which_few_are_measured_are_checked() -> None:
    looks = [{"measure": {"atoms": ["a", "s"], "key": f"n{i}"}} for i in range(20)]
    never = {"when": {"if": "m > 1", "then": looks}}

    assert "amplitude" in found(program(ONE, never, driven("16 * m")))[0]


def test_what_can_neither_be_proved_nor_broken_is_a_note_and_the_program_runs() -> None:
    made = program(repeat(driven("2 + x"), ONE, {"set": {"x": "abs(normal())"}}, times=3), memory={"x": {}})

    [note] = notes(made)

    assert note == (
        "body[0].repeat.body[0].pulse.amplitude: must peak at or below 15.708 rad/µs on rydberg_global of "
        "DigitalAnalogDevice; not proved before the run, which checks each value (all that is known is 2 to inf rad/µs)"
    )
    assert rq.run(made, shots=20, seed=3).sizes["shot"] == 20


def test_a_note_has_the_place_in_the_file() -> None:
    made = program(repeat(driven("2 + x"), ONE, {"set": {"x": "abs(normal())"}}, times=3), memory={"x": {}})
    read = rq.Program.from_yaml(made.to_yaml(), file="p.yaml")

    [note] = rq.check(read).notes

    assert (note.file, note.severity) == ("p.yaml", "note")
    assert note.line is not None
    assert "value: 2 + x" in made.to_yaml().splitlines()[note.line - 1]


# --- lost atoms ---


def test_a_proof_holds_for_lost_atoms_where_the_machine_loses_any() -> None:
    made = program(repeat(ONE, driven("2 + 2 * m"), driven("1 + m / 2 - 1 * (m < 0)"), FRESH, times=3))
    losing = made.model_copy(update={"hardware": profile_of({"loss": 0.5})})

    assert notes(made) == []
    [note] = rq.check(made, hardware={"loss": 0.5}).notes
    assert "amplitude: must not be negative; not proved before the run" in str(note)
    assert "is -0.5 to" in str(note)
    assert rq.check(losing).notes == (note,)
    assert rq.check(losing, hardware={"loss": 0}).notes == ()
    with pytest.raises(RunError, match="must not be negative"):
        rq.run(made, shots=50, seed=1, hardware={"loss": 0.5})


def test_a_sweep_with_workers_is_checked_once_per_point(monkeypatch: pytest.MonkeyPatch) -> None:
    from rydberg_qmem.running import job as jobs

    def refused(*args: Any, **more: Any) -> list[rq.Problem]:
        raise AssertionError("checked again")

    job = jobs.Job(program(ONE), {}, None, 10, 1, "exact", "auto")
    monkeypatch.setattr(jobs, "check_and_compile", refused)

    assert jobs.prepare(job, {}, checked=True).program.name == "p"
    with pytest.raises(AssertionError, match="checked again"):
        jobs.prepare(job, {})


# --- names that may have no value ---


def test_a_key_measured_on_one_side_only_is_reported_where_it_is_read() -> None:
    some = {"when": {"if": "m == 1", "then": [{"measure": {"atoms": "s", "key": "n"}}]}}

    assert found(program(ONE, some, {"rotate": {"atom": "s", "angle": "n"}})) == [
        "body[2].rotate: reads n, which has no value here when all outcomes are 0"
    ]
    assert found(program(ONE, some, {"set": {"x": "n"}})) == [
        "body[2].set.x: reads n, which has no value here when all outcomes are 0"
    ]


def test_a_name_set_on_one_side_only_is_reported_where_it_is_read() -> None:
    some = {"when": {"if": "m == 0", "then": [{"set": {"y": 1}}]}}

    assert found(program(ONE, some, {"rotate": {"atom": "s", "angle": "y"}})) == [
        "body[2].rotate: reads y, which has no value here when m = 1"
    ]
    assert found(program(ONE, some, {"rotate": {"atom": "s", "angle": "y"}}, memory={"y": {}})) == []


def test_a_key_is_there_where_every_way_has_measured_it() -> None:
    look = {"measure": {"atoms": "s", "key": "n"}}
    turn = {"rotate": {"atom": "s", "angle": "n"}}

    assert notes(program(ONE, {"when": {"if": "m", "then": [look], "otherwise": [look]}}, turn)) == []
    assert notes(program(ONE, {"when": {"if": "m", "then": [look, turn]}})) == []
    assert notes(program(repeat(ONE, {"when": {"if": "k == 0", "then": [look]}}, turn))) == []
    guarded = {"when": {"if": "m", "then": [turn]}}
    assert notes(program(ONE, {"when": {"if": "m", "then": [look]}}, guarded)) == []


def test_a_key_that_two_blocks_measure_begins_each_round_without_a_value() -> None:
    look = {"measure": {"atoms": "s", "key": "n"}}
    some = {"when": {"if": "m == 0", "then": [look]}}
    turn = {"rotate": {"atom": "s", "angle": "n"}}

    made = program(repeat(ONE, some, turn, look, times=3))

    assert any("reads n, which has no value here" in problem for problem in found(made))


# --- laws ---


class Forced(Exact):
    """Makes the samples of every pulse as `exact` does, limits held; outcomes are those of given histories."""

    capabilities = replace(Exact.capabilities, factorises=False)  # pulses on all atoms are made at once

    def __init__(self, outcomes: Any) -> None:
        super().__init__()
        self.given = outcomes

    def evolve(self, plan: Plan, scope: Scope, states: Any, atoms: tuple[int, ...]) -> Any:
        for schedule, _, part in timed(plan, scope, len(states)):
            evaluate(schedule, part, plan.target)
        return states

    def outcomes(self, key: str, rounds: dict[str, int], rows: NDArray[np.int64], width: int) -> NDArray[np.int8]:
        return np.asarray(self.given(key, tuple(rounds.items()), width)[rows], dtype=np.int8)


def run_forced(made: rq.Program, outcomes: Any, shots: int) -> None:
    """Run a program with chosen outcomes, whatever the check says of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rydberg_qmem.running.job.check_and_compile", lambda *a, **k: ([], None))
        rq.run(made, shots=shots, seed=5, emulator=Forced(outcomes))


def by_chance(seed: int, shots: int) -> Any:
    """Return outcomes of many shots: some always 0, some always 1, the others by chances of their own."""
    random = np.random.default_rng(seed)
    chance = np.concatenate([[0.0, 1.0], random.uniform(size=shots - 2)])[:, None]
    return lambda key, at, width: random.uniform(size=(shots, width)) < chance


numbers = st.sampled_from((0, 0.5, 1, 2, 3, 5, 7.5, 12, 15, 0.25, -1, -2))


def feedback(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Draw expressions of memory, outcomes and counters, some of them bounded, some not."""
    leaf = st.one_of(st.sampled_from(names), numbers.map(str))

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(st.sampled_from(("abs", "sin", "tanh", "sqrt", "floor", "exp")), inner).map(
                lambda t: f"{t[0]}({t[1]})"
            ),
            st.tuples(inner, st.sampled_from(("<", "==", ">=")), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(inner, inner, inner).map(lambda t: f"where({t[0]}, {t[1]}, {t[2]})"),
            st.tuples(inner, inner).map(lambda t: f"({t[0]} / max(1, {t[1]}))"),
            inner.map(lambda t: f"clip({t}, 0, 15)"),
            inner.map(lambda t: f"abs({t}) % 15"),
        )

    return st.recursive(leaf, grow, max_leaves=5)


@st.composite
def fed_back(draw: Any) -> rq.Program:
    """Draw a program whose controls depend on memory in ways that no one looked at."""
    names = ("x", "y", "mean(w)", "w[1]", "k", "u")
    wild = draw(st.booleans())

    def level(known: tuple[str, ...]) -> str:
        """Draw an amplitude: of a wild program one that few values of memory keep within the limits."""
        text = draw(feedback(known))
        return f"20 * ({text}) - 2" if wild else text

    def update() -> dict[str, Any]:
        known = (*names, "m.a", "m.s")
        return {"set": {name: draw(feedback(known)) for name in draw(st.sampled_from((("x",), ("x", "y"))))}}

    def drive(known: tuple[str, ...]) -> dict[str, Any]:
        shape = draw(
            st.sampled_from(
                (
                    {"constant": {"duration_ns": 16, "value": level(known)}},
                    {"ramp": {"duration_ns": 16, "start": level(known), "stop": 1}},
                    {
                        "constant": {
                            "duration_ns": draw(st.sampled_from((16, "16 + 4 * m.a"))),
                            "area": "0.01 + x / 1000",
                        }
                    }
                    if "m.a" in known
                    else {"constant": {"duration_ns": 16, "value": 2}},
                    {"interpolated": {"duration_ns": 16, "values": [0, level(known), 0]}},
                )
            )
        )
        return driven(shape, detuning=draw(feedback(known)), phase=draw(feedback(known)))

    def choice() -> dict[str, Any]:
        known = (*names, "m.a", "m.s")
        side = {"then": [draw(st.sampled_from((update(), drive(known))))], "otherwise": [update()]}
        return {"when": {"if": draw(feedback(known)), **side}}

    body: list[dict[str, Any]] = [drive(names), {"measure": {"atoms": ["a", "s"], "key": "m"}}]
    for _ in range(draw(st.integers(1, 3))):
        known = (*names, "m.a", "m.s")
        body.append(draw(st.sampled_from((update(), choice(), drive(known), {"push": {"w": draw(feedback(known))}}))))
    memory = {"x": {"initial": draw(numbers)}, "y": {"initial": 1}, "w": {"window": 2, "initial": 0.5}}
    inputs = {"u": {"default": "k / 4", "rounds": draw(st.integers(1, 4))}}
    return program({"repeat": {"over": "u", "body": body}}, memory=memory, inputs=inputs)


def assert_judged_rightly(made: rq.Program, seed: int) -> str:
    """Check a program; run what is proved over many histories, and each history that is said to break a limit."""
    findings = rq.check(made)
    if not findings and not findings.notes:
        run_forced(made, by_chance(seed, 32), 32)
        return "proved"
    if not findings:
        return "noted"
    try:
        compiled = compile_program(made)
        controls = Controls(compiled)
        left, _ = doubts(compiled, controls)
    except (InputError, CapabilityError):  # refused before anything is bounded: a constant, an order of blocks
        return "refused"
    witnesses, _ = search(compiled, controls, [doubt.about for doubt in left])
    for witness in witnesses:
        history = witness.history
        if all(site.kind == "outcome" for site in history):
            with pytest.raises((RunError, CapabilityError)):
                run_forced(made, lambda *visit, h=history: played(h, *visit), 1)
    return "refused"


def played(history: dict[ChanceEvent, float], key: str, at: Any, width: int) -> NDArray[Any]:
    return np.array([[history.get(ChanceEvent("outcome", key, column, at), 0.0) for column in range(width)]])


@given(fed_back(), st.integers(0, 2**32))
@settings(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_run_breaks_a_limit_that_was_proved_and_every_history_that_was_found_does(
    made: rq.Program, seed: int
) -> None:
    assert_judged_rightly(made, seed)


@pytest.mark.slow
def test_many_random_programs_are_judged_rightly_and_all_three_judgements_come_up() -> None:
    tally: dict[str, int] = {"proved": 0, "noted": 0, "refused": 0}

    wide = st.integers(0, 2**32).map(lambda seed: everything_fed_back(Random(seed)))

    @given(st.one_of(fed_back(), wide), st.integers(0, 2**32))
    @settings(
        max_examples=MANY,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),  # a program that fails is shown as it is: to shrink it takes minutes
    )
    def judge(made: rq.Program, seed: int) -> None:
        tally[assert_judged_rightly(made, seed)] += 1

    judge()

    assert min(tally["proved"], tally["refused"]) > MANY / 10


def test_a_proof_that_forgets_an_outcome_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from rydberg_qmem.language.intervals import Interval
    from rydberg_qmem.verification import _interval_analysis as reach

    made = memristor("20 * R", times=12)
    monkeypatch.setattr(reach, "OUTCOMES", Interval.of(0))

    assert limits(compile_program(made)) == []
    with pytest.raises(RunError, match="must peak at or below"):
        run_forced(made, by_chance(1, 32), 32)
