"""Every waveform and every way to make a pulse, beside Pulser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pulser
import pytest
from pulser import Pulse, waveforms

from tests.beside_pulser.beside import Case, agrees_with_emu_sv, agrees_with_qutip

GLOBAL = "rydberg_global"


def alone(pulse: Callable[[], Any], **block: Any) -> Case:
    """Return a case of one pulse on the global Rydberg channel."""

    def by_hand(sequence: Any) -> None:
        sequence.declare_channel(GLOBAL, GLOBAL)
        sequence.add(pulse(), GLOBAL)

    return Case([{"pulse": {"channel": GLOBAL, **block}}], by_hand)


def shaped(wave: Callable[[], Any], shape: dict[str, Any]) -> Case:
    """Return a case of one pulse whose amplitude is a waveform."""
    return alone(lambda: Pulse.ConstantDetuning(wave(), 1.5, 0.3), amplitude=shape, detuning=1.5, phase=0.3)


def timed(duration_ns: int, **values: Any) -> dict[str, Any]:
    return {"duration_ns": duration_ns, **values}


CURVE = np.linspace(0, 1, 90) ** 2
WINDOWS: dict[str, Case] = {
    "constant": shaped(lambda: waveforms.ConstantWaveform(90, 9.0), {"constant": timed(90, value=9)}),
    "constant of an area": shaped(
        lambda: waveforms.ConstantWaveform(90, 1000 * 0.8 / 90), {"constant": timed(90, area=0.8)}
    ),
    "ramp": shaped(lambda: waveforms.RampWaveform(90, 2.0, 14.0), {"ramp": timed(90, start=2, stop=14)}),
    "blackman": shaped(lambda: waveforms.BlackmanWaveform(121, 1.7), {"blackman": timed(121, area=1.7)}),
    "blackman of a largest value": shaped(
        lambda: waveforms.BlackmanWaveform.from_max_val(21.0, 1.7), {"blackman": {"max_val": 21, "area": 1.7}}
    ),
    "kaiser": shaped(lambda: waveforms.KaiserWaveform(100, 1.7), {"kaiser": timed(100, area=1.7)}),
    "kaiser of a beta": shaped(
        lambda: waveforms.KaiserWaveform(101, 1.7, 3.5), {"kaiser": timed(101, area=1.7, beta=3.5)}
    ),
    "kaiser of a largest value": shaped(
        lambda: waveforms.KaiserWaveform.from_max_val(24.0, 1.7, 6.0),
        {"kaiser": {"max_val": 24, "area": 1.7, "beta": 6}},
    ),
    "interpolated": shaped(
        lambda: waveforms.InterpolatedWaveform(90, [0.0, 12.0, 5.0, 0.0]),
        {"interpolated": timed(90, values=[0, 12, 5, 0])},
    ),
    "interpolated at times": shaped(
        lambda: waveforms.InterpolatedWaveform(90, [1.0, 12.0, 5.0], times=[0, 0.3, 0.9]),
        {"interpolated": timed(90, values=[1, 12, 5], times=[0, 0.3, 0.9])},
    ),
    "custom": shaped(
        lambda: waveforms.CustomWaveform(12 * CURVE), {"custom": {"samples": CURVE.tolist(), "scale": 12}}
    ),
    "composite": shaped(
        lambda: waveforms.CompositeWaveform(
            waveforms.RampWaveform(30, 0.0, 10.0),
            waveforms.ConstantWaveform(31, 10.0),
            waveforms.BlackmanWaveform.from_max_val(21.0, 0.5),
        ),
        {
            "composite": [
                {"ramp": timed(30, start=0, stop=10)},
                {"constant": timed(31, value=10)},
                {"blackman": {"max_val": 21, "area": 0.5}},
            ]
        },
    ),
}
PULSES: dict[str, Case] = {
    "constant": alone(
        lambda: Pulse.ConstantPulse(80, 9.0, -2.0, 0.4), amplitude=9, detuning=-2, phase=0.4, duration_ns=80
    ),
    "constant amplitude": alone(
        lambda: Pulse.ConstantAmplitude(9.0, waveforms.RampWaveform(80, -5.0, 5.0), 0.4),
        amplitude=9, detuning={"ramp": timed(80, start=-5, stop=5)}, phase=0.4,
    ),
    "two waveforms": alone(
        lambda: Pulse(waveforms.BlackmanWaveform(80, 1.2), waveforms.RampWaveform(80, -5.0, 5.0), 0.4),
        amplitude={"blackman": timed(80, area=1.2)}, detuning={"ramp": timed(80, start=-5, stop=5)}, phase=0.4,
    ),
    "steady phase waveform": alone(
        lambda: Pulse.ArbitraryPhase(waveforms.BlackmanWaveform(80, 1.2), waveforms.ConstantWaveform(80, 0.7)),
        amplitude={"blackman": timed(80, area=1.2)}, phase={"constant": timed(80, value=0.7)},
    ),
    "phase ramp": alone(
        lambda: Pulse.ArbitraryPhase(waveforms.BlackmanWaveform(80, 1.2), waveforms.RampWaveform(80, 0.2, 1.1)),
        amplitude={"blackman": timed(80, area=1.2)}, phase={"ramp": timed(80, start=0.2, stop=1.1)},
    ),
    "phase curve": alone(
        lambda: Pulse.ArbitraryPhase(
            waveforms.BlackmanWaveform(80, 1.2), waveforms.InterpolatedWaveform(80, [0.0, 0.9, 0.1])
        ),
        amplitude={"blackman": timed(80, area=1.2)}, phase={"interpolated": timed(80, values=[0, 0.9, 0.1])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
def test_a_waveform_plays_as_pulsers(name: str) -> None:
    agrees_with_qutip(WINDOWS[name])


@pytest.mark.parametrize("name", PULSES)
def test_a_pulse_plays_as_pulsers(name: str) -> None:
    agrees_with_qutip(PULSES[name])


@pytest.mark.parametrize(
    "case", [*WINDOWS.values(), *PULSES.values()], ids=[*WINDOWS, *(f"pulse: {n}" for n in PULSES)]
)
def test_emu_sv_agrees(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    agrees_with_emu_sv(case, monkeypatch)


@pytest.mark.filterwarnings("ignore:Setting 'interpolator':DeprecationWarning")
def test_straight_lines_between_values_are_sampled_as_pulser_does() -> None:
    from rydberg_qmem.language.waveforms import Interpolated
    from rydberg_qmem.pulses import levels

    shape = Interpolated(duration_ns=90, values=(1, 12, 5), interpolator="interp1d")
    made = levels(shape, {}, 90)
    theirs = waveforms.InterpolatedWaveform(90, [1.0, 12.0, 5.0], interpolator="interp1d")

    assert np.array_equal(np.repeat(made.values[0], np.diff(made.breaks)), theirs.samples.as_array())


def test_a_largest_value_on_a_slow_clock_is_not_passed() -> None:
    case = shaped(lambda: None, {"blackman": {"max_val": 9, "area": 1.7}})
    slow = Case(case.body, lambda sequence: None, pulser.DigitalAnalogDevice)
    from tests.beside_pulser.beside import ours

    raw = waveforms.BlackmanWaveform.from_max_val(9.0, 1.7).duration
    _, duration, _ = ours(slow)

    assert duration == -(-raw // 4) * 4 != raw
    assert waveforms.BlackmanWaveform(duration, 1.7).samples.as_array().max() <= 9
