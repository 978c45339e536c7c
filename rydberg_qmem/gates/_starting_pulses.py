"""Starting pulses: the numbers of two-atom gates at a perfect blockade, from which calibrations are searched."""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.language.blocks import PulseShape

Array = NDArray[np.float64]
ANGLES = pi * np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
"""Where the starting values stand; between them they are interpolated."""
START: dict[tuple[str, PulseShape], Array] = {
    ("levine", "square"): np.array([
        (2.542, 1.992, -3.630), (2.932, 1.610, -3.766), (3.373, 1.213, -3.924), (3.635, 0.994, -4.005),
        (3.816, 0.843, -4.046), (3.950, 0.728, -4.060), (4.053, 0.635, -4.054), (4.134, 0.557, -4.032),
        (4.198, 0.490, -3.999), (4.250, 0.431, -3.955), (4.293, 0.377, -3.902),
    ]),
    ("time_optimal", "square"): np.array([
        (0.485, 1.805, -0.401, -1.471, 4.776), (0.476, 1.671, -0.099, -1.079, 5.523),
        (0.481, 1.500, 0.041, -0.738, 6.340), (0.488, 1.385, 0.014, -0.553, 6.823),
        (0.505, 1.259, -0.209, -0.435, 7.155), (0.525, 1.196, -0.304, -0.334, 7.372),
        (0.537, 1.189, -0.248, -0.236, 7.506), (0.552, 1.192, -0.191, -0.147, 7.589),
        (0.579, 1.164, -0.269, -0.079, 7.636), (0.611, 1.145, -0.337, -0.015, 7.645),
        (0.656, 1.117, -0.456, 0.038, 7.623),
    ]),
    ("time_optimal", "blackman"): np.array([
        (1.907, 18.033, -7.101, 6.888), (1.785, 16.656, -6.219, 7.009), (1.594, 15.402, -5.203, 7.190),
        (1.550, 14.742, -3.915, 8.830), (1.457, 14.230, -2.904, 9.260), (1.375, 13.834, -1.898, 9.594),
        (1.300, 13.509, -0.880, 9.864), (1.230, 13.232, 0.160, 10.087), (1.116, 12.831, 0.487, 8.807),
        (0.939, 13.118, 0.504, 8.325), (0.766, 14.040, 0.501, 8.013),
    ]),
}  # fmt: skip
"""The pulses' numbers at a perfect blockade, found by the same search from angle to angle; named in `NAMES`.

The smooth ones are those of long pulses (2 µm in steps of 1 ns): a short one's window ends elsewhere.
"""
NAMES: dict[tuple[str, PulseShape], tuple[str, ...]] = {
    ("levine", "square"): ("area", "detuning/rabi", "jump"),
    ("time_optimal", "square"): ("depth", "frequency/rabi", "start", "detuning/rabi", "area"),
    ("time_optimal", "blackman"): ("depth", "frequency", "detuning", "area"),
}
MIRROR: dict[tuple[str, PulseShape], tuple[int, ...]] = {
    ("levine", "square"): (1, -1, -1),
    ("time_optimal", "square"): (-1, 1, 1, -1, 1),
    ("time_optimal", "blackman"): (-1, 1, -1, 1),
}
"""What changes sign with the angle: all detunings, and the jump."""


def started(method: str, angle: float, shape: PulseShape) -> Array:
    """Return the numbers of a pulse at a perfect blockade.

    >>> [round(float(x), 3) for x in started("levine", pi, "square")]
    [4.293, 0.377, -3.902]
    """
    found = np.array([np.interp(abs(angle), ANGLES, column) for column in START[method, shape].T])
    return found if angle >= 0 else found * MIRROR[method, shape]
