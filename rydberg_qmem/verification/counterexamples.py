"""Histories: the classical side of a program done with chosen outcomes and draws, to find where a limit is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.semantics import Domain, Values, interpret
from rydberg_qmem.compile.steps import (
    Compiled,
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
)
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.verification.budget import Budget, Undecided
from rydberg_qmem.verification.controls import Control
from rydberg_qmem.verification.interval_analysis import Controls, Reading

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
At = tuple[tuple[str, int], ...]
"""The round of each loop around a place."""

ROWS = 64
GENERATIONS = 6
MOST_VISITS = 2500
"""Steps that one search for a history may do, over all rows together."""
MOST_WORK = 400_000
"""Terms of expressions that all searches of one check may evaluate, each in all rows at once."""
VISIT = 8
"""Terms that are evaluated in the time of one step, beside its own."""
VALUES_PER_TERM = 2000
"""Values of windows that are moved in the time of one term."""
MOST_HELD = 1_000_000
"""Values of windows that all rows together may hold."""
TRIES = 6
"""Halvings of the parts that are tried to be left out of a history that was found."""
REACH_OF_NORMAL = 6.0
"""Normal numbers beyond this are left out of histories, though none is impossible."""
NEARLY_ONE = 1 - 1e-6
MUTATIONS = (0.02, 0.1, 0.4)
MOST_BITS = 10
"""Programs with no more outcomes are played with all of them: what breaks no limit then is proved."""


@dataclass(frozen=True, order=True)
class Site:
    """One outcome or draw of a history: its key (or the place and count of a draw), its column, and its rounds."""

    kind: str
    name: str
    column: int
    at: At


Source = Callable[[str, str, int, At], Array]
"""Gives the outcomes or draws (rows, columns) of one visit: kind, name, columns, rounds."""


@dataclass(frozen=True)
class Broken:
    """A control that breaks its limits in a row: its values there, and the rounds."""

    about: Control | Reading
    at: At
    values: tuple[float, ...]


@dataclass
class Player:
    """Plays rows of histories through a program's memory; a row ends where it breaks a limit."""

    compiled: Compiled
    controls: Controls
    wanted: frozenset[Control]
    source: Source
    rows: int
    names: dict[str, Array] = field(default_factory=dict)
    scope: dict[str, float] = field(default_factory=dict)
    outer: list[dict[str, float]] = field(default_factory=list)
    """What all rows had in common before each loop around this place."""
    at: dict[str, int] = field(default_factory=dict)
    broken: dict[int, Broken] = field(default_factory=dict)
    excess: dict[Control, Array] = field(default_factory=dict)
    visits: int = MOST_VISITS
    budget: Budget = field(default_factory=lambda: Budget(MOST_WORK))
    sought: frozenset[Control | Reading] = frozenset()
    """When all of these are broken, the rest is not played."""

    def __post_init__(self) -> None:
        self.ended = np.zeros(self.rows, dtype=bool)
        self.stops = bool(self.sought)

    def play(self) -> dict[int, Broken]:
        """Play all rows to their ends; return what each row that ends early breaks."""
        rows = np.arange(self.rows)
        if self.rows * sum(size for size, _ in self.compiled.windows.values()) > MOST_HELD:
            raise Undecided
        for name, initial in self.compiled.scalars.items():
            if name in self.compiled.program.memory:
                self._give(name, self._value(initial, rows, f"memory.{name}.initial"), rows)
        for name, (size, initial) in self.compiled.windows.items():
            value = self._value(initial, rows, f"memory.{name}.initial")
            self.names[name] = np.full((self.rows, size), np.nan)
            alive = self._alive(rows)
            self.names[name][alive] = value[self._kept(rows)][:, None]
        interpret(self.compiled.steps, self._alive(rows), self._domain())
        return self.broken

    def _domain(self) -> Domain[Rows]:
        """Return what steps do to rows of histories: those that have not ended."""
        return Domain(
            compiled=self.compiled,
            is_over=lambda rows: self.visits <= 0 or bool(self.ended[rows].all()),
            segment=self._segment,
            measure=self._measure,
            reset=lambda step, rows: rows,
            probe=lambda step, rows: rows,
            assign=self._assign,
            push=self._assign,
            when=self._when,
            begin=self._begin,
            forget=self._forget,
            end=lambda step, k, rows: rows,
            leave=self._leave,
            notice=self._notice,
        )

    def _notice(self, step: Step, rows: Rows) -> None:
        self.visits -= 1
        self.budget.need(VISIT)

    def _alive(self, rows: Rows) -> Rows:
        return rows[self._kept(rows)]

    def _kept(self, rows: Rows) -> NDArray[np.bool_]:
        return ~self.ended[rows]

    def _end(self, row: int, broken: Broken) -> None:
        self.broken[row], self.ended[row] = broken, True
        self.sought = self.sought - {broken.about}
        if not self.sought and self.stops:
            self.visits = 0

    def _measure(self, step: MeasureStep, rows: Rows) -> Rows:
        bits = self.source("outcome", step.key, len(step.atoms), self._here())
        self._give(step.key, bits[rows], rows)
        return rows

    def _segment(self, step: Segment, rows: Rows) -> Rows:
        for control in self.controls.of_segment(step):
            rows = self._read(control.names, control.place, self._alive(rows))
            if control in self.wanted and len(rows):
                self.budget.need(control.terms)
                self._hold(control, self._values_of(control, rows), rows)
        return rows

    def _values_of(self, control: Control, rows: Rows) -> Array:
        try:
            values = control.values(self._scope(control.names, rows))
        except (QmemError, ValueError):  # a shape that cannot be drawn
            values = np.full((len(rows), 1), np.nan)
        return np.broadcast_to(values, (len(rows), values.shape[1]))

    def _assign(self, step: SetStep | PushStep, values: Values, rows: Rows) -> Rows:
        made = []
        for name, expression in values:
            rows = self._read(expression.names, f"{step.place}.{name}", self._alive(rows))
            if not len(rows):
                return rows
            value = np.full(self.rows, np.nan)
            value[rows] = self._value(expression, rows, f"{step.place}.{name}")
            made.append((name, value))
        rows = self._alive(rows)
        for name, value in made:
            if isinstance(step, PushStep):
                old = self.names[name][rows]
                self.budget.need(old.size / VALUES_PER_TERM)
                self._give(name, np.concatenate([value[rows][:, None], old[:, :-1]], axis=1), rows)
            else:
                self._give(name, value[rows], rows)
        return rows

    def _when(self, step: WhenStep, rows: Rows, domain: Domain[Rows]) -> Rows:
        place = f"{step.place}.if"
        rows = self._read(step.condition.names, place, self._alive(rows))
        if not len(rows):
            return rows
        holds = np.full(self.rows, False)
        holds[rows] = self._value(step.condition, rows, place) != 0
        rows = self._alive(rows)
        interpret(step.then, rows[holds[rows]], domain)
        interpret(step.otherwise, rows[~holds[rows]], domain)
        return rows

    def _begin(self, step: RepeatStep, k: int | None, rows: Rows) -> Rows:
        assert k is not None  # histories go round by round
        if step.name not in self.at:
            self.outer.append(dict(self.scope))
        self.at[step.name] = k
        self.scope[step.counter] = float(k)
        self.scope |= {name: float(self.compiled.inputs[name][k]) for name in step.signals}
        return self._alive(rows)

    def _forget(self, keys: frozenset[str], rows: Rows) -> Rows:
        for key in keys & self.names.keys():
            self.names[key][rows] = np.nan
        return rows

    def _leave(self, step: RepeatStep, rows: Rows) -> Rows:
        del self.at[step.name]
        self.scope = self.outer.pop()
        return rows

    # ---------------------------------------------------------------- details

    def _here(self) -> At:
        return tuple(self.at.items())

    def _give(self, name: str, values: Array, rows: Rows) -> None:
        if name not in self.names:
            self.names[name] = np.full((self.rows, *values.shape[1:]), np.nan)
        alive = self._kept(rows)
        self.names[name][rows[alive]] = values[alive]

    def _read(self, names: frozenset[str], place: str, rows: Rows) -> Rows:
        """End the rows where a name has no value yet."""
        for name in sorted(names - self.scope.keys()):
            value = self.names.get(name)
            first = value[:, 0] if value is not None and value.ndim == 2 else value
            gone = np.ones(len(rows), dtype=bool) if first is None else np.isnan(first[rows])
            for row in rows[gone].tolist():
                self._end(row, Broken(Reading(place, name), self._here(), ()))
            rows = rows[~gone]
        return rows

    def _value(self, expression: Expression, rows: Rows, place: str) -> Array:
        """Evaluate an expression; every shot of an ensemble has the row's own history, so means are its values."""
        self.budget.need(expression.terms)
        drawn = _Drawn(self.source, place, self._here(), rows)
        made = expression.of_one_shot().evaluate(self._scope(expression.names, rows), random=drawn)
        value = np.array(np.broadcast_to(np.asarray(made, dtype=float), (len(rows),)))
        if not np.isfinite(value).all():
            self._hold(self.controls.of_value(expression, place), value[:, None], rows)
        return value

    def _scope(self, names: frozenset[str], rows: Rows) -> dict[str, Any]:
        scope: dict[str, Any] = {}
        for name in names:
            if name in self.scope:
                scope[name] = self.scope[name]
            elif name in self.compiled.keys:
                scope[name] = Columns(self.compiled.keys[name], self.names[name][rows])
            else:
                scope[name] = self.names[name][rows]
        return scope

    def _hold(self, control: Control, values: Array, rows: Rows) -> None:
        for i in np.flatnonzero(control.broken(values)).tolist():
            self._end(int(rows[i]), Broken(control, self._here(), tuple(values[i].tolist())))
        best = self.excess.setdefault(control, np.full(self.rows, -np.inf))
        best[rows] = np.maximum(best[rows], control.excess(values))


