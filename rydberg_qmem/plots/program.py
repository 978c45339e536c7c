"""The picture of a program: a track for each atom, blocks in program order, the memory that they feed and read.

Three steps: each block becomes a `Column` of marks (one `match` over the blocks), columns are laid out along x,
and the marks are drawn (one `match` over the marks). Lengths are points at full size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, assert_never

import numpy as np
from matplotlib.text import Text
from numpy.typing import NDArray

from rydberg_qmem.compile.bind import bind_parameters, map_expressions, substitute_atom
from rydberg_qmem.compile.shapes import duration_of, levels
from rydberg_qmem.errors import InputError, QmemError, did_you_mean
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
    Exchange,
    ForEach,
    Ising,
    Measure,
    PhaseShift,
    Probe,
    Pulse,
    Push,
    Repeat,
    Reset,
    Rotate,
    Set,
    Swap,
    WeakMeasure,
    When,
)
from rydberg_qmem.language.expressions import Columns, Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register
from rydberg_qmem.language.waveforms import (
    ZERO,
    Blackman,
    Composite,
    Constant,
    Custom,
    Interpolated,
    Kaiser,
    Ramp,
    Waveform,
)
from rydberg_qmem.plots.style import COLUMN_IN, axes_or_new, okabe_ito, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

_TEXT, _NAME = 7.0, 8.0
_LINE = 8.4
_PAD, _GAP = 3.5, 7.0
_WIDE, _WIDER, _WIDEST = 16, 18, 26
_MOST, _MOST_MEMORY = 3, 6
_WAVE_WIDTH, _WAVE_HEIGHT = 36.0, 17.0
_METER = (17.0, 14.0)
_WIDEST_IN = 40.0
_INK, _GREY, _PALE = "black", "0.45", "0.93"
_MEMORY_FILL = "0.96"


def program(
    prog: Program,
    *,
    ax: Axes | None = None,
    parameters: Mapping[str, float] | None = None,
    rounds: int | None = None,
) -> Axes:
    """Draw a program and return the axes: order runs to the right, not to scale in time.

    Pulses are filled outlines in the colour of their channel (dashed: detuning), gates boxes or joined dots,
    measurements meters whose outcome goes down a double line to the memory; coloured arrows go up from the
    memory to every block or condition that reads it. Frames are repeats (solid) and branches (dashed).
    `parameters` and `rounds` are those of `run` and change the numbers shown; long expressions are cut with
    an ellipsis. Without `ax` the figure is made as large as the program needs. Raises InputError for atoms
    that the register does not have.

    >>> flip = [{"rotate": {"atom": "q", "angle": "pi"}}, {"measure": {"atoms": "q", "key": "m"}}]
    >>> ax = program(Program(name="flip", register={"atoms": {"q": (0, 0)}}, body=flip))
    >>> [text.get_text() for text in ax.texts]
    ['q', 'outcomes', 'Ry\\nπ', 'm']
    """
    layout = _Layout.of(prog, parameters, rounds)
    with paper():
        pen = _Pen.on(ax, layout)
        _draw_tracks(pen, layout)
        for frame in layout.frames:
            _draw_frame(pen, frame)
        for centre, column in layout.columns:
            _draw_column(pen, centre, column)
        _draw_channels(pen, layout)
    return pen.ax


# Marks: what a block looks like on one atom's track

_PAIRED = (
    CZ | CNOT | CPhase | ZZ | Swap | Exchange | BlockadeRotate | Damp | BeamSplitter | WeakMeasure | BlockadeMeasure
)
"""Blocks that join two atoms."""


@dataclass(frozen=True)
class _Box:
    lines: tuple[str, ...]
    look: Literal["gate", "shift", "probe"] = "gate"


@dataclass(frozen=True)
class _Symbol:
    shape: Literal["dot", "plus", "meter", "mirror"]


@dataclass(frozen=True, eq=False)
class _Wave:
    """Outlines from left to right, from -1 to 1: of the amplitude, filled, and of the detuning, dashed."""

    amplitude: Floats
    detuning: Floats
    colour: str


_Mark = _Box | _Symbol | _Wave


@dataclass(frozen=True, eq=False)
class _Column:
    """What one block looks like: marks on tracks, text below them, and its business with the memory."""

    marks: tuple[tuple[int, _Mark], ...] = ()
    joined: bool = False
    note: tuple[str, ...] = ()
    band: str = ""
    memory: tuple[str, ...] = ()
    key: str = ""
    reads: bool = False


@dataclass(frozen=True)
class _Frame:
    """A repeat, a branch or a loop over atoms: from `left` to `right`, with a label and perhaps a division."""

    look: Literal["repeat", "when", "for_each"]
    label: tuple[str, ...]
    left: float
    right: float
    depth: int
    reads: bool = False
    divided: float | None = None

    def moved(self, by: float) -> _Frame:
        """Return the frame moved to the right."""
        divided = None if self.divided is None else self.divided + by
        return replace(self, left=self.left + by, right=self.right + by, divided=divided)


def _half_size(mark: _Mark) -> tuple[float, float, float]:
    """Return the width of a mark and its extent above and below the track."""
    match mark:
        case _Box(lines=lines):
            height = len(lines) * _LINE / 2 + _PAD
            return _widest(lines) + 2 * _PAD, height, height
        case _Symbol(shape="meter" | "mirror"):
            return _METER[0], _METER[1] / 2, _METER[1] / 2
        case _Symbol():
            return 9.0, 4.5, 4.5
        case _Wave():
            ends = np.concatenate([mark.amplitude, mark.detuning, [0.0]])
            return _WAVE_WIDTH, float(ends.max()) * _WAVE_HEIGHT + 1, -float(ends.min()) * _WAVE_HEIGHT + 1
        case _:
            assert_never(mark)


def _below(column: _Column) -> float:
    """Return how far the lowest mark of a column, with the text under it, reaches below its track."""
    lowest = max(track for track, _ in column.marks)
    return max(_half_size(mark)[2] for track, mark in column.marks if track == lowest) + len(column.note) * _LINE


def _width(column: _Column) -> float:
    texts = [_widest(column.note), _widest(column.memory) + 2 * _PAD, _widest((column.key,))]
    return max([12.0, *texts, *(_half_size(mark)[0] for _, mark in column.marks)])


# Text


@lru_cache(maxsize=4096)
def _text_width(text: str, size: float) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0])


def _widest(lines: Iterable[str], size: float = _TEXT) -> float:
    return max((_text_width(line, size) for line in lines), default=0.0)


_SHORTER = (
    (r"\bpi\b", "π"), (r"\bsqrt\((\w+)\)", r"√\1"), (r"\bsqrt\(", "√("), (r" \*\* ?2\b", "²"), (r" \*\* ?3\b", "³"),
    (r" \* ", "·"), (r" / ", "/"),
)  # fmt: skip


def _formula(expression: object) -> str:
    """Return an expression as it is written by hand.

    >>> _formula(Expression("sin(2 * pi * k) ** 2"))
    'sin(2·π·k)²'
    """
    text = str(expression)
    for pattern, sign in _SHORTER:
        text = re.sub(pattern, sign, text)
    return text


_BREAKS = (
    (re.compile(r"(?<=[←⇐:] )|(?<= = )"), 0),
    (re.compile(r"(?<= )(?=(?:[-+]|and|or) )|(?<=, )"), 1),
    (re.compile(r"(?=[·/])|(?<= )(?=(?:[<>]|[<>=!]=) )"), 4),
    (re.compile(r"(?<=\()"), 6),
)
"""Where a formula may be broken, and how bad that is; inside brackets it is worse."""
_LINE_COST = 8


def _wrapped(text: str, wide: int = _WIDE, most: int = _MOST) -> tuple[str, ...]:
    """Return text in at most `most` lines of at most `wide` characters, well broken, cut with an ellipsis.

    >>> _wrapped("clicks.a + clicks.s")
    ('clicks.a', '+ clicks.s')
    >>> _wrapped("clip(mean(seen), 0, 1)", wide=12, most=1)
    ('clip(mean(s…',)
    """
    costs = {
        found.start(): cost + 2 * (text[: found.start()].count("(") - text[: found.start()].count(")"))
        for pattern, cost in reversed(_BREAKS)
        for found in pattern.finditer(text)
    }
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}  # end of a line: cost so far, lines' starts
    for end in [*sorted(costs.keys() - {0, len(text)}), len(text)]:
        fitting = [start for start in best if len(text[start:end].strip()) <= wide] or [max(best)]
        best[end] = min((best[at][0] + costs.get(at, 0) + _LINE_COST, (*best[at][1], at)) for at in fitting)
    starts = best[len(text)][1][:most]
    ends = (*starts[1:], len(text))
    return tuple(_cut(text[start:end].strip(), wide) for start, end in zip(starts, ends, strict=True))


def _assigned(sign: str, values: Mapping[str, Expression]) -> tuple[str, ...]:
    """Return the lines of a box on the memory line; many values get few lines each."""
    texts = [f"{name} {sign} {_formula(value)}" for name, value in values.items()]
    wide = _WIDER if sum(map(len, texts)) <= 4 * _WIDER else _WIDEST
    made: list[str] = []
    for text in texts:
        first, *others = _wrapped(text, wide, max(1, _MOST_MEMORY // len(texts)))
        made += [first, *(f"   {line}" for line in others)]
    return tuple(made)


def _cut(text: str, wide: int) -> str:
    return text if len(text) <= wide else text[: wide - 1].rstrip(" …") + "…"


_PROBED = {
    "occupation": "⟨n⟩",
    "correlations": "⟨nn⟩",
    "pauli": "⟨σ⟩",
    "density_matrix": "ρ",
    "purity": "tr ρ²",
    "entropy": "S",
}


# From blocks to columns and frames, along x


@dataclass
class _Layout:
    """Where everything is: columns and frames along x, tracks along y."""

    program: Program
    values: dict[str, float]
    rounds: int | None
    tracks: dict[str, int]
    kept: re.Pattern[str]
    colours: dict[str, str]
    columns: list[tuple[float, _Column]] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    standing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    depth: int = 0
    x: float = _GAP

    @classmethod
    def of(cls, prog: Program, parameters: Mapping[str, float] | None, rounds: int | None) -> _Layout:
        """Lay a program out."""
        blocks = list(_walk(prog.body))
        channels = dict.fromkeys(b.channel for b in blocks if isinstance(b, Pulse | DetuningMap))
        blue, _, *others, yellow = okabe_ito()  # the second is that of feedforward, the last too light
        palette = (blue, *others, yellow)
        layout = cls(
            program=prog,
            values=bind_parameters(prog, parameters),
            rounds=rounds,
            tracks={name: i for i, name in enumerate(prog.register.names)},
            kept=_any_of([*prog.memory, *chain.from_iterable(map(_written, blocks))]),
            colours={channel: palette[i % len(palette)] for i, channel in enumerate(channels)},
        )
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
                    self.x = centre - _width(before) / 2
                    self._column(_merged(before, self._look(block)))
                case _:
                    self._column(self._look(block))

    def _column(self, column: _Column) -> None:
        width = _width(column)
        self.columns.append((self.x + width / 2, column))
        self.x += width + _GAP

    def _frame(self, block: Repeat | When | ForEach) -> None:
        match block:
            case Repeat():
                self._framed("repeat", self._count(block), [block.body])
            case When(condition=condition):
                sides = [block.then, block.otherwise] if block.otherwise else [block.then]
                self._framed("when", f"if {_formula(condition)}", sides, reads=self._reads([condition]))
            case ForEach(variable=variable, body=body):
                names = self._names(block.atom)
                bodies = [body]
                if any(isinstance(inner, _PAIRED) for inner in _walk(body)):
                    copies = [substitute_atom(inner, variable, name) for name in names for inner in body]
                    bodies = [tuple(copies)]
                self.standing[f"${variable}"] = names
                self._framed("for_each", f"for each ${variable} in {', '.join(names)}", bodies)
                del self.standing[f"${variable}"]
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
        lines = shown = _wrapped(label, 22 if look == "when" else 30, 2)
        self.depth += 1
        for body in bodies:
            if body is not bodies[0]:
                divided, lines = self.x, ("otherwise",)
            self._part(body, _widest(lines) + 2 * _GAP)
        self.depth -= 1
        self.frames.append(_Frame(look, shown, left, self.x, self.depth, reads, divided))
        self.x += _GAP

    def _part(self, body: Sequence[AnyBlock], least: float) -> None:
        """Place a body with a margin, in the middle of at least so much width."""
        left, columns, frames = self.x, len(self.columns), len(self.frames)
        self.x += _GAP
        self.place(body)
        spare = max(left + least - self.x, 0.0)
        self.x += spare
        self.columns[columns:] = [(x + spare / 2, column) for x, column in self.columns[columns:]]
        self.frames[frames:] = [frame.moved(spare / 2) for frame in self.frames[frames:]]

    def _count(self, block: Repeat) -> str:
        if block.times is not None:
            return f"repeat {self._with_value(block.times)} times"
        signal = self.program.inputs.get((block.over or ("",))[0])
        count: object = self.rounds
        if signal is not None and count is None:
            default = len(signal.default) if isinstance(signal.default, tuple) else signal.rounds
            count = default if isinstance(default, int) or default is None else self._with_value(default)
        return f"for each {', '.join(block.over or ())} ({count} rounds)"

    def _with_value(self, expression: Expression) -> str:
        bound = expression.bind(self.values)
        return str(bound if bound.is_constant else _formula(expression))

    def _names(self, atoms: str | tuple[str, ...]) -> tuple[str, ...]:
        """Return the register's atoms that `all`, `$name` or plain names stand for."""
        if isinstance(atoms, str):
            return tuple(self.tracks)
        return tuple(chain.from_iterable(self.standing.get(name, (name,)) for name in atoms))

    def _on(self, atoms: str | tuple[str, ...]) -> tuple[int, ...]:
        names = self._names(atoms)
        for name in names:
            if name not in self.tracks:
                hint = did_you_mean(name, list(self.tracks))
                raise InputError(f"a program can be drawn if its atoms are in the register, but {name!r} is not{hint}")
        return tuple(self.tracks[name] for name in names)

    def _reads(self, expressions: Iterable[Expression]) -> bool:
        return any(self.kept.fullmatch(name) for e in expressions for name in e.names)

    def _look(self, block: AnyBlock) -> _Column:
        """Return what a block looks like."""
        reads = self._reads(_expressions(block))
        match block:
            case Pulse():
                return self._pulse(block, reads)
            case DetuningMap():
                return self._detuning_map(block, reads)
            case Delay(duration_ns=duration, channel=channel):
                where = "" if channel is None else f" {channel}"
                return _Column(band=f"wait {_cut(_formula(duration), 12)} ns{where}", reads=reads)
            case Align():
                return _Column(band="align")
            case PhaseShift(atoms=atoms, angle=angle):
                return self._boxes(atoms, ("shift", *_wrapped(_formula(angle))), reads, look="shift")
            case Rotate(atom=atom, quaternion=None):
                return self._boxes((atom,), (f"R{block.axis}", *_wrapped(_formula(block.angle))), reads)
            case Rotate(atom=atom, quaternion=parts):
                shown = ", ".join(_formula(part) for part in parts or ())
                return self._boxes((atom,), ("R", *_wrapped(f"({shown})")), reads)
            case CZ(control=one, target=two):
                return self._pair(one, _Symbol("dot"), two, _Symbol("dot"))
            case CNOT(control=one, target=two):
                return self._pair(one, _Symbol("dot"), two, _Symbol("plus"))
            case CPhase(control=one, target=two, angle=angle):
                box = _Box(("phase", *_wrapped(_formula(angle))))
                return replace(self._pair(one, _Symbol("dot"), two, box), reads=reads)
            case ZZ(atoms=(one, two), angle=angle):
                box = _Box(("ZZ", *_wrapped(_formula(angle))))
                return replace(self._pair(one, box, two, box), reads=reads)
            case Swap(atoms=(one, two)):
                box = _Box(("swap",))
                return self._pair(one, box, two, box)
            case Exchange(atoms=(one, two), angle=angle):
                box = _Box(("exch.", *_wrapped(_formula(angle))))
                return replace(self._pair(one, box, two, box), reads=reads)
            case BlockadeRotate(control=one, target=two, angle=angle):
                box = _Box(("Rx if g", *_wrapped(_formula(angle))))
                return replace(self._pair(one, _Symbol("dot"), two, box), reads=reads)
            case BlockadeMeasure(system=one, ancilla=two, area=area, key=key):
                box = _Box(("blockade", *_wrapped(_formula(area))))
                return replace(self._pair(one, box, two, _Symbol("meter")), key=key, reads=reads)
            case Ising(mode=mode, time_us=time):
                return self._boxes("all", ("Ising", mode), reads, note=_wrapped(f"{_formula(time)} µs"))
            case Damp(system=one, ancilla=two, probability=p):
                box = _Box(("damp", *_wrapped(_formula(p))))
                return replace(self._pair(one, box, two, _Symbol("meter")), key=block.key or "", reads=reads)
            case BeamSplitter(system=one, ancilla=two, reflectivity=r):
                box = _Box(("BS", *_wrapped(_formula(r))))
                return replace(self._pair(one, box, two, _Symbol("mirror")), reads=reads)
            case WeakMeasure(system=one, ancilla=two, strength=strength):
                box = _Box((f"weak {block.axis}", *_wrapped(_formula(strength))))
                return replace(self._pair(one, box, two, _Symbol("meter")), key=block.key, reads=reads)
            case Measure(atoms=atoms, key=key):
                return _Column(tuple((i, _Symbol("meter")) for i in self._on(atoms)), key=key)
            case Reset(atoms=atoms):
                return self._boxes(atoms, ("|g⟩",), reads)
            case Probe(atoms=atoms, key=key, quantities=quantities):
                symbols = _wrapped(", ".join(_PROBED[quantity] for quantity in quantities))
                return self._boxes(atoms, symbols, reads, look="probe", note=(f"probe {key}",))
            case Set(values=values):
                return _Column(memory=_assigned("←", values))
            case Push(values=values):
                return _Column(memory=_assigned("⇐", values))
            case Repeat() | When() | ForEach():
                raise AssertionError("frames are placed, not drawn as one column")
            case _:
                assert_never(block)

    def _boxes(
        self,
        atoms: str | tuple[str, ...],
        lines: tuple[str, ...],
        reads: bool,
        *,
        look: Literal["gate", "shift", "probe"] = "gate",
        note: tuple[str, ...] = (),
    ) -> _Column:
        return _Column(tuple((i, _Box(lines, look)) for i in self._on(atoms)), note=note, reads=reads)

    def _pair(self, one: str, first: _Mark, two: str, second: _Mark) -> _Column:
        ends = ((one, first), (two, second))
        return _Column(tuple((i, mark) for name, mark in ends for i in self._on((name,))), joined=True)

    def _pulse(self, block: Pulse, reads: bool) -> _Column:
        timed = [s for s in (block.amplitude, block.detuning) if not isinstance(s, Expression)]
        length = self._duration(timed[0])
        amplitude = self._outline(block.amplitude, length)
        detuning = 0.6 * self._outline(block.detuning, length)
        wave = _Wave(amplitude, detuning if detuning.any() else np.zeros(0), self.colours[block.channel])
        note = _wrapped(_level(block.amplitude, "Ω"), most=2)
        if block.detuning != ZERO:
            note += _wrapped(_level(block.detuning, "δ"), most=2)
        return _Column(tuple((i, wave) for i in self._on(block.atoms or "all")), note=note, reads=reads)

    def _detuning_map(self, block: DetuningMap, reads: bool) -> _Column:
        outline, colour = self._outline(block.detuning), self.colours[block.channel]
        top = max([abs(weight) for weight in block.weights.values()], default=1.0) or 1.0
        waves = {name: _Wave(outline * (weight / top), np.zeros(0), colour) for name, weight in block.weights.items()}
        marks = tuple((track, wave) for name, wave in waves.items() for track in self._on((name,)))
        return _Column(marks, note=_wrapped(_level(block.detuning, "δ"), most=2), reads=reads)

    def _duration(self, shape: Waveform) -> int:
        try:
            return min(max(duration_of(self._bound(shape), self._guess(shape)), 1), 100_000)
        except QmemError:
            return 100

    def _bound(self, shape: Any) -> Any:
        return map_expressions(shape, lambda e: e.bind(self.values))

    def _guess(self, shape: Any) -> dict[str, Any]:
        """Return middling values for what is known only when the program runs."""
        found = list(_expressions(shape))
        guess: dict[str, Any] = {name: 0.5 for e in found for name in e.names}
        wide: dict[str, list[str]] = {}
        for key, atom in chain.from_iterable(e.columns for e in found):
            wide.setdefault(key, []).append(atom)
        return guess | {key: Columns(tuple(a), np.full((1, len(a)), 0.5)) for key, a in wide.items()}

    def _outline(self, shape: Waveform | Expression, length: int | None = None) -> Floats:
        """Return a waveform's outline, its largest value 1 or -1; a box where it cannot be told beforehand."""
        try:
            bound = self._bound(shape)
            duration = length if isinstance(shape, Expression) else self._duration(shape)
            made = levels(bound, self._guess(bound), duration or 100)
        except QmemError:
            return np.ones(2)
        at = np.linspace(0, made.breaks[-1] - 1, 41)
        values = made.values[0][np.searchsorted(made.breaks, at, side="right") - 1]
        top = np.abs(values).max()
        return np.asarray(values / top if np.isfinite(top) and top > 0 else np.zeros(2))


