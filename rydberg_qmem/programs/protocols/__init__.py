"""Quantum-classical protocols as programs: one subject a module, all public names in `rydberg_qmem.programs`."""
