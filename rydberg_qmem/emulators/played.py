"""What Pulser plays in a segment: the samples of its own sequence, cut into steps of constant drives."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan, rows_of, timed
from rydberg_qmem.compile.schedule import Schedule
from rydberg_qmem.compile.shapes import Scope, column
from rydberg_qmem.compile.target import Target
from rydberg_qmem.compile.to_pulser import to_pulser

Array = NDArray[np.float64]
BASES: dict[tuple[str, ...], str] = {("r", "g"): "ground-rydberg", ("0", "1"): "XY"}


@dataclass(frozen=True)
class Played:
    """Drives on each atom, (steps, atoms) in rad/µs and rad, constant between `cuts` (steps + 1, ns)."""

    cuts: NDArray[np.int64]
    amplitude: Array
    detuning: Array
    phase: Array

    def stretches(self) -> list[Played]:
        """Return the drives in parts throughout which the same atoms are driven."""
        on = self.amplitude != 0
        edges = [0, *(np.flatnonzero((on[1:] != on[:-1]).any(axis=1)) + 1), len(on)]
        return [
            Played(self.cuts[a : b + 1], self.amplitude[a:b], self.detuning[a:b], self.phase[a:b])
            for a, b in pairwise(edges)
        ]

    @property
    def driven(self) -> NDArray[np.bool_]:
        """Return which atoms have any amplitude."""
        return np.asarray((self.amplitude != 0).any(axis=0))

    def of_atoms(self, atoms: NDArray[np.int64], shift: Array) -> Played:
        """Return the drives on some atoms only, their detunings changed by constants (rad/µs)."""
        return Played(self.cuts, self.amplitude[:, atoms], self.detuning[:, atoms] + shift, self.phase[:, atoms])

    def cut(self, longest_ns: float) -> Played:
        """Return the same drives in steps of at most a length; times are whole multiples of a nanosecond's part."""
        counts = np.ceil(np.diff(self.cuts) / longest_ns - 1e-9).astype(np.int64)
        parts = [
            np.linspace(a, b, n, endpoint=False) for a, b, n in zip(self.cuts[:-1], self.cuts[1:], counts, strict=True)
        ]
        cuts = np.concatenate([*parts, self.cuts[-1:]])
        which = np.repeat(np.arange(len(counts)), counts)
        return Played(cuts, self.amplitude[which], self.detuning[which], self.phase[which])


def dark(atoms: int, duration_ns: float) -> Played:
    """Return a time without any drive."""
    nothing = np.zeros((1, atoms))
    return Played(np.array([0, duration_ns]), nothing, nothing, nothing)


def each_row(
    plan: Plan, scope: Scope, rows: int, averaged_ns: int
) -> Iterator[tuple[int, Played | None, Schedule, Scope]]:
    """Yield every row with what is played for it, its schedule and its scope; None where no time passes.

    Rows with the same control values share one Pulser sequence.
    """
    controls = plan.controls_of(tuple(range(len(plan.target.atoms))))
    for schedule, chosen, part in timed(plan, scope, rows):
        columns = [np.broadcast_to(column(e, part), (len(chosen),)) for e in controls]
        made: dict[tuple[float, ...], Played | None] = {}
        for i, row in enumerate(chosen):
            values, here = tuple(float(c[i]) for c in columns), rows_of(part, np.array([i]))
            if values not in made:
                made[values] = played(plan, here, schedule.duration_ns, averaged_ns)
            yield int(row), made[values], schedule, here


def played(plan: Plan, scope: Scope, duration_ns: int, averaged_ns: int) -> Played | None:
    """Return what one row's sequence plays, from Pulser's own sampler."""
    from pulser.sampler import sample

    if duration_ns == 0:
        return None
    target = plan.target
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pulser warns of what the checks have refused or allowed before
        sequence = to_pulser(plan, scope)
        nested = sample(sequence).to_nested_dict(all_local=True)["Local"].get(BASES[target.levels], {})
    amplitude, detuning, phase = (_table(target, nested, name, duration_ns) for name in ("amp", "det", "phase"))
    return _steps(amplitude * np.exp(1j * phase), detuning, averaged_ns)


def _table(target: Target, nested: Any, name: str, duration_ns: int) -> Array:
    made = np.zeros((duration_ns, len(target.atoms)))
    for k, atom in enumerate(target.atoms):
        if atom in nested:
            values = nested[atom][name]
            values = np.asarray(values.as_array(detach=True) if hasattr(values, "as_array") else values)
            made[: len(values), k] = values[:duration_ns]
    return made


def _steps(omega: NDArray[np.complex128], detuning: Array, averaged_ns: int) -> Played:
    """Cut at every change of a sample; changes closer than `averaged_ns` become one step with the mean drives."""
    both = np.concatenate([omega, detuning], axis=1)
    changes = np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1
    cuts = [0]
    for k, change in enumerate(changes):
        following = changes[k + 1] if k + 1 < len(changes) else len(omega)
        if change - cuts[-1] >= averaged_ns or following - change >= averaged_ns:
            cuts.append(int(change))
    edges = np.array([*cuts, len(omega)])
    lengths = np.diff(edges)[:, None]
    mean = np.add.reduceat(both, edges[:-1], axis=0) / lengths
    mean = np.where(lengths == 1, both[edges[:-1]], mean)
    drive, atoms = mean[:, : omega.shape[1]], omega.shape[1]
    return Played(edges, np.abs(drive), mean[:, atoms:].real, np.angle(drive))


def energy_scale(target: Target, steps: Played) -> float:
    """Return a bound on the Hamiltonian's spread (rad/µs): what a step of a Krylov method must resolve."""
    pairs = np.triu(target.van_der_waals).sum()
    if "0" in target.levels:
        pairs += np.triu(np.abs(target.exchange)).sum()
    return float(pairs) + float((steps.amplitude + np.abs(steps.detuning)).sum(axis=1).max())
