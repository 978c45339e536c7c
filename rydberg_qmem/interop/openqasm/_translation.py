"""What is known while an OpenQASM file becomes blocks: scopes, variables in memory, blocks so far, ways to stop early.

A variable whose number is known costs nothing. It goes into memory where something unknown is put into it, and before
a branch or a loop that the program itself decides and that writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rydberg_qmem.interop.openqasm._reading import refuse
from rydberg_qmem.interop.openqasm._scopes import Atoms, Cell, Namer, Scope
from rydberg_qmem.interop.openqasm._standard_gates import Made
from rydberg_qmem.interop.openqasm._values import BIT, BOOL, Number, Type, Value, known, terms, unknown

MAX_STATEMENTS = 10_000
"""Statements, those of loops and subroutines counted as often as they are gone through."""
MAX_TERMS = 24
"""An intermediate result with more terms is kept in memory under a name of its own."""
Block = dict[str, Any]


@dataclass
class Call:
    """A call under way: where what it returns goes, and the flag that it has returned."""

    results: tuple[Cell, ...] | None
    returned: Cell
    scalar: bool = True


@dataclass
class Loop:
    """A loop under way: flags that it is left, or that its present round is."""

    left: Cell
    skipped: Cell


@dataclass
class Translation:
    """The state of a translation; `play` and `call` are given by the modules that translate statements."""

    device: Any
    gates: Mapping[str, tuple[int, int, Made]]
    inputs: Mapping[str, float]
    while_rounds: int | None
    in_memory: Collection[int]
    play: Callable[[Translation, Collection[Any]], None]
    call: Callable[[Translation, Any, Any], Value | None]
    scope: Scope = field(default_factory=Scope)
    namer: Namer = field(default_factory=Namer)
    blocks: list[Block] = field(default_factory=list)
    atoms: list[str] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    pairs: dict[frozenset[str], tuple[tuple[str, str], Any]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    cells: list[Cell] = field(default_factory=list)
    wanted: set[int] = field(default_factory=set)
    direct: set[int] = field(default_factory=set)
    frames: list[Call] = field(default_factory=list)
    loops: list[list[Loop]] = field(default_factory=lambda: [[]])
    depth: int = 0
    statements: int = 0
    spread: set[str] = field(default_factory=set)

    # --- variables ---

    def cell(self, name: str, kind: Type, value: Number | None = None) -> Cell:
        """Return a new variable; without a value it holds 0."""
        made = Cell(name, kind, known(kind, 0) if value is None else value)
        self.cells.append(made)
        return made

    def flag(self) -> Cell:
        """Return a new flag, which is down."""
        return self.cell("", BOOL)

    def number_of(self, cell: Cell) -> int:
        """Return which variable, in the order of the file, a cell is."""
        return self.cells.index(cell)

    def assign(self, *given: tuple[Cell, Number]) -> None:
        """Give variables numbers of their types, all at once: known ones are kept in mind, others in memory."""
        written: dict[str, str] = {}
        for cell, number in given:
            if self.direct and self.number_of(cell) in self.direct:
                self.wanted.add(self.number_of(cell))  # the key of its name no longer holds it
            if number.known is not None and not cell.pins:
                cell.value = number
            elif cell.value is not None or number.text != cell.name:
                self._named(cell)
                written[cell.name] = number.said
        if written:
            self.emit("set", written)
        for cell, _ in given:
            if cell.name in written:
                self._into_memory(cell)

    def keep(self, cell: Cell) -> None:
        """Put a variable's number into memory, where it is not yet."""
        if cell.value is None:
            return
        self._named(cell)
        if not cell.kept and not self.depth and cell.value.known is not None:
            self.memory[cell.name] = cell.value.known
        else:
            self.emit("set", {cell.name: cell.value.said})
        self._into_memory(cell)

    def _named(self, cell: Cell) -> None:
        cell.name = cell.name or self.namer.name("left")

    def _into_memory(self, cell: Cell) -> None:
        self.memory.setdefault(cell.name, 0)
        cell.value, cell.kept = None, True
        self.wanted.add(self.number_of(cell))

    def settled(self, number: Number) -> Number:
        """Return a number, kept in memory under a name of its own where its expression is long."""
        if number.known is not None or terms(number) <= MAX_TERMS:
            return number
        return self.named(number)

    def named(self, number: Number) -> Number:
        """Return a number as it is now, under a name that nothing else writes."""
        name = self.namer.name("v")
        self.memory[name] = 0
        self.emit("set", {name: number.said})
        return unknown(number.type, name, low=number.low, high=number.high, stable=False)

    # --- blocks ---

    def emit(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Append a block."""
        self.blocks.append({kind: dict(fields)})

    @contextmanager
    def branch(self, cells: Collection[Cell]) -> Iterator[list[Block]]:
        """Translate what the program itself decides upon: some variables stay in memory; yield its blocks."""
        for cell in cells:
            self.keep(cell)
            cell.pins += 1
        outer, self.blocks = self.blocks, []
        self.depth += 1
        try:
            yield self.blocks
        finally:
            self.blocks, self.depth = outer, self.depth - 1
            for cell in cells:
                cell.pins -= 1

    @contextmanager
    def within(self, scope: Scope) -> Iterator[None]:
        """Translate in another scope."""
        outer, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = outer

    def count(self, node: Any) -> None:
        """Count a statement, and refuse the one that is too many."""
        self.statements += 1
        if self.statements > MAX_STATEMENTS:
            rule = f"comes to more than {MAX_STATEMENTS} statements once loops and calls are written out"
            refuse(node, "", f"{rule}: say repetitions by a `for` whose variable is no index", str(self.statements))

    # --- stopping early ---

    def stops(self) -> list[Cell]:
        """Return the flags that, where one is up, keep the next statement from being done."""
        flags = [self.frames[-1].returned] if self.frames else []
        for loop in self.loops[-1]:
            flags += [loop.left, loop.skipped]
        return flags

    def new_atoms(self, name: str, count: int, *, single: bool) -> Atoms:
        """Return new atoms, named after their register."""
        names = tuple(self.namer.name(name if single else f"{name}{i}") for i in range(count))
        self.atoms += names
        return Atoms(names, single)

    def snapshot(self) -> Callable[[], None]:
        """Return what brings the translation back to where it is now."""
        cells = [(cell, cell.name, cell.value, cell.pins, cell.kept) for cell in self.cells]
        kept = len(self.blocks), dict(self.memory), set(self.namer.taken), dict(self.pairs), Counter(self.notes)
        sets, blocks, depth, scope = (set(self.wanted), set(self.direct)), self.blocks, self.depth, self.scope
        stacks = list(self.frames), [list(loops) for loops in self.loops]

        def restore() -> None:
            for cell, name, value, pins, held in cells:
                cell.name, cell.value, cell.pins, cell.kept = name, value, pins, held
            del self.cells[len(cells) :]
            self.blocks, self.depth, self.scope = blocks, depth, scope
            del self.blocks[kept[0] :]
            self.memory, self.namer.taken = kept[1], kept[2] | set(self.atoms)
            self.pairs, self.notes = kept[3], kept[4]
            self.wanted, self.direct = sets
            self.frames, self.loops = stacks

        return restore


def measured_bit(text: str) -> Number:
    """Return the bit of an outcome that nothing measures again."""
    return unknown(BIT, text, low=0, high=1)
