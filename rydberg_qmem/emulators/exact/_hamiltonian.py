"""A Hamiltonian moves vectors: closed forms where one atom is driven, expansions where several are driven together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import DRIVEN, Target
from rydberg_qmem.emulators.exact import _joint as joint
from rydberg_qmem.emulators.exact import _rotations as rotations
from rydberg_qmem.emulators.exact._cache import PropagatorCache
from rydberg_qmem.emulators.exact._interactions import pair_energies, shifts, subspace
from rydberg_qmem.emulators.exact._segment import Drives, PlayedSegment, Stretch, layout_of
from rydberg_qmem.emulators.exact._subspace import Samples, Transition
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE, Layout, State
from rydberg_qmem.pulses import Scope

Array = NDArray[np.float64]

CACHED_DIMENSION = 1024
"""Largest register whose propagators are kept; beyond it, states are evolved each time."""


@dataclass(frozen=True, eq=False)
class Hamiltonian:
    """The generator of pure states (rows, dimension), each row with its own drives where they differ."""

    cache: PropagatorCache = field(default_factory=lambda: PropagatorCache(largest=CACHED_DIMENSION))
    name = b"H:"

    def enter(self, states: State) -> State:
        """Return states as rows to be moved."""
        return states

    def leave(self, rows: State) -> State:
        """Return rows as states."""
        return rows

    def turned(self, segment: PlayedSegment, rows: State) -> State:
        """Return rows in the frame that a segment leaves behind."""
        return segment.turned(rows)

    def identity(self, count: int, size: int) -> State:
        """Return the rows (count, size, size) whose evolution is the transposed propagators of `count` settings."""
        made = np.tile(np.eye(size, dtype=complex), (count, 1))
        self.cache.largest_build = max(self.cache.largest_build, count * size * size * BYTES_PER_AMPLITUDE)
        return made.reshape(count, size, size)

    def keeps_dark(self, size: int) -> bool:
        """Return whether propagators of waits are kept: phases cost less."""
        return False

    def advance(self, stretch: Stretch, rows: State, scope: Scope) -> State:
        """Return rows (settings, dimension) or (settings, columns, dimension) after a stretch."""
        if rows.ndim == 2:
            return evolve_stretch(stretch, rows)
        flat, columns = rows.reshape(-1, rows.shape[-1]), rows.shape[1]
        return evolve_stretch(stretch, flat, columns).reshape(rows.shape)


def evolution_method(target: Target, excited: frozenset[int], atoms: tuple[int, ...], everywhere: bool) -> str:
    """Return how a segment evolves some atoms, in words.

    `excited` are the atoms that its pulses may take to a Rydberg level; `everywhere`: one pulse drives them all.
    """
    here, size = target.subset(atoms), target.subset(atoms).dimension
    kept = ", propagators kept when control values repeat" if size <= CACHED_DIMENSION else ""
    driven = len(excited & set(atoms)) if "0" not in here.levels else len(atoms)
    if driven <= 1 or not everywhere:
        return f"closed-form rotations{kept}"
    size_driven = len(here.levels) ** driven
    if size_driven >= joint.SPLIT_DIMENSION and "0" not in here.levels:
        return f"split operator, or Chebyshev propagation where that needs many steps{kept}"
    return f"{'dense' if size_driven <= joint.DENSE_DIMENSION else 'Chebyshev'} propagation{kept}"


def evolve_stretch(stretch: Stretch, states: State, columns: int = 1) -> State:
    """Return vectors (rows, dimension) after a stretch; `columns` rows in turn share the drives of one setting."""
    target, dt_us, sites = stretch.target, stretch.times_us, stretch.drives(columns)
    layout = layout_of(target)
    if "0" in layout.levels:
        return _together(stretch, layout, states, sites, tuple(range(layout.atoms)))
    rydberg = sorted({atom for atom, basis in sites if basis == "ground-rydberg"})
    for (atom, basis), (omega, delta) in sites.items():
        if basis == "digital" and atom not in rydberg:
            turn = rotations.product(rotations.pieces(omega, delta, dt_us))
            kinds = rotations.Rotation(turn.theta[:, None], turn.alpha[:, None], turn.beta[:, None])
            which = _everywhere(layout, atom)
            states = rotations.apply(states, layout, atom, DRIVEN["digital"], kinds, which)
    if len(rydberg) == 1 and (rydberg[0], "digital") not in sites:
        states = _conditional(target, layout, states, rydberg[0], *sites[(rydberg[0], "ground-rydberg")], dt_us)
    elif rydberg:
        return _together(stretch, layout, states, sites, tuple(rydberg))
    return _wait(target, layout, states, tuple(rydberg), float(dt_us.sum()))


@lru_cache(maxsize=512)
def _everywhere(layout: Layout, atom: int) -> NDArray[np.int64]:
    """One kind of rotation, whatever the other atoms are in."""
    levels = len(layout.levels)
    return np.zeros((levels**atom, levels ** (layout.atoms - atom - 1)), dtype=np.int64)


def _conditional(
    target: Target,
    layout: Layout,
    states: State,
    atom: int,
    omega: NDArray[np.complex128],
    delta: Array,
    dt_us: Array,
) -> State:
    """Drive one atom on g-r; its neighbours in r shift its detuning, setting by setting."""
    shift, which = shifts(target, atom)
    shifted = delta[:, None, :] - shift[None, :, None]
    turn = rotations.product(rotations.pieces(omega[:, None, :], shifted, dt_us))
    return rotations.apply(states, layout, atom, DRIVEN["ground-rydberg"], turn, which)


def _wait(target: Target, layout: Layout, states: State, driven: tuple[int, ...], time_us: float) -> State:
    if "r" not in layout.levels or layout.atoms - len(driven) < 2:
        return states
    return np.asarray(states * np.exp(-1j * pair_energies(target, driven) * time_us))


def _together(stretch: Stretch, layout: Layout, states: State, sites: Drives, driven: tuple[int, ...]) -> State:
    """Evolve atoms driven together, for every setting of the others."""
    levels, rows = len(layout.levels), len(states)
    others = tuple(i for i in range(layout.atoms) if i not in driven)
    axes = (0, *(1 + i for i in others), *(1 + i for i in driven))
    shape = (rows, *(levels,) * layout.atoms)
    moved = states.reshape(shape).transpose(axes)
    packed = np.ascontiguousarray(moved).reshape(rows, levels ** len(others), levels ** len(driven))
    places, omegas, deltas = [], [], []
    for (atom, basis), (omega, delta) in sites.items():
        if atom in driven:
            a, b = (layout.levels.index(level) for level in DRIVEN[basis])
            places.append(Transition(driven.index(atom), a, b))
            omegas.append(omega)
            deltas.append(delta)
    samples = Samples(stretch.times_us, tuple(omegas), tuple(deltas))
    packed = joint.evolve(packed, subspace(stretch.target, driven), tuple(places), samples, stretch.share)
    back = packed.reshape((rows, *(levels,) * layout.atoms)).transpose(np.argsort(axes))
    return np.ascontiguousarray(back).reshape(rows, -1)
