"""Emulators by name."""

from __future__ import annotations

from rydberg_qmem import emulators
from rydberg_qmem.arguments import refuse
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.errors import CapabilityError, did_you_mean

NAMES = tuple(emulators.EMULATORS)


def emulator_of(wanted: str | Emulator) -> Emulator:
    """Return the emulator of a name; an emulator object (such as a `Replay`) stays as it is."""
    if not isinstance(wanted, str):
        if isinstance(wanted, type) or not all(hasattr(wanted, name) for name in ("name", "capabilities", "evolve")):
            raise refuse("emulator", f"one of {', '.join(NAMES)}, or an emulator", wanted)
        return wanted
    if wanted == "replay":
        raise CapabilityError("emulator 'replay' needs outcomes: pass emulator=rq.Replay(record)")
    if wanted not in emulators.EMULATORS:
        raise CapabilityError(f"emulator: no emulator {wanted!r}{did_you_mean(wanted, NAMES)}")
    made: Emulator = getattr(emulators, emulators.EMULATORS[wanted])()
    return made
