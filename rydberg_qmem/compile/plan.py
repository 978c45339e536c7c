"""A segment lowered for a target, and its schedules: one for each timing that control values ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import UNNUMBERED, Placed, Segment, expressions_in
from rydberg_qmem.devices import DRIVEN, GatePulse, Lowered, Target
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates import lower
from rydberg_qmem.language.blocks import (
    Align,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ModifyEOM,
    PhaseShift,
    Pulse,
    Retarget,
    SLMMask,
)
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.pulses import (
    CARRIED,
    NOTHING,
    Carried,
    Schedule,
    Scope,
    Site,
    build_sequence,
    carried_in,
    check_modes,
    column,
    fades,
    ledger_of,
    numbers_in,
    plays_from_samples,
    timed_shape,
    timing_of,
)

MOST_PLANS = 256
"""Plans of one target that are kept."""
MOST_SCHEDULES = 20_000
"""Timings of one segment that are kept."""


@dataclass
class Plan:
    """A segment lowered for a target, with its schedules, one for each timing that has come up."""

    segment: Segment
    target: Target
    operations: tuple[tuple[Lowered, str], ...] = ()
    timing: tuple[Expression, ...] = ()
    looks: tuple[int, ...] = ()
    """How many operations stand before each time that probes look inside the segment."""
    sampled: bool = False
    """Whether it is played from Pulser's samples, one schedule for each setting of all its controls."""
    schedules: dict[tuple[Carried, tuple[float, ...]], Schedule] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)
    begun: Plan | None = None
    """The plan of the sequence that it is a part of."""
    levels: tuple[tuple[str, ...], ...] = ()
    """The levels of the atoms that are evolved by it, where states hold some of them."""
    wholes: dict[tuple[Carried, tuple[float, ...]], Schedule] = field(default_factory=dict)

    @cached_property
    def touched(self) -> frozenset[int]:
        """Atoms that any pulse or phase shift acts on."""
        shifted = {a for op, _ in self.operations if isinstance(op, PhaseShift) for a in self.target.indices(op.atoms)}
        return frozenset(shifted).union(*(self._acts_on(op) for op, _ in self.operations))

    @cached_property
    def excited(self) -> frozenset[int]:
        """Atoms that may be taken to a Rydberg level."""
        return frozenset().union(*(self._acts_on(op) for op, _ in self.operations if self._basis(op) != "digital"))

    @cached_property
    def fills(self) -> dict[int, frozenset[str]]:
        """The levels that anything played acts on, of each atom that it acts on."""
        found: dict[int, frozenset[str]] = {}
        for op, _ in self.operations:
            if basis := self._basis(op):
                for atom in self._acts_on(op):
                    found[atom] = found.get(atom, frozenset()) | set(DRIVEN[basis])
        return found

    def within(self, levels: tuple[tuple[str, ...], ...]) -> Plan:
        """Return the plan for atoms of which states hold some levels each, made once; what it knows is shared."""
        key = ("levels", levels)
        if key not in self.cache:
            self.cache[key] = replace(self, levels=levels)
        return self.cache[key]  # type: ignore[no-any-return]  # each kind of key has its own kind of value

    def target_of(self, atoms: tuple[int, ...]) -> Target:
        """Return the target with some atoms only, and those of their levels that states hold."""
        target = self.target.subset(atoms)
        return target.limited(self.levels) if self.levels else target

    def drives_together(self, atoms: tuple[int, ...]) -> bool:
        """Return whether one pulse drives several of these atoms on a Rydberg transition, or XY exchange couples."""
        several = (len(self._acts_on(op) & set(atoms)) > 1 for op, _ in self.operations if self._basis(op) != "digital")
        return "0" in self.target.levels or any(several)

    linked: tuple[tuple[int, ...], ...] = ()

    def _basis(self, op: Lowered) -> str:
        match op:
            case Pulse() | GatePulse() | DetuningMap() | SLMMask() | EnableEOM() | EOMPulse() | ModifyEOM():
                return str(self.target.channel(op.channel).basis)
            case Retarget() | Delay() | Align() | PhaseShift() | DisableEOM():
                return ""
            case _:
                assert_never(op)

    def _acts_on(self, op: Lowered) -> frozenset[int]:
        match op:
            case Pulse():
                return frozenset(self.target.indices(op.atoms if op.atoms is not None else "all"))
            case GatePulse():
                return frozenset(self.target.indices((op.atom,)))
            case DetuningMap():
                return frozenset(self.target.indices(tuple(op.weights)))
            case EnableEOM() | EOMPulse() | ModifyEOM():
                return frozenset(self.target.indices("all"))
            case SLMMask():
                return frozenset(self.target.indices(op.atoms))
            case Retarget() | Delay() | Align() | PhaseShift() | DisableEOM():
                return frozenset()
            case _:
                assert_never(op)

    @property
    def own(self) -> range:
        """The operations of this step: all of the sequence, or those between the two looks it lies between."""
        cuts = (0, *self.looks, len(self.operations))
        return range(cuts[self.segment.part], cuts[self.segment.part + 1])

    def controls_of(self, atoms: tuple[int, ...]) -> tuple[Expression, ...]:
        """Return the expressions that steer what happens to some atoms, and those that timing depends on."""
        key = ("controls", atoms)
        if key not in self.cache:
            wanted: dict[Expression, None] = dict.fromkeys(self.timing)
            for op, _ in self.operations:
                acts = set(self.target.indices(op.atoms)) if isinstance(op, PhaseShift) else set(self._acts_on(op))
                if acts & set(atoms):
                    wanted.update(dict.fromkeys(expressions_in(op)))
            self.cache[key] = tuple(wanted)
        return self.cache[key]  # type: ignore[no-any-return]  # each kind of key has its own kind of value

    def durations(self, scope: Scope, rows: int) -> NDArray[np.int64]:
        """Return how long the segment takes in each row (ns)."""
        made = np.zeros(rows, dtype=np.int64)
        for schedule, chosen, _ in timed(self, scope, rows):
            made[chosen] = schedule.duration_ns
        return made

    def leaves(self, scope: Scope, rows: int) -> NDArray[np.float64]:
        """Return the number of what the channels carry on in each row, in the target's ledger."""
        made, ledger = np.zeros(rows), ledger_of(self.target)
        for schedule, chosen, _ in timed(self, scope, rows):
            made[chosen] = ledger.number(schedule.leaves)
        return made

    def schedule(self, values: tuple[float, ...], scope: Scope) -> Schedule:
        """Return the schedule for one setting of the expressions that timing depends on."""
        key = (carried_in(scope, self.target), values)
        if key not in self.schedules:
            if len(self.schedules) >= MOST_SCHEDULES:
                self.schedules.clear()
                self.cache.clear()
            made = self._scheduled(values, scope, key[0])
            known = self.schedules.get((NOTHING, values))
            self.schedules[key] = known if known is not None and made == known and made.sequence is None else made
        return self.schedules[key]

    def _scheduled(self, values: tuple[float, ...], scope: Scope, carried: Carried) -> Schedule:
        segment = self.segment
        whole = (self.begun or self)._whole(values, scope, carried)
        if segment.turning:
            return whole.turning(segment.part)
        return whole.part(segment.part) if segment.looks else whole

    def _whole(self, values: tuple[float, ...], scope: Scope, carried: Carried) -> Schedule:
        """Return the schedule of all parts of the sequence, kept where there are several."""
        known = self.wholes.get((carried, values))
        if known is None:
            references: dict[Site, float] | None = {} if self.segment.absolute else None
            _, known = build_sequence(
                self.operations, self.target, scope, real=self.sampled, carried=carried, references=references,
                looks=self.looks,
            )  # fmt: skip
            if self.looks:
                if len(self.wholes) >= MOST_SCHEDULES:
                    self.wholes.clear()
                self.wholes[carried, values] = known
        return known


