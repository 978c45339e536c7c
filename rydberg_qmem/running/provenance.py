"""What a record says of the run that it is from."""

from __future__ import annotations

from typing import Any

from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.noise_settings import kind_of_state
from rydberg_qmem.running.error_budget import spent
from rydberg_qmem.running.job import Job
from rydberg_qmem.running.points import Points
from rydberg_qmem.store import records


def provenance_of(
    job: Job, points: Points, *, pruned: float = 0.0, neglected: float = 0.0, wall_s: float = 0.0
) -> dict[str, Any]:
    """Return the attributes of a record: of its program, of the run's conditions, and of what the run gave."""
    emulator, first = emulator_of(job.emulator), points[0]
    attrs = records.provenance(
        first, seed=job.seed, shots=job.shots, emulator=emulator, noise_settings=job.noise_settings,
        state=kind_of_state(job.state, job.noise_settings, first, job.shots, emulator=emulator),
        neglect=job.neglect, varied=points.varied(), pruned=pruned, neglected=neglected, wall_s=wall_s,
    )  # fmt: skip
    return attrs | spent(job, first, neglected=neglected, pruned=pruned)
