"""What states of entangled atoms take in memory; those that it will not hold are refused before they are made."""

from __future__ import annotations

from math import prod

from rydberg_qmem.emulators.layout import BYTES_PER_AMPLITUDE, Levels
from rydberg_qmem.engine.context import RunContext
from rydberg_qmem.errors import RunError

LONG_NUMBER = 10**15
"""Numbers from here on are told by their power of ten."""


def amplitudes_of(run: RunContext, levels: Levels) -> int:
    """Return how many numbers one state of atoms that have such levels has."""
    size = prod(map(len, levels))
    return size**2 if run.representation.is_mixed else size


def is_large(run: RunContext, levels: Levels, rows: int) -> bool:
    """Return whether memory will not hold states of some atoms, and what their evolution takes besides."""
    return rows * amplitudes_of(run, levels) * BYTES_PER_AMPLITUDE > run.max_bytes


def refuse_large(run: RunContext, place: str, levels: Levels, rows: int) -> None:
    """Raise RunError where memory will not hold states of entangled atoms that have such levels."""
    if is_large(run, levels, rows):
        amplitudes, atoms = amplitudes_of(run, levels), len(levels)
        needed_gb = rows * amplitudes * BYTES_PER_AMPLITUDE / 1e9
        left_out = f"interactions that turn an amplitude by up to {run.neglect:g} rad a segment are left out now"
        apart = f"a larger neglect ({left_out})"
        if run.budget is not None:
            apart = f"a larger accuracy (interactions left out may put the state off by {run.budget:.2g} in all now)"
        raise RunError(
            f"{place}: {rows} states of {atoms} entangled atoms ({_told(amplitudes, 'd')} amplitudes each) would need "
            f"{_told(needed_gb, '.1f')} GB, more than {run.max_bytes / 1e9:g} GB: use fewer shots at a time, fewer "
            f"atoms or levels, atoms farther apart, {apart}, the emulator emu_mps, or raise max_memory_gb"
        )


def _told(number: float, form: str) -> str:
    return format(number, form if number < LONG_NUMBER else ".1e")
