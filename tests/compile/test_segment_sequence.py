"""From a segment to a Pulser sequence: what is refused, with place and a way out, and what is planned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.program import Program
from rydberg_qmem.pulses import wrapped
from rydberg_qmem.verification import check

ATOMS = {"a": [0, 0], "b": [7, 0], "c": [3, 6]}


def program(*body: Any, device: str = "DigitalAnalogDevice", **more: Any) -> Program:
    return Program(name="p", device=device, register={"atoms": ATOMS}, body=body, **more)


def planned(*body: Any, device: str = "DigitalAnalogDevice") -> Plan:
    compiled = compile_program(program(*body, device=device))
    segment = next(step for step in compiled.steps if isinstance(step, Segment))
    return plan_segment(segment, compiled.target)


def refusal(*body: Any, device: str = "DigitalAnalogDevice") -> str:
    [problem] = check(program(*body, device=device))
    return str(problem)


def pulse(channel: str = "rydberg_global", duration_ns: Any = 40, level: Any = 2.0, **more: Any) -> dict[str, Any]:
    return {
        "pulse": {"channel": channel, "amplitude": {"constant": {"duration_ns": duration_ns, "value": level}}, **more}
    }


# --- durations ---


@pytest.mark.parametrize(("duration", "allowed"), [(42, 44), (17, 20), (399, 400), (1001, 1004)])
def test_a_duration_off_the_clock_is_refused_and_the_next_one_is_named(duration: int, allowed: int) -> None:
    message = refusal(pulse(duration_ns=duration))

    assert message == (
        "body[0].pulse.duration_ns: must be a multiple of the 4 ns clock of rydberg_global on DigitalAnalogDevice; "
        f"rounding up would give {allowed} ({duration})"
    )
    assert not check(program(pulse(duration_ns=allowed)))


@pytest.mark.parametrize("duration", [0, 401.7, -40, 2e9, "1 / 3"])
@pytest.mark.parametrize("device", ["MockDevice", "DigitalAnalogDevice", "AnalogDevice"])
def test_a_duration_that_is_no_whole_number_of_nanoseconds_is_refused(duration: Any, device: str) -> None:
    message = refusal(pulse(duration_ns=duration), device=device)

    assert message.startswith("body[0].pulse.duration_ns: must be a whole number of nanoseconds, 1 to 100000000 (")


@pytest.mark.parametrize("duration", [4, 8, 12])
def test_a_pulse_too_short_for_its_channel_is_refused(duration: int) -> None:
    message = refusal(pulse(duration_ns=duration))

    assert message == (
        f"body[0].pulse.duration_ns: must be at least 16 ns on rydberg_global of DigitalAnalogDevice ({duration})"
    )


@pytest.mark.parametrize("duration", [-4, 401.7, 402])
def test_a_wait_off_the_clock_is_refused(duration: float) -> None:
    message = refusal(pulse(), {"delay": {"duration_ns": duration}})

    assert message.startswith("body[1].delay.duration_ns: must be a ")
    assert message.endswith("rounding up would give 404 (402)" if duration == 402 else f"({duration:g})")


def test_samples_off_the_clock_are_refused() -> None:
    custom = {"custom": {"samples": [1.0] * 42}}

    assert "rounding up would give 44 (42)" in refusal({"pulse": {"channel": "rydberg_global", "amplitude": custom}})


def test_parts_off_the_clock_may_add_up_to_a_pulse_on_it() -> None:
    parts = [{"constant": {"duration_ns": n, "value": 1}} for n in (17, 19)]
    fitting = {"pulse": {"channel": "rydberg_global", "amplitude": {"composite": parts}}}

    assert not check(program(fitting))
    assert planned(fitting).schedule((), {}).duration_ns == 36


def test_amplitude_and_detuning_of_different_lengths_are_refused() -> None:
    ramp = {"ramp": {"duration_ns": 44, "start": 0, "stop": 1}}

    assert refusal(pulse(detuning=ramp)) == "body[0].pulse: amplitude, detuning and phase must last equally long"


# --- channels and atoms ---


def test_a_local_pulse_must_name_its_atoms() -> None:
    assert "must name its atoms: the channel is local" in refusal(pulse("rydberg_local"))
    assert "must name its atoms: the channel is local" in refusal(pulse("raman_local", atoms="all"))


def test_a_global_pulse_names_no_atoms() -> None:
    assert refusal(pulse(atoms="a")) == (
        "body[0].pulse.atoms: a pulse on rydberg_global acts on all atoms: it names none"
    )
    assert not check(program(pulse(atoms="all")))


def test_more_targets_than_the_channel_has_beams_are_refused() -> None:
    message = refusal(pulse("raman_local", atoms=["a", "b"]))

    assert message.startswith("body[0].pulse: ")
    assert "1" in message
    assert not check(program(pulse("raman_local", atoms=["a", "b"]), device="MockDevice"))


def test_atoms_of_different_phase_references_cannot_share_a_pulse() -> None:
    shift = {"phase_shift": {"atoms": "a", "angle": 0.3}}

    message = refusal(shift, pulse("raman_local", atoms=["a", "b"]), device="MockDevice")

    assert message == "body[1].pulse: one pulse cannot act on atoms with different phase references"


def test_a_pulse_cannot_start_with_the_previous_one_on_a_busy_channel() -> None:
    message = refusal(pulse("raman_local", atoms="a"), pulse("raman_local", atoms="a", **{"with": "previous"}))

    assert message == "body[1].pulse: cannot start with the previous block, its channel is busy until 40 ns"


def test_two_detuning_maps_of_one_segment_must_have_the_same_weights() -> None:
    down = {"constant": {"duration_ns": 40, "value": -1}}
    maps = [{"detuning_map": {"weights": weights, "detuning": down}} for weights in ({"a": 1.0}, {"b": 1.0})]

    assert refusal(*maps) == "body[1].detuning_map.weights: a segment can hold one detuning map per DMM channel"


# --- times ---


def starts(*body: Any, device: str = "DigitalAnalogDevice") -> list[tuple[int, int]]:
    return [(drive.start, drive.stop) for drive in planned(*body, device=device).schedule((), {}).drives]


def test_pulses_of_one_channel_follow_each_other() -> None:
    assert starts(pulse(), pulse(duration_ns=100), pulse()) == [(0, 40), (40, 140), (140, 180)]


def test_pulses_of_two_channels_on_other_atoms_begin_together() -> None:
    assert starts(pulse("raman_local", atoms="a"), pulse("rydberg_local", atoms="b")) == [(0, 40), (0, 40)]


def test_pulses_of_two_channels_on_one_atom_wait_for_each_other() -> None:
    assert starts(pulse("raman_local", atoms="a"), pulse("rydberg_local", atoms="a")) == [(0, 40), (40, 80)]


def test_a_pulse_with_the_previous_one_begins_when_that_does() -> None:
    first, second = pulse("raman_local", atoms="a"), pulse("raman_local", atoms="a")

    assert starts(first, second, pulse("rydberg_local", 100, atoms="b", **{"with": "previous"})) == [
        (0, 40), (40, 80), (40, 140),
    ]  # fmt: skip


def test_a_wait_holds_all_channels_back_or_one() -> None:
    first, last = pulse("raman_local", atoms="a"), pulse()

    assert starts(first, {"delay": {"duration_ns": 100}}, last) == [(0, 40), (140, 180)]
    assert starts(first, {"delay": {"duration_ns": 100, "channel": "rydberg_global"}}, last) == [(0, 40), (100, 140)]


def test_a_wait_of_a_local_channel_does_not_aim_it_at_another_atom() -> None:
    wait = {"delay": {"duration_ns": 100, "channel": "rydberg_local"}}

    assert starts(wait, pulse("rydberg_local", atoms="b")) == [(100, 140)]


def test_an_alignment_waits_for_every_channel() -> None:
    first, last = pulse("raman_local", atoms="a"), pulse("rydberg_local", atoms="b")

    assert starts(first, {"align": {}}, last) == [(0, 40), (40, 80)]


def test_a_new_target_takes_the_time_that_the_device_asks_for() -> None:
    moved = [pulse("raman_local", atoms="a"), pulse("raman_local", atoms="b")]

    assert starts(*moved) == [(0, 40), (220, 260)]
    assert starts(*moved, device="MockDevice") == [(0, 40), (40, 80)]


# --- plans ---


def test_timing_depends_on_durations_and_not_on_amplitudes() -> None:
    head = {"set": {"x": 0, "y": 0}}
    steady = planned(head, pulse(level="x", phase="y"), {"rotate": {"atom": "a", "angle": "x"}})
    elastic = planned(head, pulse(duration_ns="40 + 4 * x", level="y"))

    assert steady.timing == ()
    assert [str(expression) for expression in elastic.timing] == ["40 + 4 * x"]


def test_timing_depends_on_phases_where_a_change_of_phase_takes_time() -> None:
    head = {"set": {"x": 0}}

    assert [str(e) for e in planned(head, pulse(phase="x"), device="AnalogDevice").timing] == ["x"]


def test_a_plan_knows_which_atoms_it_touches_and_excites() -> None:
    plan = planned(pulse("raman_local", atoms="a"), pulse("rydberg_local", atoms="b"))

    assert plan.touched == {0, 1}
    assert plan.excited == {1}
    assert planned(pulse()).excited == {0, 1, 2}


def test_a_plan_knows_what_steers_each_atom() -> None:
    plan = planned(
        {"set": {"x": 0, "y": 0}}, *({"rotate": {"atom": n, "angle": e}} for n, e in (("a", "x"), ("b", "y")))
    )

    assert [str(e) for e in plan.controls_of((0,))] == ["x"]
    assert [str(e) for e in plan.controls_of((0, 1))] == ["x", "y"]
    assert plan.controls_of((2,)) == ()


def test_a_segment_of_phase_shifts_takes_no_time() -> None:
    plan = planned({"rotate": {"atom": "a", "axis": "z", "angle": 0.3}})

    assert plan.schedule((), {}).duration_ns == 0
    assert [(atom, level) for atom, level, _ in plan.schedule((), {}).frame] == [(0, "h")]


def test_a_wait_alone_lasts_in_pulser_too() -> None:
    plan = planned(pulse(), {"delay": {"duration_ns": 200}})
    alone = planned({"delay": {"duration_ns": 200}})

    assert to_pulser(plan, {}).get_duration() == plan.schedule((), {}).duration_ns == 240
    assert to_pulser(alone, {}).get_duration() == alone.schedule((), {}).duration_ns == 200


def test_building_a_sequence_leaves_plan_and_schedule_alone() -> None:
    plan = planned(pulse(), {"delay": {"duration_ns": 200}}, pulse())
    before = plan.schedule((), {})

    to_pulser(plan, {})

    assert plan.schedule((), {}) is before


@pytest.mark.parametrize("turns", [1, 2])
def test_wrapped_angles_turn_the_same_way_and_no_further_than_they_must(turns: int) -> None:
    angles = np.linspace(-20, 20, 401)

    made = wrapped(angles, turns * np.pi)

    assert np.allclose(np.exp(1j * made / turns), np.exp(1j * angles / turns))
    assert (made >= -turns * np.pi).all()
    assert (made < turns * np.pi).all()


def test_a_gate_without_its_channel_is_refused_by_name() -> None:
    with pytest.raises(CapabilityError, match="AnalogDevice has no local channel in the digital basis"):
        planned({"rotate": {"atom": "a", "angle": 1}}, device="AnalogDevice")
