"""Memristor cells: primitives as blocks, and programs whose size varies."""

from rydberg_qmem.cells.ion import ion_memristor
from rydberg_qmem.cells.network import coupled, crosstalk, network
from rydberg_qmem.cells.readout import tomography
from rydberg_qmem.language.cells import (
    amplitude_damping,
    beam_splitter,
    blockade_measure,
    controlled_ry,
    exchange,
    weak_measure,
)

__all__ = [
    "amplitude_damping",
    "beam_splitter",
    "blockade_measure",
    "controlled_ry",
    "coupled",
    "crosstalk",
    "exchange",
    "ion_memristor",
    "network",
    "tomography",
    "weak_measure",
]
