"""How strongly atoms act on each other: one function of where they are, the magnetic field and who is masked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Strengths:
    """Interactions of each pair (…, atoms, atoms) in rad/µs, zero on the diagonal and for masked atoms."""

    van_der_waals: Array
    """C6 / R⁶, of both atoms in r, or in 0."""
    exchange: Array | None = None
    """C3 / R³ times 1 - 3 cos² of the angle between pair and magnetic field, of the XY mode; None in others."""


def strengths(
    device: Any,
    places: Array,
    *,
    levels: Collection[str],
    field: tuple[float, float, float],
    masked: NDArray[np.bool_] | None = None,
) -> Strengths:
    """Return the interactions of atoms at `places` (…, atoms, 3) in µm; `masked` (atoms) says who has none.

    >>> from pulser import MockDevice
    >>> pair = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]])
    >>> across = strengths(MockDevice, pair, levels="01", field=(0, 0, 30)).exchange[0, 1]
    >>> along = strengths(MockDevice, pair, levels="01", field=(30, 0, 0)).exchange[0, 1]
    >>> float(round(along / across, 12))
    -2.0
    """
    gaps = places[..., :, None, :] - places[..., None, :, :]
    count = places.shape[-2]
    apart = ~np.eye(count, dtype=bool)
    if masked is not None:
        apart &= ~(masked[:, None] | masked[None, :])
    distance = np.where(np.eye(count, dtype=bool), np.inf, np.linalg.norm(gaps, axis=-1))
    far = np.where(apart, device.interaction_coeff / distance**6, 0.0)
    if "0" not in levels:
        return Strengths(far)
    unit = np.array(field, dtype=float) / np.linalg.norm(field)
    cosine = gaps @ unit / distance
    return Strengths(far, np.where(apart, device.interaction_coeff_xy * (1 - 3 * cosine**2) / distance**3, 0.0))
