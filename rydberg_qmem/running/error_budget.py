"""The accuracy of a run: what it may leave out in all, and what it did leave out.

A run leaves out interactions between atoms that it evolves apart, errors of the steps in time, and branches of little
probability. With the environment that measurements and noise write to, the state of everything is a vector; let ε be
how far (norm) the one that is computed ends from the exact one. Then the infidelity of all that a record can show is at
most ε², and no probability is wrong by more than ε. Distances add: ε ≤ ε_neglected + ε_steps + √p, where p is the
probability of the branches that were dropped. `accuracy` bounds the square of that sum.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.steps import Segment, all_steps
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.errors import InputError
from rydberg_qmem.running.job import Job

BLOCK_ATOMS, BLOCK_STATES = 8, 256
"""Groups of so many atoms, or basis states, are propagated sample by sample; larger ones may be in steps."""
SAMPLE_ERROR, STEP_ERROR = 1e-9, 1e-5
"""How far (norm) one group of either sort may be off after a segment."""
FOLLOWED = ("exact", "ideal")
"""Emulators whose errors are known."""


def steps_error(job: Job, compiled: Compiled) -> float:
    """Bound the distance (norm) by which steps in time put all segments of a run off."""
    segments = sum(step.visits for step in all_steps(compiled.steps) if isinstance(step, Segment))
    atoms = len(compiled.target.atoms)
    if len(compiled.target.levels) ** atoms <= BLOCK_STATES:
        return segments * SAMPLE_ERROR
    large = max(1, atoms // (BLOCK_ATOMS + 1))
    return segments * (atoms * SAMPLE_ERROR + large * STEP_ERROR)


def budget_of(job: Job, compiled: Compiled) -> float | None:
    """Return by how much (norm) neglected interactions may put a run off; None where that is not bounded.

    Raises InputError where steps alone may take all of it, or where the emulator's errors are not known.
    """
    if job.accuracy is None:
        return None
    name = emulator_of(job.emulator).name
    if name not in FOLLOWED:
        raise InputError(f"accuracy: the errors of {name} are not known; use {' or '.join(FOLLOWED)}, or no accuracy")
    steps = steps_error(job, compiled)
    if sqrt(job.accuracy) <= steps:
        raise InputError(
            f"accuracy: must be above {steps**2:.2g}, which the steps in time of all segments may take, but is "
            f"{job.accuracy:g}: raise it, or let the program have fewer rounds or atoms"
        )
    return sqrt(job.accuracy) - steps


def spent(job: Job, compiled: Compiled, *, neglected: float, pruned: float) -> dict[str, Any]:
    """Return the attributes that say what was spent of a run's accuracy, on each thing that is left out, and in all."""
    if job.accuracy is None:
        return {}
    steps = steps_error(job, compiled)
    total = neglected + steps + sqrt(max(pruned, 0.0))
    return {"accuracy": job.accuracy, "steps_error": steps, "infidelity": total**2}