def _level(shape: Waveform | Expression, sign: str) -> str:
    """Return the size of a waveform as text: its value, area or ends, or else its kind.

    >>> _level(Expression("pi / 2"), "Ω")
    'Ω = π/2'
    """
    match shape:
        case Expression() | Constant(value=Expression()):
            return f"{sign} = {_formula(shape if isinstance(shape, Expression) else shape.value)}"
        case Constant(area=area) | Blackman(area=area) | Kaiser(area=area):
            return f"∫{sign} = {_formula(area)}"
        case Ramp(start=start, stop=stop):
            return f"{sign}: {_formula(start)} → {_formula(stop)}"
        case Interpolated() | Custom() | Composite():
            return f"{sign}: {shape.kind}"
        case _:
            assert_never(shape)


def _merged(before: _Column, column: _Column) -> _Column:
    return replace(
        before, marks=before.marks + column.marks, note=before.note + column.note, reads=before.reads or column.reads
    )


def _walk(blocks: Iterable[AnyBlock]) -> Iterator[AnyBlock]:
    for block in blocks:
        yield block
        match block:
            case Repeat() | ForEach():
                yield from _walk(block.body)
            case When():
                yield from _walk((*block.then, *block.otherwise))
            case _:
                pass


def _written(block: AnyBlock) -> tuple[str, ...]:
    """Return the names that a block writes: keys or memory."""
    match block:
        case Measure(key=key) | WeakMeasure(key=key) | BlockadeMeasure(key=key) | Damp(key=str(key)):
            return (key,)
        case Set(values=values) | Push(values=values):
            return tuple(values)
        case _:
            return ()


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that any of the names fits; `$atom` in a name stands for any atom."""
    patterns = (re.sub(r"\\\$[A-Za-z]\w*", r"\\w+", re.escape(name)) for name in names)
    return re.compile("|".join(patterns) or r"(?!)")


def _expressions(part: Any) -> list[Expression]:
    found: list[Expression] = []

    def note(expression: Expression) -> Expression:
        found.append(expression)
        return expression

    map_expressions(part, note)
    return found


# Along y


class _Heights:
    """Where tracks, memory and frames lie along y."""

    def __init__(self, layout: _Layout) -> None:
        columns = [column for _, column in layout.columns]
        up, down = _extents(columns, len(layout.tracks))
        self.tracks = [0.0]
        for above, below in zip(down, up[1:], strict=False):
            self.tracks.append(self.tracks[-1] - max(above + below + 6.0, 24.0))
        self.top, self.tracks_bottom = up[0] + 4.0, self.tracks[-1] - down[-1] - 4.0
        box = max([len(c.memory) * _LINE / 2 + _PAD for c in columns if c.memory], default=4.0)
        keys = 4.0 + _LINE if any(c.key for c in columns) else 4.0
        self.has_memory = layout.kept.pattern != _any_of(()).pattern
        self.memory = self.tracks_bottom - 10.0 - box
        self.bottom = self.memory - max(box, keys) - 3.0 if self.has_memory else self.tracks_bottom
        self._frames(layout.frames)
        self.floor -= 14.0 if layout.colours else 0.0

    def _frames(self, frames: Sequence[_Frame]) -> None:
        depths = range(max((frame.depth for frame in frames), default=-1) + 1)
        rows = [max((len(f.label) for f in frames if f.depth == depth), default=1) for depth in depths]
        self.tops = [self.top + sum(row * _LINE + 5.0 for row in rows[depth:]) for depth in depths]
        self.bottoms = [self.bottom - 4.0 * (len(depths) - 1 - depth) for depth in depths]
        self.ceiling = max(self.tops, default=self.top) + 3.0
        self.floor = min(self.bottoms, default=self.bottom) - 3.0


def _extents(columns: Iterable[_Column], tracks: int) -> tuple[list[float], list[float]]:
    """Return how far the marks reach above and below each track."""
    up, down = [8.0] * tracks, [8.0] * tracks
    for column in columns:
        for track, mark in column.marks:
            _, above, below = _half_size(mark)
            up[track], down[track] = max(up[track], above), max(down[track], below)
        if column.marks:
            lowest = max(track for track, _ in column.marks)
            down[lowest] = max(down[lowest], _below(column))
    return up, down


# Drawing


class _Label(Text):
    """Text that keeps its size in data units, so that it stays in its box when the axes change their size."""

    def __init__(self, *args: Any, size: float, **look: Any) -> None:
        super().__init__(*args, fontsize=size, **look)
        self._units = size
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        self._fit()
        super().draw(renderer)

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Any:
        self._fit()
        return super().get_window_extent(renderer, dpi)

    def _fit(self) -> None:
        figure = self.get_figure(root=True)
        if self.axes is not None and figure is not None:
            (_, low), (_, high) = self.axes.transData.transform([(0, 0), (0, 1)])
            self.set_fontsize(max(self._units * (high - low) * 72 / figure.dpi, 0.1))


@dataclass(frozen=True)
class _Pen:
    """Axes whose data unit is `scale` points, so that lines fit the shapes."""

    ax: Axes
    scale: float
    y: _Heights
    feed: str

    @classmethod
    def on(cls, ax: Axes | None, layout: _Layout) -> _Pen:
        """Prepare the axes: all of the layout in view, text no larger than in a paper."""
        from matplotlib.figure import Figure

        y = _Heights(layout)
        left = _widest([*layout.tracks, "outcomes"], _NAME) + 6.0
        width, height = layout.x + left, y.ceiling - y.floor
        fresh, ax = ax is None, axes_or_new(ax)
        figure = ax.figure
        if fresh and isinstance(figure, Figure):
            wide = min(max(width / 72 + 0.1, COLUMN_IN), _WIDEST_IN)
            figure.set_size_inches(wide, height / 72 + 0.4)
        ax.set_xlabel("program order, not to scale", fontsize=_NAME)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        root = ax.get_figure(root=True)
        engine = None if root is None else root.get_layout_engine()
        if root is not None and engine is not None:
            engine.execute(root)
        box = ax.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        scale = min(72 * box.width / width, 72 * box.height / height, 1.0)
        seen_width, seen_height = 72 * box.width / scale, 72 * box.height / scale
        centre, middle = layout.x / 2 - left / 2, (y.ceiling + y.floor) / 2
        ax.set_xlim(centre - seen_width / 2, centre + seen_width / 2)
        ax.set_ylim(middle - seen_height / 2, middle + seen_height / 2)
        ax.set_aspect("equal")
        return cls(ax, scale, y, okabe_ito()[1])

    def text(self, x: float, y: float, lines: str | Sequence[str], *, size: float = _TEXT, **look: Any) -> None:
        joined = lines if isinstance(lines, str) else "\n".join(lines)
        look = {"ha": "center", "va": "center", "linespacing": 1.2, "zorder": 5, **look}
        self.ax.add_artist(_Label(x, y, joined, size=size, transform=self.ax.transData, **look))

    def line(self, xs: Sequence[float] | Floats, ys: Sequence[float] | Floats, width: float = 0.8, **look: Any) -> None:
        look = {"color": _INK, "zorder": 2, "marker": "", "solid_capstyle": "butt", **look}
        self.ax.plot(xs, ys, linewidth=width * self.scale, **look)

    def rectangle(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a rectangle given its centre."""
        from matplotlib.patches import Rectangle

        look = {"facecolor": "white", "edgecolor": _INK, "linewidth": 0.8, "zorder": 4, **look}
        look["linewidth"] *= self.scale
        self.ax.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, **look))

    def arrow_up(self, x: float, bottom: float, top: float) -> None:
        """Draw a feedforward: from the memory up."""
        self.line([x, x], [bottom, top - 3.0], 1.2, color=self.feed, zorder=3)
        self.line([x], [bottom], color=self.feed, marker="o", markersize=3.5 * self.scale, zorder=6)
        self.ax.fill([x - 3, x, x + 3], [top - 6, top, top - 6], color=self.feed, zorder=5, linewidth=0)

    def wire_down(self, x: float, top: float, bottom: float) -> None:
        """Draw an outcome: a double line down to the memory."""
        for side in (-1.1, 1.1):
            self.line([x + side, x + side], [bottom + 4.0, top], 0.6, zorder=2.5)
        self.ax.fill([x - 3, x, x + 3], [bottom + 6, bottom, bottom + 6], color=_INK, zorder=5, linewidth=0)


