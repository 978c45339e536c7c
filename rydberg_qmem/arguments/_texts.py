"""Texts: words, one of those that are known, and names of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rydberg_qmem.arguments._taking import Kind, refuse
from rydberg_qmem.errors import did_you_mean


def text(name: str, value: Any) -> str:
    """Take text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refuse(name, "a text, not empty", value)
    return str(value)


def words(name: str, value: Any) -> str:
    """Take text, which may be empty."""
    if not isinstance(value, str):
        raise refuse(name, "a text", value)
    return str(value)


def one_of(*known: str) -> Kind:
    """Return the kind of the known words.

    >>> one_of("vector", "auto")("state", "auto")
    'auto'
    """

    def kind(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            near = hint if hint.startswith("; did") else ""
            raise refuse(name, f"one of {', '.join(known)}{near}", value)
        return str(value)

    return kind


def path(name: str, value: Any) -> Path:
    """Take a path, as text or as an object."""
    if isinstance(value, str | os.PathLike) and isinstance(there := os.fspath(value), str) and there:
        return value if isinstance(value, Path) else Path(there)
    raise refuse(name, "a path", value)
