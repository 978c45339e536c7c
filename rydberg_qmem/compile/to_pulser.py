"""One `pulser.Sequence` per segment and row of control values, and its samples."""

from __future__ import annotations

import warnings
from typing import Any

from rydberg_qmem.compile.building import Builder
from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.compile.shapes import Scope
from rydberg_qmem.compile.target import Target


def to_pulser(plan: Plan, scope: Scope) -> Any:
    """Build the segment's real `pulser.Sequence` for one row of control values."""
    builder = Builder(plan.target, scope, real=True)
    builder.run(plan.operations)
    return builder.sequence


def played(sequence: Any, target: Target, duration_ns: int) -> Any:
    """Return the samples of a sequence as the channels put them out."""
    from pulser.sampler import sample

    end = max(duration_ns, int(sequence.get_duration(include_fall_time=target.with_modulation)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # channels without a bandwidth put out what is put in
        return sample(sequence, modulation=target.with_modulation, extended_duration=end)
