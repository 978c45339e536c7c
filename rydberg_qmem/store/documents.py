"""The documents of a stored record: read within bounds, and said to be damaged in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rydberg_qmem.errors import StoreError, short

NAME = "zarr.json"
MOST_BYTES = 256_000_000
"""Bytes of one document; a record of a million points has one of some 100 MB."""


class Strict(BaseModel):
    """A part of a document: what it says is of the kind that it must be, what else it says does not count."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class GroupDocument(Strict):
    """The document of a group: a record, or its ledger."""

    zarr_format: Literal[3]
    node_type: Literal["group"]
    attributes: dict[str, Any] = {}


def document(text: str | bytes, where: str) -> dict[str, Any]:
    """Return the content of one document, or raise StoreError."""
    try:
        if len(text) > MOST_BYTES:
            raise ValueError(f"{len(text)} bytes are more than {MOST_BYTES}")
        told = json.loads(text)
        json.dumps(told, ensure_ascii=False).encode()  # half a pair of surrogates is no text
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{where}: is damaged ({first_line(error)})") from None
    if not isinstance(told, dict):
        raise StoreError(f"{where}: is damaged (must be a mapping)")
    return told


def read(path: Path) -> bytes:
    """Return the bytes of a document, or raise StoreError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise OSError(f"more than {MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from None


_TEXTS = ("long_name", "units", "flag_meanings", "coordinates", "title", "summary")


def attributes_of(attrs: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Return the attributes of a document, or raise StoreError for one that no format takes."""
    for name in _TEXTS:
        if not isinstance(attrs.get(name, ""), str):
            raise StoreError(f"{where}: is damaged ({name}: must be a text, {short(attrs[name])})")
    for name, value in attrs.items():
        kinds = {_kind(one) for one in (value if isinstance(value, list) else [value])}
        if len(kinds) > 1 or "other" in kinds:
            raise StoreError(
                f"{where}: is damaged ({name}: must be a text, a number, or a list of the one or the other)"
            )
    return attrs


def _kind(value: Any) -> str:
    """Say what an attribute is: a text, a number that every format takes, or something else."""
    if isinstance(value, str):
        return "text"
    small = isinstance(value, float) or (isinstance(value, int) and -(2**63) <= value < 2**63)
    return "number" if small and not isinstance(value, bool) else "other"


def problem_in(error: Exception) -> str:
    """Return what is wrong with a document: where, and which rule it breaks."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return first_line(error)


def first_line(error: Exception) -> str:
    """Return what an error says, on one short line."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    return re.sub(r"\s+", " ", str(error))[:160] or type(error).__name__
