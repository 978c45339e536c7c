"""Files and expressions that must be refused: each at its place, soon, and without being unfolded."""

from __future__ import annotations

import json
import os
import re
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml.error import YAMLError

import rydberg_qmem as rq
import rydberg_qmem.verification._check as checking
from rydberg_qmem.compile import segments
from rydberg_qmem.engine import row_values
from rydberg_qmem.language import data_builder, files, parsing, scalars, source_map, syntax, yaml_reader
from rydberg_qmem.language.evaluation import ExpressionError
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.verification import _block_references as references

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


def refused_as_expected(name: str) -> bool:
    """Return whether a bad file is refused, at its place, in its words, and with nothing but the own error."""
    line, column, rule = EXPECTED[name]
    try:
        found = problems(DATA / "bad" / name)
    except Exception:
        return False
    return bool(found) and (found[0].line, found[0].column) == (line, column) and (
        f"{found[0].place}: {found[0].rule}".startswith(rule)
    )  # fmt: skip


def fetches_anchors_and_tags(noun: str, reader: Any, builder: Any) -> Any:
    """Stand in for the refusal of an anchor, alias or tag: read over it."""

    def fetch() -> None:
        reader.forward(1)

    return fetch


def last_key_wins(self: data_builder.DataBuilder, key: object, mark: source_map.Mark) -> None:
    self.stack[-1].key, self.stack[-1].key_mark = str(key), mark


def any_number(text: str) -> float:
    return float(text)


def nothing(*args: Any, **options: Any) -> Any:
    return []


def as_it_is(text: str, file: str = "") -> str:
    return text


