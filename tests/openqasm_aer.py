"""What Qiskit Aer finds for an OpenQASM 3 file: by Qiskit's own reader where that can, else by the file's histories.

Qiskit reads no subroutines, numbers or breaks. Such a file is played by the reference evaluator once for each history
of outcomes, which gives a tree: what is done until a measurement, and what follows each outcome. The tree is a circuit
of gates, measurements, resets and branches that Aer runs; what the file's variables hold at its end is the leaf's.
Gates are Qiskit's where the file calls one of the standard library, so that Aer decides what they do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.openqasm_reference import Complex, Shot, finals, histories, standard

Values = tuple[float, ...]
RENAMED = {"phase": "p", "cphase": "cp", "CX": "cx", "U": "u"}
Op = tuple[str, tuple[float, ...], tuple[int, ...]]


@dataclass
class Written(Shot):
    """A history that is written down: what was done before each measurement, and the outcomes that the file sees."""

    parts: list[tuple[list[tuple[Op, Complex | None]], int, int]] = field(default_factory=list)
    ops: list[tuple[Op, Complex | None]] = field(default_factory=list)
    called: tuple[str, tuple[float, ...]] | None = None
    hidden: bool = False

    def modified(self, node: Any, name: str, params: list[float], size: int) -> Complex:
        own = not any(one is self.names[0].get(name) for one in standard().statements) and name != "U"
        self.called = None if node.modifiers or own else (RENAMED.get(name, name), tuple(params))
        return super().modified(node, name, params, size)

    def apply(self, matrix: Complex, qubits: list[int]) -> None:
        super().apply(matrix, qubits)
        if qubits and not self.hidden:
            name, params = self.called or (matrix.round(12).tobytes().hex(), ())
            self.ops.append(((name, params, tuple(qubits)), matrix))

    def measure(self, qubit: int) -> int:
        bit = super().measure(qubit)
        if not self.hidden:
            self.parts.append((self.ops, qubit, bit))
            self.ops = []
        return bit

    def reset(self, qubit: int) -> None:
        self.hidden = True
        super().reset(qubit)
        self.hidden = False
        self.ops.append((("reset", (), (qubit,)), None))


@dataclass
class Node:
    """What is done, then a measurement with what follows each outcome, or the end with the values of variables."""

    ops: list[tuple[Op, Complex | None]]
    qubit: int | None = None
    after: dict[int, Node] = field(default_factory=dict)
    values: Values = ()


def tree(text: str) -> tuple[tuple[str, ...], Node, int]:
    """Return the variables of a file, the tree of its histories, and its number of qubits."""
    root: Node | None = None
    names: tuple[str, ...] = ()
    qubits = 0
    for shot in histories(text, Written):
        values = dict(finals(shot.names[0]))
        names, qubits = tuple(values), shot.qubits
        root = root or Node([])
        node = root
        for ops, qubit, bit in shot.parts:
            node.ops, node.qubit = ops, qubit
            node = node.after.setdefault(bit, Node([]))
        node.ops, node.values = shot.ops, tuple(values.values())
    assert root is not None
    return names, root, qubits


def merged(a: Node, b: Node) -> Node | None:
    """Return what two nodes have in common as a circuit, if they do the same: no branch is needed for them."""
    if a.qubit != b.qubit or [op for op, _ in a.ops] != [op for op, _ in b.ops]:
        return None
    made = Node(a.ops, a.qubit)
    for bit in a.after.keys() | b.after.keys():
        sides = [node.after[bit] for node in (a, b) if bit in node.after]
        one = sides[0] if len(sides) == 1 else merged(*sides)
        if one is None:
            return None
        made.after[bit] = one
    return made


def written(circuit: Any, node: Node, depth: int = 0) -> None:
    """Append a tree to a Qiskit circuit: the measurement of depth k goes to the bit k."""
    from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping

    known = get_standard_gate_name_mapping()
    for (name, params, qubits), matrix in node.ops:
        if name == "reset":
            circuit.reset(qubits[0])
        elif name in known:
            circuit.append(known[name].base_class(*params), qubits)
        else:
            circuit.append(UnitaryGate(np.asarray(matrix)), qubits[::-1])
    if node.qubit is None:
        return
    circuit.measure(node.qubit, depth)
    children = list(node.after.values())
    one = children[0] if len(children) == 1 else merged(*children)
    if one is not None:
        written(circuit, one, depth + 1)
        return
    with circuit.if_test((circuit.clbits[depth], 1)) as otherwise:
        written(circuit, node.after[1], depth + 1)
    with otherwise:
        written(circuit, node.after[0], depth + 1)


def depth_of(node: Node) -> int:
    return 0 if node.qubit is None else 1 + max(map(depth_of, node.after.values()))


def counts_of(circuit: Any, shots: int, seed: int) -> dict[str, int]:
    """Return Aer's counts by the bits of a circuit, the first of them first."""
    import qiskit
    import qiskit_aer

    simulator = qiskit_aer.AerSimulator(seed_simulator=seed)
    compiled = qiskit.transpile(circuit, simulator, optimization_level=0)
    found = simulator.run(compiled, shots=shots).result().data()["counts"]  # formatted counts leave out single bits
    size = circuit.num_clbits
    return {f"{int(text, 16):0{size}b}"[::-1]: count for text, count in found.items()}


def by_histories(text: str, shots: int, seed: int) -> tuple[tuple[str, ...], Counter[Values | None]]:
    """Return a file's variables and how often Aer finds each of their values; None where a history cannot be."""
    from qiskit import QuantumCircuit

    names, root, qubits = tree(text)
    circuit = QuantumCircuit(qubits, max(depth_of(root), 1))
    written(circuit, root)
    found: Counter[Values | None] = Counter()
    for bits, count in counts_of(circuit, shots, seed).items():
        node: Node | None = root
        for bit in bits:
            if node is None or node.qubit is None:
                break
            node = node.after.get(int(bit))
        found[None if node is None else node.values] += count
    return names, found


def by_qiskit(text: str, shots: int, seed: int) -> tuple[tuple[str, ...], Counter[Values | None]] | None:
    """Return the same by Qiskit's own reader of OpenQASM 3, or None where it does not read the file."""
    from qiskit import qasm3

    try:
        circuit = qasm3.loads(text)
    except Exception:  # an error of its own, or one of Python's, for what it does not know
        return None
    names = tuple(dict(finals(next(histories(text, Shot)).names[0])))
    assert len(names) == circuit.num_clbits  # Qiskit's bits stand in the order of their declarations
    found: Counter[Values | None] = Counter()
    for bits, count in counts_of(circuit, shots, seed).items():
        found[tuple(float(bit) for bit in bits)] += count
    return names, found


def found_by_aer(text: str, shots: int, seed: int) -> tuple[str, tuple[str, ...], Counter[Values | None]]:
    """Return how a file got to Aer (`Qiskit` or `histories`), its variables, and how often each value was found."""
    direct = by_qiskit(text, shots, seed)
    if direct is not None:
        return "Qiskit", *direct
    return "histories", *by_histories(text, shots, seed)
