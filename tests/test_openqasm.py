"""OpenQASM in: the distribution of a circuit is that of an independent evaluator, and what cannot be said is refused."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.interop.openqasm import from_openqasm
from rydberg_qmem.language.blocks import Measure, walk

pytest.importorskip("openqasm3.parser")

from tests.openqasm_programs import circuit  # noqa: E402  # needs the parser
from tests.openqasm_reference import distribution  # noqa: E402

PLACES = {"device": "MockDevice"}


def readable(program: rq.Program, names: tuple[str, ...]) -> dict[str, str]:
    """Return how a program's expressions read the variables of its circuit, those that it has."""
    keys = {block.key: block.atoms for block in walk(program.body) if isinstance(block, Measure)}
    found = {}
    for name in names:
        register, _, i = name.rpartition("_")
        if name in program.memory or name in keys:
            found[name] = name
        elif register in keys and i.isdecimal():
            found[name] = f"{register}.{keys[register][int(i)]}"
    return found


def chances(program: rq.Program, reads: list[str], outcomes: list[tuple[float, ...]]) -> list[float]:
    """Return the exact chance of each of some values of expressions at the end of a program."""
    sets = {
        f"p_{k}": " and ".join(f"abs({text} - ({value!r})) < 1e-9" for text, value in zip(reads, values, strict=True)) or "1"
        for k, values in enumerate(outcomes)
    }
    memory = {**program.memory, **dict.fromkeys(sets, rq.Memory())}
    counted = program.with_(memory=memory, body=(*program.body, rq.Set(values=sets)))
    record = rq.run(counted, shots=None, emulator="ideal")
    return [float(record[name]) for name in sets]


def difference(text: str, program: rq.Program) -> float:
    """Return how far a program's exact distribution is from that of its circuit: the largest, and what is left over."""
    names, wanted = distribution(text)
    reads = readable(program, names)
    kept = [names.index(name) for name in reads]
    marginal: dict[tuple[float, ...], float] = defaultdict(float)
    for values, chance in wanted.items():
        marginal[tuple(values[i] for i in kept)] += chance
    got = chances(program, list(reads.values()), list(marginal))
    return float(np.max(np.abs(np.array(got) - np.array(list(marginal.values())))) + abs(1 - sum(got)))


@pytest.mark.parametrize("seed", range(12))
def test_a_random_circuit_has_the_distribution_of_the_reference(seed: int) -> None:
    text = circuit(seed)

    assert difference(text, from_openqasm(text, **PLACES)) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 250))
def test_many_random_circuits_have_the_distribution_of_the_reference(seed: int) -> None:
    text = circuit(seed, statements=14)

    assert difference(text, from_openqasm(text, **PLACES)) < 1e-9


def test_a_wrong_sign_is_seen() -> None:
    text = circuit(0)
    program = from_openqasm(text, **PLACES)
    wrong = re.sub(r"axis: x", "axis: y", program.to_yaml(), count=1)

    assert difference(text, rq.Program.from_yaml(wrong)) > 1e-3
