"""OpenQASM in and out: a circuit has the distribution of an independent evaluator; what cannot be said is refused."""

from __future__ import annotations

import json
import re
import sys
from math import sin
from pathlib import Path

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.interop.openqasm import from_openqasm, to_openqasm

pytest.importorskip("openqasm3.parser")

from tests.openqasm_compared import chances, marginal, readable
from tests.openqasm_programs import circuit
from tests.openqasm_reference import distribution

MOCK = "MockDevice"
CIRCUITS = Path(__file__).parent / "data" / "openqasm"


def apart(names: tuple[str, ...], wanted: dict[tuple[float, ...], float], program: rq.Program) -> float:
    """Return how far a program's exact distribution is from a circuit's: the largest, and what is left over."""
    reads = readable(program, names)
    expected = marginal(names, wanted, list(reads))
    got = chances(program, list(reads.values()), list(expected))
    return float(np.max(np.abs(np.array(got) - np.array(list(expected.values())))) + abs(1 - sum(got)))


def difference(text: str, program: rq.Program) -> float:
    """Return how far a program's exact distribution is from that of the reference for a circuit."""
    return apart(*distribution(text), program)


# --- in ---


@pytest.mark.parametrize("seed", range(1, 3))
def test_a_random_circuit_has_the_distribution_of_the_reference(seed: int) -> None:
    text = circuit(seed)

    assert difference(text, from_openqasm(text, device=MOCK)) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_random_circuits_have_the_distribution_of_the_reference(seed: int) -> None:
    text = circuit(seed, statements=12)

    assert difference(text, from_openqasm(text, device=MOCK)) < 1e-9


def test_a_wrong_axis_is_seen() -> None:
    text = circuit(1)
    program = from_openqasm(text, device=MOCK)
    wrong = re.sub(r"axis: x", "axis: y", program.to_yaml(), count=1)

    assert difference(text, rq.Program.from_yaml(wrong)) > 1e-3


# --- out ---


@pytest.mark.parametrize("seed", [8])
def test_a_circuit_that_was_read_is_written_as_one_of_the_same_distribution(seed: int) -> None:
    program = from_openqasm(circuit(seed), device=MOCK)
    text = to_openqasm(program)

    assert difference(text, program) < 1e-9
    assert difference(text, from_openqasm(text, device=MOCK)) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 215))
def test_many_circuits_are_written_as_ones_of_the_same_distribution(seed: int) -> None:
    program = from_openqasm(circuit(seed, statements=12), device=MOCK)
    text = to_openqasm(program)

    assert difference(text, program) < 1e-9
    assert difference(text, from_openqasm(text, device=MOCK)) < 1e-9


def test_functions_windows_and_inputs_are_written() -> None:
    program = rq.Program.from_dict(
        {
            "name": "p",
            "register": {"atoms": {"s": (0, 0), "b": (5, 0)}},
            "device": MOCK,
            "parameters": {"gain": 0.7},
            "inputs": {"x": {"default": [0.2, 0.9, 0.4]}},
            "memory": {"w": {"window": 2, "initial": 0.5}, "v": {}, "y": {"initial": -0.3}},
            "body": [
                {"repeat": {"over": "x", "body": [
                    {"rotate": {"atom": "s", "angle": "gain * x + clip(v, -0.4, 0.6) + k"}},
                    {"beam_splitter": {"system": "s", "ancilla": "b", "reflectivity": "clip(mean(w), 0, 1)"}},
                    {"zz": {"atoms": ["s", "b"], "angle": "tanh(y)"}},
                    {"exchange": {"atoms": ["s", "b"], "angle": "abs(y) + max(v, x, 0.1)"}},
                    {"measure": {"atoms": ["s", "b"], "key": "m", "basis": "digital"}},
                    {"push": {"w": "where(m.s == 1 and not m.b, w[1], sign(y) * min(m) + sum(m) // 2)"}},
                    {"set": {"v": "y + m.b % 2", "y": "v - 0.5 ** 2"}},
                    {"reset": {"atoms": "all"}},
                ]}},
                {"set": {"v": "10 * v + w[0]"}},
            ],
        }
    )  # fmt: skip
    text = to_openqasm(program)

    assert difference(text, program) < 1e-9


