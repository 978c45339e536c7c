"""Circuits of Qiskit and Stim, through their own OpenQASM; and Aer as a second opinion. Each where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import rydberg_qmem as rq
from rydberg_qmem.interop.openqasm import from_openqasm, from_qiskit, from_stim, to_openqasm

pytest.importorskip("openqasm3.parser")
CIRCUITS = Path(__file__).parent / "data" / "openqasm"
ALPHA = 1e-6


def feedforward() -> Any:
    """Return a Qiskit circuit with gates of its library, a branch, a loop and a switch."""
    qiskit = pytest.importorskip("qiskit")
    made = qiskit.QuantumCircuit(3, 3)
    made.ry(0.7, 0)
    made.rzz(0.4, 0, 1)
    made.iswap(0, 1)
    made.ccx(0, 1, 2)
    made.measure(1, 0)
    with made.if_test((0, 1)) as otherwise:
        made.sxdg(2)
    with otherwise:
        made.u(0.3, 0.2, 0.1, 2)
    with made.for_loop(range(3)):
        made.crx(0.5, 0, 2)
    made.reset(1)
    made.cu(0.4, 0.3, 0.2, 0.1, 0, 1)
    made.measure([1, 2], [1, 2])
    return made


def exact_chances(program: rq.Program, reads: list[str]) -> np.ndarray[Any, Any]:
    """Return the exact chance of each outcome of some bits, the first the least significant."""
    outcomes = range(2 ** len(reads))
    sets = {f"p_{k}": " and ".join(f"{text} == {k >> i & 1}" for i, text in enumerate(reads)) for k in outcomes}
    memory = {**program.memory, **dict.fromkeys(sets, rq.Memory())}
    record = rq.run(
        program.with_(memory=memory, body=(*program.body, rq.Set(values=sets))), shots=None, emulator="ideal"
    )
    return np.array([float(record[name]) for name in sets])


def counted(circuit: Any, shots: int) -> np.ndarray[Any, Any]:
    """Return how often Aer finds each value of a circuit's bits."""
    aer = pytest.importorskip("qiskit_aer")
    qiskit = pytest.importorskip("qiskit")
    simulator = aer.AerSimulator(seed_simulator=5)
    counts = simulator.run(qiskit.transpile(circuit, simulator), shots=shots).result().get_counts()
    found = np.zeros(2**circuit.num_clbits)
    for text, count in counts.items():
        found[int(text.replace(" ", ""), 2)] += count
    return found


def same(counts: np.ndarray[Any, Any], chances: np.ndarray[Any, Any]) -> bool:
    """Return whether counts are those of some chances, by chi-square over what is expected at least five times."""
    expected = chances * counts.sum()
    often = expected >= 5
    if counts[expected < 1e-6].sum():
        return False
    rest = counts[~often].sum(), expected[~often].sum()
    got, wanted = [*counts[often], rest[0]], [*expected[often], rest[1]]
    if rest[1] < 5:
        got, wanted = list(counts[often]), list(expected[often] * counts[often].sum() / expected[often].sum())
    return len(got) < 2 or float(stats.chisquare(got, wanted, sum_check=False).pvalue) > ALPHA


@pytest.mark.slow
def test_a_qiskit_circuit_gives_what_aer_gives() -> None:
    circuit = feedforward()
    program = from_qiskit(circuit, device="MockDevice")
    counts = counted(circuit, 100_000)
    chances = exact_chances(program, ["c_0", "c_1", "c_2"])

    assert same(counts, chances)
    assert not same(counts, np.roll(chances, 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["teleportation", "ghz", "magic_state", "active_reset"])
def test_aer_reads_what_is_written_and_gives_the_same(name: str) -> None:
    qiskit = pytest.importorskip("qiskit")
    pytest.importorskip("qiskit_qasm3_import")
    program = from_openqasm(CIRCUITS / f"{name}.qasm", device="MockDevice")
    circuit = qiskit.qasm3.loads(to_openqasm(program))

    reads = [register.name for register in circuit.cregs]
    assert same(counted(circuit, 100_000), exact_chances(program, reads))


def test_a_stim_circuit_is_read_with_its_feedback() -> None:
    stim = pytest.importorskip("stim")
    circuit = stim.Circuit("H 0\nCX 0 1\nM 0\nCX rec[-1] 1\nMR 1\nDETECTOR rec[-1]\nH 2\nM 2")
    program = from_stim(circuit, device="MockDevice")

    assert exact_chances(program, ["rec_0", "rec_1"]) == pytest.approx([0.5, 0.5, 0, 0], abs=1e-12)


def test_a_noisy_stim_circuit_is_refused_by_name() -> None:
    stim = pytest.importorskip("stim")

    with pytest.raises(rq.InputError, match="from_stim: Stim cannot write the circuit"):
        from_stim(stim.Circuit("H 0\nDEPOLARIZE1(0.1) 0\nM 0"))


def test_what_is_no_circuit_is_refused_by_name() -> None:
    pytest.importorskip("qiskit")

    with pytest.raises(rq.InputError, match=r"from_qiskit: circuit must be a qiskit\.QuantumCircuit \(str\)"):
        from_qiskit("circuit")
