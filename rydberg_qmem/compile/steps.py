"""The steps of a compiled program: a tree of segments and non-unitary steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, assert_never

from rydberg_qmem.language.blocks import Probe, Timed
from rydberg_qmem.language.expressions import Expression

UNNUMBERED = -1
"""The number of a step that is not part of a compiled program."""


@dataclass(frozen=True)
class Placed:
    """A unitary block and its place in the program."""

    block: Timed
    place: str
    rounds: tuple[int, ...] = ()
    """The rounds of repeats written out that it stands in."""

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions of the block that are no constants."""
        return expressions_in(self.block)


@dataclass(frozen=True)
class Segment:
    """The unitary blocks between two cuts, one Pulser sequence, or a part of it between two looks.

    A look inside, a probe or where a round begins, does not end the sequence: its schedule is cut in parts there, and
    each is one step. `turning` is the step of no time before a later part, which takes the phase references of the
    parts before it out of the state again: a probe sees them turned into the state, the sequence goes on with them as
    references.
    """

    index: int
    blocks: tuple[Placed, ...]
    visits: int = 1
    """How often the loops around it come by."""
    looks: tuple[int, ...] = ()
    """Of each time that something looks inside it: how many blocks stand before it."""
    part: int = 0
    turning: bool = False
    settled: int = 0
    """How many steps before it write memory inside of it: all that its blocks read is known when it begins."""
    absolute: bool = False
    """Whether it begins with the phase references of what came before."""
    copies: tuple[tuple[Expression, Expression], ...] = ()
    """Names of values that its blocks read before memory is written inside of it, and what was written there."""
    number: int = UNNUMBERED

    def __hash__(self) -> int:
        return hash((self.index, self.part, self.turning, len(self.blocks)))

    @property
    def place(self) -> str:
        """Where the segment, or this part of it, begins."""
        return self.blocks[self.looks[self.part - 1] if self.part else 0].place

    @property
    def whole(self) -> Segment:
        """The segment with nobody looking inside."""
        return replace(self, looks=(), part=0, turning=False) if self.looks else self

    @property
    def begins(self) -> bool:
        """Whether its blocks begin with this step: one step of each segment does."""
        return self.part == 0

    @property
    def ends(self) -> bool:
        """Whether its blocks end with this step: one step of each segment does."""
        return self.part == len(self.looks) and not self.turning


def expressions_of(segment: Segment) -> tuple[Expression, ...]:
    """Return the expressions of a segment whose values the run must know."""
    return tuple(dict.fromkeys(e for placed in segment.blocks for e in placed.expressions))


def expressions_in(value: Any) -> tuple[Expression, ...]:
    """Return the expressions inside a block, waveform or lowered pulse that are no constants."""
    if isinstance(value, Expression):
        return () if value.is_constant else (value,)
    if isinstance(value, tuple):
        parts = value
    elif hasattr(type(value), "model_fields"):
        parts = tuple(getattr(value, name) for name in type(value).model_fields)
    elif is_dataclass(value):
        parts = tuple(getattr(value, item.name) for item in fields(value))
    else:
        return ()
    return tuple(e for part in parts for e in expressions_in(part))


@dataclass(frozen=True)
class MeasureStep:
    """Project `atoms` in `basis` and keep the bits under `key`."""

    key: str
    atoms: tuple[int, ...]
    basis: str
    place: str
    number: int = UNNUMBERED


@dataclass(frozen=True)
class ResetStep:
    """Trace `atoms` out and put them in the ground state."""

    atoms: tuple[int, ...]
    place: str
    number: int = UNNUMBERED


@dataclass(frozen=True)
class ProbeStep:
    """Record expectation values without touching the state."""

    probe: Probe
    atoms: tuple[int, ...]
    basis: str
    place: str
    number: int = UNNUMBERED


@dataclass(frozen=True)
class SetStep:
    """Assign memory variables at once."""

    values: tuple[tuple[str, Expression], ...]
    place: str
    number: int = UNNUMBERED