@pytest.mark.parametrize(("block", "said"), [
    ({"pulse": {"channel": "rydberg_global", "amplitude": {"constant": {"duration_ns": 9, "value": 1}}}}, "no pulses"),
    ({"probe": {"atoms": "q", "pauli": ["Z"], "key": "p", "basis": "digital"}}, "no probes"),
    ({"rotate": {"atom": "q", "angle": "pi", "basis": "ground-rydberg"}}, "qubits of two levels"),
    ({"set": {"x": "uniform()"}}, "no function uniform"),
    ({"set": {"x": "ensemble_mean(x)"}}, "no function ensemble_mean"),
])  # fmt: skip
def test_what_openqasm_cannot_say_is_refused_with_its_place(block: dict[str, object], said: str) -> None:
    body = [{"rotate": {"atom": "q", "angle": 1}}, block]
    register = {"atoms": {"q": (0, 0)}}
    program = rq.Program.from_dict(
        {"name": "p", "device": MOCK, "register": register, "memory": {"x": {}}, "body": body}
    )

    with pytest.raises(rq.InputError, match=rf"body\[1\].*{said}"):
        to_openqasm(program)


# --- known circuits ---

CLOSED: dict[str, dict[str, str]] = json.loads((CIRCUITS / "closed_forms.json").read_text(encoding="utf-8"))
"""Chances that a bit of a circuit is 1 at its end, in closed form."""
LONG = ("five_qubit_code", "repeat_until_success", "repetition_rounds")
"""Circuits with so many histories that the reference takes a second for them."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in sorted(CLOSED)]
)
def test_a_known_circuit_has_the_closed_form_and_the_distribution_of_the_reference(name: str) -> None:
    path = CIRCUITS / f"{name}.qasm"
    program = from_openqasm(path, device=MOCK)

    names, wanted = distribution(path.read_text(encoding="utf-8"))
    for bit, form in CLOSED[name].items():
        place = bit.replace(".", "_")
        assert place in readable(program, names)
        chance = rq.Expression(form).evaluate({})
        assert marginal(names, wanted, [place]).get((1.0,), 0.0) == pytest.approx(chance, abs=1e-12)
    assert apart(names, wanted, program) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CLOSED))
def test_a_known_circuit_is_written_as_one_of_the_same_distribution(name: str) -> None:
    program = from_openqasm(CIRCUITS / f"{name}.qasm", device=MOCK)

    assert difference(to_openqasm(program), program) < 1e-9


def test_a_bit_that_decides_is_written_as_such() -> None:
    program = from_openqasm(HEAD + "h q; c = measure q; if (c[0]) x q[1]; if (!c[1]) x q[0]; if (c[0] == 1) y q[0];")

    written = [line for line in to_openqasm(program).splitlines() if line.startswith("if")]
    assert written == ["if (c[0]) {", "if (!c[1]) {", "if (c[0]) {"]


def test_every_circuit_that_is_kept_has_a_closed_form() -> None:
    assert {path.stem for path in CIRCUITS.glob("*.qasm")} == set(CLOSED)


def test_every_circuit_that_is_kept_names_its_source() -> None:
    heads = {path.stem: path.read_text(encoding="utf-8").splitlines()[1] for path in CIRCUITS.glob("*.qasm")}

    assert len(heads) >= 30
    assert [name for name, line in heads.items() if not line.startswith("// Source: ")] == []


# --- refusals ---

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\n'
REFUSED = {
    "h q[2];": (5, "index: must lie from -2 to 1"),
    "foo q[0];": (5, "foo: is no gate that is defined here"),
    "rx q[0];": (5, "rx: takes 1 angle"),
    "cx q[0], q[0];": (5, "cx: must act on different qubits"),
    "c = measure q[0];": (5, "measure: gives 1 bits, which do not fit into 2"),
    "h q; c[0] = measure q[0];\nwhile (c[0]) { h q[0]; c[0] = measure q[0]; }": (6, "while: ends when the run says so"),
    "delay[10dt] q[0];": (5, "dt is a machine's own step"),
    "complex[float[64]] z;": (5, "complex: is no type"),
    "stretch s1;": (5, "stretch: is no type"),
    "pragma braket result probability": (5, "pragma: asks for what"),
    "extern f(int) -> int;": (5, "extern: only a machine knows"),
    'include "other.inc";': (5, "include: reads stdgates.inc or qelib1.inc alone"),
    "input float theta;": (5, "theta: is an input of the file"),
    "h q[0]; c[0] = measure q[0]; h q[int(c[0])];": (5, "index: must be known when the file is read"),
    "pow(0.5) @ swap q[0], q[1];": (5, "pow: a power that is not whole"),
    "int i = 1; i = j;": (5, "j: is not declared here"),
    "const int n = 3; n = 4;": (5, "only variables are assigned to"),
    "uint x = 3; x = x - 5;": (5, "uint holds no negative number"),
    "int x = 1 / 0;": (5, "must not divide by 0"),
    "qubit q;": (5, "q: is declared twice"),
    "break;": (5, "is no OpenQASM: 'break' statement outside loop"),
    "box[100ns] { h q[0]; }": (5, "box: a box of a given duration"),
    "h q[0]": (6, "is no OpenQASM"),
    "h q[0]; $$$": (5, "is no OpenQASM"),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_no_program_can_say_is_refused_with_line_and_rule(line: str) -> None:
    number, rule = REFUSED[line]

    with pytest.raises(rq.ProgramError) as refused:
        from_openqasm(HEAD + line + "\n")
    assert refused.value.problems[0].line == number
    assert rule in str(refused.value)


def test_a_pair_out_of_reach_is_refused_with_its_distance_and_the_ways_out() -> None:
    text = 'include "stdgates.inc"; qubit[12] q;\ncz q[0], q[11];'

    with pytest.raises(rq.ProgramError, match=r"^2:1: q0, q11: are 55.0 µm apart, but .* reach 11\.\d µm: give a reg"):
        from_openqasm(text, spacing_um=5)
    assert "a triangular patch, 1 µm apart" in from_openqasm(text, device=MOCK).about


def test_atoms_of_many_pairs_stand_on_a_patch() -> None:
    pairs = " ".join(f"cz q[{i}], q[{j}];" for i in range(6) for j in range(i))
    program = from_openqasm(f'include "stdgates.inc"; qubit[6] q; {pairs}')

    assert "a triangular patch, 4 µm apart, the farthest pair with a gate 8.0 µm" in program.about


def test_atoms_of_a_row_stand_closer_where_a_gate_reaches_beyond_neighbours() -> None:
    text = 'include "stdgates.inc"; qubit[3] q; cz q[0], q[2];'

    assert from_openqasm(text, device=MOCK).register.spacing_um == pytest.approx(3.5)
    assert from_openqasm(text).register.spacing_um is None
    assert "a triangular patch, 4 µm apart." in from_openqasm(text).about


def test_inputs_become_parameters_that_a_run_may_set() -> None:
    text = 'include "stdgates.inc"; input float theta; qubit q; bit c; ry(theta) q; c = measure q;'
    program = from_openqasm(text, parameters={"theta": 0.5})

    record = rq.run(program, shots=None, emulator="ideal", parameters={"theta": 1.0})
    assert float(record.c) == pytest.approx(sin(0.5) ** 2)


def test_a_while_that_only_the_run_ends_goes_on_for_as_long_as_it_may() -> None:
    text = HEAD + "bit f = 1; while (f) { reset q[0]; h q[0]; f = measure q[0]; }"
    record = rq.run(from_openqasm(text, while_rounds=3), shots=None, emulator="ideal")

    assert float(record.unfinished) == pytest.approx(1 / 8)


def test_openqasm_2_is_read() -> None:
    text = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1];'
    text += "measure q -> c; if(c==3) x q[0];"

    assert [block.kind for block in from_openqasm(text).body] == ["rotate", "rotate", "cnot", "measure", "when"]


def test_a_missing_parser_is_told_with_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openqasm3", None)

    with pytest.raises(rq.InputError, match=r"not installed: pip install 'rydberg_qmem\[openqasm\]'"):
        from_openqasm("qubit q;")
