"""What one walk through a program writes down, shot by shot or as weighted sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.compiled import Compiled, Variable
from rydberg_qmem.compile.steps import ProbeStep, all_steps
from rydberg_qmem.engine.context import States
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.probes import of_mean_state

Array = NDArray[np.float64]


ENSEMBLE = ("probe:purity", "probe:entropy")
"""Quantities that are no means over shots: they are found from the mean density matrix at the end."""


def _probes(compiled: Compiled) -> Counter[str]:
    """Return in how many places each key is probed."""
    return Counter(step.probe.key for step in all_steps(compiled.steps) if isinstance(step, ProbeStep))


def _of_ensemble(variable: Variable, rho: NDArray[Any]) -> NDArray[Any]:
    flat = rho.reshape(-1, *rho.shape[-2:])
    known = np.isfinite(flat).all(axis=(1, 2))
    made = np.full(len(flat), np.nan)
    made[known] = of_mean_state(variable.origin.removeprefix("probe:"), flat[known])
    return made.reshape(rho.shape[:-2])


class Recorder:
    """Arrays for every variable of the record, for `shots` shots (sampled) or as means (exact).

    Purity and entropy are those of the mean state of all shots. A walk that is `alone` (as exact ones are) has them
    all, so it writes the numbers; to others its mean states are added, which are kept for every round.
    """

    def __init__(self, compiled: Compiled, shots: int | None, *, alone: bool | None = None) -> None:
        self.compiled, self.shots = compiled, shots
        self.alone = shots is None if alone is None else alone
        self.neglected = np.zeros(1)
        self._probes = _probes(compiled)
        self.data: dict[str, NDArray[Any]] = {}
        self.weight: dict[str, Array] = {}
        self._rounds: dict[str, NDArray[Any]] = {}
        self._order = np.arange(shots or 0)
        self._by_source: dict[tuple[str, str], Variable] = {}
        for variable in compiled.variables:
            if variable.origin != "input":
                self._by_source[(variable.origin, variable.source)] = variable
                self._allocate(variable)

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of a variable without its shot axis."""
        return (*(self.compiled.rounds[loop] for loop in variable.loops), *variable.extra_shape)

    def per_shot(self, variable: Variable) -> bool:
        """Return whether each shot has its own value of a variable."""
        return self.shots is not None and variable.origin in ("key", "memory", "final")

    def _adds_states(self, variable: Variable) -> bool:
        """Return whether mean states of a quantity are kept, to which others may be added, in place of its value."""
        return variable.origin in ENSEMBLE and not (self.alone and self._probes[variable.source] == 1)

    def _takes_value(self, quantity: str, key: str) -> bool:
        """Return whether a quantity's value is wanted, not a weighted sum."""
        origin = f"probe:{quantity}"
        return origin in ENSEMBLE and not self._adds_states(self._by_source[(origin, key)])

    def _kept_shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape that a variable is kept in, without its shot axis."""
        if not self._adds_states(variable):
            return self.shape(variable)
        size = len(self.compiled.target.levels) ** len(self.compiled.coordinates[f"{variable.source}_atom"])
        return (*self.shape(variable), size, size)

    def _allocate(self, variable: Variable) -> None:
        shape = self._kept_shape(variable)
        if self.per_shot(variable):
            fill: int | float = -1 if variable.dtype == "int8" else np.nan
            loops = len(variable.loops)  # kept round by round, so that each round's outcomes lie together
            kept = np.full((*shape[:loops], self.shots or 0, *shape[loops:]), fill, dtype=variable.dtype)
            self.data[variable.name] = np.moveaxis(kept, loops, 0)
            self._rounds[variable.name] = kept
        else:
            wide = variable.dtype == "complex128" or self._adds_states(variable)
            dtype = "complex128" if wide else "float64"
            self.data[variable.name] = np.zeros(shape, dtype=dtype)
            wide = variable.origin == "key"  # one atom may be lost where another is not
            self.weight[variable.name] = np.zeros(
                shape if wide else tuple(self.compiled.rounds[loop] for loop in variable.loops)
            )

    def write(self, origin: str, source: str, population: Population, values: Array, at: Mapping[str, int]) -> None:
        """Write one value per row, at a place in the loops."""
        variable = self._by_source.get((origin, source))
        if variable is None:
            return
        weights, shots = population.weights, population.shots
        where: tuple[Any, ...] = tuple(at[loop] for loop in variable.loops)
        if variable.extra_shape == () and values.ndim == 2:
            values = values[:, 0]
        if self.per_shot(variable):
            if len(shots) == self.shots and np.array_equal(shots, self._order):
                self._rounds[variable.name][where] = values
            else:
                self.data[variable.name][(shots, *where)] = values.astype(variable.dtype)
            return
        weight: float | Array = float(weights.sum())
        if origin == "key" and (lost := values < 0).any():  # means are over those that were there
            values, weight = np.where(lost, 0.0, values), np.tensordot(weights, ~lost, axes=(0, 0))
        self._add(variable, where, np.tensordot(weights, values, axes=(0, 0)), weight)

    def probe(self, step: ProbeStep, population: Population, states: States, at: Mapping[str, int]) -> None:
        """Write what a probe sees: values of the mean state of all rows, or sums to which others may be added."""
        key, weight = step.probe.key, float(population.weights.sum())
        valued = [quantity for quantity in step.probe.quantities if self._takes_value(quantity, key)]
        totals = states.probe_totals(step, population, [q for q in step.probe.quantities if q not in valued])
        for quantity in step.probe.quantities:
            variable = self._by_source[(f"probe:{quantity}", key)]
            where = tuple(at[loop] for loop in variable.loops)
            if quantity in valued:
                self._add(variable, where, states.of_all_rows(quantity, step, population), 1.0)
            else:
                self._add(variable, where, totals[quantity], weight)

    def write_time(self, loop: str, time_ns: float, at: Mapping[str, int]) -> None:
        """Note when a round begins."""
        variable = self._by_source[("time", loop)]
        where = tuple(at[name] for name in variable.loops)
        self.data[variable.name][where] = max(float(self.data[variable.name][where].real), time_ns / 1000.0)
        self.weight[variable.name][where] = 1.0

    def _add(self, variable: Variable, where: tuple[int, ...], total: Any, weight: Any) -> None:
        self.data[variable.name][where] += total
        self.weight[variable.name][where] += weight

    def finished(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the record; sums divided by the weight of the rows that gave them."""
        made = {}
        for variable in self.compiled.variables:
            if variable.origin == "input":
                continue
            data = self.data[variable.name]
            if variable.origin == "time":
                data = np.where(self.weight[variable.name] > 0, data, np.nan)
            elif variable.name in self.weight:
                weight = self.weight[variable.name]
                weight = weight.reshape(weight.shape + (1,) * (data.ndim - weight.ndim))
                with np.errstate(invalid="ignore", divide="ignore"):
                    data = np.where(weight > 0, data / weight, np.nan)
                if self._adds_states(variable):
                    data = _of_ensemble(variable, data)
            made[variable.name] = data
        return made

    def absorb(self, other: Recorder, shots: slice | None) -> None:
        """Take over another walk's values: its shots into place, its sums added."""
        self.neglected = np.maximum(self.neglected, other.neglected)
        for variable in self.compiled.variables:
            if variable.origin == "input":
                continue
            name = variable.name
            if self.per_shot(variable):
                self.data[name][shots] = other.data[name]
            elif variable.origin == "time":
                self.data[name] = np.maximum(self.data[name].real, other.data[name].real)
                self.weight[name] = np.maximum(self.weight[name], other.weight[name])
            else:
                self.data[name] = self.data[name] + other.data[name]
                self.weight[name] = self.weight[name] + other.weight[name]

    @property
    def nbytes(self) -> int:
        """Memory of all arrays."""
        return sum(part.nbytes for part in (*self.data.values(), *self.weight.values()))

    @classmethod
    def sums_bytes(cls, compiled: Compiled, *, alone: bool) -> int:
        """Return the size of what is summed over shots, without making it."""
        made = cls.__new__(cls)
        made.compiled, made.shots, made.alone = compiled, 0, alone
        made._probes = _probes(compiled)
        total = 0
        for variable in compiled.variables:
            if variable.origin in ("input", "key", "memory", "final"):
                continue
            wide = variable.dtype == "complex128" or made._adds_states(variable)
            total += prod(made._kept_shape(variable)) * (16 if wide else 8) + 8 * prod(made.shape(variable))
        return total

    def sums(self) -> Array:
        """Return everything that is summed over shots, and its weights, as one row of numbers."""
        rows = [np.ascontiguousarray(part).view(float).ravel() for part in self._summed()]
        return np.concatenate(rows) if rows else np.zeros(0)

    def take_sums(self, row: Array) -> None:
        """Take back a row that `sums` of a trace of the same program gave."""
        for part in self._summed():
            size = part.size * (part.itemsize // 8)
            part[...] = row[:size].view(part.dtype).reshape(part.shape)
            row = row[size:]

    def _summed(self) -> list[NDArray[Any]]:
        sums = [part for name, weight in self.weight.items() for part in (self.data[name], weight)]
        return [*sums, self.neglected]
