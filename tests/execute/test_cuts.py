"""Nothing depends on where segments end: looking and remembering change no outcome and no time."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pulser
import pytest
from numpy.typing import NDArray
from pulser.channels import Raman, Rydberg
from pulser.devices import VirtualDevice
from pulser.sampler import sample

import rydberg_qmem as rq
from rydberg_qmem.errors import CapabilityError, QmemError
from rydberg_qmem.language.blocks import Repeat
from rydberg_qmem.language.expressions import Expression

Body = list[dict[str, Any]]
PLACES = {"a": (-3.5, 0.0), "b": (3.5, 0.0)}
READ = {"measure": {"atoms": "all", "key": "m"}}
TURNING = VirtualDevice(
    name="Turning", dimensions=2, rydberg_level=60,
    channel_objects=(
        Rydberg.Global(None, None, clock_period=4, min_duration=16, mod_bandwidth=10, max_duration=None),
        Rydberg.Local(None, None, max_targets=1, min_retarget_interval=120, fixed_retarget_t=40, clock_period=4,
                      min_duration=16, mod_bandwidth=8, max_duration=None),
        Raman.Local(None, None, max_targets=1, min_retarget_interval=220, fixed_retarget_t=0, clock_period=4,
                    min_duration=16, max_duration=None),
    ),
)  # fmt: skip
"""Channels that fade and have to be turned, with numbers that no other device has."""
DEVICES: tuple[tuple[Any, bool], ...] = (
    ("MockDevice", False), ("AnalogDevice", False), ("AnalogDevice", True), ("DigitalAnalogDevice", False),
    (TURNING, False), (TURNING, True),
)  # fmt: skip


def program(body: Body, device: Any, modulated: bool, memory: bool = True) -> rq.Program:
    return rq.Program(
        name="cut", device=device, register=pulser.Register(PLACES), body=[*body, READ], with_modulation=modulated,
        memory={"x": {"initial": 0.0}, "y": {"initial": 1.0}, "w": {"window": 3, "initial": 0.5}} if memory else {},
    )  # fmt: skip


# --- programs of pulses, as they are written and with something in between ---


def level(rng: np.random.Generator) -> float:
    return float(np.round(rng.uniform(2.5, 6.0), 2))


def pulse(rng: np.random.Generator, channels: tuple[str, ...]) -> dict[str, Any]:
    channel, duration = str(rng.choice(channels)), 4 * int(rng.integers(5, 30))
    shape = {"constant": {"duration_ns": duration, "value": level(rng)}}
    if rng.random() < 0.4:
        shape = {
            "blackman": {"duration_ns": duration, "area": float(np.round(duration * rng.uniform(1, 2.2) / 1000, 3))}
        }
    made: dict[str, Any] = {"channel": channel, "amplitude": shape, "phase": float(rng.choice([0, 0, 0.5, 2.0]))}
    if channel.endswith("local"):
        made["atoms"] = str(rng.choice(["a", "b"]))
    if rng.random() < 0.3:
        made["detuning"] = float(np.round(rng.uniform(-3, 3), 2))
    if rng.random() < 0.2:
        made["protocol"] = str(rng.choice(["no-delay", "wait-for-all"]))
    if rng.random() < 0.15 and channel.endswith("global"):
        made["post_phase_shift"] = 0.7
    return {"pulse": made}


def in_eom_mode(rng: np.random.Generator) -> Body:
    body: Body = [{"enable_eom_mode": {"channel": "rydberg_global", "amp_on": 6.0, "detuning_on": 0.0,
                                       "correct_phase_drift": bool(rng.random() < 0.5)}}]  # fmt: skip
    for _ in range(int(rng.integers(1, 3))):
        body.append({"add_eom_pulse": {"channel": "rydberg_global", "duration_ns": 4 * int(rng.integers(5, 20)),
                                       "phase": float(rng.choice([0, 0.8]))}})  # fmt: skip
    return [*body, {"disable_eom_mode": {"channel": "rydberg_global"}}]


def blocks(rng: np.random.Generator, device: Any) -> Body:
    if device == "AnalogDevice":
        channels: tuple[str, ...] = ("rydberg_global",)
    else:
        channels = ("rydberg_global", "rydberg_local", "raman_local")
    body: Body = []
    for _ in range(int(rng.integers(2, 6))):
        kind = rng.random()
        if kind < 0.65:
            body.append(pulse(rng, channels))
        elif kind < 0.75:
            body.append({"delay": {"duration_ns": 4 * int(rng.integers(0, 20))}})
        elif kind < 0.82:
            body.append({"align": {}})
        elif kind < 0.9:
            body.append({"phase_shift": {"atoms": "all", "angle": 0.9, "basis": "ground-rydberg"}})
        elif device == "AnalogDevice":
            body += in_eom_mode(rng)
        elif device == "MockDevice":
            body.append(
                {
                    "detuning_map": {
                        "channel": "dmm_0",
                        "weights": {"a": 0.5, "b": 1.0},
                        "detuning": {"constant": {"duration_ns": 4 * int(rng.integers(5, 30)), "value": -3.0}},
                        "protocol": str(rng.choice(["no-delay", "min-delay"])),
                    }
                }
            )
        else:
            body.append(pulse(rng, ("rydberg_global",)))
    if device == "MockDevice" and rng.random() < 0.3:
        body.insert(0, {"slm_mask": {"atoms": ["b"], "channel": "dmm_0"}})
    return [pulse(rng, channels), *body]


def nothing(rng: np.random.Generator, number: str, depth: int = 0) -> dict[str, Any]:
    """Return a block that only looks or only remembers, or control flow of such blocks."""
    if rng.random() < 0.3 and depth < 3:
        inner = [nothing(rng, f"{number}_{k}", depth + 1) for k in range(int(rng.integers(1, 4)))]
        kind = rng.random()
        if kind < 0.6:
            return {"repeat": {"times": int(rng.integers(1, 4)), "body": inner, "name": f"r{number}"}}
        if kind < 0.8:
            return {"when": {"if": str(rng.choice(["x > 0", "k > 1", "y == 0"])).replace("k", "k" if depth else "x"),
                             "then": inner}}  # fmt: skip
        return {"for_each": {"atom": ["a"], "body": inner}}
    made: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"probe": {"atoms": "all", "pauli": ["X", "Y", "Z"], "key": f"p{number}"}},
        lambda: {"probe": {"atoms": "a", "occupation": True, "key": f"p{number}"}},
        lambda: {"set": {"x": "x + 1"}},
        lambda: {"push": {"w": "x"}},
        lambda: {"when": {"if": "x > 0", "then": [{"set": {"x": "-x"}}], "otherwise": [{"set": {"x": 1}}]}},
        lambda: {"when": {"if": "x > 0", "then": []}},
    )
    return made[int(rng.integers(len(made)))]()


def cut(rng: np.random.Generator, body: Body, prefix: str = "") -> Body:
    """Return a body with blocks that do nothing in between, and phases that memory gives.

    Pulses that may overlap keep theirs: whether they are in phase must be known before the run.
    """
    made: Body = []
    apart = not any(block.get("pulse", {}).get("protocol") == "no-delay" for block in body)
    for k, block in enumerate(body):
        if "pulse" in block and apart and rng.random() < 0.3:
            phase = block["pulse"]["phase"]
            made.append({"set": {"y": phase}})
            block = {"pulse": block["pulse"] | {"phase": "y"}}
        made.append(block)
        if rng.random() < 0.6:
            made += [nothing(rng, f"{prefix}{2 * k + n}") for n in range(int(rng.integers(1, 3)))]
    return made


def played(made: rq.Program) -> tuple[NDArray[np.float64], float]:
    """Return what is read on average, and the laboratory time when it is, from a second round that is not measured."""
    twice = made.model_copy(update={"body": (Repeat(times=Expression(2), body=made.body),)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record = rq.run(twice, shots=None)
    return np.asarray(record["m"].values), float(record["time_us"].values[1])


def cases(count: int, first: int = 0) -> Iterator[tuple[int, np.random.Generator, Any, bool]]:
    for seed in range(first, first + count):
        device, modulated = DEVICES[seed % len(DEVICES)]
        yield seed, np.random.default_rng(seed), device, modulated


def differing(count: int) -> tuple[int, list[int]]:
    """Return how many programs could be played, and those whose outcomes or times differ once they are cut."""
    tried, found = 0, []
    for seed, rng, device, modulated in cases(count):
        body = blocks(rng, device)
        modulated = modulated and not any("slm_mask" in block for block in body)
        whole = program(body, device, modulated)
        if rq.check(whole):
            continue
        tried += 1
        wanted, time = played(whole)
        pieces = program(cut(rng, body), device, modulated)
        try:
            got, took = played(pieces)
        except QmemError:
            found.append(seed)
            continue
        if np.abs(got - wanted).max() > 1e-9 or took != time:
            found.append(seed)
    return tried, found


def test_looking_and_remembering_anywhere_change_no_outcome_and_no_time() -> None:
    tried, found = differing(18)

    assert tried > 12
    assert found == []


# --- rounds are their bodies written out; a branch begins and ends with a cut ---


def looped(rng: np.random.Generator, body: Body, depth: int = 0) -> tuple[Body, Body]:
    """Return a body with repeats around some of its blocks, one in another, and the same written out."""
    first, last = sorted(int(k) for k in rng.integers(0, len(body) + 1, 2))
    inner: Body = body[first:last] or body
    written = inner
    if depth < 2 and rng.random() < 0.4:
        inner, written = looped(rng, inner, depth + 1)
    if rng.random() < 0.3:
        inner = cut(rng, inner, f"{depth}x")
    times = int(rng.integers(1, 4))
    loop = {"repeat": {"times": times, "body": inner, "counter": f"k{depth}"}}
    return [*body[:first], loop, *body[last:]], [*body[:first], *written * times, *body[last:]]


def rounds_differing(count: int, first: int = 0) -> tuple[int, list[int]]:
    """Return how many programs could be played, and those whose repeats do other than their bodies written out."""
    tried, found = 0, []
    for seed, rng, device, modulated in cases(count, first):
        body = blocks(rng, device)
        modulated = modulated and not any("slm_mask" in block for block in body)
        rounds, written = looped(rng, body)
        whole = program(written, device, modulated)
        if rq.check(whole):
            continue
        tried += 1
        wanted, time = played(whole)
        try:
            got, took = played(program(rounds, device, modulated))
        except QmemError:
            found.append(seed)
            continue
        if np.abs(got - wanted).max() > 1e-9 or took != time:
            found.append(seed)
    return tried, found


CUT: dict[str, Any] = {"when": {"if": "y > 9", "then": [{"phase_shift": {"atoms": "all", "angle": 0}}]}}
"""A branch that takes no time and does nothing: a cut and no more."""


def sides_differing(count: int, first: int = 0) -> tuple[int, list[int]]:
    """Return how many programs could be played, and those whose branch does other than its side between two cuts.

    On a device whose light does not fade, a cut is an `align`.
    """
    tried, found = 0, []
    for seed, rng, device, modulated in cases(count, first):
        body = [block for block in blocks(rng, device) if not {"slm_mask", "detuning_map"} & block.keys()]
        before, side, after = [body[0]], [pulse(rng, ("rydberg_global",))], body[1:]
        taken = bool(rng.random() < 0.5)
        branch = {"when": {"if": "y > 0", ("then" if taken else "otherwise"): side}}
        ends: tuple[dict[str, Any], ...] = (CUT, {"align": {}}) if device == "MockDevice" else (CUT,)
        for chosen, end in itertools.product((True, False), ends):
            setting = {"set": {"y": float(chosen == taken)}}
            held = [*before, end]
            idle = lasting([*held, *side], device, modulated) - lasting(held, device, modulated)
            instead = side if chosen else [{"delay": {"duration_ns": idle}}]
            whole = program([*held, *instead, end, *after], device, modulated)
            if rq.check(whole):
                continue
            tried += 1
            wanted, time = played(whole)
            got, took = played(program([setting, *before, branch, *after], device, modulated))
            rounds = 2 if chosen else 1  # in a later one the other side may take longer
            if np.abs(got - wanted)[:rounds].max() > 1e-9 or took != time:
                found.append(seed)
    return tried, found


def lasting(side: Body, device: Any, modulated: bool) -> int:
    """Return how long (ns) blocks take, until their light has faded."""
    return round(1000 * played(program(side, device, modulated))[1])


def test_rounds_mean_their_body_written_out() -> None:
    tried, found = rounds_differing(18)

    assert tried > 10
    assert found == []


def test_a_branch_is_its_side_between_two_cuts() -> None:
    tried, found = sides_differing(7)

    assert tried > 8
    assert found == []


def look(key: str) -> dict[str, Any]:
    return {"probe": {"atoms": "all", "occupation": True, "key": key}}


def record_of(body: Body, modulated: bool = True) -> Any:
    return rq.run(program(body, "AnalogDevice", modulated), shots=None)


def test_modulated_light_goes_on_from_round_to_round() -> None:
    rounds, line, apart = (record_of(body).m.values for body in (
        [{"repeat": {"times": 2, "body": [half()]}}], [half(), half()], [half(), CUT, half()]
    ))  # fmt: skip

    assert np.abs(rounds - line).max() < 1e-12
    assert np.abs(rounds - apart).max() > 0.01


def test_rounds_written_out_are_recorded_round_by_round() -> None:
    turn = [{"set": {"x": "x + k"}}, half(), look("p")]
    made = record_of([half(), {"repeat": {"times": 3, "body": turn}}, half()])
    lines = [block for k in range(3) for block in (half(), look(f"p{k}"))]
    written = record_of([half(), *lines, half()])

    assert made.x.values == pytest.approx([0, 0, 1])
    assert float(made.x_final) == 3
    assert np.abs(made.p.values - [written[f"p{k}"].values for k in range(3)]).max() < 1e-12
    assert made.time_us.values == pytest.approx([0.5, 1.0, 1.5])
    assert made.m.values == pytest.approx(written.m.values)


def test_sides_and_rounds_that_only_look_are_those_of_their_time() -> None:
    """What decides on a look is what memory was there, not what it becomes before a later pulse."""
    looks = {"repeat": {"times": 3, "body": [{"set": {"x": "x + k"}}, {"when": {"if": "x > 0", "then": [look("p")]}}]}}
    made = record_of([half(), looks, {"set": {"x": -1}}, half()])

    seen = float(record_of([half(), look("p"), half()]).p[0])
    assert np.isnan(made.p.values[0]).all()
    assert made.p.values[1:] == pytest.approx(seen)
    assert made.time_us.values == pytest.approx([0.5, 0.5, 0.5])


def test_rounds_in_rounds_written_out_keep_their_dimensions() -> None:
    short = {"pulse": {"channel": "rydberg_global", "amplitude": {"constant": {"duration_ns": 100, "value": 2.0}}}}
    inner = {"repeat": {"times": 2, "body": [{"repeat": {"times": 3, "body": [short, look("p")]}}]}}
    made = record_of([{"repeat": {"times": 2, "body": [inner, {"repeat": {"times": 4, "body": [look("q")]}}, short]}}])

    assert (made.p.dims[:-1], made.p.shape) == (("round", "round_2", "round_3"), (2, 2, 3, 2))
    assert (made.q.dims[:-1], made.q.shape) == (("round", "round_4"), (2, 4, 2))
    assert np.isfinite(made.p.values).all()
    assert np.isfinite(made.q.values).all()


def test_inputs_of_a_round_reach_its_pulses() -> None:
    def of(body: Body) -> dict[str, Any]:
        return {"name": "p", "device": "AnalogDevice", "register": {"atoms": {"a": (0, 0), "b": (7, 0)}},
                "with_modulation": True, "inputs": {"u": {"default": "0.3 + k", "rounds": 3}},
                "body": [*body, READ]}  # fmt: skip

    made = of([{"repeat": {"over": "u", "body": [half("u")]}}])
    written = of([half(0.3), half(1.3), half(2.3)])
    written.pop("inputs")

    one, other = (rq.run(rq.Program.from_dict(data), shots=None).m.values for data in (made, written))

    assert np.abs(one - other).max() < 1e-12


def test_more_rounds_than_one_sequence_holds_are_refused_by_name() -> None:
    shape = {"constant": {"duration_ns": 16, "value": 1.0}}
    short = {"pulse": {"channel": "rydberg_global", "amplitude": shape}}
    [problem] = rq.check(program([{"repeat": {"times": 501, "body": [short]}}], TURNING, True))

    assert "modulated light still fades" in str(problem)
    assert "at most 1000 blocks" in str(problem)
    assert not rq.check(program([{"repeat": {"times": 501, "body": [short]}}], TURNING, False))


@pytest.mark.slow
def test_rounds_and_branches_mean_what_is_written_out_in_hundreds_of_programs() -> None:
    rounds, wrong = rounds_differing(600, first=1000)
    sides, other = sides_differing(120, first=1000)

    assert rounds > 400
    assert sides > 100
    assert (wrong, other) == ([], [])


@pytest.mark.slow
def test_looking_and_remembering_change_nothing_in_hundreds_of_programs() -> None:
    tried, found = differing(600)

    assert tried > 500
    assert found == []


# --- what Pulser keeps between pulses ---


def half(phase: float | str = 0.0) -> dict[str, Any]:
    shape = {"blackman": {"duration_ns": 500, "area": "pi / 2"}}
    return {"pulse": {"channel": "rydberg_global", "amplitude": shape, "phase": phase}}


@pytest.mark.parametrize("device", ["AnalogDevice", "DigitalAnalogDevice", "MockDevice"])
@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("between", [{"probe": {"atoms": "all", "occupation": True, "key": "z"}}, {"set": {"x": 1}}])
def test_a_pause_between_phases_belongs_to_the_program(device: str, modulated: bool, between: dict[str, Any]) -> None:
    whole, cut_in_two = (program(body, device, modulated) for body in ([half(), half(1)], [half(), between, half(1)]))

    (wanted, time), (got, took) = played(whole), played(cut_in_two)
    assert np.abs(got - wanted).max() < 1e-12
    assert took == time


def test_two_probes_may_look_at_one_time_while_a_pulse_plays() -> None:
    long, short = (
        {"pulse": {"channel": channel, "atoms": atom, "amplitude": {"constant": {"duration_ns": ns, "area": 1.0}}}}
        for channel, atom, ns in (("rydberg_local", "a", 200), ("raman_local", "b", 80))
    )
    looks = [{"probe": {"atoms": "all", "pauli": ["Z"], "key": f"z{k}"}} for k in range(2)]

    whole = program([long, short, long], "MockDevice", False)
    looked = program([long, looks[0], short, looks[1], long], "MockDevice", False)

    assert np.abs(played(looked)[0] - played(whole)[0]).max() < 1e-12
    assert played(looked)[1] == played(whole)[1]


def test_a_measurement_of_another_atom_keeps_the_pause_between_phases() -> None:
    look = {"measure": {"atoms": "b", "key": "k"}}
    together, apart = (program(body, "AnalogDevice", False) for body in ([half(), half(1)], [half(), look, half(1)]))

    assert played(apart)[1] == played(together)[1]


def test_a_channel_is_turned_only_to_atoms_that_it_is_not_aimed_at() -> None:
    short = {"constant": {"duration_ns": 200, "area": "pi / 2"}}
    body = [{"pulse": {"channel": "rydberg_local", "atoms": atom, "amplitude": short}} for atom in "abba"]
    device = VirtualDevice(
        name="L", dimensions=2, rydberg_level=60,
        channel_objects=(Rydberg.Local(None, None, max_targets=1, min_retarget_interval=0, fixed_retarget_t=0,
                                       mod_bandwidth=8, max_duration=None),),
    )  # fmt: skip
    sequence = pulser.Sequence(pulser.Register(PLACES), device)
    sequence.declare_channel("l", "rydberg_local", initial_target="a")
    for atom in "abba":
        if atom not in sequence._schedule["l"][-1].targets:
            sequence.target(atom, "l")
        sequence.add(pulser.Pulse.ConstantDetuning(pulser.ConstantWaveform(200, np.pi / 2 / 0.2), 0, 0), "l")

    [piece] = program(body, device, False).to_pulser()

    assert piece.sequence.get_duration() == sequence.get_duration() == 1140
    assert np.allclose(sample(piece.sequence).channel_samples["rydberg_local"].amp.as_array(),
                          sample(sequence).channel_samples["l"].amp.as_array())  # fmt: skip


def test_a_beam_that_stands_on_another_atom_is_turned_after_a_measurement() -> None:
    def flip(atom: str) -> dict[str, Any]:
        return {"pulse": {"channel": "raman_local", "atoms": atom, "amplitude": {"constant": {"duration_ns": 100,
                                                                                        "area": "pi"}}}}  # fmt: skip

    look = {"measure": {"atoms": "a", "key": "k"}}
    together, apart = (
        program(body, "DigitalAnalogDevice", False) for body in ([flip("a"), flip("b")], [flip("a"), look, flip("b")])
    )

    assert played(apart)[1] == played(together)[1] == 0.32


def test_two_pulses_wait_as_long_whether_a_round_or_a_line_is_between_them() -> None:
    once, line = [half(), half(1)], [half(), half(1), half(), half(1)]
    rounds = program([{"repeat": {"times": 2, "body": once}}], "AnalogDevice", False)

    assert played(rounds)[1] == played(program(line, "AnalogDevice", False))[1]


# --- waits of zero ---


@pytest.mark.parametrize("device", ["MockDevice", "AnalogDevice", "DigitalAnalogDevice"])
@pytest.mark.parametrize("channel", [None, "rydberg_global"])
def test_a_sweep_of_waits_begins_at_zero(device: str, channel: str | None) -> None:
    shape = {"constant": {"duration_ns": 200, "area": "pi / 2"}}
    turn = {"pulse": {"channel": "rydberg_global", "amplitude": shape}}
    wait = {"delay": {"duration_ns": "T"} | ({"channel": channel} if channel else {})}
    ramsey = rq.Program(
        name="ramsey", device=device, register={"atoms": {"q": (0, 0)}}, parameters={"T": 100},
        body=[turn, wait, turn, READ],
    )  # fmt: skip

    record = rq.run(ramsey, shots=None, sweep={"T": [0, 100, 200]})

    assert record["m"].values == pytest.approx([1, 1, 1], abs=1e-9)
    for wrong in (-100, 0.5):
        with pytest.raises((CapabilityError, rq.ProgramError), match="duration_ns"):
            rq.run(ramsey, shots=None, parameters={"T": wrong})


def test_a_wait_that_the_run_decides_may_be_zero() -> None:
    body = [half(), {"measure": {"atoms": "a", "key": "k"}}, {"delay": {"duration_ns": "100 * k"}}, half()]

    made = program(body, "MockDevice", False)

    assert rq.check(made) == []
    assert np.isfinite(played(made)[0]).all()


# --- a sequence is as long as the run makes it: with the pauses after what was played before ---

LONGEST = 6000
FIRST = {"pulse": {"channel": "rydberg_global", "amplitude": 4.0, "duration_ns": 200}}
BEFORE: dict[str, Body] = {
    "measured": [FIRST, {"measure": {"atoms": "a", "key": "k"}}],
    "reset": [FIRST, {"reset": {"atoms": "a"}}],
    "measured, and a wait": [FIRST, {"measure": {"atoms": "a", "key": "k"}}, {"delay": {"duration_ns": 100}}],
    "in rounds": [],
    "in a branch": [
        FIRST, {"measure": {"atoms": "a", "key": "k"}},
        {"when": {"if": "k.a == 1", "then": [FIRST], "otherwise": [FIRST]}},
    ],
}  # fmt: skip


def near_the_limit(case: str, duration_ns: int) -> rq.Program:
    """Return a program whose last pulse has another phase than the light before it."""
    last = {"pulse": {"channel": "rydberg_global", "amplitude": 4.0, "phase": 1.0, "duration_ns": duration_ns}}
    body = [*BEFORE[case], last]
    if case == "in rounds":
        end = {"measure": {"atoms": "a", "key": "k"}}
        body = [{"repeat": {"times": 3, "counter": "i", "body": [last, end, FIRST, end]}}]
    return program(body, "AnalogDevice", False, memory=False)


@pytest.mark.parametrize("case", BEFORE)
def test_check_tells_of_a_sequence_that_pauses_make_too_long(case: str) -> None:
    told, ran = [], []
    for duration_ns in range(LONGEST - 400, LONGEST + 8, 100):
        made = near_the_limit(case, duration_ns)
        told.append(not rq.check(made))
        try:
            rq.run(made, shots=4, seed=1, max_seconds=60)
            ran.append(True)
        except QmemError:
            ran.append(False)

    assert told == ran
    assert {True, False} <= set(ran)


def test_pauses_pass_while_atoms_are_measured_on_a_machine() -> None:
    machine = rq.HardwareProfile(imaging_us=10.0)
    made = near_the_limit("measured", LONGEST)

    assert "with the pause" in str(rq.check(made)[0])
    assert not rq.check(made, hardware=machine)
    assert rq.run(made, shots=4, seed=1, hardware=machine).sizes["shot"] == 4
