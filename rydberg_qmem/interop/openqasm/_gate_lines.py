"""Gates of the gate set as lines of OpenQASM 3, and the words that it keeps for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from rydberg_qmem.errors import CapabilityError
from rydberg_qmem.language.blocks import CNOT, CZ, ZZ, BlockadeRotate, CPhase, Exchange, Gate, Ising, Rotate, Swap
from rydberg_qmem.language.expressions import Expression

_KEPT = """
    OPENQASM U all angle arccos arcsin arctan array barrier bit bool box break cal case ceiling complex const
    continue cos creg ctrl def default defcal defcalgrammar delay dt duration durationof else end euler exp extern
    false float floor for gate gphase if im in include input int inv let log measure mod ms mutable negctrl ns
    output pi popcount pow pragma qreg qubit readonly reset return rotl rotr s sin sizeof sqrt stretch switch tan
    tau true uint us void while
"""
KEYWORDS = frozenset(_KEPT.split())
"""Words that nothing of a circuit may be named by."""
ZZ_GATE = "gate zz(a) p, r { cx p, r; rz(a) r; cx p, r; }"
EXCHANGE_GATE = (
    "gate exchange(a) p, r { h p; h r; cx p, r; rz(a) r; cx p, r; h p; h r; "
    "rx(pi / 2) p; rx(pi / 2) r; cx p, r; rz(a) r; cx p, r; rx(-pi / 2) p; rx(-pi / 2) r; }"
)


def gate_line(
    gate: Gate, atoms: Mapping[str, str], number: Callable[[Expression], str], place: str
) -> tuple[str, str | None]:
    """Return the line of a gate on qubits named by their atoms, and the definition that it needs, if any.

    Raises CapabilityError for gates on Rydberg levels.
    """
    match gate:
        case Rotate(basis="digital", quaternion=None, angle=Expression() as angle):
            return f"r{gate.axis}({number(angle)}) {atoms[gate.atom]};", None
        case CZ() | CNOT():
            name = "cz" if isinstance(gate, CZ) else "cx"
            return f"{name} {atoms[gate.control]}, {atoms[gate.target]};", None
        case CPhase():
            return f"cp({number(gate.angle)}) {atoms[gate.control]}, {atoms[gate.target]};", None
        case Swap(atoms=(a, b)):
            return f"swap {atoms[a]}, {atoms[b]};", None
        case ZZ(atoms=(a, b)):
            return f"zz({number(gate.angle)}) {atoms[a]}, {atoms[b]};", ZZ_GATE
        case Exchange(atoms=(a, b), basis="digital"):
            return f"exchange({number(gate.angle)}) {atoms[a]}, {atoms[b]};", EXCHANGE_GATE
        case Rotate() | Exchange() | BlockadeRotate() | Ising():
            rule = "knows qubits of two levels, g and h here: it has no gate on Rydberg levels or their interaction"
            raise CapabilityError(f"{place}: OpenQASM {rule}; to_pulser writes its pulses")
        case _:
            assert_never(gate)
