"""Rydberg-atom programs that measure in the middle, reset, and let the outcomes steer what comes next.

    load(name or path)   a program: a ready sequence (`rqm list`), a YAML or JSON file
    Program(...)         the same in Python, of blocks: Pulse, Rotate, Measure, Reset, Repeat, When, Set, ...
    check(program)       every problem, and outcomes that would take a control beyond a limit
    estimate(program)    seconds, memory and method, before a run
    run(program)         an xarray.Dataset: outcomes by shot and round; `record.qmem` holds its analysis
    open_record(path)    a stored record; save_record(record, path) stores one; verify(path) reads all of it
    map_blocks(program, change)    a program with its blocks changed one by one; program.with_(...) changes fields
    optimise(...)        numbers of a program, by what its runs give

Rooms: `analysis` (loops, coherence, entanglement), `plots`, `gallery`, `cells`, `learning`. Start with

    import rydberg_qmem as rq
    record = rq.run("two_port_memristor", shots=1000, seed=7)
    rq.plots.hysteresis(record, drive="n_in", response="clicks.s")

`help(rq.run)` has the options of a run. Units: rad/µs, rad, ns, µm.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rydberg_qmem import analysis, gallery, plots
    from rydberg_qmem import cells as cells
    from rydberg_qmem import learning as learning
    from rydberg_qmem.compile.check import check
    from rydberg_qmem.emulators.replay import Replay
    from rydberg_qmem.errors import InputError, ProgramError, QmemError, RunError
    from rydberg_qmem.execute.estimate import estimate
    from rydberg_qmem.execute.run import run
    from rydberg_qmem.execute.store import open_record, save_record
    from rydberg_qmem.execute.verify import verify
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
    from rydberg_qmem.language.library import load
    from rydberg_qmem.language.mapping import map_blocks as map_blocks
    from rydberg_qmem.language.program import Input, Memory, Program, schema
    from rydberg_qmem.language.registers import Register
    from rydberg_qmem.learning.optimise import optimise as optimise

__version__ = "0.1.0"

__all__ = [
    "Align",
    "BeamSplitter",
    "CNOT",
    "CZ",
    "Damp",
    "Delay",
    "DetuningMap",
    "Expression",
    "ForEach",
    "Input",
    "InputError",
    "Measure",
    "Memory",
    "PhaseShift",
    "Probe",
    "Program",
    "ProgramError",
    "Pulse",
    "Push",
    "QmemError",
    "Register",
    "Repeat",
    "Replay",
    "Reset",
    "Rotate",
    "RunError",
    "Set",
    "WeakMeasure",
    "When",
    "__version__",
    "analysis",
    "check",
    "estimate",
    "gallery",
    "load",
    "open_record",
    "plots",
    "run",
    "save_record",
    "schema",
    "verify",
]

_WHERE = {
    "compile.check": ("check",),
    "emulators.replay": ("Replay",),
    "errors": ("InputError", "ProgramError", "QmemError", "RunError"),
    "execute.estimate": ("estimate",),
    "execute.run": ("run",),
    "execute.store": ("open_record", "save_record"),
    "execute.verify": ("verify",),
    "language.blocks": (
        "Align",
        "BeamSplitter",
        "CNOT",
        "CZ",
        "Damp",
        "Delay",
        "DetuningMap",
        "ForEach",
        "Measure",
        "PhaseShift",
        "Probe",
        "Pulse",
        "Push",
        "Repeat",
        "Reset",
        "Rotate",
        "Set",
        "WeakMeasure",
        "When",
    ),
    "language.expressions": ("Expression",),
    "language.library": ("load",),
    "language.mapping": ("map_blocks",),
    "language.program": ("Input", "Memory", "Program", "schema"),
    "language.registers": ("Register",),
    "learning.optimise": ("optimise",),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}
_ROOMS = ("analysis", "cells", "gallery", "learning", "plots")
_GIVE_RECORDS = ("run", "open_record")


def _register_accessor() -> None:
    """Let every record have `record.qmem`, its analysis imported when it is first used."""
    import xarray as xr

    def methods(record: xr.Dataset) -> Any:
        return importlib.import_module("rydberg_qmem.analysis.accessor").RecordMethods(record)

    if not hasattr(xr.Dataset, "qmem"):
        xr.register_dataset_accessor("qmem")(methods)  # type: ignore[no-untyped-call]  # xarray has no types there


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays light."""
    if name in _ROOMS:
        return importlib.import_module(f"rydberg_qmem.{name}")
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"rydberg_qmem.{_MODULE_OF[name]}"), name)
        if name in _GIVE_RECORDS:
            _register_accessor()
        globals()[name] = value
        return value
    raise AttributeError(f"module 'rydberg_qmem' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