@dataclass
class _Drawn:
    """Random numbers of one evaluation, from the history."""

    source: Source
    place: str
    at: At
    rows: Rows
    calls: int = 0

    def uniform(self) -> Array:
        return self._next("uniform")

    def normal(self) -> Array:
        return self._next("normal")

    def _next(self, kind: str) -> Array:
        self.calls += 1
        return np.asarray(self.source(kind, f"{self.place}#{self.calls}", 1, self.at)[self.rows, 0])


# --- searching ---

DEFAULTS = {"outcome": 0.0, "uniform": 0.5, "normal": 0.0}


@dataclass
class Generation:
    """Histories of many rows: corners and chances at first, then changed copies of the best ones."""

    random: np.random.Generator
    columns: tuple[tuple[str, int], ...]
    """Each key and column, some rows of the first generation hold one of them alone at 1, or alone at 0."""
    rows: int = ROWS
    parents: Rows | None = None
    old: Mapping[tuple[str, str, At], Array] = field(default_factory=dict)
    made: dict[tuple[str, str, At], Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bias = self.random.uniform(size=(self.rows, max(1, len(self.columns))))
        corners = [np.zeros(len(self.columns)), np.ones(len(self.columns))]
        for c in range(min(len(self.columns), ROWS // 4)):
            alone = np.zeros(len(self.columns))
            alone[c] = 1
            corners += [alone, 1 - alone]
        for row, corner in enumerate(corners[: max(0, self.rows - ROWS // 4)]):
            self.bias[row, : len(corner)] = corner
        self.rate = self.random.choice(MUTATIONS, size=(self.rows, 1))

    def source(self, kind: str, name: str, width: int, at: At) -> Array:
        """Return the numbers of one visit, (rows, width)."""
        key = (kind, name, at)
        if key not in self.made:
            fresh = self._fresh(kind, name, width)
            if self.parents is not None and key in self.old:
                changed = self.random.uniform(size=fresh.shape) < self.rate
                changed[0] = False
                flipped = 1 - self.old[key][self.parents] if kind == "outcome" else fresh
                fresh = np.where(changed, flipped, self.old[key][self.parents])
            self.made[key] = fresh
        return self.made[key]

    def _fresh(self, kind: str, name: str, width: int) -> Array:
        shape = (self.rows, width)
        drawn = self.random.uniform(size=shape)
        style = (np.arange(self.rows) // 2 % 4)[:, None]
        if kind == "uniform":
            return np.choose(style, [np.full(shape, 0.5), np.zeros(shape), np.full(shape, NEARLY_ONE), drawn])
        if kind == "normal":
            far = np.full(shape, REACH_OF_NORMAL)
            return np.choose(style, [np.zeros(shape), -far, far, (2 * drawn - 1) * REACH_OF_NORMAL])
        first = self.columns.index((name, 0)) if (name, 0) in self.columns else 0
        return (drawn < self.bias[:, first : first + width]).astype(float)


@dataclass(frozen=True)
class Witness:
    """A history, as outcomes and draws that are not their defaults (0, 1/2, 0), and what it breaks."""

    broken: Broken
    history: dict[Site, float]
    outcomes: bool = True
    """Whether anything is measured before."""


def search(
    compiled: Compiled, controls: Controls, wanted: Iterable[Control | Reading]
) -> tuple[list[Witness], frozenset[Control | Reading]]:
    """Look for a history that breaks each control or reading; return those found, and what no history breaks.

    Every witness has been played by itself. Only where all histories can be played is anything proved: never where
    atoms may be lost, whose outcomes -1 are not played.
    """
    found: dict[Control | Reading, Witness] = {}
    try:
        proved = _searched(compiled, controls, frozenset(wanted), found)
    except Undecided:
        proved = frozenset()
    return list(found.values()), proved


def _searched(
    compiled: Compiled,
    controls: Controls,
    missing: frozenset[Control | Reading],
    found: dict[Control | Reading, Witness],
) -> frozenset[Control | Reading]:
    """Fill in the witnesses that are found, and return what no history breaks; Undecided where that costs too much."""
    random, budget = np.random.default_rng(0), Budget(MOST_WORK)
    columns = tuple((key, i) for key, atoms in compiled.keys.items() for i in range(len(atoms)))
    generation = Generation(random, columns)
    best = -np.inf
    for turn in range(GENERATIONS):
        player = _played(compiled, controls, missing, generation, found, budget)
        every = _all_histories(compiled, generation, loses=controls.loses) if turn == 0 else None
        if every is not None and missing - found.keys():
            whole = _played(compiled, controls, missing, every, found, budget)
            if whole.visits > 0 and every.made.keys() <= generation.made.keys():
                return missing - found.keys()
        left = [about for about in player.excess if about in missing - found.keys()]
        if not left:
            break
        scores = player.excess[left[turn % len(left)]]
        if len(left) == 1 and scores.max() <= best:
            break
        best = float(scores.max())
        first = np.argsort(-scores, kind="stable")[: ROWS // 8]
        generation = Generation(random, columns, parents=first[np.arange(ROWS) % len(first)], old=generation.made)
    return frozenset()


def _played(
    compiled: Compiled,
    controls: Controls,
    missing: frozenset[Control | Reading],
    generation: Generation,
    found: dict[Control | Reading, Witness],
    budget: Budget,
) -> Player:
    """Play a generation and keep what it finds, as small as it can be made."""
    left = frozenset(missing - found.keys())
    held = frozenset(about for about in missing if isinstance(about, Control))
    player = Player(compiled, controls, held, generation.source, generation.rows, budget=budget, sought=left)
    for row, broken in sorted(player.play().items()):
        if broken.about in left and broken.about not in found:
            witness = _smallest(compiled, controls, held, _history(generation, row), broken, budget)
            if witness is not None:
                found[broken.about] = witness
    return player


def _all_histories(compiled: Compiled, generation: Generation, *, loses: bool) -> Generation | None:
    """Return a generation that holds every history, if outcomes are all that decides and they are few."""
    if loses or any(kind != "outcome" for kind, _, _ in generation.made) or _averages(compiled.steps):
        return None
    widths = {key: values.shape[1] for key, values in generation.made.items()}
    count = sum(widths.values())
    if count > MOST_BITS:
        return None
    bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    ends = np.cumsum(list(widths.values()))
    parts = {key: bits[:, end - widths[key] : end].astype(float) for key, end in zip(widths, ends, strict=True)}
    every = Generation(generation.random, generation.columns, rows=2**count)
    every.old, every.parents, every.rate = parts, np.arange(2**count), np.zeros((2**count, 1))
    return every


def _averages(steps: Iterable[Step]) -> bool:
    """Return whether any step reads a mean over the shots of a cohort, of which a history is no more than one."""
    for step in steps:
        match step:
            case SetStep() | PushStep():
                found = any(expression.uses_ensemble for _, expression in step.values)
            case WhenStep():
                found = step.condition.uses_ensemble or _averages((*step.then, *step.otherwise))
            case RepeatStep():
                found = _averages(step.body)
            case Segment() | MeasureStep() | ResetStep() | ProbeStep():
                found = False
            case _:
                assert_never(step)
        if found:
            return True
    return False


def _history(generation: Generation, row: int) -> dict[Site, float]:
    found = {}
    for (kind, name, at), values in generation.made.items():
        for column, value in enumerate(values[row].tolist()):
            if value != DEFAULTS[kind]:
                found[Site(kind, name, column, at)] = value
    return found


def _replayed(
    compiled: Compiled,
    controls: Controls,
    wanted: frozenset[Control],
    histories: list[dict[Site, float]],
    visits: int,
    budget: Budget,
) -> tuple[Player, set[tuple[str, str, At]]]:
    """Play some histories as they are; return the player, and which outcomes and draws came up."""
    seen: dict[tuple[str, str, At], Array] = {}

    def source(kind: str, name: str, width: int, at: At) -> Array:
        if (kind, name, at) not in seen:
            sites = [Site(kind, name, column, at) for column in range(width)]
            seen[kind, name, at] = np.array([[h.get(s, DEFAULTS[kind]) for s in sites] for h in histories])
        return seen[kind, name, at]

    player = Player(compiled, controls, wanted, source, len(histories), visits=visits, budget=budget)
    player.play()
    return player, set(seen)


def _smallest(
    compiled: Compiled,
    controls: Controls,
    wanted: frozenset[Control],
    history: dict[Site, float],
    broken: Broken,
    budget: Budget,
) -> Witness | None:
    """Return a witness with as much of a history left out as still breaks the same control; None if it does not."""
    visits = MOST_VISITS

    def play(histories: list[dict[Site, float]]) -> tuple[list[bool], Player, set[tuple[str, str, At]]]:
        player, seen = _replayed(compiled, controls, wanted, histories, visits, budget)
        ends = player.broken
        return [i in ends and ends[i].about == broken.about for i in range(len(histories))], player, seen

    held, player, seen = play([history])
    if not held[0]:
        return None
    visits = 2 * (MOST_VISITS - player.visits) + len(compiled.steps)
    history = {site: value for site, value in history.items() if (site.kind, site.name, site.at) in seen}
    witness = _witness(player, history, seen)
    try:
        for parts in _partitions(history):
            history = _with_less(history, parts, lambda histories: play(histories)[0])
        _, player, seen = play([history])
    except Undecided:  # not as small as it could be, but a witness
        return witness
    return _witness(player, history, seen)


def _witness(player: Player, history: dict[Site, float], seen: set[tuple[str, str, At]]) -> Witness:
    return Witness(player.broken[0], history, any(kind == "outcome" for kind, _, _ in seen))


def _with_less(
    history: dict[Site, float],
    parts: list[frozenset[Site]],
    breaks: Callable[[list[dict[Site, float]]], list[bool]],
) -> dict[Site, float]:
    """Return a history without as many of its parts as can be left out, one by one and then together."""
    rest = [part for part in parts if part & history.keys()]
    if not rest:
        return history
    good = [part for part, ok in zip(rest, breaks([_without(history, [p]) for p in rest]), strict=True) if ok]
    if not good:
        return history
    fewer = [_without(history, good[: i + 1]) for i in range(len(good))]
    kept = [h for h, ok in zip(fewer, breaks(fewer), strict=True) if ok]
    return kept[-1] if kept else history


def _partitions(history: Mapping[Site, float]) -> Iterable[list[frozenset[Site]]]:
    """Yield ways to cut a history into parts: by kind and name, then ever smaller pieces in order of time."""
    sites = sorted(history, key=lambda site: (site.at, site.kind, site.name, site.column))
    groups: dict[object, set[Site]] = {}
    for site in sites:
        groups.setdefault((site.kind, site.name, site.column), set()).add(site)
    yield [frozenset(group) for group in groups.values()]
    size = len(sites)
    for _ in range(TRIES):
        size = -(-size // 2)
        if size < 1:
            return
        yield [frozenset(sites[i : i + size]) for i in range(0, len(sites), size)]
        if size == 1:
            return


def _without(history: Mapping[Site, float], parts: list[frozenset[Site]]) -> dict[Site, float]:
    gone = frozenset().union(*parts)
    return {site: value for site, value in history.items() if site not in gone}
