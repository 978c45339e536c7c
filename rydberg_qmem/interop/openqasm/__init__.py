"""OpenQASM in and out: circuits that measure in the middle, as programs, and programs of gates as circuits."""

from __future__ import annotations

from rydberg_qmem.interop.openqasm._circuits import from_cirq, from_qiskit, from_stim
from rydberg_qmem.interop.openqasm._loading import from_openqasm
from rydberg_qmem.interop.openqasm._writing import to_openqasm

__all__ = ["from_cirq", "from_openqasm", "from_qiskit", "from_stim", "to_openqasm"]
