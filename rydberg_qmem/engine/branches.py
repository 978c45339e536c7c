"""Branches of an exact run: those that nothing live tells apart are added up; too many are refused, early."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import MeasureStep, RepeatStep, ResetStep, Step
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.error_channels import ABSENT
from rydberg_qmem.engine.population import Population, merge_branches
from rydberg_qmem.errors import RunError
from rydberg_qmem.pulses import CARRIED

MAX_BRANCHES = 2_000_000
BRANCHES = 2**10
"""So many are looked at before what they become is foretold."""
MOST_ROUNDS, MOST_GROWTH = 10_000, 40.0
"""Rounds that are looked ahead at the most, and by how many powers of e branches are foretold to multiply."""
COPIES = 6
"""Copies of a value that are there while branches are made, joined and merged."""


def merged(run: RunContext, population: Population, step: Step) -> Population:
    """Share equal states again, and in exact runs add up branches that are equal in all that is live."""
    if not len(population):
        return population
    population = run.states.share(population)
    if run.draws is not None:
        return population
    frames = () if run.kept_frames is None else run.kept_frames.names.values()
    return merge_branches(population, run.compiled.live_after[step.number] | {ABSENT, CARRIED, *frames})


def refuse_branches(cursor: Cursor, branches: int, step: MeasureStep | ResetStep) -> None:
    """Raise RunError where a step makes more branches than an exact run may have."""
    if branches > MAX_BRANCHES:
        raise RunError(
            f"{cursor}{step.place}: {branches} branches in an exact run, more than "
            f"{MAX_BRANCHES}; run with shots, or let less memory stay live"
        )


def count_branches(run: RunContext, cursor: Cursor, population: Population, step: RepeatStep) -> None:
    """After a round of an exact run: refuse it where branches double, and will till they are too many."""
    if run.draws is not None or len(cursor.rounds) != 1 or not len(population):
        return
    cursor.branches.append((len(population), _row_bytes(population)))
    left = step.numbers[-1] - cursor.rounds[step.name]
    coming = branches_expected(run.compiled, [count for count, _ in cursor.branches], left)
    row = cursor.branches[-1][1]
    if coming > MAX_BRANCHES:
        raise RunError(
            f"{cursor}{step.place}: {len(population)} branches by now, and more in each round: the exact "
            f"run would have more than {MAX_BRANCHES}; run with shots, or let less memory stay live"
        )
    if coming > BRANCHES and coming * row > run.max_bytes:
        raise RunError(
            f"{cursor}{step.place}: {len(population)} branches by now, and more in each round: all "
            f"{coming:.0f} would need {coming * row / 1e9:.1f} GB, more than {run.max_bytes / 1e9:g} GB: run "
            "with shots, let less memory stay live, or raise max_memory_gb"
        )


def branches_expected(compiled: Compiled, counts: list[int], left: int, *, minimum: int = BRANCHES) -> float:
    """Return how many branches an exact run will have, from its count after each round and the rounds left.

    What a window holds no longer tells branches apart: while windows fill, branches multiply till the longest is full,
    and only what they do after that tells how they go on.
    """
    window = max((size for size, _ in compiled.windows.values()), default=0)
    if len(counts) <= window:
        return branches_to_come(counts, min(left, window - len(counts)), minimum=minimum)
    return branches_to_come(counts[window:], left, minimum=minimum)


def branches_to_come(counts: list[int], left: int, *, minimum: int = BRANCHES) -> float:
    """Return how many branches there will be `left` rounds later, where they multiply; as many as now where not.

    They multiply if each of the last six rounds had them at least 1.3 times over. How fast is foretold by the logarithm
    of that factor: what doubles keeps it, what grows as a power of the rounds has its inverse grow evenly, and slower
    where histories merge; the last six rounds tell by how much.

    >>> round(branches_to_come([2**k for k in range(12)], 8)) == 2**19
    True
    >>> branches_to_come(list(range(1, 2000, 200)), 1000)
    1801
    >>> round(branches_to_come([k**4 for k in range(1, 12)], 10) / 21**4, 2)
    1.0
    """
    now = counts[-1]
    if len(counts) < 7 or now < minimum or left <= 0:
        return now
    factors = np.array([b / a for a, b in pairwise(counts[-7:])])
    if factors.min() < 1.3:
        return now
    inverse = 1 / np.log(factors)
    early, late = inverse[:3].mean(), inverse[3:].mean()
    slope = max(0.0, (late - early) / 3)
    rounds = np.arange(2, 2 + min(left, MOST_ROUNDS))  # from the middle of the later three
    return float(now * np.exp(min(float((1 / (late + slope * rounds)).sum()), MOST_GROWTH)))


def _row_bytes(population: Population) -> float:
    """Return what a branch takes while a round goes on: its values and its share of the states, all copies counted."""
    values = sum(value.nbytes for value in population.values.values())
    states = sum(6 * part.states.nbytes + 8 * len(population) for part in population.parts)
    return (COPIES * values + states) / len(population) + COPIES * 16
