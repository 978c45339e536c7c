"""What a register's picture says of a program: how far the blockade reaches, and what each atom is for."""

from __future__ import annotations

from math import isfinite

from rydberg_qmem.compile.steps import MeasureStep, ResetStep, all_steps
from rydberg_qmem.devices import device_named, device_of
from rydberg_qmem.errors import InputError, QmemError
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification import compile_checked


def blockade_radius(owner: Program | None, device: str | None, rabi: float | None) -> float | None:
    """Return the blockade radius (µm) at `rabi` (rad/µs), or at the largest that the device allows; None if unknown."""
    if rabi is not None and not (rabi > 0 and isfinite(rabi)):
        raise InputError(f"rabi must be positive and finite, in rad/µs ({rabi})")
    if owner is None and device is None:
        if rabi is not None:
            raise InputError("rabi needs a device, or a program, which sets the blockade radius, but has neither")
        return None
    found = device_named(device) if device is not None else device_of(owner) if owner is not None else None
    channels = [] if found is None else [c for c in found.channels.values() if c.basis == "ground-rydberg"]
    limits = [c.max_amp for c in channels if c.max_amp]
    if rabi is None and not limits:
        return None
    assert found is not None
    return float(found.rydberg_blockade_radius(max(limits) if rabi is None else rabi))


def roles_of(program: Program) -> dict[str, str]:
    """Return what each atom is for: reset in the run, measured, or neither; nothing for programs that do not compile.

    >>> from rydberg_qmem.language.library import load
    >>> roles_of(load("amplitude_damping"))
    {'s': 'measured', 'a': 'measured and reset'}
    """
    try:
        compiled = compile_checked(program)
    except QmemError:  # an atom that is not in the register, say: the picture shows those that are
        return {}
    steps = list(all_steps(compiled.steps))
    measured = {i for step in steps if isinstance(step, MeasureStep) for i in step.atoms}
    renewed = {i for step in steps if isinstance(step, ResetStep) for i in step.atoms}
    words = {(True, True): "measured and reset", (True, False): "measured", (False, True): "reset"}
    names = enumerate(compiled.target.atoms)
    return {name: words.get((i in measured, i in renewed), "not measured") for i, name in names}
