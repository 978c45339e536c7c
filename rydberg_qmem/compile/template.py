"""A program compiled once for many settings of its parameters: numbers put where their names stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from operator import is_
from typing import Any, cast

import numpy as np

from rydberg_qmem.compile.bind import bind_parameters
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import RepeatStep, Segment, Step, WhenStep, all_steps, expressions_in, leaf
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged
from rydberg_qmem.language.waveforms import ZERO
from rydberg_qmem.pulses import NOTHING, Schedule, fades

Change = Callable[[Expression], Expression]


class IsZeroError(Exception):
    """A number that came in place of a name is zero, which may be scheduled in another way."""


@dataclass(eq=False)
class Template:
    """A program compiled with the names of some parameters in it.

    Only where its steps, with the numbers of other settings put in, are just those that the compiler makes of these
    settings, is there a template at all; and a segment's plan is taken from it only where that agrees as well.
    """

    compiled: Compiled
    names: frozenset[str]
    plans: dict[int, Plan] = field(default_factory=dict)
    """By the number of its step: the plan of a segment that the numbers do not change but in its numbers."""

    @classmethod
    def of(cls, made: tuple[Compiled, ...], names: frozenset[str], **settings: Any) -> Template | None:
        """Return the template of what a program was compiled to for some settings; None where there is none.

        `names` are the parameters that settings differ in, `settings` the inputs and rounds that they share.
        """
        first = made[0]
        try:
            compiled = compile_program(first.program, parameters=first.parameters, free=names, **settings)
        except QmemError:
            return None  # a number must be known there
        live = {number: alive - names for number, alive in compiled.live_after.items()}
        template = cls(replace(compiled, live_after=live), names)
        if not all(template._is(one) for one in made):
            return None
        template._plan(made)
        return template

    def bound(self, parameters: Mapping[str, float]) -> Compiled:
        """Return the program compiled for a setting; QmemError where the compiler would raise one."""
        values = bind_parameters(self.compiled.program, parameters)
        change = self._change(values)
        target = self.compiled.target
        target.renew()
        steps = tuple(self._step(step, change) for step in self.compiled.steps)
        made = replace(
            self.compiled,
            steps=steps,
            parameters=values,
            scalars={name: change(initial) for name, initial in self.compiled.scalars.items()},
            windows={name: (size, change(initial)) for name, (size, initial) in self.compiled.windows.items()},
        )
        for step in all_steps(steps):
            if isinstance(step, Segment) and (plan := self._bound_plan(step, change)) is not None:
                target.plans[step] = plan
        return made

    def _change(self, values: Mapping[str, float]) -> Change:
        numbers, made = {name: values[name] for name in self.names}, dict[str, Expression]()

        def change(expression: Expression) -> Expression:
            if expression.names.isdisjoint(self.names):
                return expression
            if expression.text not in made:
                made[expression.text] = expression.bind(numbers)
            return made[expression.text]

        return change

    def _step(self, step: Step, change: Change) -> Step:
        match step:
            case RepeatStep():
                return replace(step, body=tuple(self._step(one, change) for one in step.body))
            case WhenStep():
                then, otherwise = (
                    tuple(self._step(one, change) for one in side) for side in (step.then, step.otherwise)
                )
                return replace(step, condition=change(step.condition), then=then, otherwise=otherwise)
            case _:
                return cast(Step, put(leaf(step), change)) if step.number in self._reading else step

    @cached_property
    def _reading(self) -> frozenset[int]:
        """Numbers of the steps in which names stand."""
        return frozenset(step.number for step in all_steps(self.compiled.steps) if self._reads(step))

    def _reads(self, value: Any) -> bool:
        return any(expression.names & self.names for expression in expressions_in(value))

    def _is(self, made: Compiled) -> bool:
        """Return whether the compiler makes the same of a setting."""
        here = self.bound(made.parameters)
        alike = all(np.array_equal(here.inputs[name], made.inputs[name]) for name in made.inputs)
        told = ("steps", "scalars", "windows", "keys", "rounds", "variables", "coordinates", "live_after", "remeasured")
        alike = alike and all(getattr(here, name) == getattr(made, name) for name in told)
        return alike and here.target.levels == made.target.levels

    def _plan(self, made: tuple[Compiled, ...]) -> None:
        """Take over the plans of segments that are scheduled once for all values, where they are what is planned."""
        if any(map(fades, self.compiled.target.device.channels.values())):
            return  # phases decide how long pauses are
        free = [step for step in all_steps(self.compiled.steps) if isinstance(step, Segment)]
        for step in free:
            try:
                plan = plan_segment(step, self.compiled.target)
                if plan.timing or plan.sampled:
                    continue
                plan.schedule((), {})
            except QmemError:
                continue
            self.plans[step.number] = plan
            if not all(self._agrees(step.number, one) for one in made):
                del self.plans[step.number]

    def _agrees(self, number: int, made: Compiled) -> bool:
        """Return whether a plan, with the numbers of a setting, is the one that is made of that setting."""
        [step] = (s for s in all_steps(made.steps) if isinstance(s, Segment) and s.number == number)
        real = plan_segment(step, made.target)
        here = self._bound_plan(step, self._change(made.parameters))
        if here is None:
            return True  # planned anew
        same = (here.operations, here.timing, here.looks, here.linked, here.sampled) == (
            real.operations, real.timing, real.looks, real.linked, real.sampled,
        )  # fmt: skip
        return same and here.schedule((), {}) == real.schedule((), {})

    def _bound_plan(self, step: Segment, change: Change) -> Plan | None:
        plan = self.plans.get(step.number)
        if plan is None:
            return None

        def numbers(expression: Expression) -> Expression:
            made = change(expression)
            if made is not expression and made == ZERO:
                raise IsZeroError
            return made

        try:
            operations = tuple(
                (put(op, numbers) if step.number in self._reading else op, place) for op, place in plan.operations
            )
            schedule = self._schedule(plan.schedule((), {}), numbers)
        except IsZeroError:
            return None
        return replace(
            plan, segment=step, operations=operations, schedules={(NOTHING, ()): schedule}, cache={}, begun=None,
            wholes={},
        )  # fmt: skip

    def _schedule(self, made: Schedule, change: Change) -> Schedule:
        """Return a schedule with numbers in its drives and frames, and nothing sampled yet."""
        return Schedule(
            put(made.drives, change), made.duration_ns, put(made.frame, change), leaves=made.leaves,
            looks=put(made.looks, change), window=made.window, crossed=made.crossed,
        )  # fmt: skip


def put(value: Any, change: Change) -> Any:
    """Return a step, a block, a waveform, a drive, or what holds them, with every expression changed."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Expression):
        return change(value)
    if isinstance(value, Tagged):
        return value.unchecked({name: put(getattr(value, name), change) for name in type(value).model_fields})
    if isinstance(value, tuple):
        items = tuple([put(item, change) for item in value])
        return value if all(map(is_, items, value)) else items
    if isinstance(value, dict):
        return type(value)({key: put(item, change) for key, item in value.items()})
    if is_dataclass(value) and not isinstance(value, type):
        old = {item.name: getattr(value, item.name) for item in fields(value) if item.init}
        new = {name: put(one, change) for name, one in old.items()}
        return value if all(new[name] is one for name, one in old.items()) else replace(value, **new)
    return value
