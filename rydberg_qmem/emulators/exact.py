"""The default emulator: piecewise-constant propagation of Pulser's own samples, all rows of states at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.shapes import Scope, column
from rydberg_qmem.compile.target import DRIVEN, Target
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.compile.to_pulser import Plan, Schedule, plan_segment, timed
from rydberg_qmem.emulators import joint, rotations
from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.emulators.protocol import Capabilities
from rydberg_qmem.compile.samples import Track, evaluate
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Cuts = NDArray[np.int64]
Site = tuple[int, str]


class Exact:
    """Pulse-level emulator of pure states, exact for the 1 ns samples."""

    name = "exact"
    capabilities = Capabilities()

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment to pulses."""
        return plan_segment(segment, target)

    def evolve(self, plan: Plan, scope: Scope, states: State) -> tuple[State, NDArray[np.int64]]:
        """Return the states after the segment, phase references applied, and its duration in each row."""
        out, durations = np.empty_like(states), np.zeros(len(states), dtype=np.int64)
        for schedule, rows, part in timed(plan, scope, len(states)):
            tracks = evaluate(schedule, part, plan.target)
            evolved = states[rows]
            for cuts, active in stretches(tracks, schedule.duration_ns):
                evolved = evolve_stretch(plan.target, evolved, cuts, active)
            out[rows] = apply_frame(plan.target, schedule, part, evolved)
            durations[rows] = schedule.duration_ns
        return out, durations

    def wait(self, target: Target, states: State, duration_ns: int) -> State:
        """Return the states after `duration_ns` in the dark: interactions go on."""
        return evolve_stretch(target, states, np.array([0, duration_ns]), [])


def apply_frame(target: Target, schedule: Schedule, scope: Scope, states: State) -> State:
    """Turn the phase references that a segment leaves behind into the frame of the states."""
    layout = layout_of(target)
    for atom, level, parts in schedule.frame:
        angle = np.zeros(1)
        for factor, expression in parts:
            angle = angle + factor * column(expression, scope)
        states = states * np.exp(1j * angle[:, None] * layout.is_level(atom, level))
    return states


def stretches(tracks: list[Track], end: int) -> list[tuple[Cuts, list[Track]]]:
    """Cut time (ns) where drives begin or end; within a stretch, at every change of a sample."""
    edges = {0, end, *(int(t.breaks[0]) for t in tracks), *(int(t.breaks[-1]) for t in tracks)}
    bounds = sorted(edges)
    made = []
    for start, stop in zip(bounds, bounds[1:], strict=False):
        active = [t for t in tracks if t.breaks[0] <= start and t.breaks[-1] >= stop]
        inner = [t.breaks[(t.breaks > start) & (t.breaks < stop)] for t in active]
        cuts = np.unique(np.concatenate([[start, stop], *inner])).astype(np.int64)
        made.append((cuts, active))
    return made


def site_drives(cuts: Cuts, active: list[Track]) -> dict[Site, tuple[NDArray[np.complex128], Array]]:
    """Sum the drives on each (atom, basis): Ω exp(-iφ) and δ, shape (rows or 1, intervals)."""
    sites: dict[Site, tuple[NDArray[np.complex128], Array]] = {}
    for track in active:
        which = track.pieces(cuts[:-1])
        omega, delta = track.omega[:, which], track.delta[:, which]
        for k, atom in enumerate(track.atoms):
            weight = 1.0 if track.weights is None else track.weights[k]
            old = sites.get((atom, track.basis))
            now = (omega, weight * delta)
            sites[(atom, track.basis)] = now if old is None else (old[0] + now[0], old[1] + now[1])
    return sites


@lru_cache(maxsize=32)
def layout_of(target: Target) -> Layout:
    """Return the layout of a target, with its index tables cached."""
    return Layout.of(target)


