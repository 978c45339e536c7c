"""Circuits of Qiskit, Cirq and Stim, each through its own writer of OpenQASM."""

from __future__ import annotations

import re
from typing import Any

from rydberg_qmem.errors import InputError
from rydberg_qmem.interop.openqasm._loading import from_openqasm
from rydberg_qmem.language.program import Program

STDGATES = 'include "stdgates.inc";'


def from_qiskit(circuit: Any, **options: Any) -> Program:
    """Return the program of a Qiskit circuit, through `qiskit.qasm3.dumps`.

    Args:
        circuit: A `qiskit.QuantumCircuit`.
        options: Those of `from_openqasm`.

    Raises InputError where Qiskit is not installed or cannot write the circuit; else what `from_openqasm` raises.
    """
    try:
        from qiskit import QuantumCircuit, qasm3
    except ImportError:
        raise InputError("from_qiskit: Qiskit is not installed: pip install qiskit") from None
    if not isinstance(circuit, QuantumCircuit):
        raise InputError(f"from_qiskit: circuit must be a qiskit.QuantumCircuit ({type(circuit).__name__})")
    try:
        text = qasm3.dumps(circuit)
    except qasm3.QASM3ExporterError as error:
        raise InputError(f"from_qiskit: Qiskit cannot write the circuit as OpenQASM 3: {error}") from None
    return from_openqasm(text, **{"name": _name(circuit.name), **options})


def from_cirq(circuit: Any, **options: Any) -> Program:
    """Return the program of a Cirq circuit, through `cirq.qasm` in OpenQASM 3.

    Args:
        circuit: A `cirq.Circuit`; the key `m` becomes the register `m_m`, as Cirq writes it.
        options: Those of `from_openqasm`.

    Raises InputError where Cirq is not installed or cannot write the circuit; else what `from_openqasm` raises.
    """
    try:
        import cirq
    except ImportError:
        raise InputError("from_cirq: Cirq is not installed: pip install cirq-core") from None
    if not isinstance(circuit, cirq.AbstractCircuit):
        raise InputError(f"from_cirq: circuit must be a cirq.Circuit ({type(circuit).__name__})")
    try:
        flat = cirq.unroll_circuit_op(circuit, deep=True, tags_to_check=None)
        _known_order(flat)
        text = cirq.qasm(flat, args=cirq.QasmArgs(version="3.0", precision=17))
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"from_cirq: Cirq cannot write the circuit as OpenQASM 3: {error}") from None
    if re.search(r"^sxdg ", text, flags=re.MULTILINE):  # Cirq takes it for one of stdgates.inc
        text = text.replace(STDGATES, f"{STDGATES}\ngate sxdg q {{ inv @ sx q; }}", 1)
    return from_openqasm(text, **options)


def from_stim(circuit: Any, **options: Any) -> Program:
    """Return the program of a Stim circuit without noise, through `stim.Circuit.to_qasm`.

    Args:
        circuit: A `stim.Circuit`; detectors become bits.
        options: Those of `from_openqasm`.

    Raises InputError where Stim is not installed or cannot write the circuit, as one with noise; else what
    `from_openqasm` raises.
    """
    try:
        import stim
    except ImportError:
        raise InputError("from_stim: Stim is not installed: pip install stim") from None
    if not isinstance(circuit, stim.Circuit):
        raise InputError(f"from_stim: circuit must be a stim.Circuit ({type(circuit).__name__})")
    try:
        text = circuit.to_qasm(open_qasm_version=3)
    except ValueError as error:
        raise InputError(f"from_stim: Stim cannot write the circuit as OpenQASM 3: {error}") from None
    return from_openqasm(_repaired(text), **options)


def _known_order(circuit: Any) -> None:
    """Refuse numbers made of several outcomes: the first is the most significant bit in Cirq, the last in its text."""
    import cirq

    sizes = {
        str(key): cirq.num_qubits(operation)
        for operation in circuit.all_operations() if cirq.is_measurement(operation)
        for key in cirq.measurement_key_objs(operation)
    }  # fmt: skip
    for operation in circuit.all_operations():
        for condition in operation.classical_controls:
            wide = [str(key) for key in condition.keys if sizes.get(str(key), 1) > 1]
            if wide and not isinstance(condition, cirq.KeyCondition):
                rule = "Cirq writes its bits the other way round: measure each qubit under a key of its own"
                raise InputError(f"from_cirq: {condition}: counts on a key of several qubits ({wide[0]}); {rule}")


def _repaired(text: str) -> str:
    """Return Stim's text with feedback as OpenQASM has it: Stim writes the bits as `ms`, and Paulis in capitals."""
    text = re.sub(r"\bms\[", "rec[", text)
    return re.sub(
        r"^(\s+)([XYZ])( q\[)", lambda found: f"{found[1]}{found[2].lower()}{found[3]}", text, flags=re.MULTILINE
    )


def _name(text: str) -> str:
    made = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_")
    return made[:64] if made[:1].isalpha() else f"c_{made}"[:64]
