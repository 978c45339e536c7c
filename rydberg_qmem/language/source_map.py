"""Places of values in a file: line and column of each, and of its key."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Mark = tuple[int, int]


@dataclass(slots=True)
class Spot:
    """Where a value stands, and its key; line and column count from 1."""

    value: Mark
    key: Mark
    children: dict[str | int, Spot] | None = None


class SourceMap:
    """Where each value of a parsed file stands.

    >>> from rydberg_qmem.language.files import parse_yaml
    >>> data, source = parse_yaml("body:\\n  - measure: {atoms: a}", "p.yaml")
    >>> source.locate(("body", 0, "measure", "atoms"))
    (2, 22)
    """

    def __init__(self, file: str, root: Spot | None) -> None:
        self.file = file
        self._root = root

    def locate(self, path: Sequence[str | int], *, on_key: bool = False) -> Mark | None:
        """Return line and column, from 1, of the value at `path`, or of its key.

        For a path that is not in the file, the place of the longest part of it that is.
        """
        spot = self._root
        for part in path:
            below = spot.children.get(part) if spot and spot.children else None
            if below is None:
                break
            spot = below
        if spot is None:
            return None
        return spot.key if on_key else spot.value


class Lines:
    """Turns positions in a text into lines and columns."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def mark(self, position: int) -> Mark:
        """Return line and column, from 1, of a position in the text."""
        line = bisect_right(self.starts, position)
        return line, position - self.starts[line - 1] + 1
