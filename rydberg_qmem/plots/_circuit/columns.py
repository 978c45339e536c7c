"""Where blocks and frames of a circuit lie along x, one column after the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, assert_never

from rydberg_qmem.compile.bind import bind_parameters, substitute_atom
from rydberg_qmem.language.blocks import (
    AnyBlock,
    Cell,
    Classical,
    DetuningMap,
    EOMPulse,
    ForEach,
    Gate,
    Pulse,
    Repeat,
    When,
    cell_rule,
    classical_rule,
    gate_rule,
    key_of,
    walk,
)
from rydberg_qmem.language.program import Program
from rydberg_qmem.plots._canvas.text import formula, widest, wrapped
from rydberg_qmem.plots._circuit.block_symbols import BlockSymbols
from rydberg_qmem.plots._circuit.symbols import CircuitFrame, Column, column_width, merged
from rydberg_qmem.plots._style import okabe_ito

GAP = 7.0


@dataclass
class CircuitLayout:
    """Columns of symbols and frames, each with its place along x."""

    program: Program
    symbols: BlockSymbols
    rounds: int | None
    columns: list[tuple[float, Column]] = field(default_factory=list)
    frames: list[CircuitFrame] = field(default_factory=list)
    depth: int = 0
    x: float = GAP

    @classmethod
    def of(cls, prog: Program, parameters: Mapping[str, float] | None, rounds: int | None) -> CircuitLayout:
        """Lay a program out."""
        blocks = list(walk(prog.body))
        channels = dict.fromkeys(b.channel for b in blocks if isinstance(b, Pulse | DetuningMap | EOMPulse))
        blue, _, *others, yellow = okabe_ito()  # the second is that of feedforward, the last too light
        palette = (blue, *others, yellow)
        symbols = BlockSymbols(
            values=bind_parameters(prog, parameters),
            tracks={name: i for i, name in enumerate(prog.register.names)},
            kept=any_of([*prog.memory, *chain.from_iterable(map(written, blocks))]),
            colours={channel: palette[i % len(palette)] for i, channel in enumerate(channels)},
        )
        layout = cls(program=prog, symbols=symbols, rounds=rounds)
        layout.place(prog.body)
        return layout

    def place(self, blocks: Sequence[AnyBlock]) -> None:
        """Place blocks one after the other."""
        begun = len(self.columns)
        for block in blocks:
            match block:
                case Repeat() | When() | ForEach():
                    self._frame(block)
                    begun = len(self.columns)
                case Pulse(start_with="previous") | DetuningMap(start_with="previous") if len(self.columns) > begun:
                    centre, before = self.columns.pop()
                    self.x = centre - column_width(before) / 2
                    self._column(merged(before, self.symbols.column(block)))
                case _:
                    self._column(self.symbols.column(block))

    def _column(self, column: Column) -> None:
        width = column_width(column)
        self.columns.append((self.x + width / 2, column))
        self.x += width + GAP

    def _frame(self, block: Repeat | When | ForEach) -> None:
        match block:
            case Repeat():
                self._framed("repeat", self._count(block), [block.body])
            case When(condition=condition):
                sides = [block.then, block.otherwise] if block.otherwise else [block.then]
                self._framed("when", f"if {formula(condition)}", sides, reads=self.symbols.reads([condition]))
            case ForEach(variable=variable, body=body):
                names = self.symbols.names(block.atom)
                bodies = [body]
                if any(map(joins_atoms, walk(body))):
                    copies = [substitute_atom(inner, variable, name) for name in names for inner in body]
                    bodies = [tuple(copies)]
                outer = dict(self.symbols.standing)
                self.symbols.standing[f"${variable}"] = names
                self._framed("for_each", f"for each ${variable} in {', '.join(names)}", bodies)
                self.symbols.standing = outer  # an inner loop may use the name of an outer one
            case _:
                assert_never(block)

    def _framed(
        self,
        look: Literal["repeat", "when", "for_each"],
        label: str,
        bodies: Sequence[Sequence[AnyBlock]],
        *,
        reads: bool = False,
    ) -> None:
        left, divided = self.x, None
        lines = shown = wrapped(label, 22 if look == "when" else 30, 2)
        self.depth += 1
        for body in bodies:
            if body is not bodies[0]:
                divided, lines = self.x, ("otherwise",)
            self._part(body, widest(lines) + 2 * GAP)
        self.depth -= 1
        self.frames.append(CircuitFrame(look, shown, left, self.x, self.depth, reads, divided))
        self.x += GAP

    def _part(self, body: Sequence[AnyBlock], minimum: float) -> None:
        """Place a body with a margin, in the middle of at least so much width."""
        left, columns, frames = self.x, len(self.columns), len(self.frames)
        self.x += GAP
        self.place(body)
        spare = max(left + minimum - self.x, 0.0)
        self.x += spare
        self.columns[columns:] = [(x + spare / 2, column) for x, column in self.columns[columns:]]
        self.frames[frames:] = [frame.moved(spare / 2) for frame in self.frames[frames:]]

    def _count(self, block: Repeat) -> str:
        if block.times is not None:
            return f"repeat {self.symbols.with_value(block.times)} times"
        signal = self.program.inputs.get((block.over or ("",))[0])
        count: object = self.rounds
        if signal is not None and count is None:
            default = len(signal.default) if isinstance(signal.default, tuple) else signal.rounds
            count = default if isinstance(default, int) or default is None else self.symbols.with_value(default)
        return f"for each {', '.join(block.over or ())} ({count} rounds)"


def joins_atoms(block: AnyBlock) -> bool:
    """Return whether a block's symbol joins several atoms."""
    if isinstance(block, Gate):
        return len(gate_rule(block).atoms) > 1
    return isinstance(block, Cell) and len(cell_rule(block).atoms) > 1


def written(block: AnyBlock) -> tuple[str, ...]:
    """Return the names that a block writes: keys or memory."""
    if isinstance(block, Classical):
        return tuple(classical_rule(block).values)
    key = key_of(block)
    return () if key is None else (key,)


def any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that any of the names fits; `$atom` in a name stands for any atom."""
    patterns = (re.sub(r"\\\$[A-Za-z]\w*", r"\\w+", re.escape(name)) for name in names)
    return re.compile("|".join(patterns) or r"(?!)")
