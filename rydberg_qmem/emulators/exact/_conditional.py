"""Vectors that decay while drives act atom by atom: closed forms, in which other atoms only shift the level r.

While one atom at most is driven between g and r, whatever many are between g and h, the effective Hamiltonian falls
into blocks of two levels, one for each setting of the others, and its exponential is that of a 2 x 2 matrix. Those of
successive steps are multiplied before they meet the states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import DRIVEN
from rydberg_qmem.emulators.layout import Layout, State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]
Site = tuple[int, str]
Pair = tuple[Complex, Complex, Complex, Complex]
"""The entries aa, ab, ba, bb of 2 x 2 matrices."""

SMALL = 1e-4
"""Below this |wt| the quotient sinh(wt)/w is taken from its series, exact to rounding there."""
BLOCK = 200_000
"""Matrices of one block of steps that are multiplied together."""


@dataclass(frozen=True)
class ConditionalTurn:
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

    def subset(self, rows: Index) -> ConditionalTurn:
        """Return the generators of some of the rows."""
        mean, half, up, down = (_some(part, rows) for part in (self.mean, self.half, self.up, self.down))
        rest = tuple((level, _some(own, rows)) for level, own in self.rest)
        return replace(self, mean=mean, half=half, up=up, down=down, rest=rest)

    def after(self, times: Array) -> Turned:
        """Return the exponentials after times (rows or 1, 1)."""
        root = np.sqrt(self.half**2 + self.up * self.down)
        angle = root * times
        size = np.exp(self.mean * times)
        even = size * np.cosh(angle)
        quotient = np.sinh(angle) / np.where(root, root, 1)
        odd = size * np.where(np.abs(angle) < SMALL, times * (1 + angle**2 / 6), quotient)
        entries = (even + odd * self.half, odd * self.up, odd * self.down, even - odd * self.half)
        rest = tuple((level, np.exp(own * times)) for level, own in self.rest)
        return Turned(self.atom, self.pair, entries, rest, self.which)


@dataclass(frozen=True)
class Turned:
    """What a driven atom's levels have become after some time."""

    atom: int
    pair: tuple[int, int]
    entries: Pair
    rest: tuple[tuple[int, Complex], ...]
    which: Index

    def applied(self, states: State, layout: Layout) -> State:
        """Return states (rows, dimension) after it."""
        levels = len(layout.levels)
        view = states.reshape(len(states), levels**self.atom, levels, -1)
        a, b = self.pair
        aa, ab, ba, bb = (entry[:, self.which] for entry in self.entries)
        first, second = view[:, :, a, :], view[:, :, b, :]
        out = np.empty((max(len(states), len(aa)), *view.shape[1:]), dtype=complex)
        out[:, :, a, :] = aa * first + ab * second
        out[:, :, b, :] = ba * first + bb * second
        for level, factor in self.rest:
            out[:, :, level, :] = view[:, :, level, :] * factor[:, self.which]
        return out.reshape(len(out), -1)

    def subset(self, rows: Index) -> Turned:
        """Return what becomes of some of the rows."""
        aa, ab, ba, bb = (_some(entry, rows) for entry in self.entries)
        return replace(
            self, entries=(aa, ab, ba, bb), rest=tuple((level, _some(factor, rows)) for level, factor in self.rest)
        )

    def multiplied(self, steps: int) -> Turned:
        """Return, of matrices whose rows are (row, step), the product over the steps, later ones to the left."""
        entries = tuple(entry.reshape(-1, steps, entry.shape[-1]) for entry in self.entries)
        while entries[0].shape[1] > 1:
            entries = _halved(entries)
        rest = tuple((level, f.reshape(-1, steps, f.shape[-1]).prod(axis=1)) for level, f in self.rest)
        aa, ab, ba, bb = (entry[:, 0] for entry in entries)
        return Turned(self.atom, self.pair, (aa, ab, ba, bb), rest, self.which)


def _halved(entries: tuple[Complex, ...]) -> tuple[Complex, ...]:
    """Multiply neighbours along the second axis; an odd one at the end stays."""
    even = entries[0].shape[1] // 2 * 2
    a1, b1, c1, d1 = (entry[:, 0:even:2] for entry in entries)
    a2, b2, c2, d2 = (entry[:, 1:even:2] for entry in entries)
    made = (a2 * a1 + b2 * c1, a2 * b1 + b2 * d1, c2 * a1 + d2 * c1, c2 * b1 + d2 * d1)
    return tuple(np.concatenate([new, old[:, even:]], axis=1) for new, old in zip(made, entries, strict=True))


