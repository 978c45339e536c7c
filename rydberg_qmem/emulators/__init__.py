"""What evolves states through a segment: pulse level, ideal gates, Pulser's own emulators, replay.

`run(program, emulator=...)` takes a name, or one of these with options. `Emulator` is what an emulator of one's own
must offer, `Capabilities` what it says of itself; one that claims noise that acts while time passes must be a
`NoisyEmulator`, which is asked to evolve states under a `NoiseChannel`. Each is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rydberg_qmem.emulators.emu_mps import EmuMps
    from rydberg_qmem.emulators.emu_sv import EmuSv
    from rydberg_qmem.emulators.exact import Exact
    from rydberg_qmem.emulators.ideal import Ideal
    from rydberg_qmem.emulators.noise_channel import NoiseChannel
    from rydberg_qmem.emulators.protocol import Capabilities, Emulator, NoisyEmulator
    from rydberg_qmem.emulators.pulser_backend import PulserBackend
    from rydberg_qmem.emulators.qutip import Qutip
    from rydberg_qmem.emulators.replay import Replay
    from rydberg_qmem.emulators.stabilizer import Stabilizer

__all__ = ["Capabilities", "EmuMps", "EmuSv", "Emulator", "Exact", "Ideal", "NoiseChannel", "NoisyEmulator",
           "PulserBackend", "Qutip", "Replay", "Stabilizer"]  # fmt: skip

EMULATORS = {
    "exact": "Exact",
    "ideal": "Ideal",
    "qutip": "Qutip",
    "emu_sv": "EmuSv",
    "emu_mps": "EmuMps",
    "stabilizer": "Stabilizer",
    "pulser_backend": "PulserBackend",
}
"""The emulators that `run` knows by name: each one's class, in the module of that name."""

_HOMES = {
    "Capabilities": "protocol",
    "Emulator": "protocol",
    "NoiseChannel": "noise_channel",
    "NoisyEmulator": "protocol",
    "Replay": "replay",
    **{cls: name for name, cls in EMULATORS.items()},
}
"""Each public name and the module that holds it."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return list(__all__)
