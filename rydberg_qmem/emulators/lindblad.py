"""Atoms that decohere while Pulser's samples play: density matrices, or vectors that decay until they jump.

Between two changes of a sample the generator is constant and its exponential exact: every sample is a step.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rydberg_qmem.compile.interactions import Strengths
from rydberg_qmem.compile.plan import Plan, rows_of, timed
from rydberg_qmem.compile.shapes import Scope, column
from rydberg_qmem.compile.target import DRIVEN, Target
from rydberg_qmem.emulators import fluctuations
from rydberg_qmem.emulators import jumps as jumping
from rydberg_qmem.emulators.conditional import Conditional
from rydberg_qmem.emulators.exact import CONTROL_DIGITS, Piece, Stretch, apply_frame, site_drives, turned
from rydberg_qmem.emulators.generators import (
    DENSE_SIZE,
    Generator,
    Hermitian,
    Matrix,
    Sparse,
    chunks,
    dissipator,
    liouvillian,
)
from rydberg_qmem.emulators.layout import Layout, State, on_both_sides
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
CACHE_BYTES = 200_000_000
SHARED_SPACES = 8
"""OperatorSets whose operators wait for the next point or cohort: making them takes longer than a small run."""


@dataclass(frozen=True, eq=False)
class OperatorSet:
    """Some atoms, what they do on their own, and what drives them."""

    target: Target
    collapse: tuple[Complex, ...]
    moving: bool = False
    """Whether interactions differ from row to row."""

    @property
    def atoms(self) -> int:
        """Number of atoms."""
        return len(self.target.atoms)

    @cached_property
    def layout(self) -> Layout:
        """The basis states."""
        return Layout.of(self.target)

    @cached_property
    def sites(self) -> tuple[tuple[int, str], ...]:
        """The transitions that drives act on: (atom, basis)."""
        bases = [b for b, pair in DRIVEN.items() if set(pair) <= set(self.target.levels)]
        return tuple((atom, basis) for atom in range(self.atoms) for basis in bases)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of atoms."""
        return tuple((i, j) for i in range(self.atoms) for j in range(i + 1, self.atoms))

    def local(self, operator: Matrix, atom: int) -> Sparse:
        """Return an operator of one atom on all of them."""
        levels = len(self.target.levels)
        left = sparse.identity(levels**atom, format="csr")
        right = sparse.identity(levels ** (self.atoms - atom - 1), format="csr")
        return sparse.kron(sparse.kron(left, sparse.csr_matrix(operator)), right, format="csr")

    def _unit(self, a: str, b: str) -> Complex:
        levels = self.target.levels
        made = np.zeros((len(levels), len(levels)), dtype=complex)
        made[levels.index(a), levels.index(b)] = 1
        return made

    @cached_property
    def hamiltonians(self) -> tuple[Sparse, ...]:
        """What Re Ω, Im Ω and δ of each site multiply, then what each pair's strengths do."""
        made = []
        for atom, basis in self.sites:
            a, b = DRIVEN[basis]
            up = self._unit(a, b)
            made += [0.5 * (up + up.T), 0.5j * (up - up.T), -self._unit(b, b)]
            made[-3:] = [self.local(operator, atom) for operator in made[-3:]]
        return (*made, *self._couplings) if self.moving else tuple(made)

    @cached_property
    def _couplings(self) -> tuple[Sparse, ...]:
        """The interaction of each pair at strength one; in XY its exchange, then its van der Waals part."""
        upper = "0" if "0" in self.target.levels else "r"
        if upper not in self.target.levels:
            return ()
        here = self._unit(upper, upper)
        made = []
        for i, j in self.pairs:
            if upper == "0":
                swap = self.local(self._unit("1", "0"), i) @ self.local(self._unit("0", "1"), j)
                made.append(swap + swap.T)
            made.append(self.local(here, i) @ self.local(here, j))
        return tuple(made)

    def strengths(self, found: Strengths) -> Array:
        """Return the coefficients (rows or 1, couplings) of the pairs' interactions."""
        if not self._couplings:
            return np.zeros((1, 0))
        kinds = [found.van_der_waals] if found.exchange is None else [found.exchange, found.van_der_waals]
        count = self.atoms
        rows = [np.reshape(kind, (-1, count, count)) for kind in kinds]
        return np.stack([matrix[:, i, j] for i, j in self.pairs for matrix in rows], axis=1)

    @cached_property
    def _fixed(self) -> Sparse:
        size = self.layout.dimension
        made = sparse.csr_matrix((size, size), dtype=complex)
        if not self.moving:
            still = self.strengths(self.target.strengths(self.target.places_um))[0]
            for strength, coupling in zip(still, self._couplings, strict=True):
                made = made + strength * coupling
        return made

    @cached_property
    def jumps(self) -> tuple[Sparse, ...]:
        """The collapse operators of every atom."""
        return tuple(self.local(c, atom) for atom in range(self.atoms) for c in self.collapse)

    @cached_property
    def decaying(self) -> Generator:
        """The effective Hamiltonian's equation for vectors: -iH - Σ C†C/2."""
        size = self.layout.dimension
        weight = sparse.csr_matrix((size, size), dtype=complex)
        for jump in self.jumps:
            weight = weight + jump.conj().T @ jump
        return Generator(
            (-1j * self._fixed - 0.5 * weight).tocsr(), tuple((-1j * h).tocsr() for h in self.hamiltonians)
        )

    @cached_property
    def hermitian(self) -> Hermitian:
        """The basis of density matrices."""
        return Hermitian(self.layout.dimension)

    @cached_property
    def mixing(self) -> Generator:
        """The Lindblad equation for density matrices, in real coordinates."""
        made = liouvillian(self._fixed)
        for jump in self.jumps:
            made = made + dissipator(jump)
        real = self.hermitian.superoperator
        return Generator(real(made), tuple(real(liouvillian(h)) for h in self.hamiltonians))

    def generator(self, matrices: bool) -> Generator:
        """Return the equation for density matrices or for vectors."""
        return self.mixing if matrices else self.decaying

    @cached_property
    def _conditional(self) -> Conditional | None:
        """Closed forms for vectors, where everything but the drives is diagonal."""
        others = (self.decaying.constant, *self.decaying.terms[3 * len(self.sites) :])
        if "0" in self.target.levels or any((m - sparse.diags(m.diagonal())).count_nonzero() for m in others):
            return None
        diagonals = [np.asarray(m.diagonal(), dtype=complex) for m in others]
        couplings = np.array(diagonals[1:]).reshape(-1, self.layout.dimension)
        return Conditional(self.layout, self.sites, diagonals[0], couplings)

    def flow(self, coefficients: Array) -> jumping.Flow:
        """Return how vectors decay under constant coefficients: in closed form where drives act atom by atom."""
        closed = None if self._conditional is None else self._conditional.flow(coefficients)
        return closed or jumping.Diagonalised(self.decaying, coefficients)

    def parts(self, coefficients: Array, times_us: Array) -> Iterable[jumping.Part]:
        """Return how vectors decay through steps of coefficients (rows or 1, steps, terms)."""
        if self._conditional is not None and (paths := self._conditional.paths(coefficients, times_us)) is not None:
            return paths
        return (
            jumping.Step(self.flow(coefficients[:, k]), float(time_us)) for k, time_us in enumerate(times_us.tolist())
        )

    def through(self, rows: Matrix, coefficients: Array, times_us: Array, matrices: bool) -> Matrix:
        """Return density matrices in real coordinates, or vectors, after steps (rows or 1, steps, terms)."""
        if matrices:
            for k, time_us in enumerate(times_us.tolist()):
                rows = self.mixing.advance(rows, coefficients[:, k], time_us)
            return rows
        for part in self.parts(coefficients, times_us):
            rows = part.advance(rows)
        return rows

    def propagators(self, coefficients: Array, times_us: Array, matrices: bool) -> Matrix:
        """Return the propagators (rows or 1, size, size) of steps (rows or 1, steps, terms)."""
        generator = self.generator(matrices)
        one = np.eye(generator.size, dtype=generator.constant.dtype)
        paths = None if matrices or self._conditional is None else self._conditional.paths(coefficients, times_us)
        if paths is not None:
            each = []
            for k in range(len(coefficients)):
                rows = one
                for path in paths:
                    rows = path.subset(np.array([k])).advance(rows)
                each.append(rows.T)
            return np.stack(each)
        made = one[None]
        for step, time_us in enumerate(times_us.tolist()):
            made = generator.propagators(coefficients[:, step], time_us) @ made
        return made


