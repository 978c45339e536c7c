"""Data and places, built from the parts of a file in the order read; depth, size and problems are bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from rydberg_qmem.errors import Problem, ProgramError, short
from rydberg_qmem.language.source_map import Mark, SourceMap, Spot

MAX_DEPTH = 64
MAX_PROBLEMS = 20
MAX_NAME = 60
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled at `place`; `key` is the key whose value comes next."""

    data: dict[str, object] | list[object]
    spot: Spot
    place: str
    key: str | None = None
    key_mark: Mark = (1, 1)

    @property
    def wants_key(self) -> bool:
        return isinstance(self.data, dict) and self.key is None


class DataBuilder:
    """Takes the parts of a file in the order read, without recursion, and makes data and places of them."""

    def __init__(self, file: str, limit: int) -> None:
        self.file, self.limit = file, limit
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.count = 0
        self.mark: Mark = (1, 1)  # of the part read last
        self.data: object = None
        self.root: Spot | None = None

    def result(self) -> tuple[object, SourceMap]:
        """Return the data and the places of its values, or raise ProgramError with all problems."""
        if self.root is None:
            self.fail("is empty", (1, 1))
        if self.problems:
            raise ProgramError(self.problems)
        return self.data, SourceMap(self.file, self.root)

    def note(self, rule: str, mark: Mark, value: str | None = None) -> None:
        """Keep a problem and go on, up to a bound."""
        self.problems.append(Problem(self.place(), rule, value, self.file, *mark))
        if len(self.problems) >= MAX_PROBLEMS:
            raise ProgramError(self.problems)

    def fail(self, rule: str, mark: Mark, value: str | None = None) -> NoReturn:
        """Raise ProgramError with the problems so far and this one."""
        raise ProgramError([*self.problems, Problem(self.place(), rule, value, self.file, *mark)])

    def place(self) -> str:
        """Return the place of the value that comes next."""
        if not self.stack:
            return ""
        entry = self.stack[-1]
        if isinstance(entry.data, list):
            return f"{entry.place}[{len(entry.data)}]"
        if entry.key is None:
            return entry.place
        name = entry.key if entry.key.isprintable() and len(entry.key) < MAX_NAME else short(entry.key, MAX_NAME)
        return f"{entry.place}.{name}" if entry.place else name

    def open(self, data: dict[str, object] | list[object], mark: Mark) -> None:
        """Begin a mapping or list, which stays the innermost until it is closed."""
        self.bound(mark)
        if self.stack and self.stack[-1].wants_key:
            self.fail("keys must be text, not a mapping or list", mark)
        if len(self.stack) >= MAX_DEPTH:
            self.fail(f"must be nested at most {MAX_DEPTH} deep", mark)
        place = self.place()
        spot = self.attach(data, mark)
        spot.children = {}
        self.stack.append(_Open(data, spot, place))

    def close(self) -> None:
        """End the innermost mapping or list."""
        self.stack.pop()

    def scalar(self, value: object, mark: Mark) -> None:
        """Take a scalar: the next key of a mapping, or a value."""
        self.bound(mark)
        if isinstance(value, str) and SURROGATE.search(value):
            self.note("holds half of a surrogate pair", mark, short(value))
        if self.stack and self.stack[-1].wants_key:
            self.take_key(value, mark)
        else:
            self.attach(value, mark)

    def take_key(self, key: object, mark: Mark) -> None:
        """Take a key, which must be text and new in its mapping."""
        entry = self.stack[-1]
        entry.key, entry.key_mark = key if isinstance(key, str) else short(key), mark
        if not isinstance(key, str):
            self.note("keys must be text: put it in quotes", mark, short(key))
        elif entry.spot.children and key in entry.spot.children:
            first = entry.spot.children[key].key[0]
            self.note(f"is given twice, on line {first} and on line {mark[0]}", mark)

    def bound(self, mark: Mark) -> None:
        """Count a part of the file, of which there may be only so many."""
        self.count += 1
        if self.count > self.limit:
            self.fail(f"must hold at most {self.limit} keys and values", mark)

    def attach(self, value: object, mark: Mark) -> Spot:
        """Put a value into the innermost mapping or list and return its place."""
        if not self.stack:
            self.data, self.root = value, Spot(mark, mark)
            return self.root
        entry = self.stack[-1]
        spot, name = Spot(mark, mark), entry.key
        if isinstance(entry.data, list):
            self._child(entry.spot, len(entry.data), spot)
            entry.data.append(value)
        elif name is not None:
            spot.key = entry.key_mark
            self._child(entry.spot, name, spot)
            entry.data[name] = value
        entry.key = None
        return spot

    @staticmethod
    def _child(parent: Spot, name: str | int, spot: Spot) -> None:
        if parent.children is not None:
            parent.children[name] = spot


def nests_too_deep(data: object) -> bool:
    """Return whether data nest deeper than files may, without recursion."""
    layer: list[Any] = [data]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for item in layer:
            inner.extend(item.values() if isinstance(item, Mapping) else item if isinstance(item, list | tuple) else ())
        layer = [item for item in inner if isinstance(item, Mapping | list | tuple)]
        if not layer:
            return False
    return True
