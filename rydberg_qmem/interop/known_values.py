"""What is known, without a run, of the values that an exported segment reads: given, initial, or written on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import (
    MeasureStep,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    Segment,
    SetStep,
    Step,
    WhenStep,
    all_steps,
)
from rydberg_qmem.errors import InputError, RunError
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression


def number_of(expression: Expression, scope: Mapping[str, Any], place: str) -> float:
    """Return the value of an expression in a scope, or raise InputError where it is no finite number."""
    try:
        value = float(np.ravel(np.asarray(expression.evaluate(dict(scope)), dtype=float))[0])
    except RunError as error:
        raise InputError(f"{place}: {error}") from None
    if not np.isfinite(value):
        raise InputError(f"{place}: {expression} is {value}, not a finite number: give other values")
    return value


@dataclass
class KnownValues:
    """The values of names that expressions read, and where each is from."""

    compiled: Compiled
    given: Mapping[str, float]
    round: int
    used: set[str] = field(default_factory=set)
    followed: dict[str, tuple[Any, str]] = field(default_factory=dict)
    """Memory that was written on the way, where that is known, and where."""
    inside: dict[str, tuple[Any, str]] = field(default_factory=dict)
    """Memory that is written inside the segment."""

    def __post_init__(self) -> None:
        self.counters = {step.counter for step in all_steps(self.compiled.steps) if isinstance(step, RepeatStep)}
        columns = {f"{key}.{atom}" for key, atoms in self.compiled.keys.items() for atom in atoms}
        c = self.compiled
        self.names = {*c.scalars, *c.windows, *c.keys, *c.inputs, *self.counters, *columns}

    def follow(self, step: Step) -> None:
        """Do to memory what a step does, as far as that can be known; else it is as the program begins."""
        try:
            made = self._written(step)
        except (InputError, RunError):
            self.forget((step,))
            return
        self.followed.update(made)

    def forget(self, steps: tuple[Step, ...]) -> None:
        """Forget what some steps write."""
        for step in all_steps(steps):
            for name, _ in step.values if isinstance(step, SetStep | PushStep) else ():
                self.followed.pop(name, None)

    def following(self, steps: tuple[Step, ...], needed: frozenset[str]) -> KnownValues:
        """Return what is known after steps that write memory inside a segment, as far as it is `needed` there."""
        wanted: list[Step] = []
        for step in reversed(steps):
            written = {name for inner in all_steps((step,)) if isinstance(inner, SetStep | PushStep)
                       for name, _ in inner.values}  # fmt: skip
            if written & needed:
                wanted.append(step)
                needed = needed.union(*(e.names for inner in all_steps((step,)) for e in _reads(inner)))
        inside = self._inner()
        inside._do(reversed(wanted))
        for step in steps:
            self.follow(step)
        return inside

    def _inner(self) -> KnownValues:
        """Return a copy that steps can be followed in, and this one stays as it is."""
        return replace(self, inside=dict(self.inside), followed=dict(self.followed), used=self.used)

    def _do(self, steps: Iterable[Step]) -> dict[str, tuple[Any, str]]:
        """Follow steps inside a segment, and return the values that they write."""
        made: dict[str, tuple[Any, str]] = {}
        for step in steps:
            values = self._written(step)
            self.inside.update(values)
            made.update(values)
        return made

    def _written(self, step: Step) -> dict[str, tuple[Any, str]]:
        """Return the values that a step of memory writes, each with where it is from."""
        made: dict[str, tuple[Any, str]] = {}
        match step:
            case SetStep():
                for name, expression in step.values:
                    made[name] = self._evaluated(expression, step.place), step.place
            case PushStep():
                for name, expression in step.values:
                    old = self.value(name, step.place)[0]
                    new = self._evaluated(expression, step.place)
                    made[name] = np.concatenate([[[new]], old[:, :-1]], axis=1), step.place
            case WhenStep():
                side = step.then if self._evaluated(step.condition, step.place) else step.otherwise
                made = self._inner()._do(side)
            case RepeatStep():
                inner = self._inner()
                for k in step.numbers:
                    number = f"round {k}"
                    inner.inside[step.counter] = float(k), number
                    inner.inside.update({name: (float(self.compiled.inputs[name][k]), number) for name in step.signals})
                    made.update(inner._do(step.body))
            case Segment() | MeasureStep() | ResetStep() | ProbeStep():
                pass
            case _:
                assert_never(step)
        return made

    def _evaluated(self, expression: Expression, place: str) -> float:
        if expression.is_random or expression.uses_ensemble:
            raise InputError(f"{place}: {expression} has its value at run only")
        return number_of(expression, {name: self.value(name, place)[0] for name in expression.names}, place)

    def value(self, name: str, place: str) -> tuple[Any, tuple[float | list[float], str]]:
        """Return a name's value for expressions, and its value and origin for people."""
        compiled = self.compiled
        if name in compiled.keys:
            return self._outcome(name, place)
        if name in self.inside:
            return _shown(*self.inside[name])
        if name in self.given:
            self.used.add(name)
            number = float(self.given[name])
            wide = compiled.windows.get(name)
            return (np.full((1, wide[0]), number) if wide else number), (number, "given")
        if name in compiled.inputs:
            signal = compiled.inputs[name]
            if not 0 <= self.round < len(signal):
                raise InputError(f"round: must be from 0 to {len(signal) - 1}, as {name} has values ({self.round})")
            return float(signal[self.round]), (float(signal[self.round]), f"round {self.round}")
        if name in self.counters:
            return float(self.round), (float(self.round), f"round {self.round}")
        if name in self.followed:
            return _shown(*self.followed[name])
        return self._memory(name, place)

    def _memory(self, name: str, place: str) -> tuple[Any, tuple[float | list[float], str]]:
        compiled = self.compiled
        if name not in compiled.program.memory:
            raise InputError(f"{place}: {name} gets its value at run only: give it (--value {name}=…)")
        window = compiled.windows.get(name)
        initial = window[1] if window else compiled.scalars[name]
        number = float(np.ravel(np.asarray(initial.evaluate({}, random=_FixedRandom(name))))[0])
        origin = "initial, drawn" if initial.is_random else "initial"
        return (np.full((1, window[0]), number) if window else number), (number, origin)

    def _outcome(self, key: str, place: str) -> tuple[Any, tuple[float | list[float], str]]:
        atoms, bits = self.compiled.keys[key], []
        for atom in atoms:
            found = [name for name in (f"{key}.{atom}", key) if name in self.given]
            if not found:
                wanted = key if len(atoms) == 1 else f"{key}.{atom}"
                raise InputError(f"{place}: {wanted} is measured at run only: give it (--value {wanted}=…)")
            self.used.add(found[0])
            bits.append(float(self.given[found[0]]))
        return Columns(atoms, np.array([bits])), (bits if len(bits) > 1 else bits[0], "given")


class _FixedRandom:
    """The random numbers of a memory that begins with one: the same in every export."""

    def __init__(self, name: str) -> None:
        self.generator = np.random.Generator(np.random.Philox(list(name.encode())))

    def uniform(self) -> NDArray[np.float64]:
        return self.generator.uniform(size=1)

    def normal(self) -> NDArray[np.float64]:
        return self.generator.normal(size=1)


def _shown(value: Any, origin: str) -> tuple[Any, tuple[float | list[float], str]]:
    shown = value if np.ndim(value) == 0 else [float(number) for number in np.ravel(value)]
    return value, (shown, origin)


def _reads(step: Step) -> tuple[Expression, ...]:
    match step:
        case SetStep() | PushStep():
            return tuple(expression for _, expression in step.values)
        case WhenStep():
            return (step.condition,)
        case Segment() | MeasureStep() | ResetStep() | ProbeStep() | RepeatStep():
            return ()
        case _:
            assert_never(step)
