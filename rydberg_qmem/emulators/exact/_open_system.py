"""Atoms that decohere or fluctuate: density matrices, or vectors that decay until they jump.

Between two changes of a sample the generator is constant and its exponential exact: every sample is a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan, rows_of
from rydberg_qmem.devices import Strengths, Target
from rydberg_qmem.emulators.exact import _jumps as jumping
from rydberg_qmem.emulators.exact import _propagate as propagation
from rydberg_qmem.emulators.exact._cache import PropagatorCache
from rydberg_qmem.emulators.exact._decaying_search import StepCounts, decaying_drive
from rydberg_qmem.emulators.exact._hamiltonian import Hamiltonian
from rydberg_qmem.emulators.exact._interactions import interactions
from rydberg_qmem.emulators.exact._linear import DENSE_SIZE, Matrix
from rydberg_qmem.emulators.exact._operators import OperatorSet, shared_operators
from rydberg_qmem.emulators.exact._segment import PlayedSegment, Stretch, dark, each_schedule
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.emulators.layout import State, on_both_sides
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import Chance
from rydberg_qmem.pulses import Scope

Complex = NDArray[np.complex128]


@dataclass
class Operators:
    """The operators of a register's atoms under one noise, made once for each group of atoms."""

    target: Target
    collapse: tuple[Complex, ...]
    moving: bool = False
    """Whether atoms are displaced, so that interactions differ from row to row."""
    _sets: dict[tuple[tuple[str, ...], frozenset[str]], OperatorSet] = field(default_factory=dict)
    _counts: StepCounts = field(default_factory=StepCounts)

    def of(self, target: Target) -> OperatorSet:
        """Return the operators of a target's atoms, those that are hidden without interactions."""
        key = target.atoms, target.hidden
        if key not in self._sets:
            self._sets[key] = shared_operators(OperatorSet(target, self.collapse, self.moving))
        return self._sets[key]

    def strengths(self, target: Target, scope: Scope) -> Strengths | None:
        """Return the interactions of rows, where they differ."""
        return interactions(target, self.target.atoms, scope) if self.moving else None

    def advance(self, stretch: Stretch, rows: Matrix, scope: Scope, mixed: bool) -> Matrix:
        """Return rows after a stretch: vectors, or density matrices in real coordinates."""
        here, strengths = self.of(stretch.target), self.strengths(stretch.target, scope)
        if rows.ndim == 2 and not mixed and (drive := decaying_drive(here, stretch, strengths)) is not None:
            return self._counts.steps(stretch, drive, rows).advance(rows)
        coefficients = here.coefficients(stretch, strengths)
        if rows.ndim == 2:
            return here.through(rows, coefficients, stretch.times_us, mixed)
        return np.asarray(rows @ here.propagators(coefficients, stretch.times_us, mixed).swapaxes(1, 2))

    def parts(self, stretch: Stretch, scope: Scope) -> Iterator[jumping.StepGroup]:
        """Yield how vectors decay through the steps of a stretch."""
        here, strengths = self.of(stretch.target), self.strengths(stretch.target, scope)
        drive = decaying_drive(here, stretch, strengths)
        if drive is not None:
            yield from self._counts.steps(stretch, drive, None).each()
        else:
            yield from here.parts(here.coefficients(stretch, strengths), stretch.times_us)


@dataclass(frozen=True, eq=False)
class DecayingHamiltonian:
    """The generator -iH - Σ C†C/2 of vectors (rows, dimension) that lose norm until they jump."""

    operators: Operators
    cache: PropagatorCache
    name = b"decaying:"

    def enter(self, states: State) -> Matrix:
        """Return states as rows to be moved."""
        return states

    def leave(self, rows: Matrix) -> State:
        """Return rows as states."""
        return np.asarray(rows)

    def advance(self, stretch: Stretch, rows: Matrix, scope: Scope) -> Matrix:
        """Return rows after a stretch."""
        return self.operators.advance(stretch, rows, scope, mixed=False)

    def turned(self, segment: PlayedSegment, rows: Matrix) -> Matrix:
        """Return rows in the frame that a segment leaves behind."""
        return segment.turned(rows)

    def identity(self, count: int, size: int) -> Matrix:
        """Return the rows (1, size, size) that become transposed propagators."""
        return np.eye(size, dtype=complex)[None]

    def keeps_dark(self, size: int) -> bool:
        """Return whether those of waits are kept: closed forms cost less."""
        return False


