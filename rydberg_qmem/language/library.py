"""The ready sequences: found by name in the repository's `sequences/`, or in the installed package."""

from __future__ import annotations

from pathlib import Path

from rydberg_qmem.errors import InputError, did_you_mean
from rydberg_qmem.language.program import Program

_HERE = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Return the folder of the ready sequences: the repository's own first."""
    beside = _HERE.parent / "sequences"
    return beside if (_HERE.parent / "pyproject.toml").exists() and beside.is_dir() else _HERE / "sequences"


def names() -> list[str]:
    """Return the names of the ready sequences.

    >>> "two_port_memristor" in names()
    True
    """
    return sorted(path.stem for path in folder().glob("*.yaml"))


def load(name_or_path: str | Path | Program) -> Program:
    """Return a program: a ready sequence by name, or a `.yaml` or `.json` file by path.

    >>> load("rabi").name
    'rabi'
    """
    if isinstance(name_or_path, Program):
        return name_or_path
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml", ".json") or path.exists():
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        return Program.from_file(path)
    ready = folder() / f"{path.name}.yaml"
    if path.name != str(name_or_path) or not ready.is_file():
        raise InputError(
            f"{name_or_path}: no sequence of that name, and no such file{did_you_mean(str(name_or_path), names())}"
        )
    return Program.from_file(ready)
