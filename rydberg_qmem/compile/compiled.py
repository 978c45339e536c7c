"""A compiled program: its steps, with all that they begin from, and the layout of its record."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import Step
from rydberg_qmem.devices import Target
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program


@dataclass(frozen=True)
class Variable:
    """One variable of the record: where it comes from, its dimensions and what it means."""

    name: str
    source: str
    origin: str
    loops: tuple[str, ...]
    extra_dims: tuple[str, ...] = ()
    extra_shape: tuple[int, ...] = ()
    dtype: str = "float64"
    long_name: str = ""
    units: str = ""


@dataclass(frozen=True, eq=False)
class Compiled:
    """Everything that a run needs: steps, target, initial memory, input signals, and the record's layout."""

    program: Program
    target: Target
    steps: tuple[Step, ...]
    parameters: dict[str, float]
    inputs: dict[str, NDArray[np.float64]]
    scalars: dict[str, Expression]
    windows: dict[str, tuple[int, Expression]]
    keys: dict[str, tuple[str, ...]]
    rounds: dict[str, int]
    variables: tuple[Variable, ...]
    coordinates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    live_after: dict[int, frozenset[str]] = field(default_factory=dict)
    """By the number of each step: the names that later steps or the record may still read."""
    remeasured: frozenset[str] = frozenset()
    """Keys that more than one block measures: the last outcome of a round counts."""