def _draw_tracks(pen: _Pen, layout: _Layout) -> None:
    for name, index in layout.tracks.items():
        y = pen.y.tracks[index]
        pen.line([0, layout.x], [y, y], 0.6, color=_GREY, zorder=1)
        pen.text(-4.0, y, name, size=_NAME, ha="right")
    if pen.y.has_memory:
        for side in (-1.1, 1.1):
            pen.line([0, layout.x], [pen.y.memory + side] * 2, 0.6, zorder=1)
        named = layout.program.memory or any(isinstance(block, Set) for block in _walk(layout.program.body))
        pen.text(-4.0, pen.y.memory, "memory" if named else "outcomes", size=_NAME, ha="right")


def _draw_frame(pen: _Pen, frame: _Frame) -> None:
    top, bottom = pen.y.tops[frame.depth], pen.y.bottoms[frame.depth]
    style = {"repeat": "-", "when": (0, (3, 2)), "for_each": (0, (1, 1.5))}[frame.look]
    colour = pen.feed if frame.look == "when" else _GREY
    pen.rectangle(
        (frame.left + frame.right) / 2, (top + bottom) / 2, frame.right - frame.left, top - bottom,
        facecolor="none", edgecolor=colour, linestyle=style, zorder=1.5,
    )  # fmt: skip
    pen.text(frame.left + 2 * _PAD, top - 2.0, frame.label, ha="left", va="top")
    if frame.divided is not None:
        pen.line([frame.divided] * 2, [bottom, top], linestyle=style, color=colour)
        pen.text(frame.divided + 2 * _PAD, top - 2.0, "otherwise", ha="left", va="top")
    if frame.reads:
        pen.arrow_up(frame.left, pen.y.memory, top)


