"""Windows of Blackman and Kaiser waveforms: their durations, their samples and what those reach."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
CACHED_NS = 100_000
"""Longest window whose samples are kept."""
LONGEST_US = 1e5
"""Longest pulse that a largest value may ask for."""


@lru_cache(maxsize=4096)
def blackman_duration(max_val: float, area: float) -> int:
    """Return the duration (ns) that Pulser gives a Blackman waveform of some area and largest value."""
    from pulser.waveforms import BlackmanWaveform

    _check_signs(max_val, area)
    return int(BlackmanWaveform.from_max_val(max_val, area).duration)


@lru_cache(maxsize=4096)
def kaiser_duration(max_val: float, area: float, beta: float) -> int:
    """Return the duration (ns) that Pulser gives a Kaiser waveform of some area, largest value and beta."""
    from pulser.waveforms import KaiserWaveform

    _check_signs(max_val, area)
    return int(KaiserWaveform.from_max_val(max_val, area, beta).duration)


def _check_signs(max_val: float, area: float) -> None:
    if not max_val * area > 0 or not np.isfinite(max_val * area):
        raise CapabilityError(f"max_val and area must have one sign and not be zero ({max_val:g} and {area:g})")
    if area / max_val > LONGEST_US:
        raise CapabilityError(f"max_val must let the pulse end within {LONGEST_US:g} µs ({area / max_val:g} at least)")


@lru_cache(maxsize=256)
def _window(duration_ns: int, beta: float | None) -> Array:
    window = np.blackman(duration_ns) if beta is None else np.kaiser(duration_ns, beta)
    return np.asarray(np.clip(window, 0, np.inf))


def blackman_window(duration_ns: int) -> Array:
    """Return a Blackman window of unit area (rad/µs per rad), as Pulser samples it."""
    return of_unit_area(duration_ns, None)


def kaiser_window(duration_ns: int, beta: float) -> Array:
    """Return a Kaiser window of unit area (rad/µs per rad), as Pulser samples it."""
    return of_unit_area(duration_ns, beta)


def of_unit_area(duration_ns: int, beta: float | None) -> Array:
    """Return a Blackman window, or the Kaiser window of some beta, of unit area (rad/µs per rad)."""
    window = _window(duration_ns, beta) if duration_ns <= CACHED_NS else _window.__wrapped__(duration_ns, beta)
    with np.errstate(invalid="ignore", divide="ignore"):  # no area to scale: not finite, refused where it is played
        return np.asarray(window * NS_PER_US / window.sum())


@lru_cache(maxsize=4096)
def window_bounds(duration_ns: int, beta: float | None) -> tuple[float, float]:
    """Return smallest and largest value of a window of unit area.

    Beyond `CACHED_NS` its sum is the closed form 0.42 (N - 1) of the Blackman window, and for the Kaiser window the
    integral (N - 1) sinh β / (β I₀(β)) with the trapezoidal ends, right to 1e-9; derived.
    """
    if duration_ns <= CACHED_NS:
        window = of_unit_area(duration_ns, beta)
        return float(window.min()), float(window.max())
    steps = duration_ns - 1
    if beta is None:
        return 0.0, NS_PER_US / (0.42 * steps)
    edge = 1 / float(np.i0(beta))
    integral = np.sinh(beta) / beta * edge if beta > 0 else 1.0
    total = steps * integral + edge
    return NS_PER_US * edge / total, NS_PER_US / total
