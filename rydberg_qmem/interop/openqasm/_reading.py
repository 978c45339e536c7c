"""From OpenQASM text to the tree of the language's reference parser; what it refuses is told with line and column."""

from __future__ import annotations

import re
from contextlib import redirect_stderr
from io import StringIO
from types import ModuleType
from typing import Any, NoReturn

from rydberg_qmem.errors import InputError, Problem, ProgramError, short

INSTALL = "pip install 'rydberg_qmem[openqasm]'"
MAX_CHARACTERS = 100_000
"""Longer texts take the parser, which is written in Python, more than a few seconds."""
MAX_DEPTH = 40
"""Brackets within brackets; the parser's time grows steeply with them."""
_PLACE = re.compile(r"^L(\d+):C(\d+): (.*)$", re.DOTALL)
_REPORT = re.compile(r"^line (\d+):(\d+) (.*)$", re.MULTILINE)


def parser() -> ModuleType:
    """Return the reference parser, the package `openqasm3`; raise InputError with the way to install it if missing."""
    try:
        import openqasm3
        import openqasm3.parser
    except ImportError:
        raise InputError(
            f"OpenQASM is read by the package openqasm3[parser], which is not installed: {INSTALL}"
        ) from None
    made: ModuleType = openqasm3
    return made


class NeedsKnown(ProgramError):
    """A number that must be known when the file is read is not."""


def refuse(
    node: Any, place: str, rule: str, value: object = None, *, error: type[ProgramError] = ProgramError
) -> NoReturn:
    """Raise ProgramError for a part of the tree: line and column, what it is, the rule with a way out, the value."""
    span = getattr(node, "span", None)
    line, column = (span.start_line, span.start_column + 1) if span is not None else (None, None)
    shown = None if value is None else value if isinstance(value, str) else short(value)
    raise error([Problem(place, rule, shown, None, line, column)])


def parsed(text: str) -> Any:
    """Return the tree of an OpenQASM text, or raise ProgramError where the parser finds none."""
    openqasm3 = parser()
    _small(text)
    told = StringIO()
    try:
        with redirect_stderr(told):  # the parser's own reports, of which the first says what is wrong
            tree = openqasm3.parse(text)
    except openqasm3.parser.QASM3ParsingError as error:
        _refuse_text(error, text, told.getvalue())
    except RecursionError:
        raise ProgramError([Problem("", "is nested too deeply for the parser")]) from None
    except Exception as error:  # the parser's own faults on texts that are no OpenQASM
        rule = f"is no OpenQASM that the reference parser reads ({type(error).__name__}: {short(str(error))})"
        raise ProgramError([Problem("", rule)]) from None
    version = tree.version
    if version is not None and version.partition(".")[0] not in ("2", "3"):
        raise ProgramError([Problem("OPENQASM", "must be version 3, or 2", version, None, 1, 1)])
    return tree


def _small(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        rule = f"must have at most {MAX_CHARACTERS} characters: say what repeats by for, gate and def"
        raise ProgramError([Problem("", rule, str(len(text)))])
    depth, line = 0, 1
    for sign in text:
        line += sign == "\n"
        depth = max(0, depth + (sign in "([{") - (sign in ")]}"))
        if depth > MAX_DEPTH:
            raise ProgramError([Problem("", f"must nest brackets at most {MAX_DEPTH} deep", None, None, line, 1)])


def _refuse_text(error: Exception, text: str, report: str) -> NoReturn:
    """Raise ProgramError with the place that the parser, its report, or the cause of its error tells."""
    told = _PLACE.match(str(error)) or _REPORT.match(report)
    if told:
        raise ProgramError([_syntax(told[3], int(told[1]), int(told[2]), text)])
    cause: Any = error.__cause__
    while cause is not None and getattr(cause, "offendingToken", None) is None:
        cause = cause.args[0] if cause.args and isinstance(cause.args[0], Exception) else cause.__cause__
    token = getattr(cause, "offendingToken", None)
    if token is None:
        raise ProgramError([_syntax(str(error) or "no statement", 1, 0, text)])
    raise ProgramError([_syntax(f"{short(token.text)} may not stand here", token.line, token.column, text)])


def _syntax(rule: str, line: int, column: int, text: str) -> Problem:
    shown = text.splitlines()[line - 1].strip() if 0 < line <= len(text.splitlines()) else None
    return Problem("", f"is no OpenQASM: {rule}", None if shown is None else short(shown), None, line, column + 1)
