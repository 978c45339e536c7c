"""Emulators by name."""

from __future__ import annotations

from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.errors import CapabilityError, did_you_mean

NAMES = ("exact", "ideal", "qutip", "emu_sv", "emu_mps")


def emulator_of(wanted: str | Emulator) -> Emulator:
    """Return the emulator of a name; an emulator object (such as a `Replay`) stays as it is."""
    if not isinstance(wanted, str):
        return wanted
    match wanted:
        case "exact":
            from rydberg_qmem.emulators.exact import Exact

            return Exact()
        case "ideal":
            from rydberg_qmem.emulators.ideal import Ideal

            return Ideal()
        case "qutip":
            from rydberg_qmem.emulators.qutip import Qutip

            return Qutip()
        case "emu_sv":
            from rydberg_qmem.emulators.emu_sv import EmuSv

            return EmuSv()
        case "emu_mps":
            from rydberg_qmem.emulators.emu_mps import EmuMps

            return EmuMps()
        case "replay":
            raise CapabilityError("emulator 'replay' needs outcomes: pass emulator=rq.Replay(record)")
        case _:
            raise CapabilityError(f"no emulator {wanted!r}{did_you_mean(wanted, NAMES)}")
