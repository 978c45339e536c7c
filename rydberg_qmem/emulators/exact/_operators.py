"""Operators of some atoms: what drives and interactions multiply, collapse operators, and the equations they make."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rydberg_qmem.devices import DRIVEN, Strengths, Target
from rydberg_qmem.emulators.collapse import dissipator
from rydberg_qmem.emulators.exact import _jumps as jumping
from rydberg_qmem.emulators.exact._conditional import Conditional
from rydberg_qmem.emulators.exact._lindblad import Hermitian, liouvillian
from rydberg_qmem.emulators.exact._linear import DENSE_SIZE, LinearEquation, Matrix, Sparse
from rydberg_qmem.emulators.exact._segment import Stretch
from rydberg_qmem.emulators.layout import Layout

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

SHARED_SETS = 8
"""Sets of operators that wait for the next point or cohort: making them takes longer than a small run."""


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
    def decaying(self) -> LinearEquation:
        """The effective Hamiltonian's equation for vectors: -iH - Σ C†C/2."""
        size = self.layout.dimension
        weight = sparse.csr_matrix((size, size), dtype=complex)
        for jump in self.jumps:
            weight = weight + jump.conj().T @ jump
        return LinearEquation(
            (-1j * self._fixed - 0.5 * weight).tocsr(), tuple((-1j * h).tocsr() for h in self.hamiltonians)
        )

    @cached_property
    def hermitian(self) -> Hermitian:
        """The basis of density matrices."""
        return Hermitian(self.layout.dimension)

    @cached_property
    def lindblad(self) -> LinearEquation:
        """The Lindblad equation for density matrices, in real coordinates."""
        made = liouvillian(self._fixed)
        for jump in self.jumps:
            made = made + dissipator(jump)
        real = self.hermitian.superoperator
        return LinearEquation(real(made), tuple(real(liouvillian(h)) for h in self.hamiltonians))

    def equation(self, mixed: bool) -> LinearEquation:
        """Return the equation for density matrices or for vectors."""
        return self.lindblad if mixed else self.decaying

    def coefficients(self, stretch: Stretch, found: Strengths | None) -> Array:
        """Return what the drives of a stretch, and interactions of rows, multiply the terms by (rows, steps, terms)."""
        strengths = self.strengths(found) if found is not None else np.zeros((1, 0))
        drives = stretch.drives()
        rows = max([len(strengths), *(max(len(o), len(d)) for o, d in drives.values())])
        made = np.zeros((rows, len(stretch.cuts) - 1, len(self.hamiltonians)))
        for site, (omega, delta) in drives.items():
            first = 3 * self.sites.index(site)
            made[:, :, first], made[:, :, first + 1], made[:, :, first + 2] = omega.real, omega.imag, delta
        if strengths.shape[1]:
            made[:, :, 3 * len(self.sites) :] = strengths[:, None, :]
        return made

    @cached_property
    def _conditional(self) -> Conditional | None:
        """Closed forms for vectors, where everything but the drives is diagonal."""
        others = (self.decaying.constant, *self.decaying.terms[3 * len(self.sites) :])
        if "0" in self.target.levels or any((m - sparse.diags(m.diagonal())).count_nonzero() for m in others):
            return None
        diagonals = [np.asarray(m.diagonal(), dtype=complex) for m in others]
        couplings = np.array(diagonals[1:]).reshape(-1, self.layout.dimension)
        return Conditional(self.layout, self.sites, diagonals[0], couplings)

    @property
    def diagonals(self) -> tuple[Complex, Complex] | None:
        """What atoms do on their own, and what pairs' strengths multiply, where both are diagonal; None else."""
        found = self._conditional
        return None if found is None else (found.diagonal, found.couplings)

    def flow(self, coefficients: Array) -> jumping.Flow:
        """Return how vectors decay under constant coefficients: in closed form where drives act atom by atom."""
        closed = None if self._conditional is None else self._conditional.flow(coefficients)
        return closed or jumping.Diagonalised(self.decaying, coefficients)

    def parts(self, coefficients: Array, times_us: Array) -> Iterable[jumping.StepGroup]:
        """Return how vectors decay through steps of coefficients (rows or 1, steps, terms)."""
        if self._conditional is not None and (paths := self._conditional.paths(coefficients, times_us)) is not None:
            return paths
        return (
            jumping.Step(self.flow(coefficients[:, k]), float(time_us)) for k, time_us in enumerate(times_us.tolist())
        )

    def through(self, rows: Matrix, coefficients: Array, times_us: Array, mixed: bool) -> Matrix:
        """Return density matrices in real coordinates, or vectors, after steps (rows or 1, steps, terms)."""
        if mixed:
            for k, time_us in enumerate(times_us.tolist()):
                rows = self.lindblad.advance(rows, coefficients[:, k], time_us)
            return rows
        for part in self.parts(coefficients, times_us):
            rows = part.advance(rows)
        return rows

    def propagators(self, coefficients: Array, times_us: Array, mixed: bool) -> Matrix:
        """Return the propagators (rows or 1, size, size) of steps (rows or 1, steps, terms)."""
        equation = self.equation(mixed)
        one = np.eye(equation.size, dtype=equation.constant.dtype)
        paths = None if mixed or self._conditional is None else self._conditional.paths(coefficients, times_us)
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
            made = equation.propagators(coefficients[:, step], time_us) @ made
        return made


_SHARED: OrderedDict[Any, OperatorSet] = OrderedDict()


def shared_operators(space: OperatorSet) -> OperatorSet:
    """Return a space made before with the same operators, or this one; atoms that move are kept apart."""
    target = space.target
    if space.moving or target.dimension > DENSE_SIZE:
        return space
    fields = (target.exchange, target.van_der_waals) if "0" in target.levels else (target.van_der_waals,)
    key = (target.levels, len(target.atoms), *(array.tobytes() for array in (*fields, *space.collapse)))
    found = _SHARED.setdefault(key, space)
    _SHARED.move_to_end(key)
    if len(_SHARED) > SHARED_SETS:
        _SHARED.popitem(last=False)
    return found
