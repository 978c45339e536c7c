"""Pulser's abstract form, told from other data: a sequence alone, or inside a cloud's job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MARKS = frozenset({"operations", "channels", "register"})
"""What a sequence in Pulser's abstract form cannot be without."""
DEPTH = 12


def holds_a_sequence(data: object) -> bool:
    """Return whether plain data are a sequence in Pulser's abstract form, or a job that holds one."""
    return next(sequences_in(data, ""), None) is not None


def sequences_in(data: object, place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the sequences in plain data with their places: mappings, or texts that hold one."""
    if isinstance(data, str) and data.lstrip()[:1] == "{" and depth:
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            return
    if isinstance(data, Mapping) and data.keys() >= MARKS:
        yield place, data
    elif depth < DEPTH and isinstance(data, Mapping | list):
        items: Iterable[tuple[Any, Any]] = enumerate(data) if isinstance(data, list) else data.items()
        for name, inner in items:
            at = f"{place}[{name}]" if isinstance(data, list) else f"{place}.{name}".lstrip(".")
            yield from sequences_in(inner, at, depth + 1)
