"""The check before a run: each rule's message, its place, and how little it costs to say no."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import rydberg_qmem as rq
from rydberg_qmem.errors import ProgramError
from rydberg_qmem.verification._findings import path_of
from tests.strategies import programs

ATOMS = {"a": [0, 0], "b": [7, 0]}
PULSE = {"pulse": {"channel": "rydberg_global", "amplitude": {"constant": {"duration_ns": 40, "value": 2.0}}}}
MEASURE = {"measure": {"atoms": "a", "key": "m"}}


def program(*body: Any, device: str = "DigitalAnalogDevice", atoms: Any = ATOMS, **more: Any) -> rq.Program:
    return rq.Program(name="p", device=device, register={"atoms": atoms}, body=body, **more)


def problems(*body: Any, **more: Any) -> list[str]:
    return [str(problem) for problem in rq.check(program(*body, **more))]


def problem(*body: Any, **more: Any) -> str:
    [only] = problems(*body, **more)
    return only


def turn(angle: Any, atom: str = "a", **more: Any) -> dict[str, Any]:
    return {"rotate": {"atom": atom, "angle": angle, **more}}


def driven(level: Any, **more: Any) -> dict[str, Any]:
    shape = {"constant": {"duration_ns": 40, "value": level}}
    return {"pulse": {"channel": "rydberg_global", "amplitude": shape, **more}}


def repeat(*body: Any, times: Any = 2, **more: Any) -> dict[str, Any]:
    return {"repeat": {"times": times, "body": body, **more}}


@contextmanager
def within_a_second() -> Iterator[None]:
    rq.check(program(PULSE))  # imports Pulser
    began = time.process_time()
    yield
    assert time.process_time() - began < 1


@pytest.fixture(autouse=True)
def second(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every program here is judged within a second; a test that draws several times each of them itself."""
    with nullcontext() if hasattr(request.function, "hypothesis") else within_a_second():
        yield


# --- names ---


def test_an_unknown_name_is_met_with_a_near_one() -> None:
    message = problem(turn("2 * rabbi"), parameters={"rabi": 1})

    assert message == "body[0].rotate.angle: is not a known name here; did you mean 'rabi'? ('rabbi')"


def test_an_unknown_atom_is_met_with_a_near_one() -> None:
    atoms = {"system": [0, 0], "ancilla": [7, 0]}

    message = problem({"reset": {"atoms": ["system", "ancila"]}}, atoms=atoms)

    assert message == "body[0].reset.atoms: must be an atom of the register; did you mean 'ancilla'? ('ancila')"


@pytest.mark.parametrize(
    ("block", "place"),
    [
        (turn(1, "x"), "body[0].rotate.atom"),
        ({"cz": {"control": "x", "target": "b"}}, "body[0].cz.control"),
        ({"cnot": {"control": "a", "target": "x"}}, "body[0].cnot.target"),
        ({"damp": {"system": "x", "ancilla": "b", "probability": 0.1}}, "body[0].damp.system"),
        ({"beam_splitter": {"system": "a", "ancilla": "x", "reflectivity": 1}}, "body[0].beam_splitter.ancilla"),
        ({"phase_shift": {"atoms": ["a", "x"], "angle": 1}}, "body[0].phase_shift.atoms"),
        ({"measure": {"atoms": "x", "key": "m"}}, "body[0].measure.atoms"),
        ({"probe": {"atoms": "x", "key": "n", "occupation": True}}, "body[0].probe.atoms"),
        ({"for_each": {"atom": ["a", "x"], "body": []}}, "body[0].for_each.atom"),
        ({"detuning_map": {"weights": {"x": 1}, "detuning": {"constant": {"duration_ns": 40, "value": -1}}}},
         "body[0].detuning_map.weights.x"),
    ],
)  # fmt: skip
def test_every_block_that_names_an_atom_is_looked_at(block: Any, place: str) -> None:
    assert problem(block) == f"{place}: must be an atom of the register; known: a, b ('x')"


def test_an_unknown_channel_is_met_with_a_near_one() -> None:
    wrong = {"pulse": {**PULSE["pulse"], "channel": "rydberg_globl"}}

    assert problem(wrong) == (
        "body[0].pulse.channel: must be a channel of DigitalAnalogDevice; did you mean 'rydberg_global'? "
        "('rydberg_globl')"
    )
    assert "body[0].delay.channel: must be a channel" in problem({"delay": {"duration_ns": 40, "channel": "x"}})


def test_an_unknown_device_is_met_with_a_near_one() -> None:
    assert problem(PULSE, device="AnalogDevise") == ("device: no device 'AnalogDevise'; did you mean 'AnalogDevice'?")


