"""One propagator for a segment: stretch by stretch, what is the same for many rows made once and kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact._cache import PropagatorCache
from rydberg_qmem.emulators.exact._segment import PlayedSegment, Stretch, dark, each_schedule
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.emulators.layout import State, times
from rydberg_qmem.pulses import Scope

Matrix = NDArray[Any]
Index = NDArray[np.int64]

STACKED_DIMENSION = 32
"""Largest propagators that are copied for every row, to be applied as one batch."""


class Generator(Protocol):
    """What moves rows: a Hamiltonian, a decaying Hamiltonian, or a Lindbladian.

    Rows are arrays (settings, size), or (settings, columns, size) where many columns share one setting of drives.
    """

    @property
    def name(self) -> bytes:
        """What tells its propagators from those of other generators."""
        ...

    @property
    def cache(self) -> PropagatorCache:
        """Where its propagators are kept."""
        ...

    def enter(self, states: State) -> Matrix:
        """Return states as rows to be moved."""
        ...

    def leave(self, rows: Matrix) -> State:
        """Return rows as states."""
        ...

    def advance(self, stretch: Stretch, rows: Matrix, scope: Scope) -> Matrix:
        """Return rows after a stretch."""
        ...

    def turned(self, segment: PlayedSegment, rows: Matrix) -> Matrix:
        """Return rows in the frame that a segment leaves behind."""
        ...

    def identity(self, count: int, size: int) -> Matrix:
        """Return the rows (count or 1, size, size) that become the transposed propagators of `count` settings."""
        ...

    def keeps_dark(self, size: int) -> bool:
        """Return whether propagators of waits of a size are kept."""
        ...


def evolve(
    plan: Plan,
    scope: Scope,
    states: State,
    atoms: tuple[int, ...],
    generator: Generator,
    fluctuations: Fluctuations | None = None,
) -> State:
    """Return states of some atoms after a segment, phase references applied."""
    out = np.empty_like(states)
    for segment, rows in each_schedule(plan, scope, len(states), atoms, fluctuations):
        out[rows] = propagate(segment, states[rows], generator)
    return out


def propagate(segment: PlayedSegment, rows: State, generator: Generator) -> State:
    """Return states after what is played to them, phase references applied.

    Propagators are kept where control values repeat; rows with fluctuations of their own repeat nothing.
    """
    inner = generator.enter(rows)
    steady = segment.fluctuations is None
    if steady and generator.cache.keeps(inner.shape[1]) and generator.cache.pays(generator.name + segment.key):
        return generator.leave(_with_cache(segment, inner, generator))
    return generator.leave(_moved(segment, inner, generator))


def wait(target: Target, scope: Scope, states: State, duration_ns: float, generator: Generator) -> State:
    """Return states after a time in the dark: interactions and decoherence go on."""
    rows, stretch = generator.enter(states), dark(target, duration_ns)
    if not generator.keeps_dark(rows.shape[1]):
        return generator.leave(generator.advance(stretch, rows, scope))
    key = b"dark:" + generator.name + f"{target.atoms}:{''.join(target.levels)}:{duration_ns!r}".encode()
    kept = generator.cache.get(key)
    if kept is None:
        kept = generator.advance(stretch, generator.identity(1, rows.shape[1]), scope)[0]
        generator.cache.put(key, kept)
    return generator.leave(rows @ kept)


def _moved(segment: PlayedSegment, rows: Matrix, generator: Generator) -> Matrix:
    """Return rows after all stretches and in the frame left behind; consecutive fixed stretches are shared."""
    shares = segment.fluctuations is None and generator.cache.shares(rows)
    run: list[Stretch] = []
    for stretch in segment.stretches(1 if rows.ndim == 2 else rows.shape[1]):
        if shares and stretch.fixed:
            run.append(stretch)
            continue
        rows = _shared(segment, run, rows, generator)
        run = []
        rows = generator.advance(stretch, rows, segment.scope)
    return generator.turned(segment, _shared(segment, run, rows, generator))


def _shared(segment: PlayedSegment, run: list[Stretch], rows: Matrix, generator: Generator) -> Matrix:
    """Apply consecutive stretches that no control value changes, as one propagator made once."""
    if not run:
        return rows
    span = f"{int(run[0].cuts[0])}:{int(run[-1].cuts[-1])}".encode()
    key = b"fixed:" + generator.name + segment.key + span
    kept = generator.cache.get(key)
    if kept is None:
        made = generator.identity(1, rows.shape[-1])
        for stretch in run:
            made = generator.advance(stretch, made, segment.scope)
        kept = made[0]
        generator.cache.put(key, kept)
    return times(rows.reshape(-1, rows.shape[-1]), kept).reshape(rows.shape)


# ---------------------------------------------------------------- kept propagators


def _with_cache(segment: PlayedSegment, rows: Matrix, generator: Generator) -> Matrix:
    """Apply kept propagators, and new ones where that is worth making them; move the other rows."""
    cache, prefix, size = generator.cache, generator.name + segment.key, rows.shape[1]
    groups: dict[bytes, list[int]] = {}
    for i, values in enumerate(segment.settings(len(rows))):
        groups.setdefault(prefix + values.tobytes(), []).append(i)
    found = {key: cache.get(key) for key in groups}
    missing = {key: len(groups[key]) for key, kept in found.items() if kept is None}
    wanted = cache.wanted(missing, segment.plan.segment.visits, size) if missing else []
    cache.note(prefix, len(rows), len(rows) - sum(missing.values()))
    out = np.empty_like(rows)
    later = set(wanted)
    rest = np.array([i for key in missing if key not in later for i in groups[key]], dtype=np.int64)
    if len(rest):
        out[rest] = _moved(segment.of_rows(rest), rows[rest], generator)
    ready = [(np.array(groups[key]), kept) for key, kept in found.items() if kept is not None]
    new = _made(segment, [(key, np.array(groups[key])) for key in wanted], size, generator)
    _apply(rows, ready, new, out)
    return out


def _made(
    segment: PlayedSegment, wanted: list[tuple[bytes, Index]], size: int, generator: Generator
) -> Iterator[tuple[Index, Matrix]]:
    """Yield new propagators, each with the rows that it is for, and keep them."""
    step = generator.cache.together(size)
    for first in range(0, len(wanted), step):
        some = wanted[first : first + step]
        places = np.array([rows[-1] for _, rows in some], dtype=np.int64)
        made = _moved(segment.of_rows(places), generator.identity(len(some), size), generator)
        for k, (key, rows) in enumerate(some):
            propagator = np.ascontiguousarray(made[k if len(made) > 1 else 0].T)
            generator.cache.put(key, propagator)
            yield rows, propagator


def _apply(rows: Matrix, ready: list[tuple[Index, Matrix]], new: Iterator[tuple[Index, Matrix]], out: Matrix) -> None:
    """Apply propagators to their rows: one by one where they are large, else as one batch."""
    if rows.shape[1] <= STACKED_DIMENSION:
        ready = [*ready, *new]
        if len(ready) > 1:
            old = np.concatenate([some for some, _ in ready])
            stack = np.repeat(np.stack([kept for _, kept in ready]), [len(some) for some, _ in ready], axis=0)
            out[old] = np.matmul(stack, rows[old][:, :, None])[:, :, 0]
            return
    for pairs in (ready, new):
        for some, kept in pairs:
            out[some] = times(rows[some], kept.T)
