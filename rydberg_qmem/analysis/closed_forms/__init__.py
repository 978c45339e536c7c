"""Closed forms of the memristors of the literature, as references for records. All derived, but for the models."""

from rydberg_qmem.analysis.closed_forms._entangled import line_negativity, remote_concurrence, triangle_negativity
from rydberg_qmem.analysis.closed_forms._flux_controlled import (
    flux_controlled_current,
    flux_controlled_lobe,
    flux_polygon,
)
from rydberg_qmem.analysis.closed_forms._photonic import (
    crossed_area,
    discrete_loop_area,
    discrete_reflectivity,
    photonic_loop,
    photonic_loop_area,
    photonic_reflectivity,
)
from rydberg_qmem.analysis.closed_forms._superconducting import collision_lobe, collision_voltage, squid_voltage

__all__ = [
    "collision_lobe",
    "collision_voltage",
    "crossed_area",
    "discrete_loop_area",
    "discrete_reflectivity",
    "flux_controlled_current",
    "flux_controlled_lobe",
    "flux_polygon",
    "line_negativity",
    "photonic_loop",
    "photonic_loop_area",
    "photonic_reflectivity",
    "remote_concurrence",
    "squid_voltage",
    "triangle_negativity",
]