def test_a_key_may_not_be_read_before_it_is_measured() -> None:
    where = "body[0].rotate.angle: is a key that is not measured yet at this point"
    message = f"{where}: measure it above, or keep a value in memory ('m')"

    assert problem(turn("m"), MEASURE) == message
    assert not problems(MEASURE, turn("m"))
    damp = {"damp": {"system": "b", "ancilla": "a", "probability": 0.1, "key": "m"}}
    assert problem(turn("m"), damp) == message


def test_an_input_has_a_value_only_inside_its_repeat() -> None:
    inputs = {"u": {"default": "k", "rounds": 3}}

    assert problem(turn("u"), inputs=inputs) == (
        "body[0].rotate.angle: is an input: it has a value only inside a repeat over it ('u')"
    )
    assert not problems({"repeat": {"over": "u", "body": [turn("u")]}}, inputs=inputs)


def test_a_counter_has_a_value_only_inside_its_repeat() -> None:
    assert "is not a known name here" in problem(repeat(turn("n"), counter="n"), turn("n"))


@pytest.mark.parametrize("name", ["shot", "point", "time_us", "pi", "x_final", "x__"])
def test_reserved_names_are_refused(name: str) -> None:
    assert problem(PULSE, parameters={name: 1}) == f"parameters.{name}: is a reserved name ({name})"
    assert problem(PULSE, memory={name: {}}) == f"memory.{name}: is a reserved name ({name})"
    assert "must not be a key or a reserved name" in problem({"set": {name: 1}})
    assert "must not be a reserved name" in problem({"measure": {"atoms": "a", "key": name}})


def test_one_name_may_stand_for_one_thing_only() -> None:
    assert problem(PULSE, parameters={"x": 1}, memory={"x": {}}) == (
        "memory.x: is already the name of one of the parameters (x)"
    )
    assert "must not be a reserved name or that of a parameter" in problem(MEASURE, parameters={"m": 1})
    assert "must be memory, not a parameter, input or counter" in problem({"set": {"x": 1}}, parameters={"x": 1})
    assert "must not be the name of anything else" in problem(repeat(PULSE, counter="x"), parameters={"x": 1})


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ([repeat(PULSE, MEASURE, name="shot")], {}),
        ([repeat(PULSE, MEASURE, name="point")], {}),
        ([repeat(PULSE, MEASURE, name="m")], {}),
        ([repeat(PULSE, MEASURE, name="x")], {"parameters": {"x": 1}}),
        ([{"measure": {"atoms": "a", "key": "round"}}, repeat(PULSE)], {}),
        ([repeat(PULSE, {"set": {"round": "round + 1"}})], {"memory": {"round": {}}}),
        ([{"repeat": {"over": "round", "body": [PULSE]}}], {"inputs": {"round": {"default": "k", "rounds": 3}}}),
        ([{"measure": {"atoms": ["a", "b"], "key": "m"}}, {"measure": {"atoms": "a", "key": "m_atom"}}], {}),
        ([PULSE, {"probe": {"atoms": "a", "occupation": True, "key": "shot"}}], {}),
        ([PULSE, {"probe": {"atoms": "a", "occupation": True, "key": "x"}}], {"parameters": {"x": 1}}),
        ([PULSE, {"probe": {"atoms": "a", "density_matrix": True, "key": "p"}},
          {"measure": {"atoms": "b", "key": "p_row"}}], {}),
    ],
    ids=["repeat shot", "repeat point", "repeat and key", "repeat and parameter", "key and repeat",
         "memory and repeat", "input and repeat", "key and atoms", "probe shot", "probe and parameter", "key and row"],
)  # fmt: skip
def test_two_parts_of_the_record_may_not_share_a_name(body: list[Any], more: dict[str, Any]) -> None:
    assert problems(*body, **more)


def test_a_placeholder_outside_its_for_each_is_refused() -> None:
    assert problem(MEASURE, turn("m.$atom")) == "body[1].rotate.angle: uses a $name outside its for_each ('m.$atom')"


def test_a_key_of_several_atoms_has_only_these() -> None:
    both = {"measure": {"atoms": ["a", "b"], "key": "m"}}

    assert problem(both, turn("m.c")) == "body[1].rotate.angle: key m has no atom c; known: a, b ('m.c')"
    assert problem(turn("x.a"), memory={"x": {}}) == "body[0].rotate.angle: x is no key of several atoms ('x.a')"


# --- classical blocks ---


