"""Blocks and waveforms: how they are written, what they refuse, Pulser's objects, expressions as operators."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pulser
import pytest
from pydantic import ValidationError

import rydberg_qmem as rq
from rydberg_qmem.language.blocks import KINDS, AnyBlock, Pulse, Repeat, When
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import Constant, Custom, Waveform
from rydberg_qmem.pulses import pulser_waveform

SHAPE = {"constant": {"duration_ns": 40, "value": 2}}

SMALLEST: dict[str, Any] = {
    "slm_mask": {"atoms": "a"},
    "enable_eom_mode": {"channel": "rydberg_global", "amp_on": 1},
    "add_eom_pulse": {"channel": "rydberg_global", "duration_ns": 100},
    "modify_eom_setpoint": {"channel": "rydberg_global", "amp_on": 1},
    "disable_eom_mode": {"channel": "rydberg_global"},
    "target": {"atoms": "a", "channel": "rydberg_local"},
    "pulse": {"channel": "c", "amplitude": SHAPE},
    "detuning_map": {"weights": {"a": 1.0}, "detuning": SHAPE},
    "delay": {"duration_ns": 40},
    "align": {},
    "phase_shift": {"atoms": "a", "angle": 1},
    "rotate": {"atom": "a", "angle": 1},
    "cz": {"control": "a", "target": "b"},
    "cnot": {"control": "a", "target": "b"},
    "cphase": {"control": "a", "target": "b", "angle": 1},
    "zz": {"atoms": ["a", "b"], "angle": 1},
    "swap": {"atoms": ["a", "b"]},
    "exchange": {"atoms": ["a", "b"], "angle": 1},
    "blockade_rotate": {"control": "a", "target": "b", "angle": 1},
    "ising": {"couplings": {"a": {"b": 1}}},
    "blockade_measure": {"system": "a", "ancilla": "b", "area": 1, "key": "m"},
    "damp": {"system": "a", "ancilla": "b", "probability": 0.5},
    "beam_splitter": {"system": "a", "ancilla": "b", "reflectivity": 0.5},
    "weak_measure": {"system": "a", "ancilla": "b", "strength": 0.5, "key": "m"},
    "measure": {"atoms": "a", "key": "m"},
    "reset": {"atoms": "a"},
    "probe": {"atoms": "a", "key": "m", "purity": True},
    "set": {"x": 1},
    "push": {"w": 1},
    "repeat": {"times": 2, "body": []},
    "when": {"if": 1},
    "for_each": {"atom": "all", "body": []},
}


def refusal(kind: str, **change: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        KINDS[kind].model_validate({kind: SMALLEST[kind] | change})
    return str(caught.value)


def program(*body: Any) -> rq.Program:
    return rq.Program(name="p", register={"atoms": {"a": [0, 0], "b": [5, 0]}}, body=body)


# --- the closed union ---


def test_every_kind_of_block_is_known_by_its_name() -> None:
    assert set(SMALLEST) == set(KINDS)
    assert {cls.__name__ for cls in KINDS.values()} == {cls.__name__ for cls in get_args(AnyBlock)}


@pytest.mark.parametrize("kind", SMALLEST)
def test_a_block_is_a_mapping_of_one_key(kind: str) -> None:
    [block] = program({kind: SMALLEST[kind]}).body

    assert type(block) is KINDS[kind]
    assert list(block.model_dump(mode="json")) == [kind]
    assert program(block.model_dump(mode="json", by_alias=True)).body == (block,)


@pytest.mark.parametrize("kind", SMALLEST)
def test_a_block_is_equal_to_itself_only(kind: str) -> None:
    one, two = (KINDS[kind].model_validate({kind: SMALLEST[kind]}) for _ in range(2))

    assert one == two
    assert hash(one) == hash(two)
    assert one not in [KINDS[k].model_validate({k: SMALLEST[k]}) for k in SMALLEST if k != kind]


@pytest.mark.parametrize("kind", [kind for kind in SMALLEST if kind not in ("set", "push")])
def test_a_block_refuses_fields_that_it_does_not_know(kind: str) -> None:
    assert "Extra inputs are not permitted" in refusal(kind, surprise=1)


def test_an_align_may_be_written_without_a_value() -> None:
    assert program({"align": None}) == program({"align": {}})


def test_kinds_of_one_shape_are_still_different() -> None:
    cz, cnot = (KINDS[kind].model_validate(SMALLEST["cz"]) for kind in ("cz", "cnot"))

    assert cz != cnot


# --- rules of single blocks ---


def test_a_pulse_needs_one_waveform() -> None:
    assert "must have a duration_ns, or a waveform" in refusal("pulse", amplitude=1, detuning="x")
    assert "must not give duration_ns" in refusal("pulse", duration_ns=100)


def test_a_phase_waveform_leaves_no_room_for_a_detuning() -> None:
    curve = {"ramp": {"duration_ns": 100, "start": 0, "stop": 1}}

    assert "must not give a detuning" in refusal("pulse", phase=curve, detuning=1)


def test_the_channel_that_comes_to_rest_is_named() -> None:
    assert "must name the channel" in refusal("delay", duration_ns=100, at_rest=True)


@pytest.mark.parametrize("channels", [["raman_local"], ["raman_local", "raman_local"]])
def test_channels_are_aligned_with_each_other(channels: list[str]) -> None:
    assert "at least two different channels" in refusal("align", channels=channels)


@pytest.mark.parametrize("change", [{"angle": None}, {"quaternion": [1, 0, 0, 0]}])
def test_a_rotation_has_an_angle_or_a_quaternion(change: dict[str, Any]) -> None:
    assert "must give either angle or quaternion" in refusal("rotate", **change)


def test_a_quaternion_has_four_parts() -> None:
    assert "quaternion" in refusal("rotate", angle=None, quaternion=[1, 0, 0])


def test_a_repeat_has_times_or_inputs() -> None:
    assert "must give either times or over" in refusal("repeat", over="u")
    assert "must give either times or over" in refusal("repeat", times=None)
    assert "must name at least one input" in refusal("repeat", times=None, over=[])
    assert Repeat(over="u", body=[]) == Repeat(over=["u"], body=[])


def test_a_probe_asks_for_something() -> None:
    assert "must ask for at least one quantity" in refusal("probe", purity=False)


@pytest.mark.parametrize("infidelity", [0, -1e-3, 0.2, float("nan")])
def test_a_gates_infidelity_is_small_and_positive(infidelity: float) -> None:
    assert "infidelity" in refusal("cz", infidelity=infidelity)


@pytest.mark.parametrize("atoms", [[], ["a", "a"]])
def test_atoms_are_named_once_each(atoms: list[str]) -> None:
    assert "must n" in refusal("measure", atoms=atoms)
    assert "must n" in refusal("reset", atoms=atoms)


def test_one_atom_needs_no_list() -> None:
    assert rq.Measure(atoms="a", key="m") == rq.Measure(atoms=["a"], key="m")
    assert rq.Measure(atoms="a", key="m") != rq.Measure(atoms="all", key="m")


@pytest.mark.parametrize("key", ["1m", "", "m-n", "m.n", "x" * 65])
def test_keys_can_be_read_by_expressions(key: str) -> None:
    assert "key" in refusal("measure", key=key)


def test_words_that_python_reserves_have_other_names_there() -> None:
    branch = When(condition="x > 1", then=[rq.Reset(atoms="a")])
    together = Pulse(channel="c", amplitude=SHAPE, start_with="previous")
    each = rq.ForEach(atom="all", variable="q", body=[])

    assert branch.model_dump(mode="json", by_alias=True)["when"]["if"] == "x > 1"
    assert together.model_dump(mode="json", by_alias=True)["pulse"]["with"] == "previous"
    assert each.model_dump(mode="json", by_alias=True)["for_each"]["as"] == "q"


# --- waveforms ---


@pytest.mark.parametrize(
    ("shape", "rule"),
    [
        ({"constant": {"duration_ns": 40}}, "must give exactly one of value and area"),
        ({"constant": {"duration_ns": 40, "value": 1, "area": 1}}, "must give exactly one of value and area"),
        ({"interpolated": {"duration_ns": 40, "values": [1]}}, "must interpolate at least two values"),
        ({"interpolated": {"duration_ns": 40, "values": [1, 2], "times": [0, 0.5, 1]}}, "one rising time"),
        ({"interpolated": {"duration_ns": 40, "values": [1, 2], "times": [0.5, 0.5]}}, "one rising time"),
        ({"interpolated": {"duration_ns": 40, "values": [1, 2], "times": [0, 1.5]}}, "one rising time"),
        ({"custom": {"samples": []}}, "must hold at least one sample"),
        ({"custom": {"samples": [1, float("inf")]}}, "finite"),
        ({"sine": {"duration_ns": 40}}, "does not match any of the expected tags"),
        ({"ramp": {"duration_ns": 40, "start": 0}}, "Field required"),
        ({"blackman": {"duration_ns": 40, "area": 1}, "ramp": {}}, "Unable to extract tag"),
    ],
)
def test_a_waveform_that_is_none_is_refused(shape: Any, rule: str) -> None:
    assert rule in refusal("pulse", amplitude=shape)


def test_a_composite_lasts_as_long_as_its_parts() -> None:
    parts = [{"ramp": {"duration_ns": "T", "start": 0, "stop": 1}}, SHAPE, {"custom": {"samples": [1, 2, 3]}}]
    pulse = Pulse(channel="c", amplitude={"composite": parts})

    assert pulse.amplitude.duration_ns.evaluate({"T": 20.0}) == 63  # type: ignore[union-attr]  # a waveform


MADE = {
    "constant": pulser.ConstantWaveform(40, 2.5),
    "ramp": pulser.RampWaveform(40, 1, 3),
    "blackman": pulser.BlackmanWaveform(40, 0.5),
    "blackman of a height": pulser.BlackmanWaveform.from_max_val(8, 0.5),
    "kaiser": pulser.KaiserWaveform(40, 0.5, beta=5),
    "interpolated": pulser.InterpolatedWaveform(40, [0, 3, 1, 0]),
    "custom": pulser.CustomWaveform([0.0, 1.0, 2.0, 0.5]),
    "composite": pulser.CompositeWaveform(pulser.ConstantWaveform(20, 2), pulser.RampWaveform(20, 0, 3)),
}


@pytest.mark.parametrize("waveform", MADE.values(), ids=MADE.keys())
def test_a_waveform_of_pulsers_keeps_its_samples(waveform: Any) -> None:
    taken = Pulse(channel="c", amplitude=waveform).amplitude

    assert isinstance(taken, Waveform)
    again = pulser_waveform(taken, {}, waveform.duration)
    assert np.allclose(again.samples.as_array(), waveform.samples.as_array(), rtol=0, atol=1e-9)


def test_waveforms_of_pulsers_stand_wherever_a_waveform_may() -> None:
    ramp = pulser.RampWaveform(40, -3, 3)
    both = Pulse(channel="c", amplitude=pulser.ConstantWaveform(40, 1), detuning=ramp)
    mapped = rq.DetuningMap(weights={"a": 1}, detuning=pulser.ConstantWaveform(40, -1))
    inside = Pulse(channel="c", amplitude={"composite": [ramp, SHAPE]})

    assert [block.model_dump(mode="json")[kind] for kind, block in (("pulse", both), ("detuning_map", mapped))]
    assert Pulse.model_validate(inside.model_dump(mode="json")) == inside


def test_what_is_no_waveform_of_pulsers_is_refused() -> None:
    assert "Unable to extract tag" in refusal("pulse", amplitude=pulser.Pulse.ConstantPulse(40, 1, 0, 0))


def test_samples_are_kept_one_a_nanosecond() -> None:
    assert Custom(samples=[1, 2, 3]).duration_ns == Expression(3)
    assert Constant(duration_ns=40, value=1) != Custom(samples=[1.0] * 40)


# --- expressions as operators ---


def test_python_operators_build_the_same_expressions() -> None:
    theta, k = Expression("theta"), Expression("k")

    built = rq.Rotate(atom="a", angle=2 * theta + k / 3 - 1)

    assert built == rq.Rotate(atom="a", angle="2 * theta + k / 3 - 1")


def test_operators_keep_their_meaning_next_to_each_other() -> None:
    x, y = Expression("x + 1"), Expression("y - 2")
    scope = {"x": 3.0, "y": 7.0}

    for made, value in ((x * y, 20), (x - y, -1), (-x, -4), (x / y, 0.8), (2 - x, -2), (x**2, 16)):
        block = rq.Rotate(atom="a", angle=made)
        again = rq.Rotate.model_validate(block.model_dump(mode="json"))
        assert again == block
        assert float(np.asarray(again.angle.evaluate(scope))) == pytest.approx(value)  # type: ignore[union-attr]  # an angle is there


def test_numbers_texts_and_expressions_are_one() -> None:
    blocks = {rq.Rotate(atom="a", angle=angle) for angle in (2, 2.0, Expression(2), Expression("2"))}

    assert len(blocks) == 1


def test_cells_of_ones_own_are_functions_that_return_blocks() -> None:
    def swap(one: str, two: str) -> list[rq.CNOT]:
        return [rq.CNOT(control=a, target=b) for a, b in ((one, two), (two, one), (one, two))]

    made = program(*swap("a", "b"), rq.Measure(atoms="all", key="m"))

    assert [block.kind for block in made.body] == ["cnot", "cnot", "cnot", "measure"]
    assert rq.check(made) == []
