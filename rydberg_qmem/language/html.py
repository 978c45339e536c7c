"""Parts of programs as tables of HTML, for notebooks: escaped, in the page's own colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import dist
from typing import Any

from rydberg_qmem.errors import as_html, short

_CELL = "text-align:left;vertical-align:top;padding:0.1em 0.8em 0.1em 0;background:none;color:inherit"
_MOST_ROWS = 40


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a table; `title` is HTML, the rows are text."""
    body = "".join(
        f'<tr style="background:none"><th style="{_CELL};font-weight:normal;opacity:0.7">{as_html(name)}</th>'
        f'<td style="{_CELL}">{as_html(text)}</td></tr>'
        for name, text in rows
    )
    look = "border-collapse:collapse;border:none;color:inherit;background:none"
    return f'<table style="{look}"><caption style="{_CELL}">{title}</caption><tbody>{body}</tbody></table>'


def listed(items: Sequence[str], maximum: int = 12) -> str:
    """Return names with commas between; of many, the first and the last."""
    kept = list(items) if len(items) <= maximum else [*items[: maximum - 1], "…", items[-1]]
    return ", ".join(kept)


def register_table(positions: Mapping[str, Sequence[float]]) -> str:
    """Return atoms as a table of their coordinates (µm)."""
    places = list(positions.items())
    rows = [(name, ", ".join(f"{x:g}" for x in place)) for name, place in places[:_MOST_ROWS]]
    if len(places) > _MOST_ROWS:
        rows.append(("…", f"{len(places) - _MOST_ROWS} more"))
    count = f"{len(places)} atom{'s' * (len(places) != 1)}"
    gaps = [dist(p, q) for (_, p), (_, q) in combinations(places[:_MOST_ROWS], 2)]
    nearest = f", nearest {min(gaps):.4g} µm apart" if gaps and len(places) <= _MOST_ROWS else ""
    return table(f"<b>register</b> {count}{nearest}; positions in µm", rows)


def hardware_table(name: str, about: str, fields: Iterable[tuple[str, Any, str]]) -> str:
    """Return a hardware profile as a table: each number that is not zero, with its source."""
    rows = [(field, f"{value}: {source}") for field, value, source in fields]
    told = f" {as_html(about)}" if about else ""
    return table(f"<b>{as_html(name)}</b>{told}", rows or [("all", "0: by definition")])


def noise_table(fields: Mapping[str, Any]) -> str:
    """Return a noise model as a table of what is not as Pulser has it by default.

    >>> "relaxation_rate" in noise_table({"relaxation_rate": 0.01})
    True
    """
    rows = [(name, short(value)) for name, value in fields.items()]
    return table("<b>noise</b>, as fields of pulser.NoiseModel", rows or [("all", "off")])
