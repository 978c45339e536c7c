"""What a segment plays to some of the atoms: drives, who interacts meanwhile, and the frame it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan, rows_of, timed
from rydberg_qmem.compile.samples import Track, evaluate, sampled
from rydberg_qmem.devices import DRIVEN, Target
from rydberg_qmem.emulators.exact._fluctuating import fluctuating_tracks
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.pulses import Schedule, Scope, column
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Cuts = NDArray[np.int64]
Drives = dict[tuple[int, str], tuple[NDArray[np.complex128], Array]]
"""Ω exp(-iφ) and δ of each (atom, basis), arrays (rows or 1, intervals) in rad/µs."""

CONTROL_DIGITS = 12
"""Decimals of control values that tell propagators apart: a sine's period comes round with other last bits."""
MOST_SAMPLES, LEAST_SAMPLES = 2**15, 2**10
"""Samples of a stretch, those of all rows counted, that are evolved at once; and of each row at the least."""


@lru_cache(maxsize=32)
def layout_of(target: Target) -> Layout:
    """Return the layout of a target, with its index tables cached."""
    return Layout.of(target)


@dataclass(frozen=True)
class Stretch:
    """A time in which the same drives are on and the same atoms interact.

    `target` says who interacts: atoms under an SLM mask of the XY mode do not. `cuts` (ns) hold every change of a
    sample; `share` is the part of the segment's duration, and of the error that it may have; `serial` tells its
    schedule from others.
    """

    target: Target
    cuts: Cuts
    active: list[Track]
    share: float = 1.0
    serial: int = 0

    @property
    def fixed(self) -> bool:
        """Whether no control value changes what is played."""
        return all(track.fixed for track in self.active)

    @property
    def times_us(self) -> Array:
        """How long each interval between two cuts is (µs)."""
        return np.asarray(np.diff(self.cuts) / NS_PER_US)

    def drives(self, columns: int = 1) -> Drives:
        """Return the sum of the drives on each (atom, basis), each row `columns` times."""
        sites: Drives = {}
        for track in self.active:
            which = track.pieces(self.cuts[:-1])
            omega, delta = track.omega[:, which], track.delta[:, which]
            if columns > 1 and len(omega) > 1:
                omega = np.repeat(omega, columns, axis=0)
            if columns > 1 and len(delta) > 1:
                delta = np.repeat(delta, columns, axis=0)
            for k, atom in enumerate(track.atoms):
                weight = 1.0 if track.weights is None else track.weights[k]
                old = sites.get((atom, track.basis))
                now = (omega, weight * delta)
                sites[(atom, track.basis)] = now if old is None else (old[0] + now[0], old[1] + now[1])
        return sites


def dark(target: Target, duration_ns: float) -> Stretch:
    """Return a time without any drive, which may be negative: taken out again."""
    return Stretch(target, np.array([0.0, duration_ns]), [])


