"""Findings: problems made of errors, each told once, with its line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rydberg_qmem.errors import Findings, Problem, QmemError, short
from rydberg_qmem.language.problems import locate
from rydberg_qmem.language.program import Program

_PART = re.compile(r"([A-Za-z_$][A-Za-z0-9_$-]*)|\[(\d+)\]")


@dataclass
class Report:
    """Problems, as one after the other is found."""

    found: list[Problem] = field(default_factory=list)

    def say(self, place: str, rule: str, value: object = None) -> None:
        """Add what is wrong at a place: the rule, and the value that breaks it."""
        self.found.append(Problem(place, rule, None if value is None else short(value)))


def located(program: Program, found: Iterable[Problem]) -> Findings:
    """Return each problem of a program once, with its line and column."""
    return Findings(locate(problem, path_of(problem.place), program.source) for problem in dict.fromkeys(found))


def path_of(place: str) -> tuple[str | int, ...]:
    """Return the path that a place's text stands for.

    >>> path_of("body[0].repeat.times")
    ('body', 0, 'repeat', 'times')
    """
    return tuple(int(index) if index else name for name, index in _PART.findall(place))


def as_problem(error: QmemError | str) -> Problem:
    """Return the problem that an error tells of, at the place that its text begins with."""
    place, colon, rule = str(error).partition(": ")
    known = colon and re.fullmatch(r"[A-Za-z_][\w.\[\]$-]*", place)
    return Problem(place, rule) if known else Problem("", str(error))
