"""Rows of tables in docs/learning.json: groups of a section that are there already are not measured again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).parent.parent.parent / "docs"
FIGURES = DOCS / "learning.json"
PICTURES = DOCS / "learning"
Rows = list[list[Any]]


def known() -> dict[str, Rows]:
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}


def group(section: str, name: str, make: Callable[[], Rows]) -> None:
    """Measure a group, the rows of a section that begin with its name, unless it is there; keep it at once."""
    if any(row[0] == name for row in known().get(section, [])):
        return
    made = [[name, *row] for row in make()]
    found = known()
    found[section] = found.get(section, []) + made
    part = FIGURES.with_suffix(".part")
    part.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, FIGURES)
    print(section, *made, sep="\n", flush=True)


def scientific(found: Any) -> list[str]:
    """Return mean and standard deviation over seeds as text."""
    return [f"{np.mean(found):.2e}", f"{np.std(found, ddof=1):.0e}" if np.size(found) > 1 else "–"]


def plain(found: Any, digits: int = 3) -> list[str]:
    return [f"{np.mean(found):.{digits}f}", f"{np.std(found, ddof=1):.{digits}f}" if np.size(found) > 1 else "–"]
