"""Gates as pulses: what each is lowered to, with the calibrations of two-atom gates."""

from __future__ import annotations

from rydberg_qmem.gates._calibration import Calibration, ChannelLimits, calibrate
from rydberg_qmem.gates._daqc import interaction_steps
from rydberg_qmem.gates._lowering import HIDDEN, expand_cell, lower
from rydberg_qmem.gates._pair_gates import SPLIT, cz_as_cphase, pair_calibration, zz_as_cphase

__all__ = [
    "Calibration",
    "HIDDEN",
    "ChannelLimits",
    "SPLIT",
    "calibrate",
    "cz_as_cphase",
    "expand_cell",
    "interaction_steps",
    "lower",
    "pair_calibration",
    "zz_as_cphase",
]
