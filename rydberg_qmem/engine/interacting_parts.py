"""Which atoms act on each other while a segment or a wait lasts: the rest is evolved apart, and what that neglects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.population import Population, connected
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]


def groups(
    run: RunContext, cursor: Cursor, plan: Any, population: Population, duration_ns: float, *, everyone: bool = False
) -> list[tuple[int, ...]]:
    """Return the atoms that a segment, or a wait (no plan), changes, or all, in groups that act on each other."""
    excited, touched = plan.excited if plan else frozenset(), plan.touched if plan else frozenset()
    edges = list(plan.linked) if plan else []
    everything = [part.atoms for part in population.parts]
    if everyone and run.acting_noise is not None and run.acting_noise.excites:
        excited = frozenset(range(run.layout.atoms))
    if duration_ns > 0 and run.layout.atoms > 1:
        bound = np.triu(_mutual(run, population, excited)) * (duration_ns / NS_PER_US)
        near = bound > run.neglect
        edges += [(int(i), int(j)) for i, j in zip(*np.nonzero(near), strict=True)]
    else:
        bound = near = np.zeros((0, 0), dtype=bool)
    busy = set(range(run.layout.atoms)) if everyone else set(touched).union(*edges)
    found = connected([*everything, *edges])
    if len(found) > 1 and (left := bound * ~near).any():
        cursor.neglected += _between(found, left)
    return [group for group in found if busy & set(group)]


def _mutual(run: RunContext, population: Population, excited: frozenset[int]) -> Array:
    """Return the strength (rad/µs) of each pair's interaction, times the amplitudes that it acts on."""
    target, levels = run.compiled.target, run.layout.levels
    if "0" in levels:
        return np.abs(target.exchange) + np.abs(target.van_der_waals)
    if "r" not in levels:
        return np.zeros((run.layout.atoms, run.layout.atoms))
    amplitude = np.ones(run.layout.atoms)
    for part in population.parts:
        layout, weights = run.layout_of(part.levels), part.populations
        for k, atom in enumerate(part.atoms):
            if atom not in excited and "r" not in part.levels[k]:
                amplitude[atom] = 0.0
            elif atom not in excited:
                chance = weights @ layout.is_level(k, "r").astype(float)
                amplitude[atom] = np.sqrt(chance.max())
    return np.asarray(target.van_der_waals * np.outer(amplitude, amplitude))


def _between(found: list[tuple[int, ...]], bound: Array) -> float:
    """Return the sum of bounds (atoms, atoms) of pairs whose atoms are in different groups."""
    group_of = np.empty(len(bound), dtype=np.int64)
    for number, group in enumerate(found):
        group_of[list(group)] = number
    return float(bound[group_of[:, None] != group_of[None, :]].sum())
