"""Names, atoms, channels and levels that the blocks of a program refer to: all must be known, and fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.bind import bind_parameters, substitute_atom
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.devices import LEVELS
from rydberg_qmem.errors import Problem, QmemError, did_you_mean, short
from rydberg_qmem.gates.lowering import HIDDEN
from rydberg_qmem.language.arithmetic import RESERVED as OF_EXPRESSIONS
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
    classical_rule,
    gate_rule,
    key_of,
    walk,
    walk_places,
)
from rydberg_qmem.language.blocks.rules import Named
from rydberg_qmem.language.evaluation import Columns, ExpressionError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.waveforms import Composite, Kaiser

RESERVED = OF_EXPRESSIONS | {"shot", "point", "time_us"}


MOST_PROBLEMS = 200
"""Problems after which the rest of a program is not looked at."""
MOST_STATES = 8192
"""Rows of a density matrix that a probe may ask for: its numbers fill 1 GB."""
MISSPELT = 0.8
"""How like a declared name another must be to be taken for it: `thetta` for `theta`, not `beta`."""


def is_reserved(name: str) -> bool:
    """Return whether no parameter, input, memory, key, counter or loop may have a name.

    >>> is_reserved("sum"), is_reserved("rate_final"), is_reserved("rate")
    (True, True, False)
    """
    return name in RESERVED or name.endswith((HIDDEN, "_final"))


@dataclass
class Checker:
    """Walks the blocks with the names in scope and notes every problem."""

    program: Program
    device: Any
    found: list[Problem] = field(default_factory=list)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    counters: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)

    @cached_property
    def parameters(self) -> dict[str, float]:
        """The program's own parameters; none where they cannot be evaluated."""
        try:
            return bind_parameters(self.program)
        except QmemError:
            return {}

    @cached_property
    def measured(self) -> set[str]:
        """Every key of the program."""
        return _keys(self.program.body)

    def run(self) -> list[Problem]:
        """Walk the whole program; return what is wrong."""
        program = self.program
        self.atoms = program.register.names
        self.levels = LEVELS.get(bases_of(program) or frozenset({"ground-rydberg"}), ())
        self.windows = {
            name: self._window_size(memory.window)
            for name, memory in program.memory.items()
            if memory.window is not None
        }
        for name, memory in program.memory.items():
            self._expression(memory.initial, f"memory.{name}.initial", random=True, bare=True)
        for i, block in enumerate(program.body):
            if len(self.found) >= MOST_PROBLEMS:
                return self.found
            self._block(block, f"body[{i}].{block.kind}")
        self._phase_references()
        return self.found

    def _say(self, place: str, rule: str, value: object = None) -> None:
        self.found.append(Problem(place, rule, None if value is None else short(value)))

    def _block(self, block: AnyBlock, place: str) -> None:
        if isinstance(block, Gate):
            self._gate(block, place)
        elif isinstance(block, Cell):
            self._cell(block, place)
        elif isinstance(block, Classical):
            self._assign(block, place)
            return
        else:
            self._other(block, place)
        if not isinstance(block, Repeat | When | ForEach):
            for at, expression in _fields(block):
                self._expression(expression, f"{place}.{at}", random=False)

    def _gate(self, block: Gate, place: str) -> None:
        self._named_atoms(gate_rule(block).atoms, place)
        if isinstance(block, Ising):
            self._couplings(block, place)
        if isinstance(block, Rotate) and block.quaternion and all(self._constant(q) == 0 for q in block.quaternion):
            self._say(f"{place}.quaternion", "must not be zero: it is no rotation")

    def _cell(self, block: Cell, place: str) -> None:
        rule = cell_rule(block)
        self._named_atoms(rule.atoms, place)
        value = None if rule.within is None else self._constant(rule.within.value)
        if rule.within is not None and value is not None and not rule.within.minimum <= value <= 1:
            least = f"must lie between {rule.within.minimum:g} and 1"
            self._say(f"{place}.{rule.within.field}", least, value)
        if rule.key is not None:
            self._key(rule.key, (rule.atoms[-1][1],), f"{place}.key")

    def _other(self, block: PulseLevel | Measure | Reset | Probe | Repeat | When | ForEach, place: str) -> None:
        match block:
            case Pulse():
                self._pulse(block, place)
            case DetuningMap():
                self._channel(block.channel, place, dmm=True)
                if not block.weights:
                    self._say(f"{place}.weights", "must give the weight of at least one atom")
                for name, weight in block.weights.items():
                    self._atom(name, f"{place}.weights.{name}")
                    if not 0 <= weight <= 1:
                        self._say(f"{place}.weights.{name}", "must lie between 0 and 1", weight)
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
            for at, beta in _betas(shape, f"{place}.{name}"):
                if not beta.names <= set(self.program.parameters):
                    self._say(at, "must be known before the run: parameters alone may decide it", beta.text)

    def _channel(self, channel: str, place: str, *, dmm: bool) -> None:
        known = self.device.dmm_channels if dmm else self.device.channels
        if channel not in known:
            hint = did_you_mean(channel, sorted(known))
            self._say(f"{place}.channel", f"must be a channel of {self.device.name}{hint}", channel)

    def _atom(self, name: str, place: str) -> None:
        if name not in self.atoms:
            self._say(place, f"must be an atom of the register{did_you_mean(name, self.atoms)}", name)

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
                    self._say(at, "must name each pair of two atoms once", f"{one}, {other}")
                seen.add(frozenset({one, other}))

    def _named_atoms(self, named: Named, place: str) -> None:
        for part, name in named:
            self._atom(name, f"{place}.{part}")
        names, parts = [name for _, name in named], list(dict.fromkeys(part for part, _ in named))
        if len(set(names)) == len(names):
            return
        if len(parts) > 1:
            self._say(place, f"{' and '.join(parts)} must be two atoms", names[0])
        else:
            self._say(f"{place}.{parts[0]}", "must not name an atom twice", names[0])

    def _constant(self, expression: Expression) -> float | None:
        """Return an expression's value where parameters alone decide it."""
        try:
            return float(np.asarray(expression.evaluate(self.parameters)))
        except (QmemError, TypeError, ValueError):
            return None

    def _key(self, key: str, atoms: tuple[str, ...], place: str) -> None:
        others = {**self.program.parameters, **self.program.inputs, **self.program.memory}
        if key in others or is_reserved(key):
            self._say(place, "must not be a reserved name or that of a parameter, input or memory", key)
        if self.keys.setdefault(key, atoms) != atoms:
            self._say(place, f"already keeps the outcome of {', '.join(self.keys[key])}", key)

    def _look(self, block: Measure | Probe, place: str) -> None:
        self._atoms(block.atoms, f"{place}.atoms")
        level = {"digital": "h", "ground-rydberg": "r", "XY": "1", None: None}[block.basis]
        if level is not None and self.levels and level not in self.levels:
            self._say(
                f"{place}.basis",
                f"must be a basis of the program's levels {', '.join(self.levels)}",
                block.basis,
            )
        names = self.atoms if isinstance(block.atoms, str) else block.atoms
        if isinstance(block, Probe) and block.density_matrix and len(self.levels) ** len(names) > MOST_STATES:
            rule = f"must be of atoms with at most {MOST_STATES} basis states together"
            self._say(f"{place}.density_matrix", rule, f"{len(self.levels)} levels, {len(names)} atoms")
        if isinstance(block, Measure):
            self._key(block.key, names, f"{place}.key")

    def _assign(self, block: Classical, place: str) -> None:
        rule = classical_rule(block)
        for name, expression in rule.values.items():
            self._expression(expression, f"{place}.{name}", random=True)
            if name in self.program.parameters or name in self.program.inputs or name in self.counters:
                self._say(f"{place}.{name}", "must be memory, not a parameter, input or counter", name)
            elif name in self.keys or is_reserved(name):
                self._say(f"{place}.{name}", "must not be a key or a reserved name", name)
            elif name not in self.program.memory and (
                meant := get_close_matches(name, self.program.memory, n=1, cutoff=MISSPELT)
            ):
                hint = f"did you mean {meant[0]!r}? (declare it there if not)"
                self._say(f"{place}.{name}", f"is not declared in memory; {hint}", name)
            elif rule.windows and name not in self.windows:
                hint = did_you_mean(name, sorted(self.windows))
                self._say(f"{place}.{name}", f"must be a memory with a window{hint}", name)
            elif not rule.windows and name in self.windows:
                self._say(f"{place}.{name}", "is a window: push to it instead", name)
        if not rule.windows:
            self.assigned |= set(rule.values)

    def _repeat(self, block: Repeat, place: str) -> None:
        if block.times is not None:
            self._expression(block.times, f"{place}.times", random=False)
        for name in block.over or ():
            if name not in self.program.inputs:
                hint = did_you_mean(name, list(self.program.inputs))
                self._say(f"{place}.over", f"must be an input of the program{hint}", name)
        taken = {**self.program.parameters, **self.program.inputs, **self.program.memory, **self.keys}
        if block.counter in taken:
            self._say(f"{place}.counter", "must not be the name of anything else", block.counter)
        for part, given in (("counter", block.counter), ("name", block.name)):
            if given is not None and is_reserved(given):
                self._say(f"{place}.{part}", "is a reserved name", given)
        self.counters.append(block.counter)
        self.signals.extend(block.over or ())
        for i, inner in enumerate(block.body):
            self._block(inner, f"{place}.body[{i}].{inner.kind}")
        self.counters.pop()
        del self.signals[len(self.signals) - len(block.over or ()) :]

    def _window_size(self, window: Expression) -> int:
        """Return a window's size with the program's own parameters, 1 where that is not to be had."""
        size = self._constant(window)
        return 1 if size is None or not np.isfinite(size) else int(min(max(size, 1), 1000))

    def _when(self, block: When, place: str) -> None:
        self._expression(block.condition, f"{place}.if", random=True)
        for side, blocks in (("then", block.then), ("otherwise", block.otherwise)):
            for i, inner in enumerate(blocks):
                self._block(inner, f"{place}.{side}[{i}].{inner.kind}")

    def _for_each(self, block: ForEach, place: str) -> None:
        self._atoms(block.atom, f"{place}.atom")
        for atom in self.atoms if isinstance(block.atom, str) else block.atom:
            for i, inner in enumerate(block.body):
                self._block(substitute_atom(inner, block.variable, atom), f"{place}.body[{i}].{inner.kind}")

    def _expression(self, expression: Expression, place: str, *, random: bool, bare: bool = False) -> None:
        if expression.placeholders:
            self._say(place, "uses a $name outside its for_each", expression.text)
            return
        spaces: list[Collection[str]] = [self.program.parameters]
        if not bare:
            spaces += [self.program.memory, self.keys, self.assigned, self.counters, self.signals]
        before = len(self.found)
        for name in sorted(name for name in expression.names if not any(name in space for space in spaces)):
            self._say(place, self._unknown(name, {name for space in spaces for name in space}), name)
        for key, atom in sorted(expression.columns):
            if key in self.keys and atom not in self.keys[key]:
                self._say(
                    place,
                    f"key {key} has no atom {atom}{did_you_mean(atom, self.keys[key])}",
                    f"{key}.{atom}",
                )
            elif key not in self.keys and any(key in space for space in spaces):
                self._say(place, f"{key} is no key of several atoms", f"{key}.{atom}")
        if len(self.found) == before:
            self._dry(expression, place)
        if not random and (expression.is_random or expression.uses_ensemble):
            self._say(place, "may not draw or average here: set a memory variable first", expression.text)

    def _dry(self, expression: Expression, place: str) -> None:
        """Evaluate with stand-ins: windows and numbers must be used as what they are."""
        scope: dict[str, Any] = {name: np.ones(1) for name in expression.names}
        for name in expression.names & self.windows.keys():
            scope[name] = np.ones((1, self.windows[name]))
        for name in expression.names & self.keys.keys():
            scope[name] = Columns(self.keys[name], np.ones((1, len(self.keys[name]))))
        try:
            expression.evaluate(scope, random=_Ones(), weights=np.ones(1))
        except ExpressionError as error:
            self._say(place, f"{error.rule} at column {error.column} of the expression", expression.text)
        except QmemError as error:
            self._say(place, str(error), expression.text)

    def _unknown(self, name: str, known: set[str]) -> str:
        if name in self.program.inputs:
            return "is an input: it has a value only inside a repeat over it"
        if name in self.measured:
            return "is a key that is not measured yet at this point: measure it above, or keep a value in memory"
        return f"is not a known name here{did_you_mean(name, sorted(known))}"

    def _phase_references(self) -> None:
        """In the XY basis exchange needs one phase reference for all atoms at all times."""
        for place, block in walk_places(self.program.body, "body"):
            some = isinstance(block, PhaseShift) and block.atoms != "all" and set(block.atoms) != set(self.atoms)
            if some and isinstance(block, PhaseShift) and block.basis == "XY":
                self._say(place, "must act on all atoms at once: excitations are exchanged in the XY basis", None)


