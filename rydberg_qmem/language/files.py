"""Program files: YAML 1.2 and JSON read as plain data with line and column of each value.

A file is untrusted. Its size, depth and number of values are bounded; anchors, aliases, tags, directives are
refused at the character where they begin; nothing is made but dict, list, str, int, float, bool and None.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from rydberg_qmem.errors import Problem, ProgramError
from rydberg_qmem.language.data_builder import DataBuilder
from rydberg_qmem.language.json_reader import feed_json
from rydberg_qmem.language.source_map import Lines, Mark, SourceMap
from rydberg_qmem.language.yaml_reader import feed_yaml

MAX_BYTES = 1 << 20
MAX_YAML_PARTS = 60_000  # keys and values that are read, or refused, within two seconds
MAX_JSON_PARTS = 200_000
MAX_KEY = 500


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
    builder = DataBuilder(file, MAX_YAML_PARTS)
    feed_yaml(_checked(text, file), builder)
    return builder.result()


def parse_json(text: str, file: str) -> tuple[object, SourceMap]:
    """Return the data of a JSON text and the places of its values, under the same rules as for YAML.

    >>> parse_json('{"shots": 100}', "p.json")[0]
    {'shots': 100}
    """
    builder = DataBuilder(file, MAX_JSON_PARTS)
    feed_json(_checked(text, file), builder)
    return builder.result()


_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
            Lines(text).mark(found.start()),
        )
    return text
