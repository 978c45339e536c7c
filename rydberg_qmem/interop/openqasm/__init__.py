"""OpenQASM in and out: circuits that measure in the middle, as programs, and programs of gates as circuits."""

from __future__ import annotations

from rydberg_qmem.interop.openqasm.loading import from_openqasm

__all__ = ["from_openqasm"]
