"""Gates and cells as their ideal unitaries; pulses as the exact emulator has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.shapes import Scope, column
from rydberg_qmem.compile.steps import Placed, Segment
from rydberg_qmem.compile.target import Target
from rydberg_qmem.compile.to_pulser import Plan, plan_segment
from rydberg_qmem.emulators import rotations
from rydberg_qmem.emulators.exact import Exact, layout_of
from rydberg_qmem.emulators.layout import Layout, State
from rydberg_qmem.emulators.protocol import Capabilities
from rydberg_qmem.language.blocks import CNOT, CZ, Rotate

Gate = Rotate | CZ | CNOT


@dataclass(frozen=True)
class IdealPlan:
    """A segment as gates, and runs of pulses between them."""

    target: Target
    parts: tuple[Gate | Plan, ...]


class Ideal:
    """Gates act at once and without error; tells pulse errors from the algorithm's."""

    name = "ideal"
    capabilities = Capabilities()

    def __init__(self) -> None:
        self._pulses = Exact()

    def plan(self, segment: Segment, target: Target) -> IdealPlan:
        """Split the segment into gates and runs of pulses."""
        parts: list[Gate | Plan] = []
        run: list[Placed] = []
        for placed in segment.blocks:
            if isinstance(placed.block, Rotate | CZ | CNOT):
                if run:
                    parts.append(plan_segment(Segment(segment.index, tuple(run)), target))
                    run = []
                parts.append(placed.block)
            else:
                run.append(placed)
        if run:
            parts.append(plan_segment(Segment(segment.index, tuple(run)), target))
        return IdealPlan(target, tuple(parts))

    def evolve(self, plan: IdealPlan, scope: Scope, states: State) -> tuple[State, NDArray[np.int64]]:
        """Apply gates and pulses in turn; gates take no time."""
        durations = np.zeros(len(states), dtype=np.int64)
        for part in plan.parts:
            if isinstance(part, Plan):
                states, taken = self._pulses.evolve(part, scope, states)
                durations = durations + taken
            else:
                states = apply_gate(plan.target, part, scope, states)
        return states, durations

    def wait(self, target: Target, states: State, duration_ns: int) -> State:
        """Return the states after `duration_ns` in the dark."""
        return self._pulses.wait(target, states, duration_ns)


def apply_gate(target: Target, gate: Gate, scope: Scope, states: State) -> State:
    """Apply one ideal gate to every row."""
    layout = layout_of(target)
    match gate:
        case Rotate():
            return _rotate(target, layout, gate, scope, states)
        case CZ():
            both = _in_h(target, layout, gate.control) & _in_h(target, layout, gate.target)
            return np.where(both, -states, states)
        case _:
            return _cnot(target, layout, gate, states)


def _in_h(target: Target, layout: Layout, atom: str) -> NDArray[np.bool_]:
    return layout.is_level(target.atoms.index(atom), "h")


def _rotate(target: Target, layout: Layout, gate: Rotate, scope: Scope, states: State) -> State:
    assert gate.angle is not None  # quaternions are expanded before
    atom = target.atoms.index(gate.atom)
    upper = "h" if gate.basis == "digital" else "r"
    angle = column(gate.angle, scope)
    if gate.axis == "z":
        return np.asarray(states * np.exp(1j * angle[:, None] * layout.is_level(atom, upper)))
    turn = rotation(angle, gate.axis)
    which = np.zeros((len(layout.levels) ** atom, len(layout.levels) ** (layout.atoms - atom - 1)), dtype=int)
    return rotations.apply(states, layout, atom, ("g", upper), turn, which)


def rotation(angle: NDArray[np.float64], axis: str) -> rotations.Rotation:
    """Return exp(-i angle/2 P) for P = X or Y on (g, upper), shape (rows, 1)."""
    half = 0.5 * angle[:, None]
    beta = -1j * np.sin(half) if axis == "x" else -np.sin(half) + 0j
    return rotations.Rotation(np.zeros_like(half), np.cos(half) + 0j, beta)


def _cnot(target: Target, layout: Layout, gate: CNOT, states: State) -> State:
    control, atom = target.atoms.index(gate.control), target.atoms.index(gate.target)
    g, h = layout.levels.index("g"), layout.levels.index("h")
    step = len(layout.levels) ** (layout.atoms - atom - 1) * (h - g)
    index = np.arange(layout.dimension)
    on = layout.is_level(control, "h")
    low, high = on & layout.is_level(atom, "g"), on & layout.is_level(atom, "h")
    index[low] += step
    index[high] -= step
    return np.asarray(states[:, index])