def _draw_column(pen: _Pen, x: float, column: _Column) -> None:
    if column.band:
        _draw_band(pen, x, column.band)
    if column.memory:
        size = _widest(column.memory) + 2 * _PAD, len(column.memory) * _LINE + 2 * _PAD
        pen.rectangle(x, pen.y.memory, *size, facecolor=_MEMORY_FILL)
        pen.text(x - size[0] / 2 + _PAD, pen.y.memory, column.memory, ha="left")
    if not column.marks:
        return
    tracks = [track for track, _ in column.marks]
    if column.joined:
        pen.line([x, x], [pen.y.tracks[min(tracks)], pen.y.tracks[max(tracks)]], 0.9, zorder=2)
    for track, mark in column.marks:
        _draw_mark(pen, x, pen.y.tracks[track], mark)
    foot = pen.y.tracks[max(tracks)] - _below(column)
    if column.note:
        pen.text(x, foot + len(column.note) * _LINE / 2, column.note)
    apart = 5.0 if column.key and column.reads else 0.0
    if column.key:
        source = max(tracks) if not column.joined else tracks[1]
        first = min(tracks) if not column.joined else source
        pen.wire_down(x + apart, pen.y.tracks[first], pen.y.memory)
        pen.text(x, pen.y.memory - 4.0, column.key, va="top")
    if column.reads and pen.y.has_memory:
        pen.arrow_up(x - apart, pen.y.memory, foot - 1.0)


