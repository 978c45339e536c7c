"""Which run a store belongs to: every part of a job that its record depends on, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROWS = frozenset({"shots", "memory_gb"})
"""What may become more, or less, without making another run of it."""


def identity(job: Any, **more: Any) -> dict[str, str]:
    """Return each part of a job as text: what a record depends on, and what must agree for a store to be continued.

    Every field of the job counts, whichever are added to it; a program counts by its own fingerprint.
    """
    parts = {field.name: getattr(job, field.name) for field in fields(job) if field.name not in GROWS}
    return {name: _text(value) for name, value in (parts | more).items()}


def fingerprint(parts: Mapping[str, str]) -> str:
    """Return the sha256 of an identity.

    >>> fingerprint({"seed": "1"})[:8], fingerprint({"seed": "2"})[:8]
    ('adf5904f', '57855a62')
    """
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()


def differences(there: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """Say in which parts two identities differ.

    >>> differences({"seed": "1", "state": "vector"}, {"seed": "2", "state": "vector"})
    'seed 1 there, 2 asked'
    """
    names = [name for name in {**there, **asked} if there.get(name) != asked.get(name)]
    return "; ".join(f"{n} {_short(there.get(n, 'none'))} there, {_short(asked.get(n, 'none'))} asked" for n in names)


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"


def _text(value: Any) -> str:
    if hasattr(value, "fingerprint"):
        return str(value.fingerprint())
    plain = _plain(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, sort_keys=True)
    return text if len(text) <= 60 else hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return a value as what JSON knows; objects by their type and what they hold."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.generic():
            return value.item()
        case np.ndarray():
            return {"shape": list(value.shape), "dtype": str(value.dtype), "sha256": _hashed(value)}
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
    if hasattr(value, "model_dump_json"):
        return json.loads(value.model_dump_json())
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"type": type(value).__name__, **held}
    known = {key: one for key, one in sorted(getattr(value, "__dict__", {}).items()) if not key.startswith("_")}
    return {"type": type(value).__name__, **{key: _plain(one) for key, one in known.items()}}


def _hashed(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
