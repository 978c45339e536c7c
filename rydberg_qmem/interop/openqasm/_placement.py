"""Where the atoms of a circuit stand: a row, else a triangular patch, so close that every pair with a gate reaches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import ceil, dist, floor, sqrt
from typing import Any

from rydberg_qmem.devices import make_target
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates import lower
from rydberg_qmem.interop.openqasm._reading import refuse
from rydberg_qmem.language.blocks import CZ, CPhase
from rydberg_qmem.language.problems import validated
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register

SPACING_UM = 5.0
"""Distance of neighbours where no pair asks for less."""
CLOSE_UM = 7.0
"""Atoms with a gate stand no farther apart than this, if they can: farther gates get long and lose accuracy."""
CLOSEST_UM = 1.0
"""Distance of neighbours on a device that says no least one."""
Pairs = Mapping[frozenset[str], tuple[tuple[str, str], Any]]


def placed(
    names: list[str], pairs: Pairs, device: Any, register: Any, spacing_um: float | None
) -> tuple[Register, str]:
    """Return the register of some atoms, in the order of their qubits, and where they stand in words.

    Raises ProgramError, with the place of the first gate that cannot be, where a pair is farther apart than the
    device's two-atom gates reach.
    """
    if register is not None:
        made = validated(Register, register, "register")
        _check(made, pairs, device)
        return made, "the given register"
    if spacing_um is not None:
        made = _row(names, spacing_um)
        _check(made, pairs, device)
        return made, f"a row, {spacing_um:g} µm apart"
    if not pairs:
        return _row(names, max(SPACING_UM, least_um(device))), f"a row, {max(SPACING_UM, least_um(device)):g} µm apart"
    return _found(names, pairs, device)


def _found(names: list[str], pairs: Pairs, device: Any) -> tuple[Register, str]:
    """Return the first of these whose pairs are close, else within reach: a row, a triangular patch."""
    place, least = {name: k for k, name in enumerate(names)}, least_um(device)
    steps = max(abs(place[a] - place[b]) for (a, b), _ in pairs.values())
    patch = _patch(names, least)
    for most in (min(CLOSE_UM, reach_um(device)), reach_um(device)):
        spacing = min(max(SPACING_UM, least), floor(10 * most / steps) / 10)
        if spacing >= least:
            return _row(names, spacing), f"a row, {spacing:g} µm apart{_far(steps * spacing)}"
        if farthest_um(patch, pairs) <= most:
            return patch, f"a triangular patch, {least:g} µm apart{_far(farthest_um(patch, pairs))}"
    _check(patch, pairs, device)
    raise AssertionError("a pair that is out of reach is refused")


def farthest_um(register: Register, pairs: Pairs) -> float:
    """Return the largest distance (µm) of a pair."""
    positions = register.positions
    return max(dist(positions[a], positions[b]) for (a, b), _ in pairs.values())


def _far(distance_um: float) -> str:
    """Return what there is to say of a pair that is far apart."""
    if distance_um <= CLOSE_UM:
        return ""
    return f", the farthest pair with a gate {distance_um:.1f} µm: beyond {CLOSE_UM:g} µm gates get long and worse"


def least_um(device: Any) -> float:
    """Return the least distance that a device allows."""
    return float(device.min_atom_distance) or CLOSEST_UM


def _row(names: list[str], spacing_um: float) -> Register:
    return Register(layout="rectangle", rows=1, columns=len(names), spacing_um=spacing_um, names=tuple(names))  # type: ignore[call-arg]


def _patch(names: list[str], spacing_um: float) -> Register:
    """Return atoms on the sites of a triangular lattice nearest to the middle of a triangle, in order of distance."""
    size = ceil(sqrt(len(names))) + 2
    sites = [
        (spacing_um * (i + j / 2), spacing_um * j * sqrt(3) / 2)
        for i in range(-size, size + 1)
        for j in range(-size, size + 1)
    ]
    middle = (spacing_um / 2, spacing_um / (2 * sqrt(3))) if len(names) < 7 else (0.0, 0.0)
    nearest = sorted(sites, key=lambda site: (round(dist(site, middle), 6), site))[: len(names)]
    places = {
        name: (round(x - middle[0], 6), round(y - middle[1], 6)) for name, (x, y) in zip(names, nearest, strict=True)
    }
    return Register(atoms=places)


def _check(register: Register, pairs: Pairs, device: Any) -> None:
    """Refuse the first pair that is farther apart than gates reach."""
    reach, positions = reach_um(device), register.positions
    for (a, b), node in pairs.values():
        if a in positions and b in positions and dist(positions[a], positions[b]) > reach:
            apart = f"are {dist(positions[a], positions[b]):.1f} µm apart"
            rule = f"{apart}, but two-atom gates of {device.name} reach {reach:.1f} µm: give a register, declare qubits"
            ways = "that share gates next to each other, write swaps, or take device='MockDevice', of no least distance"
            refuse(node, f"{a}, {b}", f"{rule} {ways}")


def reach_um(device: Any) -> float:
    """Return how far apart (µm) two atoms may be for a two-atom gate of a device, to 0.1 µm below."""
    return _reach(device)


@lru_cache(maxsize=32)
def _reach(device: Any) -> float:
    low, high = least_um(device), 100.0
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if _reaches(device, middle) else (low, middle)
    return floor(10 * low) / 10


def _reaches(device: Any, distance_um: float) -> bool:
    register = {"atoms": {"a": (0, 0), "b": (distance_um, 0)}}
    gates = (CZ(control="a", target="b"), CPhase(control="a", target="b", angle="pi / 2"))
    program = Program.model_validate({"name": "reach", "device": device, "register": register, "body": gates})
    target = make_target(program, frozenset({"digital", "ground-rydberg"}))
    try:
        for gate in gates:
            lower(gate, "", target)
    except CapabilityError:
        return False
    return True
