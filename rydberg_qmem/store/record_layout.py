"""How a record is cut: which points and cohorts lie together in one chunk, and make one unit of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.rng import COHORT

MOST_CHUNK_BYTES = 8_000_000
GROUP_BYTES = 1_000_000
"""Bytes of a chunk that holds several points."""
MOST_POINTS = 256
"""Points of one chunk."""
LEAST_GROUPS = 32
"""Groups of points in which a sweep is cut at least, so that several workers have something to do."""


@dataclass(frozen=True)
class RecordLayout:
    """How a record is cut: `together` cohorts are one unit of work, and no chunk spans two units along the shots.

    Chunks hold `points_together` points: points with little to keep share their files.
    """

    points: int
    shots: int | None
    together: int
    first_shots: int
    sums: int
    swept: bool
    points_together: int = 1

    @property
    def cohorts(self) -> int:
        """Cohorts of a point; an exact run counts as one."""
        return 1 if self.shots is None else -(-self.shots // COHORT)

    @property
    def units(self) -> int:
        """Units of a point."""
        return -(-self.cohorts // self.together)

    def expected(self) -> NDArray[np.int32]:
        """Return the shots of each cohort, (cohorts,)."""
        if self.shots is None:
            return np.ones(1, dtype=np.int32)
        return np.minimum(COHORT, self.shots - COHORT * np.arange(self.cohorts)).astype(np.int32)


def chunk_shape(shape: Mapping[str, int], itemsize: int, layout: RecordLayout) -> tuple[int, ...]:
    """Return the chunk of a variable with these dimensions: whole cohorts, at most 8 MB, few points or one.

    >>> layout = RecordLayout(points=1, shots=10**6, together=20, first_shots=10**6, sums=0, swept=False)
    >>> chunk_shape({"shot": 10**6, "round": 100, "m_atom": 4}, 1, layout)
    (20000, 100, 4)
    >>> chunk_shape({"shot": 10**6, "round": 100}, 8, layout)
    (10000, 100)
    """
    one = itemsize * _of_a_shot(shape)
    maximum = min(layout.together, max(1, -(-layout.first_shots // COHORT)))
    fit = [n for n in range(1, maximum + 1) if layout.together % n == 0 and n * COHORT * one <= MOST_CHUNK_BYTES]
    cohorts = max(fit, default=1)
    rows = COHORT if one * COHORT <= MOST_CHUNK_BYTES else max(d for d in _divisors(COHORT) if d * one <= _floor(one))
    made = {"point": layout.points_together, "shot": cohorts * COHORT if rows == COHORT else rows}
    return tuple(made.get(dim, max(1, size)) for dim, size in shape.items())


def points_together(
    shapes: Sequence[tuple[Mapping[str, int], int]], points: int, together: int, first_shots: int
) -> int:
    """Return how many points share a chunk, from the dimensions and the item size of what is kept per shot.

    >>> points_together([({"point": 10_000, "shot": 1}, 1)], 10_000, 20, 1)
    256
    >>> points_together([({"point": 10_000, "shot": 1000, "round": 100}, 8)], 10_000, 20, 1000)
    1
    """
    rows = COHORT * max(1, min(together, -(-first_shots // COHORT)))
    widest = max((size * _of_a_shot(shape) for shape, size in shapes), default=1)
    return max(1, min(MOST_POINTS, points // LEAST_GROUPS, GROUP_BYTES // max(1, rows * widest)))


def _of_a_shot(shape: Mapping[str, int]) -> int:
    return int(np.prod([size for dim, size in shape.items() if dim not in ("point", "shot")], dtype=float))


def _floor(one: int) -> int:
    return max(MOST_CHUNK_BYTES, one)  # a single shot may be larger than a chunk should be


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]
