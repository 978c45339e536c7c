"""Registers of as many atoms as machines hold: cells apart are evolved apart, whatever their number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq

ATOMS = 256
SHOTS = 20
SIGMAS = 5.0  # alpha 6e-7
NAMES = [f"q{i}" for i in range(ATOMS)]


def program(spacing_um: float, *body: Any) -> rq.Program:
    atoms = {name: (spacing_um * (i % 16), spacing_um * (i // 16)) for i, name in enumerate(NAMES)}
    return rq.Program(name="many", device="MockDevice", register={"atoms": atoms}, body=list(body))


def turned(angle: float) -> rq.Program:
    """Return a program that turns every atom, and turns those back that were found in h."""
    turns = [{"rotate": {"atom": name, "angle": angle}} for name in NAMES]
    back = [{"rotate": {"atom": name, "angle": f"m.{name} * pi"}} for name in NAMES]
    first, last = ({"measure": {"atoms": "all", "key": key}} for key in ("m", "end"))
    return program(40.0, *turns, first, *back, last)


@pytest.mark.parametrize("emulator", ["exact", pytest.param("ideal", marks=pytest.mark.slow)])
def test_every_atom_of_a_large_register_is_turned_measured_and_turned_back(emulator: str) -> None:
    record = rq.run(turned(1.1), shots=SHOTS, seed=3, emulator=emulator)

    count, chance = int(record.m.sum()), np.sin(1.1 / 2) ** 2
    error = np.sqrt(ATOMS * SHOTS * chance * (1 - chance))
    assert abs(count - ATOMS * SHOTS * chance) < SIGMAS * error
    assert abs(count - ATOMS * SHOTS * np.sin(1.3 / 2) ** 2) > SIGMAS * error  # another angle is told apart
    assert not record.end.any()


def test_a_large_register_in_one_state_is_refused_by_its_memory() -> None:
    pulse = {"pulse": {"channel": "rydberg_global", "amplitude": 5.0, "duration_ns": 200}}
    made = program(6.0, pulse, {"measure": {"atoms": "all", "key": "m"}})

    assert not rq.check(made)
    with pytest.raises(rq.QmemError, match=r"256 entangled atoms \(1.2e\+77 amplitudes each\) would need 1.1e\+70 GB"):
        rq.run(made, shots=2, seed=1)


@pytest.mark.slow
def test_a_large_register_is_drawn_and_estimated() -> None:
    made = turned(0.7)

    assert rq.estimate(made, shots=SHOTS).memory_bytes < 1e9
    assert rq.draw(made, "circuit").get_figure() is not None
