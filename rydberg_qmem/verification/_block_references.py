"""Atoms, channels, levels and names that the blocks of a program refer to: all must be known, and fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, assert_never

from rydberg_qmem.compile.bind import substitute_atom
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.devices import LEVELS, ONE
from rydberg_qmem.errors import Problem, did_you_mean
from rydberg_qmem.language.blocks import (
    Align,
    AnyBlock,
    Cell,
    Classical,
    Delay,
    DetuningMap,
    DisableEOM,
    EnableEOM,
    EOMPulse,
    ForEach,
    Gate,
    Ising,
    Measure,
    ModifyEOM,
    PhaseShift,
    Probe,
    Pulse,
    PulseLevel,
    Repeat,
    Reset,
    Retarget,
    Rotate,
    SLMMask,
    When,
    cell_rule,
    gate_rule,
    walk_places,
)
from rydberg_qmem.language.blocks.rules import Named
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification._expression_places import expressions_of_block, kaiser_betas
from rydberg_qmem.verification._findings import Report
from rydberg_qmem.verification._names import NamesInScope

MOST_PROBLEMS = 200
"""Problems after which the rest of a program is not looked at."""
MOST_STATES = 8192
"""Rows of a density matrix that a probe may ask for: its numbers fill 1 GB."""


@dataclass
class Checker:
    """Walks the blocks with the names in scope and notes every problem."""

    program: Program
    device: Any
    report: Report = field(default_factory=Report)

    @property
    def found(self) -> list[Problem]:
        """What is wrong as far as the program was walked."""
        return self.report.found

    def run(self) -> list[Problem]:
        """Walk the whole program; return what is wrong."""
        program = self.program
        self.atoms = program.register.names
        self.levels = LEVELS.get(bases_of(program) or frozenset({"ground-rydberg"}), ())
        self.names = NamesInScope(program, self.report)
        for name, memory in program.memory.items():
            self.names.read(memory.initial, f"memory.{name}.initial", random=True, bare=True)
        for i, block in enumerate(program.body):
            if len(self.found) >= MOST_PROBLEMS:
                return self.found
            self._block(block, f"body[{i}].{block.kind}")
        self._phase_references()
        return self.found

    def _block(self, block: AnyBlock, place: str) -> None:
        if isinstance(block, Gate):
            self._gate(block, place)
        elif isinstance(block, Cell):
            self._cell(block, place)
        elif isinstance(block, Classical):
            self.names.assign(block, place)
            return
        else:
            self._other(block, place)
        if not isinstance(block, Repeat | When | ForEach):
            for at, expression in expressions_of_block(block):
                self.names.read(expression, f"{place}.{at}", random=False)

    def _gate(self, block: Gate, place: str) -> None:
        self._named_atoms(gate_rule(block).atoms, place)
        if isinstance(block, Ising):
            self._couplings(block, place)
        parts = block.quaternion if isinstance(block, Rotate) else None
        if parts and all(self.names.constant(part) == 0 for part in parts):
            self.report.say(f"{place}.quaternion", "must not be zero: it is no rotation")

    def _cell(self, block: Cell, place: str) -> None:
        rule = cell_rule(block)
        self._named_atoms(rule.atoms, place)
        value = None if rule.within is None else self.names.constant(rule.within.value)
        if rule.within is not None and value is not None and not rule.within.minimum <= value <= 1:
            least = f"must lie between {rule.within.minimum:g} and 1"
            self.report.say(f"{place}.{rule.within.field}", least, value)
        if rule.key is not None:
            self.names.measure(rule.key, (rule.atoms[-1][1],), f"{place}.key")

    def _other(self, block: PulseLevel | Measure | Reset | Probe | Repeat | When | ForEach, place: str) -> None:
        match block:
            case Pulse():
                self._pulse(block, place)
            case DetuningMap():
                self._channel(block.channel, place, dmm=True)
                if not block.weights:
                    self.report.say(f"{place}.weights", "must give the weight of at least one atom")
                for name, weight in block.weights.items():
                    self._atom(name, f"{place}.weights.{name}")
                    if not 0 <= weight <= 1:
                        self.report.say(f"{place}.weights.{name}", "must lie between 0 and 1", weight)
            case SLMMask():
                self._channel(block.channel, place, dmm=True)
                self._atoms(block.atoms, f"{place}.atoms")
            case EnableEOM() | EOMPulse() | ModifyEOM() | DisableEOM():
                self._channel(block.channel, place, dmm=False)
            case Retarget():
                self._channel(block.channel, place, dmm=False)
                self._atoms(block.atoms, f"{place}.atoms")
            case PhaseShift():
                self._atoms(block.atoms, f"{place}.atoms")
            case Measure() | Probe():
                self._look(block, place)
            case Reset():
                self._atoms(block.atoms, f"{place}.atoms")
            case Repeat():
                self._repeat(block, place)
            case When():
                self._when(block, place)
            case ForEach():
                self._for_each(block, place)
            case Delay():
                if block.channel is not None:
                    self._channel(block.channel, place, dmm=block.channel in self.device.dmm_channels)
            case Align():
                for name in block.channels or ():
                    self._channel(name, place, dmm=name in self.device.dmm_channels)
            case _:
                assert_never(block)

    def _pulse(self, block: Pulse, place: str) -> None:
        self._channel(block.channel, place, dmm=False)
        if block.atoms is not None:
            self._atoms(block.atoms, f"{place}.atoms")
        for name, shape in (("amplitude", block.amplitude), ("detuning", block.detuning), ("phase", block.phase)):
            for at, beta in kaiser_betas(shape, f"{place}.{name}"):
                if not beta.names <= set(self.program.parameters):
                    self.report.say(at, "must be known before the run: parameters alone may decide it", beta.text)

    def _channel(self, channel: str, place: str, *, dmm: bool) -> None:
        known = self.device.dmm_channels if dmm else self.device.channels
        if channel not in known:
            hint = did_you_mean(channel, sorted(known))
            self.report.say(f"{place}.channel", f"must be a channel of {self.device.name}{hint}", channel)

    def _atom(self, name: str, place: str) -> None:
        if name not in self.atoms:
            self.report.say(place, f"must be an atom of the register{did_you_mean(name, self.atoms)}", name)

    def _atoms(self, atoms: str | tuple[str, ...], place: str) -> None:
        for name in () if isinstance(atoms, str) else atoms:
            self._atom(name, place)

    def _couplings(self, block: Ising, place: str) -> None:
        seen: set[frozenset[str]] = set()
        for one, others in block.couplings.items():
            self._atom(one, f"{place}.couplings.{one}")
            for other in others:
                at = f"{place}.couplings.{one}.{other}"
                self._atom(other, at)
                if one == other or frozenset({one, other}) in seen:
                    self.report.say(at, "must name each pair of two atoms once", f"{one}, {other}")
                seen.add(frozenset({one, other}))

    def _named_atoms(self, named: Named, place: str) -> None:
        for part, name in named:
            self._atom(name, f"{place}.{part}")
        names, parts = [name for _, name in named], list(dict.fromkeys(part for part, _ in named))
        if len(set(names)) == len(names):
            return
        if len(parts) > 1:
            self.report.say(place, f"{' and '.join(parts)} must be two atoms", names[0])
        else:
            self.report.say(f"{place}.{parts[0]}", "must not name an atom twice", names[0])

    def _look(self, block: Measure | Probe, place: str) -> None:
        self._atoms(block.atoms, f"{place}.atoms")
        level = None if block.basis is None else ONE[block.basis]
        if level is not None and self.levels and level not in self.levels:
            self.report.say(
                f"{place}.basis",
                f"must be a basis of the program's levels {', '.join(self.levels)}",
                block.basis,
            )
        names = self.atoms if isinstance(block.atoms, str) else block.atoms
        if isinstance(block, Probe) and block.density_matrix and len(self.levels) ** len(names) > MOST_STATES:
            rule = f"must be of atoms with at most {MOST_STATES} basis states together"
            self.report.say(f"{place}.density_matrix", rule, f"{len(self.levels)} levels, {len(names)} atoms")
        if isinstance(block, Measure):
            self.names.measure(block.key, names, f"{place}.key")

    def _repeat(self, block: Repeat, place: str) -> None:
        with self.names.loop(block, place):
            for i, inner in enumerate(block.body):
                self._block(inner, f"{place}.body[{i}].{inner.kind}")

    def _when(self, block: When, place: str) -> None:
        self.names.read(block.condition, f"{place}.if", random=True)
        for side, blocks in (("then", block.then), ("otherwise", block.otherwise)):
            for i, inner in enumerate(blocks):
                self._block(inner, f"{place}.{side}[{i}].{inner.kind}")

    def _for_each(self, block: ForEach, place: str) -> None:
        self._atoms(block.atom, f"{place}.atom")
        for atom in self.atoms if isinstance(block.atom, str) else block.atom:
            for i, inner in enumerate(block.body):
                self._block(substitute_atom(inner, block.variable, atom), f"{place}.body[{i}].{inner.kind}")

    def _phase_references(self) -> None:
        """In the XY basis exchange needs one phase reference for all atoms at all times."""
        for place, block in walk_places(self.program.body, "body"):
            some = isinstance(block, PhaseShift) and block.atoms != "all" and set(block.atoms) != set(self.atoms)
            if some and isinstance(block, PhaseShift) and block.basis == "XY":
                self.report.say(place, "must act on all atoms at once: excitations are exchanged in the XY basis", None)
