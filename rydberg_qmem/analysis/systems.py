"""Closed forms of the memristors of the literature, as references for records. All derived, but for the models."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import jv

from rydberg_qmem import arguments

Floats = NDArray[np.float64]


@arguments.taking(
    u=arguments.numbers(), theta=arguments.numbers(), phase=arguments.numbers(), gamma=arguments.numbers()
)
def squid_voltage(u: ArrayLike, theta: float, phase: float, gamma: float) -> Floats:
    """Return V/V0 = sin θ sin(u + phase) exp(-Γ/2) of the CA-SQUID type.

    Γ = gamma [u - 2 Σ_{k odd} J_k(1) (1 - cos ku)/k].

    Args:
        u: Time times the oscillator's angular frequency, of any shape.
        theta: θ of the first state (rad).
        phase: Its phase (rad).
        gamma: γ0 over the angular frequency.

    >>> round(float(squid_voltage(2 * np.pi, np.pi / 2, np.pi / 2, 0.1) / np.exp(-0.1 * np.pi)), 12)
    1.0
    """
    u = np.asarray(u, dtype=float)
    passed = u - 2 * sum(jv(k, 1) * (1 - np.cos(k * u)) / k for k in range(1, 20, 2))
    return np.asarray(np.sin(theta) * np.sin(u + phase) * np.exp(-gamma * passed / 2))


@arguments.taking(t=arguments.numbers(), tilt=arguments.numbers(), b=arguments.numbers(), gamma0=arguments.numbers())
def collision_voltage(t: ArrayLike, tilt: float, b: float, gamma0: float) -> Floats:
    """Return <Y> = sin(2 tilt) sin(t + b) exp(k(t)) of the collision model with γ = γ0 [1 - sin(cos t)].

    k = -γ0/2 [t - 2 Σ_j (-1)^j J_{2j+1}(1) sin((2j+1) t)/(2j+1)].

    Args:
        t: Time, in units of the oscillator's inverse angular frequency, of any shape.
        tilt: Half the polar angle of the first state (rad).
        b: Its phase (rad).
        gamma0: γ0, in units of the angular frequency.

    >>> round(float(collision_voltage(np.pi, np.pi / 4, np.pi / 5, 0.4)) * -0.353553, 6)
    0.110866
    """
    t = np.asarray(t, dtype=float)
    gone = t - 2 * sum((-1) ** j * jv(2 * j + 1, 1) * np.sin((2 * j + 1) * t) / (2 * j + 1) for j in range(10))
    return np.asarray(np.sin(2 * tilt) * np.sin(t + b) * np.exp(-gamma0 * gone / 2))


@arguments.taking(depth=arguments.numbers())
def collision_lobe(depth: ArrayLike) -> Floats:
    """Return the area of each lobe over γ0 V0², 2 (sin A/A² - cos A/A), without damping.

    Args:
        depth: A, of any shape.

    >>> round(float(collision_lobe(1.0)), 6)
    0.602337
    """
    a = np.asarray(depth, dtype=float)
    return np.asarray(2 * (np.sin(a) / a**2 - np.cos(a) / a))


@arguments.taking(period=arguments.real(above=0), window=arguments.real(above=0), ahead=arguments.real())
def crossed_area(period: float, window: float, ahead: float) -> float:
    """Return the polygon area of (n_1, out_2) under crossed feedback, windows of past rounds.

    Args:
        period: Period of the drives, in rounds.
        window: Length of the windows, in rounds.
        ahead: By which phase the second drive is ahead (rad).

    >>> round(crossed_area(20_000, 20_000 * 1.1656 / np.pi, np.pi / 2), 4)
    0.6773
    """
    depth = np.sin(np.pi * window / period) / (window * np.sin(np.pi / period))
    lag = np.pi * (window + 1) / period
    return float(period * np.sin(2 * np.pi / period) / 16 * (np.sin(ahead) + depth * np.sin(lag)))


@arguments.taking(half=arguments.real(), r1=arguments.real(0, 1), r2=arguments.real(0, 1))
def remote_concurrence(half: float, r1: float, r2: float) -> float:
    """Return the concurrence of cos(half)|gg⟩ + sin(half)|hh⟩ behind beam splitters.

    Args:
        half: Half the angle of the state (rad).
        r1: What the first atom's beam splitter loses, from 0 to 1.
        r2: What the second's loses.

    >>> remote_concurrence(np.pi / 4, 0.0, 0.0)
    1.0
    """
    a, b = np.cos(half), np.sin(half)
    kept = (1 - r1) * (1 - r2)
    return float(max(0.0, 2 * abs(a * b) * np.sqrt(kept) - 2 * b**2 * np.sqrt(r1 * r2 * kept)))


@arguments.taking(kt=arguments.numbers())
def triangle_negativity(kt: ArrayLike) -> Floats:
    """Return N3 = sqrt(1 - cos⁴ kt)/2 of three cells in a triangle, undamped.

    Args:
        kt: Exchange rate times time, of any shape.

    >>> float(triangle_negativity(np.pi / 2))
    0.5
    """
    return np.asarray(0.5 * np.sqrt(1 - np.cos(np.asarray(kt)) ** 4))


@arguments.taking(kt=arguments.numbers())
def line_negativity(kt: ArrayLike) -> tuple[Floats, Floats]:
    """Return the negativity of an end and of the middle cell of a line of three, undamped.

    r = (1 + cos(√2 kt))/2 for an end, r² for the middle, N = sqrt(1 - r²)/2.

    Args:
        kt: Exchange rate times time, of any shape.

    >>> [round(float(n), 5) for n in line_negativity(np.pi / 4)]
    [0.34595, 0.42669]
    """
    r = (1 + np.cos(np.sqrt(2) * np.asarray(kt))) / 2
    return np.asarray(0.5 * np.sqrt(1 - r**2)), np.asarray(0.5 * np.sqrt(1 - r**4))


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
