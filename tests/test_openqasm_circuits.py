"""Circuits of Qiskit, Cirq and Stim, through their own OpenQASM; known circuits in Aer. Each where it is installed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.interop.openqasm import from_cirq, from_openqasm, from_qiskit, from_stim, to_openqasm

pytest.importorskip("openqasm3.parser")

from tests.openqasm_aer import by_histories, by_qiskit, counts_of, found_by_aer
from tests.openqasm_compared import Values, chances, p_value, readable
from tests.openqasm_reference import distribution

CIRCUITS = Path(__file__).parent / "data" / "openqasm"
ALPHA = 1e-6
SHOTS = 100_000


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


def bits(count: int) -> list[Values]:
    """Return all values of some bits."""
    return [tuple(float(k >> i & 1) for i in range(count)) for k in range(2**count)]


def exact(program: rq.Program, reads: list[str]) -> dict[Values, float]:
    """Return the exact chance of each outcome of some bits."""
    outcomes = bits(len(reads))
    return dict(zip(outcomes, chances(program, reads, outcomes), strict=True))


def aer_counts(circuit: Any, places: list[int], seed: int = 5) -> Counter[Values | None]:
    """Return how often Aer finds each value of some of a circuit's bits."""
    pytest.importorskip("qiskit_aer")
    found: Counter[Values | None] = Counter()
    for text, count in counts_of(circuit, SHOTS, seed).items():
        found[tuple(float(text[i]) for i in places)] += count
    return found


def likely(counts: Mapping[Values | None, int], wanted: Mapping[Values, float]) -> bool:
    """Return whether counts are those of a distribution, by chi-square."""
    return p_value(counts, drawn(wanted), wanted) > ALPHA


def drawn(wanted: Mapping[Values, float]) -> Counter[Values | None]:
    """Return counts as the distribution has them, without scatter, of a hundred times as many shots."""
    return Counter({values: round(100 * SHOTS * chance) for values, chance in wanted.items()})


def wrong(counts: Mapping[Values | None, int]) -> Counter[Values | None]:
    """Return counts of which one in ten went to another value that is found."""
    values = sorted(counts, key=lambda one: counts[one])
    moved = counts[values[-1]] // 10
    return Counter({**counts, values[-1]: counts[values[-1]] - moved, values[0]: counts[values[0]] + moved})


@pytest.mark.slow
def test_a_qiskit_circuit_gives_what_aer_gives() -> None:
    circuit = feedforward()
    wanted = exact(from_qiskit(circuit, device="MockDevice"), ["c_0", "c_1", "c_2"])
    counts = aer_counts(circuit, [0, 1, 2])

    assert likely(counts, wanted)
    assert not likely(wrong(counts), wanted)


def asked(made: Any) -> None:
    """Branch on an expression of bits."""
    from qiskit.circuit.classical import expr

    made.h([0, 1])
    made.measure([0, 1], [0, 1])
    with made.if_test(expr.logic_or(expr.logic_not(made.clbits[0]), made.clbits[1])):
        made.ry(0.9, 2)


def switched(made: Any) -> None:
    """Choose by a register, and turn by a loop's number."""
    from qiskit.circuit import Parameter

    made.h([0, 1])
    made.measure([0, 1], [0, 1])
    with made.switch(made.cregs[0]) as case:
        with case(1, 5):
            made.x(2)
        with case(2, 3):
            made.h(2)
        with case(case.DEFAULT):
            made.sx(2)
    step = Parameter("step")
    with made.for_loop(range(4), step):
        made.rx(0.1 * step, 2)


def composed(made: Any) -> None:
    """Use gates that Qiskit writes by their definitions."""
    from qiskit.circuit.library import MCXGate, QFTGate, UnitaryGate, XGate

    for qubit, angle in enumerate((0.4, 1.1, 0.9)):
        made.ry(angle, qubit)
    made.append(QFTGate(3), range(3))
    made.append(MCXGate(2), range(3))
    made.append(UnitaryGate(np.array([[0.6, 0.8j], [0.8j, 0.6]])), [1])
    made.append(XGate().control(2, ctrl_state=1), [2, 0, 1])
    made.ecr(0, 1)
    made.dcx(1, 2)
    made.ryy(0.3, 0, 1)
    made.mcp(0.3, [0, 1], 2)
    made.h(range(3))
    made.measure([0, 1], [0, 1])


