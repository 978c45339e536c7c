"""One picture per row of the gallery, each from its sequence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rydberg_qmem.gallery.rows import (
    analog,
    classical_memristor,
    collision,
    ion_and_polariton,
    linked,
    network_of_six,
    pfeiffer,
    photonic,
    quadratures,
    squid,
    three_coupled,
    two_coupled,
)
from rydberg_qmem.plots import Panel, save_panels

PICTURES: tuple[tuple[str, str, Callable[[], list[Panel]]], ...] = (
    ("row_01", "Row 1: weak measurement, damping and memory", pfeiffer.panels),
    ("row_02", "Row 2: CA-SQUID type, open and closed loop, and its map of form factors", squid.panels),
    ("row_03", "Row 3: quadratures, and many copies of one cell", quadratures.panels),
    ("row_04", "Row 4: photonic type: loop, area law, coherence, weak tap", photonic.panels),
    ("row_05", "Row 5: trapped-ion type and polariton pair", ion_and_polariton.panels),
    ("row_06", "Row 6: two coupled memristors", two_coupled.panels),
    ("row_07", "Row 7: three coupled memristors, γ0 = 0.02 ω", three_coupled.panels),
    ("row_08", "Row 8: collision model", collision.panels),
    ("row_09", "Row 9: cascade, crossed feedback, shared memory, remote pair, thermal ancilla", linked.panels),
    ("row_10", "Row 10: classical flux-controlled memristor, and the fingerprints", classical_memristor.panels),
    ("row_11", "Row 11: one atom, global light, one job per round", analog.panels),
    ("network", "Six memristors in a line, coupled by exchange", network_of_six.panels),
)


def draw(folder: str | Path, wanted: str) -> None:
    """Draw the picture of that name into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, _, panels in PICTURES:
        if name == wanted:
            save_panels(panels(), folder / f"{name}.png")
