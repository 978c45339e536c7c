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
    Align,
    Cell,
    Classical,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    Gate,
    Leaf,
    Measure,
    ModifyEOM,
    PhaseShift,
    Probe,
    Pulse,
    Reset,
    Retarget,
    SLMMask,
    cell_rule,
    classical_rule,
    gate_rule,
)
from rydberg_qmem.language.blocks.rules import CellRule, GateRule, Label, Sign
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

    def column(self, block: Leaf) -> Column:
        """Return what a block looks like."""
        reads = self.reads(expressions(block))
        if isinstance(block, Gate):
            gate = gate_rule(block)
            note = () if gate.time_us is None else wrapped(f"{formula(gate.time_us)} µs")
            return replace(self._marked(gate, reads), note=note)
        if isinstance(block, Cell):
            cell = cell_rule(block)
            return replace(self._marked(cell, reads), key=cell.key or "")
        if isinstance(block, Classical):
            written = classical_rule(block)
            return Column(memory=assigned("⇐" if written.windows else "←", written.values))
        match block:
            case Pulse() | DetuningMap() | EOMPulse() | EnableEOM() | ModifyEOM() | DisableEOM() | Delay() | Align():
                return self._on_channel(block, reads)
            case SLMMask(atoms=atoms):
                return self._boxes(atoms, ("mask",), reads, look="shift")
            case Retarget(atoms=atoms):
                return self._boxes(atoms, ("aim",), reads, look="shift")
            case PhaseShift(atoms=atoms, angle=angle):
                return self._boxes(atoms, ("shift", *wrapped(formula(angle))), reads, look="shift")
            case Measure(atoms=atoms, key=key):
                return Column(tuple((i, Symbol("meter")) for i in self._on(atoms)), key=key)
            case Reset(atoms=atoms):
                return self._boxes(atoms, ("|g⟩",), reads)
            case Probe(atoms=atoms, key=key, quantities=quantities):
                symbols = wrapped(", ".join(_PROBED[quantity] for quantity in quantities))
                return self._boxes(atoms, symbols, reads, look="probe", note=(f"probe {key}",))
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

    def _marked(self, rule: GateRule | CellRule, reads: bool) -> Column:
        """Return the mark of a rule on each atom that a block names, with a line between them, or the one on all."""
        if not rule.atoms:
            [everywhere] = map(_drawn, rule.marks)
            return Column(tuple((i, everywhere) for i in self._on("all")), reads=reads)
        ends = zip(rule.atoms, map(_drawn, rule.marks), strict=True)
        marks = tuple((i, mark) for (_, name), mark in ends for i in self._on((name,)))
        return Column(marks, joined=len(rule.atoms) > 1, reads=reads)

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

    def _pulse(self, block: Pulse, reads: bool) -> Column:
        timed = [s for s in (block.amplitude, block.detuning, block.phase) if not isinstance(s, Expression)]
        length = duration_ns(timed[0] if timed else Constant(duration_ns=block.duration_ns, value=ZERO), self.values)
        amplitude = outline_of(block.amplitude, self.values, length)
        detuning = 0.6 * outline_of(block.detuning, self.values, length)
        wave = Wave(amplitude, detuning if detuning.any() else np.zeros(0), self.colours[block.channel])
        note = wrapped(level(block.amplitude, "Ω"), maximum=2)
        if block.detuning != ZERO:
            note += wrapped(level(block.detuning, "δ"), maximum=2)
        if not isinstance(block.phase, Expression):
            note += wrapped(level(block.phase, "φ"), maximum=2)
        return Column(tuple((i, wave) for i in self._on(block.atoms or "all")), note=note, reads=reads)

    def _detuning_map(self, block: DetuningMap, reads: bool) -> Column:
        outline, colour = outline_of(block.detuning, self.values), self.colours[block.channel]
        top = max([abs(weight) for weight in block.weights.values()], default=1.0) or 1.0
        waves = {name: Wave(outline * (weight / top), np.zeros(0), colour) for name, weight in block.weights.items()}
        marks = tuple((track, wave) for name, wave in waves.items() for track in self._on((name,)))
        return Column(marks, note=wrapped(level(block.detuning, "δ"), maximum=2), reads=reads)


def _drawn(mark: Label | Sign) -> Mark:
    """Return a mark of a row of rules as it is drawn."""
    if not isinstance(mark, Label):
        return Symbol(mark)
    match mark.value:
        case None:
            return Box(mark.words)
        case Expression() as value:
            return Box((*mark.words, *wrapped(formula(value))))
        case tuple() as values:
            return Box((*mark.words, *wrapped(f"({', '.join(map(formula, values))})")))
        case _:
            assert_never(mark.value)
