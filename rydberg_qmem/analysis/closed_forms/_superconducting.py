"""Closed forms of memristors of the superconducting type: the CA-SQUID, and the model of collisions."""

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
