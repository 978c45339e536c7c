"""Gates and cells as their ideal unitaries; pulses as the exact emulator has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.steps import Segment, expressions_in
from rydberg_qmem.devices import Target
from rydberg_qmem.emulators.exact import Exact, layout_of
from rydberg_qmem.emulators.gate_stages import stages_of
from rydberg_qmem.emulators.layout import Levels, State
from rydberg_qmem.emulators.noise_channel import NoiseChannel
from rydberg_qmem.emulators.protocol import (
    DECOHERENCE,
    DURATIONS,
    READOUT,
    SIDE_EFFECTS,
    Capabilities,
    JumpingEvolution,
)
from rydberg_qmem.emulators.unitaries import IdealGate, apply_gate
from rydberg_qmem.language.blocks import Gate
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.noise import PREPARATION_AND_READOUT
from rydberg_qmem.pulses import CARRIED, Scope, numbers_in


@dataclass(frozen=True)
class IdealPlan:
    """A segment as gates, and runs of pulses between them."""

    target: Target
    parts: tuple[IdealGate | Plan, ...]
    levels: Levels = ()
    """The levels of the atoms that are evolved by it, where states hold some of them."""

    @cached_property
    def touched(self) -> frozenset[int]:
        """Atoms that any gate, pulse or phase shift acts on."""
        return frozenset().union(*(p.touched if isinstance(p, Plan) else p.atoms for p in self.parts))

    @cached_property
    def excited(self) -> frozenset[int]:
        """Atoms that a pulse or a rotation may take to a Rydberg level."""
        found: set[int] = set()
        for part in self.parts:
            if isinstance(part, Plan):
                found |= part.excited
            else:
                found |= set(part.excited(self.target))
        return frozenset(found)

    @cached_property
    def fills(self) -> dict[int, frozenset[str]]:
        """The levels that a gate or pulse takes each atom to, or from, where it acts on any."""
        found: dict[int, frozenset[str]] = {}
        for part in self.parts:
            here = part.fills if isinstance(part, Plan) else dict.fromkeys(part.fills, frozenset(part.rule.levels))
            for atom, levels in here.items():
                found[atom] = found.get(atom, frozenset()) | levels
        return found

    @cached_property
    def only_gates(self) -> bool:
        """Whether each of its parts is a unitary of two levels of some atoms, whatever others they have."""
        return all(isinstance(part, IdealGate) and part.rule.unitary is not None for part in self.parts)

    def stages(self, leaving: frozenset[int]) -> tuple[tuple[IdealPlan, tuple[int, ...]], ...]:
        """Return plans of its gates to be played one after the other, and the atoms that are let go after each."""
        if leaving not in self._staged:
            gates = [part for part in self.parts if isinstance(part, IdealGate)]
            made = stages_of(gates, leaving)
            self._staged[leaving] = tuple((IdealPlan(self.target, tuple(stage.gates)), stage.done) for stage in made)
        return self._staged[leaving]

    @cached_property
    def _staged(self) -> dict[frozenset[int], tuple[tuple[IdealPlan, tuple[int, ...]], ...]]:
        return {}

    @cached_property
    def _controls(self) -> dict[tuple[int, ...], tuple[Expression, ...]]:
        return {}

    @cached_property
    def _narrowed(self) -> dict[Levels, IdealPlan]:
        return {}

    def within(self, levels: Levels) -> IdealPlan:
        """Return the plan for atoms of which states hold some levels each, made once."""
        if levels not in self._narrowed:
            parts = tuple(part.within(levels) if isinstance(part, Plan) else part for part in self.parts)
            self._narrowed[levels] = replace(self, parts=parts, levels=levels)
        return self._narrowed[levels]

    @cached_property
    def linked(self) -> tuple[tuple[int, ...], ...]:
        """Pairs of atoms that a gate joins."""
        return tuple(part.atoms for part in self.gates if len(part.atoms) > 1)

    @property
    def gates(self) -> tuple[IdealGate, ...]:
        """The parts that are gates."""
        return tuple(part for part in self.parts if not isinstance(part, Plan))

    def controls_of(self, atoms: tuple[int, ...]) -> tuple[Expression, ...]:
        """Return the expressions that steer what happens to some atoms."""
        if atoms not in self._controls:
            found: dict[Expression, None] = {}
            for part in self.parts:
                if isinstance(part, Plan):
                    found.update(dict.fromkeys(part.controls_of(atoms)))
                elif set(part.atoms) & set(atoms):
                    found.update(dict.fromkeys(expressions_in(part.gate)))
            self._controls[atoms] = tuple(found)
        return self._controls[atoms]

    @property
    def timing(self) -> tuple[Expression, ...]:
        """Expressions that the pulses' timing depends on."""
        return tuple(e for part in self.parts if isinstance(part, Plan) for e in part.timing)

    def leaves(self, scope: Scope, rows: int) -> NDArray[np.float64]:
        """Return the number of what the channels carry on in each row, in the target's ledger."""
        for part, here in self.in_turn(scope, rows):
            scope = {**here, CARRIED: part.leaves(here, rows)} if isinstance(part, Plan) else here
        return np.broadcast_to(numbers_in(scope), (rows,))

    def durations(self, scope: Scope, rows: int) -> NDArray[np.int64]:
        """Return how long the pulses take in each row (ns); gates take no time."""
        total = np.zeros(rows, dtype=np.int64)
        for part, here in self.in_turn(scope, rows):
            if isinstance(part, Plan):
                total += part.durations(here, rows)
        return total

    def in_turn(self, scope: Scope, rows: int) -> Iterator[tuple[IdealGate | Plan, Scope]]:
        """Yield the parts, each with what the channels carry into it; gates take no time and leave no light behind."""
        for part in self.parts:
            yield part, scope
            if isinstance(part, Plan) and CARRIED in scope:
                scope = {**scope, CARRIED: part.leaves(scope, rows)}


