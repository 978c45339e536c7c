"""The ready sequences: found by name in the repository's `sequences/`, or in the installed package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.arguments import is_xarray, refuse
from rydberg_qmem.errors import InputError, did_you_mean
from rydberg_qmem.language.program import Program

_HERE = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Return the folder of the bundled programs: `sequences/` of a repository, else that of the installed package.

    >>> (folder() / "rabi.yaml").is_file()
    True
    """
    beside = _HERE.parent / "sequences"
    return beside if (_HERE.parent / "pyproject.toml").exists() and beside.is_dir() else _HERE / "sequences"


def names() -> list[str]:
    """Return the names of the bundled programs, in alphabetical order.

    >>> "two_port_memristor" in names()
    True
    """
    return sorted(path.stem for path in folder().glob("*.yaml"))


def load(name_or_path: str | Path | Program | Mapping[str, Any]) -> Program:
    """Return a program: a bundled one by name, one from a file, or one from plain data.

    Args:
        name_or_path: Name of a bundled program (`names()`), path of a `.yaml`, `.yml` or `.json` file, what
            `Program.to_dict` has given, or a `Program`, which is returned as it is.

    Raises InputError, with the nearest name, where nothing is found; ProgramError, with line and column, for a file
    that is no program.

    >>> load("rabi").name
    'rabi'
    """
    if isinstance(name_or_path, Program):
        return name_or_path
    if isinstance(name_or_path, Mapping) and not is_xarray(name_or_path):
        return Program.from_dict(name_or_path)
    path = _place(name_or_path)
    if path.suffix in (".yaml", ".yml", ".json") or _exists(path):
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        return Program.from_file(path)
    ready = folder() / f"{path.name}.yaml"
    if path.name != str(name_or_path) or not ready.is_file():
        raise InputError(
            f"{name_or_path}: no sequence of that name, and no such file{did_you_mean(str(name_or_path), names())}"
        )
    return Program.from_file(ready)


def program(name: str, value: Any) -> Program:
    """Take a program, or what `load` makes one of."""
    return load(value)


def _place(name_or_path: object) -> Path:
    """Return a program's name or path as a path, or raise InputError if it is neither."""
    try:
        return arguments.path("program", name_or_path)
    except InputError:
        raise refuse("program", "a Program, a name, a path, or a mapping", name_or_path) from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # longer than a name of a file may be, or with a null byte
        return False
