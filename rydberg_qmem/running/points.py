"""The points of a run, each checked and compiled when it is its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from rydberg_qmem.compile.bind import bind_parameters
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.template import Template
from rydberg_qmem.errors import QmemError
from rydberg_qmem.language.blocks import Repeat, walk
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program

FEW = 64
"""So many points are checked and kept before the first of them runs."""


class Points(Sequence[Compiled]):
    """Compiled points. Few are all made at once; of many, only the last one asked for is kept.

    Many points are kept, too, where what is swept shapes the record: its layout is not known before.
    """

    def __init__(
        self,
        program: Program,
        settings: Sequence[Mapping[str, float]],
        swept: Sequence[str],
        compiled: Callable[[Mapping[str, float]], Compiled],
        *,
        alike: Callable[[Compiled], Compiled] | None = None,
        inputs: Mapping[str, Any] | None = None,
        rounds: int | None = None,
    ) -> None:
        """Hold points that `compiled` checks and compiles; those `alike` but for their numbers it only checks."""
        self.program, self.settings, self._compiled = program, settings, compiled
        self.come_late = len(settings) > FEW and not (moved_by(program, swept) & shaping(program, inputs or {}))
        self._made = {k: compiled(settings[k]) for k in range(1 if self.come_late else len(settings))}
        self._last: tuple[int, Compiled] = (0, self._made[0])
        self._moved, self._alike, self._shared = moved_by(program, swept), alike, {"inputs": inputs, "rounds": rounds}
        self._template: Template | None = None
        self._tried = False

    def __len__(self) -> int:
        return len(self.settings)

    def __getitem__(self, point: Any) -> Any:
        """Return a compiled point; ProgramError if it has problems."""
        if point in self._made:
            return self._made[point]
        if self._last[0] != point:
            self._last = (point, self._late(self.settings[point]))
        return self._last[1]

    def _late(self, setting: Mapping[str, float]) -> Compiled:
        """Return a point that the template gives, or else the compiler, from which the template is made."""
        if self._template is not None and self._alike is not None:
            with suppress(QmemError):  # what is wrong is said of the program as it is written
                return self._alike(self._template.bound(setting))
        made = self._compiled(setting)
        if not self._tried and self._alike is not None:
            self._template, self._tried = Template.of((self._made[0], made), self._moved, **self._shared), True
        return made

    def __iter__(self) -> Iterator[Compiled]:
        return (self[k] for k in range(len(self)))

    @property
    def layouts(self) -> list[Compiled]:
        """For each point, a compiled one whose record has the same shape."""
        return [self._made.get(k, self._made[0]) for k in range(len(self))]

    def forget(self, point: int) -> None:
        """Let go of what was lowered for a point that is finished."""
        if len(self.settings) > FEW and point in self._made:
            self._made[point].target.plans.clear()

    def varied(self) -> frozenset[str]:
        """Return the parameters that are not the same in all points."""
        first = self._made[0].parameters
        moved = [name for name in first if name in moved_by(self.program, list(self.settings[0]))]
        found = set[str]()
        for some in self.settings:
            if len(found) == len(moved):
                break  # nothing is left that could vary
            row = bind_parameters(self.program, some)
            found |= {name for name in moved if row[name] != first[name]}
        return frozenset(found)


def moved_by(program: Program, names: Sequence[str]) -> frozenset[str]:
    """Return parameters and all others that are computed from them.

    >>> program = Program(name="p", register={"atoms": {"q": (0, 0)}}, parameters={"a": 1, "b": "2 * a"}, body=())
    >>> sorted(moved_by(program, ["a"]))
    ['a', 'b']
    """
    moved = set(names)
    while True:
        more = {name for name, value in program.parameters.items() if value.names & moved} - moved
        if not more:
            return frozenset(moved)
        moved |= more


def shaping(program: Program, inputs: Mapping[str, Any]) -> frozenset[str]:
    """Return the parameters that say how long loops and windows are, and what inputs are: the layout of the record."""
    names: set[str] = set()
    for memory in program.memory.values():
        names |= _names(memory.window)
    for name, signal in program.inputs.items():
        names |= _names(signal.rounds) | _names(inputs.get(name, signal.default))
    for block in walk(program.body):
        if isinstance(block, Repeat):
            names |= _names(block.times)
    return frozenset(names)


def _names(value: object) -> frozenset[str]:
    return Expression(value).names if isinstance(value, str | Expression) else frozenset()
