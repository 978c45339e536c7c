"""Quantum jumps: vectors decay under the effective Hamiltonian until their norm reaches a chance, and jump there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact._linear import DENSE_SIZE, LinearEquation, expm
from rydberg_qmem.emulators.layout import State, squared_norms
from rydberg_qmem.emulators.protocol import Chance

Array = NDArray[np.float64]
Index = NDArray[np.int64]

FOUND = 1e-14
"""How near a squared norm comes to its chance where a jump is found."""
TRIALS = 60
"""Halving a step so often leaves nothing of it: a search ends at the latest then."""
AGREES = 1e-9
"""Largest error of the diagonalised propagator; where it is larger the generator is as good as defective."""


class Flow(Protocol):
    """Evolution by any time within a step."""

    def advance(self, states: State, time_us: float) -> State:
        """Return all rows after a time."""

    def subset(self, rows: Index) -> Flow:
        """Return the evolution of some of the rows."""

    def to(self, states: State, times_us: Array) -> State:
        """Return all rows after a time each."""

    def after(self, times_us: Array) -> Flow:
        """Return the evolution that is left to each row after a time: the same where coefficients are constant."""


class StepGroup(Protocol):
    """Steps that are taken together, or one after the other where a row jumps among them."""

    def advance(self, states: State) -> State:
        """Return all rows after all steps."""

    def steps(self) -> Iterator[tuple[Flow, float]]:
        """Yield how rows decay, and for how many µs."""


@dataclass(frozen=True)
class Step:
    """One step, as a part of its own."""

    flow: Flow
    time_us: float

    def advance(self, states: State) -> State:
        """Return all rows after it."""
        return self.flow.advance(states, self.time_us)

    def steps(self) -> Iterator[tuple[Flow, float]]:
        """Yield it."""
        yield self.flow, self.time_us


def evolve(jumps: Sequence[Any], parts: Iterable[StepGroup], states: State, chance: Chance) -> State:
    """Return normalised states (rows, dimension) after parts during which each row jumps when its chance comes."""
    walk = _Rows(tuple(jump.tocsr() for jump in jumps), chance, len(states))
    for part in parts:
        later = part.advance(states)
        hit = np.flatnonzero(squared_norms(later) <= walk.threshold)
        if len(hit):
            later[hit] = walk.through(states[hit], hit, part.steps())
        states = later
    return np.asarray(states / np.sqrt(squared_norms(states))[:, None])


class _Rows:
    """Where each row stands: how often it has jumped, and at which norm it jumps next."""

    def __init__(self, jumps: tuple[Any, ...], chance: Chance, rows: int) -> None:
        self.jumps, self.chance = jumps, chance
        self.count = np.zeros(rows, dtype=np.int64)
        self.threshold = chance(0)[:, 0].copy()
        self._numbers = {0: chance(0)}

    def through(self, states: State, rows: Index, steps: Iterable[tuple[Flow, float]]) -> State:
        """Take rows that jump at least once through steps, one after the other."""
        for whole, dt_us in steps:
            flow = whole.subset(rows)
            later = flow.advance(states, dt_us)
            hit = np.flatnonzero(squared_norms(later) <= self.threshold[rows])
            if len(hit):
                later[hit] = self.within(states[hit], rows[hit], flow.subset(hit), dt_us)
            states = later
        return states

    def within(self, states: State, rows: Index, flow: Flow, dt_us: float) -> State:
        """Take rows that jump at least once through one step."""
        out = np.empty_like(states)
        here, left = np.arange(len(rows)), np.full(len(rows), dt_us)
        while len(here):
            later = flow.to(states, left)
            hit = squared_norms(later) <= self.threshold[rows[here]]
            out[here[~hit]] = later[~hit]
            here, states, left = here[hit], states[hit], left[hit]
            if len(here):
                flow = flow.subset(np.flatnonzero(hit))
                when, states = self._found(states, left, self.threshold[rows[here]], flow)
                flow = flow.after(when)
                left = left - when
                states = self._jumped(states, rows[here])
        return out

    def _found(self, states: State, left: Array, threshold: Array, flow: Flow) -> tuple[Array, State]:
        """Return when each row's norm comes down to its threshold, and the state there.

        By false position, an end that stays twice counting half (the Illinois rule): the norm falls all the time.
        """
        low, high = np.zeros(len(states)), left.copy()
        at, trial = low, states
        above, below = squared_norms(states) - threshold, squared_norms(flow.to(states, left)) - threshold
        side = np.zeros(len(states), dtype=np.int64)
        for k in range(TRIALS):
            share = np.where(above > below, above / np.where(above > below, above - below, 1.0), 0.5)
            at = low + (high - low) * (share if k % 8 < 7 else 0.5)  # a half now and then: no row hangs
            trial = flow.to(states, at)
            now = squared_norms(trial) - threshold
            if np.all((np.abs(now) < FOUND) | (high - low < FOUND * left)):
                break
            up = now > 0
            low, high = np.where(up, at, low), np.where(up, high, at)
            above, below = (
                np.where(up, now, np.where(side < 0, above / 2, above)),
                np.where(up, np.where(side > 0, below / 2, below), now),
            )
            side = np.where(up, 1, -1)
        return at, trial

    def _jumped(self, states: State, rows: Index) -> State:
        """Apply one collapse operator to each row, chosen by how likely each is."""
        columns = np.ascontiguousarray(states.T)
        after = np.stack([(jump @ columns).T for jump in self.jumps])
        weight = (after.real**2 + after.imag**2).sum(axis=2)
        ladder = np.cumsum(weight, axis=0) / weight.sum(axis=0)
        pick = np.array([self._number(self.count[row])[row, 1] for row in rows])
        which = np.minimum((pick >= ladder).sum(axis=0), len(self.jumps) - 1)
        self.count[rows] += 1
        self.threshold[rows] = [self._number(self.count[row])[row, 0] for row in rows]
        made = after[which, np.arange(len(rows))]
        return np.asarray(made / np.sqrt(squared_norms(made))[:, None])

    def _number(self, jump: int) -> Array:
        if jump not in self._numbers:
            self._numbers[jump] = self.chance(int(jump))
        return self._numbers[jump]


@dataclass
class Diagonalised:
    """The flow of a linear equation: its exponential, diagonalised for many times where possible."""

    equation: LinearEquation
    coefficients: Array

    def advance(self, states: State, time_us: float) -> State:
        """Return all rows after a time."""
        return self.equation.advance(states, self.coefficients, time_us)

    def subset(self, rows: Index) -> Diagonalised:
        """Return the evolution of some of the rows."""
        if len(self.coefficients) == 1:
            return self
        made = Diagonalised(self.equation, self.coefficients[rows])
        if "_modes" in self.__dict__:
            made.__dict__["_modes"] = None if self._modes is None else tuple(part[rows] for part in self._modes)
        return made

    @cached_property
    def _modes(self) -> tuple[Any, Any, Any] | None:
        if self.equation.size > DENSE_SIZE:
            return None
        matrices = self.equation.matrices(self.coefficients)
        try:
            values, vectors = np.linalg.eig(matrices)
            inverse = np.linalg.inv(vectors)
        except np.linalg.LinAlgError:
            return None
        scale = 1 / max(1e-300, float(np.abs(matrices).sum(axis=-2).max()))
        made = (vectors * np.exp(values * scale)[:, None, :]) @ inverse
        return (values, vectors, inverse) if np.abs(made - expm(matrices * scale)).max() < AGREES else None

    def after(self, times_us: Array) -> Diagonalised:
        """Return it: coefficients are constant."""
        return self

    def to(self, states: State, times_us: Array) -> State:
        """Return all rows after a time each."""
        if self._modes is None:
            return self.equation.series(states, self.coefficients, times_us)
        values, vectors, inverse = self._modes
        inner = np.matmul(inverse, states[:, :, None])[:, :, 0] * np.exp(values * times_us[:, None])
        return np.asarray(np.matmul(vectors, inner[:, :, None])[:, :, 0])
