"""Every ready sequence on every emulator that runs it: the same expectation values."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from benchmarks.engines import DECOHERE, LIMIT, READOUT, Row, boundary, comparable, compare, decay_of, effect, markdown

BOUNDARY = 5e-4
"""What the spline of Pulser's qutip backend leaves at the edges of square pulses, dark time around each segment."""
EMU = all(find_spec(module) is not None for module in ("emu_sv", "emu_mps"))


def check(row: Row) -> None:
    for pair, value in row.differences.items():
        if "ideal" not in pair:
            assert value < (BOUNDARY if "qutip" in pair else LIMIT), pair


def test_the_blockade_is_the_same_on_every_emulator() -> None:
    row = compare("blockade")

    check(row)
    assert set(row.seconds) == {"ideal", "exact", "qutip"} | ({"emu_sv", "emu_mps"} if EMU else set())
    assert "| blockade |" in markdown([row])


@pytest.mark.slow
@pytest.mark.parametrize("name", comparable())
def test_a_ready_sequence_is_the_same_on_every_emulator(name: str) -> None:
    row = compare(name)

    check(row)
    assert {"ideal", "exact"} <= set(row.seconds)
    assert all("needs" in why or "levels" in why or "amplitudes" in why for why in row.refused.values()), row.refused


def test_readout_errors_and_what_they_steer_are_the_same_on_every_emulator() -> None:
    check(compare("native_memristor", noise=READOUT))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["native_memristor", "two_port_memristor"])
def test_decohering_atoms_measured_and_fed_forward_are_the_same_on_every_emulator(name: str) -> None:
    noise = decay_of(name)
    row = compare(name, DECOHERE, noise)

    check(row)
    assert ("exact", "qutip") in row.differences
    assert effect(name, noise) > 10 * BOUNDARY


def test_an_emulator_with_another_pulse_is_found_out() -> None:
    pair = ("exact", "emu_sv")
    wrong = Row("rabi", {pair: 2 * LIMIT}, {})

    with pytest.raises(AssertionError):
        check(wrong)
    assert not boundary(wrong)
    assert boundary(Row("rabi", {("exact", "qutip"): 2 * LIMIT, pair: 0.0}, {}))
