"""Closed forms for one driven atom: SU(2) rotations, also conditional on its neighbours' levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import Layout, State

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rotation:
    """exp(iθ) [[α, β], [-β*, α*]] on levels (a, b): any unitary of two levels, many at once."""

    theta: Array
    alpha: Complex
    beta: Complex


def pieces(omega: Complex, delta: Array, dt_us: Array) -> Rotation:
    """Return the propagators of H = ½(Ω|a⟩⟨b| + h.c.) - δ|b⟩⟨b| over steps `dt_us`, last axis the steps.

    >>> import numpy as np
    >>> r = pieces(np.array([np.pi + 0j]), np.array([0.0]), np.array([1.0]))
    >>> bool(abs(r.alpha[0]) < 1e-15 and abs(abs(r.beta[0]) - 1) < 1e-15)
    True
    """
    rabi = np.sqrt(np.abs(omega) ** 2 + delta**2)
    half = 0.5 * rabi * dt_us
    scaled = 0.5 * dt_us * np.sinc(half / np.pi)  # sin(Wt/2)/W, finite at W = 0
    return Rotation(0.5 * delta * dt_us, np.cos(half) - 1j * delta * scaled, -1j * omega * scaled)


def product(steps: Rotation) -> Rotation:
    """Multiply the steps along the last axis, later ones to the left, in a tree of pairs."""
    theta = steps.theta.sum(axis=-1)
    alpha, beta = np.broadcast_arrays(steps.alpha, steps.beta)
    while alpha.shape[-1] > 1:
        odd = alpha.shape[-1] % 2
        a1, b1 = alpha[..., 0 : alpha.shape[-1] - odd : 2], beta[..., 0 : beta.shape[-1] - odd : 2]
        a2, b2 = alpha[..., 1::2], beta[..., 1::2]
        a = a2 * a1 - b2 * b1.conj()
        b = a2 * b1 + b2 * a1.conj()
        alpha = np.concatenate([a, alpha[..., -1:]], axis=-1) if odd else a
        beta = np.concatenate([b, beta[..., -1:]], axis=-1) if odd else b
    return Rotation(theta, alpha[..., 0], beta[..., 0])


def apply(
    states: State, layout: Layout, atom: int, pair: tuple[str, str], turn: Rotation, which: NDArray[np.int64]
) -> State:
    """Rotate levels (a, b) of one atom in every row.

    `turn` has shape (rows or 1, kinds); `which` (left, right) tells for every setting of the other atoms
    which kind of rotation applies.
    """
    view = states.reshape(len(states), *layout.around(atom))
    a, b = (layout.each[atom].index(level) for level in pair)
    alpha, beta = _of_settings(turn.alpha, which), _of_settings(turn.beta, which)
    out = view.copy()
    first, second = view[:, :, a, :], view[:, :, b, :]
    upper, lower = alpha * first + beta * second, alpha.conj() * second - beta.conj() * first
    if turn.theta.any():
        phase = _of_settings(np.exp(1j * turn.theta), which)
        upper, lower = phase * upper, phase * lower
    out[:, :, a, :], out[:, :, b, :] = upper, lower
    return out.reshape(states.shape)


def _of_settings(kinds: Complex, which: NDArray[np.int64]) -> Complex:
    """Return what each setting of the other atoms has, (rows or 1, left, right), of what its kind has."""
    return kinds[:, :, None] if kinds.shape[1] == 1 else np.asarray(kinds[:, which])


def neighbours_shift(layout: Layout, atom: int, strength: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return the distinct interaction shifts (rad/µs) of an atom's r level, and which setting has which."""
    others = np.zeros(layout.dimension)
    for other in range(layout.atoms):
        if other != atom:
            others += strength[atom, other] * layout.is_level(other, "r")
    levels = len(layout.levels)
    grid = others.reshape(levels**atom, levels, -1)[:, 0, :]
    shifts, which = np.unique(grid, return_inverse=True)
    return shifts, which.reshape(grid.shape)
