"""Texts that were OpenQASM once: whatever they are now, they are read or refused by this project's errors, soon."""

from __future__ import annotations

import re
from random import Random
from time import process_time

import pytest

import rydberg_qmem as rq
from rydberg_qmem.interop.openqasm import from_openqasm

pytest.importorskip("openqasm3.parser")
from tests.openqasm_programs import circuit

PIECES = (
    "{", "}", "(", ")", "[", "]", ";", ",", "@", "ctrl", "inv", "pow(", "q", "c", "measure", "reset", "if (", "for",
    "while (true) {", "1e9", "999999999", "-1", "int", "angle[3]", "=", "+=", "<<", "π", '"', "//", "/*", "$0", "def",
    "gate", "uint[64]", "**", "0x1F", "true", "return", "break;", "end;", "\x00", "é", "[0:1000000]", "h q;",
)  # fmt: skip
NUMBERS = ("0", "7", "100", "100000", "3.5", "1e300", "-2")
LONGEST_S = 10.0


def mutated(text: str, random: Random) -> str:
    """Return a text with a few pieces cut out, put in, repeated or exchanged."""
    for _ in range(random.choice((1, 1, 1, 2))):
        i = random.randrange(len(text))
        j = min(len(text), i + random.randrange(1, 30))
        match random.randrange(6):
            case 0:
                text = text[:i] + text[j:]
            case 1:
                text = text[:i] + random.choice(PIECES) + text[i:]
            case 2:
                text = text[:i] + text[i:j] * random.randrange(2, 6) + text[j:]
            case 3:
                text = text[:i] + chr(random.randrange(32, 127)) + text[i + 1 :]
            case 4:
                lines = text.split("\n")
                a, b = random.randrange(len(lines)), random.randrange(len(lines))
                lines[a], lines[b] = lines[b], lines[a]
                text = "\n".join(lines)
            case _:
                found = random.choice(list(re.finditer(r"\d+", text)))
                text = text[: found.start()] + random.choice(NUMBERS) + text[found.end() :]
    return text


def outcome(seed: int) -> str:
    """Return how a mutated circuit is taken: read, or refused."""
    random = Random(seed)
    text = mutated(circuit(random.randrange(40)), random)
    begin = process_time()
    try:
        from_openqasm(text, device="MockDevice", while_rounds=random.choice((None, 3)))
        return "read"
    except rq.QmemError as error:
        return "refused" if str(error).strip() else "refused without a word"
    finally:
        assert process_time() - begin < LONGEST_S


def test_mutated_circuits_are_read_or_refused() -> None:
    assert {outcome(seed) for seed in range(8)} <= {"read", "refused"}


@pytest.mark.slow
def test_many_mutated_circuits_are_read_or_refused() -> None:
    assert {outcome(seed) for seed in range(1000, 1300)} == {"read", "refused"}