def test_only_windows_are_pushed_to() -> None:
    memory = {"seen": {"window": 3}, "x": {}}

    assert problem({"push": {"x": 1}}, memory=memory) == (
        "body[0].push.x: must be a memory with a window; known: seen ('x')"
    )
    assert "did you mean 'seen'?" in problem({"push": {"sen": 1}}, memory=memory)


def test_a_window_is_not_set() -> None:
    assert problem({"set": {"seen": 1}}, memory={"seen": {"window": 3}}) == (
        "body[0].set.seen: is a window: push to it instead ('seen')"
    )


@pytest.mark.parametrize("angle", ["uniform()", "1 + normal()", "ensemble_mean(m)"])
def test_gates_do_not_draw_or_average_by_themselves(angle: str) -> None:
    message = problem(MEASURE, turn(angle))

    assert message == f"body[1].rotate.angle: may not draw or average here: set a memory variable first ('{angle}')"
    assert not problems(MEASURE, {"set": {"x": angle}}, turn("x"))


@pytest.mark.parametrize(
    ("body", "memory"),
    [
        ({"set": {"x": "w[5]"}}, {"w": {"window": 3}}),
        ({"set": {"x": "y[0]"}}, {"y": {}}),
        ({"set": {"x": "w"}}, {"w": {"window": 3}}),
        (turn("w"), {"w": {"window": 3}}),
        ({"set": {"x": "mean(y)"}}, {"y": {}}),
    ],
    ids=["beyond the window", "index of a number", "window as a number", "window as an angle", "mean of a number"],
)
def test_windows_and_numbers_are_told_apart_before_the_run(body: Any, memory: dict[str, Any]) -> None:
    with pytest.raises(ProgramError):
        rq.run(program(body, memory=memory), shots=None)


def test_memory_begins_from_parameters_alone() -> None:
    assert problem(PULSE, memory={"x": {}, "y": {"initial": "x"}}).startswith("memory.y.initial: is not a known name")


@pytest.mark.parametrize("size", [0, -1, 2.5, 1e9])
def test_a_window_has_a_whole_size(size: float) -> None:
    message = problem(PULSE, memory={"w": {"window": size}})

    assert message.startswith("memory.w.window: must be a whole number from 1 to 100000 (")


# --- measuring ---


def test_a_key_keeps_the_outcome_of_the_same_atoms() -> None:
    message = problem(MEASURE, {"measure": {"atoms": "b", "key": "m"}})

    assert message == "body[1].measure.key: already keeps the outcome of a ('m')"


def test_a_key_is_measured_in_one_repeat_only() -> None:
    assert problem(repeat(MEASURE), repeat(MEASURE)) == (
        "body[1].repeat.body[0].measure.key: 'm' is measured in two different repeats; use two keys"
    )
    assert not problems(repeat(MEASURE, MEASURE))


def test_a_probe_has_a_key_of_its_own() -> None:
    look = {"probe": {"atoms": "a", "occupation": True, "key": "n"}}

    assert problem(look, PULSE, look) == "body[2].probe.key: 'n' names two probes; use two keys"


@pytest.mark.parametrize(
    ("block", "basis", "levels"),
    [(PULSE, "digital", "r, g"), (turn(1), "ground-rydberg", "g, h"), (turn(1), "XY", "g, h")],
)
def test_a_measurement_is_in_a_basis_of_the_levels(block: Any, basis: str, levels: str) -> None:
    message = problem(block, {"measure": {"atoms": "b", "key": "m", "basis": basis}})

    assert message == f"body[1].measure.basis: must be a basis of the program's levels {levels} ('{basis}')"


def test_microwaves_and_lasers_do_not_mix() -> None:
    microwave = {"pulse": {**PULSE["pulse"], "channel": "mw_global"}}

    assert "XY (microwave) and ground-rydberg cannot be used together" in problem(PULSE, microwave, device="MockDevice")


# --- the device ---


def test_atoms_nearer_than_the_device_allows_are_refused() -> None:
    message = problem(PULSE, atoms={"a": [0, 0], "b": [3, 0]})

    assert message.startswith("register: The minimal distance between atoms in this device (4 µm) is not respected")


def test_atoms_further_out_than_the_device_allows_are_refused() -> None:
    assert "at most 50" in problem(PULSE, atoms={"a": [0, 0], "b": [70, 0]})


def test_an_amplitude_over_the_limit_is_refused_before_the_run() -> None:
    limit = "must peak at or below 15.708 rad/µs on rydberg_global of DigitalAnalogDevice, but peaks at"

    assert problem(driven("A"), parameters={"A": 20}) == f"body[0].pulse.amplitude: {limit} 20"
    assert problem(repeat(driven("6 * k"), times=4)) == f"body[0].repeat.body[0].pulse.amplitude: {limit} 18"
    assert not problems(driven("A"), parameters={"A": 20}, device="MockDevice")


