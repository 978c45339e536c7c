"""Vectors that decay while drives act atom by atom: closed forms, in which other atoms only shift the level r.

While one atom at most is driven between g and r, whatever many are between g and h, the effective Hamiltonian falls
into blocks of two levels, one for each setting of the others, and its exponential is that of a 2 x 2 matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.target import DRIVEN
from rydberg_qmem.emulators.layout import Layout, State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]
Site = tuple[int, str]

SMALL = 1e-4
"""Below this |wt| the quotient sinh(wt)/w is taken from its series, exact to rounding there."""


@dataclass(frozen=True)
class Turn:
    """A driven atom: its two levels, 2 x 2 generators (rows or 1, kinds), and which setting of the others has which."""

    atom: int
    pair: tuple[int, int]
    mean: Complex
    half: Complex
    """Half the difference of the diagonal's two entries."""
    up: Complex
    down: Complex
    rest: tuple[tuple[int, Complex], ...]
    """The other levels of the atom, and what each does on its own."""
    which: Index


@dataclass(frozen=True, eq=False)
class Closed:
    """Evolution by any time under constant coefficients, one set for all rows or one each."""

    layout: Layout
    turns: tuple[Turn, ...]
    left: Complex
    """What the basis states do that no driven atom has a part in (rows or 1, dimension)."""

    def advance(self, states: State, time_us: float) -> State:
        """Return all rows after a time."""
        return self.to(states, np.full(1, time_us))

    def subset(self, rows: Index) -> Closed:
        """Return the evolution of some of the rows."""
        return Closed(self.layout, tuple(_subset(turn, rows) for turn in self.turns), _some(self.left, rows))

    def to(self, states: State, times_us: Array) -> State:
        """Return all rows after a time each."""
        times = times_us[:, None]
        for turn in self.turns:
            states = self._turned(turn, states, times)
        return np.asarray(states * np.exp(self.left * times)) if self.left.any() else states

    def _turned(self, turn: Turn, states: State, times: Array) -> State:
        levels = len(self.layout.levels)
        view = states.reshape(len(states), levels**turn.atom, levels, -1)
        a, b = turn.pair
        root = np.sqrt(turn.half**2 + turn.up * turn.down)
        angle = root * times
        size = np.exp(turn.mean * times)
        even = size * np.cosh(angle)
        odd = size * np.where(
            np.abs(angle) < SMALL, times * (1 + angle**2 / 6), np.sinh(angle) / np.where(root, root, 1)
        )
        aa, bb = (made[:, turn.which] for made in (even + odd * turn.half, even - odd * turn.half))
        ab, ba = (odd * turn.up)[:, turn.which], (odd * turn.down)[:, turn.which]
        first, second = view[:, :, a, :], view[:, :, b, :]
        out = np.empty((max(len(states), len(even)), *view.shape[1:]), dtype=complex)
        out[:, :, a, :] = aa * first + ab * second
        out[:, :, b, :] = ba * first + bb * second
        for level, own in turn.rest:
            out[:, :, level, :] = view[:, :, level, :] * np.exp(own * times)[:, turn.which]
        return out.reshape(len(out), -1)


@dataclass(frozen=True, eq=False)
class Conditional:
    """What atoms do on their own, all of it diagonal, and the transitions that may be driven."""

    layout: Layout
    sites: tuple[Site, ...]
    diagonal: Complex
    couplings: Complex
    """The diagonals of what the coefficients behind those of the sites multiply (couplings, dimension)."""
    _kinds: dict[tuple[int, ...], tuple[Complex, Index, Complex]] = field(default_factory=dict)

    def flow(self, coefficients: Array) -> Closed | None:
        """Return the evolution under coefficients (rows or 1, terms), or None where it has no closed form."""
        each = coefficients[:, : 3 * len(self.sites)].reshape(len(coefficients), -1, 3)
        driven = [int(k) for k in np.flatnonzero(each.any(axis=(0, 2)))]
        driven.sort(key=lambda k: self.sites[k][1] != "ground-rydberg")  # first: all that shifts its r goes with it
        atoms = [self.sites[k][0] for k in driven]
        if len(set(atoms)) < len(atoms) or sum(self.sites[k][1] == "ground-rydberg" for k in driven) > 1:
            return None
        strengths = coefficients[:, 3 * len(self.sites) :]
        moving = bool(strengths.shape[1])
        left = self.diagonal + strengths @ self.couplings if moving else self.diagonal[None]
        turns = []
        for n, k in enumerate(driven):
            if moving:
                own, which, left = self._apart(left, atoms[n], same=False)
            else:
                done = tuple(atoms[: n + 1])
                if done not in self._kinds:
                    self._kinds[done] = self._apart(left, atoms[n], same=True)
                own, which, left = self._kinds[done]
            turns.append(self._turn(self.sites[k], own, which, each[:, k]))
        return Closed(self.layout, tuple(turns), left)

    def _apart(self, diagonal: Complex, atom: int, *, same: bool) -> tuple[Complex, Index, Complex]:
        """Split a diagonal: what an atom's levels add (rows or 1, levels, kinds), which setting has which, the rest."""
        levels = len(self.layout.levels)
        grid = diagonal.reshape(len(diagonal), levels**atom, levels, -1)
        ground = grid[:, :, self.layout.ground : self.layout.ground + 1, :]
        added = (grid - ground).transpose(0, 2, 1, 3)
        shape = added.shape[2:]
        flat = np.ascontiguousarray(added.reshape(len(added), levels, -1))
        which = np.arange(flat.shape[2])
        if same:
            _, first, which = np.unique(flat[0], axis=1, return_index=True, return_inverse=True)
            flat = flat[:, :, first]
        return flat, which.reshape(shape), np.broadcast_to(ground, grid.shape).reshape(len(diagonal), -1)

    def _turn(self, site: Site, own: Complex, which: Index, drive: Array) -> Turn:
        a, b = (self.layout.levels.index(level) for level in DRIVEN[site[1]])
        omega, delta = drive[:, 0] + 1j * drive[:, 1], drive[:, 2]
        first, second = own[:, a], own[:, b] + 1j * delta[:, None]
        rest = tuple((k, own[:, k]) for k in range(len(self.layout.levels)) if k not in (a, b))
        return Turn(
            site[0],
            (a, b),
            (first + second) / 2,
            (first - second) / 2,
            -0.5j * omega[:, None],
            -0.5j * omega.conj()[:, None],
            rest,
            which,
        )


def _some(values: Complex, rows: Index) -> Complex:
    return values[rows] if len(values) > 1 else values


def _subset(turn: Turn, rows: Index) -> Turn:
    return replace(
        turn,
        mean=_some(turn.mean, rows),
        half=_some(turn.half, rows),
        up=_some(turn.up, rows),
        down=_some(turn.down, rows),
        rest=tuple((level, _some(own, rows)) for level, own in turn.rest),
    )
