"""Program files: YAML 1.2 and JSON read as plain data with line and column of each value.

A file is untrusted. Its size, depth and number of values are bounded; anchors, aliases, tags, directives are
refused at the character where they begin; nothing is made but dict, list, str, int, float, bool and None.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from rydberg_qmem.errors import Problem, ProgramError, short

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_YAML_PARTS = 60_000  # keys and values that are read, or refused, within two seconds
MAX_JSON_PARTS = 200_000
MAX_PROBLEMS = 20
MAX_INTEGER = 10**15
MAX_KEY = 500
MAX_NAME = 60
Mark = tuple[int, int]


@dataclass(slots=True)
class _Spot:
    """Where a value stands, and its key; line and column count from 1."""

    value: Mark
    key: Mark
    children: dict[str | int, _Spot] | None = None


class SourceMap:
    """Where each value of a parsed file stands.

    >>> data, source = parse_yaml("body:\\n  - measure: {atoms: a}", "p.yaml")
    >>> source.locate(("body", 0, "measure", "atoms"))
    (2, 22)
    """

    def __init__(self, file: str, root: _Spot | None) -> None:
        self.file = file
        self._root = root

    def locate(self, path: Sequence[str | int], *, on_key: bool = False) -> Mark | None:
        """Return line and column, from 1, of the value at `path`, or of its key.

        For a path that is not in the file, the place of the longest part of it that is.
        """
        spot = self._root
        for part in path:
            below = spot.children.get(part) if spot and spot.children else None
            if below is None:
                break
            spot = below
        if spot is None:
            return None
        return spot.key if on_key else spot.value


def read_text(path: Path) -> str:
    """Return the text of a file of at most 1 MiB in UTF-8, with or without a byte order mark.

    Raises ProgramError for a file that is missing, too large, not UTF-8, or holds control characters.
    """
    file = str(path)
    try:
        if not path.is_file():
            _refuse(file, "must be a file" if path.exists() else "there is no such file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            _refuse(file, f"must be at most 1 MiB, but has {size} bytes")
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        _refuse(file, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    return _checked(_decoded(data, file), file)


def parse(text: str, file: str) -> tuple[object, SourceMap]:
    """Return the data of a text and the places of its values: JSON where `file` ends in .json, else YAML."""
    return parse_json(text, file) if file.lower().endswith(".json") else parse_yaml(text, file)


def parse_yaml(text: str, file: str) -> tuple[object, SourceMap]:
    """Return the data of one YAML 1.2 document (core schema) and the places of its values.

    Raises ProgramError, with line and column, for everything that is not plain data with distinct text keys.

    >>> parse_yaml("{on: no, at: 12:30:00, x: 1e3, y: ~}", "p.yaml")[0]
    {'on': 'no', 'at': '12:30:00', 'x': 1000.0, 'y': None}
    """
    builder = _Builder(file, MAX_YAML_PARTS)
    _feed_yaml(_checked(text, file), builder)
    return builder.result()


def parse_json(text: str, file: str) -> tuple[object, SourceMap]:
    """Return the data of a JSON text and the places of its values, under the same rules as for YAML.

    >>> parse_json('{"shots": 100}', "p.json")[0]
    {'shots': 100}
    """
    builder = _Builder(file, MAX_JSON_PARTS)
    _feed_json(_checked(text, file), builder)
    return builder.result()


_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SURROGATE = re.compile("[\ud800-\udfff]")


def _refuse(file: str, rule: str, mark: Mark | None = None, value: str | None = None) -> NoReturn:
    line, column = mark or (None, None)
    raise ProgramError([Problem("", rule, value, file, line, column)])


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        _refuse(file, f"must be UTF-8, but byte {error.start} is 0x{data[error.start]:02x}", (line, column))


def _checked(text: str, file: str) -> str:
    """Return the text without byte order mark and with plain line ends, or refuse its size or characters."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        _refuse(file, f"must be at most 1 MiB, but has {len(text)} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = _UNPRINTABLE.search(text)
    if found:
        character = f"U+{ord(found[0]):04X}"
        _refuse(
            file,
            f"control characters may not stand here, but there is {character}",
            _Lines(text).mark(found.start()),
        )
    return text


class _Lines:
    """Turns positions in a text into lines and columns."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def mark(self, position: int) -> Mark:
        line = bisect_right(self.starts, position)
        return line, position - self.starts[line - 1] + 1


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled at `place`; `key` is the key whose value comes next."""

    data: dict[str, object] | list[object]
    spot: _Spot
    place: str
    key: str | None = None
    key_mark: Mark = (1, 1)

    @property
    def wants_key(self) -> bool:
        return isinstance(self.data, dict) and self.key is None


