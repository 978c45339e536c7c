"""One `pulser.Sequence` per segment and row of control values, and its samples."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from rydberg_qmem.compile.building import Builder
from rydberg_qmem.compile.carried import carried_in
from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.compile.shapes import Scope
from rydberg_qmem.compile.target import Target


def to_pulser(plan: Plan, scope: Scope) -> Any:
    """Build the segment's real `pulser.Sequence` for one row of control values."""
    builder = Builder(plan.target, scope, real=True, carried=carried_in(scope, plan.target))
    builder.run(plan.operations)
    return builder.sequence


def cut_out(samples: Any, begin: int, end: int, whole: int) -> Any:
    """Return samples without what plays before `begin` and between `end` and `whole` (ns), the rest moved together."""
    import pulser.math as pm

    made = []
    for channel in samples.samples_list:
        arrays = {}
        for name in ("amp", "det", "phase"):
            values = getattr(channel, name).as_array(detach=True)
            arrays[name] = pm.AbstractArray(np.concatenate([values[begin:end], values[whole:]]))
        slots = [slot for slot in (_moved(slot, begin, end, whole) for slot in channel.slots) if slot.ti < slot.tf]
        made.append(replace(channel, **arrays, slots=slots, eom_blocks=[], _centered_phase=None))
    mask = samples._slm_mask  # Pulser shows it nowhere else
    return replace(samples, samples_list=made, _slm_mask=replace(mask, end=_new(mask.end, begin, end, whole)))


def _moved(slot: Any, begin: int, end: int, whole: int) -> Any:
    return replace(slot, ti=_new(slot.ti, begin, end, whole), tf=_new(slot.tf, begin, end, whole))


def _new(time: int, begin: int, end: int, whole: int) -> int:
    """Return where a time stands once what is cut out is gone."""
    return min(max(time, begin), end) - begin + max(time - whole, 0)


def played(sequence: Any, target: Target, duration_ns: int) -> Any:
    """Return the samples of a sequence as the channels put them out."""
    from pulser.sampler import sample

    end = max(duration_ns, int(sequence.get_duration(include_fall_time=target.with_modulation)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # channels without a bandwidth put out what is put in
        return sample(sequence, modulation=target.with_modulation, extended_duration=end)
