"""Every block that a program can be written with; `walk` goes through a tree of them."""

from __future__ import annotations

from rydberg_qmem.language.blocks import (
    bodies,
    cells,
    classical,
    control,
    gates,
    measurement,
    pulses,
    walk,
    walk_places,
)
from rydberg_qmem.language.blocks.cells import *
from rydberg_qmem.language.blocks.classical import *
from rydberg_qmem.language.blocks.control import *
from rydberg_qmem.language.blocks.gates import *
from rydberg_qmem.language.blocks.measurement import *
from rydberg_qmem.language.blocks.pulses import *

__all__ = ["bodies", "walk", "walk_places"]
__all__ += cells.__all__ + classical.__all__ + control.__all__ + gates.__all__ + measurement.__all__ + pulses.__all__


def __dir__() -> list[str]:
    return list(__all__)
