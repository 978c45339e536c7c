"""Walk a program and cut it into segments and non-unitary steps; lay out its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem.compile.bind import (
    MAX_ROUNDS,
    bind_block,
    bind_inputs,
    bind_memory,
    bind_parameters,
    known_whole_number,
)
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.dimensions import Dimensions
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.compile.liveness import live_after
from rydberg_qmem.compile.record_variables import lay_out
from rydberg_qmem.compile.rounds_inside import Item
from rydberg_qmem.compile.seams import (
    MOST_WRITTEN_OUT,
    chooses_looks,
    cuts,
    each_atom,
    inner_blocks,
    is_classical,
    reach_over,
)
from rydberg_qmem.compile.segmenter import Segmenter
from rydberg_qmem.compile.steps import (
    MeasureStep,
    Placed,
    ProbeStep,
    PushStep,
    RepeatStep,
    ResetStep,
    SetStep,
    Step,
    WhenStep,
    numbered,
)
from rydberg_qmem.devices import Target, make_target
from rydberg_qmem.errors import InputError
from rydberg_qmem.gates import expand_cell
from rydberg_qmem.language.blocks import (
    AnyBlock,
    Cell,
    Classical,
    ForEach,
    Measure,
    Probe,
    Repeat,
    Reset,
    Rotate,
    Timed,
    When,
    classical_rule,
)
from rydberg_qmem.language.evaluation import ExpressionError
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.waveforms import ZERO

Signals = dict[str, NDArray[np.float64]]


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
    scalars, windows = bind_memory(program, values)
    for name in walker.assigned:
        if name not in windows:
            scalars.setdefault(name, ZERO)
    compiled = Compiled(
        program, target, steps, values, signals, scalars, windows, walker.keys, walker.rounds, (),
    )  # fmt: skip
    compiled = lay_out(compiled)
    return replace(compiled, live_after=live_after(compiled))


@dataclass
class _Walker:
    """Turns blocks into steps; collects keys, loops and assigned names on the way."""

    target: Target
    values: Mapping[str, float]
    signals: Signals
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    assigned: dict[str, None] = field(default_factory=dict)
    segmenter: Segmenter = field(default_factory=Segmenter)
    hidden: int = 0
    total: int = 1
    reason: str = ""
    """Why rounds of the blocks that are walked are written out; empty where they are not."""
    rounds_here: tuple[RepeatStep, ...] = ()
    """The rounds of repeats written out that a block stands in, each as a loop of one round."""
    counters: dict[str, int] = field(default_factory=dict)
    dimensions: Dimensions = field(default_factory=Dimensions)

    def walk(self, blocks: tuple[AnyBlock, ...], path: str) -> tuple[Step, ...]:
        outer = self.reason, self.rounds_here
        self.rounds_here = ()
        steps: list[Step] = []
        pending: list[Item] = []
        for cut, run in groupby(each_atom(blocks, path, self.target.atoms), lambda at: cuts(at[0])):
            together = tuple(run)
            self.reason = "" if cut else reach_over(together, self.target, self.values, self._times)
            for block, place in together:
                self._block(block, place, steps, pending)
        self.segmenter.flush(steps, pending, self.total)
        self.reason, self.rounds_here = outer
        return tuple(steps)

    def _block(self, raw: AnyBlock, place: str, steps: list[Step], pending: list[Item]) -> None:
        block = _bound(raw, {**self.values, **self.counters}, place)
        if isinstance(block, Cell) or (isinstance(block, Rotate) and block.quaternion is not None):
            self._expand(block, place, steps, pending)
        elif isinstance(block, Timed):
            pending.append(Item(self._placed(block, place), self.rounds_here))
        else:
            self._other(block, place, steps, pending)

    def _other(
        self,
        block: Measure | Reset | Probe | Classical | Repeat | When | ForEach,
        place: str,
        steps: list[Step],
        pending: list[Item],
    ) -> None:
        if isinstance(block, ForEach):
            for inner, where in each_atom((block,), place, self.target.atoms):
                self._block(inner, where, steps, pending)
        elif isinstance(block, Repeat) and self._is_written_out(block, pending):
            self._rounds(block, place, steps, pending)
        elif pending and is_classical(block):
            pending.append(Item(self._step(block, place), self.rounds_here))
        else:
            self.segmenter.flush(steps, pending, self.total)
            steps.append(self._step(block, place))

    def _placed(self, block: Timed, place: str) -> Placed:
        return Placed(block, place, tuple(loop.first for loop in self.rounds_here))

    def _is_written_out(self, block: Repeat, pending: list[Item]) -> bool:
        """Return whether the rounds of a repeat are written out within a segment."""
        if is_classical(block):
            return bool(pending) and chooses_looks(block)
        return bool(self.reason)

    def _rounds(self, block: Repeat, place: str, steps: list[Step], pending: list[Item]) -> None:
        """Write out the rounds of a repeat: they are blocks of one segment."""
        times, reason = self._times(block, place), self.reason or "its rounds choose what looks"
        written = self._written_out(block, place)
        if written > MOST_WRITTEN_OUT:
            raise InputError(
                f"{place}: {reason}, so its rounds are one sequence, which holds at most {MOST_WRITTEN_OUT} blocks "
                f"written out ({written}): take fewer rounds, or measure or reset an atom in each, which ends one there"
            )
        outer = self.rounds_here, self.counters
        name = self.dimensions.name(block.name, self.rounds, place)
        self.rounds[name] = times
        begun = self.dimensions.given
        for k in range(times):
            one = RepeatStep(name, block.counter, 1, block.over or (), (), place, first=k)
            self.rounds_here, self.counters = (*outer[0], one), {**outer[1], block.counter: k}
            pending.append(Item(None, self.rounds_here))
            with self.dimensions.again(begun if k else None):
                for inner, where in each_atom(block.body, f"{place}.body", self.target.atoms):
                    self._block(inner, where, steps, pending)
        self.rounds_here, self.counters = outer

    def _written_out(self, block: AnyBlock, place: str) -> int:
        """Return how many blocks and rounds there are in a block whose repeats are written out."""
        times = self._times(block, place) if isinstance(block, Repeat) else 1
        return times * (1 + sum(self._written_out(one, place) for one in inner_blocks(block)))

    def _expand(self, block: Cell | Rotate, place: str, steps: list[Step], pending: list[Item]) -> None:
        self.hidden += 1
        for inner in expand_cell(block, hidden_key=f"click{self.hidden}__"):
            self._block(inner, place, steps, pending)

    def _step(self, block: Measure | Reset | Probe | Classical | Repeat | When, place: str) -> Step:
        if isinstance(block, Classical):
            return self._written(block, place)
        match block:
            case Measure():
                self.keys[block.key] = self._names(block.atoms)
                return MeasureStep(block.key, self.target.indices(block.atoms), self._basis(block.basis), place)
            case Reset():
                return ResetStep(self.target.indices(block.atoms), place)
            case Probe():
                return ProbeStep(block, self.target.indices(block.atoms), self._basis(block.basis), place)
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

    def _written(self, block: Classical, place: str) -> SetStep | PushStep:
        rule = classical_rule(block)
        values = tuple(rule.values.items())
        if rule.windows:
            return PushStep(values, place)
        self.assigned.update(dict.fromkeys(rule.values))
        return SetStep(values, place)

    def _repeat(self, block: Repeat, place: str) -> RepeatStep:
        times = self._times(block, place)
        outer, self.total = self.total, self.total * times
        if self.total > MAX_ROUNDS:
            raise InputError(f"{place}: nested repeats must not exceed {MAX_ROUNDS} rounds ({self.total})")
        name = self.dimensions.name(block.name, self.rounds, place)
        self.rounds[name] = times
        counters = self.counters
        self.counters = {other: k for other, k in counters.items() if other != block.counter}
        body = self.walk(block.body, f"{place}.body")
        self.total, self.counters = outer, counters
        return RepeatStep(name, block.counter, times, block.over or (), body, place)

    def _times(self, block: Repeat, place: str) -> int:
        if block.times is not None:
            return known_whole_number(block.times, self.values, f"{place}.times", minimum=1, maximum=MAX_ROUNDS)
        lengths = {name: len(self.signals[name]) for name in block.over or ()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"{place}.over: inputs must be equally long ({lengths})")
        return next(iter(lengths.values()))

    def _names(self, atoms: str | tuple[str, ...]) -> tuple[str, ...]:
        return self.target.atoms if isinstance(atoms, str) else atoms

    def _basis(self, basis: str | None) -> str:
        return basis or self.target.default_basis


def _bound(block: AnyBlock, values: Mapping[str, float], place: str) -> AnyBlock:
    """Bind a block's parameters; what is no number then is said with the block's place."""
    try:
        return bind_block(block, values)
    except ExpressionError as error:
        raise InputError(f"{place}: {error}") from None
