"""Builders of programs: functions that return a whole `Program`, or blocks of one.

Cells of memristors as blocks (`beam_splitter`, `amplitude_damping`, ...), networks of them (`network`, `coupled`,
`ion_memristor`), programs for learning (`memristor_network`, `AnalogArray`), and quantum-classical protocols
(`teleportation`, `repetition_code`, `reward_learning`, ...).

Each module is imported when one of its functions is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rydberg_qmem.programs.arrays import AnalogArray
    from rydberg_qmem.programs.cells import (
        amplitude_damping,
        beam_splitter,
        blockade_measure,
        controlled_ry,
        exchange,
        weak_measure,
    )
    from rydberg_qmem.programs.ion import ion_memristor
    from rydberg_qmem.programs.networks import coupled, crosstalk, network
    from rydberg_qmem.programs.protocols.boltzmann import boltzmann_machine
    from rydberg_qmem.programs.protocols.codes import repetition_code
    from rydberg_qmem.programs.protocols.entanglement import entanglement_swapping, ghz_by_measurement, teleportation
    from rydberg_qmem.programs.protocols.monitoring import active_reset, zeno
    from rydberg_qmem.programs.protocols.phases import iterative_phase_estimation, ramsey_search
    from rydberg_qmem.programs.protocols.ramps import adaptive_ramp
    from rydberg_qmem.programs.protocols.rewards import coin, reward_learning, thermal_contact, thermal_damping
    from rydberg_qmem.programs.protocols.thermal import digital_analog_features, thermal_atom
    from rydberg_qmem.programs.protocols.variational import (
        H2,
        independent_set_pulses,
        independent_set_sweep,
        measured_in,
        qaoa_ring,
        two_atom_ansatz,
    )
    from rydberg_qmem.programs.readings import tomography
    from rydberg_qmem.programs.reservoirs import memristor_network, random_photons

__all__ = [
    "AnalogArray",
    "H2",
    "active_reset",
    "adaptive_ramp",
    "amplitude_damping",
    "beam_splitter",
    "blockade_measure",
    "boltzmann_machine",
    "coin",
    "controlled_ry",
    "coupled",
    "crosstalk",
    "digital_analog_features",
    "entanglement_swapping",
    "exchange",
    "ghz_by_measurement",
    "independent_set_pulses",
    "independent_set_sweep",
    "ion_memristor",
    "iterative_phase_estimation",
    "measured_in",
    "memristor_network",
    "network",
    "qaoa_ring",
    "ramsey_search",
    "random_photons",
    "repetition_code",
    "reward_learning",
    "teleportation",
    "thermal_atom",
    "thermal_contact",
    "thermal_damping",
    "tomography",
    "two_atom_ansatz",
    "weak_measure",
    "zeno",
]

_WHERE = {
    "arrays": ("AnalogArray",),
    "cells": ("amplitude_damping", "beam_splitter", "blockade_measure", "controlled_ry", "exchange", "weak_measure"),
    "ion": ("ion_memristor",),
    "networks": ("coupled", "crosstalk", "network"),
    "protocols.boltzmann": ("boltzmann_machine",),
    "protocols.codes": ("repetition_code",),
    "protocols.entanglement": ("entanglement_swapping", "ghz_by_measurement", "teleportation"),
    "protocols.monitoring": ("active_reset", "zeno"),
    "protocols.phases": ("iterative_phase_estimation", "ramsey_search"),
    "protocols.ramps": ("adaptive_ramp",),
    "protocols.rewards": ("coin", "reward_learning", "thermal_contact", "thermal_damping"),
    "protocols.thermal": ("digital_analog_features", "thermal_atom"),
    "protocols.variational": (
        "H2", "independent_set_pulses", "independent_set_sweep", "measured_in",
        "qaoa_ring", "two_atom_ansatz",
    ),
    "readings": ("tomography",),
    "reservoirs": ("memristor_network", "random_photons"),
}  # fmt: skip
"""The modules that hold the public names."""
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a builder when it is first used: what compiles a program needs few of them."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