@dataclass(frozen=True, eq=False)
class Closed:
    """Evolution by any time under constant coefficients, one set for all rows or one each."""

    layout: Layout
    turns: tuple[ConditionalTurn, ...]
    left: Complex
    """What the basis states do that no driven atom has a part in (rows or 1, dimension)."""

    def advance(self, states: State, time_us: float) -> State:
        """Return all rows after a time."""
        return self.to(states, np.full(1, time_us))

    def subset(self, rows: Index) -> Closed:
        """Return the evolution of some of the rows."""
        return Closed(self.layout, tuple(turn.subset(rows) for turn in self.turns), _some(self.left, rows))

    def after(self, times_us: Array) -> Closed:
        """Return it: coefficients are constant."""
        return self

    def to(self, states: State, times_us: Array) -> State:
        """Return all rows after a time each."""
        times = times_us[:, None]
        for turn in self.turns:
            states = turn.after(times).applied(states, self.layout)
        return np.asarray(states * np.exp(self.left * times)) if self.left.any() else states


@dataclass(frozen=True, eq=False)
class Path:
    """Successive steps, each of constant coefficients, multiplied together."""

    conditional: Conditional
    coefficients: Array
    times_us: Array
    turned: tuple[Turned, ...]
    left: Complex

    def advance(self, states: State) -> State:
        """Return all rows after all steps."""
        for turned in self.turned:
            states = turned.applied(states, self.conditional.layout)
        return np.asarray(states * self.left)

    def subset(self, rows: Index) -> Path:
        """Return the evolution of some of the rows."""
        coefficients = self.coefficients[rows] if len(self.coefficients) > 1 else self.coefficients
        turned = tuple(turned.subset(rows) for turned in self.turned)
        return Path(self.conditional, coefficients, self.times_us, turned, _some(self.left, rows))

    def steps(self) -> Iterator[tuple[Closed, float]]:
        """Yield one step after the other."""
        for k, time_us in enumerate(self.times_us):
            closed = self.conditional.flow(self.coefficients[:, k])
            assert closed is not None
            yield closed, float(time_us)


@dataclass(frozen=True, eq=False)
class Conditional:
    """What atoms do on their own, all of it diagonal, and the transitions that may be driven."""

    layout: Layout
    sites: tuple[Site, ...]
    diagonal: Complex
    couplings: Complex
    """The diagonals of what the coefficients behind those of the sites multiply (couplings, dimension)."""
    _kinds: dict[tuple[int, ...], tuple[Complex, Index, Complex]] = field(default_factory=dict)

    def paths(self, coefficients: Array, times_us: Array) -> list[Path] | None:
        """Return the evolution through steps of coefficients (rows or 1, steps, terms), in blocks of them.

        None where it has no closed form.
        """
        rows = len(coefficients)
        trial = self.flow(coefficients.reshape(rows * len(times_us), -1)[:: max(1, len(times_us))])
        if trial is None:
            return None
        kinds = max([1, *(turn.mean.shape[1] for turn in trial.turns)])
        maximum = max(1, BLOCK // (rows * kinds))
        made = []
        for first in range(0, len(times_us), maximum):
            path = self._path(coefficients[:, first : first + maximum], times_us[first : first + maximum])
            if path is None:
                return None
            made.append(path)
        return made

    def _path(self, coefficients: Array, times_us: Array) -> Path | None:
        rows, steps, terms = coefficients.shape
        flow = self.flow(coefficients.reshape(rows * steps, terms))
        if flow is None:
            return None
        times = np.tile(times_us, rows)[:, None]
        turned = tuple(turn.after(times).multiplied(steps) for turn in flow.turns)
        left = flow.left[::steps] if len(flow.left) > 1 else flow.left  # interactions hold all along
        return Path(self, coefficients, times_us, turned, np.exp(left * times_us.sum()))

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

    def _turn(self, site: Site, own: Complex, which: Index, drive: Array) -> ConditionalTurn:
        a, b = (self.layout.levels.index(level) for level in DRIVEN[site[1]])
        omega, delta = drive[:, 0] + 1j * drive[:, 1], drive[:, 2]
        first, second = own[:, a], own[:, b] + 1j * delta[:, None]
        rest = tuple((k, own[:, k]) for k in range(len(self.layout.levels)) if k not in (a, b))
        return ConditionalTurn(
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
