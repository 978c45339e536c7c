"""What a segment plays, for emulators of two levels: steps of constant drives on each atom, stretch by stretch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import PlayedSegment, Stretch, each_schedule
from rydberg_qmem.pulses import Scope, column

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Played:
    """Drives on each atom, (steps, atoms) in rad/µs and rad, constant between `cuts` (steps + 1, ns).

    The `target` says who interacts meanwhile: atoms under a mask of the XY mode do not.
    """

    target: Target
    cuts: NDArray[np.int64]
    amplitude: Array
    detuning: Array
    phase: Array

    def stretches(self) -> list[Played]:
        """Return the drives in parts throughout which the same atoms are driven."""
        on = self.amplitude != 0
        edges = [0, *(np.flatnonzero((on[1:] != on[:-1]).any(axis=1)) + 1), len(on)]
        return [
            Played(self.target, self.cuts[a : b + 1], self.amplitude[a:b], self.detuning[a:b], self.phase[a:b])
            for a, b in pairwise(edges)
        ]

    @property
    def driven(self) -> NDArray[np.bool_]:
        """Return which atoms have any amplitude."""
        return np.asarray((self.amplitude != 0).any(axis=0))

    def of_atoms(self, atoms: NDArray[np.int64], shift: Array) -> Played:
        """Return the drives on some atoms only, their detunings changed by constants (rad/µs)."""
        return Played(
            self.target, self.cuts, self.amplitude[:, atoms], self.detuning[:, atoms] + shift, self.phase[:, atoms]
        )

    def cut(self, longest_ns: float) -> Played:
        """Return the same drives in steps of at most a length; times are whole multiples of a nanosecond's part."""
        counts = np.ceil(np.diff(self.cuts) / longest_ns - 1e-9).astype(np.int64)
        parts = [
            np.linspace(a, b, n, endpoint=False) for a, b, n in zip(self.cuts[:-1], self.cuts[1:], counts, strict=True)
        ]
        cuts = np.concatenate([*parts, self.cuts[-1:]])
        which = np.repeat(np.arange(len(counts)), counts)
        return Played(self.target, cuts, self.amplitude[which], self.detuning[which], self.phase[which])


def dark(target: Target, duration_ns: float) -> Played:
    """Return a time without any drive."""
    nothing = np.zeros((1, len(target.atoms)))
    return Played(target, np.array([0, duration_ns]), nothing, nothing, nothing)


def each_row(
    plan: Plan, scope: Scope, rows: int, averaged_ns: int
) -> Iterator[tuple[int, tuple[Played, ...], PlayedSegment]]:
    """Yield every row with what is played for it, one part for each mask, and the segment that plays it.

    Rows with the same control values share what is played.
    """
    everything = tuple(range(len(plan.target.atoms)))
    controls = plan.controls_of(everything)
    for segment, chosen in each_schedule(plan, scope, rows, everything):
        columns = [np.broadcast_to(column(e, segment.scope), (len(chosen),)) for e in controls]
        made: dict[tuple[float, ...], tuple[Played, ...]] = {}
        for i, row in enumerate(chosen):
            values, here = tuple(float(c[i]) for c in columns), segment.of_rows(np.array([i]))
            if values not in made:
                made[values] = played(here, averaged_ns)
            yield int(row), made[values], here


def played(segment: PlayedSegment, averaged_ns: int) -> tuple[Played, ...]:
    """Return what one row plays: drives of one transition add up as fields, whatever their phases."""
    if segment.schedule.duration_ns == 0:
        return ()
    parts = groupby(segment.stretches(), key=lambda stretch: stretch.target)
    return tuple(_steps(target, list(stretches), averaged_ns) for target, stretches in parts)


def _steps(target: Target, stretches: list[Stretch], averaged_ns: int) -> Played:
    """Cut at every change of a sample; changes closer than `averaged_ns` become one step with the mean drives."""
    cuts, both = _table(target, stretches)
    changed = np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1
    edges = [0]
    for k, change in enumerate(changed):
        following = cuts[changed[k + 1]] if k + 1 < len(changed) else cuts[-1]
        if cuts[change] - cuts[edges[-1]] >= averaged_ns or following - cuts[change] >= averaged_ns:
            edges.append(int(change))
    lengths = np.diff(cuts)[:, None]
    steps = np.append(edges, len(lengths))
    mean = np.add.reduceat(both * lengths, edges, axis=0) / np.add.reduceat(lengths, edges, axis=0)
    alone = np.array([(both[i:j] == both[i]).all() for i, j in pairwise(steps)])[:, None]
    mean = np.where(alone, both[edges], mean)
    atoms = len(target.atoms)
    drive = mean[:, :atoms].conj()
    return Played(target, cuts[steps], np.abs(drive), mean[:, atoms:].real, np.angle(drive))


def _table(target: Target, stretches: list[Stretch]) -> tuple[NDArray[np.int64], NDArray[np.complex128]]:
    """Return where drives may change (ns), and Ω exp(-iφ) and δ of each atom between, (intervals, 2 atoms)."""
    atoms, cuts, rows = len(target.atoms), [], []
    for stretch in stretches:
        made = np.zeros((len(stretch.cuts) - 1, 2 * atoms), dtype=complex)
        for (atom, _), (omega, delta) in stretch.drives().items():
            made[:, atom], made[:, atoms + atom] = omega[0], delta[0]
        cuts.append(stretch.cuts[:-1])
        rows.append(made)
    return np.concatenate([*cuts, stretches[-1].cuts[-1:]]), np.concatenate(rows)


def energy_scale(steps: Played) -> float:
    """Return a bound on the Hamiltonian's spread (rad/µs): what a step of a Krylov method must resolve."""
    target = steps.target
    pairs = np.triu(target.van_der_waals).sum()
    if "0" in target.levels:
        pairs += np.triu(np.abs(target.exchange)).sum()
    return float(pairs) + float((steps.amplitude + np.abs(steps.detuning)).sum(axis=1).max())
