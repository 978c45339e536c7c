"""Reach: bounds of every control over all outcomes and draws; what they do not prove to stay within its limits.

Each step of a program is done to intervals instead of numbers. Loops are first taken as a whole, to bounds that one
more round does not widen; where that proves too little, they are done round by round as far as a budget goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from rydberg_qmem.compile.semantics import Domain, Values, interpret, rounds
from rydberg_qmem.compile.steps import (
    Compiled,
    MeasureStep,
    PushStep,
    RepeatStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    all_steps,
    expressions_in,
    expressions_of,
)
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.blocks import CNOT, CZ, ZZ, CPhase, Exchange, Ising, Swap, Timed
from rydberg_qmem.language.bounds import bounds, split
from rydberg_qmem.language.boxes import Box
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.intervals import UNKNOWN, Interval
from rydberg_qmem.verification.budget import Budget, Undecided
from rydberg_qmem.verification.controls import MOST_DRAWN, Control, controls_of, finite
from rydberg_qmem.verification.timings import timings_of

OUTCOMES = Interval.of(0, 1)
OUTCOMES_WITH_LOSS = Interval.of(-1, 0, 1)
MOST_VISITS = 3000
"""How many steps are done to intervals one by one, over all rounds of all loops."""
MOST_ROUNDS = 20_000
PATIENCE = 3
"""Joins of a loop's beginning and end before their bounds are widened."""
MOST_JOINS = 40
NARROWINGS = (2, 12)
"""How often what widening went too far by is taken back: at first, and where that proved too little."""
MOST_WORK = 100_000
"""Terms of expressions that one walk through a program may evaluate."""
MOST_BUILT = 60_000
"""Terms that could be evaluated while the controls of all segments are made."""
NAMES_PER_TERM = 30
"""Names of a state that are handed on in the time of one term."""
ROWS_PER_TERM = 100
"""Rounds that are evaluated at once in the time of one term."""
STAIRS = (0.0, 1.0, 10.0, 100.0, 1e4, 1e8, inf)
"""Bounds that widening goes up by."""


@dataclass(frozen=True)
class Reading:
    """An expression reads a name, which may not have a value yet."""

    place: str
    name: str


@dataclass(frozen=True)
class Doubt:
    """A control that bounds do not prove to stay within its limits, and the bounds; or a reading."""

    about: Control | Reading
    reach: Interval


@dataclass(frozen=True)
class State:
    """What is known at one point of a program: an interval for each name; which names surely have a value."""

    names: Mapping[str, Interval]
    certain: frozenset[str]

    def join(self, other: State) -> State:
        """Return what is known where either state may be."""
        names = dict(self.names)
        for name, interval in other.names.items():
            names[name] = names[name].join(interval) if name in names else interval
        return State(names, self.certain & other.certain)

    def having(self, more: Mapping[str, Interval], certain: Iterable[str] = ()) -> State:
        """Return the state with some names known anew."""
        return State({**self.names, **more}, self.certain | frozenset(certain))


@dataclass
class Controls:
    """The controls of a compiled program's steps, made once."""

    compiled: Compiled
    loses: bool = False
    """Whether atoms may be lost, and then read -1."""
    made: dict[object, tuple[Control, ...]] = field(default_factory=dict)
    drawing: Budget = field(default_factory=lambda: Budget(MOST_DRAWN))
    """What waveforms and schedules may cost that are made to hold values against limits."""
    building: Budget = field(default_factory=lambda: Budget(MOST_BUILT))

    def of_segment(self, segment: Segment) -> tuple[Control, ...]:
        """Return the controls of a segment that the run decides."""
        if segment.index not in self.made:
            target, budget, whole = self.compiled.target, self.drawing, segment.whole
            made: tuple[Control, ...] = ()
            if segment.begins:
                self.building.need(sum(_building(placed.block) for placed in whole.blocks))
                made = (*controls_of(whole, target, budget), *timings_of(whole, target, budget))
            self.made[segment.index] = made
        return self.made[segment.index]

    def of_value(self, expression: Expression, place: str) -> Control:
        """Return the control that a value of memory, or a condition, is a number."""
        if (place, expression) not in self.made:
            self.made[place, expression] = (finite(expression, place),)
        return self.made[place, expression][0]


