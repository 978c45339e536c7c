"""Pulses in time: schedules of waveforms, their place in a `pulser.Sequence`, and what they reach."""

from __future__ import annotations

from rydberg_qmem.pulses._building import build_sequence, validate_register
from rydberg_qmem.pulses._carried import (
    CARRIED,
    NOTHING,
    Carried,
    Site,
    carried_in,
    carries,
    fades,
    ledger_of,
    numbers_in,
)
from rydberg_qmem.pulses._drive_limits import (
    SLACK,
    angle_level,
    bounds_of,
    check_amplitude,
    check_detuning,
    check_drive,
    check_finite,
)
from rydberg_qmem.pulses._durations import LONGEST_NS, timed_shape
from rydberg_qmem.pulses._eom import check_modes, plays_from_samples
from rydberg_qmem.pulses._phases import UNSHIFTED, Reference
from rydberg_qmem.pulses._schedule import Drive, Schedule, shape_names
from rydberg_qmem.pulses._shape_bounds import WaveformBounds, sample_bounds, sampled_ns
from rydberg_qmem.pulses._shapes import (
    Array,
    Scope,
    column,
    duration_of,
    levels,
    phase_levels,
    pulser_waveform,
    timing_of,
    unit_area,
    wrapped,
)
from rydberg_qmem.pulses._windows import blackman_window, window_bounds

__all__ = [
    "Array",
    "WaveformBounds",
    "CARRIED",
    "Carried",
    "Drive",
    "LONGEST_NS",
    "NOTHING",
    "Reference",
    "SLACK",
    "Schedule",
    "Scope",
    "Site",
    "UNSHIFTED",
    "angle_level",
    "blackman_window",
    "bounds_of",
    "build_sequence",
    "carried_in",
    "carries",
    "check_amplitude",
    "check_detuning",
    "check_drive",
    "check_finite",
    "check_modes",
    "column",
    "duration_of",
    "fades",
    "ledger_of",
    "levels",
    "numbers_in",
    "phase_levels",
    "plays_from_samples",
    "pulser_waveform",
    "sample_bounds",
    "sampled_ns",
    "shape_names",
    "timed_shape",
    "timing_of",
    "unit_area",
    "validate_register",
    "window_bounds",
    "wrapped",
]
