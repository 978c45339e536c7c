"""Gates and cells as their ideal unitaries; pulses as the exact emulator has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.plan import Plan, plan_segment
from rydberg_qmem.compile.shapes import Scope
from rydberg_qmem.compile.steps import Segment, expressions_in
from rydberg_qmem.compile.target import Target
from rydberg_qmem.emulators.exact import Exact, layout_of
from rydberg_qmem.emulators.layout import State
from rydberg_qmem.emulators.protocol import DECOHERENCE, DURATIONS, READOUT, SIDE_EFFECTS, Capabilities
from rydberg_qmem.emulators.unitaries import apply_gate, excited_atoms, gate_atoms
from rydberg_qmem.language.blocks import Gate
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.noise import PREPARATION_AND_READOUT


@dataclass(frozen=True)
class IdealPlan:
    """A segment as gates, and runs of pulses between them."""

    target: Target
    parts: tuple[Gate | Plan, ...]

    @cached_property
    def touched(self) -> frozenset[int]:
        """Atoms that any gate, pulse or phase shift acts on."""
        return frozenset().union(*(p.touched if isinstance(p, Plan) else self.atoms_of(p) for p in self.parts))

    @cached_property
    def excited(self) -> frozenset[int]:
        """Atoms that a pulse or a rotation may take to a Rydberg level."""
        found: set[int] = set()
        for part in self.parts:
            if isinstance(part, Plan):
                found |= part.excited
            else:
                found |= set(excited_atoms(part, self.target))
        return frozenset(found)

    @cached_property
    def linked(self) -> tuple[tuple[int, ...], ...]:
        """Pairs of atoms that a gate joins."""
        return tuple(atoms for part in self.gates if len(atoms := self.atoms_of(part)) > 1)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The parts that are gates."""
        return tuple(part for part in self.parts if not isinstance(part, Plan))

    def atoms_of(self, gate: Gate) -> tuple[int, ...]:
        """Return the register indices of a gate's atoms."""
        return gate_atoms(gate, self.target)

    def controls_of(self, atoms: tuple[int, ...]) -> tuple[Expression, ...]:
        """Return the expressions that steer what happens to some atoms."""
        found: dict[Expression, None] = {}
        for part in self.parts:
            if isinstance(part, Plan):
                found.update(dict.fromkeys(part.controls_of(atoms)))
            elif set(self.atoms_of(part)) & set(atoms):
                found.update(dict.fromkeys(expressions_in(part)))
        return tuple(found)

    @property
    def timing(self) -> tuple[Expression, ...]:
        """Expressions that the pulses' timing depends on."""
        return tuple(e for part in self.parts if isinstance(part, Plan) for e in part.timing)

    def durations(self, scope: Scope, rows: int) -> NDArray[np.int64]:
        """Return how long the pulses take in each row (ns); gates take no time."""
        total = np.zeros(rows, dtype=np.int64)
        for part in self.parts:
            if isinstance(part, Plan):
                total += part.durations(scope, rows)
        return total


class Ideal:
    """Gates act at once and without error; tells pulse errors from the algorithm's."""

    name = "ideal"
    capabilities = Capabilities(
        noise=frozenset(PREPARATION_AND_READOUT), hardware=DURATIONS | READOUT | SIDE_EFFECTS | DECOHERENCE
    )

    def __init__(self) -> None:
        self._pulses = Exact()

    def plan(self, segment: Segment, target: Target) -> IdealPlan:
        """Split the segment into gates and runs of pulses."""
        parts: list[Gate | Plan] = []
        for is_gate, run in groupby(segment.blocks, key=lambda placed: isinstance(placed.block, Gate)):
            if is_gate:
                parts.extend(placed.block for placed in run if isinstance(placed.block, Gate))
            else:
                parts.append(plan_segment(replace(segment, blocks=tuple(run)), target))
        return IdealPlan(target, tuple(parts))

    def evolve(self, plan: IdealPlan, scope: Scope, states: State, atoms: tuple[int, ...]) -> State:
        """Apply gates and pulses on some atoms in turn."""
        target = plan.target.subset(atoms)
        for part in plan.parts:
            if isinstance(part, Plan):
                states = self._pulses.evolve(part, scope, states, atoms)
            elif set(plan.atoms_of(part)) <= set(atoms):
                states = apply_gate(target, layout_of(target), part, scope, states)
        return states

    def wait(self, target: Target, states: State, duration_ns: float) -> State:
        """Return the states after `duration_ns` in the dark."""
        return self._pulses.wait(target, states, duration_ns)
