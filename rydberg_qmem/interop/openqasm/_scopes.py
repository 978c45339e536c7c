"""What names of an OpenQASM file stand for while it is read: atoms, variables, known numbers, gates, subroutines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from rydberg_qmem.interop.openqasm._values import Bits, Number, Type, unknown
from rydberg_qmem.language.arithmetic import RESERVED
from rydberg_qmem.language.values import KEPT_BY_PYTHON

TAKEN = frozenset({*RESERVED, *KEPT_BY_PYTHON, "all", "shot", "point", "time_us", "round"})


@dataclass(eq=False)
class Cell:
    """A scalar variable: its number where it is known or never changes again, else the memory that holds it.

    `pins` counts the branches and loops around in which it must stay in memory.
    """

    name: str
    type: Type
    value: Number | None
    pins: int = 0
    kept: bool = False
    """Whether memory has ever held it."""

    @property
    def number(self) -> Number:
        """Its present value."""
        if self.value is not None:
            return self.value
        low, high = self.type.bounds
        return unknown(self.type, self.name, low=low, high=high, stable=False)


@dataclass(frozen=True)
class Atoms:
    """Qubits by the names of their atoms; `single` where they were declared as one."""

    names: tuple[str, ...]
    single: bool = False


@dataclass(frozen=True)
class BitRegister:
    """A register of bits as a variable."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Array:
    """An array of variables, or of arrays."""

    parts: tuple[Any, ...]
    type: Type


@dataclass(frozen=True)
class Gate:
    """A gate that the file defines, where it stands."""

    node: Any
    scope: Scope


@dataclass(frozen=True)
class Subroutine:
    """A subroutine that the file defines, where it stands."""

    node: Any
    scope: Scope


Meaning = Cell | Atoms | BitRegister | Array | Gate | Subroutine | Number | Bits


@dataclass
class Scope:
    """Names of a block of statements, over those around it; `closed` to variables around it, as subroutines are."""

    outer: Scope | None = None
    closed: bool = False
    names: dict[str, Meaning] = field(default_factory=dict)

    def find(self, name: str) -> Meaning | None:
        """Return what a name stands for, or None."""
        if name in self.names:
            return self.names[name]
        found = None if self.outer is None else self.outer.find(name)
        hidden = self.closed and isinstance(found, Cell | BitRegister | Array | Atoms)
        return None if hidden else found

    def inner(self) -> Scope:
        """Return a scope within."""
        return Scope(self)


class Namer:
    """Gives atoms, memory, keys and counters names that no other has, near those of the file."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def name(self, wanted: str) -> str:
        """Return a free name that a program may use."""
        text = "".join(c if re.match(r"\w", c, re.ASCII) else f"u{ord(c):x}" for c in wanted).lstrip("_") or "v"
        text = text if text[0].isalpha() else f"v{text}"
        text = text[:50]
        if text in TAKEN or text.endswith(("__", "_final")):
            text = f"{text.rstrip('_')}_v"
        made, count = text, 1
        while made in self.taken:
            count += 1
            made = f"{text}_{count}"
        self.taken.add(made)
        return made