def plan_segment(segment: Segment, target: Target) -> Plan:
    """Lower a segment's gates and find what its timing depends on, once for each segment and target."""
    if segment not in target.plans:
        if len(target.plans) >= MOST_PLANS:
            target.plans.clear()
        target.plans[segment] = _planned(segment, target)
    return target.plans[segment]  # type: ignore[no-any-return]  # held as Any: plans stand above targets


def _planned(segment: Segment, target: Target) -> Plan:
    if segment.looks and (segment.part or segment.turning or segment.number != UNNUMBERED):
        begun = plan_segment(replace(segment, index=0, part=0, turning=False, number=UNNUMBERED), target)
        return Plan(segment, target, begun.operations, begun.timing, begun.looks, begun.sampled, begun=begun)
    lowered = [[(op, placed.place) for op in _lowered(placed, target)] for placed in segment.blocks]
    operations = tuple(op for ops in lowered for op in ops)
    looks = tuple(sum(map(len, lowered[:blocks])) for blocks in segment.looks)
    check_modes(operations, target)
    sampled = plays_from_samples(operations, target)
    timing: dict[Expression, None] = {}
    for op, _ in operations:
        for expression in expressions_in(op) if sampled else _timing_of(op, target):
            if not expression.is_constant:
                timing[expression] = None
    return Plan(segment, target, operations, tuple(timing), looks, sampled)


