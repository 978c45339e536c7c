"""Plain scalars: what they mean in the core schema of YAML 1.2, and which are refused."""

from __future__ import annotations

import re
from math import isfinite

MAX_INTEGER = 10**15


class NotPlain(ValueError):
    """A scalar that is refused; its text is the rule."""


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


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
    return number_of(text) if _FLOAT.fullmatch(text) else text


def number_of(text: str) -> int | float:
    """Return the number that a decimal text means; NotPlain where it is too large."""
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
