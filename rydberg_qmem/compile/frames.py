"""Phase references from segment to segment: which atoms are known to share one, and which pulse would need two.

A phase shift is the light's, not the atom's: later pulses go on with it, through measurements, resets and rounds, as
they do within one Pulser sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import assert_never

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.steps import (
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
)
from rydberg_qmem.devices import GatePulse, Lowered, Target
from rydberg_qmem.errors import Problem
from rydberg_qmem.language.blocks import (
    Align,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ModifyEOM,
    PhaseShift,
    Pulse,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import ZERO
from rydberg_qmem.pulses import UNSHIFTED, Reference

Site = tuple[int, str]
"""Atom and basis."""
References = dict[Site, Reference]


@dataclass
class Frames:
    """What is known of the phase references of a program's atoms where each of its segments begins."""

    entering: dict[int, References] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    sites: set[Site] = field(default_factory=set)
    """Atoms and bases of which some segment leaves a reference behind."""

    def groups(self, segment: int) -> Iterator[tuple[tuple[int, ...], str, Reference]]:
        """Yield atoms, basis and reference of each group that shares one when a segment begins, where it is any."""
        made: dict[tuple[str, Reference], list[int]] = {}
        for (atom, basis), reference in sorted(self.entering.get(segment, {}).items(), key=lambda item: item[0]):
            if reference != UNSHIFTED:
                made.setdefault((basis, reference), []).append(atom)
        yield from ((tuple(atoms), basis, reference) for (basis, reference), atoms in made.items())


def frames_of(compiled: Compiled) -> Frames:
    """Follow the phase references of all atoms through a program, loops until nothing new comes of them."""
    follower = _Follower(compiled.target)
    follower.walk(compiled.steps, {})
    return follower.made


