"""Fewer, longer steps: a commutator-free Magnus integrator of fourth order on Pulser's own samples.

Over a step of length h, H is replaced by its mean m and its slope s, both moments of the true samples, and the
propagator by exp(-i h/2 (m + s h/3)) exp(-i h/2 (m - s h/3)): the two-exponential scheme of Blanes and Moan
(Appl. Numer. Math. 56, 1519 (2006)), written with moments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

TOLERANCE = 1e-10
"""Largest change of a trial state's amplitudes by halving the step, over a whole stretch."""


@dataclass(frozen=True)
class Samples:
    """Drives over intervals `dt_us`: one array (rows or 1, intervals) for each drive's Ω exp(-iφ) and δ."""

    dt_us: Array
    omegas: tuple[Complex, ...]
    deltas: tuple[Array, ...]

    def rows(self, wanted: NDArray[np.int64]) -> Samples:
        """Return the samples of some rows."""
        return Samples(
            self.dt_us,
            tuple(o[wanted] if len(o) > 1 else o for o in self.omegas),
            tuple(d[wanted] if len(d) > 1 else d for d in self.deltas),
        )

    def extremes(self) -> NDArray[np.int64]:
        """Return the rows whose drives, and whose detunings, are strongest and change most: the hardest ones."""
        chosen = {0}
        for family in (self.omegas, self.deltas):
            sizes = [np.abs(v).max(axis=1) + np.abs(np.diff(v, axis=1)).sum(axis=1) for v in family if len(v) > 1]
            if sizes:
                chosen.add(int(np.argmax(sum(sizes))))
        return np.array(sorted(chosen))


def coarsen(samples: Samples, group: int) -> Samples:
    """Return two intervals for every `group` of them, with the Hamiltonians of the fourth-order scheme."""
    count = len(samples.dt_us)
    starts = np.arange(0, count, group)
    ends = np.cumsum(samples.dt_us)
    middle = ends - samples.dt_us / 2
    h = np.add.reduceat(samples.dt_us, starts)
    centre = np.repeat(ends[np.append(starts[1:], count) - 1] - h / 2, np.diff(np.append(starts, count)))

    def two(values: NDArray[np.inexact]) -> NDArray[np.inexact]:
        mean = np.add.reduceat(values * samples.dt_us, starts, axis=1) / h
        tilt = np.add.reduceat(values * samples.dt_us * (middle - centre), starts, axis=1) * 12 / h**2
        made = np.stack([mean - tilt / 3, mean + tilt / 3], axis=-1)
        return np.asarray(made.reshape(len(values), -1))

    return Samples(
        np.repeat(h / 2, 2),
        tuple(two(o) for o in samples.omegas),  # type: ignore[misc]  # complex in, complex out
        tuple(two(d) for d in samples.deltas),  # type: ignore[misc]  # real in, real out
    )


def choose_group(samples: Samples, trial: State, evolve: Callable[[State, Samples], State]) -> int:
    """Return the largest group whose result on a trial state does not change when it is halved; 1 for none.

    Long steps are tried first, so the search costs about as much as one run with the steps it finds.
    """
    group = 1 << (len(samples.dt_us).bit_length() - 1)
    before = evolve(trial, coarsen(samples, group))
    while group >= 4:
        now = evolve(trial, coarsen(samples, group // 2))
        if float(np.abs(now - before).max()) <= TOLERANCE:
            return group
        group, before = group // 2, now
    return 1