Steps = tuple[OperatorSet, Array, Array]
"""Who evolves, coefficients (rows or 1, steps, terms), and how long each holds (µs)."""
_SHARED: OrderedDict[Any, OperatorSet] = OrderedDict()


def _shared(space: OperatorSet) -> OperatorSet:
    """Return a space made before with the same operators, or this one; atoms that move are kept apart."""
    target = space.target
    if space.moving or target.dimension > DENSE_SIZE:
        return space
    fields = (target.exchange, target.van_der_waals) if "0" in target.levels else (target.van_der_waals,)
    key = (target.levels, len(target.atoms), *(array.tobytes() for array in (*fields, *space.collapse)))
    found = _SHARED.setdefault(key, space)
    _SHARED.move_to_end(key)
    if len(_SHARED) > SHARED_SPACES:
        _SHARED.popitem(last=False)
    return found


@dataclass
class OpenSystemPropagator:
    """The evolution of decohering atoms through segments and waits, its propagators kept."""

    target: Target
    collapse: tuple[Complex, ...]
    fluctuating: fluctuations.Fluctuating | None = None
    _spaces: dict[tuple[tuple[str, ...], frozenset[str]], OperatorSet] = field(default_factory=dict)
    _kept: OrderedDict[Any, Matrix] = field(default_factory=OrderedDict)
    _bytes: int = 0

    @classmethod
    def under(cls, channel: NoiseChannel) -> OpenSystemPropagator:
        """Return the evolution under a noise."""
        noise = channel.noise
        fluctuating = fluctuations.Fluctuating(channel.target, noise) if noise and channel.varies else None
        return cls(channel.target, channel.collapse, fluctuating)

    def space(self, atoms: tuple[int, ...]) -> OperatorSet:
        """Return the space of some atoms, made once."""
        return self._space_of(self.target.subset(atoms))

    def _space_of(self, target: Target) -> OperatorSet:
        """Return the space of a target's atoms, those that are hidden without interactions."""
        key = target.atoms, target.hidden
        if key not in self._spaces:
            moving = self.fluctuating is not None and self.fluctuating.moves
            self._spaces[key] = _shared(OperatorSet(target, self.collapse, moving))
        return self._spaces[key]

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...], *, mixed: bool) -> State:
        """Return states after a segment, phase references applied: flat density matrices, or decayed vectors."""
        if self.fluctuating is not None and not self.collapse and not self.fluctuating.moves:
            return self._varied(self.fluctuating, plan, scope, states, atoms, mixed)
        space = self.space(atoms)
        out = np.empty_like(states)
        for schedule, rows, part in timed(plan, scope, len(states)):
            piece = Piece(plan, schedule, atoms)
            inner = space.hermitian.real(states[rows]) if mixed else states[rows]
            inner = self._through(space, piece, part, inner, mixed)
            out[rows] = self._framed(space, piece, part, inner, mixed)
        return out

    def _varied(
        self,
        fluctuating: fluctuations.Fluctuating,
        plan: Plan,
        scope: Scope,
        states: State,
        atoms: tuple[int, ...],
        mixed: bool,
    ) -> State:
        """Return states after a segment that differs from row to row, where nothing decoheres."""
        if not mixed:
            return fluctuating.evolve(plan, scope, states, atoms)
        return on_both_sides(states, lambda rows, which: fluctuating.evolve(plan, rows_of(scope, which), rows, atoms))

    def wait(self, scope: Scope, states: State, atoms: tuple[int, ...], duration_ns: float, *, mixed: bool) -> State:
        """Return states after a wait in the dark."""
        space, time_us = self.space(atoms), duration_ns / NS_PER_US
        generator = space.generator(mixed)
        inner: Matrix = space.hermitian.real(states) if mixed else states
        dark = self._coefficients(space, (), (), self._strengths(space, scope))
        key = ("wait", atoms, time_us)
        if mixed and len(dark) == 1 and generator.size <= DENSE_SIZE:
            if key not in self._kept:
                self._keep(key, generator.propagators(dark[:, 0], time_us)[0])
            inner = inner @ self._kept[key].T
        else:
            inner = space.through(inner, dark, np.full(1, time_us), mixed)
        return space.hermitian.matrix(inner) if mixed else np.asarray(inner)

    def jump(
        self,
        plan: Plan | None,
        scope: Scope,
        states: State,
        atoms: tuple[int, ...],
        duration_ns: float,
        chance: jumping.Chance,
    ) -> State:
        """Return normalised vectors after a segment (without a plan: a wait), each row with its own jumps."""
        space = self.space(atoms)
        if plan is None:
            dark, times_us = self._coefficients(space, (), (), self._strengths(space, scope)), duration_ns / NS_PER_US
            return jumping.evolve(space.jumps, space.parts(dark, np.full(1, times_us)), states, chance)
        out = np.empty_like(states)
        for schedule, rows, part in timed(plan, scope, len(states)):
            piece = Piece(plan, schedule, atoms)
            found = self._steps(piece, part)
            parts = chain.from_iterable(here.parts(coefficients, times_us) for here, coefficients, times_us in found)
            made = jumping.evolve(space.jumps, parts, states[rows], _of_rows(chance, rows))
            out[rows] = apply_frame(plan.target, schedule, part, made, atoms)
        return out

    # ---------------------------------------------------------------- propagation

    def _through(self, space: OperatorSet, piece: Piece, scope: Scope, rows: Matrix, matrices: bool) -> Matrix:
        generator = space.generator(matrices)
        if self.fluctuating is not None or generator.size > DENSE_SIZE:
            for here, coefficients, times_us in self._steps(piece, scope):
                rows = here.through(rows, coefficients, times_us, matrices)
            return rows
        columns = [np.broadcast_to(column(e, scope), (len(rows),)) for e in piece.plan.controls_of(piece.atoms)]
        values = np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))
        keys = [(matrices, piece.key, row.tobytes()) for row in np.round(values, CONTROL_DIGITS) + 0.0]
        groups: dict[Any, list[int]] = {}
        for i, key in enumerate(keys):
            groups.setdefault(key, []).append(i)
        missing = [(key, some[0]) for key, some in groups.items() if key not in self._kept]
        out = np.empty_like(rows)
        new = {key for key, _ in missing}
        for key, where in groups.items():  # before what is new takes their place
            if key not in new:
                self._kept.move_to_end(key)
                out[where] = rows[where] @ self._kept[key].T
        for some in chunks(len(missing), generator.size**2 * 4):
            made = self._propagators(space, piece, rows_of(scope, np.array([i for _, i in missing[some]])), matrices)
            for (key, _), propagator in zip(missing[some], np.broadcast_to(made, (len(missing[some]), *made.shape[1:])),
                                            strict=True):  # fmt: skip
                self._keep(key, propagator)
                out[groups[key]] = rows[groups[key]] @ propagator.T
        return out

    def _propagators(self, space: OperatorSet, piece: Piece, scope: Scope, matrices: bool) -> Matrix:
        """Return the propagators (rows or 1, size, size) of a whole piece; parts that nothing steers are made once."""
        generator = space.generator(matrices)
        made = np.eye(generator.size, dtype=generator.constant.dtype)[None]
        for k, stretch in enumerate(piece.stretches(piece.tracks(scope))):
            key = ("stretch", matrices, piece.key, k)
            fixed = all(track.fixed for track in stretch.active)
            if fixed and key in self._kept:
                made = self._kept[key] @ made
                continue
            here, coefficients, times_us = self._stretch(stretch, {})
            now = here.propagators(coefficients, times_us, matrices)
            if fixed:
                self._keep(key, now[0])
            made = now @ made
        return made

    def _keep(self, key: Any, propagator: Matrix) -> None:
        if key not in self._kept:
            self._bytes += propagator.nbytes
        self._kept[key] = propagator
        while self._bytes > CACHE_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes

    def _framed(self, space: OperatorSet, piece: Piece, scope: Scope, inner: Matrix, matrices: bool) -> State:
        target = piece.plan.target
        if not matrices:
            return apply_frame(target, piece.schedule, scope, np.asarray(inner), piece.atoms)
        return turned(target, piece.schedule, scope, space.hermitian.matrix(inner), piece.atoms)

    # ---------------------------------------------------------------- steps

    def _strengths(self, space: OperatorSet, scope: Scope) -> Array:
        if not space.moving:
            return np.zeros((1, 0))
        return space.strengths(fluctuations.strengths(space.target, self.target.atoms, scope))

    def _steps(self, piece: Piece, scope: Scope) -> Iterator[Steps]:
        """Yield the steps of a piece, stretch by stretch, rows of `scope` with their own drives where they differ."""
        tracks = piece.tracks(scope) if self.fluctuating is None else self.fluctuating.tracks(piece, scope)
        for stretch in piece.stretches(tracks):
            yield self._stretch(stretch, scope)

    def _stretch(self, stretch: Stretch, scope: Scope) -> Steps:
        space, cuts = self._space_of(stretch.target), stretch.cuts
        sites = site_drives(cuts, stretch.active)
        strengths = self._strengths(space, scope)
        made = self._coefficients(space, tuple(sites), tuple(sites.values()), strengths, len(cuts) - 1)
        return space, made, np.diff(cuts) / NS_PER_US

    def _coefficients(
        self,
        space: OperatorSet,
        names: tuple[tuple[int, str], ...],
        drives: tuple[tuple[Complex, Array], ...],
        strengths: Array,
        count: int = 1,
    ) -> Array:
        """Return the coefficients (rows or 1, intervals, terms)."""
        rows = max([len(strengths), *(max(len(o), len(d)) for o, d in drives)])
        made = np.zeros((rows, count, len(space.hamiltonians)))
        for (atom, basis), (omega, delta) in zip(names, drives, strict=True):
            first = 3 * space.sites.index((atom, basis))
            made[:, :, first], made[:, :, first + 1], made[:, :, first + 2] = omega.real, omega.imag, delta
        if strengths.shape[1]:
            made[:, :, 3 * len(space.sites) :] = strengths[:, None, :]
        return made


def _of_rows(chance: jumping.Chance, rows: NDArray[np.int64]) -> jumping.Chance:
    return lambda jump: chance(jump)[rows]
