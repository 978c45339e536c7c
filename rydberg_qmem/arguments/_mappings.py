"""Mappings from names to values of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rydberg_qmem.arguments._objects import is_xarray
from rydberg_qmem.arguments._taking import Kind, refuse


def names_to(what: str, kind: Kind) -> Kind:
    """Return the kind of mappings from names to values of a kind.

    >>> from rydberg_qmem.arguments import real
    >>> names_to("numbers", real())("start", {"x": 1})
    {'x': 1.0}
    """

    def mapping(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or is_xarray(value):
            raise refuse(name, f"a mapping from names to {what}", value)
        for key in value:
            if not isinstance(key, str):
                raise refuse(name, f"a mapping from names to {what}, and a name a text", key)
        return {key: kind(f"{name}.{key}", item) for key, item in value.items()}

    return mapping


def mapping(name: str, value: Any) -> Any:
    """Take a mapping, whose keys and values are looked at elsewhere."""
    if not isinstance(value, Mapping) or is_xarray(value):
        raise refuse(name, "a mapping", value)
    return value


def named(name: str, value: Any) -> dict[str, Any]:
    """Take a mapping from names, to values that are looked at elsewhere."""
    return dict(names_to("values", lambda name, item: item)(name, value))