class _Builder:
    """Takes the parts of a file in the order read, without recursion, and makes data and places of them."""

    def __init__(self, file: str, limit: int) -> None:
        self.file, self.limit = file, limit
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.count = 0
        self.mark: Mark = (1, 1)  # of the part read last
        self.data: object = None
        self.root: _Spot | None = None

    def result(self) -> tuple[object, SourceMap]:
        if self.root is None:
            self.fail("is empty", (1, 1))
        if self.problems:
            raise ProgramError(self.problems)
        return self.data, SourceMap(self.file, self.root)

    def note(self, rule: str, mark: Mark, value: str | None = None) -> None:
        """Keep a problem and go on, up to a bound."""
        self.problems.append(Problem(self.place(), rule, value, self.file, *mark))
        if len(self.problems) >= MAX_PROBLEMS:
            raise ProgramError(self.problems)

    def fail(self, rule: str, mark: Mark, value: str | None = None) -> NoReturn:
        raise ProgramError([*self.problems, Problem(self.place(), rule, value, self.file, *mark)])

    def place(self) -> str:
        """Return the place of the value that comes next."""
        if not self.stack:
            return ""
        entry = self.stack[-1]
        if isinstance(entry.data, list):
            return f"{entry.place}[{len(entry.data)}]"
        if entry.key is None:
            return entry.place
        name = entry.key if entry.key.isprintable() and len(entry.key) < MAX_NAME else short(entry.key, MAX_NAME)
        return f"{entry.place}.{name}" if entry.place else name

    def open(self, data: dict[str, object] | list[object], mark: Mark) -> None:
        self.bound(mark)
        if self.stack and self.stack[-1].wants_key:
            self.fail("keys must be text, not a mapping or list", mark)
        if len(self.stack) >= MAX_DEPTH:
            self.fail(f"must be nested at most {MAX_DEPTH} deep", mark)
        place = self.place()
        spot = self.attach(data, mark)
        spot.children = {}
        self.stack.append(_Open(data, spot, place))

    def close(self) -> None:
        self.stack.pop()

    def scalar(self, value: object, mark: Mark) -> None:
        self.bound(mark)
        if isinstance(value, str) and SURROGATE.search(value):
            self.note("holds half of a surrogate pair", mark, short(value))
        if self.stack and self.stack[-1].wants_key:
            self.take_key(value, mark)
        else:
            self.attach(value, mark)

    def take_key(self, key: object, mark: Mark) -> None:
        entry = self.stack[-1]
        entry.key, entry.key_mark = key if isinstance(key, str) else short(key), mark
        if not isinstance(key, str):
            self.note("keys must be text: put it in quotes", mark, short(key))
        elif entry.spot.children and key in entry.spot.children:
            first = entry.spot.children[key].key[0]
            self.note(f"is given twice, on line {first} and on line {mark[0]}", mark)

    def bound(self, mark: Mark) -> None:
        self.count += 1
        if self.count > self.limit:
            self.fail(f"must hold at most {self.limit} keys and values", mark)

    def attach(self, value: object, mark: Mark) -> _Spot:
        if not self.stack:
            self.data, self.root = value, _Spot(mark, mark)
            return self.root
        entry = self.stack[-1]
        spot, name = _Spot(mark, mark), entry.key
        if isinstance(entry.data, list):
            self._child(entry.spot, len(entry.data), spot)
            entry.data.append(value)
        elif name is not None:
            spot.key = entry.key_mark
            self._child(entry.spot, name, spot)
            entry.data[name] = value
        entry.key = None
        return spot

    @staticmethod
    def _child(parent: _Spot, name: str | int, spot: _Spot) -> None:
        if parent.children is not None:
            parent.children[name] = spot


class NotPlain(ValueError):
    """A scalar that is refused; its text is the rule."""


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def resolved(text: str) -> object:
    """Return what a plain scalar means in the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text == "<<":
        raise NotPlain("merge keys may not stand here: write the entries out")
    if _ENDLESS.fullmatch(text):
        raise NotPlain("numbers must be finite")
    if _BASED.fullmatch(text):
        return _integer(text[2:], 8 if text[1] == "o" else 16)
    return _number(text) if _FLOAT.fullmatch(text) else text


def _number(text: str) -> int | float:
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    number = float(text)
    if not isfinite(number):
        raise NotPlain("numbers must be finite")
    return number


def _integer(text: str, base: int) -> int:
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) > 18 or int(digits or "0", base) > MAX_INTEGER:
        raise NotPlain("integers must lie within ±10**15: write a float, or put text in quotes")
    number = int(digits or "0", base)
    return -number if text.startswith("-") else number


def _feed_yaml(text: str, builder: _Builder) -> None:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        for event in _yaml_events(text, builder):
            _feed_event(event, builder)
    except MarkedYAMLError as error:
        unclosed = "end of stream" in str(error.problem) or "<stream end>" in str(error.problem)
        mark = error.context_mark if unclosed and error.context_mark else error.problem_mark
        builder.fail(_yaml_rule(error), (mark.line + 1, mark.column + 1) if mark else builder.mark)
    except (YAMLError, ValueError, OverflowError) as error:  # such as an escape beyond the last character
        builder.fail(f"is not YAML: {error}", builder.mark)


def _yaml_rule(error: Any) -> str:
    if "\\t" in str(error.problem):
        return "a tab may not stand here: use spaces"
    context = f" ({error.context})" if error.context else ""
    return f"is not YAML: {error.problem}{context}"


def _yaml_events(text: str, builder: _Builder) -> Iterator[Any]:
    """Return the parser's events; the scanner refuses tags, anchors, aliases and directives unread."""
    from ruamel.yaml import YAML
    from ruamel.yaml.reader import Reader
    from ruamel.yaml.scanner import Scanner

    yaml = YAML(typ="safe", pure=True)
    yaml.Reader, yaml.Scanner = Reader, Scanner
    yaml.reader.stream = text
    for noun in ("tag", "anchor", "alias", "directive"):
        setattr(yaml.scanner, f"fetch_{noun}", _refusal(noun, yaml.reader, builder))
    parser = yaml.parser
    while parser.check_event():
        yield parser.get_event()


