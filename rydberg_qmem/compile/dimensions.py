"""Names of the record's dimensions: one for each repeat, its own or `round`, `round_2` and so on."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from rydberg_qmem.errors import InputError


@dataclass
class Dimensions:
    """Names the record's dimensions of repeats; the copies of a repeat in rounds written out share theirs."""

    named: list[str] = field(default_factory=list)
    repeated: Iterator[str] | None = None

    @property
    def given(self) -> int:
        """How many repeats have been named."""
        return len(self.named)

    def name(self, wanted: str | None, taken: Container[str], place: str) -> str:
        """Return the dimension of the next repeat; InputError where another one has the name that it wants."""
        if self.repeated is not None:
            name = next(self.repeated)
        else:
            name = wanted or next(free for free in _free_names() if free not in taken)
            if name in taken:
                raise InputError(f"{place}.name: two repeats cannot share the dimension {name!r}")
        self.named.append(name)
        return name

    @contextmanager
    def again(self, first: int | None) -> Iterator[None]:
        """Give the names from the `first` on once more, those of one round; None: go on as before."""
        outer, before = self.repeated, self.given
        if first is not None:
            self.repeated = iter(self.named[first:])
        yield
        if first is not None:
            self.repeated = outer
            del self.named[before:]  # those of the first round stay


def _free_names() -> Iterator[str]:
    yield "round"
    yield from (f"round_{i}" for i in count(2))
