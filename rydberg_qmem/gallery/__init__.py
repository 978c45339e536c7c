"""The ready sequences, with what each of them is about."""

from __future__ import annotations

from dataclasses import dataclass

from rydberg_qmem.language.library import folder, load, names


@dataclass(frozen=True)
class Entry:
    """One ready sequence: its name, the first sentence of what it is about, and its tags."""

    name: str
    summary: str
    tags: tuple[str, ...]


def entries(search: str = "") -> list[Entry]:
    """Return the ready sequences whose name, tags or description hold a text.

    >>> [entry.name for entry in entries("two_port")]
    ['two_port_memristor']
    """
    found = []
    for name in names():
        program = load(name)
        text = " ".join([name, *program.tags, program.about]).lower()
        if search.lower() in text:
            summary = " ".join(program.about.split()).split(". ")[0].rstrip(".:") + "."
            found.append(Entry(name, summary, program.tags))
    return found


__all__ = ["Entry", "entries", "folder", "load", "names"]