def _building(block: Timed) -> int:
    """Return the terms that could be evaluated in the time in which a block's controls are made."""
    if not expressions_in(block):
        return 1
    return 200 if isinstance(block, CZ | CNOT | CPhase | ZZ | Swap | Exchange | Ising) else 40


def doubts(compiled: Compiled, controls: Controls) -> tuple[list[Doubt], bool]:
    """Return what bounds do not prove, by loops as a whole and then, where that is not enough, round by round.

    Second, whether that is all: a walk that would cost too much is given up, and says no more of what comes after.
    """
    if not _decides(compiled):
        return [], True
    coarse = Reach(compiled, controls, visits=0)
    whole = coarse.run()
    if not whole or not coarse.found:
        return list(coarse.found.values()), whole
    fine = Reach(compiled, controls, visits=MOST_VISITS)
    left = fine if fine.run() else coarse
    return [doubt for about, doubt in left.found.items() if about in coarse.found], True


def _decides(compiled: Compiled) -> bool:
    """Return whether anything of a program is decided in the run: a value of memory, a side, a pulse."""
    initial = (*compiled.scalars.values(), *(value for _, value in compiled.windows.values()))
    return not all(value.is_constant for value in initial) or any(
        isinstance(step, SetStep | PushStep | WhenStep) or (isinstance(step, Segment) and expressions_of(step))
        for step in all_steps(compiled.steps)
    )


