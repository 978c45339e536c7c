"""The device of a program: its channels, the register on it, and how strongly atoms act on each other."""

from __future__ import annotations

from rydberg_qmem.devices._channels import (
    BLACKMAN_MEAN,
    GATE_RABI,
    GatePulse,
    Lowered,
    area_duration_ns,
    local_channel,
    on_clock,
    rotation_duration_ns,
    rotation_reach,
    several_channel,
)
from rydberg_qmem.devices._interactions import Strengths
from rydberg_qmem.devices._pulser_private import (
    calls_of,
    channel_objects_of,
    device_channel_of,
    mask_map_of,
    mask_of,
    with_arrays,
    with_channels,
    with_named_channels,
)
from rydberg_qmem.devices._target import (
    DRIVEN,
    FIELD_ALONG_Z,
    FRAME,
    LEVELS,
    ONE,
    Target,
    device_named,
    device_of,
    make_target,
)

__all__ = [
    "BLACKMAN_MEAN",
    "DRIVEN",
    "FIELD_ALONG_Z",
    "FRAME",
    "GATE_RABI",
    "GatePulse",
    "LEVELS",
    "Lowered",
    "ONE",
    "Strengths",
    "Target",
    "area_duration_ns",
    "calls_of",
    "channel_objects_of",
    "device_channel_of",
    "device_named",
    "device_of",
    "local_channel",
    "make_target",
    "mask_map_of",
    "mask_of",
    "on_clock",
    "rotation_duration_ns",
    "rotation_reach",
    "several_channel",
    "with_arrays",
    "with_channels",
    "with_named_channels",
]
