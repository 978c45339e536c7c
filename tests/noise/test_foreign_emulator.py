"""Noise is asked of the emulator that claims it: a small one from elsewhere is neither replaced nor passed by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

import rydberg_qmem as rq
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import (
    DECOHERENCE,
    DURATIONS,
    IN_TIME,
    READOUT,
    READOUT_NOISE,
    Capabilities,
    NoisyEmulator,
)
from rydberg_qmem.emulators.registry import NAMES, emulator_of
from rydberg_qmem.engine import acting_noise

RATE = 2.0
READ: dict[str, Any] = {"measure": {"atoms": "q", "key": "first"}}
RYDBERG = np.diag([1.0, 0.0]).astype(complex)
"""What one atom of the levels r, g decays by: it is in r."""


@dataclass
class Foreign:
    """One atom of two levels that is turned by π in every segment, whatever is played: nobody else would say so."""

    claims: frozenset[str] = frozenset({"relaxation_rate", "amp_sigma"})
    asked: list[str] = field(default_factory=list)
    name = "foreign"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            levels=frozenset({("r", "g")}), factorises=False, noise=READOUT_NOISE | self.claims,
            hardware=DURATIONS | READOUT | DECOHERENCE, trajectories=False,
        )  # fmt: skip

    def plan(self, segment: Any, target: Any) -> Any:
        return emulator_of("exact").plan(segment, target)

    def evolve(self, plan: Any, scope: Any, states: NDArray[Any], atoms: tuple[int, ...]) -> NDArray[Any]:
        self.asked.append("evolve")
        return np.asarray(states[:, ::-1])

    def wait(self, target: Any, states: NDArray[Any], duration_ns: float) -> NDArray[Any]:
        self.asked.append("wait")
        return states


class Noisy(Foreign):
    """The same with noise: what was in r falls by a share that no rate asks for, at once in a segment, in a wait."""

    def under(self, channel: NoiseChannel) -> Falling:
        self.asked.append(f"under {channel.noise.active if channel.noise else ()}")
        return Falling(self)


@dataclass
class Falling:
    emulator: Foreign

    def evolve(self, plan: Any, scope: Any, states: NDArray[Any], atoms: tuple[int, ...], *, mixed: bool
               ) -> NDArray[Any]:  # fmt: skip
        self.emulator.asked.append(f"noisy evolve {sorted(name for name in scope if name.startswith('#'))}")
        return self.fallen(states[:, ::-1], 0.25, mixed)

    def wait(self, scope: Any, states: NDArray[Any], atoms: tuple[int, ...], duration_ns: float, *, mixed: bool
             ) -> NDArray[Any]:  # fmt: skip
        self.emulator.asked.append(f"noisy wait {duration_ns:g}")
        return self.fallen(states, 0.5, mixed)

    @staticmethod
    def fallen(states: NDArray[Any], share: float, mixed: bool) -> NDArray[Any]:
        if not mixed:
            return states
        rho = states.reshape(-1, 2, 2).copy()
        lost = share * rho[:, 0, 0]
        rho[:, 0, 0] -= lost
        rho[:, 1, 1] += lost
        return rho.reshape(-1, 4)


def program(*more: dict[str, Any]) -> rq.Program:
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": 1.0, "duration_ns": 100}}
    body = [pulse, *more, {"measure": {"atoms": "q", "key": "m"}}]
    return rq.Program.from_dict(
        {"name": "p", "device": "MockDevice", "register": {"atoms": {"q": (0, 0)}}, "body": body}
    )


def test_a_segment_and_a_wait_under_noise_are_the_emulators_own() -> None:
    emulator = Noisy()

    record = rq.run(program(READ), shots=None, emulator=emulator, noise={"relaxation_rate": RATE},
                    hardware={"imaging_us": 0.3})  # fmt: skip

    assert float(record["first"]) == pytest.approx(0.75)  # no rate of relaxation says so
    assert float(record.m) == pytest.approx(0.75 * 0.5)
    assert {"under ('relaxation_rate',)", "noisy evolve ['#clock']", "noisy wait 300"} <= set(emulator.asked)
    assert not {"evolve", "wait"} & set(emulator.asked)


def test_what_differs_from_shot_to_shot_reaches_the_emulator() -> None:
    emulator = Noisy()

    record = rq.run(program(), shots=7, seed=1, emulator=emulator, noise={"amp_sigma": 0.1})

    assert "noisy evolve ['#amplitude', '#clock']" in emulator.asked
    assert (record.m == 1).all()


def test_without_noise_nothing_noisy_is_asked() -> None:
    emulator = Noisy()

    assert float(rq.run(program(), shots=None, emulator=emulator).m) == 1
    assert set(emulator.asked) == {"evolve"}


@pytest.mark.parametrize("noise", [{"dephasing_rate": 0.1}, {"temperature": 30.0}])
def test_noise_that_an_emulator_does_not_claim_is_refused_by_name(noise: dict[str, float]) -> None:
    emulator = Noisy()

    with pytest.raises(rq.QmemError, match=f"emulator 'foreign' cannot follow noise.{next(iter(noise))}"):
        rq.run(program(), shots=10, emulator=emulator, noise=noise)
    assert emulator.asked == []


@pytest.mark.parametrize(
    ("name", "around"),
    [("noise.relaxation_rate", {"noise": {"relaxation_rate": RATE}}),
     ("noise.amp_sigma", {"noise": {"amp_sigma": 0.1}}),
     ("hardware.rydberg_lifetime_us", {"hardware": {"rydberg_lifetime_us": 5.0}})],
)  # fmt: skip
def test_noise_that_is_claimed_without_a_way_to_evolve_it_is_refused_by_name(name: str, around: Any) -> None:
    emulator = Foreign()

    with pytest.raises(rq.QmemError, match=f"emulator 'foreign' claims {name}, but has no method `under`"):
        rq.run(program(), shots=10, emulator=emulator, **around)
    assert emulator.asked == []


def test_an_emulator_that_keeps_states_of_its_own_is_not_run_as_if_there_were_no_noise() -> None:
    asked = ("start", "chance", "collapsed", "moved", "reduced", "marks", "merged", "reports", "report")
    holding = type("Holding", (Foreign,), dict.fromkeys(asked, lambda *_: None))

    with pytest.raises(rq.QmemError, match=r"claims noise.relaxation_rate, but keeps states of its own"):
        rq.run(program(), shots=10, emulator=holding(), noise={"relaxation_rate": RATE})


def test_an_emulator_without_jumps_is_not_given_those_of_another() -> None:
    with pytest.raises(rq.QmemError, match="no quantum jumps, so vectors cannot decohere"):
        rq.run(program(), shots=10, emulator=Noisy(), noise={"relaxation_rate": RATE}, state="vector")


def test_an_emulator_that_claims_jumps_and_has_none_is_told_so() -> None:
    class Boasting(Noisy):
        @property
        def capabilities(self) -> Capabilities:
            return Capabilities(factorises=False, noise=frozenset({"relaxation_rate"}))

    with pytest.raises(rq.QmemError, match="has no method `jump`"):
        rq.run(program(), shots=10, seed=1, emulator=Boasting(), noise={"relaxation_rate": RATE}, state="vector")


def test_noise_evolved_in_the_emulators_place_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def instead(emulator: Any, name: str) -> Any:
        return emulator_of("exact")

    monkeypatch.setattr(acting_noise, "noisy_emulator", instead)

    with pytest.raises(AssertionError):
        test_a_segment_and_a_wait_under_noise_are_the_emulators_own()


def claimed() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        can = emulator_of(name).capabilities
        yield from ((name, f"noise.{item}") for item in sorted(can.noise) if f"noise.{item}" in IN_TIME)
        yield from ((name, f"hardware.{item}") for item in sorted(can.hardware) if f"hardware.{item}" in IN_TIME)


@pytest.mark.parametrize("name", sorted({name for name, _ in claimed()}))
def test_emulators_that_claim_noise_in_time_evolve_it(name: str) -> None:
    assert isinstance(emulator_of(name), NoisyEmulator)


def test_states_decay_in_the_dark_as_each_emulator_says() -> None:
    """Relaxation while an atom is read: the same law by each emulator that claims it."""
    pi = {"pulse": {"channel": "rydberg_global", "amplitude": np.pi / 0.1, "duration_ns": 100}}
    made = rq.Program.from_dict({**program().to_dict(), "body": [pi, READ, {"measure": {"atoms": "q", "key": "m"}}]})
    jump = np.sqrt(0.4) * np.array([[0, 0], [1, 0]], dtype=complex)
    one = np.eye(2)
    loss = jump.conj().T @ jump
    lindblad = np.kron(jump, jump.conj()) - 0.5 * (np.kron(loss, one) + np.kron(one, loss.T))
    kick = np.array([[0, 0.5], [0.5, 0]]) * np.pi / 0.1
    turn = -1j * (np.kron(kick, one) - np.kron(one, kick.T))
    wanted = (expm(0.7 * lindblad) @ expm(0.1 * (turn + lindblad)) @ np.array([0, 0, 0, 1]))[0].real

    found = {
        name: float(rq.run(made, shots=None, emulator=name, noise={"relaxation_rate": 0.4},
                           hardware={"imaging_us": 0.7}).m)
        for name in ("exact", "qutip")
    }  # fmt: skip

    assert found["exact"] == pytest.approx(wanted, abs=1e-12)
    assert found["qutip"] == pytest.approx(wanted, abs=1e-4)
