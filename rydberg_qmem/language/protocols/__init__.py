"""Quantum-classical protocols as programs: functions that return a whole `Program`, or steps of one."""

from rydberg_qmem.language.protocols.boltzmann import boltzmann_machine
from rydberg_qmem.language.protocols.codes import repetition_code
from rydberg_qmem.language.protocols.entanglement import entanglement_swapping, ghz_by_measurement, teleportation
from rydberg_qmem.language.protocols.monitoring import active_reset, zeno
from rydberg_qmem.language.protocols.phases import iterative_phase_estimation, ramsey_search
from rydberg_qmem.language.protocols.ramps import adaptive_ramp
from rydberg_qmem.language.protocols.rewards import coin, reward_learning, thermal_contact, thermal_damping
from rydberg_qmem.language.protocols.thermal import digital_analog_features, thermal_atom
from rydberg_qmem.language.protocols.variational import (
    H2,
    independent_set_pulses,
    independent_set_sweep,
    measured_in,
    qaoa_ring,
    two_atom_ansatz,
)

__all__ = [
    "H2",
    "active_reset",
    "adaptive_ramp",
    "boltzmann_machine",
    "coin",
    "digital_analog_features",
    "entanglement_swapping",
    "ghz_by_measurement",
    "independent_set_pulses",
    "independent_set_sweep",
    "iterative_phase_estimation",
    "measured_in",
    "qaoa_ring",
    "ramsey_search",
    "repetition_code",
    "reward_learning",
    "teleportation",
    "thermal_atom",
    "thermal_contact",
    "thermal_damping",
    "two_atom_ansatz",
    "zeno",
]
