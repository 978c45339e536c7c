"""Rydberg-atom programs that measure in the middle, reset, and let the outcomes steer what comes next.

    load(name or path)   a program: a bundled one (`rqm list`), a YAML or JSON file
    Program(...)         the same in Python, of blocks: Pulse, Rotate, Measure, Reset, Repeat, When, Set, ...
    check(program)       every problem, and outcomes that would take a control beyond a limit
    draw(program)        its pulses in laboratory time, or its circuit
    estimate(program)    seconds, memory and method, before a run
    run(program)         an xarray.Dataset: outcomes by shot and round; `record.qmem` holds its analysis
    open_record(path)    a stored record; save_record(record, path) stores one; verify(path) reads all of it
    map_blocks(program, change)    a program with its blocks changed one by one; program.with_(...) changes fields
    optimise(...)        numbers of a program, by what its runs give
    from_pulser(sequence); to_pulser(program)    in from Pulser, and out to it, segment by segment
    Program.from_openqasm(text or path); program.to_openqasm()    circuits in and out; from_qiskit, _cirq, _stim
    qpu_report(program)  what a machine without mid-sequence measurement can run of it

Grouped: `blocks` and `waveforms` (all that programs are written with), `programs` (cells, networks and protocols as
functions), `emulators`, `analysis` (loops, coherence, entanglement), `plots`, `gallery`, `learning`. Start with

    import rydberg_qmem as rq
    record = rq.run("two_port_memristor", shots=1000, seed=7)
    rq.plots.hysteresis(record, drive="n_in", response="clicks.s")

`help(rq.run)` has the options of a run. Units: rad/µs, rad, ns, µm.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rydberg_qmem.language.extensions import provide

if TYPE_CHECKING:
    from rydberg_qmem import analysis, blocks, emulators, gallery, learning, plots, programs, waveforms
    from rydberg_qmem.emulators.replay import Replay
    from rydberg_qmem.errors import InputError, ProgramError, QmemError, RunError
    from rydberg_qmem.interop.from_pulser import from_pulser
    from rydberg_qmem.interop.openqasm import from_cirq as from_cirq
    from rydberg_qmem.interop.openqasm import from_openqasm as from_openqasm
    from rydberg_qmem.interop.openqasm import from_qiskit as from_qiskit
    from rydberg_qmem.interop.openqasm import from_stim as from_stim
    from rydberg_qmem.interop.openqasm import to_openqasm as to_openqasm
    from rydberg_qmem.interop.qpu import qpu_report
    from rydberg_qmem.interop.to_pulser import to_pulser
    from rydberg_qmem.language.blocks import (
        CNOT,
        CZ,
        Delay,
        ForEach,
        Measure,
        Probe,
        Pulse,
        Push,
        Repeat,
        Reset,
        Rotate,
        Set,
        When,
    )
    from rydberg_qmem.language.blocks import Align as Align
    from rydberg_qmem.language.blocks import BeamSplitter as BeamSplitter
    from rydberg_qmem.language.blocks import Damp as Damp
    from rydberg_qmem.language.blocks import DetuningMap as DetuningMap
    from rydberg_qmem.language.blocks import PhaseShift as PhaseShift
    from rydberg_qmem.language.blocks import WeakMeasure as WeakMeasure
    from rydberg_qmem.language.expressions import Expression
    from rydberg_qmem.language.hardware import HardwareProfile
    from rydberg_qmem.language.library import load
    from rydberg_qmem.language.mapping import map_blocks
    from rydberg_qmem.language.noise import Noise
    from rydberg_qmem.language.program import Input, Memory, Program, schema
    from rydberg_qmem.language.registers import Register
    from rydberg_qmem.learning.optimise import optimise
    from rydberg_qmem.plots import draw
    from rydberg_qmem.running.estimate import estimate
    from rydberg_qmem.running.run import run
    from rydberg_qmem.store.store import open_record, save_record
    from rydberg_qmem.store.verify import verify
    from rydberg_qmem.verification import check

__version__ = "0.1.0"

__all__ = [
    "CNOT",
    "CZ",
    "Delay",
    "Expression",
    "ForEach",
    "HardwareProfile",
    "Input",
    "InputError",
    "Measure",
    "Memory",
    "Noise",
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
    "When",
    "__version__",
    "analysis",
    "blocks",
    "check",
    "draw",
    "emulators",
    "estimate",
    "from_pulser",
    "gallery",
    "learning",
    "load",
    "map_blocks",
    "open_record",
    "optimise",
    "plots",
    "programs",
    "qpu_report",
    "run",
    "save_record",
    "schema",
    "to_pulser",
    "verify",
    "waveforms",
]

_WHERE = {
    "verification": ("check",),
    "interop.to_pulser": ("to_pulser",),
    "interop.from_pulser": ("from_pulser",),
    "interop.openqasm": ("from_cirq", "from_openqasm", "from_qiskit", "from_stim", "to_openqasm"),
    "interop.qpu": ("qpu_report",),
    "emulators.replay": ("Replay",),
    "errors": ("InputError", "ProgramError", "QmemError", "RunError"),
    "running.estimate": ("estimate",),
    "running.run": ("run",),
    "store.store": ("open_record", "save_record"),
    "store.verify": ("verify",),
    "language.blocks": (
        "Align", "BeamSplitter", "CNOT", "CZ", "Damp", "Delay", "DetuningMap", "ForEach", "Measure", "PhaseShift",
        "Probe", "Pulse", "Push", "Repeat", "Reset", "Rotate", "Set", "WeakMeasure", "When",
    ),
    "language.expressions": ("Expression",),
    "language.hardware": ("HardwareProfile",),
    "language.library": ("load",),
    "language.mapping": ("map_blocks",),
    "language.noise": ("Noise",),
    "language.program": ("Input", "Memory", "Program", "schema"),
    "language.registers": ("Register",),
    "learning.optimise": ("optimise",),
    "plots": ("draw",),
}  # fmt: skip
"""The modules that hold the public names."""
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}
_PACKAGES = ("analysis", "blocks", "emulators", "gallery", "learning", "plots", "programs", "waveforms")
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
    if name in _PACKAGES:
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


provide(__getattr__)
