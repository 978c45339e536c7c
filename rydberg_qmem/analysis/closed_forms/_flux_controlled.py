"""Closed forms of the flux-controlled memristor: its current, the area of its lobes, and that of their polygon."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments

Floats = NDArray[np.float64]


@arguments.taking(
    phase=arguments.numbers(),
    a=arguments.numbers(),
    b=arguments.numbers(),
    amplitude=arguments.numbers(),
    omega=arguments.numbers(),
)
def flux_controlled_current(phase: ArrayLike, a: float, b: float, amplitude: float, omega: float) -> Floats:
    """Return I of the memristor I = (a + b flux) V under V = amplitude sin(phase), phase = omega t.

    Derived: flux = (amplitude / omega) (1 - cos phase), zero at phase 0.

    Args:
        phase: Phase of the drive (rad), of any shape.
        a: Conductance at flux 0.
        b: Its slope with the flux.
        amplitude: Largest voltage.
        omega: Angular frequency (rad per unit of time). Units are those of a, b and the voltage together.

    >>> float(flux_controlled_current(np.pi / 2, a=1.0, b=0.5, amplitude=2.0, omega=1.0))
    4.0
    """
    phase = np.asarray(phase, dtype=float)
    return np.asarray((a + b * amplitude / omega * (1 - np.cos(phase))) * amplitude * np.sin(phase))


@arguments.taking(b=arguments.numbers(), amplitude=arguments.numbers(), omega=arguments.numbers())
def flux_controlled_lobe(b: ArrayLike, amplitude: ArrayLike, omega: ArrayLike) -> Floats:
    """Return the area (2 / 3) |b amplitude^3| / omega of each of the two lobes of `flux_controlled_current`.

    Derived: the integral of I dV over half a period. The lobes have opposite sense, so the signed area is zero.

    Args:
        b: Slope of the conductance with the flux.
        amplitude: Largest voltage.
        omega: Angular frequency (rad per unit of time).

    >>> round(float(flux_controlled_lobe(0.3, 1.0, 0.5)), 12)
    0.4
    """
    b, amplitude, omega = (np.asarray(value, dtype=float) for value in (b, amplitude, omega))
    return np.asarray(2 / 3 * np.abs(b * amplitude**3) / omega)


@arguments.taking(
    steps=arguments.whole(4), b=arguments.real(), amplitude=arguments.real(), omega=arguments.real(above=0)
)
def flux_polygon(steps: int, b: float, amplitude: float, omega: float) -> float:
    """Return the area of both lobes of the flux-controlled memristor, as a polygon.

    Args:
        steps: Number of corners, even.
        b: Slope of the conductance with the flux.
        amplitude: Largest voltage.
        omega: Angular frequency (rad per unit of time).

    >>> round(flux_polygon(10_000, 0.3, 1.0, 0.5), 6)
    0.8
    """
    turn = np.cos(2 * np.pi / steps)
    return float(b * amplitude**3 / omega * (turn + 0.5 - 0.5 / (1 + 2 * turn)))
