"""The cycles of a pair of signals: their period in rounds, and which of them are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.analysis.signals import Pair
from rydberg_qmem.analysis.standard_error import is_whole
from rydberg_qmem.errors import InputError, short

Floats = NDArray[np.float64]
Cycle: TypeAlias = Literal["last", "first", "all"] | int

FEWEST_ROUNDS = 3
_SHORTEST_FOUND = 4
_SAME = 1e-9


@dataclass(frozen=True)
class CycleLayout:
    """Which rounds make up the loops of a point: `cycles` cycles of `period` rounds from cycle `first` on."""

    period: int
    first: int
    cycles: int

    def rounds(self) -> NDArray[np.int64]:
        """Return the numbers of the rounds, (cycle, round of the cycle)."""
        starts = self.period * (self.first + np.arange(self.cycles))
        return starts[:, None] + np.arange(self.period)


def layouts_of(pair: Pair, period: int | None, cycle: Cycle) -> dict[CycleLayout, list[int]]:
    """Return the points of each layout; points differ where a sweep changes period or number of rounds."""
    _check_period(period)
    layouts: dict[CycleLayout, list[int]] = {}
    drives, responses = pair.drive.values, pair.response.values
    for point in range(pair.points):
        both = drives[point % len(drives)], responses[point % len(responses)]
        layouts.setdefault(_layout(*_length_and_period(*both, period), cycle), []).append(point)
    if cycle == "all" and len({layout.cycles for layout in layouts}) > 1:
        raise InputError("cycle must be one cycle, but is 'all' and points have different numbers of cycles")
    return layouts


def _check_period(period: int | None) -> None:
    if period is not None and not (is_whole(period) and period >= FEWEST_ROUNDS):
        raise InputError(f"period must be {FEWEST_ROUNDS} or more whole rounds, but is {short(period)}")


def _length_and_period(drive: Floats, response: Floats, period: int | None) -> tuple[int, int]:
    """Return both in rounds; the shorter points of a sweep are filled up with missing values of both signals."""
    known = np.isfinite(drive).any(axis=0) | np.isfinite(response).any(axis=0)
    present = np.flatnonzero(known)
    length = int(present[-1]) + 1 if len(present) else int(drive.shape[-1])
    return length, period if period is not None else shortest_period(drive[:, :length])


def shortest_period(drive: Floats) -> int:
    """Return the shortest exact period of a drive (shot, round) that fits in twice; all its rounds if it has none."""
    rounds = int(drive.shape[-1])
    if np.any(drive != drive[:1]):  # shot noise, or missing values: nothing exact to find
        return rounds
    values = drive[0]
    near = _SAME * np.abs(values).max(initial=0.0)
    for period in range(_SHORTEST_FOUND, rounds // 2 + 1):
        if np.all(np.abs(values[period:] - values[:-period]) <= near):
            return period
    return rounds


def _layout(length: int, period: int, cycle: Cycle) -> CycleLayout:
    fewest = max(period, FEWEST_ROUNDS)
    if length < fewest:
        raise InputError(f"a loop must have at least {fewest} rounds, but the series has {length}")
    count = length // period
    if cycle == "all":
        return CycleLayout(period, 0, count)
    named = {"first": 0, "last": count - 1}
    number = named.get(cycle, cycle) if isinstance(cycle, str) else cycle
    if not is_whole(number):
        raise InputError(f"cycle must be 'last', 'first', 'all' or a whole number, but is {short(cycle)}")
    if not -count <= number < count:
        raise InputError(f"cycle must be below {count}, the number of whole periods, but is {number}")
    return CycleLayout(period, int(number) % count, 1)


def repeats(cycles: Floats) -> bool:
    """Return whether all cycles of an exact series (cycle, round) are the same, but for rounding; NaN is left out."""
    near = _SAME * np.nanmax(np.abs(cycles), initial=0.0)
    return bool(np.all(~(np.abs(cycles - cycles[:1]) > near)))


def samples_of(pair: Pair, role: str, points: list[int], layout: CycleLayout) -> Floats:
    """Return the samples of the rounds in use; each round must have a valid one."""
    signal = pair.drive if role == "drive" else pair.response
    own = points if len(signal.values) > 1 else [0] * len(points)
    samples = np.ascontiguousarray(signal.values[own][:, :, layout.rounds()])  # else products crawl
    lost = np.argwhere(~np.isfinite(samples).any(axis=1))
    if len(lost):
        point, cycle, step = lost[0]
        number = pair.rounds[layout.rounds()[cycle, step]]
        where = f"{pair.dim} {number}" + (f" of point {points[point]}" if pair.has_points else "")
        raise InputError(f"{role} {signal.name!r} must have a valid value each round, but has none in {where}")
    return samples