class Ideal:
    """Gates act at once and without error; separates pulse errors from errors of the algorithm.

    Pulses that are written as such are evolved as by `Exact`.
    """

    name = "ideal"
    capabilities = Capabilities(
        noise=frozenset(PREPARATION_AND_READOUT),
        hardware=DURATIONS | READOUT | SIDE_EFFECTS | DECOHERENCE,
        noisy_segments=False,
    )

    def __init__(self) -> None:
        self._pulses = Exact()

    def plan(self, segment: Segment, target: Target) -> IdealPlan:
        """Split the segment, or a part of it, into gates and runs of pulses."""
        edges = (0, *segment.looks, len(segment.blocks))
        begin, end = edges[segment.part], edges[segment.part + 1]
        parts: list[IdealGate | Plan] = []
        first = 0
        for is_gate, run in groupby(segment.blocks, key=lambda placed: isinstance(placed.block, Gate)):
            blocks = tuple(run)
            last = first + len(blocks)
            if is_gate and not segment.turning:
                here = [placed.block for placed in blocks[max(begin - first, 0) : max(end - first, 0)]]
                parts.extend(IdealGate.of(block, target) for block in here if isinstance(block, Gate))
            elif not is_gate and first < end and last > begin and not (segment.turning and begin <= first):
                looks = tuple(look - first for look in segment.looks if first < look < last)
                part = sum(first + look <= begin for look in looks)
                parts.append(plan_segment(replace(segment, blocks=blocks, looks=looks, part=part), target))
            first = last
        return IdealPlan(target, tuple(parts))

    def evolve(self, plan: IdealPlan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Apply gates and pulses on some atoms in turn."""
        target = plan.target.subset(atoms)
        target = target.limited(plan.levels) if plan.levels else target
        for part, here in plan.in_turn(scope, len(states)):
            if isinstance(part, Plan):
                states = self._pulses.evolve(part, here, states, atoms)
            elif set(part.atoms) <= set(atoms):
                states = apply_gate(target, layout_of(target), part, scope, states)
        return states

    def levels_in(self, plan: IdealPlan | None, atoms: tuple[int, ...], levels: Levels) -> Levels:
        """Return the levels that each atom may be in; where pulses are played to them, one set for all."""
        return levels if plan is not None and plan.only_gates else self._pulses.levels_in(None, atoms, levels)

    def within(self, plan: IdealPlan, levels: Levels) -> IdealPlan:
        """Return the plan for states that hold such levels."""
        return plan.within(levels)

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return the states after `duration_ns` in the dark."""
        return self._pulses.wait(target, states, duration_ns)

    def under(self, channel: NoiseChannel) -> JumpingEvolution:
        """Return the evolution of atoms that decohere while they wait; gates and pulses have no noise."""
        return self._pulses.under(channel)
