"""What a run and its estimate may be asked for, and what each argument must be."""

from __future__ import annotations

from typing import Any, cast

from rydberg_qmem.arguments import Kind, one_of, optional, real, whole
from rydberg_qmem.compile.bind import SETTINGS
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.engine.representation import REPRESENTATIONS
from rydberg_qmem.language import library

MAX_SHOTS = 100_000_000


def emulator(name: str, value: Any) -> str | Emulator:
    """Take an emulator, or the name of one."""
    emulator_of(value)
    return cast("str | Emulator", value)


CONDITIONS: dict[str, Kind] = {
    **SETTINGS,
    "program": library.program,
    "shots": optional(whole(1, MAX_SHOTS, also=", or None for an exact run")),
    "emulator": emulator,
    "state": one_of("auto", *REPRESENTATIONS),
    "neglect": real(0.0, also=", an angle (rad)"),
    "accuracy": optional(real(above=0.0, maximum=1.0, also=", an infidelity, or None")),
}
"""What a run and its estimate may be asked for."""
