"""One small program for each feature that changes what a segment does to a state, ready to be crossed with others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from pulser.channels import Rydberg
from pulser.devices import VirtualDevice

import rydberg_qmem as rq

PAIR: dict[str, tuple[float, ...]] = {"a": (0.0, 0.0), "b": (8.0, 1.0)}
THREE: dict[str, tuple[float, ...]] = {**PAIR, "c": (3.0, 8.5)}
SPACE: dict[str, tuple[float, ...]] = {"a": (0.0, 0.0, 0.0), "b": (7.0, 2.0, 1.0), "c": (1.0, 5.0, 6.0)}
TWICE = VirtualDevice(
    name="Twice", dimensions=2, rydberg_level=70,
    channel_ids=("rydberg_global", "other_global", "rydberg_local", "other_local"),
    channel_objects=(
        Rydberg.Global(None, None, mod_bandwidth=6.0), Rydberg.Global(None, None, mod_bandwidth=9.0),
        *(Rydberg.Local(None, None, min_retarget_interval=0, fixed_retarget_t=0, max_targets=None) for _ in range(2)),
    ),
)  # fmt: skip
"""A device with two channels of each kind, of which the global ones fade."""


def flat(duration_ns: int, value: Any) -> dict[str, Any]:
    return {"constant": {"duration_ns": duration_ns, "value": value}}


def blackman(duration_ns: int, area: Any) -> dict[str, Any]:
    return {"blackman": {"duration_ns": duration_ns, "area": area}}


def pulse(channel: str, amplitude: Any, **more: Any) -> dict[str, Any]:
    return {"pulse": {"channel": channel, "amplitude": amplitude, **more}}


def probe(key: str) -> dict[str, Any]:
    return {"probe": {"atoms": "all", "key": key, "density_matrix": True}}


def dmm(weights: Mapping[str, float], shape: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"detuning_map": {"channel": "dmm_0", "weights": dict(weights), "detuning": shape, **more}}


RYDBERG = [
    pulse("rydberg_global", flat(200, 6.0), detuning=1.0),
    pulse("rydberg_global", blackman(200, 0.9), phase=0.7),
]
LOCAL = pulse("rydberg_local", blackman(200, 0.9), atoms="b", phase=0.4)
MICRO = [pulse("mw_global", flat(200, 5.0), detuning=0.7), pulse("mw_global", blackman(200, 0.9), phase=0.4)]
EOM = {"channel": "rydberg_global", "amp_on": 5.0, "detuning_on": 0.5}
SQUARE = {"add_eom_pulse": {"channel": "rydberg_global", "duration_ns": 100, "phase": 0.3}}
LAYOUT = {
    "traps": {"layout": "triangular_lattice", "n_traps": 61, "spacing_um": 7},
    "trap_ids": {"a": 30, "b": 31},
}

BODIES: dict[str, tuple[Any, Any, list[dict[str, Any]], dict[str, Any]]] = {
    "pulses": ("MockDevice", PAIR, [*RYDBERG, LOCAL], {}),
    "mask": ("DigitalAnalogDevice", PAIR, [{"slm_mask": {"atoms": "b"}}, *RYDBERG], {}),
    "mask and map": (
        "MockDevice", THREE,
        [{"slm_mask": {"atoms": "b"}}, *RYDBERG, dmm({"a": 0.3, "c": 0.7}, flat(120, -4.0)), *RYDBERG], {},
    ),
    "map": ("MockDevice", THREE, [*RYDBERG, dmm({"a": 0.7, "b": 0.3}, flat(160, -9.0)), *RYDBERG], {}),
    "map meanwhile": (
        "MockDevice", THREE, [RYDBERG[0], dmm({"a": 0.7, "b": 0.3}, flat(200, -9.0), **{"with": "previous"}),
                              RYDBERG[1]], {},
    ),
    "mask of microwaves": ("MockDevice", PAIR, [{"slm_mask": {"atoms": "b"}}, *MICRO], {}),
    "mask of microwaves that ends": (
        "MockDevice", THREE, [{"slm_mask": {"atoms": "b"}}, *MICRO, {"delay": {"duration_ns": 100}}, *MICRO], {},
    ),
    "magnetic field": (
        "MockDevice", THREE, [*MICRO, {"delay": {"duration_ns": 100}}, *MICRO], {"magnetic_field": (20.0, 5.0, 10.0)}
    ),
    "microwaves in space": (
        "MockDevice", SPACE, [*MICRO, {"delay": {"duration_ns": 100}}, *MICRO], {"magnetic_field": (0.0, 30.0, 8.0)}
    ),
    "space": ("MockDevice", SPACE, [*RYDBERG, LOCAL], {}),
    "modulated": ("AnalogDevice", PAIR, [*RYDBERG[:1], {"delay": {"duration_ns": 40}}, *RYDBERG], {
        "with_modulation": True}),
    "eom": (
        "AnalogDevice", PAIR,
        [*RYDBERG[:1], {"enable_eom_mode": EOM}, SQUARE, {"delay": {"duration_ns": 40}}, SQUARE,
         {"disable_eom_mode": {"channel": "rydberg_global"}}, RYDBERG[1]], {},
    ),
    "modulated eom": (
        "AnalogDevice", PAIR,
        [*RYDBERG[:1], {"enable_eom_mode": EOM}, SQUARE, SQUARE], {"with_modulation": True},
    ),
    "layout": ("AnalogDevice", LAYOUT, RYDBERG, {}),
    "probed": ("MockDevice", PAIR, [RYDBERG[0], probe("early"), RYDBERG[1], probe("late"), LOCAL], {}),
    "one side": (
        "MockDevice", PAIR,
        [*RYDBERG, {"set": {"x": "x + 1"}}, {"when": {"if": "x > 0", "then": [LOCAL]}},
         {"when": {"if": "x < 0", "then": [LOCAL]}}, *RYDBERG], {},
    ),
    "waits": ("MockDevice", THREE, [*RYDBERG, {"delay": {"duration_ns": 200}}, LOCAL], {}),
    "digital": (
        "MockDevice", PAIR, [pulse("raman_local", blackman(100, 2.0), atoms="a", post_phase_shift=0.4),
                             pulse("raman_local", flat(100, 9.0), atoms="b", detuning=2.0)], {},
    ),
    "three levels": (
        "MockDevice", PAIR, [pulse("raman_local", flat(100, 9.0), atoms="a"), *RYDBERG,
                             pulse("raman_local", blackman(100, 2.0), atoms="b", phase=1.0), LOCAL], {},
    ),
}  # fmt: skip

BOTH = {"with": "previous"}
ONE_FIELD = pulse("rydberg_global", flat(160, 6.0), detuning=1.0, phase=0.4)
OTHER_FIELD = pulse("rydberg_local", flat(160, 5.0), detuning=-3.0, phase=2.5, atoms=["b", "c"], **BOTH)
BODIES |= {
    "fields out of phase": ("MockDevice", THREE, [RYDBERG[1], ONE_FIELD, OTHER_FIELD, *RYDBERG], {}),
    "fields of one kind": (
        TWICE, THREE,
        [RYDBERG[1], ONE_FIELD, pulse("other_global", blackman(120, 2.0), detuning=2.0, phase=-1.0, **BOTH),
         pulse("rydberg_local", flat(200, 5.0), detuning=-3.0, phase=2.5, atoms=["a", "b"]),
         pulse("other_local", flat(160, 7.0), phase=-0.6, atoms="b", **BOTH), *RYDBERG], {},
    ),
    "dark light with a phase": (
        TWICE, PAIR,
        [RYDBERG[1], pulse("rydberg_global", flat(160, 6.0)),
         pulse("other_global", flat(160, 0.0), detuning=-4.0, phase=1.2, **BOTH), *RYDBERG], {},
    ),
    "fading fields": (
        TWICE, PAIR,
        [ONE_FIELD, pulse("other_global", flat(80, 6.0), detuning=2.0, phase=2.0, protocol="no-delay"),
         {"delay": {"duration_ns": 60, "channel": "other_global"}}, RYDBERG[0]], {"with_modulation": True},
    ),
    "digital fields": (
        "MockDevice", PAIR, [pulse("raman_global", flat(160, 6.0), detuning=1.0, phase=0.4),
                             pulse("raman_local", flat(100, 9.0), atoms="b", detuning=-2.0, phase=2.0, **BOTH)], {},
    ),
}  # fmt: skip
"""Two fields on one transition of an atom at once, of one channel each."""


def program(feature: str) -> rq.Program:
    """Return the program of a feature, which ends with a look at the density matrix of all atoms."""
    device, register, body, more = BODIES[feature]
    return rq.Program.from_dict(
        {
            "name": "feature",
            "device": device,
            "register": register if "traps" in register else {"atoms": register},
            "memory": {"x": {"initial": 0}},
            "body": [*body, probe("end")],
            **more,
        }
    )


def final(feature: str, **options: Any) -> np.ndarray[Any, Any]:
    """Return the density matrix at the end of a feature's program, of one shot where shots are asked for."""
    return np.asarray(rq.run(program(feature), **{"shots": None, "seed": 1, **options})["end"].values)


@cache
def clean(feature: str) -> np.ndarray[Any, Any]:
    """Return the density matrix at the end of a feature's program without noise."""
    return final(feature)
