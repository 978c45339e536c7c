"""What a run asks of its store: who it is, its points, the layout of its record, and the call to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.emulators.registry import call_of
from rydberg_qmem.engine.recorder import Recorder
from rydberg_qmem.engine.rng import COHORT
from rydberg_qmem.running.job import Job
from rydberg_qmem.running.points import Points
from rydberg_qmem.running.provenance import provenance_of
from rydberg_qmem.running.sweep import Point, as_one_axis
from rydberg_qmem.running.units import cohorts_together
from rydberg_qmem.store import records
from rydberg_qmem.store.columns import columns
from rydberg_qmem.store.identity import identity
from rydberg_qmem.store.record_layout import RecordLayout, points_together
from rydberg_qmem.store.resume import Order


def order_of(job: Job, points: Sequence[Point], compiled: Points, swept: tuple[str, ...] | None) -> Order:
    """Return what the store of a run is opened for."""
    empty = 0 if job.shots is not None else None
    layouts = compiled.layouts
    together = 1 if job.shots is None else cohorts_together(job, layouts)
    sums = max(len(Recorder(one, empty).sums()) for one in dict.fromkeys(layouts))
    made = columns(layouts, points, swept, job.shots)
    kept = [(dict(zip(c.dims, c.shape, strict=True)), np.dtype(c.dtype).itemsize) for c in made if "shot" in c.dims]
    group = points_together(kept, len(points), together, job.shots or 1) if swept is not None else 1
    layout = RecordLayout(len(points), job.shots, together, job.shots or 1, sums, swept is not None, group)
    signals = {name: _signal(values) for name, values in job.inputs.items()}
    names = swept or ()
    told = identity(job, inputs=signals, cohort=COHORT, swept=list(names), version=records.version_of("rydberg_qmem"))
    return Order(
        told, list(points), layout, provenance_of(job, compiled), _call(job, points, signals, names), lambda: made
    )


def _call(job: Job, points: Sequence[Point], signals: dict[str, Any], swept: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments with which the run can be called again."""
    fixed = {name: value for name, value in points[0].items() if name not in swept}
    return {
        "parameters": fixed, "inputs": signals, "rounds": job.rounds, "shots": job.shots,
        **_emulator(job.emulator), "state": job.state,
        "seed": None if job.seed is None else str(job.seed), "sweep": as_one_axis(points, swept),
        "noise": None if job.noise_settings.noise is None else job.noise_settings.noise.to_dict(),
        "hardware": job.noise_settings.hardware.to_dict(), "neglect": job.neglect,
        **({} if job.accuracy is None else {"accuracy": job.accuracy}),
    }  # fmt: skip


def _emulator(wanted: str | Emulator) -> dict[str, Any]:
    """Return the name and options of an emulator, None where an object holds more than those."""
    name, options = call_of(wanted) or (None, {})
    return {"emulator": name, **({"emulator_options": options} if options else {})}


def _signal(values: ArrayLike | str) -> Any:
    return values if isinstance(values, str) else np.asarray(values, dtype=float).tolist()
