"""Program files: hostile ones are refused at their place, others read as plain data."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rydberg_qmem.errors import Problem, ProgramError
from rydberg_qmem.language.files import MAX_BYTES, parse, parse_json, parse_yaml, read_text
from rydberg_qmem.language.writing import write_yaml

MEMRISTOR = """\
# A memristor of two atoms.
format: rydberg_qmem-program/1
name: memristor
register: {atoms: {s: [0, 0], a: [5.0, 0]}}
memory:
  R: {initial: 0.5}
  seen: {window: window, initial: 0.5}
body:
  - repeat:
      over: n_in
      body:
        - rotate: {atom: s, angle: 2 * asin(sqrt(n_in))}
        - measure: {atoms: [a, s], key: clicks}    # both
        - set: {R: "clip(mean(seen), 0, 1)"}
"""
CODE = """\
name: 'a code'
about: >
  Folded text
  over two lines.
parameters: {p: 1e-3, rounds: 3}
body:
- for_each: {atom: [d0, d1], body: [{when: {if: uniform() < p, then: [{rotate: {atom: $atom, angle: pi}}]}}]}
- when:
    if: not syndrome.a0 and syndrome.a1
    then: [{rotate: {atom: d2, axis: x, angle: -pi / 2}}]
- measure: {atoms: [d0, d1, d2], key: data}
"""


def refusal(text: str, file: str = "p.yaml") -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        parse(text, file)
    return caught.value


def problems(text: str, file: str) -> tuple[Problem, ...]:
    try:
        parse(text, file)
    except ProgramError as error:
        return error.problems
    return ()


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "line", "column", "rule"),
    [
        ("a: &x 1", 1, 4, "anchors"),
        ("a: 1\nb: *x", 2, 4, "aliases"),
        ("a: !!python/object:os.system x", 1, 4, "tags"),
        ("a: !local x", 1, 4, "tags"),
        ("%YAML 1.1\n---\na: 1", 1, 1, "directives"),
        ("a: {b: 1}\nc:\n  <<: {d: 2}", 3, 3, "merge keys"),
        ("a: 1\n---\nb: 2", 2, 1, "one document"),
        ("a: 1\nb: 2\na: 3", 3, 1, "is given twice, on line 1 and on line 3"),
        ("x: {a: 1, 'a': 2}", 1, 11, "is given twice"),
        ("1: a", 1, 1, "keys must be text"),
        ("? [a, b]\n: 1", 1, 3, "keys must be text"),
        ("a:\n  null: 1", 2, 3, "keys must be text"),
        ("a: .inf", 1, 4, "finite"),
        ("a: [1, -.INF]", 1, 8, "finite"),
        ("a: .nan", 1, 4, "finite"),
        ("a: 1e400", 1, 4, "finite"),
        ("a: 1000000000000001", 1, 4, "10**15"),
        ("a: 0xfffffffffffff", 1, 4, "10**15"),
        ("a: -" + "9" * 10_000_00, 1, 4, "10**15"),
        ("a:\n\tb: 1", 2, 1, "tab"),
        ("a: [1, 2", 1, 4, "expected ',' or ']'"),
        ("a: 'x\nb: 1", 1, 4, "end of stream"),
        ("a: b: c", 1, 5, "mapping values"),
        ("a: x\0y", 1, 5, "U+0000"),
        ("a:\n  x\x1by", 2, 4, "U+001B"),
        ("a: \ud800", 1, 4, "U+D800"),
        ('a: "\\ud800"', 1, 4, "surrogate"),
        ('a: "\\UFFFFFFFF"', 1, 1, "not YAML"),
        ("", 1, 1, "is empty"),
        ("# nothing\n", 1, 1, "is empty"),
        ("[" * 100_000, 1, 65, "64 deep"),
        ('{"a":' * 100_000, 1, 321, "64 deep"),
        ("- " * 65 + "1", 1, 129, "64 deep"),
    ],
)
def test_yaml_that_is_not_plain_data_is_refused_at_its_place(text: str, line: int, column: int, rule: str) -> None:
    (problem,) = refusal(text).problems

    assert rule in problem.rule
    assert (problem.file, problem.line, problem.column) == ("p.yaml", line, column)
    assert str(problem).startswith(f"p.yaml:{line}:{column}: ")


@pytest.mark.parametrize(
    ("text", "line", "column", "rule"),
    [
        ('{"a": 1, "a": 2}', 1, 10, "given twice"),
        ('{"a": NaN}', 1, 7, "finite"),
        ('{"a":\n -Infinity}', 2, 2, "finite"),
        ('{"a": 1e400}', 1, 7, "finite"),
        ('{"a": 1000000000000001}', 1, 7, "10**15"),
        ('{"a": 01}', 1, 7, "must be a number"),
        ('{"a": 1,}', 1, 9, "expected a key in quotes"),
        ('{"a": 1', 1, 8, "expected a comma or }, but the file ends"),
        ("[1 2]", 1, 4, "expected a comma or ]"),
        ("[1]]", 1, 4, "expected the end"),
        ('{"a" 1}', 1, 6, "expected a colon"),
        ("{a: 1}", 1, 2, "expected a key in quotes"),
        ('{"a": "x\n"}', 1, 7, "does not end"),
        ('["\\q"]', 1, 2, "escape"),
        ('["\\ud83d"]', 1, 2, "surrogate"),
        (" ", 1, 1, "is empty"),
        ("[" * 100_000, 1, 65, "64 deep"),
    ],
)
def test_json_that_is_not_plain_data_is_refused_at_its_place(text: str, line: int, column: int, rule: str) -> None:
    problem = refusal(text, "p.json").problems[0]

    assert rule in problem.rule
    assert (problem.file, problem.line, problem.column) == ("p.json", line, column)


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
    )

    (problem,) = refusal(bomb).problems

    assert (problem.line, problem.column) == (1, 4)


def test_several_problems_come_at_once_and_name_their_places() -> None:
    error = refusal("a: [1, .nan]\nb: {x: 1, x: 2}\nb: 10000000000000000")

    assert [problem.place for problem in error.problems] == ["a[1]", "b.x", "b", "b"]
    assert [problem.line for problem in error.problems] == [1, 2, 3, 3]


def test_the_list_of_problems_is_bounded() -> None:
    assert len(refusal("a: 1\n" * 1000).problems) == 20


HOSTILE = {
    "many keys": "".join(f"k{i}: 1\n" for i in range(90_000)),
    "many lists": "[" + "[]," * 300_000,
    "many tags": "!" * MAX_BYTES,
    "no end of text": '"' + "a\n" * 500_000,
    "long plain text": "a: " + "b " * 500_000,
    "nested": "[" * MAX_BYTES,
    "open mappings": "{" * MAX_BYTES,
    "lines": "[\n" * 500_000,
    "block lists": "".join(" " * i + "-\n" for i in range(1000)),
}


@pytest.mark.parametrize("file", ["p.yaml", "p.json"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_of_the_largest_size_is_settled_in_time(text: str, file: str) -> None:
    began = time.process_time()
    found = problems(text, file)

    assert time.process_time() - began < 5  # below 1.5 on an ordinary machine
    assert all(problem.line and problem.column for problem in found)


def test_texts_beyond_the_largest_size_are_refused_unread() -> None:
    for text in ("#" * (MAX_BYTES + 1), "é" * (MAX_BYTES // 2 + 1)):
        assert "at most 1 MiB" in str(refusal(text))


# --- files on disk ---


def test_a_large_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as handle:
        handle.truncate(50_000_000)

    with pytest.raises(ProgramError, match=r"large\.yaml: must be at most 1 MiB, but has 50000000 bytes"):
        read_text(path)


@pytest.mark.parametrize("name", ["missing.yaml", ".", "missing/p.yaml", "nul\0.yaml"])
def test_what_is_no_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProgramError) as caught:
        read_text(tmp_path / name)

    assert caught.value.problems[0].file == str(tmp_path / name)


@pytest.mark.parametrize(
    ("data", "line", "column", "rule"),
    [
        (b"name: a\nabout: caf\xe9\n", 2, 11, "byte 18 is 0xe9"),
        ("a: 1".encode("utf-16"), 1, 1, "byte 0 is 0xff"),
        (b"\xef\xbb\xbfa: \xff", 1, 5, "byte 6 is 0xff"),
        (b"a: 1\n\0", 2, 1, "U+0000"),
    ],
)
def test_other_encodings_are_refused_at_their_byte(
    tmp_path: Path, data: bytes, line: int, column: int, rule: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(data)

    with pytest.raises(ProgramError, match=r"p\.yaml") as caught:
        read_text(path)

    (problem,) = caught.value.problems
    assert rule in problem.rule
    assert (problem.line, problem.column) == (line, column)


def test_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + CODE.replace("\n", "\r\n").encode())

    data, source = parse_yaml(read_text(path), "p.yaml")

    plain, plain_source = parse_yaml(CODE, "p.yaml")
    assert data == plain
    assert source.locate(("body", 1, "if")) == plain_source.locate(("body", 1, "if"))


# --- what is read ---


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("12:30:00", "12:30:00"), ("2001-01-01", "2001-01-01"),
        ("1e3", 1000.0), ("1E+2", 100.0), (".5", 0.5), ("5.", 5.0), ("-0.0", 0.0), ("012", 12),
        ("0x1F", 31), ("0o17", 15), ("0b1", "0b1"), ("1_000", "1_000"), ("~", None), ("", None),
        ("Null", None), ("true", True), ("FALSE", False), ("'true'", "true"), ('"12"', "12"),
        ("a  b", "a  b"),
        ('"\\u00e9\\n"', "é\n"), ("-pi / 2", "-pi / 2"), ("1000000000000000", 10**15), ("$atom", "$atom"),
        ("-1000000000000000", -(10**15)), ("+7", 7), ("null", None),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    data: Any = parse_yaml(f"- {text}\n", "p.yaml")[0]

    assert data == [value]
    assert type(data[0]) is type(value)


def test_a_program_is_read_as_plain_data() -> None:
    data: Any = parse_yaml(MEMRISTOR, "p.yaml")[0]

    assert data["register"] == {"atoms": {"s": [0, 0], "a": [5.0, 0]}}
    assert data["body"][0]["repeat"]["body"][2] == {"set": {"R": "clip(mean(seen), 0, 1)"}}
    assert parse_yaml(CODE, "p.yaml")[0]["about"] == "Folded text over two lines.\n"  # type: ignore[index]  # a mapping was read


def place_of(part: str) -> tuple[int, int]:
    before = MEMRISTOR[: MEMRISTOR.index(part)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_each_value_and_key_has_its_place() -> None:
    source = parse_yaml(MEMRISTOR, "p.yaml")[1]
    body = ("body", 0, "repeat", "body")

    assert source.file == "p.yaml"
    assert source.locate(()) == (2, 1)
    assert source.locate(("register", "atoms", "a", 0)) == place_of("5.0")
    assert source.locate((*body, 1, "measure", "key")) == place_of("clicks")
    assert source.locate((*body, 1, "measure", "key"), on_key=True) == place_of("key: clicks")
    assert source.locate((*body, 1)) == place_of("measure")


def test_a_path_that_is_not_there_has_the_place_of_its_longest_part() -> None:
    source = parse_yaml(MEMRISTOR, "p.yaml")[1]

    assert source.locate(("memory", "R", "final", 3)) == source.locate(("memory", "R"))
    assert source.locate(("body", 7)) == source.locate(("body",))


def test_json_has_the_same_data_and_places() -> None:
    text = '{"name": "m \\ud83d\\ude00",\n "body": [{"set": {"R": 0.5}}, true, null, -1.5e2]}'

    data, source = parse("\ufeff" + text, "P.JSON")

    assert data == json.loads(text)
    second = text.split("\n")[1]
    assert source.locate(("body", 0, "set", "R")) == (2, second.index("0.5") + 1)
    assert source.locate(("body", 0, "set", "R"), on_key=True) == (2, second.index('"R"') + 1)


DATA = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**15), 10**15),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        st.text("ab01.-+:#,[]{}&*!|>'\"%@`~?$ \n\t=<\\", max_size=8),
        st.sampled_from(
            ["no", "null", "1e3", "0x1", ".inf", "<<", "---", "...", "- a", "a: b", "a #b", "clip(x, 0, 1)"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), inner, max_size=5),
        st.dictionaries(st.sampled_from(["atom", "on", "12", "a b", "~", "<<", "x:", "- y"]), inner, max_size=4),
    ),
    max_leaves=25,
)


@given(DATA)
@example({"a": [["x" * 200], {}], "b": [[], [[]]]})
@example([[{"a": 1}], [[{"b": {}, "c": "d" * 120}]]])
@example("... a")
@example("...")
@example({"k" * 490: "\u2028\x85\ufeff\U0001f600 \x7f"})
@settings(max_examples=300, deadline=None)
def test_what_is_written_reads_back_equal(data: object) -> None:
    text = write_yaml(data)

    again = parse_yaml(text, "p.yaml")[0]

    assert again == data
    assert repr(again) == repr(data)
    assert write_yaml(again) == text


@given(DATA)
@settings(max_examples=100, deadline=None)
def test_json_of_the_standard_library_reads_back_equal(data: object) -> None:
    assert parse_json(json.dumps(data), "p.json")[0] == data
    assert parse_json(json.dumps(data, indent=1), "p.json")[0] == data


def test_writing_keeps_short_leaves_inline_and_lists_of_mappings_in_blocks() -> None:
    expected = MEMRISTOR.split("\n", 1)[1].replace("    # both", "")
    expected = expected.replace(
        "memory:\n  R: {initial: 0.5}\n  seen: {window: window, initial: 0.5}",
        "memory: {R: {initial: 0.5}, seen: {window: window, initial: 0.5}}",
    )

    assert write_yaml(parse_yaml(MEMRISTOR, "p.yaml")[0]) == expected


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**16, {1: 2}, {"a": {3}}, "\ud800", {"k" * 600: 1}, b"x"]
)
def test_what_a_file_cannot_hold_is_not_written(value: object) -> None:
    with pytest.raises(ProgramError):
        write_yaml([value])


@given(st.recursive(st.integers(0, 99), lambda inner: st.lists(inner, min_size=3, max_size=25), max_leaves=80))
@example([[10] * 24, [10] * 25, {"a": [10] * 22, "b": 1}])
@settings(max_examples=50, deadline=None)
def test_written_lines_of_short_values_stay_within_the_width(data: object) -> None:
    lines = write_yaml({"values": data}).splitlines()

    assert max(map(len, lines)) <= 100


def test_data_that_holds_itself_is_not_written() -> None:
    loop: list[object] = [1]
    loop.append(loop)

    with pytest.raises(ProgramError, match="64 deep"):
        write_yaml(loop)


# --- damage ---


@pytest.mark.parametrize("file", ["p.yaml", "p.json"])
@given(st.sampled_from([MEMRISTOR, CODE]), st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_files_raise_nothing_but_the_own_error(file: str, text: str, data: st.DataObject) -> None:
    sound = text if file == "p.yaml" else json.dumps(parse_yaml(text, "p.yaml")[0], indent=1)
    damaged = bytearray(sound.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.sampled_from(["change", "insert", "delete"])):
            case "change":
                damaged[place] = data.draw(
                    st.one_of(st.integers(0, 255), st.sampled_from(b":-?[]{},#&*!|>'\"%@`\t\n "))
                )
            case "insert":
                damaged[place:place] = data.draw(st.one_of(st.binary(max_size=3), st.just(b"---\n"), st.just(b'"\\')))
            case _:
                del damaged[place : place + 3]

    found = problems(damaged.decode(errors="replace"), file)

    assert all(problem.line and problem.column for problem in found)


@given(st.text(alphabet="ab:-?[]{},#&*!|>'\"%@`~.\\ \t\n0", max_size=40))
@settings(max_examples=500, deadline=None)
def test_random_texts_raise_nothing_but_the_own_error(text: str) -> None:
    for file in ("p.yaml", "p.json"):
        assert all(problem.line and problem.column for problem in problems(text, file))
