"""Every ready sequence on every emulator that runs it: the same expectation values."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.engines import (
    CHOSEN,
    DECOHERE,
    ENGINES,
    LIMIT,
    LONG,
    READOUT,
    SETTINGS,
    Row,
    causes,
    comparable,
    compare,
    decay_of,
    effect,
    far_by_qutip,
    limits_kept,
    markdown,
)

EMU = all(find_spec(module) is not None for module in ("emu_sv", "emu_mps"))


def check(row: Row) -> None:
    for pair, value in row.differences.items():
        if "ideal" not in pair:
            assert value < LIMIT, pair


def test_the_blockade_is_the_same_on_every_emulator() -> None:
    row = compare("blockade")

    check(row)
    assert set(row.seconds) == {"ideal", "exact", "qutip"} | ({"emu_sv", "emu_mps"} if EMU else set())
    assert "| blockade |" in markdown([row])


@pytest.mark.slow
@pytest.mark.parametrize("name", comparable())
def test_a_ready_sequence_is_the_same_on_every_emulator(name: str) -> None:
    row = compare(name, [engine for engine in ENGINES if name not in LONG or engine != "qutip"])

    check(row)
    assert {"ideal", "exact"} <= set(row.seconds)
    assert all("needs" in why or "levels" in why for why in row.refused.values()), row.refused


def test_readout_errors_and_what_they_steer_are_the_same_on_every_emulator() -> None:
    check(compare("native_memristor", noise=READOUT))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["native_memristor", "two_port_memristor"])
def test_decohering_atoms_measured_and_fed_forward_are_the_same_on_every_emulator(name: str) -> None:
    noise = decay_of(name)
    row = compare(name, DECOHERE, noise)

    check(row)
    assert ("exact", "qutip") in row.differences
    assert effect(name, noise) > 50 * LIMIT


def test_an_emulator_with_another_pulse_is_found_out() -> None:
    pair = ("exact", "emu_sv")
    wrong = Row("rabi", {pair: 2 * LIMIT}, {})

    with pytest.raises(AssertionError):
        check(wrong)
    assert not far_by_qutip(wrong)
    assert far_by_qutip(Row("rabi", {("exact", "qutip"): 2 * LIMIT, pair: 0.0}, {}))


def test_the_page_says_how_far_the_farthest_emulators_are_apart() -> None:
    near, far = (
        Row(name, {("exact", "qutip"): value, ("ideal", "exact"): 1.0}, {})
        for name, value in (("a", 2e-6), ("b", 2e-4))
    )

    assert limits_kept([near]) == (
        "The limit is 1e-04; the largest difference of emulators that play pulses is 2.0e-06 (a, exact and qutip)."
    )
    assert limits_kept([near, far]).endswith(
        "2.0e-04 (b, exact and qutip). †: beyond the limit, in pairs with `qutip` alone."
    )


@pytest.mark.slow
def test_dark_time_and_a_small_tolerance_take_the_errors_of_pulsers_qutip_backend_away() -> None:
    _, _, *lines = causes().splitlines()
    found = np.array([[float(cell) for cell in line.strip("| ").split(" | ")[1:]] for line in lines])

    assert found.shape == (len(CHOSEN), len(SETTINGS))
    plain, _, _, both, held = found.T
    assert both.max() < LIMIT
    assert held.max() < 1e-6  # the same Hamiltonian: all else is how it is solved
    assert (plain > 50 * both).all()
    assert (found[:2, 1] < found[:2, 2] / 10).all()  # square pulses: the spline is worse
    assert found[2, 2] < found[2, 1] / 100  # a smooth one: QuTiP's own steps are
