"""Positions of atoms and traps: two or three coordinates (µm)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

FARTHEST_UM = 1e6
"""A metre: no trap is farther out, and interactions over it are still numbers."""


def _in_plane_or_space(place: tuple[float, ...]) -> tuple[float, ...]:
    if len(place) not in (2, 3):
        raise PydanticCustomError("register", "must be two or three coordinates")
    if max(map(abs, place)) > FARTHEST_UM:
        raise PydanticCustomError("register", "must lie within {most} µm", {"most": f"{FARTHEST_UM:g}"})
    return place


Position = Annotated[tuple[float, ...], AfterValidator(_in_plane_or_space)]


def centred(places: list[Position]) -> list[Position]:
    """Return the places with their mean at the origin."""
    middle = [sum(axis) / len(places) for axis in zip(*places, strict=True)]
    return [tuple(x - m for x, m in zip(place, middle, strict=True)) for place in places]


def positions_of(register: Any) -> dict[str, Position]:
    """Return the coordinates (µm) of a Pulser register by atom name; the atom 0 becomes `q0`."""
    found: dict[str, Position] = {}
    for name, place in register.qubits.items():
        label = str(name) if str(name)[:1].isalpha() else f"q{name}"
        x, y, *z = (float(c) for c in place.as_array(detach=True))
        found[label] = (x, y, z[0]) if z else (x, y)
    return found
