"""Rydberg-atom programs that measure in the middle, reset, and let the outcomes steer what comes next."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "load": "gallery",
    "run": "gallery",
    "check": "compile.check",
    "open_record": "execute.store",
    "save_record": "execute.store",
    "schema": "language.program",
    "Replay": "emulators.replay",
    "Program": "language.program",
    "Input": "language.program",
    "Memory": "language.program",
    "Register": "language.registers",
    "Expression": "language.expressions",
    "QmemError": "errors",
    "InputError": "errors",
    "ProgramError": "errors",
    "RunError": "errors",
    **dict.fromkeys(
        (
            "Pulse", "DetuningMap", "Delay", "Align", "PhaseShift", "Rotate", "CZ", "CNOT", "Damp", "BeamSplitter",
            "WeakMeasure", "Measure", "Reset", "Probe", "Set", "Push", "Repeat", "When", "ForEach",
        ),
        "language.blocks",
    ),
}  # fmt: skip
_ROOMS = ("analysis", "plots", "learning", "gallery")

__all__ = sorted([*_WHERE, *_ROOMS, "__version__"])

if TYPE_CHECKING:
    from rydberg_qmem import analysis, gallery, learning, plots
    from rydberg_qmem.compile.check import check
    from rydberg_qmem.emulators.replay import Replay
    from rydberg_qmem.errors import InputError, ProgramError, QmemError, RunError
    from rydberg_qmem.execute.store import open_record, save_record
    from rydberg_qmem.gallery import load, run
    from rydberg_qmem.language.blocks import (
        CNOT,
        CZ,
        Align,
        BeamSplitter,
        Damp,
        Delay,
        DetuningMap,
        ForEach,
        Measure,
        PhaseShift,
        Probe,
        Pulse,
        Push,
        Repeat,
        Reset,
        Rotate,
        Set,
        WeakMeasure,
        When,
    )
    from rydberg_qmem.language.expressions import Expression
    from rydberg_qmem.language.program import Input, Memory, Program, schema
    from rydberg_qmem.language.registers import Register


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays light."""
    if name in _ROOMS:
        return importlib.import_module(f"rydberg_qmem.{name}")
    if name in _WHERE:
        module = importlib.import_module(f"rydberg_qmem.{_WHERE[name]}")
        value = getattr(module, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'rydberg_qmem' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
