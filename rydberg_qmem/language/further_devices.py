"""Devices that Pulser can describe but does not bring along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rydberg_qmem.errors import InputError


def addressed_array(atoms: Sequence[str], *, rydberg_level: int = 70) -> Any:
    """Return a virtual Pulser device with a global Rydberg channel and one local channel `shift_<atom>` for each atom.

    What local channels of no amplitude do, detunings δ_i, one of Pulser's detuning maps does as well: a global
    detuning of the largest δ, and weights in proportion to what each atom lacks. Local channels let the detunings be
    values of a run, so that one program serves many samples.

    >>> list(addressed_array(["p", "q"]).channels)
    ['rydberg_global', 'shift_p', 'shift_q']
    """
    from pulser.channels import Rydberg
    from pulser.devices import VirtualDevice

    if not atoms or len(set(atoms)) < len(atoms):
        raise InputError(f"atoms must be at least one and all different, but are {list(atoms)}")
    channels = (Rydberg.Global(None, None), *(Rydberg.Local(None, None, max_targets=1) for _ in atoms))
    return VirtualDevice(
        name="AddressedArray",
        dimensions=2,
        rydberg_level=rydberg_level,
        channel_objects=channels,
        channel_ids=("rydberg_global", *(f"shift_{atom}" for atom in atoms)),
    )
