"""Pictures of records: one kind per file, each takes and returns an `Axes`.

Functions are loaded when first asked for, so that importing this package does not import matplotlib.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rydberg_qmem.plots.comparison import comparison
    from rydberg_qmem.plots.draw import draw as draw
    from rydberg_qmem.plots.hysteresis import hysteresis
    from rydberg_qmem.plots.program import program
    from rydberg_qmem.plots.pulses import pulses
    from rydberg_qmem.plots.register import register
    from rydberg_qmem.plots.style import axes_or_new, paper
    from rydberg_qmem.plots.tables import program_table

__all__ = ["axes_or_new", "comparison", "hysteresis", "paper", "program", "program_table", "pulses", "register"]

_HOMES = {
    "axes_or_new": "style",
    "comparison": "comparison",
    "hysteresis": "hysteresis",
    "paper": "style",
    "draw": "draw",
    "program": "program",
    "program_table": "tables",
    "pulses": "pulses",
    "register": "register",
}
"""Each public name and the module of this package that holds it."""


class _Plots(ModuleType):
    """This package: where a module and its function share a name, the name means the function."""

    def __setattr__(self, name: str, value: object) -> None:
        shared = isinstance(value, ModuleType) and _HOMES.get(name) == name
        super().__setattr__(name, getattr(value, name) if shared else value)


sys.modules[__name__].__class__ = _Plots


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