def _lowered(placed: Placed, target: Target) -> tuple[Lowered, ...]:
    try:
        return lower(placed.block, placed.place, target)
    except CapabilityError as error:
        raise CapabilityError(f"{placed.place}: {error}") from None


def _timing_of(op: Lowered, target: Target) -> tuple[Expression, ...]:
    match op:
        case Pulse():
            if fades(target.channel(op.channel)):  # then it also depends on phases, and on how pulses fade
                return (*timing_of(timed_shape(op)), *expressions_in(op))
            return timing_of(timed_shape(op))
        case DetuningMap():
            length = timing_of(op.detuning)
            return (*length, *expressions_in(op)) if fades(target.channel(op.channel)) else length
        case Delay():
            return (op.duration_ns,)
        case PhaseShift():
            return (op.angle,) if any(fades(c) for c in target.device.channels.values()) else ()
        case GatePulse():
            return expressions_in(op) if fades(target.channel(op.channel)) else ()
        case Align() | Retarget() | SLMMask() | DisableEOM():
            return ()
        case EnableEOM() | EOMPulse() | ModifyEOM():
            return expressions_in(op)
        case _:
            assert_never(op)


def rows_of(scope: Scope, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return the scope of some of the rows; numbers stay as they are."""
    made: dict[str, Any] = {}
    for name, value in scope.items():
        if isinstance(value, Columns):
            made[name] = Columns(value.names, value.values[rows])
        else:
            made[name] = value[rows] if isinstance(value, np.ndarray) and value.ndim else value
    return made


def timed(plan: Plan, scope: Scope, rows: int) -> Iterator[tuple[Schedule, NDArray[np.int64], dict[str, Any]]]:
    """Yield schedule, rows and their scope for each timing that the control values ask for."""
    everything = np.arange(rows)
    numbers = None if isinstance(scope.get(CARRIED, 0.0), float) else numbers_in(scope)
    alike = numbers is None or bool((numbers == numbers[0]).all())
    if not plan.timing and alike:
        yield plan.schedule((), scope), everything, dict(scope)
        return
    columns = [np.broadcast_to(column(e, scope), (rows,)) for e in plan.timing]
    columns += [] if alike or numbers is None else [numbers]
    settings, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    for k, setting in enumerate(settings):
        chosen = everything[which.ravel() == k]
        part = rows_of(scope, chosen)
        yield plan.schedule(tuple(setting[: len(plan.timing)].tolist()), part), chosen, part
