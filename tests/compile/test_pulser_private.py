"""What Pulser keeps to itself: each name that is needed does what it is there for, and stands in one module alone."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pulser
from pulser.sampler import sample

import rydberg_qmem
from rydberg_qmem import devices

PACKAGE = Path(rydberg_qmem.__file__).parent
FENCE = PACKAGE / "devices" / "_pulser_private.py"
PRIVATE = ("_calls", "_schedule", "_slm_mask", "_slm_mask_dmm", "_ch_objs", "_centered_phase")


def masked(device: Any, channel: str, dmm: str | None) -> Any:
    sequence = pulser.Sequence(pulser.Register({"a": (0, 0), "b": (8, 0)}), device)
    sequence.declare_channel("drive", channel)
    sequence.config_slm_mask(["b"], *([dmm] if dmm else []))
    sequence.add(pulser.Pulse.ConstantPulse(100, 2.0, 0.0, 0.5), "drive")
    return sequence


def test_a_sequence_tells_its_calls_its_channels_and_its_masks() -> None:
    ising, exchange = masked(pulser.MockDevice, "rydberg_global", "dmm_0"), masked(pulser.MockDevice, "mw_global", None)

    assert [call.name for call in devices.calls_of(ising)] == ["declare_channel", "config_slm_mask", "add"]
    assert devices.device_channel_of(ising, "drive") == "rydberg_global"
    bare = pulser.Sequence(pulser.Register({"a": (0, 0)}), pulser.MockDevice)
    assert (devices.mask_map_of(ising), devices.mask_map_of(bare)) == ("dmm_0", None)
    assert devices.mask_of(sample(exchange)) == (frozenset({"b"}), 100)
    assert devices.channel_objects_of(sample(ising))["drive"].basis == "ground-rydberg"


def test_samples_are_made_anew_with_other_arrays_channels_and_masks() -> None:
    samples = sample(masked(pulser.MockDevice, "mw_global", None))
    [channel] = samples.samples_list
    ones = np.ones(100)

    made = devices.with_arrays(channel, channel.slots, amp=ones, det=2 * ones, phase=3 * ones)
    moved = devices.with_channels(samples, [made], lambda end: end + 7)
    renamed = devices.with_named_channels(
        moved, {"other": made}, {"other": devices.channel_objects_of(samples)["drive"]}
    )

    played = renamed.to_nested_dict(all_local=True)["Local"]["XY"]["a"]
    assert [float(played[name][50]) for name in ("amp", "det", "phase")] == [1.0, 2.0, 3.0]
    assert devices.mask_of(renamed) == (frozenset({"b"}), 107)
    assert list(renamed.channels) == ["other"]


def test_no_other_module_asks_for_them() -> None:
    found = [
        (path.relative_to(PACKAGE).as_posix(), node.attr if isinstance(node, ast.Attribute) else node.arg)
        for path in PACKAGE.rglob("*.py")
        if path != FENCE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in PRIVATE and not _is_own(node.value))
        or (isinstance(node, ast.keyword) and node.arg in PRIVATE)
    ]

    assert found == []


def _is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}
