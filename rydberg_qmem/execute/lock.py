"""One writer at a time: a lock file beside a store, which the system frees when its holder ends."""

from __future__ import annotations

import json
import os
import secrets
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rydberg_qmem.errors import StoreError

PATIENCE_S = 1.0
"""How long a holder that is just ending is waited for."""


class StaleLockWarning(UserWarning):
    """A run that ended without cleaning up had locked a store; the lock was taken over."""


def lock_of(place: Path, part: str = "") -> Path:
    """Return the lock file of a store, or of a part of its work.

    >>> str(lock_of(Path("runs/m.zarr"), "shard-1-of-4"))
    'runs/.m.zarr.lock-shard-1-of-4'
    """
    return place.parent / f".{place.name}.lock{'-' if part else ''}{part}"


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
        left = _holder(path) if os.fstat(handle).st_size else ""
        if left:
            told = f"{place}: {left} ended without freeing {path.name}; taken over"
            warnings.warn(told, StaleLockWarning, stacklevel=4)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "token": secrets.token_hex(8)}).encode(), 0)
        yield
    finally:
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
    return [path for path in sorted(place.parent.glob(f"{lock_of(place).name}-shard-*")) if is_locked(path)]


def _held(path: Path, until: float) -> int | None:
    """Return an open, locked file that is still the one at `path`, or None if another process holds it."""
    import fcntl

    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error})") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(handle)
                return None
            time.sleep(0.05)
        except OSError as error:
            os.close(handle)
            raise StoreError(f"{path}: cannot be locked on this file system ({error})") from None
        os.close(handle)


def _holder(path: Path) -> str:
    try:
        return f"process {json.loads(path.read_text(encoding='utf-8'))['pid']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "an unknown process"