@dataclass(frozen=True)
class PushStep:
    """Push values into windows."""

    values: tuple[tuple[str, Expression], ...]
    place: str
    number: int = UNNUMBERED


@dataclass(frozen=True)
class RepeatStep:
    """Do `body` for `times` rounds from the `first` on; `signals` are the inputs' values, one array per input.

    The rounds of a repeat that stand in one segment come in parts: those that write memory before the segment, and
    those that look while it plays. Where a round begins it tells its memory, or its time, in one of them.
    """

    name: str
    counter: str
    times: int
    signals: tuple[str, ...]
    body: tuple[Step, ...]
    place: str
    recorded: tuple[str, ...] = ()
    first: int = 0
    tells_memory: bool = True
    tells_time: bool = True
    forgets: tuple[str, ...] = ()
    """Keys that more than one block measures, and its rounds do: what the last round measured is not this round's."""
    number: int = UNNUMBERED

    @property
    def is_one_of_several(self) -> bool:
        """Whether it is a part of the rounds of a repeat, which has other parts."""
        return not (self.tells_memory and self.tells_time)

    @property
    def numbers(self) -> range:
        """The numbers of its rounds."""
        return range(self.first, self.first + self.times)


@dataclass(frozen=True)
class WhenStep:
    """Do `then` where the condition holds, else `otherwise`."""

    condition: Expression
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]
    place: str
    number: int = UNNUMBERED


LeafStep = Segment | MeasureStep | ResetStep | ProbeStep | SetStep | PushStep
"""Steps that hold no others."""

Step = LeafStep | RepeatStep | WhenStep


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield every step of a program, outer ones before inner ones."""
    for step in steps:
        yield step
        yield from all_steps(inner_steps(step))


def inner_steps(step: Step) -> tuple[Step, ...]:
    """Return the steps directly within one; none where it holds no others."""
    match step:
        case RepeatStep():
            return step.body
        case WhenStep():
            return (*step.then, *step.otherwise)
        case _:
            leaf(step)
            return ()


def leaf(step: LeafStep) -> LeafStep:
    """Return a step that holds no others: the type checker refuses one that may."""
    return step


def numbered(steps: tuple[Step, ...], numbers: Iterator[int] | None = None) -> tuple[Step, ...]:
    """Return the steps with their numbers: their order in `all_steps`, counted from 0 unless `numbers` are given.

    A number tells steps apart that stand at one place of the file, as those that a `for_each` makes for each atom.
    """
    numbers = count() if numbers is None else numbers
    made: list[Step] = []
    for step in steps:
        number = next(numbers)
        match step:
            case RepeatStep():
                made.append(replace(step, number=number, body=numbered(step.body, numbers)))
            case WhenStep():
                then, otherwise = numbered(step.then, numbers), numbered(step.otherwise, numbers)
                made.append(replace(step, number=number, then=then, otherwise=otherwise))
            case Segment() | MeasureStep() | ResetStep() | ProbeStep() | SetStep() | PushStep():
                made.append(replace(step, number=number))
            case _:
                assert_never(step)
    return tuple(made)


def steps_in(steps: tuple[Step, ...]) -> int:
    """Return how many steps a walk takes."""
    total = 0
    for step in steps:
        match step:
            case RepeatStep():
                total += step.times * steps_in(step.body)
            case WhenStep():
                total += steps_in(step.then) + steps_in(step.otherwise)
            case _:
                leaf(step)
                total += 1
    return total


def uses_ensemble(steps: tuple[Step, ...]) -> bool:
    """Return whether any step reads a mean over the cohort."""
    for step in all_steps(steps):
        match step:
            case SetStep() | PushStep():
                if any(value.uses_ensemble for _, value in step.values):
                    return True
            case WhenStep():
                if step.condition.uses_ensemble:
                    return True
            case Segment() | MeasureStep() | ResetStep() | ProbeStep() | RepeatStep():
                pass
            case _:
                assert_never(step)
    return False
