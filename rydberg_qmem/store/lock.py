"""One writer at a time: a lock file beside a store, which the system frees when its holder ends."""

from __future__ import annotations

import json
import os
import secrets
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor

from rydberg_qmem.errors import StoreError

PATIENCE_S = 1.0
"""How long a holder that is just ending is waited for."""


class StaleLockWarning(UserWarning):
    """A run that ended without cleaning up had locked a store; the lock was taken over."""


def real(place: str | Path) -> Path:
    """Return where a store lies, whatever name it is reached by: links are followed, and `~` is the home folder."""
    try:
        found = Path(os.path.realpath(Path(place).expanduser()))
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(f"{place}: is no place for a record ({error})") from None
    if found.is_symlink():
        raise StoreError(f"{place}: is no place for a record (a link that leads to itself)")
    return found


def lock_of(place: Path, part: str = "") -> Path:
    """Return the lock file of a store, or of a part of its work; one, whatever the store is called.

    >>> lock_of(Path("runs/m.zarr"), "shard-1-of-4").name
    '.m.zarr.lock-shard-1-of-4'
    """
    there = real(place)
    return there.parent / f".{there.name}.lock{'-' if part else ''}{part}"


@contextmanager
def locked(place: Path, part: str = "", *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold a store, or a part of its work, alone; StoreError if another process does.

    The file names its holder by process number and a random token, never by a machine's name. It is held through
    the file system: a holder that was killed has let go, and the next one takes the file over with a warning.
    """
    path = lock_of(place, part)
    handle = _held(path, time.monotonic() + patience_s)
    if handle is None:
        raise StoreError(f"{place}: another run is writing there ({_holder(path)}, {path.name}); wait until it ends")
    try:
        if os.fstat(handle).st_size:
            told = f"{place}: {_holder(path)} ended without freeing {path.name}; taken over"
            warnings.warn(told, StaleLockWarning, stacklevel=4)
        try:
            _name_holder(handle)
        except OSError as error:
            raise StoreError(f"{place}: cannot be written, its lock holds no byte ({error.strerror})") from None
        yield
    finally:
        _let_go(path, handle)


def _name_holder(handle: int) -> None:
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps({"pid": os.getpid(), "token": secrets.token_hex(8)}).encode())


def _let_go(path: Path, handle: int) -> None:
    """Remove a lock file and free it; where an open file cannot be removed, it stays, empty."""
    with suppress(OSError):
        os.ftruncate(handle, 0)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    os.close(handle)


def is_locked(path: Path) -> bool:
    """Return whether a living process holds a lock file."""
    if not path.exists():
        return False
    handle = _held(path, 0.0)
    if handle is None:
        return True
    os.close(handle)
    return False


def shard_locks(place: Path) -> list[Path]:
    """Return the lock files of shards that are at work."""
    first = lock_of(place)
    every = sorted(first.parent.glob(f"{_literal(first.name)}-shard-*"))
    held = [path for path in every if is_locked(path)]
    for path in set(every) - set(held):  # a shard that was killed has left it
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return held


def _literal(name: str) -> str:
    import glob

    return glob.escape(name)


def _held(path: Path, until: float) -> int | None:
    """Return an open, locked file that is still the one at `path`, or None if another process holds it."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error})") from None
        try:
            if lock_descriptor(handle, blocking=False):
                if _is_at(handle, path):
                    return handle
            elif time.monotonic() >= until:
                os.close(handle)
                return None
            else:
                time.sleep(0.05)
        except OSError as error:
            os.close(handle)
            raise StoreError(f"{path}: cannot be locked on this file system ({error})") from None
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    """Return whether an open file still has its name: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        return f"process {json.loads(path.read_text(encoding='utf-8'))['pid']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "an unknown process"
