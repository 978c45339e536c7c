"""What a job came back with, as rows of bits; the shots of a job have no order, so theirs is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.journal import JournalEntry, Ticket
from rydberg_qmem.errors import RunError

Bits = NDArray[np.int8]


def finished(entry: JournalEntry, results: Sequence[Any], ticket: Ticket) -> JournalEntry:
    """Return the finished entry: counts of all the batch's jobs together."""
    counts: dict[str, int] = {}
    for result in results:
        for bits, count in result.final_bitstrings.items():
            counts[str(bits)] = counts.get(str(bits), 0) + int(count)
    if sum(counts.values()) != entry.runs:
        raise RunError(f"{ticket}: {entry.runs} shots were asked for, but {sum(counts.values())} came back")
    atoms = tuple(str(name) for name in results[0].atom_order)
    return replace(entry, state="done", atoms=atoms, counts=counts)


def rows_of(entry: JournalEntry, atoms: tuple[str, ...], ticket: Ticket) -> Bits:
    """Return outcomes (shots, atoms) in the register's order.

    Shots of a job have no order; one is drawn, or the sorted counts would look like memory from round to round.
    """
    words = sorted(entry.counts)
    if set(entry.atoms) != set(atoms) or any(len(word) != len(atoms) or set(word) - {"0", "1"} for word in words):
        raise RunError(f"{ticket}: the outcome is not one bit for each of {', '.join(atoms)}")
    columns = [entry.atoms.index(name) for name in atoms]
    table = np.array([[int(word[c]) for c in columns] for word in words], dtype=np.int8)
    rows = np.repeat(table, [entry.counts[word] for word in words], axis=0)
    return np.asarray(_generator(ticket).permutation(rows, axis=0))


def _generator(ticket: Ticket) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(_seeds_of(ticket)))


def _seeds_of(ticket: Ticket) -> np.random.SeedSequence:
    return np.random.SeedSequence(ticket.seed, spawn_key=(ticket.point, ticket.cohort, ticket.step, ticket.visit))


@contextmanager
def seeded(ticket: Ticket) -> Iterator[None]:
    """Lend Pulser's emulators, which sample with numpy's global generator, a seeded one; give it back after."""
    before = np.random.get_state()  # noqa: NPY002  # it is that generator
    np.random.seed(_seeds_of(ticket).generate_state(4))  # noqa: NPY002  # it is that generator
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002  # it is that generator
