"""What each memristor must show: one figure per promise, computed from its sequence, beside its reference."""

from __future__ import annotations

from rydberg_qmem.gallery.figure import Figure
from rydberg_qmem.gallery.rows import (
    analog,
    classical_memristor,
    collision,
    ion_and_polariton,
    linked,
    pfeiffer,
    photonic,
    quadratures,
    squid,
    three_coupled,
    two_coupled,
)

FIGURES: tuple[Figure, ...] = (
    *pfeiffer.FIGURES,
    *squid.FIGURES,
    *quadratures.FIGURES,
    *photonic.FIGURES,
    *ion_and_polariton.FIGURES,
    *two_coupled.FIGURES,
    *three_coupled.FIGURES,
    *collision.FIGURES,
    *linked.FIGURES,
    *classical_memristor.FIGURES,
    *analog.FIGURES,
)
