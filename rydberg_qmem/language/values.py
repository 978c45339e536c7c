"""Names, atoms and frozen mappings: what the fields of a program's parts hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from keyword import kwlist
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

K = TypeVar("K")
V = TypeVar("V")

KEPT_BY_PYTHON = frozenset(kwlist)
"""Words of the grammar by which expressions are read: `and`, `in`, `lambda`, `None`, …"""

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
PLACEHOLDER = re.compile(r"\$([A-Za-z][A-Za-z0-9_]*)")


def _readable(name: str) -> str:
    if name in KEPT_BY_PYTHON:
        raise PydanticCustomError("reserved", "is a reserved name: expressions could not read it")
    return name


Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
"""Letters, digits, underscores; a letter first."""

# A name that expressions can read: no word of Python's grammar, by which they are read.
VariableName = Annotated[Name, AfterValidator(_readable)]

AtomName = Annotated[str, StringConstraints(pattern=r"^\$?[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
"""An atom of the register, or `$name` inside a `for_each`."""

KeyName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z$][A-Za-z0-9_$]*$", max_length=64), AfterValidator(_readable)
]
"""The name an outcome is kept under; may hold `$name` inside a `for_each`."""


class FrozenDict(dict[K, V]):
    """A mapping that cannot change and can be hashed.

    >>> FrozenDict({"a": 1}) == {"a": 1}
    True
    """

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("a program is a value: change a copy of it, not its parts")

    __setitem__ = _refuse
    __delitem__ = _refuse
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse
    __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


class OrderedFrozenDict(FrozenDict[K, V]):
    """A frozen mapping whose order is part of its value: the atoms of a register."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and list(self.items()) == list(other.items())

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none
        return hash(tuple(self.items()))


FrozenMapping = Annotated[dict[K, V], AfterValidator(FrozenDict)]
OrderedMapping = Annotated[dict[K, V], AfterValidator(OrderedFrozenDict)]


def _as_atoms(value: object) -> object:
    if isinstance(value, str):
        return "all" if value == "all" else (value,)
    return value


def _distinct(value: object) -> object:
    if isinstance(value, tuple):
        if not value:
            raise PydanticCustomError("atoms", "must name at least one atom")
        if len(set(value)) < len(value):
            raise PydanticCustomError("atoms", "must not name an atom twice")
    return value


Atoms = Annotated[
    str | tuple[AtomName, ...],
    BeforeValidator(_as_atoms, json_schema_input_type=str | list[str]),
    AfterValidator(_distinct),
]
"""One atom, a list of atoms, or `all`."""

AtomPair = Annotated[tuple[AtomName, AtomName], AfterValidator(_distinct)]
"""Two different atoms."""


def placeholders(text: str) -> Iterator[str]:
    """Yield the `$name` placeholders of a text."""
    for match in PLACEHOLDER.finditer(text):
        yield match.group(1)
