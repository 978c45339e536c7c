"""The blockade CZ against what is known of it: its map on two qubits, phases and all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import pi, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.gates._lowering import CZ_COEFFICIENT, cz_pi_duration_ns

IDEAL = np.diag([-1.0, -1.0, -1.0, 1.0])
"""On gg, gh, hg, hh: π on the control, 2π on the target and π on the control, with a perfect blockade."""


@dataclass(frozen=True)
class Gate:
    """A CZ as played: its map on gg, gh, hg, hh (rows out, columns in), and Ω / U."""

    unitary: NDArray[np.complex128]
    ratio: float

    @property
    def infidelity(self) -> float:
        """1 - F, averaged over all states; what leaves the two qubits counts as lost."""
        overlap = abs(np.trace(IDEAL.conj().T @ self.unitary)) ** 2
        return 1 - (float(np.trace(self.unitary.conj().T @ self.unitary).real) + float(overlap)) / 20

    @property
    def phases(self) -> NDArray[np.float64]:
        return np.asarray(np.angle(np.diag(self.unitary)))


@cache
def gate(infidelity: float, *, gap_um: float = 5.0, device: str = "MockDevice", control: str = "c") -> Gate:
    """Evolve the four basis states of two qubits through the gate's segment."""
    block = rq.CZ(control=control, target="t" if control == "c" else "c", infidelity=infidelity)
    register = {"atoms": {"c": [0, 0], "t": [gap_um, 0]}}
    compiled = compile_program(rq.Program(name="p", device=device, register=register, body=[block]))
    [segment] = compiled.steps
    assert isinstance(segment, Segment)
    emulator, levels = Exact(), compiled.target.levels
    g, h = levels.index("g"), levels.index("h")
    qubits = [3 * one + two for one in (g, h) for two in (g, h)]
    evolved = emulator.evolve(emulator.plan(segment, compiled.target), {}, np.eye(9, dtype=complex)[qubits], (0, 1))
    rabi = 1000 * pi / cz_pi_duration_ns(compiled.target, 0, 1, infidelity)
    return Gate(evolved[:, qubits].T, rabi / float(compiled.target.van_der_waals[0, 1]))


def closed(turns: int) -> Gate:
    """Return a gate whose blocked target comes back after `turns` whole turns: U = Ω √(turns² - 1)."""
    rabi = 1000 * pi / 100
    gap_um = (5420158.53 / (rabi * sqrt(turns**2 - 1))) ** (1 / 6)
    return gate(1.0001 * CZ_COEFFICIENT / (turns**2 - 1), gap_um=gap_um)


@pytest.mark.parametrize("turns", [10, 20, 50])
def test_its_infidelity_is_that_of_the_known_formula(turns: int) -> None:
    made = closed(turns)

    assert 1 / made.ratio == pytest.approx(turns, rel=0.01)
    assert made.infidelity == pytest.approx(0.370 * made.ratio**2, rel=0.05)


@pytest.mark.parametrize("infidelity", [3.7e-3, 9.25e-4, 1.48e-4, 1e-5])
@pytest.mark.parametrize("device", ["MockDevice", "DigitalAnalogDevice"])
def test_a_target_that_does_not_come_back_costs_up_to_a_quarter_of_the_ratio_squared(
    infidelity: float, device: str
) -> None:
    made = gate(infidelity, device=device)
    left = np.sin(pi * sqrt(1 + made.ratio**-2)) ** 2  # of (Ω/U)², after the blocked 2π pulse

    assert made.infidelity == pytest.approx((3 * pi**2 / 80 + left / 4) * made.ratio**2, rel=0.05)


@pytest.mark.parametrize("turns", [10, 20, 50])
def test_its_phases_are_those_of_a_cz_up_to_the_known_deficit(turns: int) -> None:
    made = closed(turns)
    gg, gh, hg, hh = made.phases

    assert abs(np.exp(1j * gh) + 1) < 1e-9
    assert abs(np.exp(1j * hg) + 1) < 1e-9
    assert abs(np.exp(1j * hh) - 1) < 1e-9
    assert pi - abs(gg) == pytest.approx(pi * made.ratio / 2, rel=0.03)


def test_it_is_diagonal_and_loses_nothing_but_from_both_in_g() -> None:
    made = closed(10)
    kept = np.abs(np.diag(made.unitary)) ** 2

    assert np.abs(made.unitary - np.diag(np.diag(made.unitary))).max() < 1e-9
    assert kept[1:] == pytest.approx(1, abs=1e-9)
    assert 0 < 1 - kept[0] < 5 * made.ratio**4


@pytest.mark.parametrize("infidelity", [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6])
@pytest.mark.parametrize("device", ["MockDevice", "DigitalAnalogDevice"])
def test_the_requested_infidelity_is_met(infidelity: float, device: str) -> None:
    assert gate(infidelity, device=device).infidelity <= infidelity


def test_a_smaller_infidelity_takes_longer() -> None:
    ratios = [gate(infidelity).ratio for infidelity in (1e-2, 1e-3, 1e-4, 1e-5)]

    assert ratios == sorted(ratios, reverse=True)


def test_control_and_target_may_change_places() -> None:
    one, other = gate(1e-3), gate(1e-3, control="t")

    assert np.abs(one.unitary - other.unitary).max() < 1e-9


def test_atoms_that_interact_less_make_a_worse_gate() -> None:
    near, far = gate(1e-2), gate(1e-2, gap_um=7.0)
    slow = gate(1e-2, gap_um=7.0, device="DigitalAnalogDevice")

    assert far.infidelity < 0.02
    assert near.infidelity < 0.02
    assert slow.infidelity < 0.02


def test_a_bell_pair_of_the_ready_sequence_has_its_fidelity() -> None:
    record = rq.run("cz_gate", shots=None)
    names = [str(name) for name in record.rho_row.values]
    bell = np.array([(name in ("gg", "hh")) / sqrt(2) for name in names])

    fidelity = float((bell @ record.rho.values @ bell).real)

    assert 1 - fidelity < 3e-4
    assert record.m.values == pytest.approx([0.5, 0.5], abs=1e-3)


def test_two_gates_one_after_the_other_are_nothing() -> None:
    pair = [rq.CZ(control="c", target="t")] * 2
    turn, back = rq.Rotate(atom="t", angle="pi / 2"), rq.Rotate(atom="t", angle="-pi / 2")
    register = {"atoms": {"c": [0, 0], "t": [5, 0]}}
    body = [rq.Rotate(atom="c", angle="pi / 2"), turn, *pair, back, rq.Measure(atoms="t", key="m")]

    record = rq.run(rq.Program(name="p", register=register, body=body), shots=None)

    assert float(record.m) < 1e-3
