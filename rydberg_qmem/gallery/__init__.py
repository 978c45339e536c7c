"""The ready sequences, with what each of them is about."""

from __future__ import annotations

from dataclasses import dataclass

from rydberg_qmem import arguments
from rydberg_qmem.language.library import folder, names
from rydberg_qmem.language.library import load as load


@dataclass(frozen=True)
class Entry:
    """One bundled program.

    Attributes:
        name: Its name, as `load` takes it.
        summary: The first sentence of what it is about.
        tags: What it is an example of.
    """

    name: str
    summary: str
    tags: tuple[str, ...]


@arguments.taking(search=arguments.words, tag=arguments.optional(arguments.words))
def entries(search: str = "", *, tag: str | None = None) -> list[Entry]:
    """Return the bundled programs, in alphabetical order, as far as they are asked for.

    Args:
        search: Text that the name, a tag or the description holds, in capitals or not; all by default.
        tag: A tag of theirs; any by default.

    Raises InputError for something that is no text.

    >>> [entry.name for entry in entries("two_port")]
    ['two_port_memristor']
    >>> [entry.name for entry in entries(tag="gate")]
    ['cz_gate', 'daqc_ising', 'exchange_xy', 'native_cell', 'time_optimal_cz']
    """
    found = []
    for name in names():
        program = load(name)
        text = " ".join([name, *program.tags, program.about]).lower()
        if search.lower() in text and (tag is None or tag.lower() in map(str.lower, program.tags)):
            summary = " ".join(program.about.split()).split(". ")[0].rstrip(".:") + "."
            found.append(Entry(name, summary, program.tags))
    return found


__all__ = ["Entry", "entries", "folder", "names"]
