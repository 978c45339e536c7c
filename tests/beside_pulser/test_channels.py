"""Every channel, phases, protocols, alignment and retargeting, beside Pulser."""

from __future__ import annotations

from typing import Any

import pulser
import pytest
from pulser import Pulse, waveforms

from tests.beside_pulser.beside import TRIPLE, Case, agrees_with_emu_sv, agrees_with_qutip, ours

RG, RL, DG, DL, MW = "rydberg_global", "rydberg_local", "raman_global", "raman_local", "mw_global"


def wave(area: float, duration_ns: int = 100) -> Any:
    return waveforms.BlackmanWaveform(duration_ns, area)


def block(channel: str, area: float, duration_ns: int = 100, **more: Any) -> dict[str, Any]:
    shape = {"blackman": {"duration_ns": duration_ns, "area": area}}
    return {"pulse": {"channel": channel, "amplitude": shape, **more}}


def smooth(area: float, duration_ns: int = 100, **more: Any) -> Any:
    values = {"detuning": 0.0, "phase": 0.0} | more
    return Pulse.ConstantDetuning(wave(area, duration_ns), **values)


def declare(sequence: Any, *channels: str, at: str = "a") -> None:
    for name in channels:
        local = {"initial_target": at} if name.endswith("local") else {}
        sequence.declare_channel(name, name, **local)


def rydberg_global(s: Any) -> None:
    declare(s, RG)
    s.add(smooth(2.0, detuning=3.0, phase=0.5), RG)


def rydberg_local(s: Any) -> None:
    declare(s, RL)
    s.add(smooth(2.0, detuning=3.0, phase=0.5), RL)
    s.target("b", RL)
    s.add(smooth(1.0), RL)


def raman_global(s: Any) -> None:
    declare(s, DG)
    s.add(smooth(2.0, detuning=3.0, phase=0.5), DG)


def raman_local(s: Any) -> None:
    declare(s, DL)
    s.add(smooth(2.0, detuning=3.0, phase=0.5), DL)
    s.target("b", DL)
    s.add(smooth(1.0), DL)


def all_four(s: Any) -> None:
    declare(s, DG, RG, DL, RL)
    s.add(smooth(1.0, phase=0.3), DG)
    s.add(smooth(1.5, detuning=-2.0), RG)
    s.add(smooth(0.7), DL)
    s.add(smooth(0.9, phase=1.0), RL)


def several_targets(s: Any) -> None:
    s.declare_channel(RL, RL, initial_target=["a", "c"])
    s.add(smooth(1.6, phase=0.4), RL)


def microwave(s: Any) -> None:
    declare(s, MW)
    s.add(smooth(1.2, phase=0.4), MW)
    s.delay(60, MW)
    s.add(smooth(1.9, detuning=2.0), MW)


def tilted_microwave(s: Any) -> None:
    s.set_magnetic_field(10.0, 5.0, 20.0)
    microwave(s)


CHANNELS: dict[str, Case] = {
    RG: Case([block(RG, 2, detuning=3, phase=0.5)], rydberg_global),
    RL: Case([block(RL, 2, detuning=3, phase=0.5, atoms="a"), block(RL, 1, atoms="b")], rydberg_local),
    DG: Case([block(DG, 2, detuning=3, phase=0.5)], raman_global),
    DL: Case([block(DL, 2, detuning=3, phase=0.5, atoms="a"), block(DL, 1, atoms="b")], raman_local),
    "all four": Case(
        [
            block(DG, 1, phase=0.3),
            block(RG, 1.5, detuning=-2),
            block(DL, 0.7, atoms="a"),
            block(RL, 0.9, phase=1, atoms="a"),
        ],
        all_four,
    ),
    "several targets": Case([block(RL, 1.6, phase=0.4, atoms=["a", "c"])], several_targets, register=TRIPLE),
    MW: Case(
        [block(MW, 1.2, phase=0.4), {"delay": {"duration_ns": 60}}, block(MW, 1.9, detuning=2)],
        microwave,
        register={"a": (0, 0), "b": (18, 3)},
    ),
    "microwave in a tilted field": Case(
        [block(MW, 1.2, phase=0.4), {"delay": {"duration_ns": 60}}, block(MW, 1.9, detuning=2)],
        tilted_microwave,
        register={"a": (0, 0, 0), "b": (18, 3, -7), "c": (2, 15, 9)},
        more={"magnetic_field": (10, 5, 20)},
    ),
}


# --- phases ---


def post_phase_shift(s: Any) -> None:
    declare(s, RG)
    s.add(Pulse.ConstantDetuning(wave(1.0), 0.0, 0.2, post_phase_shift=0.9), RG)
    s.add(smooth(1.0, detuning=1.0), RG)
    s.phase_shift(0.4, "a", "b", basis="ground-rydberg")


def shifts_order_pulses(s: Any) -> None:
    """A shift stands between pulses in time, even where nothing is to wait for."""
    declare(s, RG, RL)
    s.add(smooth(1.0), RG)
    s.phase_shift(0.8, "a", "b", basis="ground-rydberg")
    s.add(smooth(0.5), RL, protocol="no-delay")


def digital_shifts(s: Any) -> None:
    declare(s, DL)
    s.add(smooth(1.0), DL)
    s.phase_shift(0.8, "a", basis="digital")
    s.add(smooth(1.3), DL)
    s.phase_shift(-0.3, "b", basis="digital")
    s.target("b", DL)
    s.add(smooth(0.6, phase=0.2), DL)