@dataclass(frozen=True, eq=False)
class PlayedSegment:
    """What a schedule does to some of the atoms, under the control values and fluctuations of its rows."""

    plan: Plan
    schedule: Schedule
    atoms: tuple[int, ...]
    scope: Scope
    fluctuations: Fluctuations | None = None

    @property
    def key(self) -> bytes:
        """What tells it from segments that play something else, control values aside."""
        return f"{self.schedule.serial}:{self.atoms}:{''.join(self.target.levels)}:".encode()

    @property
    def target(self) -> Target:
        """The target with these atoms only."""
        return self.plan.target_of(self.atoms)

    def of_rows(self, rows: NDArray[np.int64]) -> PlayedSegment:
        """Return the segment as some of the rows play it."""
        return replace(self, scope=rows_of(self.scope, rows))

    def settings(self, rows: int) -> Array:
        """Return the control values (rows, controls) that tell propagators apart."""
        controls = self.plan.controls_of(self.atoms)
        values = np.empty((rows, len(controls)))
        for k, expression in enumerate(controls):
            values[:, k] = column(expression, self.scope)
        return np.asarray(np.round(values, CONTROL_DIGITS) + 0.0)

    def stretches(self, columns: int = 1) -> Iterator[Stretch]:
        """Yield the time of the schedule in stretches; atoms under a mask of the XY mode do not interact in theirs.

        Where each row stands for so many `columns` that share its drives, stretches hold fewer samples.
        """
        mask = sampled(self.schedule, self.plan.target)
        for cuts, active in stretches(self.tracks(), self.schedule.duration_ns, mask.masked_until, columns):
            target = self.target.hiding(mask.masked if cuts[0] < mask.masked_until else frozenset())
            share = float(cuts[-1] - cuts[0]) / max(1, self.schedule.duration_ns)
            yield Stretch(target, cuts, active, share, self.schedule.serial)

    def tracks(self) -> list[Track]:
        """Return the drives on these atoms, evaluated, with the atoms' places among them."""
        if self.fluctuations is not None:
            every = self._felt(evaluate(self.schedule, self.scope, self.plan.target))
            return fluctuating_tracks(self.fluctuations, every, self.atoms, self.scope)
        place = {atom: i for i, atom in enumerate(self.atoms)}
        made = []
        for track in self._felt(evaluate(self.schedule, self.scope, self.plan.target, set(self.atoms))):
            here = [k for k, atom in enumerate(track.atoms) if atom in place]
            weights = None if track.weights is None else tuple(track.weights[k] for k in here)
            made.append(replace(track, atoms=tuple(place[track.atoms[k]] for k in here), weights=weights))
        return made

    def _felt(self, tracks: list[Track]) -> list[Track]:
        """Leave out the light of detuning maps where no state holds the level that it shifts."""
        held = set(self.target.levels)
        return [track for track in tracks if track.weights is None or held.issuperset(DRIVEN[track.basis])]

    def turns(self) -> Iterator[State]:
        """Yield the factors (rows or 1, dimension) that turn the phase references left behind into the states."""
        layout = layout_of(self.target)
        for atom, level, parts in self.schedule.frame:
            if atom not in self.atoms:
                continue
            angle = np.zeros(1)
            for factor, expression in parts:
                angle = angle + factor * column(expression, self.scope)
            yield np.exp(1j * angle[:, None] * layout.is_level(self.atoms.index(atom), level))

    def turned(self, rows: State) -> State:
        """Return vectors (rows, …, dimension) in the frame that the segment leaves behind."""
        for turn in self.turns():
            rows = rows * (turn if rows.ndim == 2 else turn[:, None, :])
        return rows

    def turned_matrices(self, flat: State) -> State:
        """Return flat density matrices (rows, …, dimension²) in that frame."""
        if not self.schedule.frame:
            return flat
        turn = self.turned(np.ones((1, self.target.dimension), dtype=complex))
        both = (turn[:, :, None] * turn[:, None, :].conj()).reshape(len(turn), -1)
        return np.asarray(flat * (both if flat.ndim == 2 else both[:, None, :]))


def each_schedule(
    plan: Plan, scope: Scope, rows: int, atoms: tuple[int, ...], fluctuations: Fluctuations | None = None
) -> Iterator[tuple[PlayedSegment, NDArray[np.int64]]]:
    """Yield what is played for each timing that the control values ask for, and to which rows."""
    for schedule, chosen, part in timed(plan, scope, rows):
        yield PlayedSegment(plan, schedule, atoms, part, fluctuations), chosen


def stretches(tracks: list[Track], end: int, also: int = 0, columns: int = 1) -> list[tuple[Cuts, list[Track]]]:
    """Cut time (ns) where drives begin or end, and at one place more; within a stretch, at every change of a sample.

    What has very many samples is cut as well, so that memory holds the Hamiltonians of a part of them at a time:
    those of all rows, each of which counts for so many `columns`.
    """
    rows = max((max(len(t.omega), len(t.delta)) for t in tracks), default=1)
    part = max(LEAST_SAMPLES, MOST_SAMPLES // (rows * columns if rows > 1 else 1))
    edges = {0, end, also, *(int(t.breaks[0]) for t in tracks), *(int(t.breaks[-1]) for t in tracks)}
    made = []
    for start, stop in pairwise(sorted(edges)):
        active = [t for t in tracks if t.breaks[0] <= start and t.breaks[-1] >= stop]
        inner = [t.breaks[(t.breaks > start) & (t.breaks < stop)] for t in active if len(t.breaks) > 2]
        cuts = np.unique(np.concatenate([[start, stop], *inner])).astype(np.int64) if inner else np.array([start, stop])
        made += [(cuts[k : k + part + 1], active) for k in range(0, len(cuts) - 1, part)]
    return made
