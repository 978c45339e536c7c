"""One segment from what is pending where it ends: its parts, the memory that comes before it, and the looks inside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

from rydberg_qmem.compile.bind import map_expressions
from rydberg_qmem.compile.rounds_inside import Item, names_written_after, signals_of, split, within
from rydberg_qmem.compile.steps import Placed, Segment, SetStep, Step, expressions_in
from rydberg_qmem.gates import HIDDEN
from rydberg_qmem.language.blocks import Timed
from rydberg_qmem.language.expressions import Expression


@dataclass
class Segmenter:
    """Makes the segments of a program one after the other, numbered, with names for the values that they hold."""

    segments: int = 0
    copies: dict[Expression, Expression] = field(default_factory=dict)

    def flush(self, steps: list[Step], pending: list[Item], visits: int) -> None:
        """Make what is pending a segment, with the probes inside of it, after the memory that its blocks read.

        `visits` is how often the loops around come by.
        """
        played = max((k for k, item in enumerate(pending) if isinstance(item.step, Placed)), default=-1) + 1
        inner, after, first = pending[:played], pending[played:], len(steps)
        blocks, looks = self._blocks(inner, steps)
        steps.extend(looks.pop(0, ()))
        parts = sorted(looks)
        whole = Segment(0, tuple(blocks), visits, tuple(parts), settled=len(steps) - first, copies=self._held(blocks))
        for k, count in enumerate([*parts, len(blocks)] if blocks else []):
            if k:
                steps.append(self._part(whole, k, turning=True))
            steps.append(self._part(whole, k))
            steps.extend(looks.get(count, ()))
        for item in after:
            if item.step is None:
                steps.extend(within(item.rounds, (), memory=True) + within(item.rounds, (), time=True))
            else:
                steps.extend(within(item.rounds, (cast(Step, item.step),)))
        pending.clear()

    def _part(self, whole: Segment, part: int, *, turning: bool = False) -> Segment:
        self.segments += 1
        return replace(whole, index=self.segments - 1, part=part, turning=turning)

    def _held(self, blocks: list[Placed]) -> tuple[tuple[Expression, Expression], ...]:
        """Return the copies that blocks read, and what each was made of."""
        found = dict.fromkeys(e for placed in blocks for e in expressions_in(placed.block) if e in self.copies)
        return tuple((copy, self.copies[copy]) for copy in found)

    def _blocks(self, inner: list[Item], steps: list[Step]) -> tuple[list[Placed], dict[int, list[Step]]]:
        """Return the blocks of a segment, and what looks by how many blocks stand before it; put its memory first.

        Memory hangs on nothing that is played here, so that its steps go before the segment, in their order. What a
        block reads before it is written is evaluated where the block stands, and held under a name of its own; so is
        the side that is chosen for a look.
        """
        blocks: list[Placed] = []
        looks: dict[int, list[Step]] = {}
        for item, later in zip(inner, names_written_after(inner), strict=True):
            look = looks.setdefault(len(blocks), [])
            match item.step:
                case Placed() as placed:
                    blocks.append(self._holding(placed, item, later, steps))
                case None:
                    steps.extend(within(item.rounds, (), memory=True))
                    look.extend(within(item.rounds, (), time=True))
                case step:
                    memory, seen = split(step, later, self._copy)
                    steps.extend(within(item.rounds, memory) if memory else ())
                    look.extend(within(item.rounds, seen) if seen else ())
        return blocks, {count: look for count, look in looks.items() if look}

    def _holding(self, placed: Placed, item: Item, later: frozenset[str], steps: list[Step]) -> Placed:
        """Return a block that reads what it needs of memory that is written `later` from copies made now.

        The inputs of a round are known in that round alone: what reads them is a copy too.
        """
        found = [e for e in expressions_in(placed.block) if e.names & (later | signals_of(item))]
        if not found:
            return placed
        copies = {expression: self._copy(expression) for expression in dict.fromkeys(found)}
        held = SetStep(tuple((copy.text, e) for e, copy in copies.items()), placed.place)
        steps.extend(within(item.rounds, (held,)))
        block = cast(Timed, map_expressions(placed.block, lambda e: copies.get(e, e)))
        return replace(placed, block=block)

    def _copy(self, expression: Expression) -> Expression:
        copy = Expression(f"held{len(self.copies) + 1}{HIDDEN}")
        self.copies[copy] = expression
        return copy
