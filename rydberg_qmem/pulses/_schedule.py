"""What a segment plays: drives in time, made of waveforms of control values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any

from rydberg_qmem.language.blocks import PulseShape
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.waveforms import ZERO, Constant, Waveform
from rydberg_qmem.pulses._carried import NOTHING, Carried


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
    whole: tuple[int, int] | None = None
    """When all of the pulse plays (ns), where this is a part of it."""

    @property
    def length_ns(self) -> int:
        """How long the whole pulse lasts."""
        start, stop = self.whole or (self.start, self.stop)
        return stop - start

    def within(self, begin: int, end: int) -> Drive:
        """Return the part of the drive that plays between two times, counted from the first."""
        first, last = self.whole or (self.start, self.stop)
        start, stop = max(self.start, begin), min(self.stop, end)
        whole = None if (start, stop) == (first, last) else (first - begin, last - begin)
        return replace(self, start=start - begin, stop=stop - begin, whole=whole)

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


Frame = tuple[tuple[int, str, tuple[tuple[float, Expression], ...]], ...]
"""Phase references: atom, level, and the angle of exp(i angle) on it as factors and expressions."""


@dataclass(frozen=True)
class Look:
    """When (ns) probes look inside a segment, and the phase references at that time."""

    time_ns: int
    frame: Frame = ()


@dataclass(frozen=True)
class Schedule:
    """A segment's drives in time, how long it lasts, and the phase references that it leaves behind.

    Where EOM mode, SLM mask or output modulation shape what is played, its `sequence`, built for one setting of all
    control values, says what the drives become.
    """

    drives: tuple[Drive, ...]
    duration_ns: int
    frame: Frame = ()
    fixed: dict[Any, Any] = field(default_factory=dict, compare=False)
    """Samples of drives that no control value changes, kept when first evaluated."""
    sequence: Any = field(default=None, compare=False)
    leaves: Carried = NOTHING
    looks: tuple[Look, ...] = ()
    window: tuple[int, int] | None = None
    """Which part of its sequence (ns) it plays; None: all of it."""
    crossed: str = ""
    """Place of a pulse that another channel's on the same transition of one atom would turn, were phases added."""
    serial: int = field(default_factory=count().__next__, compare=False)
    """What tells it from every other schedule of the process."""

    @property
    def span(self) -> tuple[int, int]:
        """Which part of its sequence it plays (ns)."""
        return self.window or (0, self.duration_ns)

    def between(self, begin: int, end: int, frame: Frame) -> Schedule:
        """Return what is played between two times, and the phase references at the second."""
        drives = tuple(d.within(begin, end) for d in self.drives if max(d.start, begin) < min(d.stop, end))
        first = self.span[0]
        return Schedule(
            drives, end - begin, frame, sequence=self.sequence, leaves=self.leaves, window=(first + begin, first + end),
            crossed=self.crossed if any(d.place == self.crossed for d in drives) else "",
        )  # fmt: skip

    def part(self, k: int) -> Schedule:
        """Return the part between the look before the k-th and the k-th; the last one ends with the segment."""
        looks = (Look(0), *self.looks, Look(self.duration_ns, self.frame))
        return self.between(looks[k].time_ns, looks[k + 1].time_ns, looks[k + 1].frame)

    def turning(self, k: int) -> Schedule:
        """Return the step of no time that takes the phase references of the parts before the k-th out of the state."""
        back = ((a, level, tuple((-f, e) for f, e in angle)) for a, level, angle in self.looks[k - 1].frame)
        return Schedule((), 0, tuple(back))


def crossing(drives: Sequence[Drive], everywhere: Collection[str]) -> str:
    """Return the place of the first drive that would turn, or be turned, were phases of channels added.

    Drives of one transition add as fields, Ω exp(-iφ), and their detunings as shifts of the level. Where amplitudes and
    phases are added apart, as Pulser does for channels of one addressing, that is the same unless one that is out of
    phase meets one that is lit: while both play, and for channels that reach `everywhere`, whose phases last from pulse
    to pulse, at any time of one sequence.
    """
    ordered = sorted(drives, key=lambda drive: drive.start)
    return _crossing_at_once(ordered) or _crossing_later([drive for drive in ordered if drive.channel in everywhere])


def _crossing_at_once(drives: Sequence[Drive]) -> str:
    running: dict[tuple[int, str], list[Drive]] = {}
    for drive in drives:
        for atom in drive.atoms:
            others = [one for one in running.get((atom, drive.basis), ()) if one.stop > drive.start]
            running[atom, drive.basis] = [*others, drive]
            if any(_turns(one, drive) or _turns(drive, one) for one in others):
                return drive.place
    return ""


def _crossing_later(drives: Sequence[Drive]) -> str:
    """Return the place of the first drive of a channel that turns another channel's light, or whose light it turns."""
    turning: defaultdict[str, set[str]] = defaultdict(set)
    lit: defaultdict[str, set[str]] = defaultdict(set)
    for drive in drives:
        turning[drive.basis] |= set() if _in_phase(drive) else {drive.channel}
        lit[drive.basis] |= {drive.channel} if _lit(drive) else set()
        if any(one != other for one in turning[drive.basis] for other in lit[drive.basis]):
            return drive.place
    return ""


def _turns(one: Drive, other: Drive) -> bool:
    """Return whether the phase of one drive, were it added to that of another, would turn its light."""
    return not _in_phase(one) and _lit(other)


def _lit(drive: Drive) -> bool:
    off = isinstance(drive.amplitude, Expression) and drive.amplitude == ZERO
    off |= isinstance(drive.amplitude, Constant) and ZERO in (drive.amplitude.value, drive.amplitude.area)
    return drive.angle is not None or not off


def _in_phase(drive: Drive) -> bool:
    steady = drive.angle is None and not drive.fixed_phase and drive.phase is None
    return steady and all(e == ZERO for _, e in drive.phases)
