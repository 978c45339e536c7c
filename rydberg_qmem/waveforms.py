"""Every waveform that a pulse can have, by Pulser's names."""

from __future__ import annotations

from rydberg_qmem.language.waveforms import Blackman, Composite, Constant, Custom, Interpolated, Kaiser, Ramp

__all__ = ["Blackman", "Composite", "Constant", "Custom", "Interpolated", "Kaiser", "Ramp"]


def __dir__() -> list[str]:
    return list(__all__)
