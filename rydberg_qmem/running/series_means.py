"""Means over the shots of each of many series: what they are, how rows add to them, and where series stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled, Variable
from rydberg_qmem.compile.steps import ProbeStep, RepeatStep, all_steps
from rydberg_qmem.devices import ONE
from rydberg_qmem.engine.context import States
from rydberg_qmem.engine.population import Population, product
from rydberg_qmem.engine.row_values import SERIES
from rydberg_qmem.errors import RunError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesMeans:
    """Means over the shots of each series: `means` by variable of the record, (series, rounds..., atom).

    `pairs` holds, for each key of more than one atom, the mean products of its outcomes in one round, pairs in the
    order of `numpy.triu_indices(atoms, 1)`. `labels` names the atoms of each key. `pruned` is the largest probability
    that an exact walk dropped. `variables` say of each mean what it is of, and `signalled` names the loops over the
    inputs. `state` is where the series stand after their last round, where `run_series` was asked to keep it.
    """

    means: dict[str, Floats]
    pairs: dict[str, Floats]
    labels: dict[str, tuple[str, ...]]
    pruned: float
    variables: dict[str, Variable] = field(default_factory=dict)
    signalled: tuple[str, ...] = ()
    state: SeriesState | None = None


@dataclass(frozen=True, eq=False)
class SeriesState:
    """Where series stand after `rounds` rounds: memory, atoms, and what each shot keeps; `run_series` goes on from it.

    Shots keep what they drew of noise that differs from shot to shot, and the laboratory's clock goes on.
    """

    job: tuple[object, ...]
    rounds: int
    batches: tuple[BatchState, ...]


@dataclass(frozen=True, eq=False)
class BatchState:
    """The rows of one batch at the end of its last round."""

    population: Population
    settings: dict[str, Floats]
    clock_ns: float


class SeriesRecorder:
    """Adds up means over the rows of each series, for every round."""

    def __init__(self, compiled: Compiled, count: int) -> None:
        self.compiled, self.count = compiled, count
        self._variables = {(variable.origin, variable.source): variable for variable in compiled.variables}
        self._sums: dict[tuple[str, str], tuple[Floats, Floats]] = {}

    def finished(self, dropped: float) -> SeriesMeans:
        """Return the means; NaN where no row came by."""
        with np.errstate(invalid="ignore", divide="ignore"):
            every = {place: total / weight for place, (total, weight) in self._sums.items()}
        means = {self._variables[place].name: mean for place, mean in every.items() if place[0] != "pairs"}
        pairs = {source: mean for (origin, source), mean in every.items() if origin == "pairs"}
        variables = {variable.name: variable for variable in self.compiled.variables}
        loops = (step for step in all_steps(self.compiled.steps) if isinstance(step, RepeatStep))
        signalled = tuple(dict.fromkeys(loop.name for loop in loops if loop.signals))
        return SeriesMeans(means, pairs, dict(self.compiled.keys), dropped, variables, signalled)

    def write(self, origin: str, source: str, population: Population, values: Floats, at: Mapping[str, int]) -> None:
        """Add one value per row, at a place in the loops; of the outcomes of several atoms, their products too."""
        variable = self._variables.get((origin, source))
        if variable is None:
            return
        kept = values[:, 0] if variable.extra_shape == () and values.ndim == 2 else values
        self._add((origin, source), variable.loops, population, kept, at)
        if origin == "key" and values.shape[1] > 1:
            one, two = np.triu_indices(values.shape[1], 1)
            both = np.where(np.minimum(values[:, one], values[:, two]) < 0, -1.0, values[:, one] * values[:, two])
            self._add(("pairs", source), variable.loops, population, both, at)

    def write_time(self, loop: str, time_ns: float, at: Mapping[str, int]) -> None:
        """Write nothing: times are none of the means."""

    def probe(self, step: ProbeStep, population: Population, states: States, at: Mapping[str, int]) -> None:
        """Add each row's occupations and correlations."""
        part = product(population.holding(step.atoms))
        layout, one = part.layout, ONE[step.basis]
        bits = np.stack([layout.is_level(part.atoms.index(atom), one) for atom in step.atoms], axis=1).astype(float)
        chances = part.populations
        for quantity in step.probe.quantities:
            place = f"probe:{quantity}", step.probe.key
            loops = self._variables[place].loops
            if quantity == "occupation":
                self._add(place, loops, population, (chances @ bits)[part.state_of], at)
            elif quantity == "correlations":
                both = (bits[:, :, None] * bits[:, None, :]).reshape(len(bits), -1)
                shape = (-1, bits.shape[1], bits.shape[1])
                self._add(place, loops, population, (chances @ both).reshape(shape)[part.state_of], at)
            else:
                raise RunError(f"{step.place}: many series are probed for occupation and correlations, not {quantity}")

    def _add(
        self, place: tuple[str, str], loops: tuple[str, ...], population: Population, values: NDArray[Any],
        at: Mapping[str, int],
    ) -> None:  # fmt: skip
        lengths = tuple(self.compiled.rounds[loop] for loop in loops)
        if place not in self._sums:
            shape = (self.count, *lengths, *values.shape[1:])
            self._sums[place] = np.zeros(shape), np.zeros(shape)
        there = (values >= 0) | (place[0] not in ("key", "pairs"))  # means are over outcomes of atoms that were there
        which = population.values[SERIES]
        where: tuple[Any, ...] = (slice(None), *(at[loop] for loop in loops))
        for sums, columns in zip(self._sums[place], (np.where(there, values, 0.0), there), strict=True):
            flat = columns.reshape(len(columns), -1).T
            added = [np.bincount(which, population.weights * column, minlength=self.count) for column in flat]
            sums[where] += np.stack(added, axis=1).reshape(self.count, *values.shape[1:])