@pytest.mark.slow
@pytest.mark.parametrize("build", [asked, switched, composed])
def test_conditions_choices_and_composed_gates_of_qiskit_give_what_aer_gives(build: Callable[[Any], None]) -> None:
    qiskit = pytest.importorskip("qiskit")
    circuit = qiskit.QuantumCircuit(3, 3)
    build(circuit)
    circuit.measure(2, 2)
    program = from_qiskit(circuit, device="MockDevice")
    reads = readable(program, ("c_0", "c_1", "c_2"))

    assert likely(aer_counts(circuit, [0, 1, 2]), exact(program, list(reads.values())))


def test_a_number_that_qiskit_stores_is_kept_in_memory() -> None:
    qiskit = pytest.importorskip("qiskit")
    from qiskit.circuit.classical import expr, types

    circuit = qiskit.QuantumCircuit(2, 2)
    circuit.rx(0.8, 0)
    circuit.measure(0, 0)
    number = circuit.add_var("n", expr.lift(3, types.Uint(4)))
    with circuit.if_test((0, 1)):
        circuit.store(number, expr.bit_and(number, 1))
    with circuit.if_test(expr.equal(number, 1)):
        circuit.ry(0.6, 1)
    circuit.measure(1, 1)
    program = from_qiskit(circuit, device="MockDevice")
    reads = readable(program, ("c_0", "c_1"))

    once, both = np.sin(0.4) ** 2, np.sin(0.4) ** 2 * np.sin(0.3) ** 2
    assert list(exact(program, list(reads.values())).values()) == pytest.approx([1 - once, once - both, 0, both])


CIRCUIT_NAMES = sorted(path.stem for path in CIRCUITS.glob("*.qasm"))


@pytest.mark.slow
@pytest.mark.parametrize("back", [False, True], ids=["file", "round trip"])
@pytest.mark.parametrize("name", CIRCUIT_NAMES)
def test_aer_finds_the_distribution_of_a_known_circuit_and_of_what_it_is_written_as(name: str, back: bool) -> None:
    pytest.importorskip("qiskit_aer")
    pytest.importorskip("qiskit_qasm3_import")
    text = (CIRCUITS / f"{name}.qasm").read_text(encoding="utf-8")
    program = from_openqasm(CIRCUITS / f"{name}.qasm", device="MockDevice")
    _, own, found = found_by_aer(to_openqasm(program) if back else text, SHOTS, 5)
    reads = readable(program, own)
    counts: Counter[Values | None] = Counter()
    for values, count in found.items():
        counts[None if values is None else tuple(values[own.index(name)] for name in reads)] += count
    outcomes = [values for values in counts if values is not None]
    likelihoods = dict(zip(outcomes, chances(program, list(reads.values()), outcomes), strict=True))

    assert sum(likelihoods.values()) > 1 - 30 / SHOTS
    assert likely(counts, likelihoods)
    assert len(counts) < 2 or not likely(wrong(counts), likelihoods)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ghz", "phase_flip_rounds", "teleportation_chain"])
def test_aer_finds_the_same_for_a_files_histories_as_for_what_qiskit_reads(name: str) -> None:
    pytest.importorskip("qiskit_aer")
    pytest.importorskip("qiskit_qasm3_import")
    text = (CIRCUITS / f"{name}.qasm").read_text(encoding="utf-8")
    read = by_qiskit(text, SHOTS, 5)
    names, counts = by_histories(text, SHOTS, 10_000_005)  # Aer seeds shot k by seed + k

    assert read is not None
    assert read[0] == names
    assert p_value(read[1], counts, distribution(text)[1]) > ALPHA


# --- Cirq ---


