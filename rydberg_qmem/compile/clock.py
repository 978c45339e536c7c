"""The laboratory clock: how long each block of a program takes, before it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np

from rydberg_qmem.compile.bind import as_written
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import Plan, plan_segment, timed
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
    expressions_in,
)
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.blocks import Delay
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.pulses import CARRIED, NOTHING, Carried, Drive, Schedule, ledger_of


@dataclass
class Clock:
    """Times (ns) by place: `once` of one visit, `counts` of loops; `total_ns` of one shot.

    A place in `open_places` takes a time that only the run decides, and so does all that is around it.
    """

    once: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    total_ns: float = 0.0
    carried: Carried = NOTHING
    """What the channels carry at the point that the clock has come to."""
    open_places: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    """Why segments cannot be scheduled, their place first."""

    def is_open(self, place: str) -> bool:
        """Return whether the time of a place, or of what is within it, is decided in the run."""
        return any(found == place or found.startswith(f"{place}.") or not place for found in self.open_places)

    def ns(self, place: str) -> float:
        """Return how long one visit of a block takes, the blocks within it together (ns)."""
        if place in self.once:
            return self.once[place]
        inner = [found for found in self.once if found.startswith(f"{place}.")]
        outermost = [found for found in inner if not any(found.startswith(f"{other}.") for other in inner)]
        return sum(self.counts.get(found, 1) * self.once[found] for found in outermost)


def clock_of(compiled: Compiled) -> Clock:
    """Return how long blocks take: pulses and waits; measurements and resets take no time on this clock.

    A block's time is that from its first pulse to the end of its last; blocks on different channels may overlap, so
    that a segment can be shorter than its blocks together. Of a branch the longer side counts.

    >>> from rydberg_qmem.compile.segments import compile_program
    >>> from rydberg_qmem.language.library import load
    >>> clock = clock_of(compile_program(load("two_port_memristor")))
    >>> clock.ns("body[0].repeat"), clock.counts["body[0].repeat"], clock.total_ns
    (4740.0, 48, 227520.0)
    """
    clock = Clock()
    clock.total_ns = _steps_ns(compiled, compiled.steps, clock)
    for place in sorted(clock.counts.keys() - clock.once.keys(), key=len, reverse=True):
        clock.once[place] = clock.ns(place)  # rounds that are played in one segment
    return clock


def _steps_ns(compiled: Compiled, steps: Iterable[Step], clock: Clock) -> float:
    return sum(_step_ns(compiled, step, clock) for step in steps)


def _step_ns(compiled: Compiled, step: Step, clock: Clock) -> float:
    match step:
        case Segment():
            return _segment_ns(compiled, step, clock)
        case RepeatStep() if step.is_one_of_several:
            if step.tells_time:
                clock.counts[step.place] = step.numbers[-1] + 1
            return 0.0
        case RepeatStep():
            return _repeat_ns(compiled, step, clock)
        case WhenStep():
            begin, sides = clock.carried, []
            for side in (step.then, step.otherwise):
                clock.carried = begin
                sides.append((_steps_ns(compiled, side, clock), clock.carried))
            longer, clock.carried = max(sides, key=lambda side: side[0])
            clock.once[step.place] = clock.once.get(step.place, 0.0) + longer
            return longer
        case MeasureStep() | ResetStep() | ProbeStep() | SetStep() | PushStep():
            return 0.0
        case _:
            assert_never(step)


def _repeat_ns(compiled: Compiled, step: RepeatStep, clock: Clock) -> float:
    """Return the time of a loop: later rounds may begin with pauses that the first has no reason for."""
    before = clock.carried
    once = _steps_ns(compiled, step.body, clock)
    clock.once[step.place], clock.counts[step.place] = once, step.times
    if step.times == 1 or clock.carried == before:
        return step.times * once
    later = Clock(carried=clock.carried, refused=clock.refused)
    again = _steps_ns(compiled, step.body, later)
    clock.carried = later.carried
    return once + (step.times - 1) * again


def _segment_ns(compiled: Compiled, segment: Segment, clock: Clock) -> float:
    plan = plan_segment(as_written(segment), compiled.target)
    try:
        schedule = _schedule(compiled, plan, clock.carried)
    except QmemError as error:
        clock.refused.append(str(error))
        schedule = None
    if schedule is None:
        clock.carried = NOTHING
        clock.open_places |= {placed.place for placed in segment.blocks}
        return 0.0
    clock.carried = schedule.leaves if segment.ends else clock.carried
    rounds, waits = _rounds_of(segment), {p.place for p in segment.blocks if isinstance(p.block, Delay)}
    for place, drives in _by_place(schedule.drives).items():
        parted = rounds[place] > 1 or place in waits
        took = _playing(drives) / rounds[place] if parted else _span(drives)
        clock.once[place] = clock.once.get(place, 0.0) + took
    for placed in segment.blocks if segment.begins else ():
        if isinstance(placed.block, Delay) and placed.block.duration_ns.is_constant:
            waited = float(np.asarray(placed.block.duration_ns.evaluate({})))
            clock.once[placed.place] = clock.once.get(placed.place, 0.0) + waited / rounds[placed.place]
    return float(schedule.duration_ns)


def _rounds_of(segment: Segment) -> Counter[str]:
    """Return in how many rounds written out each place of a segment plays."""
    return Counter(place for place, _ in dict.fromkeys((placed.place, placed.rounds) for placed in segment.blocks))


def _by_place(drives: Iterable[Drive]) -> dict[str, list[Drive]]:
    made: dict[str, list[Drive]] = {}
    for drive in drives:
        made.setdefault(drive.place, []).append(drive)
    return made


def _span(drives: list[Drive]) -> float:
    return max(drive.stop for drive in drives) - min(drive.start for drive in drives)


def _playing(drives: list[Drive]) -> float:
    """Return how long (ns) some drives play, those at one time counted once."""
    total = end = 0
    for start, stop in sorted((drive.start, drive.stop) for drive in drives):
        total, end = total + max(stop - max(start, end), 0), max(end, stop)
    return total


def schedule_of(compiled: Compiled, plan: Plan) -> Schedule | None:
    """Return when a segment's pulses play in the first round, or None where only the run will know."""
    with suppress(QmemError):
        return _schedule(compiled, plan, NOTHING)
    return None


