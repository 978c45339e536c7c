"""A replay of histories: the classical side of a program done with given outcomes and draws, no state evolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.semantics import Domain, Values, interpret
from rydberg_qmem.compile.steps import MeasureStep, PushStep, RepeatStep, Segment, SetStep, Step, WhenStep
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.verification._budget import VALUES_PER_TERM, VISIT, Budget, Undecided
from rydberg_qmem.verification._controls import Control, Reading
from rydberg_qmem.verification._histories import Array, At, Rows, Source
from rydberg_qmem.verification._program_controls import Controls

MOST_VISITS = 2500
"""Steps that one search for a history may do, over all rows together."""
MOST_WORK = 400_000
"""Terms of expressions that all searches of one check may evaluate, each in all rows at once."""
MOST_HELD = 1_000_000
"""Values of windows that all rows together may hold."""


@dataclass(frozen=True)
class Broken:
    """A control that breaks its limits in a row: its values there, and the rounds."""

    about: Control | Reading
    at: At
    values: tuple[float, ...]


@dataclass
class Replayer:
    """Replays rows of histories through a program's memory; a row ends where it breaks a limit."""

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
        drawn = _ReplayedRandom(self.source, place, self._here(), rows)
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
class _ReplayedRandom:
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
