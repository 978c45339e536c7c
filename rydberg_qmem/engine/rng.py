"""All randomness of a run: counter-based generators, one per point, cohort and stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.deduplicate import Index

COHORT = 1000
"""Shots in a cohort: the unit of randomness and of ensemble feedback."""

MEASURING, PROGRAM, JUMPS, FLUCTUATING, APPARATUS = range(5)
"""Streams: outcomes, the program's own numbers, quantum jumps, what differs from shot to shot, the machine."""

Array = NDArray[np.float64]


CALLS = 1024
"""More random calls than one expression can hold."""


def _sequence(seed: int, point: int, cohort: int, stream: int) -> np.random.SeedSequence:
    """Return the seed of one stream of one cohort: the same whoever runs it, and when."""
    return np.random.SeedSequence(seed, spawn_key=(point, cohort, stream))


@dataclass(frozen=True)
class Place:
    """Where in a program random numbers are wanted: the step, and the visit of it that the loops count."""

    step: int
    visit: int


@dataclass(frozen=True)
class Draws:
    """Numbers for the shots of some consecutive cohorts of one point.

    Numbers are found by their place, through the generator's counter, not by how many were drawn before: what
    other cohorts do, or which branches they take, never shifts the numbers of a cohort.
    """

    seed: int
    point: int
    cohorts: tuple[int, ...]
    size: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "_streams", {})
        object.__setattr__(self, "_order", np.arange(len(self.cohorts) * self.size))

    def uniform(self, shots: Index, stream: int, place: Place, columns: int = 1) -> Array:
        """Return numbers in [0, 1) for some shots, (rows, columns)."""
        return self._drawn(shots, stream, place, columns, "random")

    def normal(self, shots: Index, stream: int, place: Place, columns: int = 1) -> Array:
        """Return standard normal numbers for some shots, (rows, columns)."""
        return self._drawn(shots, stream, place, columns, "standard_normal")

    def _streams_of(self, stream: int) -> list[_Stream]:
        """Return a stream of each cohort, made when it is first asked for."""
        made: dict[int, list[_Stream]] = self._streams  # type: ignore[attr-defined]  # set in __post_init__
        if stream not in made:
            made[stream] = [_Stream(_sequence(self.seed, self.point, cohort, stream)) for cohort in self.cohorts]
        return made[stream]

    def _drawn(self, shots: Index, stream: int, place: Place, columns: int, law: str) -> Array:
        streams = self._streams_of(stream)
        in_order = np.array_equal(shots, self._order[: len(shots)])  # type: ignore[attr-defined]  # set there too
        present = np.arange(-(-len(shots) // self.size)) if in_order else np.unique(shots // self.size)
        numbers = np.empty((len(streams), self.size, columns))
        for cohort in present:
            getattr(streams[cohort].at(place), law)(out=numbers[cohort])
        flat = numbers.reshape(-1, columns)
        return np.asarray(flat[: len(shots)] if in_order else flat[shots])


class _Stream:
    """One stream of one cohort: a generator that can begin at any place."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self._philox = np.random.Philox(seed)
        self._state = self._philox.state
        self._generator = np.random.Generator(self._philox)

    def at(self, place: Place) -> np.random.Generator:
        """Return the generator, about to give the numbers of a place."""
        self._state["state"]["counter"][:] = (0, place.visit, place.step, 0)
        self._state["buffer_pos"], self._state["has_uint32"] = 4, 0
        self._philox.state = self._state
        return self._generator


@dataclass
class RowSource:
    """The program's own random numbers, one for each row at hand."""

    draws: Draws
    shots: Index
    place: Place
    calls: int = 0

    def _next(self) -> Place:
        self.calls += 1
        return Place(self.place.step, self.place.visit * CALLS + self.calls)

    def uniform(self) -> Array:
        """Return one uniform number per row."""
        return self.draws.uniform(self.shots, PROGRAM, self._next())[:, 0]

    def normal(self) -> Array:
        """Return one standard normal number per row."""
        return self.draws.normal(self.shots, PROGRAM, self._next())[:, 0]
