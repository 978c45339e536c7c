"""What programs offer as methods, but packages above the language do: the package itself says where to find it.

The language imports nothing from above; `rydberg_qmem/__init__.py` gives it its own look-up of public names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_find: Callable[[str], Any] | None = None


def provide(find: Callable[[str], Any]) -> None:
    """Let functions of higher packages be found by their public names."""
    global _find
    _find = find


def extension(name: str) -> Any:
    """Return a public function of the package, imported when it is first asked for."""
    if _find is None:
        raise ImportError(f"{name}: nothing provides it; import rydberg_qmem first")
    return _find(name)
