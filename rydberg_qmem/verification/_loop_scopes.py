"""What is known of loops before the run: their counters and inputs, in every round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import RepeatStep


def rounds_in_all(loops: Iterable[RepeatStep]) -> int:
    """Return how many rounds nested loops have together."""
    return prod(loop.times for loop in loops)


def scope_of_rounds(
    compiled: Compiled, loops: Sequence[RepeatStep], names: frozenset[str] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return counters and inputs in every round of nested loops, shape (rounds,); inputs of some `names` if given."""
    scope: dict[str, NDArray[np.float64]] = {}
    grid = np.indices([loop.times for loop in loops]).reshape(len(loops), -1) if loops else ()
    for loop, since in zip(loops, grid, strict=True):
        rounds = since + loop.first
        scope[loop.counter] = rounds.astype(float)
        scope |= {name: compiled.inputs[name][rounds] for name in loop.signals if names is None or name in names}
    return scope
