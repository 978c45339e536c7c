"""The weakly measured, damped atom: its exact Bloch vector, as a Lindblad equation and measured step by step.

x' = -w y - (g/2 + 2k) x, y' = w x - g y/2, z' = g (1 - z) - 2k z, with measurement of Y at rate k and damping g.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq

W, K, G, T = 6.0, 0.5, 0.8, 1.0
START = 1.1
"""Angle of the first rotation: x = sin, z = cos."""


def exact(t: float) -> np.ndarray[Any, Any]:
    x0, y0, z0 = np.sin(START), 0.0, np.cos(START)
    decay, turn = np.exp(-(G / 2 + K) * t), np.sqrt(W**2 - K**2)
    c, s = np.cos(turn * t), np.sin(turn * t) / turn
    z = G / (G + 2 * K) + (z0 - G / (G + 2 * K)) * np.exp(-(G + 2 * K) * t)
    return np.array([decay * (x0 * c - (K * x0 + W * y0) * s), decay * (y0 * c + (K * y0 + W * x0) * s), z])


def lindblad(*, off_by: float = 1.0) -> tuple[rq.Program, dict[str, Any]]:
    """H = (w/2) Z as a detuning; both processes as effective operators. The first rotation is short and undamped."""
    free = {"pulse": {"channel": "raman_local", "atoms": "s", "amplitude": 0.0,
                      "detuning": {"constant": {"duration_ns": 1000, "value": -W}}}}  # fmt: skip
    turn = {"pulse": {"channel": "raman_local", "atoms": "s", "detuning": 0, "phase": -np.pi / 2,
                      "amplitude": {"constant": {"duration_ns": 1, "value": START * 1000}}}}  # fmt: skip
    probe = {"probe": {"atoms": "s", "pauli": ["X", "Y", "Z"], "key": "bloch"}}
    first = {"probe": {"atoms": "s", "pauli": ["X", "Y", "Z"], "key": "first"}}
    data = {"name": "damped", "device": "MockDevice", "register": {"atoms": {"s": (0, 0)}},
            "body": [turn, first, free, probe]}  # fmt: skip
    y = [[0, "-1j"], ["1j", 0]]
    noise = {"eff_noise_rates": [K * off_by, G * off_by], "eff_noise_opers": [y, [[0, 1], [0, 0]]]}
    return rq.Program.from_dict(data), noise


def propagated(start: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The closed form from any starting point."""
    x0, y0, z0 = start
    decay, turn = np.exp(-(G / 2 + K) * T), np.sqrt(W**2 - K**2)
    c, s = np.cos(turn * T), np.sin(turn * T) / turn
    z = G / (G + 2 * K) + (z0 - G / (G + 2 * K)) * np.exp(-(G + 2 * K) * T)
    return np.array([decay * (x0 * c - (K * x0 + W * y0) * s), decay * (y0 * c + (K * y0 + W * x0) * s), z])


def test_density_matrices_follow_the_closed_form() -> None:
    made, noise = lindblad()

    record = rq.run(made, shots=None, noise=noise)

    assert np.abs(record.bloch.values.ravel() - propagated(record.first.values.ravel())).max() < 1e-6
    assert np.abs(record.first.values.ravel() - [np.sin(START), 0, np.cos(START)]).max() < 2e-3


@pytest.mark.parametrize(("off_by", "agrees"), [(1.0, True), (1.5, False)])
def test_ten_thousand_trajectories_follow_the_closed_form(off_by: float, agrees: bool) -> None:
    made, noise = lindblad(off_by=off_by)

    record = rq.run(made, shots=10_000, seed=4, noise=noise, state="vector")
    away = np.abs(record.bloch.values.ravel() - propagated(record.first.values.ravel())).max()

    assert (away < 4 / np.sqrt(10_000)) == agrees


def measured(steps: int) -> rq.Program:
    """One step: turn about z, measure Y weakly by an ancilla, damp with the ancilla, measured and fed forward."""
    dt = T / steps
    body = [
        {"rotate": {"atom": "s", "axis": "z", "angle": W * dt}},
        {"weak_measure": {"system": "s", "ancilla": "a", "axis": "y", "key": "m",
                          "strength": float(np.sin(2 * np.sqrt(K * dt)))}},
        {"damp": {"system": "s", "ancilla": "a", "probability": 1 - float(np.exp(-G * dt)), "key": "d"}},
    ]  # fmt: skip
    data = {"name": "pfeiffer", "register": {"atoms": {"s": (0, 0), "a": (5, 0)}},
            "body": [{"rotate": {"atom": "s", "angle": START}}, {"repeat": {"times": steps, "body": body}},
                     {"probe": {"atoms": "s", "pauli": ["X", "Y", "Z"], "key": "bloch"}}]}  # fmt: skip
    return rq.Program.from_dict(data)


def stepped(steps: int) -> np.ndarray[Any, Any]:
    """The same steps as maps of the Bloch vector."""
    dt = T / steps
    (x, y, z), keep = (np.sin(START), 0.0, np.cos(START)), np.exp(-G * dt)
    for _ in range(steps):
        c, s = np.cos(W * dt), np.sin(W * dt)
        x, y = c * x - s * y, s * x + c * y
        shrink = np.cos(2 * np.sqrt(K * dt))
        x, z = shrink * x, shrink * z
        x, y, z = np.sqrt(keep) * x, np.sqrt(keep) * y, 1 - (1 - z) * keep
    return np.array([x, y, z])


def test_measured_steps_are_their_maps_exactly() -> None:
    record = rq.run(measured(4), shots=None, emulator="ideal", state="density_matrix")

    assert np.abs(record.bloch.values.ravel() - stepped(4)).max() < 1e-6


@pytest.mark.slow
def test_ten_thousand_measured_shots_follow_the_continuous_law() -> None:
    record = rq.run(measured(60), shots=10_000, seed=6, emulator="ideal")

    assert np.abs(record.bloch.values.ravel() - exact(T)).max() < 4 / np.sqrt(10_000)