def _draw_band(pen: _Pen, x: float, text: str) -> None:
    top, bottom = pen.y.top - 2.0, pen.y.tracks_bottom + 2.0
    if text == "align":
        pen.line([x, x], [bottom, top], linestyle=":", color=_GREY)
    else:
        pen.rectangle(x, (top + bottom) / 2, 12.0, top - bottom, facecolor=_PALE, edgecolor="none", zorder=3)
    pen.text(x, (top + bottom) / 2, text, rotation=90, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})


def _draw_mark(pen: _Pen, x: float, y: float, mark: _Mark) -> None:
    match mark:
        case _Box(lines=lines, look=look):
            width, half, _ = _half_size(mark)
            style = {"gate": "-", "shift": "-", "probe": (0, (2, 1.5))}[look]
            colour = _GREY if look == "shift" else _INK
            pen.rectangle(x, y, width, 2 * half, linestyle=style, edgecolor=colour)
            pen.text(x, y, lines)
        case _Symbol(shape="dot"):
            pen.line([x], [y], marker="o", markersize=5.0 * pen.scale, zorder=4)
        case _Symbol(shape="plus"):
            angle = np.linspace(0, 2 * np.pi, 41)
            pen.ax.fill(x + 4.5 * np.cos(angle), y + 4.5 * np.sin(angle), color="white", zorder=3)
            pen.line(x + 4.5 * np.cos(angle), y + 4.5 * np.sin(angle), zorder=4)
            pen.line([x - 4.5, x + 4.5], [y, y], zorder=4)
            pen.line([x, x], [y - 4.5, y + 4.5], zorder=4)
        case _Symbol(shape="meter"):
            pen.rectangle(x, y, *_METER)
            angle = np.linspace(0, np.pi, 21)
            pen.line(x + 6 * np.cos(angle), y - 3.5 + 6 * np.sin(angle), zorder=5)
            pen.line([x, x + 4.5], [y - 3.5, y + 5.0], zorder=5)
        case _Symbol():
            pen.rectangle(x, y, *_METER)
            pen.line([x - 5, x + 5], [y - 5, y + 5], 1.2, zorder=5)
        case _Wave():
            _draw_wave(pen, x, y, mark)
        case _:
            assert_never(mark)


