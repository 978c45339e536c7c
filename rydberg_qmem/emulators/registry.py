"""Emulators by name."""

from __future__ import annotations

from rydberg_qmem.arguments import refuse
from rydberg_qmem.emulators.protocol import Emulator
from rydberg_qmem.errors import CapabilityError, did_you_mean

NAMES = ("exact", "ideal", "qutip", "emu_sv", "emu_mps", "pulser_backend")


def emulator_of(wanted: str | Emulator) -> Emulator:
    """Return the emulator of a name; an emulator object (such as a `Replay`) stays as it is."""
    if not isinstance(wanted, str):
        if isinstance(wanted, type) or not all(hasattr(wanted, name) for name in ("name", "capabilities", "evolve")):
            raise refuse("emulator", f"one of {', '.join(NAMES)}, or an emulator", wanted)
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
        case "pulser_backend":
            from rydberg_qmem.emulators.pulser_backend import PulserBackend

            return PulserBackend()
        case "replay":
            raise CapabilityError("emulator 'replay' needs outcomes: pass emulator=rq.Replay(record)")
        case _:
            raise CapabilityError(f"emulator: no emulator {wanted!r}{did_you_mean(wanted, NAMES)}")