@dataclass
class _Follower:
    target: Target
    made: Frames = field(default_factory=Frames)
    began: References = field(default_factory=dict)
    """The references that the segment began with which is under way."""
    fresh: Iterator[int] = field(default_factory=lambda: count(1))
    aims: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def walk(self, steps: tuple[Step, ...], known: References) -> References:
        for step in steps:
            known = self._step(step, known)
        return known

    def _step(self, step: Step, known: References) -> References:
        match step:
            case Segment():
                return self._segment(step, known)
            case RepeatStep():
                return self._repeat(step, known)
            case WhenStep():
                return self._joined(self.walk(step.then, dict(known)), self.walk(step.otherwise, dict(known)))
            case MeasureStep() | ResetStep() | ProbeStep() | SetStep() | PushStep():
                return known
            case _:
                assert_never(step)

    def _repeat(self, step: RepeatStep, known: References) -> References:
        """Go round until every reference that rounds change is one of the loop's own, shared by whom it stays with."""
        left, own = self.walk(step.body, dict(known)), frozenset[Reference]()
        while step.times > 1:
            joined = self._joined(known, left)
            changed = {site for site, reference in joined.items() if reference != known.get(site, UNSHIFTED)}
            if {known.get(site, UNSHIFTED) for site in changed} <= own and _classes(joined) == _classes(known):
                break
            own = frozenset(joined[site] for site in changed)
            known, left = joined, self.walk(step.body, dict(joined))
        return left

    def _joined(self, one: References, other: References) -> References:
        """Return references where two paths meet: those that differ are new, and alike where both paths had them so."""
        made: References = {}
        new: dict[tuple[Reference, Reference], Reference] = {}
        for site in sorted({*one, *other}):
            pair = one.get(site, UNSHIFTED), other.get(site, UNSHIFTED)
            if pair[0] == pair[1]:
                made[site] = pair[0]
                continue
            if pair not in new:
                new[pair] = Reference(next(self.fresh))
            made[site] = new[pair]
        return made

    def _segment(self, step: Segment, known: References) -> References:
        if not step.begins:
            self.made.entering[step.index] = self.began
            return known
        self.made.entering[step.index] = self.began = dict(known)
        here: References = {}
        for number, (op, place) in enumerate(plan_segment(step, self.target).operations):
            self._aim(op)
            self._share(op, place, known, here)
            for references in (known, here):
                self._play(op, references, step.index, number)
        self.made.sites |= {site for site, reference in known.items() if reference != UNSHIFTED}
        return known

    def _aim(self, op: Lowered) -> None:
        """Note which atoms a local channel acts on from here: blocks of EOM mode name none."""
        match op:
            case Pulse(atoms=tuple() as atoms) | Retarget(atoms=tuple() as atoms):
                self.aims[op.channel] = atoms
            case GatePulse():
                self.aims[op.channel] = (op.atom,)
            case Pulse() | Retarget() | PhaseShift() | Delay() | Align() | DetuningMap() | SLMMask():
                pass
            case EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM():
                pass
            case _:
                assert_never(op)

    def _share(self, op: Lowered, place: str, *known: References) -> None:
        """Note a pulse on atoms that do not share a reference: of all the program, or of the shifts in its segment.

        What the segments before have shifted is in the states; the light of one pulse has one phase.
        """
        if not isinstance(op, Pulse | EOMPulse):
            return
        basis, atoms = self._driven(op.channel, op.atoms if isinstance(op, Pulse) else None)
        for references in known:
            found = [references.get((atom, basis), UNSHIFTED) for atom in atoms]
            other = next((atom for atom, one in zip(atoms, found, strict=True) if one != found[0]), None)
            if other is not None:
                names = " and ".join(self.target.atoms[atom] for atom in (atoms[0], other))
                rule = f"one pulse cannot act on atoms with different phase references ({names}): give each a pulse"
                self.made.problems.setdefault(place, Problem(place, rule))

    def _play(self, op: Lowered, known: References, segment: int, number: int) -> None:
        match op:
            case PhaseShift():
                _shift(known, self.target.indices(op.atoms), op.basis, op.angle, segment)
            case Pulse():
                basis, atoms = self._driven(op.channel, op.atoms)
                _shift(known, atoms, basis, op.post_phase_shift, segment)
            case EOMPulse():
                basis, atoms = self._driven(op.channel, None)
                _shift(known, atoms, basis, op.post_phase_shift, segment)
                self._drift(op, known, segment, number)
            case EnableEOM() | ModifyEOM() | DisableEOM():
                self._drift(op, known, segment, number)
            case GatePulse() | Align() | Delay() | DetuningMap() | Retarget() | SLMMask():
                pass
            case _:
                assert_never(op)

    def _drift(
        self, op: EnableEOM | ModifyEOM | DisableEOM | EOMPulse, known: References, segment: int, number: int
    ) -> None:
        if op.correct_phase_drift:
            basis, atoms = self._driven(op.channel, None)
            for atom in atoms:
                known[atom, basis] = known.get((atom, basis), UNSHIFTED).plus(
                    f"drift of {op.channel} {number}", segment
                )

    def _driven(self, channel_id: str, atoms: str | tuple[str, ...] | None) -> tuple[str, tuple[int, ...]]:
        channel = self.target.channel(channel_id)
        here = self.aims.get(channel_id, self.target.atoms[:1]) if channel.addressing == "Local" else "all"
        return str(channel.basis), self.target.indices(here if atoms is None else atoms)


def _shift(known: References, atoms: tuple[int, ...], basis: str, angle: Expression, segment: int) -> None:
    if angle != ZERO:
        for atom in atoms:
            known[atom, basis] = known.get((atom, basis), UNSHIFTED).shifted(angle, segment)


def _classes(known: References) -> frozenset[frozenset[Site]]:
    """Return the sites that share a reference, none counted as one."""
    made: dict[tuple[str, Reference], set[Site]] = {}
    for site, reference in known.items():
        if reference != UNSHIFTED:
            made.setdefault((site[1], reference), set()).add(site)
    return frozenset(map(frozenset, made.values()))
