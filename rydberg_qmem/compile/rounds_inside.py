"""What stands between the pulses of a segment: memory that is written before it, and looks while it plays.

Pulses hang on memory, memory on no pulse of the same segment. So all that is remembered inside a segment is done
before it, round by round; what is recorded at a time of its own, probes and the beginnings of rounds, where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from rydberg_qmem.compile.steps import (
    MeasureStep,
    Placed,
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
from rydberg_qmem.language.expressions import Expression

Steps = tuple[Step, ...]
Copy = Callable[[Expression], Expression]
"""Gives an expression whose value is held a name of its own."""


@dataclass(frozen=True)
class Item:
    """What may belong to a segment if more blocks follow, and the rounds written out that it stands in.

    Each round is a loop of that round alone. An item without a step is the beginning of its innermost round.
    """

    step: Placed | Step | None
    rounds: tuple[RepeatStep, ...] = ()


def within(rounds: Iterable[RepeatStep], body: Steps, *, memory: bool = False, time: bool = False) -> Steps:
    """Return steps in their rounds, of which the innermost one tells its memory or its time where it begins here."""
    steps = body
    for loop in reversed(tuple(rounds)):
        steps = (replace(loop, body=steps, tells_memory=memory, tells_time=time),)
        memory = time = False
    return steps


def signals_of(item: Item) -> frozenset[str]:
    """Return the inputs that the rounds around an item go over."""
    return frozenset(name for loop in item.rounds for name in loop.signals)


def split(step: Step, later: frozenset[str], copy: Copy) -> tuple[Steps, Steps]:
    """Return what a step of memory and looks remembers, and what it looks at, where names are written `later`.

    A side whose condition may have another value when its looks come is noted when it is chosen.
    """
    match step:
        case ProbeStep():
            return (), (step,)
        case RepeatStep():
            memory, looks = split_all(step.body, later, copy)
            return (replace(step, body=memory, tells_time=False),), (replace(step, body=looks, tells_memory=False),)
        case WhenStep():
            return _split_sides(step, later, copy)
        case SetStep() | PushStep() | Segment() | MeasureStep() | ResetStep():
            return (step,), ()
        case _:
            assert_never(step)


def split_all(steps: Steps, later: frozenset[str], copy: Copy) -> tuple[Steps, Steps]:
    """Return what several steps remember, and what they look at."""
    parts = [split(step, later, copy) for step in steps]
    return tuple(one for memory, _ in parts for one in memory), tuple(one for _, looks in parts for one in looks)


def _split_sides(step: WhenStep, later: frozenset[str], copy: Copy) -> tuple[Steps, Steps]:
    (then, seen), (otherwise, other) = (split_all(side, later, copy) for side in (step.then, step.otherwise))
    if not seen and not other:
        return (step,), ()
    if not (then or otherwise or step.condition.is_random or step.condition.names & later):
        return (), (step,)
    chosen = copy(step.condition)
    noted = [SetStep(((chosen.text, Expression(value)),), step.place) for value in (1, 0)]
    memory = WhenStep(step.condition, (noted[0], *then), (noted[1], *otherwise), step.place)
    return (memory,), (WhenStep(chosen, seen, other, step.place),)


def names_written_after(items: list[Item]) -> list[frozenset[str]]:
    """Return, for each item, the names that are written after it."""
    made: list[frozenset[str]] = []
    names: frozenset[str] = frozenset()
    for item in reversed(items):
        made.append(names)
        if isinstance(item.step, SetStep | PushStep | WhenStep | RepeatStep):
            written = (step for step in all_steps((item.step,)) if isinstance(step, SetStep | PushStep))
            names = names.union(name for step in written for name, _ in step.values)
    return made[::-1]
