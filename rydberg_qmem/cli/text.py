"""Plain text for terminals: aligned columns, values with errors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from rydberg_qmem.errors import printable
from rydberg_qmem.units import with_error as with_error


def echo(lines: Iterable[str], *, err: bool = False) -> None:
    """Write lines to standard output, or to standard error, with escapes for what does not print."""
    typer.echo("\n".join(map(printable, lines)), err=err)


def to_terminal(lines: Iterable[str]) -> list[str]:
    """Return lines cut to the width of the terminal, if they go to one."""
    if sys.stdout is None or not sys.stdout.isatty():
        return list(lines)
    from shutil import get_terminal_size

    width = get_terminal_size().columns
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows as lines whose columns begin one below the other.

    >>> aligned([("a", "1"), ("long", "2")])
    ['a     1', 'long  2']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def listed(items: Sequence[str], maximum: int = 12) -> str:
    """Return items joined by commas in brackets, the middle of a long list left out.

    >>> listed(["s", "a"])
    '[s, a]'
    >>> listed([str(i) for i in range(100)], maximum=3)
    '[0, 1, …, 99]'
    """
    kept = list(items) if len(items) <= maximum else [*items[: maximum - 1], "…", items[-1]]
    return f"[{', '.join(kept)}]"


def sizes_text(sizes: Mapping[Any, int]) -> str:
    """Return dimensions and their sizes in one line."""
    return ", ".join(f"{name} {size}" for name, size in sizes.items()) or "none"
