"""Walk a program and cut it into segments and non-unitary steps; lay out its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.compile.bind import (
    MAX_ROUNDS,
    bind_block,
    bind_inputs,
    bind_parameters,
    map_expressions,
    substitute_atom,
    whole,
)
from rydberg_qmem.compile.gates import HIDDEN, expand_cell
from rydberg_qmem.compile.layout import lay_out
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.compile.liveness import live_after
from rydberg_qmem.compile.steps import (
    Compiled,
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
    expressions_in,
    numbered,
)
from rydberg_qmem.compile.target import Target, make_target
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.blocks import (
    CNOT,
    CZ,
    ZZ,
    Align,
    AnyBlock,
    BeamSplitter,
    BlockadeMeasure,
    BlockadeRotate,
    CPhase,
    Damp,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    Exchange,
    ForEach,
    Ising,
    Measure,
    ModifyEOM,
    PhaseShift,
    Probe,
    Pulse,
    Push,
    Repeat,
    Reset,
    Retarget,
    Rotate,
    Set,
    SLMMask,
    Swap,
    Timed,
    WeakMeasure,
    When,
)
from rydberg_qmem.language.evaluation import ExpressionError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.waveforms import ZERO

Pending = Placed | ProbeStep | SetStep | PushStep | WhenStep
"""What belongs to a segment, if more blocks follow."""
Signals = dict[str, NDArray[np.float64]]
MAX_WINDOW = 100_000


def compile_program(
    program: Program,
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    leakage: bool = False,
    free: frozenset[str] = frozenset(),
) -> Compiled:
    """Compile a program: bind its numbers, expand its cells, cut it into segments, lay out its record.

    With `leakage`, atoms have one more level, x, that no drive reaches. The names of `free` parameters stay in it.
    """
    values = {name: value for name, value in bind_parameters(program, parameters).items() if name not in free}
    signals = bind_inputs(program, values, inputs, rounds)
    target = make_target(program, bases_of(program), leakage=leakage)
    walker = _Walker(target, values, signals)
    steps = numbered(walker.walk(program.body, "body"))
    scalars, windows = _memory(program, values)
    for name in walker.assigned:
        if name not in windows:
            scalars.setdefault(name, ZERO)
    compiled = Compiled(
        program, target, steps, values, signals, scalars, windows, walker.keys, walker.rounds, (),
    )  # fmt: skip
    compiled = lay_out(compiled)
    return replace(compiled, live_after=live_after(compiled))


def _memory(
    program: Program, values: Mapping[str, float]
) -> tuple[dict[str, Expression], dict[str, tuple[int, Expression]]]:
    scalars: dict[str, Expression] = {}
    windows: dict[str, tuple[int, Expression]] = {}
    for name, memory in program.memory.items():
        initial = memory.initial.bind(values)
        if memory.window is None:
            scalars[name] = initial
        else:
            size = whole(memory.window, values, f"memory.{name}.window", least=1, most=MAX_WINDOW)
            windows[name] = (size, initial)
    return scalars, windows


@dataclass
class _Walker:
    """Turns blocks into steps; collects keys, loops and assigned names on the way."""

    target: Target
    values: Mapping[str, float]
    signals: Signals
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    assigned: dict[str, None] = field(default_factory=dict)
    segments: int = 0
    hidden: int = 0
    copies: dict[Expression, Expression] = field(default_factory=dict)
    total: int = 1

    def walk(self, blocks: tuple[AnyBlock, ...], path: str) -> tuple[Step, ...]:
        steps: list[Step] = []
        pending: list[Pending] = []
        for i, block in enumerate(blocks):
            self._block(block, f"{path}[{i}].{block.kind}", steps, pending)
        self._flush(steps, pending)
        return tuple(steps)

    def _flush(self, steps: list[Step], pending: list[Pending]) -> None:
        """Make what is pending a segment, with the probes inside of it, after the memory that its blocks read."""
        played = max((k for k, item in enumerate(pending) if isinstance(item, Placed)), default=-1) + 1
        inner, after, first = pending[:played], pending[played:], len(steps)
        blocks, looks = self._blocks(inner, steps)
        settled = len(steps) - first
        parts = sorted(looks)
        for k, count in enumerate([*parts, len(blocks)] if blocks else []):
            if k:
                steps.append(self._part(blocks, parts, k, settled, turning=True))
            steps.append(self._part(blocks, parts, k, settled))
            steps.extend(looks.get(count, ()))
        steps.extend(step for step in after if not isinstance(step, Placed))
        pending.clear()

    def _part(
        self, blocks: list[Placed], looks: list[int], part: int, settled: int, *, turning: bool = False
    ) -> Segment:
        self.segments += 1
        found = dict.fromkeys(e for placed in blocks for e in expressions_in(placed.block) if e in self.copies)
        copies = tuple((copy, self.copies[copy]) for copy in found)
        return Segment(
            self.segments - 1, tuple(blocks), self.total, tuple(looks), part, turning, settled, copies=copies
        )

    def _blocks(self, inner: list[Pending], steps: list[Step]) -> tuple[list[Placed], dict[int, list[ProbeStep]]]:
        """Return the blocks of a segment, and its probes by how many blocks stand before them; put its memory first.

        Memory hangs on nothing that is played here, so that its steps go before the segment, in their order. What a
        block reads before it is written is evaluated where the block stands, and held under a name of its own.
        """
        written = _written_after(inner)
        blocks: list[Placed] = []
        looks: dict[int, list[ProbeStep]] = {}
        for item, later in zip(inner, written, strict=True):
            match item:
                case Placed():
                    blocks.append(self._holding(item, later, steps))
                case ProbeStep():
                    looks.setdefault(len(blocks), []).append(item)
                case _:
                    steps.append(item)
        return blocks, looks

    def _holding(self, placed: Placed, later: frozenset[str], steps: list[Step]) -> Placed:
        """Return a block that reads what it needs of memory that is written `later` from copies made now."""
        found = [e for e in expressions_in(placed.block) if e.names & later]
        if not found:
            return placed
        copies: dict[Expression, Expression] = {}
        for expression in dict.fromkeys(found):
            copies[expression] = Expression(f"held{len(self.copies) + 1}{HIDDEN}")
            self.copies[copies[expression]] = expression
        steps.append(SetStep(tuple((copy.text, e) for e, copy in copies.items()), placed.place))
        block = cast(Timed, map_expressions(placed.block, lambda e: copies.get(e, e)))
        return Placed(block, placed.place)

    def _block(self, raw: AnyBlock, place: str, steps: list[Step], pending: list[Pending]) -> None:
        block = _bound(raw, self.values, place)
        match block:
            case ForEach():
                for atom in self._names(block.atom):
                    for i, inner in enumerate(block.body):
                        made = substitute_atom(inner, block.variable, atom)
                        self._block(made, f"{place}.body[{i}].{inner.kind}", steps, pending)
            case Damp() | BeamSplitter() | WeakMeasure() | BlockadeMeasure():
                self._expand(block, place, steps, pending)
            case Rotate() if block.quaternion is not None:
                self._expand(block, place, steps, pending)
            case (
                Pulse() | DetuningMap() | Delay() | Align() | PhaseShift() | Rotate() | CZ() | CNOT() | CPhase() | ZZ()
                | Swap() | Exchange() | BlockadeRotate() | Ising()
            ):  # fmt: skip
                pending.append(Placed(block, place))
            case SLMMask() | EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM() | Retarget():
                pending.append(Placed(block, place))
            case Probe() | Set() | Push() | When() if pending and _cuts_nothing(block):
                pending.append(cast(Pending, self._step(block, place)))
            case Measure() | Reset() | Probe() | Set() | Push() | Repeat() | When():
                self._flush(steps, pending)
                steps.append(self._step(block, place))
            case _:
                assert_never(block)

    def _expand(self, block: AnyBlock, place: str, steps: list[Step], pending: list[Pending]) -> None:
        self.hidden += 1
        for inner in expand_cell(block, hidden_key=f"click{self.hidden}__"):
            self._block(inner, place, steps, pending)

    def _step(self, block: Measure | Reset | Probe | Set | Push | Repeat | When, place: str) -> Step:
        match block:
            case Measure():
                self.keys[block.key] = self._names(block.atoms)
                return MeasureStep(block.key, self._indices(block.atoms), self._basis(block.basis), place)
            case Reset():
                return ResetStep(self._indices(block.atoms), place)
            case Probe():
                return ProbeStep(block, self._indices(block.atoms), self._basis(block.basis), place)
            case Set():
                self.assigned.update(dict.fromkeys(block.values))
                return SetStep(tuple(block.values.items()), place)
            case Push():
                return PushStep(tuple(block.values.items()), place)
            case Repeat():
                return self._repeat(block, place)
            case When():
                return WhenStep(
                    block.condition.bind(self.values),
                    self.walk(block.then, f"{place}.then"),
                    self.walk(block.otherwise, f"{place}.otherwise"),
                    place,
                )
            case _:
                assert_never(block)

    def _repeat(self, block: Repeat, place: str) -> RepeatStep:
        times = self._times(block, place)
        outer, self.total = self.total, self.total * times
        if self.total > MAX_ROUNDS:
            raise InputError(f"{place}: nested repeats must not exceed {MAX_ROUNDS} rounds ({self.total})")
        name = block.name or self._fresh_name()
        if name in self.rounds:
            raise InputError(f"{place}.name: two repeats cannot share the dimension {name!r}")
        self.rounds[name] = times
        body = self.walk(block.body, f"{place}.body")
        self.total = outer
        return RepeatStep(name, block.counter, times, block.over or (), body, place)

    def _fresh_name(self) -> str:
        if "round" not in self.rounds:
            return "round"
        return next(name for i in range(2, 10_000) if (name := f"round_{i}") not in self.rounds)

    def _times(self, block: Repeat, place: str) -> int:
        if block.times is not None:
            return whole(block.times, self.values, f"{place}.times", least=1, most=MAX_ROUNDS)
        lengths = {name: len(self.signals[name]) for name in block.over or ()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"{place}.over: inputs must be equally long ({lengths})")
        return next(iter(lengths.values()))

    def _names(self, atoms: str | tuple[str, ...]) -> tuple[str, ...]:
        return self.target.atoms if isinstance(atoms, str) else atoms

    def _indices(self, atoms: str | tuple[str, ...]) -> tuple[int, ...]:
        return tuple(self.target.atoms.index(name) for name in self._names(atoms))

    def _basis(self, basis: str | None) -> str:
        return basis or self.target.default_basis


def _cuts_nothing(block: AnyBlock) -> bool:
    """Return whether a block only looks, or only writes memory: pulses around it are those of one sequence."""
    match block:
        case Probe() | Set() | Push():
            return True
        case When():
            return all(map(_writes_only, (*block.then, *block.otherwise)))
        case _:
            return False


def _writes_only(block: AnyBlock) -> bool:
    if isinstance(block, ForEach):
        return all(map(_writes_only, block.body))
    return not isinstance(block, Probe) and _cuts_nothing(block)


def _written_after(inner: list[Pending]) -> list[frozenset[str]]:
    """Return, for each block or step, the names that are written after it."""
    made: list[frozenset[str]] = []
    names: frozenset[str] = frozenset()
    for item in reversed(inner):
        made.append(names)
        if isinstance(item, SetStep | PushStep | WhenStep):
            written = (step for step in all_steps((item,)) if isinstance(step, SetStep | PushStep))
            names = names.union(name for step in written for name, _ in step.values)
    return made[::-1]


def _bound(block: AnyBlock, values: Mapping[str, float], place: str) -> AnyBlock:
    """Bind a block's parameters; what is no number then is said with the block's place."""
    try:
        return bind_block(block, values)
    except ExpressionError as error:
        raise InputError(f"{place}: {error}") from None