def _schedule(compiled: Compiled, plan: Plan, carried: Carried) -> Schedule | None:
    unknown = frozenset[str]().union(*(e.names for e in plan.timing)) - compiled.scalars.keys() - compiled.inputs.keys()
    if unknown:
        return None
    known = first_values(compiled, plan.timing)
    number = ledger_of(compiled.target).number(carried)
    return next(timed(plan, {**known, CARRIED: np.array([number])}, 1))[0]


def first_values(compiled: Compiled, parts: Any) -> dict[str, Any]:
    """Return values for the names in `parts`: the memory's first ones, inputs at their peak, 1/2 for the rest."""
    made = middling(parts)
    known: dict[str, Any] = {name: values[np.abs(values).argmax()] for name, values in compiled.inputs.items()}
    for name, value in compiled.scalars.items():
        if value.is_constant:
            known[name] = float(np.asarray(value.evaluate({})))
    return {name: known.get(name, value) for name, value in made.items()}


def middling(parts: Any) -> Mapping[str, Any]:
    """Return 1/2 for every name in `parts`, and for every atom of a key."""
    found = expressions_in(parts)
    made: dict[str, Any] = {name: 0.5 for e in found for name in e.names}
    wide: dict[str, list[str]] = {}
    for e in found:
        for key, atom in e.columns:
            wide.setdefault(key, []).append(atom)
    return made | {key: Columns(tuple(a), np.full((1, len(a)), 0.5)) for key, a in wide.items()}
