"""All gates of a device at one distance: each one's pulses judged, or the reason why the device cannot make it."""

from __future__ import annotations

from math import isfinite
from typing import Any, get_args

from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.emulators.process import GateReport, gate_report
from rydberg_qmem.errors import CapabilityError, InputError
from rydberg_qmem.language.blocks import BlockadeMeasure, Gate
from rydberg_qmem.language.program import Program
from rydberg_qmem.verification import check

PAIR: dict[str, Any] = {"control": "c", "target": "t"}
BOTH: dict[str, Any] = {"atoms": ["c", "t"]}
EXCITING: dict[str, Any] = {"basis": "ground-rydberg"}
CELL: dict[str, Any] = {"system": "c", "ancilla": "t", "area": "pi / 2", "key": "click"}
SMOOTH: dict[str, Any] = {"shape": "blackman"}
ISING: dict[str, Any] = {"couplings": {"c": {"t": "pi / 4"}}}

CLOSE: dict[str, dict[str, Any]] = {
    "rotate by 1": {"rotate": {"atom": "c", "angle": 1}},
    "rotate by 1, blackman": {"rotate": {"atom": "c", "angle": 1, **SMOOTH}},
    "rotate by 1, g to r": {"rotate": {"atom": "c", "angle": 1, **EXCITING}},
    "rotate by 1, g to r, blackman": {"rotate": {"atom": "c", "angle": 1, **EXCITING, **SMOOTH}},
    "cz": {"cz": PAIR},
    "cz, blackman": {"cz": PAIR | SMOOTH},
    "cz, levine": {"cz": PAIR | {"method": "levine"}},
    "cz, time_optimal": {"cz": PAIR | {"method": "time_optimal"}},
    "cz, time_optimal, blackman": {"cz": PAIR | {"method": "time_optimal"} | SMOOTH},
    "cphase by 1": {"cphase": PAIR | {"angle": 1}},
    "cphase by 1, blackman": {"cphase": PAIR | {"angle": 1} | SMOOTH},
    "cphase by 1, levine": {"cphase": PAIR | {"angle": 1, "method": "levine"}},
    "cphase by 1, time_optimal": {"cphase": PAIR | {"angle": 1, "method": "time_optimal"}},
    "cphase by 1, time_optimal, blackman": {"cphase": PAIR | {"angle": 1, "method": "time_optimal"} | SMOOTH},
    "zz by 1": {"zz": BOTH | {"angle": 1}},
    "zz by 1, blackman": {"zz": BOTH | {"angle": 1} | SMOOTH},
    "zz by 1, time_optimal": {"zz": BOTH | {"angle": 1, "method": "time_optimal"}},
    "cnot": {"cnot": PAIR},
    "cnot, blackman": {"cnot": PAIR | SMOOTH},
    "cnot, time_optimal": {"cnot": PAIR | {"method": "time_optimal"}},
    "swap": {"swap": BOTH},
    "swap, blackman": {"swap": BOTH | SMOOTH},
    "swap, time_optimal": {"swap": BOTH | {"method": "time_optimal"}},
    "exchange by π/4": {"exchange": BOTH | {"angle": "pi / 4"}},
    "exchange by π/4, blackman": {"exchange": BOTH | {"angle": "pi / 4"} | SMOOTH},
    "exchange by π/4, time_optimal": {"exchange": BOTH | {"angle": "pi / 4", "method": "time_optimal"}},
    "blockade_rotate by π/2": {"blockade_rotate": PAIR | {"angle": "pi / 2"}},
    "blockade_rotate by π/2, blackman": {"blockade_rotate": PAIR | {"angle": "pi / 2"} | SMOOTH},
    "blockade_measure by π/2": {"blockade_measure": CELL},
    "blockade_measure by π/2, blackman": {"blockade_measure": CELL | SMOOTH},
}
"""Gates that want strong interactions, or none."""
FAR: dict[str, dict[str, Any]] = {
    "cphase by π, analog": {"cphase": PAIR | {"angle": "pi", "method": "analog", "infidelity": 1e-3}},
    "exchange by π/2, XY": {"exchange": BOTH | {"angle": "pi / 2", "basis": "XY", "infidelity": 1e-2}},
    "ising by π/4, stepwise": {"ising": ISING | {"mode": "stepwise"}},
    "ising by π/4, banged": {"ising": ISING | {"mode": "banged"}},
}
"""Gates that want weak interactions."""
GIVEN: dict[str, Any] = {"atom": "c", "angle": 1, **PAIR, **BOTH}
"""What the fields of a gate are given that must be."""


def every_gate() -> dict[str, dict[str, Any]]:
    """Return all gates and their variants by name; those that no table above names, with what they must be given.

    >>> len(every_gate())
    34
    """
    named = {kind for block in (CLOSE | FAR).values() for kind in block}
    plain = {cls.kind: cls.model_fields for cls in get_args(Gate) if cls.kind not in named}
    others = {
        kind: {kind: {name: GIVEN[name] for name, field in fields.items() if field.is_required()}}
        for kind, fields in plain.items()
    }
    return CLOSE | others | FAR


def gate_set(device: str, distance_um: float) -> dict[str, GateReport | str]:
    """Return every gate on two atoms at a distance (µm): its report, or the reason why it cannot be made.

    Raises InputError if the device can make none of them there.

    >>> found = gate_set("DigitalAnalogDevice", 5)
    >>> found["cz, time_optimal"].duration_ns, found["exchange by π/2, XY"]
    (500, '...')
    """
    if not (isfinite(distance_um) and distance_um > 0):
        raise InputError(f"distance: must be positive and finite, in µm ({distance_um:g})")
    found = {name: _judged(block, device, distance_um) for name, block in every_gate().items()}
    if not any(isinstance(one, GateReport) for one in found.values()):
        raise InputError(f"no gate can be made on {device} at {distance_um:g} µm: {found['rotate by 1']}")
    return found


def _judged(block: dict[str, Any], device: str, distance_um: float) -> GateReport | str:
    register = {"atoms": {"c": [0, 0], "t": [distance_um, 0]}}
    program = Program.model_validate({"name": "gate", "device": device, "register": register, "body": [block]})
    problems = check(program)
    if problems:
        return str(problems[0].rule)
    try:
        [gate] = program.body
        assert isinstance(gate, Gate | BlockadeMeasure)
        return gate_report(gate, compile_program(program).target)
    except CapabilityError as error:
        return str(error)
