"""The controls of a whole program: those of each segment's blocks and schedule, and of each value of memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import Segment, expressions_in
from rydberg_qmem.language.blocks import Gate, Timed, gate_rule
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.verification._block_controls import controls_of
from rydberg_qmem.verification._budget import Budget
from rydberg_qmem.verification._controls import Control, finite_control
from rydberg_qmem.verification._timings import timings_of
from rydberg_qmem.verification._waveform_controls import MOST_DRAWN

MOST_BUILT = 60_000
"""Terms that could be evaluated while the controls of all segments are made."""


@dataclass
class Controls:
    """The controls of a compiled program's steps, made once."""

    compiled: Compiled
    loses: bool = False
    """Whether atoms may be lost, and then read -1."""
    made: dict[object, tuple[Control, ...]] = field(default_factory=dict)
    drawing: Budget = field(default_factory=lambda: Budget(MOST_DRAWN))
    """What waveforms and schedules may cost that are made to hold values against limits."""
    building: Budget = field(default_factory=lambda: Budget(MOST_BUILT))

    def of_segment(self, segment: Segment) -> tuple[Control, ...]:
        """Return the controls of a segment that the run decides."""
        if segment.index not in self.made:
            target, budget, whole = self.compiled.target, self.drawing, segment.whole
            made: tuple[Control, ...] = ()
            if segment.begins:
                self.building.need(sum(_building(placed.block) for placed in whole.blocks))
                made = (*controls_of(whole, target, budget), *timings_of(whole, target, budget))
            self.made[segment.index] = made
        return self.made[segment.index]

    def of_value(self, expression: Expression, place: str) -> Control:
        """Return the control that a value of memory, or a condition, is a number."""
        if (place, expression) not in self.made:
            self.made[place, expression] = (finite_control(expression, place),)
        return self.made[place, expression][0]


def _building(block: Timed) -> int:
    """Return the terms that could be evaluated in the time in which a block's controls are made."""
    if not expressions_in(block):
        return 1
    return 200 if isinstance(block, Gate) and len(gate_rule(block).atoms) != 1 else 40