def _refusal(noun: str, reader: Any, builder: _Builder) -> Any:
    rules = {
        "tag": "tags (!) may not stand here: put text that begins with ! in quotes",
        "anchor": "anchors (&) may not stand here: write the value out at each place",
        "alias": "aliases (*) may not stand here: write the value out at each place",
        "directive": "directives (%) may not stand here",
    }

    def refuse() -> NoReturn:
        builder.fail(rules[noun], (reader.line + 1, reader.column + 1))

    return refuse


def _feed_event(event: Any, builder: _Builder) -> None:
    mark = builder.mark = (event.start_mark.line + 1, event.start_mark.column + 1)
    match type(event).__name__:
        case "ScalarEvent":
            builder.scalar(_scalar_value(event, builder, mark), mark)
        case "MappingStartEvent":
            builder.open({}, mark)
        case "SequenceStartEvent":
            builder.open([], mark)
        case "MappingEndEvent" | "SequenceEndEvent":
            builder.close()
        case "DocumentStartEvent" if builder.root is not None:
            builder.fail("must hold one document, but a second begins here", mark)


def _scalar_value(event: Any, builder: _Builder, mark: Mark) -> object:
    if event.style or not event.implicit[0]:
        return event.value
    try:
        return resolved(event.value)
    except NotPlain as error:
        builder.note(str(error), mark, short(event.value))
        return event.value


_TOKEN = re.compile(
    r'(?P<sign>[{}\[\],:])|(?P<string>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")|(?P<word>[^\s{}\[\],:"]+)|(?P<odd>.)'
)
_BLANK = re.compile(r"[ \t\n]*")
_VALUE = frozenset({"{", "[", "string", "word"})
_EXPECTED: dict[str, frozenset[str]] = {
    "a value": _VALUE,
    "a value or ]": _VALUE | {"]"},
    "a key in quotes": frozenset({"string"}),
    "a key in quotes or }": frozenset({"string", "}"}),
    "a colon": frozenset({":"}),
    "a comma or }": frozenset({",", "}"}),
    "a comma or ]": frozenset({",", "]"}),
    "the end": frozenset(),
}


def _feed_json(text: str, builder: _Builder) -> None:
    lines = _Lines(text)
    wanted = "a value"
    for kind, token, position in _json_tokens(text):
        mark = lines.mark(position)
        if token == '"':
            builder.fail("is not JSON: this text in quotes does not end on its line", mark)
        if kind not in _EXPECTED[wanted]:
            builder.fail(f"is not JSON: expected {wanted}", mark, short(token))
        wanted = _feed_token(kind, token, mark, wanted, builder)
    if wanted != "the end" and (builder.root is not None):
        builder.fail(f"is not JSON: expected {wanted}, but the file ends", lines.mark(len(text)))


def _json_tokens(text: str) -> Iterator[tuple[str, str, int]]:
    position = 0
    while True:
        blank = _BLANK.match(text, position)
        position = blank.end() if blank else position
        found = _TOKEN.match(text, position)
        if not found:
            return
        kind = found.lastgroup or "odd"
        yield found[0] if kind == "sign" else kind, found[0], position
        position = found.end()


def _feed_token(kind: str, token: str, mark: Mark, wanted: str, builder: _Builder) -> str:
    """Hand one token on and return what must follow."""
    match kind:
        case "{":
            builder.open({}, mark)
            return "a key in quotes or }"
        case "[":
            builder.open([], mark)
            return "a value or ]"
        case ",":
            return "a key in quotes" if isinstance(builder.stack[-1].data, dict) else "a value"
        case ":":
            return "a value"
        case "}" | "]":
            builder.close()
        case _:
            builder.scalar(_json_scalar(kind, token, mark, builder), mark)
            if wanted.startswith("a key"):
                return "a colon"
    if not builder.stack:
        return "the end"
    return "a comma or }" if isinstance(builder.stack[-1].data, dict) else "a comma or ]"


def _json_scalar(kind: str, token: str, mark: Mark, builder: _Builder) -> object:
    if token in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[token]
    try:
        if kind == "string":
            return str(json.loads(token))
        if token in ("NaN", "Infinity", "-Infinity"):
            raise NotPlain("numbers must be finite")
        if not _JSON_NUMBER.fullmatch(token):
            raise NotPlain("is not JSON: must be a number, true, false, null, or text in double quotes")
        return _number(token)
    except NotPlain as error:
        builder.note(str(error), mark, short(token))
    except ValueError:
        builder.note("is not JSON: an escape is not known", mark, short(token))
    return token
