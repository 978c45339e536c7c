"""The default emulator: piecewise-constant propagation of Pulser's own samples, all rows of states at once."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan, plan_segment, rows_of, timed
from rydberg_qmem.compile.samples import Track, evaluate, sampled
from rydberg_qmem.compile.schedule import Schedule
from rydberg_qmem.compile.shapes import Scope, column
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.compile.target import DRIVEN, Target
from rydberg_qmem.emulators import joint, rotations
from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE, Layout, State, times
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import (
    DECOHERENCE,
    DURATIONS,
    READOUT,
    SIDE_EFFECTS,
    Capabilities,
    JumpingEvolution,
)
from rydberg_qmem.language.noise import LINDBLAD, PREPARATION_AND_READOUT, SHOT_TO_SHOT
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Cuts = NDArray[np.int64]
Site = tuple[int, str]

CACHED_DIMENSION = 1024
"""Largest register whose propagators are kept; beyond it, states are evolved each time."""
STACKED_DIMENSION = 32
"""Largest propagators that are copied for every row, to be applied as one batch."""
CONTROL_DIGITS = 12
"""Decimals of control values that tell propagators apart: a sine's period comes round with other last bits."""
FEW_ROWS = 512
"""So many rows are evolved together about as fast as one: propagators that need no more are made at once."""
TRIED_ROWS = 20_000
"""After so many rows of which hardly any found a kept propagator, a piece is no longer looked up."""
BUILD_BYTES = 100_000_000
"""Memory for propagators in the making: beyond it they are made one after the other."""
MOST_SAMPLES, LEAST_SAMPLES = 2**15, 2**10
"""Samples of a stretch, those of all rows counted, that are evolved at once; and of each row at the least."""
CACHE_BYTES = 200_000_000
"""Memory that the propagators of all segments together may take."""


@dataclass
class Propagators:
    """Propagators by schedule and control values, the least recently used dropped when memory runs out.

    A propagator costs as much as evolving one state for each of its columns. It is made when the rows that had
    its control values add up to that, or sooner when they come again and the loops ahead promise as much: with
    continuous feedback, where no value comes twice, never.
    """

    kept: OrderedDict[bytes, State] = field(default_factory=OrderedDict)
    seen: dict[bytes, int] = field(default_factory=dict)
    asked: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    size: int = 0

    def get(self, key: bytes) -> State | None:
        """Return the propagator of a key, marking it as used."""
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
        return found

    def put(self, key: bytes, propagator: State) -> None:
        """Keep a propagator."""
        self.kept[key] = propagator
        self.size += propagator.nbytes
        while self.size > CACHE_BYTES:
            self.size -= self.kept.popitem(last=False)[1].nbytes

    def note(self, piece: bytes, asked: int, found: int) -> None:
        """Remember how many rows of a piece asked for a propagator and found one."""
        before = self.asked.get(piece, (0, 0))
        self.asked[piece] = (before[0] + asked, before[1] + found)

    def pays(self, piece: bytes) -> bool:
        """Return whether looking for propagators of a piece has paid so far."""
        asked, found = self.asked.get(piece, (0, 0))
        return asked < TRIED_ROWS or found > asked // 20

    def worth_keeping(self, key: bytes, rows: int, visits: int, dimension: int) -> bool:
        """Return whether to make the propagator of a key that `rows` rows ask for now; remember them."""
        before = self.seen.get(key, 0)
        if len(self.seen) > 1_000_000:
            self.seen.clear()
        self.seen[key] = before + rows
        return before + rows >= dimension or (before > 0 and rows * visits >= dimension)


