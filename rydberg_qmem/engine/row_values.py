"""Values of expressions for the rows of a run: memory, outcomes, counters, random numbers, means over the ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.compile.steps import UNNUMBERED, Step
from rydberg_qmem.engine.context import Cursor, RunContext, place_of
from rydberg_qmem.engine.deduplicate import Index
from rydberg_qmem.engine.population import Population
from rydberg_qmem.engine.rng import RowSource
from rydberg_qmem.errors import RunError
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression

Array = NDArray[np.float64]
SERIES = "series of the row"  # no identifier, so that no name of a program can clash with it


def scope_of(run: RunContext, cursor: Cursor, population: Population, names: frozenset[str]) -> dict[str, Any]:
    """Return the values of names: numbers that all rows share, or one for each row."""
    scope: dict[str, Any] = {}
    for name in names:
        if name in cursor.shared:
            scope[name] = cursor.shared[name]
        elif name in population.values:
            value = population.values[name]
            keys = run.compiled.keys
            scope[name] = Columns(keys[name], value) if name in keys else value
    return scope


def evaluate(
    run: RunContext, cursor: Cursor, expression: Expression, population: Population, step: Step | None, name: str
) -> Array:
    """Return an expression's value in each row: that of a name that a step sets, or of its initial memory."""
    place = f"{'memory' if step is None else step.place}.{name}"
    if run.draws is not None:
        site = run.random_sites[UNNUMBERED if step is None else step.number, name]
        random = RowSource(run.draws, population.shots, place_of(run, cursor, site))
    else:
        random = None
    if expression.is_random and random is None:
        raise RunError(f"{place}: {expression} draws random numbers, so the program needs shots")
    scope = scope_of(run, cursor, population, expression.names)
    try:
        cohort_of = ensembles_of(run, population) if expression.uses_ensemble else None
        value = expression.evaluate(scope, random=random, weights=population.weights, cohort_of=cohort_of)
    except RunError as error:
        raise RunError(f"{cursor}{place}: {error}") from None
    values = np.broadcast_to(np.asarray(value, dtype=float), (len(population),))
    refuse_infinite(cursor, values, expression, place)
    return np.array(values)


def ensembles_of(run: RunContext, population: Population) -> Index | None:
    """Return the ensemble of each row that means are taken in: its series, or its cohort; None: all rows are one."""
    if SERIES in population.values:
        return np.asarray(population.values[SERIES])
    if run.series is not None or run.draws is None:
        return None
    return population.shots // run.draws.size


def refuse_infinite(cursor: Cursor, values: Array, expression: Expression, place: str) -> None:
    """Raise RunError where a value is no finite number."""
    if not np.isfinite(values).all():
        bad = float(values[~np.isfinite(values)][0])
        raise RunError(f"{cursor}{place}: {expression} is {bad}, not a finite number")
