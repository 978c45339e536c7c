"""Walk through a compiled program: rows that begin, steps that are done to them, what they end with."""

from __future__ import annotations

from rydberg_qmem.compile.semantics import interpret
from rydberg_qmem.engine import interpreter
from rydberg_qmem.engine.clusters import clusters_of
from rydberg_qmem.engine.context import Cursor, RunContext
from rydberg_qmem.engine.idle import time_of
from rydberg_qmem.engine.population import Population


def walk(run: RunContext, cursor: Cursor, shots: int | None) -> None:
    """Do a whole program to rows that begin anew: so many shots, or (None) all branches, cluster by cluster."""
    walk_on(run, cursor, interpreter.start(run, cursor, shots))


def walk_on(run: RunContext, cursor: Cursor, started: Population) -> None:
    """Do all steps to rows that have begun, cluster by cluster where a run is exact, and write down how they end."""
    clusters = clusters_of(run)
    if run.budget is not None:
        cursor.ends_ns = cursor.clock_ns + time_of(run, cursor, run.compiled.steps, started)
    if len(clusters) == 1:
        _alone(run, cursor, started)
        return
    began, shared = cursor.clock_ns, cursor.shared
    for cluster in clusters:
        here = Cursor(clock_ns=began, shared=dict(shared), ends_ns=cursor.ends_ns)
        try:
            _alone(cluster.run, here, cluster.alone(started))
        finally:
            _add(cursor, here)


def _alone(run: RunContext, cursor: Cursor, started: Population) -> None:
    population = interpret(run.compiled.steps, started, interpreter.steps(run, cursor))
    interpreter.finish(run, cursor, population)


def _add(cursor: Cursor, other: Cursor) -> None:
    """Take over what a walk of other atoms came to: times are the same, what was left out adds up."""
    cursor.clock_ns = max(cursor.clock_ns, other.clock_ns)
    cursor.dropped += other.dropped
    cursor.neglected += other.neglected
    cursor.branches = max(cursor.branches, other.branches, key=lambda rounds: rounds[-1:])
    cursor.groups |= other.groups
    cursor.dimensions |= other.dimensions
