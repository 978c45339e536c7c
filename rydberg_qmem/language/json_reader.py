"""JSON by its tokens, under the same rules as YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from rydberg_qmem.errors import short
from rydberg_qmem.language.data_builder import DataBuilder
from rydberg_qmem.language.scalars import NotPlain, number_of
from rydberg_qmem.language.source_map import Lines, Mark

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
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


def feed_json(text: str, builder: DataBuilder) -> None:
    """Hand the parts of a JSON text to a builder, or fail at the place where it is no JSON."""
    lines = Lines(text)
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


def _feed_token(kind: str, token: str, mark: Mark, wanted: str, builder: DataBuilder) -> str:
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


def _json_scalar(kind: str, token: str, mark: Mark, builder: DataBuilder) -> object:
    if token in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[token]
    try:
        if kind == "string":
            return str(json.loads(token))
        if token in ("NaN", "Infinity", "-Infinity"):
            raise NotPlain("numbers must be finite")
        if not _JSON_NUMBER.fullmatch(token):
            raise NotPlain("is not JSON: must be a number, true, false, null, or text in double quotes")
        return number_of(token)
    except NotPlain as error:
        builder.note(str(error), mark, short(token))
    except ValueError:
        builder.note("is not JSON: an escape is not known", mark, short(token))
    return token
