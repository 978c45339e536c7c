"""Pictures of programs and records: each function takes and returns an `Axes`.

Functions are loaded when first asked for, so that importing this package does not import matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rydberg_qmem.plots._comparison import comparison
    from rydberg_qmem.plots._draw import draw as draw
    from rydberg_qmem.plots._embedded import embedded as embedded
    from rydberg_qmem.plots._embedded import save_and_close as save_and_close
    from rydberg_qmem.plots._hysteresis import hysteresis
    from rydberg_qmem.plots._matrix import matrix as matrix
    from rydberg_qmem.plots._outcomes import outcomes as outcomes
    from rydberg_qmem.plots._over_rounds import over_rounds as over_rounds
    from rydberg_qmem.plots._panels import Line as Line
    from rydberg_qmem.plots._panels import Map as Map
    from rydberg_qmem.plots._panels import Panel as Panel
    from rydberg_qmem.plots._panels import closed as closed
    from rydberg_qmem.plots._panels import save_panels as save_panels
    from rydberg_qmem.plots._program import program
    from rydberg_qmem.plots._pulses import pulses
    from rydberg_qmem.plots._register import register
    from rydberg_qmem.plots._style import axes_or_new as axes_or_new
    from rydberg_qmem.plots._style import okabe_ito as okabe_ito
    from rydberg_qmem.plots._style import paper
    from rydberg_qmem.plots._tables import program_table
    from rydberg_qmem.plots._trajectory import trajectory as trajectory

__all__ = ["comparison", "hysteresis", "paper", "program", "program_table", "pulses", "register"]

_WHERE = {
    "_comparison": ("comparison",),
    "_draw": ("draw",),
    "_embedded": ("embedded", "save_and_close"),
    "_hysteresis": ("hysteresis",),
    "_matrix": ("matrix",),
    "_outcomes": ("outcomes",),
    "_over_rounds": ("over_rounds",),
    "_panels": ("Line", "Map", "Panel", "closed", "save_panels"),
    "_program": ("program",),
    "_pulses": ("pulses",),
    "_register": ("register",),
    "_style": ("axes_or_new", "okabe_ito", "paper"),
    "_tables": ("program_table",),
    "_trajectory": ("trajectory",),
}
"""The modules, and what each holds: public names, and what pages of the gallery and reports are drawn with."""
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
