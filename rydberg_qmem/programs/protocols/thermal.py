"""Thermal states by collisions with reset ancillas at a set temperature, and features by digital-analog layers."""

from __future__ import annotations

from itertools import combinations
from math import ceil
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.language.program import Program
from rydberg_qmem.programs.protocols.rewards import thermal_damping


@arguments.taking(
    rabi=arguments.setting,
    detuning=arguments.setting,
    beta=arguments.setting,
    collisions=arguments.setting,
    probability=arguments.setting,
)
def thermal_atom(
    *,
    rabi: float = 1.0,
    detuning: float = 1.0,
    beta: float = 1.0,
    collisions: int = 40,
    probability: float = 0.5,
    device: str = "DigitalAnalogDevice",
) -> Program:
    """Return an atom brought to exp(-βH)/Z of H = Ω X/2 - δ n, as `m` and the probes `s`.

    Collisions with thermal ancillas act in the eigenbasis of H, between turns about y; the ancilla's occupation of h is
    1/(1 + exp(βE)), E = √(Ω² + δ²). What is left of the initial state falls as (1-R)^collisions. In equilibrium P(h) =
    (1 + (δ/E) tanh(βE/2))/2 (derived).

    Args:
        rabi: Ω (rad/µs).
        detuning: δ (rad/µs).
        beta: Inverse temperature β (µs, for energies in rad/µs).
        collisions: Number of collisions.
        probability: Probability R of each.
        device: Name of the device.

    Raises ProgramError for numbers that are not finite.

    >>> thermal_atom().name
    'thermal_atom'
    """
    into = {"rotate": {"atom": "s", "axis": "y", "angle": "-(pi + atan2(rabi, detuning))"}}
    back = {"rotate": {"atom": "s", "axis": "y", "angle": "pi + atan2(rabi, detuning)"}}
    q = "1 / (1 + exp(beta * sqrt(rabi**2 + detuning**2)))"
    return Program(
        name="thermal_atom",
        device=device,
        register={"atoms": {"s": (0, 0), "b": (4, 0)}},
        parameters={"rabi": rabi, "detuning": detuning, "beta": beta, "collisions": collisions, "r": probability},
        body=[
            into,
            {"repeat": {"times": "collisions", "body": thermal_damping("s", "b", probability="r", occupation=q)}},
            back,
            {"probe": {"atoms": "s", "pauli": ["X", "Z"], "key": "s"}},
            {"measure": {"atoms": "s", "key": "m"}},
        ],
    )


@arguments.taking(atoms=arguments.whole(1, 40), spacing_um=arguments.real(above=0), strength=arguments.setting)
def digital_analog_features(
    atoms: int = 4, *, spacing_um: float = 12.0, strength: float = 0.6, device: str = "MockDevice"
) -> Program:
    """Return a feature map of numbers: turns by the inputs, an analog block of the register's interaction, turns again.

    Turns by π/2 + x about y, exp(-i strength Σ ZZ (R_0/R)⁶), turns by π/2 + x about x: the offsets let ⟨Z⟩ tell x from
    -x, and two axes that do not commute with the block let overlaps of states know it. Its inputs are x0, x1, ...
    (rad), one value per sample, as rounds of one program with all atoms reset between. `f` probes occupations and
    correlations: atoms (atoms + 1)/2 features of each sample.

    Args:
        atoms: Number of atoms, one for each input, 1 to 40.
        spacing_um: Distance R_0 of neighbours on a square grid (µm).
        strength: Angle of the interaction between neighbours (rad).
        device: Name of the device.

    Raises InputError for numbers out of range; ProgramError for a `strength` that is not finite.

    >>> sorted(digital_analog_features(2).inputs)
    ['x0', 'x1']
    """
    names = [f"q{k}" for k in range(atoms)]
    side = ceil(atoms**0.5)
    pairs: dict[str, dict[str, str]] = {}
    place = {name: (spacing_um * (k % side), spacing_um * (k // side)) for k, name in enumerate(names)}
    for one, other in combinations(names, 2):
        apart = sum((a - b) ** 2 for a, b in zip(place[one], place[other], strict=True)) ** 0.5
        pairs.setdefault(one, {})[other] = f"strength * {(spacing_um / apart) ** 6}"
    turn, again = (
        [{"rotate": {"atom": name, "axis": axis, "angle": f"pi / 2 + x{k}"}} for k, name in enumerate(names)]
        for axis in "yx"
    )
    analog: dict[str, Any] = {"ising": {"couplings": pairs, "time_us": 1}}
    probe = {"probe": {"atoms": names, "occupation": True, "correlations": True, "key": "f"}}
    body = [*turn, analog, *again, probe, {"reset": {"atoms": names}}]
    return Program(
        name="digital_analog_features",
        device=device,
        register={"atoms": place},
        parameters={"strength": strength},
        inputs={f"x{k}": {"default": "0.5", "rounds": 1} for k in range(atoms)},
        body=[{"repeat": {"over": [f"x{k}" for k in range(atoms)], "body": body}}],
    )