def test_an_amplitude_over_the_limit_is_found_in_every_value_of_an_input() -> None:
    inputs = {"u": {"default": [1, 30, 2]}}

    message = problem({"repeat": {"over": "u", "body": [driven("u")]}}, inputs=inputs)

    assert message.endswith("but peaks at 30")


def test_a_negative_amplitude_is_refused() -> None:
    rule = "must not be negative, but reaches -2 rad/µs: turn back by phase π"
    assert problem(driven(-2)) == f"body[0].pulse.amplitude: {rule}"
    assert "must not be negative" in problem(repeat(driven("1 - k"), times=3))


def test_a_detuning_over_the_limit_is_refused() -> None:
    assert problem(driven(1, detuning=-130)) == (
        "body[0].pulse.detuning: must stay within ±125.664 rad/µs on rydberg_global, but spans -130 to -130"
    )


def test_amplitudes_inside_nested_repeats_are_held_against_the_limits() -> None:
    nested = repeat(repeat(driven("6 * j"), times=2, counter="i"), times=4, counter="j")

    assert "but peaks at 18" in problem(nested)


def test_a_global_pulse_does_not_follow_a_phase_shift_of_some_atoms() -> None:
    shift = {"phase_shift": {"atoms": "a", "angle": 1, "basis": "ground-rydberg"}}

    assert "different phase references" in problem(shift, PULSE)
    assert "different phase references" in problem(turn(1, axis="z", basis="ground-rydberg"), PULSE)
    assert not problems(PULSE, shift)
    assert not problems({"phase_shift": {"atoms": "all", "angle": 1, "basis": "ground-rydberg"}}, PULSE)
    assert not problems({"phase_shift": {"atoms": "a", "angle": 1, "basis": "digital"}}, PULSE)


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        (turn(1), "AnalogDevice has no local channel in the digital basis"),
        ({"cz": {"control": "a", "target": "b"}}, "AnalogDevice has no local channel in the ground-rydberg basis"),
    ],
)
def test_a_gate_that_the_device_cannot_play_is_refused_at_its_place(block: Any, rule: str) -> None:
    message = problem(PULSE, block, device="AnalogDevice")

    assert rule in message
    assert message.startswith("body[1].")


def test_atoms_too_far_apart_for_a_gate_are_refused_at_its_place() -> None:
    message = problem(PULSE, {"cz": {"control": "a", "target": "b"}}, atoms={"a": [0, 0], "b": [45, 0]})

    assert "atoms a and b are 45.0 µm apart, too far for a blockade CZ of infidelity 0.0001" in message
    assert message.startswith("body[1].cz")


def test_a_gate_needs_two_atoms() -> None:
    assert problem({"cz": {"control": "a", "target": "a"}}) == "body[0].cz: control and target must be two atoms ('a')"


def shaped(**shape: Any) -> dict[str, Any]:
    return {"pulse": {"channel": "rydberg_global", "amplitude": shape}}


@pytest.mark.parametrize(
    "block",
    [
        shaped(composite=[]),
        shaped(interpolated={"duration_ns": 1, "values": [1, 2]}),
        shaped(blackman={"duration_ns": 2, "area": 1}),
        {"detuning_map": {"weights": {}, "detuning": {"constant": {"duration_ns": 40, "value": -1}}}},
        {"damp": {"system": "a", "ancilla": "b", "probability": 2}},
        {"weak_measure": {"system": "a", "ancilla": "b", "strength": -1.5, "key": "m"}},
        {"beam_splitter": {"system": "a", "ancilla": "b", "reflectivity": -0.1}},
        {"rotate": {"atom": "a", "quaternion": [0, 0, 0, 0]}},
    ],
    ids=["no parts", "one sample", "no area", "no weights", "damping", "strength", "reflectivity", "no rotation"],
)
@pytest.mark.filterwarnings("default")
def test_blocks_without_a_meaning_are_refused_at_their_place(block: Any) -> None:
    try:
        found = problems(PULSE, block, device="MockDevice")
    except rq.ProgramError as error:  # refused where it was made
        found = [str(problem) for problem in error.problems]

    assert [text.startswith("body[1]") for text in found] == [True]


def test_a_device_that_is_none_is_refused() -> None:
    assert problem(PULSE, device="{}").startswith("device: ")


def test_atoms_in_space_are_refused_on_a_flat_device() -> None:
    assert problem(PULSE, atoms={"a": [0, 0, 0], "b": [7, 0, 1]}).startswith("register: ")
    assert not problems(PULSE, atoms={"a": [0, 0, 0], "b": [7, 0, 1]}, device="MockDevice")


