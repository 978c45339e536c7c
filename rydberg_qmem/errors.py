"""The project's own errors: each names the place, the rule and the value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal


class QmemError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a program, its place and, for files, its line and column.

    >>> str(Problem("body[0].measure.atoms", "must name atoms of the register", "'b'"))
    "body[0].measure.atoms: must name atoms of the register ('b')"
    """

    place: str
    rule: str
    value: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    severity: Literal["problem", "note"] = "problem"
    """A problem keeps a program from running; a note says what only the run can tell."""

    def __str__(self) -> str:
        where = f"{self.file}:" if self.file else ""
        if self.line is not None:
            where += f"{self.line}:{self.column or 1}:"
        place = f"{self.place}: " if self.place else ""
        shown = f" ({self.value})" if self.value is not None else ""
        return f"{where}{' ' if where else ''}{place}{self.rule}{shown}"

    def at(self, file: str | None, line: int | None, column: int | None) -> Problem:
        """Return the same problem with its place in a file."""
        return replace(self, file=file, line=line, column=column)


class Findings(list[Problem]):
    """The problems of a program, none where it may run; `notes` say what could not be proved before the run.

    >>> found = Findings([Problem("body[0].pulse.amplitude", "is not proved", severity="note")])
    >>> bool(found), len(found.notes)
    (False, 1)
    """

    def __init__(self, found: Iterable[Problem] = ()) -> None:
        every = tuple(found)
        super().__init__(problem for problem in every if problem.severity == "problem")
        self.notes = tuple(problem for problem in every if problem.severity == "note")


class InputError(QmemError):
    """Bad input: a file, an argument, a setting. The command line exits with 2."""

    exit_code = 2


class ProgramError(InputError):
    """All the problems of a program at once.

    >>> error = ProgramError([Problem("shots", "must be at least 1", "0")])
    >>> str(error)
    'shots: must be at least 1 (0)'
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ProgramError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class CapabilityError(InputError):
    """A program asks an emulator or a device for something it cannot do."""


class StoreError(InputError):
    """A record on disk cannot be read, or must not be written."""


class RunError(QmemError):
    """A run failed: the message names point, round and block."""


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return `; did you mean 'x'?` for a near match of `name`, else the known names.

    >>> did_you_mean("mesure", ["measure", "reset"])
    "; did you mean 'measure'?"
    >>> did_you_mean("zzz", ["measure", "reset"])
    '; known: measure, reset'
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not known:
        return ""
    return f"; known: {listed(sorted(known))}"


def listed(names: Sequence[str], maximum: int = 12) -> str:
    """Return names joined by commas, with an ellipsis for those beyond the first few.

    >>> listed(["a", "b", "c"], maximum=2)
    'a, b, …'
    """
    return ", ".join(names[:maximum]) + (", …" if len(names) > maximum else "")


def printable(text: str) -> str:
    r"""Return text as it may leave for a terminal or a page: what does not print is shown as its escape.

    Line ends and tabs stay. Escapes of terminals, NUL and signs that turn the direction of writing do not print.

    >>> print(printable("\x1b[31mred\u202e"))
    \x1b[31mred\u202e
    """
    return "".join(sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in text)


def as_html(text: str) -> str:
    r"""Return text as HTML: the signs of HTML in it, and what does not print, escaped.

    >>> print(as_html("a < b\x07"))
    a &lt; b\x07
    """
    return escape(printable(text))


def short(value: object, limit: int = 60) -> str:
    """Return `repr(value)` cut to `limit` characters, for messages."""
    try:
        text = repr(value)
    except ValueError:  # integers beyond the digits that Python prints
        text = f"<{type(value).__name__} too large to print>"
    except Exception:  # an object whose own repr fails
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