def degrees(program: Program) -> Iterator[Problem]:
    """Note angles that look like degrees: written-out numbers of more than two full turns."""
    for place, block in walk_places(program.body, "body"):
        if isinstance(block, Rotate) and block.angle is not None and not block.angle.names:
            angle = float(np.asarray(block.angle.evaluate({}))) if not block.angle.is_random else 0.0
            if abs(angle) > 4 * np.pi:
                rule = f"is {angle / (2 * np.pi):.3g} full turns: angles are in rad; degrees are written x * pi / 180"
                yield Problem(f"{place}.angle", rule, block.angle.text, severity="note")


def unread(program: Program) -> Iterator[Problem]:
    """Note parameters that nothing reads: a name may be misspelt where it should be read.

    >>> p = Program(name="p", register={"atoms": {"q": (0, 0)}}, parameters={"tau": 1}, body=())
    >>> [str(note) for note in unread(p)]
    ['parameters.tau: is read by nothing']
    """
    read = {name for part in (*program.body, *_declared(program)) for e in _found(part) for name in e.names}
    for name in program.parameters:
        if name not in read:
            yield Problem(f"parameters.{name}", "is read by nothing", severity="note")


def _declared(program: Program) -> Iterator[object]:
    yield from program.parameters.values()
    for source in program.inputs.values():
        yield from (source.default, source.rounds)
    for memory in program.memory.values():
        yield from (memory.initial, memory.window)