def evolve_stretch(target: Target, states: State, cuts: Cuts, active: list[Track]) -> State:
    """Evolve all rows over a stretch in which the same drives are on."""
    layout = layout_of(target)
    dt_us = np.diff(cuts) / NS_PER_US
    sites = site_drives(cuts, active)
    if "0" in layout.levels:
        return _together(target, layout, states, sites, tuple(range(layout.atoms)), dt_us)
    rydberg = sorted({atom for atom, basis in sites if basis == "ground-rydberg"})
    for (atom, basis), (omega, delta) in sites.items():
        if basis == "digital" and atom not in rydberg:
            turn = rotations.product(rotations.pieces(omega, delta, dt_us))
            kinds = rotations.Rotation(
                *(np.atleast_1d(p)[:, None] for p in (turn.theta, turn.alpha, turn.beta))
            )
            which = np.zeros(
                (len(layout.levels) ** atom, len(layout.levels) ** (layout.atoms - atom - 1)), dtype=int
            )
            states = rotations.apply(states, layout, atom, DRIVEN["digital"], kinds, which)
    if len(rydberg) == 1 and (rydberg[0], "digital") not in sites:
        states = _conditional(
            target, layout, states, rydberg[0], *sites[(rydberg[0], "ground-rydberg")], dt_us
        )
    elif rydberg:
        return _together(target, layout, states, sites, tuple(rydberg), dt_us)
    return _wait(target, layout, states, tuple(rydberg), float(dt_us.sum()))


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
    shifts, which = _shifts(target, atom)
    shifted = delta[:, None, :] - shifts[None, :, None]
    turn = rotations.product(rotations.pieces(omega[:, None, :], shifted, dt_us))
    return rotations.apply(states, layout, atom, DRIVEN["ground-rydberg"], turn, which)


@lru_cache(maxsize=512)
def _shifts(target: Target, atom: int) -> tuple[Array, NDArray[np.int64]]:
    return rotations.neighbours_shift(layout_of(target), atom, target.van_der_waals)


@lru_cache(maxsize=512)
def _pair_energies(target: Target, skipped: tuple[int, ...]) -> Array:
    """Interaction energies of the pairs that no driven atom belongs to."""
    strength = target.van_der_waals.copy()
    strength[list(skipped)] = 0
    strength[:, list(skipped)] = 0
    return layout_of(target).interaction_diagonal(strength, "r")


def _wait(target: Target, layout: Layout, states: State, driven: tuple[int, ...], time_us: float) -> State:
    if "r" not in layout.levels or layout.atoms - len(driven) < 2:
        return states
    return states * np.exp(-1j * _pair_energies(target, driven) * time_us)


def _together(
    target: Target,
    layout: Layout,
    states: State,
    sites: dict[Site, tuple[NDArray[np.complex128], Array]],
    driven: tuple[int, ...],
    dt_us: Array,
) -> State:
    """Evolve atoms driven together, for every setting of the others."""
    levels, rows = len(layout.levels), len(states)
    others = tuple(i for i in range(layout.atoms) if i not in driven)
    axes = (0, *(1 + i for i in others), *(1 + i for i in driven))
    shape = (rows, *(levels,) * layout.atoms)
    moved = states.reshape(shape).transpose(axes)
    packed = np.ascontiguousarray(moved).reshape(rows, levels ** len(others), levels ** len(driven))
    space = _subspace(target, driven)
    steps = []
    for k, dt in enumerate(dt_us):
        terms = []
        for (atom, basis), (omega, delta) in sites.items():
            if atom in driven:
                a, b = (layout.levels.index(level) for level in DRIVEN[basis])
                terms.append(joint.Term(driven.index(atom), a, b, omega[:, k], delta[:, k]))
        steps.append(joint.Step(tuple(terms), float(dt)))
    packed = joint.evolve(packed, space, steps)
    back = packed.reshape((rows, *(levels,) * layout.atoms)).transpose(np.argsort(axes))
    return np.ascontiguousarray(back).reshape(rows, -1)


@lru_cache(maxsize=128)
def _subspace(target: Target, driven: tuple[int, ...]) -> joint.Subspace:
    """Return energies of the driven atoms for every setting of the others, all interactions included."""
    layout = layout_of(target)
    if "0" in layout.levels:
        energies = layout.interaction_diagonal(target.van_der_waals, "0")
        return joint.Subspace(2, layout.atoms, energies[None], exchange_matrix(layout, target.exchange))
    levels = len(layout.levels)
    others = tuple(i for i in range(layout.atoms) if i not in driven)
    energies = layout.interaction_diagonal(target.van_der_waals, "r")
    moved = energies.reshape((levels,) * layout.atoms).transpose((*others, *driven))
    return joint.Subspace(levels, len(driven), moved.reshape(levels ** len(others), -1))


def exchange_matrix(layout: Layout, strength: Array) -> Array:
    """Return Σ J_ij (|10⟩⟨01| + h.c.) as a dense matrix (rad/µs)."""
    size = layout.dimension
    matrix = np.zeros((size, size))
    index = np.arange(size)
    for i in range(layout.atoms):
        for j in range(i + 1, layout.atoms):
            swap = (layout.digits[i] == 1) & (layout.digits[j] == 0)
            bit_i, bit_j = 2 ** (layout.atoms - 1 - i), 2 ** (layout.atoms - 1 - j)
            source = index[swap]
            target = source - bit_i + bit_j
            matrix[target, source] += strength[i, j]
            matrix[source, target] += strength[i, j]
    return matrix
