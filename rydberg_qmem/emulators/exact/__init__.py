"""The exact emulator: one propagator for Hamiltonians, decaying Hamiltonians and Lindbladians.

Between two changes of Pulser's 1 ns samples a generator is constant, and its exponential exact to rounding.
"""

from rydberg_qmem.emulators.exact._cache import CACHE_BYTES
from rydberg_qmem.emulators.exact._emulator import Exact
from rydberg_qmem.emulators.exact._hamiltonian import evolution_method, evolve_stretch
from rydberg_qmem.emulators.exact._open_system import OpenSystemPropagator
from rydberg_qmem.emulators.exact._raising import HALVED_DIMENSION
from rydberg_qmem.emulators.exact._rotations import Rotation
from rydberg_qmem.emulators.exact._rotations import apply as rotate
from rydberg_qmem.emulators.exact._segment import PlayedSegment, Stretch, dark, each_schedule, layout_of

__all__ = [
    "CACHE_BYTES",
    "HALVED_DIMENSION",
    "Exact",
    "OpenSystemPropagator",
    "PlayedSegment",
    "Rotation",
    "Stretch",
    "dark",
    "each_schedule",
    "evolve_stretch",
    "layout_of",
    "evolution_method",
    "rotate",
]
