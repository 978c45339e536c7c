"""EOM mode, output modulation, detuning maps and SLM masks, beside Pulser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pulser
import pytest
from pulser import Pulse, waveforms

import rydberg_qmem as rq
from rydberg_qmem.errors import ProgramError
from tests.beside_pulser.beside import TRIPLE, Case, agrees_with_emu_sv, agrees_with_qutip, ours

RG, RL, MW = "rydberg_global", "rydberg_local", "mw_global"
ANALOG = pulser.AnalogDevice
ON = {"enable_eom_mode": {"channel": RG, "amp_on": 9.0, "detuning_on": 1.0}}
CORRECTED = {"enable_eom_mode": ON["enable_eom_mode"] | {"correct_phase_drift": True}}
OFF = {"disable_eom_mode": {"channel": RG}}
MODULATED = {"with_modulation": True}


def eom(duration_ns: int, phase: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"add_eom_pulse": {"channel": RG, "duration_ns": duration_ns, "phase": phase, **more}}


def square(duration_ns: int, value: float, channel: str = RG, **more: Any) -> dict[str, Any]:
    return {"pulse": {"channel": channel, "amplitude": value, "duration_ns": duration_ns, **more}}


def window(area: float, duration_ns: int = 200, **more: Any) -> dict[str, Any]:
    shape = {"blackman": {"duration_ns": duration_ns, "area": area}}
    return {"pulse": {"channel": RG, "amplitude": shape, **more}}


# --- EOM mode ---


def drifting(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.enable_eom_mode(RG, amp_on=9.0, detuning_on=1.0)
    s.add_eom_pulse(RG, 100, 0.0)
    s.delay(48, RG)
    s.add_eom_pulse(RG, 80, 0.6, post_phase_shift=0.2)
    s.add_eom_pulse(RG, 40, 0.0)
    s.disable_eom_mode(RG)


def corrected(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.add(Pulse.ConstantPulse(100, 6.0, 0.0, 0.0), RG)
    s.enable_eom_mode(RG, amp_on=9.0, detuning_on=1.0, optimal_detuning_off=-30.0, correct_phase_drift=True)
    s.add_eom_pulse(RG, 100, 0.0, correct_phase_drift=True)
    s.delay(48, RG)
    s.add_eom_pulse(RG, 80, 0.6, correct_phase_drift=True)
    s.modify_eom_setpoint(RG, amp_on=5.0, detuning_on=-1.0, correct_phase_drift=True)
    s.add_eom_pulse(RG, 60, 0.0, post_phase_shift=0.3, correct_phase_drift=True)
    s.disable_eom_mode(RG, correct_phase_drift=True)
    s.add(Pulse.ConstantPulse(80, 4.0, 0.0, 0.0), RG)


def left_open(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.enable_eom_mode(RG, amp_on=9.0, detuning_on=1.0)
    s.add_eom_pulse(RG, 100, 0.0)
    s.delay(60, RG)


CORRECT = {"correct_phase_drift": True}
DRIFTING = [
    ON, eom(100), {"delay": {"duration_ns": 48, "channel": RG}}, eom(80, 0.6, post_phase_shift=0.2), eom(40), OFF,
]  # fmt: skip
WHOLE = [
    square(100, 6.0),
    {"enable_eom_mode": ON["enable_eom_mode"] | CORRECT | {"optimal_detuning_off": -30.0}},
    eom(100, **CORRECT),
    {"delay": {"duration_ns": 48, "channel": RG}},
    eom(80, 0.6, **CORRECT),
    {"modify_eom_setpoint": {"channel": RG, "amp_on": 5, "detuning_on": -1, **CORRECT}},
    eom(60, post_phase_shift=0.3, **CORRECT),
    {"disable_eom_mode": {"channel": RG, **CORRECT}},
    square(80, 4.0),
]
OPEN = [ON, eom(100), {"delay": {"duration_ns": 60, "channel": RG}}]
EOM: dict[str, Case] = {
    "drifting": Case(DRIFTING, drifting, ANALOG),
    "corrected": Case(WHOLE, corrected, ANALOG),
    "left open": Case(OPEN, left_open, ANALOG),
    "drifting, modulated": Case(DRIFTING, drifting, ANALOG, more=MODULATED),
    "corrected, modulated": Case(WHOLE, corrected, ANALOG, more=MODULATED),
    "left open, modulated": Case(OPEN, left_open, ANALOG, more=MODULATED),
}

# --- output modulation ---


def plain(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.add(Pulse.ConstantPulse(120, 9.0, 2.0, 0.0), RG)
    s.add(Pulse.ConstantDetuning(waveforms.BlackmanWaveform(280, 1.1), -3.0, 0.9), RG)
    s.delay(40, RG, at_rest=True)
    s.add(Pulse.ConstantPulse(60, 7.0, 0.0, 0.9), RG)


def unmodulated(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.add(Pulse.ConstantPulse(120, 9.0, 0.0, 0.3), RG)


PLAIN = [
    square(120, 9.0, detuning=2),
    window(1.1, 280, detuning=-3, phase=0.9),
    {"delay": {"duration_ns": 40, "channel": RG, "at_rest": True}},
    square(60, 7.0, phase=0.9),
]
MODULATION: dict[str, Case] = {
    "played as asked": Case(PLAIN, plain, ANALOG),
    "modulated": Case(PLAIN, plain, ANALOG, more=MODULATED),
    "nothing to modulate": Case([square(120, 9.0, phase=0.3)], unmodulated, pulser.MockDevice, more=MODULATED),
}

# --- detuning maps and masks ---

WEIGHTS = {"a": 1.0, "c": 0.25}


def mapped(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.config_detuning_map(s.register.define_detuning_map({"a": 1.0, "b": 0.0, "c": 0.25}), "dmm_0")
    s.add(Pulse.ConstantPulse(100, 8.0, 0.0, 0.0), RG)
    s.add_dmm_detuning(waveforms.RampWaveform(80, 0.0, -12.0), "dmm_0")
    s.add_dmm_detuning(waveforms.ConstantWaveform(60, -12.0), "dmm_0", protocol="min-delay")
    s.add(Pulse.ConstantPulse(60, 5.0, 0.0, 0.4), RG)


def masked(s: Any) -> None:
    s.config_slm_mask(["b", "c"])
    s.declare_channel(RG, RG)
    s.add(Pulse.ConstantPulse(100, 8.0, 1.0, 0.0), RG)
    s.add(Pulse.ConstantPulse(60, 5.0, 0.0, 0.4), RG)


def masked_later(s: Any) -> None:
    s.declare_channel(RG, RG)
    s.declare_channel(RL, RL, initial_target="b")
    s.add(Pulse.ConstantPulse(40, 8.0, 1.0, 0.0), RL)
    s.add(Pulse.ConstantPulse(100, 8.0, 1.0, 0.0), RG)
    s.config_slm_mask(["b"])


def masked_microwave(s: Any) -> None:
    s.config_slm_mask(["b"])
    s.declare_channel(MW, MW)
    s.add(Pulse.ConstantDetuning(waveforms.BlackmanWaveform(100, 1.4), 1.0, 0.0), MW)
    s.add(Pulse.ConstantDetuning(waveforms.BlackmanWaveform(80, 0.9), 0.0, 0.4), MW)


DARKER = {"weights": WEIGHTS, "channel": "dmm_0"}
FAR = {"a": (0, 0), "b": (27, 5), "c": (3, 25)}
MASKS: dict[str, Case] = {
    "detuning map": Case(
        [
            square(100, 8.0),
            {"detuning_map": {**DARKER, "detuning": {"ramp": {"duration_ns": 80, "start": 0, "stop": -12}}}},
            {"detuning_map": {**DARKER, "detuning": {"constant": {"duration_ns": 60, "value": -12}},
                              "protocol": "min-delay"}},
            square(60, 5.0, phase=0.4),
        ],
        mapped,
        register=TRIPLE,
    ),
    "mask": Case(
        [{"slm_mask": {"atoms": ["b", "c"]}}, square(100, 8.0, detuning=1), square(60, 5.0, phase=0.4)],
        masked,
        register=TRIPLE,
    ),
    "mask of a limited map": Case(
        [{"slm_mask": {"atoms": ["b", "c"]}}, square(100, 8.0, detuning=1), square(60, 5.0, phase=0.4)],
        masked,
        pulser.DigitalAnalogDevice,
        register=TRIPLE,
    ),
    "mask after its pulse": Case(
        [square(40, 8.0, RL, detuning=1, atoms="b"), square(100, 8.0, detuning=1), {"slm_mask": {"atoms": "b"}}],
        masked_later,
    ),
}  # fmt: skip
MICROWAVE_MASK = Case(
    [
        {"slm_mask": {"atoms": "b"}},
        {"pulse": {"channel": MW, "amplitude": {"blackman": {"duration_ns": 100, "area": 1.4}}, "detuning": 1}},
        {"pulse": {"channel": MW, "amplitude": {"blackman": {"duration_ns": 80, "area": 0.9}}, "phase": 0.4}},
    ],
    masked_microwave,
    register=FAR,
)
TWO_MICROWAVES = pulser.devices.VirtualDevice(
    name="TwoMicrowaves",
    dimensions=2,
    rydberg_level=60,
    supports_slm_mask=True,
    channel_objects=(pulser.channels.Microwave.Global(None, None), pulser.channels.Microwave.Global(None, None)),
    channel_ids=(MW, "mw_other"),
)


def masked_within_a_pulse(s: Any) -> None:
    s.config_slm_mask(["b"])
    s.declare_channel(MW, MW)
    s.declare_channel("mw_other", "mw_other")
    s.add(Pulse.ConstantDetuning(waveforms.BlackmanWaveform(60, 1.4), 0.0, 0.0), MW)
    s.add(Pulse.ConstantDetuning(waveforms.BlackmanWaveform(140, 0.9), 0.0, 0.0), "mw_other", protocol="no-delay")


MASK_WITHIN_A_PULSE = Case(
    [
        {"slm_mask": {"atoms": "b"}},
        {"pulse": {"channel": MW, "amplitude": {"blackman": {"duration_ns": 60, "area": 1.4}}}},
        {"pulse": {"channel": "mw_other", "amplitude": {"blackman": {"duration_ns": 140, "area": 0.9}},
                   "protocol": "no-delay"}},
    ],
    masked_within_a_pulse,
    TWO_MICROWAVES,
    FAR,
)  # fmt: skip
IN_XY = {"microwave mask": MICROWAVE_MASK, "microwave mask that ends within a pulse": MASK_WITHIN_A_PULSE}
CASES = {**{f"EOM {name}": case for name, case in EOM.items()}, **MODULATION, **MASKS}


@pytest.mark.parametrize("name", [*CASES, *IN_XY])
def test_a_segment_plays_as_pulsers(name: str) -> None:
    agrees_with_qutip({**CASES, **IN_XY}[name])


@pytest.mark.parametrize("name", CASES)
def test_emu_sv_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    agrees_with_emu_sv(CASES[name], monkeypatch)


# --- what a segment's end means ---


def test_a_modulated_segment_ends_when_its_last_pulse_has_faded() -> None:
    durations = [ours(MODULATION[name])[1] for name in ("played as asked", "modulated")]

    assert durations[1] - durations[0] == Pulse.ConstantPulse(60, 7.0, 0.0, 0.9).fall_time(ANALOG.channels[RG])


def test_no_area_is_lost_at_the_end_of_a_modulated_segment() -> None:
    """Twice half a turn with a measurement between is what it is in one piece: the tail belongs to its pulse."""
    half = square(200, np.pi / 0.4)
    body = [half, {"probe": {"atoms": "q", "key": "n", "occupation": True}}]
    program = rq.Program(name="p", device=ANALOG, register={"atoms": {"q": (0, 0)}}, body=body, with_modulation=True)

    assert rq.run(program, shots=None).n.item() == pytest.approx(0.5, abs=1e-3)  # Pulser cuts tails below 0.01 rad/µs


def test_eom_pulses_follow_control_values() -> None:
    body = [
        {"repeat": {"times": 3, "body": [
            {"enable_eom_mode": {"channel": RG, "amp_on": "level"}}, eom(100), OFF,
            {"measure": {"atoms": "q", "key": "m", "basis": "ground-rydberg"}}, {"reset": {"atoms": "q"}},
            {"set": {"level": "level + 2 * m"}},
        ]}},
    ]  # fmt: skip
    program = rq.Program(
        name="p", device=ANALOG, register={"atoms": {"q": (0, 0)}}, body=body, memory={"level": {"initial": 8}}
    )
    record = rq.run(program, shots=None)

    first, more = np.sin(0.4) ** 2, np.sin(0.5) ** 2
    assert float(record.m[0]) == pytest.approx(first, abs=1e-9)
    assert float(record.m[1]) == pytest.approx((1 - first) * first + first * more, abs=1e-9)


# --- refusals ---


def problems(body: list[Any], device: Any = ANALOG, **more: Any) -> list[str]:
    program = rq.Program(name="p", device=device, register={"atoms": {"a": (0, 0), "b": (8, 0)}}, body=body, **more)
    return [str(problem) for problem in rq.check(program)]


@pytest.mark.parametrize(
    ("body", "device", "rule"),
    [
        ([eom(100)], ANALOG, "is not in EOM mode"),
        ([ON, {"reset": {"atoms": "a"}}, eom(100)], ANALOG, "body[2].add_eom_pulse: rydberg_global is not in EOM mode"),
        ([ON, ON], ANALOG, "already in EOM mode"),
        ([ON, square(100, 3.0)], ANALOG, "body[1].pulse: rydberg_global is in EOM mode"),
        ([ON], pulser.MockDevice, "has no EOM"),
        ([ON, eom(101)], ANALOG, "must be a multiple of the 4 ns clock"),
        ([{"enable_eom_mode": {"channel": RG, "amp_on": 90}}], ANALOG, "amplitude goes over the maximum"),
        ([{"slm_mask": {"atoms": "a"}}], ANALOG, "must be a channel of AnalogDevice"),
        ([{"slm_mask": {"atoms": "a"}}] * 2 + [square(100, 3.0)], pulser.MockDevice, "one SLM mask"),
        ([square(3000, 3.0), square(3004, 3.0)], ANALOG, "maximum duration allowed"),
        ([square(3000, 3.0), {"delay": {"duration_ns": 3004}}], ANALOG, "lasts at most 6000 ns"),
    ],
)
def test_what_a_device_cannot_do_is_refused_before_the_run(body: list[Any], device: Any, rule: str) -> None:
    assert any(rule in problem for problem in problems(body, device)), problems(body, device)


def test_a_mask_and_modulation_are_not_mixed() -> None:
    body = [{"slm_mask": {"atoms": "a"}}, square(100, 3.0)]

    assert "cannot be used together" in problems(body, pulser.MockDevice, with_modulation=True)[0]


def test_a_field_without_microwaves_is_refused() -> None:
    with pytest.raises(ProgramError, match="magnetic_field: only the XY mode depends on it"):
        rq.run(rq.Program(name="p", register={"atoms": {"q": (0, 0)}}, device="MockDevice", magnetic_field=(1, 0, 0),
                          body=[square(100, 3.0)]))  # fmt: skip