FAULTS: dict[str, tuple[Any, str, Any, str]] = {
    "aliases are read over": (yaml_reader, "_refusal", fetches_anchors_and_tags, "alias_bomb.yaml"),
    "tags are read over": (yaml_reader, "_refusal", fetches_anchors_and_tags, "python_object.yaml"),
    "the last of two keys wins": (data_builder.DataBuilder, "take_key", last_key_wins, "duplicate_key.yaml"),
    "the last of two keys wins in JSON": (data_builder.DataBuilder, "take_key", last_key_wins, "json_twice.json"),
    "numbers may be infinite": (scalars, "number_of", any_number, "overflowing_amplitude.yaml"),
    "nan is a text": (scalars, "_ENDLESS", re.compile("never"), "nan_amplitude.yaml"),
    "integers may be endless": (scalars, "_integer", int, "endless_repeat.yaml"),
    "control characters are read": (files, "_checked", as_it_is, "nul.yaml"),
    "bytes are read as latin-1": (files, "_decoded", lambda data, file: data.decode("latin-1"), "latin_1.yaml"),
    "any number of atoms": (checking, "MAX_ATOMS", 1000, "too_many_atoms.yaml"),
    "drives are not checked": (checking, "segment_problems", nothing, "huge_amplitude.yaml"),
    "registers are not checked": (checking, "validate_register", nothing, "atoms_too_near.yaml"),
    "values are not checked": (checking, "_values", nothing, "huge_amplitude.yaml"),
    "any number of rounds": (segments, "MAX_ROUNDS", 10**13, "nested_repeats.yaml"),
    "names are not checked": (references.Checker, "run", nothing, "unknown_atom.yaml"),
    "any exponent": (parsing, "MAX_EXPONENT", 10**9, "endless_power.yaml"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mutant_of_each_rule_is_seen(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    where, what, instead, name = FAULTS[fault]
    assert refused_as_expected(name)
    parsing.parsed.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(where, what, instead)
        assert not refused_as_expected(name)
    parsing.parsed.cache_clear()


def test_the_head_that_the_bad_files_share_is_good_itself() -> None:
    assert problems(DATA / "odd" / "bom.yaml") == []


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


@pytest.mark.parametrize(
    ("where", "limit", "size", "text"),
    [
        (files, "MAX_BYTES", "1 MiB", b"name: " + b"x" * 1_100_000),
        (data_builder, "MAX_DEPTH", "64 deep", b"a: " + b"[" * 70 + b"]" * 70),
    ],
)
def test_a_mutant_without_a_limit_reads_what_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, limit: str, size: str, text: bytes
) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(text)

    def told() -> str:
        with pytest.raises(rq.InputError) as caught:
            rq.load(path)
        return str(caught.value)

    assert f"at most {size}" in told()
    monkeypatch.setattr(where, limit, 10**8)
    assert f"at most {size}" not in told()  # it is a program without a register now


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


UNCHECKED: dict[str, tuple[Any, str, Any, str]] = {
    "attributes": (syntax, "_HIDDEN_NAME", re.compile("never"), "().__class__"),
    "sizes": (syntax, "_check_size", nothing, "-" * 60 + "1"),
    "lengths": (syntax, "check_length", nothing, "x" + " " * 3000 + "+ 1"),
    "exponents": (parsing, "MAX_EXPONENT", 10**9, "2**99"),
}


@pytest.mark.parametrize("fault", UNCHECKED)
def test_a_mutant_that_checks_less_of_an_expression_is_seen(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    where, what, instead, text = UNCHECKED[fault]

    def told() -> str:
        parsing.parsed.cache_clear()
        try:
            Expression(text)
        except Exception as error:
            return str(error)
        return "taken"

    before = told()
    assert before != "taken"
    with monkeypatch.context() as patched:
        patched.setattr(where, what, instead)
        assert told() != before
    parsing.parsed.cache_clear()


def not_numbers(text: str, store: Path | None, workers: int = 1) -> Exception:
    """Return the error of a run whose second point has a round in which an expression is no number."""
    body: Any = [{"repeat": {"times": "n", "body": [{"set": {"x": text}}, {"measure": {"atoms": "q", "key": "m"}}]}}]
    program = rq.Program(
        name="p", register={"atoms": {"q": (0, 0)}}, parameters={"n": 1}, memory={"x": {}}, body=body,
        device="MockDevice",
    )  # fmt: skip
    with pytest.raises(rq.QmemError) as caught:
        rq.run(program, shots=10, seed=1, sweep={"n": [1, 4]}, store=store, workers=workers)
    return caught.value


NOT_NUMBERS = [("1 / (k - 2)", "inf", 2), ("log(1 - k)", "inf", 1), ("log(-k)", "inf", 0), ("1 / k", "inf", 0)]


@pytest.mark.parametrize(("text", "what", "k"), NOT_NUMBERS)
@pytest.mark.parametrize("place", [None, "r.zarr"])
def test_a_number_that_is_none_is_refused_before_the_run(
    tmp_path: Path, text: str, what: str, k: int, place: str | None
) -> None:
    error = not_numbers(text, None if place is None else tmp_path / place)

    assert isinstance(error, rq.ProgramError)
    assert error.exit_code == 2
    assert f"body[0].repeat.body[0].set.x: must be a finite number: {text}, but reaches " in str(error)
    assert what in str(error)
    assert f"in round {k}" in str(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "what", "k"), NOT_NUMBERS[:2])
@pytest.mark.parametrize("place", [None, "r.zarr"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_number_that_is_none_and_slips_through_the_check_stops_the_run_with_point_round_and_expression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, what: str, k: int, place: str | None, workers: int
) -> None:
    monkeypatch.setattr(checking, "limits", nothing)  # workers are forked, so they have it too
    store = None if place is None else tmp_path / place
    error = not_numbers(text, store, workers)

    assert isinstance(error, rq.RunError)
    assert error.exit_code == 1
    assert f"point 1 (n = 4), cohort 0: round {k}: body[0].repeat.body[0].set.x: {text} is " in str(error)
    assert what in str(error)
    if store is not None:
        assert "1 of 2 cohorts are kept" in str(error)


def test_a_mutant_that_lets_infinite_numbers_pass_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "limits", nothing)
    monkeypatch.setattr(row_values, "refuse_infinite", nothing)
    with pytest.raises(pytest.fail.Exception):
        not_numbers("1 / (k - 2)", None)


# --- mutated files ---

MUTANTS = int(os.environ.get("QMEM_MUTANTS", "150"))
"""How many files to damage: `QMEM_MUTANTS=20000 python -m pytest -s -k mutated --timeout 0` for a long search."""


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
    ends = Counter(settle(tmp_path / "p.yaml", text) for text in mutants(MUTANTS, seed=7))
    print(dict(ends))

    assert {"refused on load", "good"} <= set(ends)


def test_a_mutant_that_lets_a_foreign_error_out_is_found_by_mutated_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(text: str, builder: data_builder.DataBuilder) -> None:
        for event in yaml_reader._yaml_events(text, builder):
            yaml_reader._feed_event(event, builder)

    def settle_all() -> None:
        for text in mutants(150, seed=7):
            settle(tmp_path / "p.yaml", text)

    monkeypatch.setattr(files, "feed_yaml", careless)
    with pytest.raises(YAMLError):
        settle_all()
