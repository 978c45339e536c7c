"""Programs written as YAML that reads back as the same data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite

from rydberg_qmem.errors import Problem, ProgramError, short
from rydberg_qmem.language.data_builder import MAX_DEPTH, SURROGATE
from rydberg_qmem.language.files import MAX_KEY
from rydberg_qmem.language.scalars import MAX_INTEGER, NotPlain, resolved

WIDTH = 100
_PLAIN = re.compile(r"(?:[A-Za-z0-9_$.(/+]|[^\x00-\x7f]|-(?=[A-Za-z0-9_$.(]))(?:[^:#]|:(?! |$)|(?<! )#)*")
_FLOW_SIGNS = re.compile(r"[,\[\]{}:]")


def write_yaml(data: object) -> str:
    """Return data as YAML in block style, with short mappings and lists inline.

    `parse_yaml` gives the same data back. Raises ProgramError for data that a file cannot hold.

    >>> print(write_yaml({"name": "on", "memory": {"R": {"initial": 0.5}}, "set": ["a, b", "no", "12"]}), end="")
    name: on
    memory: {R: {initial: 0.5}}
    set: ["a, b", no, "12"]
    """
    if isinstance(data, dict | list | tuple) and data:
        return "".join(f"{line}\n" for line in _block(data, 0))
    return f"{_inline(data, WIDTH, flow=False)}\n"


def _block(data: dict[str, object] | Sequence[object], depth: int) -> Iterator[str]:
    """Return the lines of a mapping or list, not yet indented."""
    if depth >= MAX_DEPTH:
        raise ProgramError([Problem("", f"must be nested at most {MAX_DEPTH} deep")])
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _entry(f"{_key(key, flow=False)}:", value, depth)
        return
    for value in data:
        single = isinstance(value, dict) and len(value) == 1  # a block of a program: "- reset: {atoms: a}"
        inline = None if single else _inline(value, WIDTH - 2 * depth - 2, flow=False)
        lines = [inline] if inline is not None else _block(_container(value), depth + 1)
        yield from (f"{'  ' if i else '- '}{line}" for i, line in enumerate(lines))


def _entry(head: str, value: object, depth: int) -> Iterator[str]:
    inline = _inline(value, WIDTH - 2 * depth - len(head) - 1, flow=False)
    if inline is not None:
        yield f"{head} {inline}"
        return
    yield head
    yield from (f"  {line}" for line in _block(_container(value), depth + 1))


def _container(value: object) -> dict[str, object] | Sequence[object]:
    if isinstance(value, dict | list | tuple):
        return value
    raise ProgramError([Problem("", f"cannot be written to a file: {type(value).__name__}", short(value))])


def _inline(value: object, room: int, *, flow: bool) -> str | None:
    """Return a value on one line, or None where it is too long or holds a list of mappings (a block each)."""
    if isinstance(value, dict | list | tuple) and room < 2:
        return None
    if isinstance(value, dict):
        return _joined("{", (_pair(key, item, room) for key, item in value.items()), "}", room)
    if isinstance(value, list | tuple):
        if any(isinstance(item, dict) and item for item in value):
            return None
        return _joined("[", (_inline(item, room - 2, flow=True) for item in value), "]", room)
    return _scalar(value, flow=flow)


def _pair(key: object, value: object, room: int) -> str | None:
    inline = _inline(value, room - 2, flow=True)
    return None if inline is None else f"{_key(key, flow=True)}: {inline}"


def _joined(left: str, parts: Iterable[str | None], right: str, room: int) -> str | None:
    kept: list[str] = []
    used = 2
    for part in parts:
        if part is None:
            return None
        used += len(part) + 2 * bool(kept)
        if used > room:
            return None
        kept.append(part)
    return left + ", ".join(kept) + right if used <= room else None


def _key(key: object, *, flow: bool) -> str:
    if not isinstance(key, str):
        raise ProgramError([Problem("", "keys must be text", short(key))])
    text = _text(key, flow=flow)
    if len(text) > MAX_KEY:
        raise ProgramError([Problem("", f"keys must have at most {MAX_KEY} characters", short(key))])
    return text


def _scalar(value: object, *, flow: bool) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value, flow=flow)
    if isinstance(value, int) and abs(value) <= MAX_INTEGER:
        return str(int(value))
    if isinstance(value, float) and isfinite(value):
        return repr(float(value))
    raise ProgramError([Problem("", f"cannot be written to a file: {type(value).__name__}", short(value))])


def _text(text: str, *, flow: bool) -> str:
    plain = _PLAIN.fullmatch(text) and text.isprintable() and text == text.strip()
    if plain and not (flow and _FLOW_SIGNS.search(text)) and not text.startswith(("---", "...")):
        try:
            if isinstance(resolved(text), str):
                return text
        except NotPlain:
            pass
    if SURROGATE.search(text):
        raise ProgramError([Problem("", "holds half of a surrogate pair", short(text))])
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in quoted)


def _escaped(sign: str) -> str:
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
