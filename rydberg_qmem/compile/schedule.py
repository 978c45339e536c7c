"""What a segment plays: drives in time, made of waveforms of control values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.blocks import PulseShape
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.values import Tagged
from rydberg_qmem.language.waveforms import ZERO, Constant, Waveform


@dataclass(frozen=True)
class Drive:
    """One pulse as scheduled: which atoms, when (ns), and what its samples are made of."""

    place: str
    channel: str
    basis: str
    atoms: tuple[int, ...]
    start: int
    stop: int
    amplitude: Waveform | Expression
    detuning: Waveform | Expression
    phases: tuple[tuple[float, Expression], ...] = ()
    phase: Waveform | None = None
    angle: Expression | None = None
    reach: float = 0.0
    fixed_phase: float = 0.0
    shape: PulseShape = "square"
    """Of a drive whose area is its `angle`."""
    weights: tuple[float, ...] | None = None

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names that the drive's samples depend on."""
        found = shape_names(self.amplitude) | shape_names(self.detuning) | shape_names(self.phase)
        found |= self.angle.names if self.angle is not None else frozenset()
        return found.union(*(expression.names for _, expression in self.phases))


def shape_names(value: Any) -> frozenset[str]:
    """Return the names that a waveform's expressions read."""
    if isinstance(value, Expression):
        return value.names
    if isinstance(value, tuple):
        return frozenset().union(*(shape_names(item) for item in value))
    if isinstance(value, Tagged):
        return frozenset().union(*(shape_names(getattr(value, name)) for name in type(value).model_fields))
    return frozenset()


@dataclass(frozen=True)
class Schedule:
    """A segment's drives in time, how long it lasts, and the phase references that it leaves behind.

    Where EOM mode, SLM mask or output modulation shape what is played, its `sequence`, built for one setting of all
    control values, says what the drives become.
    """

    drives: tuple[Drive, ...]
    duration_ns: int
    frame: tuple[tuple[int, str, tuple[tuple[float, Expression], ...]], ...] = ()
    fixed: dict[Any, Any] = field(default_factory=dict, compare=False)
    """Samples of drives that no control value changes, kept when first evaluated."""
    sequence: Any = field(default=None, compare=False)
    crossed: str = ""
    """Place of a pulse that plays at once with another, out of phase, on one transition of one atom."""
    serial: int = field(default_factory=count().__next__, compare=False)
    """What tells it from every other schedule of the process."""


def overlapping(drives: Sequence[Drive]) -> str:
    """Return the place of a drive that shares an atom's transition with another out of phase; refuse detuned ones.

    Fields in phase add as in Pulser: amplitudes, and detunings as shifts of the level. Out of phase they add as
    Ω exp(-iφ) where both are resonant; detuned ones have no frame that turns with both.
    """
    crossed = ""
    running: dict[tuple[int, str], Drive] = {}
    for drive in sorted(filter(_drives, drives), key=lambda drive: drive.start):
        for atom in drive.atoms:
            other = running.get((atom, drive.basis))
            if other is not None and other.stop > drive.start and not all(_in_phase(one) for one in (drive, other)):
                if not all(one.detuning == ZERO and one.phase is None for one in (drive, other)):
                    raise CapabilityError(
                        f"{drive.place}: plays at once with {other.place} on one atom's {drive.basis} transition: "
                        "out of phase, both must be resonant"
                    )
                crossed = crossed or drive.place
            if other is None or drive.stop > other.stop:
                running[(atom, drive.basis)] = drive
    return crossed


def _drives(drive: Drive) -> bool:
    off = isinstance(drive.amplitude, Expression) and drive.amplitude == ZERO
    off |= isinstance(drive.amplitude, Constant) and ZERO in (drive.amplitude.value, drive.amplitude.area)
    return drive.angle is not None or not off


def _in_phase(drive: Drive) -> bool:
    steady = drive.angle is None and not drive.fixed_phase and drive.phase is None
    return steady and all(e == ZERO for _, e in drive.phases)