def test_a_cirq_circuit_is_read_with_its_gates_resets_and_controls() -> None:
    cirq = pytest.importorskip("cirq")
    a, b, c = cirq.LineQubit.range(3)
    gates = [cirq.X(a) ** 0.3, cirq.ISWAP(a, b) ** 0.5, cirq.ZZ(a, b) ** 0.2, cirq.CCX(a, b, c), cirq.ry(0.3)(b)]
    gates += [cirq.PhasedXZGate(x_exponent=0.2, z_exponent=0.3, axis_phase_exponent=0.1)(c), cirq.CZ(b, c) ** 0.4]
    inner = cirq.FrozenCircuit(cirq.H(a), cirq.measure(a, key="m"))
    after = [cirq.CircuitOperation(inner), cirq.Y(b).with_classical_controls("m"), cirq.reset(a)]
    unitary = cirq.Circuit(gates)
    program = from_cirq(unitary + cirq.Circuit(cirq.measure(a, b, c, key="x")), device="MockDevice")
    fed = from_cirq(cirq.Circuit(gates, after, cirq.measure(a, b, c, key="x")), device="MockDevice")

    got = exact(program, ["m_x_0", "m_x_1", "m_x_2"])
    state = np.abs(unitary.final_state_vector(qubit_order=(c, b, a), dtype=np.complex128)) ** 2
    assert [got[values] for values in bits(3)] == pytest.approx(list(state), abs=1e-9)
    assert exact(fed, ["m_x_0"])[(1.0,)] == pytest.approx(0, abs=1e-12)


def test_a_bit_of_cirq_controls_what_follows() -> None:
    cirq = pytest.importorskip("cirq")
    a, b = cirq.LineQubit.range(2)
    control = cirq.X(b).with_classical_controls("m")
    program = from_cirq(cirq.Circuit(cirq.rx(0.8)(a), cirq.measure(a, key="m"), control, cirq.measure(b, key="out")))

    wanted: dict[Values, float] = {(0.0, 0.0): np.cos(0.4) ** 2, (1.0, 1.0): np.sin(0.4) ** 2}
    for values, chance in exact(program, ["m_m_0", "m_out_0"]).items():
        assert chance == pytest.approx(wanted.get(values, 0), abs=1e-12)


def test_a_cirq_condition_whose_bits_are_written_the_other_way_round_is_refused() -> None:
    cirq = pytest.importorskip("cirq")
    sympy = pytest.importorskip("sympy")
    a, b, c = cirq.LineQubit.range(3)
    control = cirq.X(c).with_classical_controls(sympy.Eq(sympy.Symbol("m"), 2))
    circuit = cirq.Circuit(cirq.X(a), cirq.measure(a, b, key="m"), control, cirq.measure(c, key="out"))

    with pytest.raises(rq.InputError, match=r"from_cirq: .*counts on a key of several qubits \(m\)"):
        from_cirq(circuit)


def test_what_cirq_cannot_write_is_refused_by_name() -> None:
    cirq = pytest.importorskip("cirq")
    a = cirq.LineQubit(0)
    inner = cirq.FrozenCircuit(cirq.H(a), cirq.measure(a, key="m"))
    until = cirq.KeyCondition(cirq.MeasurementKey("m"))
    loop = cirq.CircuitOperation(inner, repeat_until=until, use_repetition_ids=False)

    for circuit in (cirq.Circuit(cirq.depolarize(0.1)(a), cirq.measure(a)), cirq.Circuit(loop)):
        with pytest.raises(rq.InputError, match="from_cirq: Cirq cannot write the circuit"):
            from_cirq(circuit)
    with pytest.raises(rq.InputError, match=r"from_cirq: circuit must be a cirq\.Circuit \(str\)"):
        from_cirq("circuit")


# --- Stim ---


def test_a_stim_circuit_is_read_with_its_feedback() -> None:
    stim = pytest.importorskip("stim")
    circuit = stim.Circuit("H 0\nCX 0 1\nM 0\nCX rec[-1] 1\nMR 1\nDETECTOR rec[-1]\nH 2\nM 2")
    program = from_stim(circuit, device="MockDevice")

    got = exact(program, ["rec_0", "rec_1"])
    assert [got[values] for values in bits(2)] == pytest.approx([0.5, 0.5, 0, 0], abs=1e-12)


def test_a_noisy_stim_circuit_is_refused_by_name() -> None:
    stim = pytest.importorskip("stim")

    with pytest.raises(rq.InputError, match="from_stim: Stim cannot write the circuit"):
        from_stim(stim.Circuit("H 0\nDEPOLARIZE1(0.1) 0\nM 0"))


def test_what_is_no_circuit_is_refused_by_name() -> None:
    pytest.importorskip("qiskit")

    with pytest.raises(rq.InputError, match=r"from_qiskit: circuit must be a qiskit\.QuantumCircuit \(str\)"):
        from_qiskit("circuit")
