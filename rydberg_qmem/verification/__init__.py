"""Whether a program may run: names, limits, timings, and outcomes that would take a control beyond them."""

from __future__ import annotations

from rydberg_qmem.verification._check import MAX_ATOMS, check, check_and_compile, check_values, compile_checked
from rydberg_qmem.verification._job_feasibility import QuantumStep, jobs_of, obstacles, parts_of

__all__ = [
    "MAX_ATOMS",
    "QuantumStep",
    "check",
    "check_and_compile",
    "check_values",
    "compile_checked",
    "jobs_of",
    "obstacles",
    "parts_of",
]