@dataclass(frozen=True, eq=False)
class Lindbladian:
    """The generator of density matrices; rows (rows, dimension²) are their real coordinates."""

    operators: Operators
    atoms: OperatorSet
    cache: PropagatorCache
    name = b"Lindblad:"

    def enter(self, states: State) -> Matrix:
        """Return flat density matrices as rows to be moved."""
        return self.atoms.hermitian.real(states)

    def leave(self, rows: Matrix) -> State:
        """Return rows as flat density matrices."""
        return self.atoms.hermitian.matrix(rows)

    def advance(self, stretch: Stretch, rows: Matrix, scope: Scope) -> Matrix:
        """Return rows after a stretch."""
        return self.operators.advance(stretch, rows, scope, mixed=True)

    def turned(self, segment: PlayedSegment, rows: Matrix) -> Matrix:
        """Return rows in the frame that a segment leaves behind."""
        if not segment.schedule.frame:
            return rows
        basis, shape = self.atoms.hermitian, rows.shape
        flat = basis.matrix(rows.reshape(-1, shape[-1]))
        turned = segment.turned_matrices(flat if rows.ndim == 2 else flat.reshape(shape))
        return basis.real(turned.reshape(-1, shape[-1])).reshape(*turned.shape)

    def identity(self, count: int, size: int) -> Matrix:
        """Return the rows (1, size, size) that become transposed propagators."""
        return np.eye(size)[None]

    def keeps_dark(self, size: int) -> bool:
        """Return whether those of waits are kept, too."""
        return size <= DENSE_SIZE and not self.operators.moving


@dataclass
class OpenSystemPropagator:
    """The evolution of decohering or fluctuating atoms through segments and waits, its propagators kept."""

    target: Target
    collapse: tuple[Complex, ...]
    fluctuations: Fluctuations | None = None

    def __post_init__(self) -> None:
        self.moves = self.fluctuations is not None and self.fluctuations.moves
        self.operators = Operators(self.target, self.collapse, self.moves)
        self._cache = PropagatorCache(largest=DENSE_SIZE, eager=True)
        self._hamiltonian = Hamiltonian()
        self._limited: dict[tuple[str, ...], OpenSystemPropagator] = {}

    @classmethod
    def under(cls, channel: NoiseChannel) -> OpenSystemPropagator:
        """Return the evolution under a noise."""
        noise = channel.noise
        return cls(channel.target, channel.collapse, Fluctuations(channel.target, noise) if noise and channel.varies
                   else None)  # fmt: skip

    def limited(self, levels: tuple[str, ...]) -> OpenSystemPropagator:
        """Return the evolution of states that hold such levels of each atom, made once: noise never leaves them."""
        if levels == self.target.levels:
            return self
        if levels not in self._limited:
            here = [self.target.levels.index(level) for level in levels]
            collapse = tuple(c[np.ix_(here, here)] for c in self.collapse)
            target = self.target.limited((levels,) * len(self.target.atoms))
            self._limited[levels] = OpenSystemPropagator(target, collapse, self.fluctuations)
        return self._limited[levels]

    def generator(self, atoms: tuple[int, ...], *, mixed: bool) -> propagation.Generator:
        """Return what moves the states of some atoms."""
        if not self.collapse and not self.moves:
            return self._hamiltonian
        if mixed:
            return Lindbladian(self.operators, self._set(atoms), self._cache)
        return DecayingHamiltonian(self.operators, self._cache)

    def _set(self, atoms: tuple[int, ...]) -> OperatorSet:
        return self.operators.of(self.target.subset(atoms))

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...], *, mixed: bool) -> State:
        """Return states after a segment, phase references applied: flat density matrices, or decayed vectors."""
        generator = self.generator(atoms, mixed=mixed)

        def evolved(rows: State, here: Scope) -> State:
            return propagation.evolve(plan, here, rows, atoms, generator, self.fluctuations)

        if mixed and isinstance(generator, Hamiltonian):
            return on_both_sides(states, lambda rows, which: evolved(rows, rows_of(scope, which)))
        return evolved(states, scope)

    def wait(self, scope: Scope, states: State, atoms: tuple[int, ...], duration_ns: float, *, mixed: bool) -> State:
        """Return states after a wait in the dark."""
        generator, target = self.generator(atoms, mixed=mixed), self.target.subset(atoms)
        waited = partial(propagation.wait, target, scope, duration_ns=duration_ns, generator=generator)
        if mixed and isinstance(generator, Hamiltonian):
            return on_both_sides(states, lambda rows, _: waited(rows))
        return waited(states)

    def jump(
        self,
        plan: Plan | None,
        scope: Scope,
        states: State,
        atoms: tuple[int, ...],
        duration_ns: float,
        chance: Chance,
    ) -> State:
        """Return normalised vectors after a segment (without a plan: a wait), each row with its own jumps."""
        jumps = self._set(atoms).jumps
        if plan is None:
            return jumping.evolve(
                jumps, self.operators.parts(dark(self.target.subset(atoms), duration_ns), scope), states, chance
            )
        out = np.empty_like(states)
        for segment, rows in each_schedule(plan, scope, len(states), atoms, self.fluctuations):
            parts = chain.from_iterable(self.operators.parts(stretch, segment.scope) for stretch in segment.stretches())
            made = jumping.evolve(jumps, parts, states[rows], partial(_of_rows, chance, rows))
            out[rows] = segment.turned(made)
        return out


def _of_rows(chance: Chance, rows: NDArray[np.int64], jump: int) -> NDArray[np.float64]:
    return chance(jump)[rows]
