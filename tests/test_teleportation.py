from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq

INPUTS = [(0.0, 0.0), (1.1, 0.4), (np.pi / 2, -2.0), (2.7, 1.3), (np.pi, 0.0)]

PREPARE = [
    {"rotate": {"atom": "alice", "axis": "y", "angle": "theta"}},
    {"rotate": {"atom": "alice", "axis": "z", "angle": "phi"}},
]
SEND = [
    {"rotate": {"atom": "half", "axis": "y", "angle": "pi / 2"}},
    {"cnot": {"control": "half", "target": "bob"}},
    {"cnot": {"control": "alice", "target": "half"}},
    {"rotate": {"atom": "alice", "axis": "y", "angle": "-pi / 2"}},
    {"measure": {"atoms": ["alice", "half"], "key": "m"}},
]
CORRECT = [
    {"when": {"if": "m.half == 1", "then": [{"rotate": {"atom": "bob", "axis": "x", "angle": "pi"}}]}},
    {"when": {"if": "m.alice == 1", "then": [{"rotate": {"atom": "bob", "axis": "z", "angle": "pi"}}]}},
]


def fidelity(theta: float, phi: float, body: list[Any], emulator: str = "ideal") -> float:
    """Return the fidelity of what bob ends up with to what alice prepared."""
    program = rq.Program(
        name="teleportation",
        device="MockDevice",
        register={"atoms": {"alice": (0, 0), "half": (5, 0), "bob": (10, 0)}},
        parameters={"theta": theta, "phi": phi},
        body=[*body, {"probe": {"atoms": "bob", "density_matrix": True, "key": "rho"}}],
    )
    rho = rq.run(program, shots=None, emulator=emulator).rho.sel(rho_row=["g", "h"], rho_column=["g", "h"]).values
    psi = np.array([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)])
    return float((psi.conj() @ rho @ psi).real)


@pytest.mark.parametrize(("theta", "phi"), INPUTS)
def test_bob_gets_the_state_that_alice_had(theta: float, phi: float) -> None:
    assert fidelity(theta, phi, [*PREPARE, *SEND, *CORRECT]) > 1 - 1e-9


@pytest.mark.parametrize(("theta", "phi"), INPUTS)
def test_bob_gets_the_state_pulse_by_pulse_up_to_the_errors_of_two_gates(theta: float, phi: float) -> None:
    assert fidelity(theta, phi, [*PREPARE, *SEND, *CORRECT], "exact") > 0.999


@pytest.mark.parametrize("left_out", [0, 1])
def test_without_a_correction_the_state_is_lost(left_out: int) -> None:
    kept = [CORRECT[1 - left_out]]

    assert fidelity(1.1, 0.4, [*PREPARE, *SEND, *kept]) < 0.9


def test_half_of_an_entangled_pair_is_teleported_with_its_entanglement() -> None:
    entangle = [
        {"rotate": {"atom": "twin", "axis": "y", "angle": "pi / 2"}},
        {"cnot": {"control": "twin", "target": "alice"}},
    ]
    atoms = {"alice": (0, 0), "half": (5, 0), "bob": (10, 0), "twin": (0, 5)}
    probe = {"probe": {"atoms": ["twin", "bob"], "density_matrix": True, "key": "rho"}}
    body = [*entangle, *SEND, *CORRECT, probe]
    program = rq.Program(name="swap", device="MockDevice", register={"atoms": atoms}, body=body)

    rho = rq.run(program, shots=None, emulator="ideal").rho
    labels = ["gg", "gh", "hg", "hh"]
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)

    assert bell @ rho.sel(rho_row=labels, rho_column=labels).values.real @ bell > 1 - 1e-9