def _found(part: object) -> Iterator[Expression]:
    yield from (expression for _, expression in _expressions(part, ""))


def _betas(shape: object, at: str) -> Iterator[tuple[str, Expression]]:
    """Yield the shape parameters of Kaiser windows, which fix a waveform's samples."""
    match shape:
        case Kaiser():
            yield f"{at}.kaiser.beta", shape.beta
        case Composite():
            for i, part in enumerate(shape.waveforms):
                yield from _betas(part, f"{at}.composite.waveforms[{i}]")
        case _:
            pass


class _Ones:
    """Stands in for random numbers."""

    def uniform(self) -> NDArray[np.float64]:
        return np.ones(1)

    def normal(self) -> NDArray[np.float64]:
        return np.ones(1)


def _fields(block: Any) -> Iterator[tuple[str, Expression]]:
    """Yield every expression of a block with its path inside the block."""
    for name, info in type(block).model_fields.items():
        yield from _expressions(getattr(block, name), info.alias or name)


def _expressions(value: Any, at: str) -> Iterator[tuple[str, Expression]]:
    if isinstance(value, Expression):
        yield at, value
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _expressions(item, f"{at}[{i}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _expressions(item, f"{at}.{name}")
    elif hasattr(type(value), "kind"):
        for inner, expression in _fields(value):
            yield f"{at}.{value.kind}.{inner}", expression


def _keys(blocks: Iterable[AnyBlock]) -> set[str]:
    return {key for block in walk(blocks) if (key := key_of(block)) is not None}
