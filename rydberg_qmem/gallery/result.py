"""What each ready sequence is pictured by: its pulses, and what comes out of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rydberg_qmem.analysis.record_series import last_values, series
from rydberg_qmem.analysis.signals import Signal
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.program import Program
from rydberg_qmem.report import first_loop
from rydberg_qmem.running.run import run

if TYPE_CHECKING:
    import xarray as xr

    Pair: TypeAlias = tuple[Signal, Signal]

SHOTS, SEED = 1000, 7
FEWEST, MOST = 3, 6
"""Rounds below which what comes out at the end is drawn instead; series in one picture."""
SHOWN: Mapping[str, tuple[str, ...]] = {
    "iterative_phase_estimation": ("bit", "estimate"),
    "light_shift_memory": ("m.plain", "m.shifted"),
    "reward_learning": ("fidelity", "punish"),
}
"""The series to draw where a program keeps others of another size beside them."""


def result(program: Program) -> Any:
    """Draw what a sequence gives and return the axes: a loop, a state, means round by round, or outcomes at the end."""
    from rydberg_qmem import plots
    from rydberg_qmem.plots import matrix, outcomes, over_rounds, trajectory

    record = run(program, shots=SHOTS, seed=SEED, emulator="ideal")
    if program.name in PATHS:
        return trajectory(*_voltage_and_current(record, PATHS[program.name](record)))
    pair = _pair(record, program)
    if pair is not None:
        try:
            return plots.hysteresis(record, drive=pair[0], response=pair[1])
        except InputError:  # fewer rounds than a cycle: shown round by round
            pass
    states = [array for array in record.data_vars.values() if np.iscomplexobj(array) and array.ndim == 2]
    if states:
        return matrix(states[0])
    chosen = _series(record, program)
    long = max((array.shape[-1] for array in chosen.values()), default=0)
    return outcomes(record) if long < FEWEST and last_values(record) else over_rounds(chosen)


def draw(program: Program, folder: Path) -> None:
    """Draw a sequence's two pictures into a folder."""
    from rydberg_qmem import plots
    from rydberg_qmem.plots import save_and_close

    save_and_close(plots.pulses(program), folder / f"{program.name}_program.png")
    save_and_close(result(program), folder / f"{program.name}_result.png")


def _series(record: xr.Dataset, program: Program) -> dict[str, xr.DataArray]:
    found = {name: array for name, array in series(record).items() if name not in {"time_us", *program.inputs}}
    names = SHOWN.get(program.name, tuple(found)[:MOST])
    return {name: found[name] for name in names}


def _pair(record: xr.Dataset, program: Program) -> Pair | None:
    """Return drive and response: those named here, else a memristor's input and the outcome of its last atom."""
    if program.name in LOOPS:
        return LOOPS[program.name](record)
    return first_loop(record, program) if "memristor" in program.tags else None


def _voltage_and_current(record: xr.Dataset, rate: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return V/V0 = -⟨Y⟩ and I/I0, the voltage times the damping rate over its scale."""
    voltage = -record.bloch.sel(bloch_axis="Y").isel(bloch_atom=0, drop=True)
    return _labelled(voltage, "V / V0"), _labelled(voltage * rate, "I / I0")


def _labelled(array: xr.DataArray, label: str) -> xr.DataArray:
    return array.reset_coords(drop=True).rename(label).assign_attrs(long_name=label)


LOOPS: Mapping[str, Callable[[xr.Dataset], Pair]] = {
    "classical_memristor": lambda record: ("V", "I"),
    "weak_tap_memristor": lambda record: ("n_in", "out_occupation.s"),
    "coherence_memristor": lambda record: (
        _labelled(np.sin(record.tilt / 2) ** 2, "n_in"),
        _labelled(record.out_pauli.sel(out_axis="X").isel(out_atom=0, drop=True), "⟨X⟩ of the output"),
    ),
}
"""Drive and response where they are not the first input and the outcome of the last atom."""
PATHS: Mapping[str, Callable[[xr.Dataset], xr.DataArray]] = {
    "ca_squid": lambda record: record.rate_now,
    "ca_squid_closed": lambda record: 1 - np.sin(record.flux),
    "guo_memristor": lambda record: record.rate_now,
    "pfeiffer_memristor": lambda record: 1 - np.sin(record.mu),
}
"""The damping rate, over its scale, of memristors whose voltage is -⟨Y⟩ and dies away: no loop closes."""
