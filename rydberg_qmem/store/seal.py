"""The seal of a store: a copy of its metadata with a checksum, by which each document is held."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import atomic_files
from rydberg_qmem.store.documents import NAME, document, read

SEAL = "qmem-seal"
"""The group that holds the copy; no variable of a record can have this name."""


@dataclass(frozen=True)
class Seal:
    """What each document of a store says, and, while one is being replaced, what it may say too."""

    documents: Mapping[str, str]
    coming: Mapping[str, str] = field(default_factory=dict)
    spent_s: float = 0.0
    """Seconds that runs have spent on the store."""


def seal_of(place: Path) -> Seal | None:
    """Return the seal of a store, None if it has none; StoreError if it is damaged."""
    path = place / SEAL / NAME
    if not path.parent.is_dir():
        return None
    attrs = document(read(path), str(path)).get("attributes")
    try:
        told = json.loads(attrs["seal_json"])  # type: ignore[index]  # a TypeError is caught below
        documents, coming, spent = told["documents"], told["coming"], told["spent_s"]
        whole = attrs["sha256"] == _sha256(attrs["seal_json"])  # type: ignore[index]  # as above
    except (TypeError, KeyError, ValueError, RecursionError, UnicodeError):
        raise StoreError(f"{path}: is damaged") from None
    if not whole:
        raise StoreError(f"{path}: is damaged (its checksum is another)")
    texts = [*documents.items(), *coming.items()] if isinstance(documents, dict) and isinstance(coming, dict) else [0]
    if not all(isinstance(text, tuple) and isinstance(text[1], str) for text in texts):
        raise StoreError(f"{path}: is damaged (it must hold texts)")
    if isinstance(spent, bool) or not isinstance(spent, int | float) or not math.isfinite(spent) or spent < 0:
        raise StoreError(f"{path}: is damaged (spent_s: must be a number)")
    return Seal(documents, coming, float(spent))


def put_seal(place: Path, seal: Seal) -> None:
    """Write the seal of a store."""
    path = place / SEAL / NAME
    atomic_files.put({path: _document(seal)})


def seal_now(place: Path, *, spent_s: float = 0.0) -> None:
    """Seal a store that has just been laid out, as it is."""
    found = sorted(place.rglob(NAME))
    texts = {path.relative_to(place).as_posix(): path.read_text(encoding="utf-8") for path in found}
    (place / SEAL).mkdir()
    (place / SEAL / NAME).write_bytes(_document(Seal(texts, spent_s=spent_s)))


def replace_root(place: Path, seal: Seal, attrs: Mapping[str, Any]) -> None:
    """Give the record other attributes, so that a kill leaves the old ones or the new ones, both sealed."""
    told = json.loads(seal.documents[NAME])
    text = json.dumps({**told, "attributes": dict(attrs)}, indent=2)
    put_seal(place, Seal(seal.documents, {NAME: text}, seal.spent_s))
    atomic_files.put({place / NAME: text.encode()})
    put_seal(place, Seal({**seal.documents, NAME: text}, {}, seal.spent_s))


def _document(seal: Seal) -> bytes:
    text = json.dumps({"documents": dict(seal.documents), "coming": dict(seal.coming), "spent_s": seal.spent_s})
    attrs = {"seal_json": text, "sha256": _sha256(text)}
    return json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attrs}).encode()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