class Exact:
    """Pulse-level emulator of pure states, exact for the 1 ns samples."""

    name = "exact"
    capabilities = Capabilities(
        noise=frozenset({*LINDBLAD, *SHOT_TO_SHOT, *PREPARATION_AND_READOUT}),
        hardware=DURATIONS | READOUT | SIDE_EFFECTS | DECOHERENCE,
    )

    def __init__(self) -> None:
        self._propagators = Propagators()
        self.largest_build = 0

    @property
    def kept_bytes(self) -> int:
        """Memory that the kept propagators take now."""
        return self._propagators.size

    def plan(self, segment: Segment, target: Target) -> Plan:
        """Lower the segment to pulses."""
        return plan_segment(segment, target)

    def evolve(self, plan: Plan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Return the states of some atoms after the segment, phase references applied."""
        out = np.empty_like(states)
        for schedule, rows, part in timed(plan, scope, len(states)):
            piece = Piece(plan, schedule, atoms)
            if states.shape[1] <= CACHED_DIMENSION and self._propagators.pays(piece.key):
                out[rows] = self._with_cache(piece, part, states[rows])
            else:
                out[rows] = evolve_piece(piece, part, states[rows])
        return out

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return the states after `duration_ns` in the dark: interactions go on."""
        return evolve_stretch(target, states, np.array([0, duration_ns]), [])

    def under(self, channel: NoiseChannel) -> JumpingEvolution:
        """Return the evolution of decohering, jittering or displaced atoms."""
        from rydberg_qmem.emulators.lindblad import OpenSystemPropagator

        return OpenSystemPropagator.under(channel)

    def _with_cache(self, piece: Piece, scope: Scope, states: State) -> State:
        controls, prefix = piece.plan.controls_of(piece.atoms), piece.key
        values = np.empty((len(states), len(controls)))
        for k, expression in enumerate(controls):
            values[:, k] = column(expression, scope)
        keys = [prefix + row.tobytes() for row in np.round(values, CONTROL_DIGITS) + 0.0]
        missing = Counter(key for key in keys if self._propagators.get(key) is None)
        place = {key: i for i, key in enumerate(keys)}
        visits, size = piece.plan.segment.visits, states.shape[1]
        few = visits > 1 and len(missing) * size <= FEW_ROWS
        worth = [
            (key, place[key])
            for key, rows in missing.items()
            if self._propagators.worth_keeping(key, rows, visits, size) or few
        ]
        if worth:
            self._build(piece, scope, worth)
        groups: dict[bytes, list[int]] = {}
        for i, key in enumerate(keys):
            groups.setdefault(key, []).append(i)
        self._propagators.note(piece.key, len(keys), len(keys) - sum(missing.values()))
        return self._apply(piece, scope, states, groups)

    def _apply(self, piece: Piece, scope: Scope, states: State, groups: dict[bytes, list[int]]) -> State:
        """Apply kept propagators, group by group or as one batch; evolve the rest."""
        out = np.empty_like(states)
        kept = {key: self._propagators.get(key) for key in groups}
        new = np.array([i for key, rows in groups.items() if kept[key] is None for i in rows], dtype=np.int64)
        if len(new):
            out[new] = evolve_piece(piece, rows_of(scope, new), states[new])
        ready = [(np.array(rows), kept[key]) for key, rows in groups.items() if kept[key] is not None]
        if states.shape[1] > STACKED_DIMENSION or len(ready) == 1:
            for rows, propagator in ready:
                out[rows] = times(states[rows], propagator.T)  # type: ignore[union-attr]  # not None: `ready` says so
        elif ready:
            old = np.concatenate([rows for rows, _ in ready])
            stack = np.repeat(
                np.stack([u for _, u in ready if u is not None]), [len(rows) for rows, _ in ready], axis=0
            )
            out[old] = np.matmul(stack, states[old][:, :, None])[:, :, 0]
        return out

    def _build(self, piece: Piece, scope: Scope, wanted: list[tuple[bytes, int]]) -> None:
        """Evolve every basis state for each of the wanted control values."""
        size = piece.target.dimension
        together = max(1, BUILD_BYTES // (size * size * BYTES_PER_AMPLITUDE))
        for first in range(0, len(wanted), together):
            self._build_some(piece, scope, wanted[first : first + together])

    def _build_some(self, piece: Piece, scope: Scope, wanted: list[tuple[bytes, int]]) -> None:
        size = piece.target.dimension
        self.largest_build = max(self.largest_build, len(wanted) * size * size * BYTES_PER_AMPLITUDE)
        rows = np.repeat(np.array([row for _, row in wanted], dtype=np.int64), size)
        basis = np.tile(np.eye(size, dtype=complex), (len(wanted), 1))
        evolved = evolve_piece(piece, rows_of(scope, rows), basis)
        for k, (key, _) in enumerate(wanted):
            self._propagators.put(key, np.ascontiguousarray(evolved[k * size : (k + 1) * size].T))


def method(target: Target, excited: frozenset[int], atoms: tuple[int, ...], everywhere: bool) -> str:
    """Return how a segment evolves some atoms, in words.

    `excited` are the atoms that its pulses may take to a Rydberg level; `everywhere`: one pulse drives them all.
    """
    here, size = target.subset(atoms), target.subset(atoms).dimension
    kept = ", propagators kept when control values repeat" if size <= CACHED_DIMENSION else ""
    driven = len(excited & set(atoms)) if "0" not in here.levels else len(atoms)
    if driven <= 1 or not everywhere:
        return f"closed-form rotations{kept}"
    subspace = len(here.levels) ** driven
    if subspace >= joint.SPLIT_DIMENSION and "0" not in here.levels:
        return f"split operator, or Chebyshev propagation where that needs many steps{kept}"
    return f"{'dense' if subspace <= joint.DENSE_DIMENSION else 'Chebyshev'} propagation{kept}"


@dataclass(frozen=True)
class Stretch:
    """A time in which the same drives are on, and the same atoms interact; which share of the segment it is."""

    target: Target
    cuts: Cuts
    active: list[Track]
    share: float


@dataclass(frozen=True)
class Piece:
    """What a schedule does to some of the atoms."""

    plan: Plan
    schedule: Schedule
    atoms: tuple[int, ...]

    @property
    def key(self) -> bytes:
        """What tells it from other pieces."""
        return f"{self.schedule.serial}:{self.atoms}:".encode()

    @property
    def target(self) -> Target:
        """The target with these atoms only."""
        return self.plan.target.subset(self.atoms)

    def stretches(self, tracks: list[Track]) -> Iterator[Stretch]:
        """Yield the time of the schedule in stretches; atoms under a mask of the XY mode do not interact in theirs."""
        mask = sampled(self.schedule, self.plan.target)
        for cuts, active in stretches(tracks, self.schedule.duration_ns, mask.masked_until):
            target = self.target.hiding(mask.masked if cuts[0] < mask.masked_until else frozenset())
            yield Stretch(target, cuts, active, float(cuts[-1] - cuts[0]) / max(1, self.schedule.duration_ns))

    def tracks(self, scope: Scope) -> list[Track]:
        """Return the drives on these atoms, evaluated, with the atoms' places among them."""
        place = {atom: i for i, atom in enumerate(self.atoms)}
        made = []
        for track in evaluate(self.schedule, scope, self.plan.target, set(self.atoms)):
            here = [k for k, atom in enumerate(track.atoms) if atom in place]
            weights = None if track.weights is None else tuple(track.weights[k] for k in here)
            made.append(replace(track, atoms=tuple(place[track.atoms[k]] for k in here), weights=weights))
        return made


def evolve_piece(piece: Piece, scope: Scope, states: State) -> State:
    """Evolve rows of states through a schedule, phase references applied at its end."""
    run: list[Stretch] = []
    for stretch in piece.stretches(piece.tracks(scope)):
        fixed = all(track.fixed for track in stretch.active)
        if fixed and states.shape[1] <= CACHED_DIMENSION and len(states) > states.shape[1]:
            run.append(stretch)
            continue
        states = _fixed(piece, run, states)
        run = []
        states = evolve_stretch(stretch.target, states, stretch.cuts, stretch.active, stretch.share)
    states = _fixed(piece, run, states)
    return apply_frame(piece.plan.target, piece.schedule, scope, states, piece.atoms)


def _fixed(piece: Piece, run: list[Stretch], states: State) -> State:
    """Apply consecutive stretches that no control value changes, as one propagator made once."""
    if not run:
        return states
    key: tuple[Any, ...] = (
        "fixed", piece.schedule.serial, piece.atoms, int(run[0].cuts[0]), int(run[-1].cuts[-1])
    )  # fmt: skip
    if key not in piece.plan.cache:
        rows: State = np.eye(states.shape[1], dtype=complex)
        for stretch in run:
            rows = evolve_stretch(stretch.target, rows, stretch.cuts, stretch.active, stretch.share)
        piece.plan.cache[key] = rows
    return times(states, piece.plan.cache[key])


def apply_frame(target: Target, schedule: Schedule, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
    """Turn the phase references that a segment leaves behind into the frame of the states of some atoms."""
    layout = layout_of(target.subset(atoms))
    for atom, level, parts in schedule.frame:
        if atom not in atoms:
            continue
        angle = np.zeros(1)
        for factor, expression in parts:
            angle = angle + factor * column(expression, scope)
        states = states * np.exp(1j * angle[:, None] * layout.is_level(atoms.index(atom), level))
    return states


def turned(target: Target, schedule: Schedule, scope: Scope, flat: State, atoms: tuple[int, ...]) -> State:
    """Turn the phase references of a segment into the frame of flat density matrices."""
    if not schedule.frame:
        return flat
    ones = np.ones((len(flat), target.subset(atoms).dimension), dtype=complex)
    turn = apply_frame(target, schedule, scope, ones, atoms)
    return np.asarray(flat * (turn[:, :, None] * turn[:, None, :].conj()).reshape(len(flat), -1))


def stretches(tracks: list[Track], end: int, also: int = 0) -> list[tuple[Cuts, list[Track]]]:
    """Cut time (ns) where drives begin or end, and at one place more; within a stretch, at every change of a sample.

    What has very many samples is cut as well, so that memory holds the Hamiltonians of a part of them at a time.
    """
    rows = max((max(len(t.omega), len(t.delta)) for t in tracks), default=1)
    part = max(LEAST_SAMPLES, MOST_SAMPLES // rows)
    edges = {0, end, also, *(int(t.breaks[0]) for t in tracks), *(int(t.breaks[-1]) for t in tracks)}
    made = []
    for start, stop in pairwise(sorted(edges)):
        active = [t for t in tracks if t.breaks[0] <= start and t.breaks[-1] >= stop]
        inner = [t.breaks[(t.breaks > start) & (t.breaks < stop)] for t in active if len(t.breaks) > 2]
        cuts = np.unique(np.concatenate([[start, stop], *inner])).astype(np.int64) if inner else np.array([start, stop])
        made += [(cuts[k : k + part + 1], active) for k in range(0, len(cuts) - 1, part)]
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


def evolve_stretch(target: Target, states: State, cuts: Cuts, active: list[Track], share: float = 1.0) -> State:
    """Evolve all rows over a stretch in which the same drives are on, `share` of a segment and of its error."""
    layout = layout_of(target)
    dt_us = np.diff(cuts) / NS_PER_US
    sites = site_drives(cuts, active)
    if "0" in layout.levels:
        return _together(target, layout, states, sites, tuple(range(layout.atoms)), dt_us, share)
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
        return _together(target, layout, states, sites, tuple(rydberg), dt_us, share)
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
    return np.asarray(states * np.exp(-1j * _pair_energies(target, driven) * time_us))


def _together(
    target: Target,
    layout: Layout,
    states: State,
    sites: dict[Site, tuple[NDArray[np.complex128], Array]],
    driven: tuple[int, ...],
    dt_us: Array,
    share: float,
) -> State:
    """Evolve atoms driven together, for every setting of the others."""
    levels, rows = len(layout.levels), len(states)
    others = tuple(i for i in range(layout.atoms) if i not in driven)
    axes = (0, *(1 + i for i in others), *(1 + i for i in driven))
    shape = (rows, *(levels,) * layout.atoms)
    moved = states.reshape(shape).transpose(axes)
    packed = np.ascontiguousarray(moved).reshape(rows, levels ** len(others), levels ** len(driven))
    space = _subspace(target, driven)
    places, omegas, deltas = [], [], []
    for (atom, basis), (omega, delta) in sites.items():
        if atom in driven:
            a, b = (layout.levels.index(level) for level in DRIVEN[basis])
            places.append(joint.Site(driven.index(atom), a, b))
            omegas.append(omega)
            deltas.append(delta)
    samples = joint.Samples(dt_us, tuple(omegas), tuple(deltas))
    packed = joint.evolve(packed, space, tuple(places), samples, share)
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
