"""What the channels carry from one segment into the next, one number for all rows, or for each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.population import Population
from rydberg_qmem.pulses import CARRIED, ledger_of


def carrying(cursor: Cursor, population: Population, numbers: NDArray[np.float64]) -> Population:
    """Return the rows with the numbers of what the channels carry: one number for all is shared."""
    if len(numbers) > 1 and (numbers != numbers[0]).any():
        cursor.shared.pop(CARRIED, None)
        return population.with_values(**{CARRIED: numbers})
    cursor.shared[CARRIED] = float(numbers[0])
    if CARRIED not in population.values:
        return population
    return replace(population, values={n: v for n, v in population.values.items() if n != CARRIED})


def with_carried(cursor: Cursor, population: Population) -> Population:
    """Return the rows, each with the number of what the channels carry, which is no longer shared."""
    number = cursor.shared.pop(CARRIED, None)
    if number is None:
        return population
    return population.with_values(**{CARRIED: np.full(len(population), number)})


def aged(run: RunContext, cursor: Cursor, population: Population, duration_ns: float) -> Population:
    """Return the rows with what the channels carry after a time in the dark."""
    ledger = ledger_of(run.compiled.target)
    if CARRIED in population.values:
        return population.with_values(**{CARRIED: ledger.aged(population.values[CARRIED], duration_ns)})
    if CARRIED in cursor.shared:
        cursor.shared[CARRIED] = float(ledger.aged(np.array([cursor.shared[CARRIED]]), duration_ns)[0])
    return population