@dataclass
class Reach:
    """Does every step of a program to intervals, and notes doubts."""

    compiled: Compiled
    controls: Controls
    visits: int
    found: dict[Control | Reading, Doubt] = field(default_factory=dict)
    loops: tuple[RepeatStep, ...] = ()
    silent: bool = False
    budget: Budget = field(default_factory=lambda: Budget(MOST_WORK))
    scopes: dict[tuple[tuple[str, int], ...], dict[str, np.ndarray] | None] = field(default_factory=dict)
    end: State | None = None
    """What is known when the program ends."""
    anywhere: dict[int, dict[str, Interval]] = field(default_factory=dict)
    """By the number of a loop: its counter and inputs in any of its rounds."""

    def run(self) -> bool:
        """Do the whole program; return whether that was within the budget."""
        try:
            self._program()
        except Undecided:
            return False
        return True

    def _program(self) -> None:
        compiled = self.compiled
        state: State = State({}, frozenset())
        for name, initial in compiled.scalars.items():
            if name in compiled.program.memory:
                value = self._value(initial, state, f"memory.{name}.initial")
                state = state.having({name: value}, {name})
        for name, (size, initial) in compiled.windows.items():
            value = self._value(initial, state, f"memory.{name}.initial")
            state = state.having({name: replace(value, width=size)}, {name})
        self.end = interpret(compiled.steps, state, self._domain())

    def _domain(self) -> Domain[State | None]:
        """Return what steps do to intervals; where no history comes, there is no state."""
        return Domain(
            compiled=self.compiled,
            is_over=lambda state: state is None,
            segment=self._segment,
            measure=self._measure,
            reset=lambda step, state: state,
            probe=lambda step, state: state,
            assign=self._assign,
            push=self._push,
            when=self._when,
            begin=self._begin,
            forget=_forgotten,
            end=_ended,
            repeat=self._repeat,
            notice=self._notice,
        )

    def _notice(self, step: Step, state: State | None) -> None:
        self.budget.need(1 + len(_known(state).names) / NAMES_PER_TERM)

    # ------------------------------------------------------------------ plain steps

    def _segment(self, step: Segment, before: State | None) -> State:
        state = _known(before)
        box = self._box(state)
        for control in self.controls.of_segment(step):
            self.budget.need(1 + control.terms)
            state = self._read(control.names, control.place, state)
            with np.errstate(all="ignore"):
                self._hold(control, control.span(box))
        return state

    def _measure(self, step: MeasureStep, state: State | None) -> State:
        outcomes = OUTCOMES_WITH_LOSS if self.controls.loses else OUTCOMES
        return _known(state).having(
            {f"{step.key}.{atom}": outcomes for atom in self.compiled.keys[step.key]}, {step.key}
        )

    def _assign(self, step: SetStep, values: Values, before: State | None) -> State:
        state, made = _known(before), {}
        for name, expression in values:
            state = self._read(expression.names, f"{step.place}.{name}", state)
            made[name] = self._value(expression, state, f"{step.place}.{name}")
        return state.having(made, made)

    def _push(self, step: PushStep, values: Values, before: State | None) -> State:
        state, made = _known(before), {}
        for name, expression in values:
            state = self._read(expression.names, f"{step.place}.{name}", state)
            value, window = self._value(expression, state, f"{step.place}.{name}"), state.names[name]
            made[name] = replace(window.join(value) if window.width > 1 else value, width=window.width)
        return state.having(made)

    def _value(self, expression: Expression, state: State, place: str) -> Interval:
        """Return the bounds of a value; the run stops where it is no number, so what goes on is one."""
        self.budget.need(expression.terms)
        interval = bounds(expression, self._box(state))
        self._hold(self.controls.of_value(expression, place), interval)
        return interval.sound()

    def _box(self, state: State) -> Box:
        return Box(state.names, self.compiled.keys)

    def _hold(self, control: Control, interval: Interval) -> None:
        if self.silent or control.proved(interval) or self._seen_in_every_round(control):
            return
        old = self.found.get(control)
        self.found[control] = Doubt(control, interval if old is None else old.reach.join(interval))

    def _seen_in_every_round(self, control: Control) -> bool:
        """Return whether counters and inputs alone decide a control, and no round of the loops breaks its limits."""
        scope = self._loop_scope() if control.names else None
        if scope is None or not control.names <= scope.keys():
            return False
        self.budget.need(control.terms * (1 + _times(self.loops) / ROWS_PER_TERM))
        try:
            return not control.broken(control.values({name: scope[name] for name in control.names})).any()
        except (ValueError, QmemError):  # no shape can be drawn at a duration that is refused by itself
            return False

    def _loop_scope(self) -> dict[str, np.ndarray] | None:
        loops = tuple((loop.name, loop.first) for loop in self.loops)
        if loops not in self.scopes:
            self.scopes = {loops: loop_scope(self.compiled, self.loops)}
        return self.scopes[loops]

    def _read(self, names: frozenset[str], place: str, state: State) -> State:
        unsure = (name for name in names - state.certain if name in self.compiled.keys or name in self.compiled.scalars)
        for name in sorted(unsure):
            if not self.silent:
                self.found[Reading(place, name)] = Doubt(Reading(place, name), UNKNOWN)
            state = state.having({}, {name})  # said once
        return state

    # ------------------------------------------------------------------ control

    def _when(self, step: WhenStep, before: State | None, domain: Domain[State | None]) -> State | None:
        place = f"{step.place}.if"
        state = self._read(step.condition.names, place, _known(before))
        self._value(step.condition, state, place)
        ends = []
        for steps, box in zip((step.then, step.otherwise), split(step.condition, self._box(state)), strict=True):
            if box is not None:
                ends.append(interpret(steps, State(box.names, state.certain), domain))
        return _either(ends)

    def _repeat(self, step: RepeatStep, state: State | None, domain: Domain[State | None]) -> State | None:
        outer = self.loops
        self.loops = (*outer, step)
        if _visits(step) * _times(outer) <= self.visits:
            end = rounds(step, step.numbers, state, domain)
        else:
            end = self._as_a_whole(step, _known(state), domain)
        self.loops = outer
        return end

    def _as_a_whole(self, step: RepeatStep, state: State, domain: Domain[State | None]) -> State | None:
        silent, self.silent = self.silent, True
        start = self._settled(state, lambda begin: rounds(step, (None,), begin, domain))
        self.silent = silent
        return rounds(step, (None,), start, domain)

    def _begin(self, step: RepeatStep, k: int | None, before: State | None) -> State:
        if k is None:
            scope = self._in_any_round(step)
        else:
            signals = {name: Interval.of(self.compiled.inputs[name][k]) for name in step.signals}
            scope = {step.counter: Interval.of(k), **signals}
        return _known(before).having(scope, scope)

    def _in_any_round(self, step: RepeatStep) -> dict[str, Interval]:
        """Return what a loop's counter and inputs are in any of its rounds."""
        if step.number not in self.anywhere:
            numbers = step.numbers
            few_rounds = step.times <= 4
            counter = Interval.of(*numbers) if few_rounds else Interval(float(numbers[0]), float(numbers[-1]))
            signals = {step.counter: counter}
            for name in step.signals:
                values = self.compiled.inputs[name][step.first : step.first + step.times]
                few = np.unique(values) if len(values) <= 4096 else values
                wide = len(few) > 16
                signals[name] = Interval(float(values.min()), float(values.max())) if wide else Interval.of(*few)
            self.anywhere[step.number] = signals
        return self.anywhere[step.number]

    def _settled(self, state: State, body: Callable[[State], State | None]) -> State:
        """Return a state that holds the beginning of every round."""
        start = state
        for i in range(MOST_JOINS):
            end = body(start)
            joined = start if end is None else start.join(end)
            if joined == start:
                break
            start = joined if i < PATIENCE else _widened(start, joined, sheer=i > MOST_JOINS // 2)
        else:
            start = State({name: replace(UNKNOWN, width=i.width) for name, i in start.names.items()}, start.certain)
        for _ in range(NARROWINGS[self.visits > 0]):
            end = body(start)
            less = state if end is None else state.join(end)
            if less == start:
                break
            again = body(less)
            if again is not None and less.join(again) != less:  # widening inside an inner loop may turn things round
                break
            start = less
        return start


def _known(state: State | None) -> State:
    assert state is not None  # where no history comes, no step is done
    return state


def _forgotten(keys: frozenset[str], state: State | None) -> State:
    return State(_known(state).names, _known(state).certain - keys)


def _ended(step: RepeatStep, k: int | None, state: State | None) -> State | None:
    """Return what is known after a round, where its counter and inputs are no more."""
    if state is None:
        return None
    gone = {step.counter, *step.signals}
    return State({name: i for name, i in state.names.items() if name not in gone}, state.certain - gone)


def _either(ends: list[State | None]) -> State | None:
    reached = [end for end in ends if end is not None]
    if not reached:
        return None
    return reached[0] if len(reached) == 1 else reached[0].join(reached[1])


def _widened(old: State, new: State, *, sheer: bool) -> State:
    """Return the new state with every bound that moved taken up a stair."""
    names = {}
    for name, interval in new.names.items():
        before = old.names.get(name)
        if before is None or before == interval:
            names[name] = interval
            continue
        low, high = interval.low, interval.high
        low = low if low == before.low else -inf if sheer else -next(s for s in STAIRS if s >= -low)
        high = high if high == before.high else inf if sheer else next(s for s in STAIRS if s >= high)
        names[name] = Interval(low, high, None, interval.width, interval.fault)
    return State(names, new.certain)


def _visits(step: Step) -> int:
    match step:
        case RepeatStep():
            return step.times * sum(map(_visits, step.body))
        case WhenStep():
            return 1 + sum(map(_visits, (*step.then, *step.otherwise)))
        case Segment():
            return len(step.blocks)
        case _:
            return 1


def _times(loops: Iterable[RepeatStep]) -> int:
    return int(np.prod([loop.times for loop in loops], dtype=object)) if loops else 1


def loop_scope(compiled: Compiled, loops: tuple[RepeatStep, ...]) -> dict[str, np.ndarray] | None:
    """Return counters and inputs in every round of nested loops, None where these are too many."""
    if _times(loops) > MOST_ROUNDS:
        return None
    grid: Iterable[np.ndarray] = np.indices([loop.times for loop in loops]).reshape(len(loops), -1) if loops else ()
    scope: dict[str, np.ndarray] = {}
    for loop, k in zip(loops, grid, strict=True):
        scope[loop.counter] = k.astype(float)
        scope |= {name: compiled.inputs[name][k] for name in loop.signals}
    return scope
