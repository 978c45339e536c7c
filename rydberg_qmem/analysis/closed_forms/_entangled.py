"""Closed forms of entanglement: behind beam splitters, and of three coupled memristors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments

Floats = NDArray[np.float64]


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