SHIFT = {"phase_shift": {"atoms": "all", "angle": 0.8, "basis": "ground-rydberg"}}
PHASES: dict[str, Case] = {
    "post phase shift": Case(
        [
            block(RG, 1, phase=0.2, post_phase_shift=0.9),
            block(RG, 1, detuning=1),
            {"phase_shift": {"atoms": "all", "angle": 0.4, "basis": "ground-rydberg"}},
        ],
        post_phase_shift,
    ),
    "a shift orders pulses": Case(
        [block(RG, 1), SHIFT, block(RL, 0.5, atoms="a", protocol="no-delay")], shifts_order_pulses
    ),
    "digital shifts": Case(
        [
            block(DL, 1, atoms="a"),
            {"phase_shift": {"atoms": "a", "angle": 0.8}},
            block(DL, 1.3, atoms="a"),
            {"phase_shift": {"atoms": "b", "angle": -0.3}},
            block(DL, 0.6, phase=0.2, atoms="b"),
        ],
        digital_shifts,
    ),
}

# --- protocols and timing ---

REAL = pulser.DigitalAnalogDevice


def both(protocol: Any, atom: str) -> Case:
    """Return a case of a Rydberg pulse on a, and a Raman pulse on an atom by a protocol."""

    def by_hand(s: Any) -> None:
        s.declare_channel(RL, RL, initial_target="a")
        s.declare_channel(DL, DL, initial_target=atom)
        s.add(smooth(1.3), RL)
        s.add(smooth(1.0, 60), DL, protocol=protocol)

    return Case([block(RL, 1.3, atoms="a"), block(DL, 1, 60, atoms=atom, protocol=protocol)], by_hand, REAL)


def aligned(s: Any) -> None:
    declare(s, RL)
    declare(s, DL, at="b")
    s.add(smooth(1.3), RL)
    s.add(smooth(1.0, 60), DL)
    s.align(RL, DL)
    s.add(smooth(0.4, 80), DL)


def delayed(s: Any) -> None:
    declare(s, RL, DL)
    s.delay(48, RL)
    s.add(smooth(1.3), RL)
    s.add(smooth(1.0, 60), DL, protocol="no-delay")
    s.delay(100, DL)


def aimed_early(s: Any) -> None:
    declare(s, RL, DL)
    s.add(smooth(1.3), RL)
    s.target("b", RL)
    s.add(smooth(1.0, 400), DL)
    s.add(smooth(0.8), RL)


def retargeted(s: Any) -> None:
    declare(s, RL)
    for atom in ("a", "b", "a"):
        s.target(atom, RL)
        s.add(smooth(0.7), RL)


TIMING: dict[str, Case] = {
    **{f"{p}, one atom": both(p, "a") for p in ("min-delay", "no-delay", "wait-for-all")},
    **{f"{p}, two atoms": both(p, "b") for p in ("min-delay", "no-delay", "wait-for-all")},
    "aligned channels": Case(
        [
            block(RL, 1.3, atoms="a"),
            block(DL, 1, 60, atoms="b"),
            {"align": {"channels": [RL, DL]}},
            block(DL, 0.4, 80, atoms="b"),
        ],
        aligned,
        REAL,
    ),
    "all channels aligned": Case(
        [block(RL, 1.3, atoms="a"), block(DL, 1, 60, atoms="b"), {"align": {}}, block(DL, 0.4, 80, atoms="b")],
        aligned,
        REAL,
    ),
    "delayed channels": Case(
        [
            {"delay": {"duration_ns": 48, "channel": RL}},
            block(RL, 1.3, atoms="a"),
            block(DL, 1, 60, atoms="a", protocol="no-delay"),
            {"delay": {"duration_ns": 100, "channel": DL}},
        ],
        delayed,
        REAL,
    ),
    "aimed early": Case(
        [
            block(RL, 1.3, atoms="a"),
            {"target": {"atoms": "b", "channel": RL}},
            block(DL, 1, 400, atoms="a"),
            block(RL, 0.8, atoms="b"),
        ],
        aimed_early,
        REAL,
    ),
    "retargeted": Case([block(RL, 0.7, atoms=atom) for atom in ("a", "b", "a")], retargeted, REAL),
}
CASES = {**CHANNELS, **PHASES, **TIMING}
RYDBERG = {
    name: case
    for name, case in CASES.items()
    if all(b["pulse"]["channel"] in (RG, RL) for b in case.body if "pulse" in b)
}


@pytest.mark.parametrize("name", CASES)
def test_a_segment_plays_as_pulsers(name: str) -> None:
    agrees_with_qutip(CASES[name])


@pytest.mark.parametrize("name", RYDBERG)
def test_emu_sv_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    agrees_with_emu_sv(RYDBERG[name], monkeypatch)


def test_each_segment_begins_aimed_at_its_first_atoms() -> None:
    case = Case([block(RL, 0.7, atoms="b")], lambda s: None, REAL)

    assert ours(case)[1] == 100


def test_a_gap_shorter_than_the_shortest_delay_is_waited_out() -> None:
    case = Case([block(RL, 1, 100, atoms="a"), block(DL, 1, 104, atoms="b"), {"align": {}}, block(RL, 1, atoms="a")],
                lambda s: None, REAL)  # fmt: skip

    assert ours(case)[1] == 104 + 12 + 100  # 4 ns are needed, a delay lasts at least 16
