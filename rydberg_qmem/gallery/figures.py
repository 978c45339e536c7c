"""What each memristor must show: one figure per promise, computed from its sequence, beside its reference."""

from __future__ import annotations

from rydberg_qmem.gallery.figure import Figure
from rydberg_qmem.gallery.rows import (
    analog,
    classical,
    collision,
    levels,
    newer,
    pfeiffer,
    photonic,
    quadratures,
    squid,
    three,
    two,
)

FIGURES: tuple[Figure, ...] = (
    *pfeiffer.FIGURES,
    *squid.FIGURES,
    *quadratures.FIGURES,
    *photonic.FIGURES,
    *levels.FIGURES,
    *two.FIGURES,
    *three.FIGURES,
    *collision.FIGURES,
    *newer.FIGURES,
    *classical.FIGURES,
    *analog.FIGURES,
)