def _draw_wave(pen: _Pen, x: float, y: float, wave: _Wave) -> None:
    left, right = x - _WAVE_WIDTH / 2, x + _WAVE_WIDTH / 2
    if wave.amplitude.size:
        xs = np.linspace(left, right, wave.amplitude.size)
        ys = y + _WAVE_HEIGHT * wave.amplitude
        pen.ax.fill_between(xs, y, ys, color=wave.colour, alpha=0.3, linewidth=0, zorder=3)
        pen.line([left, *xs, right], [y, *ys, y], 1.0, color=wave.colour, zorder=4)
    if wave.detuning.size:
        xs = np.linspace(left, right, wave.detuning.size)
        pen.line(xs, y + _WAVE_HEIGHT * wave.detuning, 1.0, color=wave.colour, zorder=4.5, linestyle="--")


def _draw_channels(pen: _Pen, layout: _Layout) -> None:
    """Say below the picture which colour is which channel."""
    x, y = 0.0, pen.y.floor + 6.0
    for channel, colour in layout.colours.items():
        pen.rectangle(x + 5.0, y, 10.0, 6.0, facecolor=colour, alpha=0.5, edgecolor=colour)
        pen.text(x + 13.0, y, channel, ha="left")
        x += 13.0 + _text_width(channel, _TEXT) + 2 * _GAP


