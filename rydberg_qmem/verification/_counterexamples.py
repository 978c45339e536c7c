"""Counterexamples: histories of outcomes and draws that take a control beyond its limits, searched for by replay."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import uses_ensemble
from rydberg_qmem.verification._budget import Budget, Undecided
from rydberg_qmem.verification._controls import Control, Reading
from rydberg_qmem.verification._histories import ROWS, Generation
from rydberg_qmem.verification._program_controls import Controls
from rydberg_qmem.verification._replayer import MOST_WORK, Replayer
from rydberg_qmem.verification._smallest_history import Witness, smallest

GENERATIONS = 6


def search(
    compiled: Compiled, controls: Controls, wanted: Iterable[Control | Reading]
) -> tuple[list[Witness], frozenset[Control | Reading]]:
    """Look for a history that breaks each control or reading; return those found, and what no history breaks.

    Every witness has been played by itself. Only where all histories can be played is anything proved: never where
    atoms may be lost, whose outcomes -1 are not played.
    """
    found: dict[Control | Reading, Witness] = {}
    try:
        proved = _searched(compiled, controls, frozenset(wanted), found)
    except Undecided:
        proved = frozenset()
    return list(found.values()), proved


def _searched(
    compiled: Compiled,
    controls: Controls,
    missing: frozenset[Control | Reading],
    found: dict[Control | Reading, Witness],
) -> frozenset[Control | Reading]:
    """Fill in the witnesses that are found, and return what no history breaks; Undecided where that costs too much."""
    random, budget = np.random.default_rng(0), Budget(MOST_WORK)
    columns = tuple((key, i) for key, atoms in compiled.keys.items() for i in range(len(atoms)))
    generation = Generation(random, columns)
    best = -np.inf
    for turn in range(GENERATIONS):
        replayer = _played(compiled, controls, missing, generation, found, budget)
        every = _every_history(compiled, controls, generation) if turn == 0 else None
        if every is not None and missing - found.keys():
            whole = _played(compiled, controls, missing, every, found, budget)
            if whole.visits > 0 and every.made.keys() <= generation.made.keys():
                return missing - found.keys()
        left = [about for about in replayer.excess if about in missing - found.keys()]
        if not left:
            break
        scores = replayer.excess[left[turn % len(left)]]
        if len(left) == 1 and scores.max() <= best:
            break
        best = float(scores.max())
        first = np.argsort(-scores, kind="stable")[: ROWS // 8]
        generation = Generation(random, columns, parents=first[np.arange(ROWS) % len(first)], old=generation.made)
    return frozenset()


def _played(
    compiled: Compiled,
    controls: Controls,
    missing: frozenset[Control | Reading],
    generation: Generation,
    found: dict[Control | Reading, Witness],
    budget: Budget,
) -> Replayer:
    """Play a generation and keep what it finds, as small as it can be made."""
    left = frozenset(missing - found.keys())
    held = frozenset(about for about in missing if isinstance(about, Control))
    replayer = Replayer(compiled, controls, held, generation.source, generation.rows, budget=budget, sought=left)
    for row, broken in sorted(replayer.play().items()):
        if broken.about in left and broken.about not in found:
            witness = smallest(compiled, controls, held, generation.history(row), broken, budget)
            if witness is not None:
                found[broken.about] = witness
    return replayer


def _every_history(compiled: Compiled, controls: Controls, generation: Generation) -> Generation | None:
    """Return all histories of a program, where each shot goes its own way and they are few: no atom is lost."""
    if controls.loses or uses_ensemble(compiled.steps):  # a history is one shot, and no mean over a cohort
        return None
    return generation.every_history()
