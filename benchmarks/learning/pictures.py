"""One picture for each section of the page."""

from __future__ import annotations

from rows import Rows


def remarks(name: str, rows: Rows) -> list[str]:
    return []


def draw(name: str, rows: Rows, title: str) -> bool:
    return False
