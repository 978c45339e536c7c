"""The symbols of each block: one `match` over the blocks, and what it reads of the memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Literal, assert_never

import numpy as np

from rydberg_qmem.errors import InputError, did_you_mean
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
    WeakMeasure,
    When,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.waveforms import ZERO, Constant
from rydberg_qmem.plots._canvas.outlines import duration_ns, expressions, level, outline_of
from rydberg_qmem.plots._canvas.text import assigned, cut, formula, wrapped
from rydberg_qmem.plots._circuit.symbols import Box, Column, Mark, Symbol, Wave

_PROBED = {
    "occupation": "⟨n⟩",
    "correlations": "⟨nn⟩",
    "pauli": "⟨σ⟩",
    "density_matrix": "ρ",
    "purity": "tr ρ²",
    "entropy": "S",
}


@dataclass
class BlockSymbols:
    """Turns blocks into columns of symbols: parameters bound, atoms found, memory told from what is not read."""

    values: dict[str, float]
    tracks: dict[str, int]
    kept: re.Pattern[str]
    colours: dict[str, str]
    standing: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def with_value(self, expression: Expression) -> str:
        """Return an expression's value, or the expression where that is not known before the run."""
        bound = expression.bind(self.values)
        return str(bound if bound.is_constant else formula(expression))

    def names(self, atoms: str | tuple[str, ...]) -> tuple[str, ...]:
        """Return the register's atoms that `all`, `$name` or plain names stand for."""
        if isinstance(atoms, str):
            return tuple(self.tracks)
        return tuple(chain.from_iterable(self.standing.get(name, (name,)) for name in atoms))

    def _on(self, atoms: str | tuple[str, ...]) -> tuple[int, ...]:
        names = self.names(atoms)
        for name in names:
            if name not in self.tracks:
                hint = did_you_mean(name, list(self.tracks))
                raise InputError(f"a program can be drawn if its atoms are in the register, but {name!r} is not{hint}")
        return tuple(self.tracks[name] for name in names)

    def reads(self, expressions: Iterable[Expression]) -> bool:
        """Return whether any of the expressions reads memory or outcomes."""
        return any(self.kept.fullmatch(name) for e in expressions for name in e.names)

    def column(self, block: AnyBlock) -> Column:
        """Return what a block looks like."""
        reads = self.reads(expressions(block))
        match block:
            case Pulse() | DetuningMap() | EOMPulse() | EnableEOM() | ModifyEOM() | DisableEOM() | Delay() | Align():
                return self._on_channel(block, reads)
            case CZ() | CNOT() | CPhase() | ZZ() | Swap() | Exchange() | BlockadeRotate():
                return self._two_atom_gate(block, reads)
            case Damp() | BeamSplitter() | WeakMeasure() | BlockadeMeasure():
                return self._cell(block, reads)
            case SLMMask(atoms=atoms):
                return self._boxes(atoms, ("mask",), reads, look="shift")
            case Retarget(atoms=atoms):
                return self._boxes(atoms, ("aim",), reads, look="shift")
            case PhaseShift(atoms=atoms, angle=angle):
                return self._boxes(atoms, ("shift", *wrapped(formula(angle))), reads, look="shift")
            case Rotate(atom=atom, quaternion=None):
                return self._boxes((atom,), (f"R{block.axis}", *wrapped(formula(block.angle))), reads)
            case Rotate(atom=atom, quaternion=parts):
                shown = ", ".join(formula(part) for part in parts or ())
                return self._boxes((atom,), ("R", *wrapped(f"({shown})")), reads)
            case Ising(mode=mode, time_us=time):
                return self._boxes("all", ("Ising", mode), reads, note=wrapped(f"{formula(time)} µs"))
            case Measure(atoms=atoms, key=key):
                return Column(tuple((i, Symbol("meter")) for i in self._on(atoms)), key=key)
            case Reset(atoms=atoms):
                return self._boxes(atoms, ("|g⟩",), reads)
            case Probe(atoms=atoms, key=key, quantities=quantities):
                symbols = wrapped(", ".join(_PROBED[quantity] for quantity in quantities))
                return self._boxes(atoms, symbols, reads, look="probe", note=(f"probe {key}",))
            case Set(values=values):
                return Column(memory=assigned("←", values))
            case Push(values=values):
                return Column(memory=assigned("⇐", values))
            case Repeat() | When() | ForEach():
                raise AssertionError("frames are placed, not drawn as one column")
            case _:
                assert_never(block)

    def _on_channel(
        self, block: Pulse | DetuningMap | EOMPulse | EnableEOM | ModifyEOM | DisableEOM | Delay | Align, reads: bool
    ) -> Column:
        """Return what a block of a channel looks like: a pulse, the EOM mode, or a wait."""
        match block:
            case Pulse():
                return self._pulse(block, reads)
            case DetuningMap():
                return self._detuning_map(block, reads)
            case EOMPulse(duration_ns=duration, channel=channel):
                wave = Wave(np.ones(2), np.zeros(0), self.colours[channel])
                note = (f"{cut(formula(duration), 12)} ns", "EOM")
                return Column(tuple((i, wave) for i in self._on("all")), note=note, reads=reads)
            case EnableEOM(channel=channel, amp_on=level_on) | ModifyEOM(channel=channel, amp_on=level_on):
                return Column(band=f"EOM on: Ω = {cut(formula(level_on), 12)}", reads=reads)
            case DisableEOM(channel=channel):
                return Column(band=f"EOM off {channel}")
            case Delay(duration_ns=duration, channel=channel):
                where = "" if channel is None else f" {channel}"
                return Column(band=f"wait {cut(formula(duration), 12)} ns{where}", reads=reads)
            case Align():
                return Column(band="align")
            case _:
                assert_never(block)

    def _two_atom_gate(self, block: CZ | CNOT | CPhase | ZZ | Swap | Exchange | BlockadeRotate, reads: bool) -> Column:
        match block:
            case CZ(control=one, target=two):
                return self._pair(one, Symbol("dot"), two, Symbol("dot"))
            case CNOT(control=one, target=two):
                return self._pair(one, Symbol("dot"), two, Symbol("plus"))
            case CPhase(control=one, target=two, angle=angle):
                box = Box(("phase", *wrapped(formula(angle))))
                return replace(self._pair(one, Symbol("dot"), two, box), reads=reads)
            case ZZ(atoms=(one, two), angle=angle):
                box = Box(("ZZ", *wrapped(formula(angle))))
                return replace(self._pair(one, box, two, box), reads=reads)
            case Swap(atoms=(one, two)):
                return self._pair(one, Box(("swap",)), two, Box(("swap",)))
            case Exchange(atoms=(one, two), angle=angle):
                box = Box(("exch.", *wrapped(formula(angle))))
                return replace(self._pair(one, box, two, box), reads=reads)
            case BlockadeRotate(control=one, target=two, angle=angle):
                box = Box(("Rx if g", *wrapped(formula(angle))))
                return replace(self._pair(one, Symbol("dot"), two, box), reads=reads)
            case _:
                assert_never(block)

    def _cell(self, block: Damp | BeamSplitter | WeakMeasure | BlockadeMeasure, reads: bool) -> Column:
        """Return what a cell of a system and its ancilla looks like."""
        match block:
            case Damp(system=one, ancilla=two, probability=p):
                box = Box(("damp", *wrapped(formula(p))))
                return replace(self._pair(one, box, two, Symbol("meter")), key=block.key or "", reads=reads)
            case BeamSplitter(system=one, ancilla=two, reflectivity=r):
                box = Box(("BS", *wrapped(formula(r))))
                return replace(self._pair(one, box, two, Symbol("mirror")), reads=reads)
            case WeakMeasure(system=one, ancilla=two, strength=strength):
                box = Box((f"weak {block.axis}", *wrapped(formula(strength))))
                return replace(self._pair(one, box, two, Symbol("meter")), key=block.key, reads=reads)
            case BlockadeMeasure(system=one, ancilla=two, area=area, key=key):
                box = Box(("blockade", *wrapped(formula(area))))
                return replace(self._pair(one, box, two, Symbol("meter")), key=key, reads=reads)
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
    ) -> Column:
        return Column(tuple((i, Box(lines, look)) for i in self._on(atoms)), note=note, reads=reads)

    def _pair(self, one: str, first: Mark, two: str, second: Mark) -> Column:
        ends = ((one, first), (two, second))
        return Column(tuple((i, mark) for name, mark in ends for i in self._on((name,))), joined=True)

    def _pulse(self, block: Pulse, reads: bool) -> Column:
        timed = [s for s in (block.amplitude, block.detuning, block.phase) if not isinstance(s, Expression)]
        length = duration_ns(timed[0] if timed else Constant(duration_ns=block.duration_ns, value=ZERO), self.values)
        amplitude = outline_of(block.amplitude, self.values, length)
        detuning = 0.6 * outline_of(block.detuning, self.values, length)
        wave = Wave(amplitude, detuning if detuning.any() else np.zeros(0), self.colours[block.channel])
        note = wrapped(level(block.amplitude, "Ω"), most=2)
        if block.detuning != ZERO:
            note += wrapped(level(block.detuning, "δ"), most=2)
        if not isinstance(block.phase, Expression):
            note += wrapped(level(block.phase, "φ"), most=2)
        return Column(tuple((i, wave) for i in self._on(block.atoms or "all")), note=note, reads=reads)

    def _detuning_map(self, block: DetuningMap, reads: bool) -> Column:
        outline, colour = outline_of(block.detuning, self.values), self.colours[block.channel]
        top = max([abs(weight) for weight in block.weights.values()], default=1.0) or 1.0
        waves = {name: Wave(outline * (weight / top), np.zeros(0), colour) for name, weight in block.weights.items()}
        marks = tuple((track, wave) for name, wave in waves.items() for track in self._on((name,)))
        return Column(marks, note=wrapped(level(block.detuning, "δ"), most=2), reads=reads)
