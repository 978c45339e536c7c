"""Files and expressions that must be refused: each at its place, soon, and without being unfolded."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.language.expressions import Expression, ExpressionError

DATA = Path(__file__).parent.parent / "data"
EXPECTED: dict[str, list[Any]] = json.loads((DATA / "bad" / "expected.json").read_text())
EXPRESSIONS: list[list[Any]] = json.loads((DATA / "bad" / "expressions.json").read_text())
GOOD = (DATA / "odd" / "crlf.yaml").read_text(encoding="utf-8").replace("\r\n", "\n")


def problems(path: Path) -> Any:
    try:
        return rq.check(rq.load(path))
    except rq.ProgramError as error:
        return error.problems


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    rq.check(rq.load("rabi"))  # what is imported on first use is not counted


# --- files ---


def test_every_bad_file_is_expected_to_be_refused() -> None:
    names = {path.name for path in (DATA / "bad").iterdir()}

    assert names - {"expected.json", "expressions.json", "README.md"} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_bad_file_is_refused_at_its_line_and_column(name: str) -> None:
    line, column, rule = EXPECTED[name]
    began, before = time.process_time(), peak_mb()
    first = problems(DATA / "bad" / name)[0]

    assert (first.line, first.column) == (line, column)
    assert f"{first.place}: {first.rule}".startswith(rule)
    assert str(first).startswith(f"{DATA / 'bad' / name}:{line}:{column}: ")
    assert time.process_time() - began < 1
    assert peak_mb() - before < 200


@pytest.mark.parametrize("name", ["bom.yaml", "crlf.yaml"])
def test_an_odd_file_is_read(name: str) -> None:
    assert problems(DATA / "odd" / name) == []


def test_a_mutant_of_each_rule_would_be_seen() -> None:
    assert problems(DATA / "odd" / "bom.yaml") == []  # the head that the bad files share is good itself
    assert len({tuple(expected) for expected in EXPECTED.values()}) > 25


HUGE: dict[str, bytes] = {
    "50 MB": b"name: " + b"x" * 50_000_000,
    "deep": b"a: " + b"[" * 100_000 + b"]" * 100_000,
    "deep blocks": "".join("  " * i + "a:\n" for i in range(1400)).encode(),
    "digits": b"a: " + b"9" * 1_000_000,
    "10^7 digits": b"a: " + b"9" * 10_000_000,
    "nul": b"\0" * 100_000,
}


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_huge_file_is_refused_soon(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"huge{suffix}"
    path.write_bytes(HUGE[name])
    began, before = time.process_time(), peak_mb()

    with pytest.raises(rq.InputError):
        rq.load(path)
    assert time.process_time() - began < 2
    assert peak_mb() - before < 300


def test_forty_entangled_atoms_and_a_billion_shots_are_refused_before_they_are_run() -> None:
    atoms = {f"a{i}": (5 * (i % 8), 5 * (i // 8)) for i in range(40)}
    body: Any = [{"measure": {"atoms": "all", "key": "m", "basis": "ground-rydberg"}}]
    wave = {"constant": {"duration_ns": 400, "value": 5}}
    pulse: Any = {"pulse": {"channel": "rydberg_global", "amplitude": wave, "detuning": 0}}
    program = rq.Program(name="wide", device="MockDevice", register={"atoms": atoms}, body=[pulse, *body])
    began, before = time.process_time(), peak_mb()

    with pytest.raises(rq.QmemError):
        rq.run(program, shots=100, seed=1)
    with pytest.raises(rq.InputError, match="shots: must be a whole number from 1 to 100000000"):
        rq.run("rabi", shots=10**9)
    assert time.process_time() - began < 2
    assert peak_mb() - before < 200


# --- expressions ---


@pytest.mark.parametrize(("text", "column", "rule"), EXPRESSIONS)
def test_a_bad_expression_is_refused_at_its_column(text: str, column: int, rule: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert caught.value.column == column
    assert caught.value.rule.startswith(rule)


@pytest.mark.parametrize("text", ["x" * 10_000, "-" * 100_000 + "1", "(" * 900 + "1" + ")" * 900, "-" * 1900 + "1"])
def test_a_long_expression_is_refused_soon(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ExpressionError):
        Expression(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(("text", "what"), [("1 / (k - 2)", "inf"), ("log(1 - k)", "inf")])
@pytest.mark.parametrize("place", [None, "r.zarr"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_number_that_is_none_names_point_round_and_expression(
    tmp_path: Path, text: str, what: str, place: str | None, workers: int
) -> None:
    body: Any = [{"repeat": {"times": "n", "body": [{"set": {"x": text}}, {"measure": {"atoms": "q", "key": "m"}}]}}]
    program = rq.Program(
        name="p", register={"atoms": {"q": (0, 0)}}, parameters={"n": 1}, memory={"x": {}}, body=body,
        device="MockDevice",
    )  # fmt: skip
    store = None if place is None else tmp_path / place

    with pytest.raises(rq.RunError) as caught:
        rq.run(program, shots=10, seed=1, sweep={"n": [1, 4]}, store=store, workers=workers)
    told = str(caught.value)
    assert "point 1 (n = 4), cohort 0: round " in told
    assert "body[0].repeat.body[0].set.x" in told
    assert what in told
    if store is not None:
        assert "1 of 2 cohorts are kept" in told


# --- mutated files ---


def mutants(count: int, seed: int) -> Any:
    """Yield damaged copies of ready programs: bytes changed, cut out, doubled, put in, moved."""
    rng = np.random.default_rng(seed)
    sources = [path.read_bytes() for path in sorted((DATA.parent.parent / "sequences").glob("*.yaml"))]
    words = [b"\0", b"&a ", b"*a", b"!!", b"\t", b"- ", b": ", b"{", b"]", b".nan", b"1e999", b"9" * 40, b"\xff", b"\r"]
    for _ in range(count):
        text = bytearray(sources[rng.integers(len(sources))])
        for _ in range(rng.integers(1, 5)):
            at, size = int(rng.integers(len(text))), int(rng.integers(1, 12))
            match int(rng.integers(5)):
                case 0:
                    text[at] = int(rng.integers(256))
                case 1:
                    del text[at : at + size]
                case 2:
                    text[at:at] = text[at : at + size]
                case 3:
                    text[at:at] = words[rng.integers(len(words))]
                case _:
                    piece = text[at : at + size]
                    del text[at : at + size]
                    to = int(rng.integers(len(text) + 1))
                    text[to:to] = piece
        yield bytes(text)


def settle(path: Path, text: bytes) -> str:
    """Return what becomes of a file: good, refused on load or by the check; anything else is raised."""
    path.write_bytes(text)
    try:
        program = rq.load(path)
    except rq.InputError:
        return "refused on load"
    return "refused by the check" if rq.check(program) else "good"


def test_mutated_files_raise_nothing_but_the_own_error(tmp_path: Path) -> None:
    ends = [settle(tmp_path / "p.yaml", text) for text in mutants(150, seed=7)]

    assert {"refused on load", "good"} <= set(ends)
