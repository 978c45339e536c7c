"""The device of a program as its file says it: a name of Pulser's, or a device's abstract representation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from rydberg_qmem.errors import ProgramError
from rydberg_qmem.language import files


def device_text(value: Any) -> Any:
    """Return a device as text: of a Pulser object, a mapping, or a file; what is none of these as it is."""
    if isinstance(value, Path):
        return _of_file(value)
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if value == "":
        raise PydanticCustomError("device", "must be a device's name, a device, or its abstract representation")
    if not type(value).__module__.startswith("pulser."):
        return value
    import pulser

    if getattr(pulser.devices, value.name, None) == value:
        return value.name
    return value.to_abstract_repr()


def name_of_device(device: str) -> str:
    """Return the name of a device that is given as text."""
    return str(json.loads(device)["name"]) if device.startswith("{") else device


def _of_mapping(value: Mapping[str, Any]) -> str:
    if not isinstance(value.get("name"), str):
        raise PydanticCustomError("device", "must be a device's abstract representation, which has a name")
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        raise PydanticCustomError("device", "must be a device's abstract representation: plain data") from None


def _of_file(path: Path) -> str:
    try:
        return files.read_text(path).strip()
    except ProgramError as error:  # no such file, a folder, a pipe, too large, or no text
        raise PydanticCustomError("device", "cannot read {error}", {"error": str(error)}) from None
