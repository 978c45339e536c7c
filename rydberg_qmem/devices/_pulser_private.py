"""What Pulser keeps to itself and shows nowhere else: its private names stand in this module alone.

A test makes each of them do what it is here for, and so tells when a release of Pulser changes one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any


def calls_of(sequence: Any) -> Sequence[Any]:
    """Return the calls that made a `pulser.Sequence`, the one that began it left out."""
    return tuple(sequence._calls[1:])


def device_channel_of(sequence: Any, name: str) -> str:
    """Return which channel of the device a declared name means."""
    return str(sequence._schedule[name].channel_id)


def mask_map_of(sequence: Any) -> str | None:
    """Return the name of the detuning map's channel that makes the mask of the Ising mode, if one does."""
    name = sequence._slm_mask_dmm
    return None if name is None else str(name)


def mask_of(samples: Any) -> tuple[frozenset[Any], int]:
    """Return the qubits under the mask, and until when (ns)."""
    return frozenset(samples._slm_mask.targets), int(samples._slm_mask.end)


def channel_objects_of(samples: Any) -> Mapping[str, Any]:
    """Return the channel of each name of a sequence's samples."""
    objects: Mapping[str, Any] = samples._ch_objs
    return objects


def with_arrays(channel: Any, slots: Sequence[Any], **arrays: Any) -> Any:
    """Return one channel's samples with other arrays (`amp`, `det`, `phase`) and slots, outside of EOM mode."""
    import pulser.math as pm

    values = {name: pm.AbstractArray(array) for name, array in arrays.items()}
    return replace(channel, **values, slots=list(slots), eom_blocks=[], _centered_phase=None)


def with_channels(samples: Any, channels: Sequence[Any], mask_end: Callable[[int], int] | None = None) -> Any:
    """Return a sequence's samples with other samples of its channels, the mask's end (ns) moved too."""
    mask = samples._slm_mask
    mask = mask if mask_end is None else replace(mask, end=mask_end(mask.end))
    return replace(samples, samples_list=list(channels), _slm_mask=mask)


def with_named_channels(samples: Any, channels: Mapping[str, Any], objects: Mapping[str, Any]) -> Any:
    """Return a sequence's samples with channels of other names, each the samples of an object."""
    return replace(samples, channels=list(channels), samples_list=list(channels.values()), _ch_objs=dict(objects))
