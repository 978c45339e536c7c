"""Phase references: a cut anywhere changes nothing, however noise or exchange turns; two references are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.compile.frames import frames_of
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.errors import ProgramError, QmemError
from tests.compile.random_sequences import FADING
from tests.features import blackman, pulse

FLIPS = {"eff_noise_rates": (1.0,), "eff_noise_opers": (((0, 1), (1, 0)),)}
"""Noise about an axis of the equator, which is another one after a rotation about z."""
SKEWED = {"eff_noise_rates": (1.0, 0.5), "eff_noise_opers": (((0, 1j), (0.5, 0)), ((1, 1), (0, 0)))}
CUTS: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "memory": [{"set": {"x": "x"}}],
    "a look": [{"probe": {"atoms": "all", "key": "seen", "occupation": True}}],
    "a measurement of another": [{"measure": {"atoms": "far", "key": "other"}}],
    "a reset of another": [{"reset": {"atoms": "far"}}],
    "a branch": [{"when": {"if": "x > 0", "then": [{"delay": {"duration_ns": 200}}]}}],
    "a round": [{"repeat": {"times": 1, "body": [{"set": {"x": "x"}}]}}],
}
"""Blocks that have nothing to do with the atoms of interest; the branch that is not taken takes its time."""


def program(body: list[dict[str, Any]], **more: Any) -> rq.Program:
    atoms = {"a": (0.0, 0.0), "b": (9.0, 0.0), "far": (400.0, 0.0)}
    data = {"name": "p", "device": "MockDevice", "register": {"atoms": atoms}, "memory": {"x": {"initial": 0}}}
    return rq.Program.from_dict({**data, "body": [*body, {"measure": {"atoms": ["a", "b"], "key": "m"}}], **more})


def shift(angle: Any, basis: str = "ground-rydberg", atoms: Any = "all") -> dict[str, Any]:
    return {"phase_shift": {"atoms": atoms, "angle": angle, "basis": basis}}


def wait(duration_ns: int) -> dict[str, Any]:
    return {"delay": {"duration_ns": duration_ns}}


def turning(cut: list[dict[str, Any]]) -> rq.Program:
    """A half turn, a frame turned by a quarter, noise, the frame turned on by what memory says, half a turn back."""
    there, back = blackman(40, "pi / 2"), {"amplitude": blackman(40, "pi / 2"), "phase": "-pi / 2"}
    time = 300 if any("when" in block for block in cut) else 500
    again = [] if any("probe" in block for block in cut) else cut  # a probe's key names one probe
    return program(
        [pulse("rydberg_global", there), shift("pi / 2"), *cut, wait(time), shift("0.3 + x"), *again, wait(time),
         {"pulse": {"channel": "rydberg_global", **back}}]
    )  # fmt: skip


@pytest.mark.parametrize("noise", [FLIPS, SKEWED], ids=["flips", "skewed"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_anywhere_changes_nothing_under_noise_that_does_not_turn(noise: dict[str, Any], cut: str) -> None:
    whole = rq.run(turning([]), shots=None, noise=noise).m.values

    parts = rq.run(turning(CUTS[cut]), shots=None, noise=noise).m.values

    assert np.abs(parts - whole).max() < 1e-9


def test_flips_about_x_leave_a_spin_along_x_alone() -> None:
    """Half a turn to the equator, turned from x to y, half a microsecond of flips at 1/µs, half a turn back."""
    half = {"constant": {"duration_ns": 20, "area": "pi / 2"}}
    for cut in ("nothing", "a measurement of another"):
        made = program(
            [pulse("rydberg_global", half), shift("pi / 2"), *CUTS[cut], wait(500),
             pulse("rydberg_global", half, phase="-pi / 2")],
            register={"atoms": {"a": (0.0, 0.0), "b": (100.0, 0.0), "far": (400.0, 0.0)}},
        )  # fmt: skip

        assert rq.run(made, shots=None, noise=FLIPS).m.values == pytest.approx(0.670, abs=5e-4)


def test_trajectories_turn_with_nothing_either() -> None:
    shots = 4000
    exact = rq.run(turning([]), shots=None, noise=FLIPS).m.values

    sampled = rq.run(turning(CUTS["a measurement of another"]), shots=shots, seed=1, noise=FLIPS, state="vector")

    assert np.abs(sampled.m.mean("shot").values - exact).max() < 5 * np.sqrt(0.25 / shots)


HALF = blackman(200, "pi / 2")


def two(between: list[dict[str, Any]]) -> rq.Program:
    return program(
        [{"pulse": {"channel": "raman_local", "atoms": ["b"], "amplitude": HALF, "post_phase_shift": 1.0}}, *between,
         {"pulse": {"channel": "raman_local", "atoms": ["a", "b"], "amplitude": HALF}}]
    )  # fmt: skip


@pytest.mark.parametrize("cut", CUTS)
def test_one_pulse_on_two_references_is_refused_by_check_run_and_export(cut: str) -> None:
    made = two(CUTS[cut])
    [problem] = rq.check(made)

    assert "one pulse cannot act on atoms with different phase references" in str(problem)
    with pytest.raises(ProgramError, match="different phase references"):
        rq.run(made, shots=None)
    with pytest.raises(QmemError, match="different phase references"):
        made.to_pulser()


@pytest.mark.parametrize(
    "between",
    [
        [shift(1.0, "digital", "a")],
        [shift("x", "digital", "a"), shift("pi / 2 - 0.2", "digital", "a"), shift("1.2 - pi / 2", "digital", "a"),
         shift("x", "digital", "b")],
    ],
)  # fmt: skip
def test_atoms_that_share_a_reference_again_share_a_pulse(between: list[dict[str, Any]]) -> None:
    made = two(between)

    assert not rq.check(made)
    assert rq.run(made, shots=None).m.shape == (2,)


@pytest.mark.parametrize(
    "between",
    [
        [{"repeat": {"times": 2, "body": [shift("x", "digital", "a"), {"measure": {"atoms": "far", "key": "k"}}]}}],
        [{"when": {"if": "x > 0", "then": [shift(1.0, "digital", "a")]}}],
        [shift("x", "digital", "a"), {"measure": {"atoms": "far", "key": "k"}}, shift("x", "digital", "b")],
        [{"measure": {"atoms": "far", "key": "k"}}, shift(1.0, "digital", "a")],
        [{"reset": {"atoms": "b"}}],
    ],
)
def test_references_that_are_one_by_chance_or_in_parts_are_refused(between: list[dict[str, Any]]) -> None:
    """Of two rounds, two sides or two segments only the run knows the sum; the light of one pulse has one phase."""
    problems = rq.check(two(between))

    assert any("different phase references" in str(problem) for problem in problems)


def test_loops_are_followed_until_nothing_new_comes_of_them() -> None:
    body = [shift(0.5, "digital", "a"), {"measure": {"atoms": "far", "key": "k"}}]
    made = program([{"repeat": {"times": 4, "body": body}}, pulse("raman_local", HALF, atoms="b")])

    found = frames_of(compile_program(made))

    assert not found.problems
    assert found.sites == {(0, "digital")}


@pytest.mark.parametrize("turned", [True, False])
def test_pulses_of_eom_mode_act_where_their_channel_was_turned_to(turned: bool) -> None:
    """They name no atoms: on two atoms with different references there is no one pulse."""
    channel: dict[str, Any] = {"channel": "rydberg_local"}
    aim: list[dict[str, Any]] = [{"target": channel | {"atoms": ["a", "b"]}}] if turned else []
    eom: list[dict[str, Any]] = [{"enable_eom_mode": channel | {"amp_on": 9.0, "detuning_on": 1.0}},
           {"add_eom_pulse": channel | {"duration_ns": 100, "phase": 0.0, "post_phase_shift": 0.2}},
           {"disable_eom_mode": channel}]  # fmt: skip

    found = frames_of(compile_program(program([shift(1.0, atoms="b"), *aim, *eom], device=FADING)))

    assert [problem.place for problem in found.problems.values()] == (["body[3].add_eom_pulse"] if turned else [])
    assert found.sites == {(0, "ground-rydberg"), (1, "ground-rydberg")}


def test_every_round_begins_with_the_references_that_the_last_one_left() -> None:
    """All atoms share one reference in every round, but not the same one."""
    quarter = pulse("rydberg_global", blackman(40, "pi / 2"))
    inner = [quarter, shift(0.4), wait(60), quarter]
    looped = program([{"repeat": {"times": 3, "body": inner}}])
    unrolled = program([*inner, *inner, *inner])

    rounds, once = (rq.run(made, shots=None, noise=FLIPS).m.values for made in (looped, unrolled))

    assert np.abs(rounds - once).max() < 1e-9


def test_a_shift_by_nothing_is_kept_by_nobody() -> None:
    body = [pulse("rydberg_global", HALF), shift("0.8 * 0", atoms="a"), shift(0.3, atoms="b"), wait(100)]

    made = rq.run(program([*body, {"measure": {"atoms": "far", "key": "k"}}, wait(100)]), shots=None, noise=FLIPS)

    assert np.isfinite(made.m.values).all()
