"""Closed forms of memristors of the photonic type, their discrete rounds among them.

The photonic-type memristor passes the part 1 - R of its input n_in and sets its reflectivity R to the mean
of n_in over a window of past time: n_out = (1 - R) n_in. All its closed forms below are for n_in =
sin^2(phase / 2), one period of the drive per 2 pi of phase, after the window has filled. All are derived,
not quoted; the tests check them against direct simulation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments

Floats = NDArray[np.float64]


@arguments.taking(phase=arguments.numbers(), x=arguments.numbers())
def photonic_reflectivity(phase: ArrayLike, x: ArrayLike) -> Floats:
    """Return R = [1 - (sin x / x) cos(phase - x)] / 2 of the photonic-type memristor.

    Derived: the mean of sin^2(phase / 2) over the last T of time.

    Args:
        phase: Phase of the drive (rad), of any shape.
        x: pi T / T_osc of a window of length T; 0 is the limit of none.

    >>> float(photonic_reflectivity(0.0, np.pi))
    0.5
    """
    x = np.asarray(x, dtype=float)
    return np.asarray(0.5 * (1 - np.sinc(x / np.pi) * np.cos(np.asarray(phase) - x)))


@arguments.taking(phase=arguments.numbers(), x=arguments.numbers())
def photonic_loop(phase: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
    """Return (n_in, n_out) of the photonic-type memristor at phases of the drive.

    Derived: n_in = sin^2(phase / 2), n_out = (1 - R) n_in; the loop is pinched at the origin, never crosses itself, and
    runs clockwise for x below pi.

    Args:
        phase: Phase of the drive (rad), of any shape.
        x: pi T / T_osc of a window of length T.

    >>> n_in, n_out = photonic_loop(np.pi, np.pi)
    >>> float(n_in), float(n_out)
    (1.0, 0.5)
    """
    n_in = np.sin(0.5 * np.asarray(phase, dtype=float)) ** 2
    return n_in, (1 - photonic_reflectivity(phase, x)) * n_in


@arguments.taking(x=arguments.numbers())
def photonic_loop_area(x: ArrayLike) -> Floats:
    """Return the loop area (pi / 8) sin^2(x) / x of the photonic-type memristor.

    Derived: the integral of n_out over n_in. Zero at every whole T / T_osc and for x -> 0; largest at tan x = 2 x.

    Args:
        x: pi T / T_osc >= 0 of a window of length T, of any shape.

    >>> round(float(photonic_loop_area(np.pi / 4)), 12)
    0.25
    """
    x = np.asarray(x, dtype=float)
    return np.asarray(np.pi / 8 * np.sin(x) * np.sinc(x / np.pi))


@arguments.taking(
    k=arguments.numbers(),
    period=arguments.numbers(),
    window=arguments.numbers(),
    window_includes_present=arguments.flag,
)
def discrete_reflectivity(
    k: ArrayLike, period: ArrayLike, window: ArrayLike, window_includes_present: bool = False
) -> Floats:
    """Return R_k = [1 - D cos(2 pi k / K - xc)] / 2 of K rounds a period and W rounds of memory.

    D = sin(pi W / K) / (W sin(pi / K)); xc = pi (W + 1) / K for a window of the W rounds before round k, and pi (W - 1)
    / K for one that ends with round k. Derived: the mean of sin^2(pi j / K) over the window.

    Args:
        k: Number of the round.
        period: K, in rounds.
        window: W, in rounds.
        window_includes_present: Whether the window ends with round k (default: with the round before).

    >>> round(float(discrete_reflectivity(0, 24, 1)), 6)  # sin^2(pi / 24)
    0.017037
    """
    depth, lag = _window(period, window, window_includes_present)
    return np.asarray(0.5 * (1 - depth * np.cos(2 * np.pi * np.asarray(k) / np.asarray(period) - lag)))


@arguments.taking(
    period=arguments.numbers(),
    window=arguments.numbers(),
    window_includes_present=arguments.flag,
    signed=arguments.flag,
)
def discrete_loop_area(
    period: ArrayLike, window: ArrayLike, window_includes_present: bool = False, *, signed: bool = False
) -> Floats:
    """Return the polygon area |K sin(2 pi / K) D sin(xc) / 16| of the loop (n_in, n_out) of K rounds.

    D and xc as in `discrete_reflectivity`; arrays are taken element by element. Derived: exact for the polygon, and
    `photonic_loop_area(pi W / K)` in the limit of many rounds.

    Args:
        period: K >= 4, in rounds.
        window: W, in rounds.
        window_includes_present: Whether the window ends with round k (default: with the round before).
        signed: Whether the area has the sign of `geometry.signed_area`: negative where the loop runs clockwise.

    >>> round(float(discrete_loop_area(24, 9)), 6), round(float(discrete_loop_area(24, 9, True)), 6)
    (0.294922, 0.264419)
    """
    rounds = np.asarray(period, dtype=float)
    depth, lag = _window(period, window, window_includes_present)
    area = np.asarray(-rounds * np.sin(2 * np.pi / rounds) / 16 * depth * np.sin(lag))
    return area if signed else np.abs(area)


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


def _window(period: ArrayLike, window: ArrayLike, includes_present: bool) -> tuple[Floats, Floats]:
    rounds, memory = np.asarray(period, dtype=float), np.asarray(window, dtype=float)
    depth = np.sin(np.pi * memory / rounds) / (memory * np.sin(np.pi / rounds))
    return np.asarray(depth), np.asarray(np.pi * (memory + (-1 if includes_present else 1)) / rounds)