# The register


def register(register_or_program: Register | Program, *, ax: Axes | None = None, rabi: float | None = None) -> Axes:
    """Draw the atoms in the plane with their names and return the axes (µm).

    With `rabi` (rad/µs) a circle around each atom shows the blockade radius (C6 / rabi)^(1/6) of the program's
    device. Raises InputError for a register that does not lie in a plane of constant z, or `rabi` without a
    program.

    >>> ax = register(Register(atoms={"s": (0, 0), "a": (5, 0)}))
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('x (µm)', ['s', 'a'])
    """
    owner = register_or_program if isinstance(register_or_program, Program) else None
    shape = register_or_program.register if isinstance(register_or_program, Program) else register_or_program
    places = np.array(list(shape.positions.values()))
    if places.shape[1] == 3 and np.ptp(places[:, 2]) > 0:
        raise InputError("a register must lie in a plane of constant z to be drawn, but this one does not")
    radius = None if rabi is None else _blockade_radius(owner, rabi)
    with paper(height_in=COLUMN_IN):
        ax = axes_or_new(ax)
        _draw_atoms(ax, shape.names, places, radius)
    return ax


def _blockade_radius(owner: Program | None, rabi: float) -> float:
    from rydberg_qmem.compile.target import device_of

    if owner is None:
        raise InputError("rabi needs a program, whose device sets the blockade radius, but a register was given")
    if not 0 < rabi < np.inf:
        raise InputError(f"rabi must be positive and finite, in rad/µs ({rabi})")
    return float(device_of(owner).rydberg_blockade_radius(rabi))


def _draw_atoms(ax: Axes, names: Sequence[str], places: Floats, radius: float | None) -> None:
    from matplotlib.patches import Circle

    blue, feed, *_ = okabe_ito()
    ax.plot(places[:, 0], places[:, 1], "o", color=blue, markersize=5)
    for name, place in zip(names, places, strict=True):
        ax.annotate(name, place[:2], xytext=(4, 4), textcoords="offset points", fontsize=_NAME)
        if radius is not None:
            look = {"fill": False, "edgecolor": feed, "linestyle": "--", "linewidth": 0.8}
            ax.add_patch(Circle((place[0], place[1]), radius, **look))
    reach = max(radius or 0.0, 0.15 * float(np.ptp(places[:, :2], axis=0).max()), 1.0) * 1.1
    low, high = places[:, :2].min(axis=0) - reach, places[:, :2].max(axis=0) + reach
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="x (µm)", ylabel="y (µm)", aspect="equal")
    if radius is not None:
        ax.set_title(f"blockade radius {radius:.1f} µm")
