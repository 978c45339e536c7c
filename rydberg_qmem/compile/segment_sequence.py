"""One `pulser.Sequence` per segment and row of control values, and its samples."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from rydberg_qmem.compile.plan import Plan
from rydberg_qmem.devices import Target, channel_objects_of, with_arrays, with_channels, with_named_channels
from rydberg_qmem.pulses import Scope, build_sequence, carried_in


def to_pulser(plan: Plan, scope: Scope) -> Any:
    """Build the segment's real `pulser.Sequence` for one row of control values."""
    builder, _ = build_sequence(plan.operations, plan.target, scope, real=True, carried=carried_in(scope, plan.target))
    return builder.sequence


def cut_out(samples: Any, begin: int, end: int, whole: int) -> Any:
    """Return samples without what plays before `begin` and between `end` and `whole` (ns), the rest moved together."""
    made = []
    for channel in samples.samples_list:
        arrays = {}
        for name in ("amp", "det", "phase"):
            values = getattr(channel, name).as_array(detach=True)
            arrays[name] = np.concatenate([values[begin:end], values[whole:]])
        slots = [slot for slot in (_moved(slot, begin, end, whole) for slot in channel.slots) if slot.ti < slot.tf]
        made.append(with_arrays(channel, slots, **arrays))
    return with_channels(samples, made, lambda ends: _new(ends, begin, end, whole))


def _moved(slot: Any, begin: int, end: int, whole: int) -> Any:
    return replace(slot, ti=_new(slot.ti, begin, end, whole), tf=_new(slot.tf, begin, end, whole))


def _new(time: int, begin: int, end: int, whole: int) -> int:
    """Return where a time stands once what is cut out is gone."""
    return min(max(time, begin), end) - begin + max(time - whole, 0)


def as_fields(samples: Any) -> Any:
    """Return samples in which channels of one basis and addressing are one channel, or one for each atom.

    Pulser adds the amplitudes of such channels, and their phases; light adds as Ω exp(-iφ), as that of a global and of
    a local channel does in Pulser, too.
    """
    whole = samples.extend_duration(samples.max_duration)
    groups: dict[Any, dict[str, Any]] = {}
    known = channel_objects_of(whole)
    for name, channel in whole.channel_samples.items():
        alone = name if hasattr(channel, "detuning_map") else ""
        kind = (known[name].basis, known[name].addressing, alone)
        groups.setdefault(kind, {})[name] = channel
    made, objects = {}, {}
    for (_, addressing, _), channels in groups.items():
        first = next(iter(channels))
        together = channels if len(channels) == 1 else _together(first, list(channels.values()), addressing)
        made.update(together)
        objects.update(dict.fromkeys(together, known[first]))
    return with_named_channels(whole, made, objects)


def _together(name: str, channels: list[Any], addressing: str) -> dict[str, Any]:
    """Return what several channels play together: in all, or on each atom in the slots that are aimed at it."""
    slots, end = [slot for channel in channels for slot in channel.slots], channels[0].duration
    if addressing == "Global":
        return {name: _summed(channels, [replace(slot, ti=0, tf=end) for slot in slots[:1]], None)}
    atoms = dict.fromkeys(atom for slot in slots for atom in slot.targets)
    made = {
        f"{name} on {atom}": _summed(channels, [replace(slots[0], ti=0, tf=end, targets={atom})], atom)
        for atom in atoms
    }
    return made or {name: channels[0]}


def _summed(channels: list[Any], slots: list[Any], atom: Any) -> Any:
    """Return the sum of channels' fields and detunings: all of them, or those in slots that are aimed at an atom."""
    omega, detuning = np.zeros(channels[0].duration, dtype=complex), np.zeros(channels[0].duration)
    for channel in channels:
        amp, det, phase = (getattr(channel, name).as_array(detach=True) for name in ("amp", "det", "phase"))
        aimed = [slice(slot.ti, slot.tf) for slot in channel.slots if atom in slot.targets]
        for span in [slice(None)] if atom is None else aimed:
            omega[span] += amp[span] * np.exp(-1j * phase[span])
            detuning[span] += det[span]
    arrays = {"amp": np.abs(omega), "det": detuning, "phase": -np.angle(omega)}
    return with_arrays(channels[0], slots, **arrays)


def played(sequence: Any, target: Target, duration_ns: int) -> Any:
    """Return the samples of a sequence as the channels put them out."""
    from pulser.sampler import sample

    end = max(duration_ns, int(sequence.get_duration(include_fall_time=target.with_modulation)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # channels without a bandwidth put out what is put in
        return sample(sequence, modulation=target.with_modulation, extended_duration=end)
