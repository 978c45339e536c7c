"""From a program of gates to an OpenQASM 3 circuit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from numpy.typing import ArrayLike

from rydberg_qmem import arguments
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.seams import each_atom
from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.gates import HIDDEN, expand_cell
from rydberg_qmem.interop.openqasm._formulas import Names, number_text, truth_text
from rydberg_qmem.interop.openqasm._gate_lines import KEYWORDS, gate_line
from rydberg_qmem.interop.openqasm._scopes import Namer
from rydberg_qmem.interop.openqasm._standard_gates import STANDARD
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import (
    Align,
    AnyBlock,
    Cell,
    Delay,
    ForEach,
    Gate,
    Measure,
    PhaseShift,
    Probe,
    Push,
    Repeat,
    Reset,
    Rotate,
    Set,
    When,
)  # fmt: skip
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification import compile_checked


@arguments.taking(program=library.program, **SETTINGS, probes=arguments.flag)
def to_openqasm(
    program: Program, *, parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None, rounds: int | None = None, probes: bool = True,
) -> str:  # fmt: skip
    """Return a program of gates, measurement, reset, memory and feedforward as the text of an OpenQASM 3 circuit.

    Atoms become qubits, keys bits, memory floats (a window one float for each of its values), loops `for`; parameters
    and inputs are written as their numbers, cells as their gates. Where atoms stand and how pulses make a gate is left
    behind. Names that OpenQASM keeps for itself get an underscore.

    Args:
        program: The program.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        inputs: For each input by name, an expression of the round k, or one number for each round, shape (rounds,).
        rounds: How many rounds the inputs that are expressions have; as the program says if not given.
        probes: Whether probes count, which OpenQASM does not have; without, they are left out.

    Raises ProgramError for a program that does not pass `check`; CapabilityError, with the place, for what OpenQASM
    has no words for: pulses, Rydberg levels, probes, random numbers, means over shots.

    >>> print(to_openqasm(library.load("zeno")).splitlines()[0])
    OPENQASM 3.0;
    """
    compiled = compile_checked(program, parameters=parameters, inputs=inputs, rounds=rounds)
    return _Writer(compiled, probes).text()


@dataclass
class _Writer:
    """Writes one program: the names of its circuit, and the gates that it has to define."""

    compiled: Compiled
    probes: bool
    defined: dict[str, None] = field(default_factory=dict)
    hidden: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.namer = Namer()
        self.namer.taken |= {*KEYWORDS, *STANDARD, "zz", "exchange"}
        program, compiled = self.compiled.program, self.compiled
        self.atoms = {name: self.namer.name(name) for name in compiled.target.atoms}
        names = dict.fromkeys((*program.memory, *compiled.scalars))
        self.memory = {name: self.namer.name(name) for name in names if name not in compiled.windows}
        self.windows = {
            name: tuple(self.namer.name(f"{name}_{i}") for i in range(size))
            for name, (size, _) in compiled.windows.items()
        }
        self.signals = {name: self.namer.name(name) for name in compiled.inputs}
        self.counters: dict[str, str] = {}
        self.over: dict[str, str] = {}
        self.keys: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.before: list[str] = []

    def text(self) -> str:
        """Return the whole circuit."""
        body = list(self.body(self.compiled.program.body, "body"))
        lines = ["OPENQASM 3.0;", 'include "stdgates.inc";', *self.defined, *self.declarations(), *body]
        return "\n".join(lines) + "\n"

    def declarations(self) -> Iterator[str]:
        """Yield the declarations of qubits, bits, memory and inputs."""
        yield from (f"qubit {name};" for name in self.atoms.values())
        for name, atoms in self.keys.values():
            yield f"bit {name};" if len(atoms) == 1 else f"bit[{len(atoms)}] {name};"
        for name, own in self.memory.items():
            yield f"float[64] {own} = {self.initial(name)};"
        for name, (_, initial) in self.compiled.windows.items():
            value = self.number(initial, f"memory.{name}")
            yield from (f"float[64] {own} = {value};" for own in self.windows[name])
        for name, values in self.compiled.inputs.items():
            numbers = ", ".join(repr(float(value)) for value in values)
            yield f"array[float[64], {len(values)}] {self.signals[name]} = {{{numbers}}};"

    def initial(self, name: str) -> str:
        given = self.compiled.scalars.get(name)
        return "0" if given is None else self.number(given, f"memory.{name}")

    # --- expressions ---

    def names(self) -> Names:
        plain = {**self.memory, **self.counters, **self.over}
        parts = dict(self.windows)
        columns, bits = {}, set()
        for key, (own, atoms) in self.keys.items():
            if len(atoms) == 1:
                plain[key] = own
                bits.add(key)
                columns[key, atoms[0]] = own
                parts[key] = (f"float[64](bool({own}))",)
                continue
            columns |= {(key, atom): f"{own}[{i}]" for i, atom in enumerate(atoms)}
            parts[key] = tuple(f"float[64](bool({own}[{i}]))" for i in range(len(atoms)))
        return Names(plain, parts, columns, frozenset(bits), self.namer.name)

    def number(self, expression: Expression, place: str) -> str:
        text, lines = number_text(expression.bind(self.compiled.parameters), self.names(), place)
        self.before += lines
        return text

    def first(self) -> Iterator[str]:
        """Yield the lines that what was written last needs before it."""
        yield from self.before
        self.before = []

    # --- blocks ---

    def body(self, blocks: Iterable[AnyBlock], place: str) -> Iterator[str]:
        for i, block in enumerate(blocks):
            yield from self.block(block, f"{place}[{i}].{block.kind}")

    def line(self, text: str) -> Iterator[str]:
        """Yield the lines that a line needs before it, and the line."""
        yield from self.first()
        yield text

    def block(self, block: AnyBlock, place: str) -> Iterator[str]:
        match block:
            case _ if isinstance(block, Cell):
                for inner in expand_cell(block, hidden_key=f"h{next(self.hidden)}{HIDDEN}"):
                    yield from self.block(inner, place)
            case ForEach():
                for inner, where in each_atom((block,), place, self.compiled.target.atoms):
                    yield from self.block(inner, where)
            case Repeat():
                yield from self.repeat(block, place)
            case When():
                yield from self.when(block, place)
            case Set():
                yield from self.set(block, place)
            case Push():
                yield from self.push(block, place)
            case Measure():
                yield from self.measure(block, place)
            case Reset():
                yield from (f"reset {self.atoms[atom]};" for atom in self.named(block.atoms))
            case Align():
                yield "barrier;"
            case Delay():
                yield from self.line(
                    f"delay[{self.number(block.duration_ns, place)}ns] {', '.join(self.atoms.values())};"
                )
            case PhaseShift(basis="digital"):
                angle = self.number(block.angle, place)
                yield from self.first()
                yield from (f"rz({angle}) {self.atoms[atom]};" for atom in self.named(block.atoms))
            case _ if isinstance(block, Gate):
                yield from self.gate(block, place)
            case Probe() if not self.probes:
                pass
            case Probe():
                rule = "has no probes, which only emulators have: probes=False (`--without-probes`) leaves them out"
                raise CapabilityError(f"{place}: OpenQASM {rule}")
            case _:
                rule = "has no pulses: export them by to_pulser, or write the gate that they make"
                raise CapabilityError(f"{place}: OpenQASM {rule}")

    def named(self, atoms: str | tuple[str, ...]) -> tuple[str, ...]:
        return self.compiled.target.atoms if atoms == "all" else tuple(atoms)

    def gate(self, gate: Gate, place: str) -> Iterator[str]:
        if isinstance(gate, Rotate) and gate.quaternion is not None and gate.basis == "digital":
            for inner in expand_cell(gate, hidden_key=""):
                yield from self.block(inner, place)
            return
        line, definition = gate_line(gate, self.atoms, lambda angle: self.number(angle, place), place)
        if definition:
            self.defined[definition] = None
        yield from self.line(line)

    def measure(self, block: Measure, place: str) -> Iterator[str]:
        if block.basis not in (None, "digital"):
            raise CapabilityError(f"{place}: OpenQASM measures g against h, the digital basis, not {block.basis}")
        atoms = self.named(block.atoms)
        if block.key not in self.keys:
            self.keys[block.key] = self.namer.name(block.key), atoms
        own = self.keys[block.key][0]
        if len(atoms) == 1:
            yield f"{own} = measure {self.atoms[atoms[0]]};"
        else:
            yield from (f"{own}[{i}] = measure {self.atoms[atom]};" for i, atom in enumerate(atoms))

    # --- memory ---

    def set(self, block: Set, place: str) -> Iterator[str]:
        """Yield assignments; where one reads what another writes, all values are taken first."""
        values = {name: self.number(value, f"{place}.{name}") for name, value in block.values.items()}
        yield from self.first()
        if len(values) > 1 and any(value.names & block.values.keys() for value in block.values.values()):
            before = {name: self.namer.name("old") for name in values}
            yield from (f"float[64] {before[name]} = {text};" for name, text in values.items())
            values = before
        yield from (f"{self.memory[name]} = {text};" for name, text in values.items())

    def push(self, block: Push, place: str) -> Iterator[str]:
        values = {name: self.number(value, f"{place}.{name}") for name, value in block.values.items()}
        yield from self.first()
        before = {name: self.namer.name("new") for name in values}
        yield from (f"float[64] {before[name]} = {text};" for name, text in values.items())
        for name in values:
            parts = self.windows[name]
            yield from (f"{parts[i]} = {parts[i - 1]};" for i in range(len(parts) - 1, 0, -1))
            yield f"{parts[0]} = {before[name]};"

    # --- control ---

    def repeat(self, block: Repeat, place: str) -> Iterator[str]:
        if block.over is None:
            assert block.times is not None  # one of the two is given
            times = int(float(str(block.times.bind(self.compiled.parameters))))
        else:
            times = len(self.compiled.inputs[block.over[0]])
        if not times:
            return
        own = self.namer.name(block.counter)
        outer = dict(self.counters), dict(self.over)
        self.counters[block.counter] = f"float[64]({own})"
        self.over |= {name: f"{self.signals[name]}[{own}]" for name in block.over or ()}
        yield f"for int {own} in [0:{times - 1}] {{"
        yield from (f"  {line}" for line in self.body(block.body, f"{place}.body"))
        yield "}"
        self.counters, self.over = outer

    def when(self, block: When, place: str) -> Iterator[str]:
        condition, lines = truth_text(block.condition.bind(self.compiled.parameters), self.names(), f"{place}.if")
        yield from lines
        yield f"if ({condition}) {{"
        yield from (f"  {line}" for line in self.body(block.then, f"{place}.then"))
        if block.otherwise:
            yield "} else {"
            yield from (f"  {line}" for line in self.body(block.otherwise, f"{place}.otherwise"))
        yield "}"
