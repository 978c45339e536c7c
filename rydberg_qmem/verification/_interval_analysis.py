"""Interval analysis: bounds of every control over all outcomes and draws, and what they do not prove.

Each step of a program is done to intervals instead of numbers. Loops are first taken as a whole, to bounds that one
more round does not widen; where that proves too little, they are done round by round as far as a budget goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.semantics import Domain, Values, interpret, rounds
from rydberg_qmem.compile.steps import (
    MeasureStep,
    PushStep,
    RepeatStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    all_steps,
    expressions_of,
    leaf,
)
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.bounds import bounds, split
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.interval_scope import IntervalScope
from rydberg_qmem.language.intervals import UNKNOWN, Interval
from rydberg_qmem.verification._budget import NAMES_PER_TERM, ROWS_PER_TERM, Budget, Undecided
from rydberg_qmem.verification._controls import Control, Reading
from rydberg_qmem.verification._interval_states import (
    IntervalState,
    after_either_side,
    after_round,
    forgotten,
    reached_state,
)
from rydberg_qmem.verification._loop_scopes import rounds_in_all, scope_of_rounds
from rydberg_qmem.verification._program_controls import Controls
from rydberg_qmem.verification._widening import fixed_point

OUTCOMES = Interval.of(0, 1)
OUTCOMES_WITH_LOSS = Interval.of(-1, 0, 1)
MOST_VISITS = 3000
"""How many steps are done to intervals one by one, over all rounds of all loops."""
MOST_ROUNDS = 20_000
NARROWINGS = (2, 12)
"""How often what widening went too far by is taken back: at first, and where that proved too little."""
MOST_WORK = 100_000
"""Terms of expressions that one walk through a program may evaluate."""


@dataclass(frozen=True)
class Doubt:
    """A control that bounds do not prove to stay within its limits, and the bounds; or a reading."""

    about: Control | Reading
    reach: Interval


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
    end: IntervalState | None = None
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
        state: IntervalState = IntervalState({}, frozenset())
        for name, initial in compiled.scalars.items():
            if name in compiled.program.memory:
                value = self._value(initial, state, f"memory.{name}.initial")
                state = state.having({name: value}, {name})
        for name, (size, initial) in compiled.windows.items():
            value = self._value(initial, state, f"memory.{name}.initial")
            state = state.having({name: replace(value, width=size)}, {name})
        self.end = interpret(compiled.steps, state, self._domain())

    def _domain(self) -> Domain[IntervalState | None]:
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
            forget=forgotten,
            end=after_round,
            repeat=self._repeat,
            notice=self._notice,
        )

    def _notice(self, step: Step, state: IntervalState | None) -> None:
        self.budget.need(1 + len(reached_state(state).names) / NAMES_PER_TERM)

    # ------------------------------------------------------------------ plain steps

    def _segment(self, step: Segment, before: IntervalState | None) -> IntervalState:
        state = reached_state(before)
        box = self._box(state)
        for control in self.controls.of_segment(step):
            self.budget.need(1 + control.terms)
            state = self._read(control.names, control.place, state)
            with np.errstate(all="ignore"):
                self._hold(control, control.span(box))
        return state

    def _measure(self, step: MeasureStep, state: IntervalState | None) -> IntervalState:
        outcomes = OUTCOMES_WITH_LOSS if self.controls.loses else OUTCOMES
        return reached_state(state).having(
            {f"{step.key}.{atom}": outcomes for atom in self.compiled.keys[step.key]}, {step.key}
        )

    def _assign(self, step: SetStep, values: Values, before: IntervalState | None) -> IntervalState:
        state, made = reached_state(before), {}
        for name, expression in values:
            state = self._read(expression.names, f"{step.place}.{name}", state)
            made[name] = self._value(expression, state, f"{step.place}.{name}")
        return state.having(made, made)

    def _push(self, step: PushStep, values: Values, before: IntervalState | None) -> IntervalState:
        state, made = reached_state(before), {}
        for name, expression in values:
            state = self._read(expression.names, f"{step.place}.{name}", state)
            value, window = self._value(expression, state, f"{step.place}.{name}"), state.names[name]
            made[name] = replace(window.join(value) if window.width > 1 else value, width=window.width)
        return state.having(made)

    def _value(self, expression: Expression, state: IntervalState, place: str) -> Interval:
        """Return the bounds of a value; the run stops where it is no number, so what goes on is one."""
        self.budget.need(expression.terms)
        interval = bounds(expression, self._box(state))
        self._hold(self.controls.of_value(expression, place), interval)
        return interval.sound()

    def _box(self, state: IntervalState) -> IntervalScope:
        return IntervalScope(state.names, self.compiled.keys)

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
        self.budget.need(control.terms * (1 + rounds_in_all(self.loops) / ROWS_PER_TERM))
        try:
            return not control.broken(control.values({name: scope[name] for name in control.names})).any()
        except (ValueError, QmemError):  # no shape can be drawn at a duration that is refused by itself
            return False

    def _loop_scope(self) -> dict[str, np.ndarray] | None:
        """Return counters and inputs in every round of the loops around, None where these are too many."""
        loops = tuple((loop.name, loop.first) for loop in self.loops)
        if loops not in self.scopes:
            few = rounds_in_all(self.loops) <= MOST_ROUNDS
            self.scopes = {loops: scope_of_rounds(self.compiled, self.loops) if few else None}
        return self.scopes[loops]

    def _read(self, names: frozenset[str], place: str, state: IntervalState) -> IntervalState:
        unsure = (name for name in names - state.certain if name in self.compiled.keys or name in self.compiled.scalars)
        for name in sorted(unsure):
            if not self.silent:
                self.found[Reading(place, name)] = Doubt(Reading(place, name), UNKNOWN)
            state = state.having({}, {name})  # said once
        return state

    # ------------------------------------------------------------------ control

    def _when(
        self, step: WhenStep, before: IntervalState | None, domain: Domain[IntervalState | None]
    ) -> IntervalState | None:
        place = f"{step.place}.if"
        state = self._read(step.condition.names, place, reached_state(before))
        self._value(step.condition, state, place)
        ends = []
        for steps, box in zip((step.then, step.otherwise), split(step.condition, self._box(state)), strict=True):
            if box is not None:
                ends.append(interpret(steps, IntervalState(box.names, state.certain), domain))
        return after_either_side(ends)

    def _repeat(
        self, step: RepeatStep, state: IntervalState | None, domain: Domain[IntervalState | None]
    ) -> IntervalState | None:
        outer = self.loops
        self.loops = (*outer, step)
        if _visits(step) * rounds_in_all(outer) <= self.visits:
            end = rounds(step, step.numbers, state, domain)
        else:
            end = self._as_a_whole(step, reached_state(state), domain)
        self.loops = outer
        return end

    def _as_a_whole(
        self, step: RepeatStep, state: IntervalState, domain: Domain[IntervalState | None]
    ) -> IntervalState | None:
        silent, self.silent = self.silent, True
        start = fixed_point(
            state, lambda begin: rounds(step, (None,), begin, domain), narrowings=NARROWINGS[self.visits > 0]
        )
        self.silent = silent
        return rounds(step, (None,), start, domain)

    def _begin(self, step: RepeatStep, k: int | None, before: IntervalState | None) -> IntervalState:
        if k is None:
            scope = self._in_any_round(step)
        else:
            signals = {name: Interval.of(self.compiled.inputs[name][k]) for name in step.signals}
            scope = {step.counter: Interval.of(k), **signals}
        return reached_state(before).having(scope, scope)

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


def _visits(step: Step) -> int:
    match step:
        case RepeatStep():
            return step.times * sum(map(_visits, step.body))
        case WhenStep():
            return 1 + sum(map(_visits, (*step.then, *step.otherwise)))
        case Segment():
            return len(step.blocks)
        case _:
            leaf(step)
            return 1