# --- repeats and sizes ---


def test_two_repeats_may_not_share_a_dimension() -> None:
    assert problem(repeat(PULSE, name="r"), repeat(PULSE, name="r")) == (
        "body[1].repeat.name: two repeats cannot share the dimension 'r'"
    )
    assert not problems(repeat(PULSE), repeat(PULSE))


@pytest.mark.parametrize("times", [0, -3, 2.5, 10_000_001, "10.0 ** 8"])
def test_rounds_are_a_whole_number_within_bounds(times: Any) -> None:
    assert problem(repeat(PULSE, times=times)).startswith(
        "body[0].repeat.times: must be a whole number from 1 to 10000000 ("
    )


def test_rounds_are_known_before_the_run() -> None:
    assert problem(repeat(PULSE, times="x"), memory={"x": {}}) == (
        "body[0].repeat.times: must be known before the run, but x uses x"
    )


def refused_cheaply(text: str) -> str:
    """Return why a program's text is refused: within a second and 20 MB."""
    tracemalloc.start()
    try:
        with pytest.raises(ProgramError) as caught:
            raise ProgramError(rq.check(rq.Program.from_yaml(text, file="p.yaml")))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    return str(caught.value)


HEAD = "name: p\ndevice: MockDevice\nregister: {atoms: {a: [0, 0]}}\nbody:\n"


@pytest.mark.parametrize("times", ["1000000000000000000", "1e18", "10.0 ** 8 * 10.0 ** 8 * 100", "1e308 * 10"])
def test_endless_repeats_are_refused_at_their_place_and_never_expanded(times: str) -> None:
    message = refused_cheaply(f"{HEAD}  - repeat: {{times: {times}, body: [{{reset: {{atoms: a}}}}]}}\n")

    assert message.startswith("p.yaml:5:21: body[0].repeat.times: ")


def test_nested_repeats_are_refused_at_their_place_and_never_expanded() -> None:
    inner = "{reset: {atoms: a}}"
    for _ in range(4):
        inner = f"{{repeat: {{times: 1000, body: [{inner}]}}}}"

    message = refused_cheaply(f"{HEAD}  - {inner}\n")

    assert message.startswith("p.yaml:5:")
    assert "nested repeats must not exceed 10000000 rounds (1000000000)" in message


def test_more_atoms_than_registers_hold_are_refused() -> None:
    atoms = {f"q{i}": [7 * i, 0] for i in range(257)}

    assert problem(PULSE, atoms=atoms, device="MockDevice") == "register: must hold at most 256 atoms (257)"


# --- all of them ---


def test_every_problem_is_told_at_once_and_once() -> None:
    found = problems(turn("x + x"), turn("y"), {"reset": {"atoms": "z"}}, repeat(turn("x")), memory={"pi": {}})

    assert len(found) == len(set(found)) == 5
    assert [text.split(":")[0] for text in found] == [
        "memory.pi", "body[0].rotate.angle", "body[1].rotate.angle", "body[2].reset.atoms",
        "body[3].repeat.body[0].rotate.angle",
    ]  # fmt: skip


def test_a_problem_has_its_place_in_the_file() -> None:
    text = f"{HEAD}  - repeat:\n      times: 2\n      body:\n        - rotate: {{atom: b, angle: 1}}\n"

    [found] = rq.check(rq.Program.from_yaml(text, file="p.yaml"))

    assert str(found).startswith("p.yaml:8:26: body[0].repeat.body[0].rotate.atom: must be an atom of the register")


def test_a_run_raises_what_a_check_finds() -> None:
    wrong = program(turn("x"), turn("y"))

    with pytest.raises(ProgramError) as caught:
        rq.run(wrong)
    assert list(caught.value.problems) == rq.check(wrong)


def test_parameters_and_inputs_of_the_run_are_checked() -> None:
    asked = program(driven("A"), parameters={"A": 2})

    assert not rq.check(asked)
    assert "but peaks at 30" in str(rq.check(asked, parameters={"A": 30})[0])
    [wrong] = rq.check(asked, parameters={"B": 30})
    assert str(wrong) == "parameters: program 'p' has no parameter 'B'; known: A"


def test_places_are_read_as_paths() -> None:
    assert path_of("body[0].when.then[2].measure.key") == ("body", 0, "when", "then", 2, "measure", "key")
    assert path_of("body[10].detuning_map.weights.q1") == ("body", 10, "detuning_map", "weights", "q1")


@given(programs())
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_sound_programs_pass(drawn: rq.Program) -> None:
    with within_a_second():
        assert rq.check(drawn) == []
