"""Exchange a store for another in its place, so that a kill between any two steps loses neither."""

from __future__ import annotations

import shutil
from pathlib import Path

from rydberg_qmem.errors import StoreError
from rydberg_qmem.store import atomic_files
from rydberg_qmem.store.lock import lock_of, locked, real

SETUP = "setup"
SETUP_S = 120.0
"""How long shards wait for each other while one of them lays the store out."""


def beside(place: Path, what: str) -> Path:
    """Return the folder beside a store in which another one waits for its place."""
    return place.parent / f".{place.name}.{what}"


def exchange(new: Path, place: Path) -> None:
    """Put a store, already on the disk, where another one is or nothing."""
    old = beside(place, "old")
    if place.exists():
        place.rename(old)
    new.rename(place)
    atomic_files.flush([place.parent])
    shutil.rmtree(old, ignore_errors=True)


def recover(place: Path) -> None:
    """Put back what an interrupted exchange had moved away, and clear what it left."""
    if not place.exists() and beside(place, "old").exists():
        beside(place, "old").rename(place)
    for what in ("new", "old"):
        if beside(place, what).exists():
            shutil.rmtree(beside(place, what), ignore_errors=True)


def store_path(path: str | Path) -> Path:
    """Return where a store lies; one that was moved away by an exchange which a kill cut short is put back."""
    try:
        place = real(path)
        if not place.exists() and beside(place, "old").exists():
            with locked(place, SETUP, patience_s=SETUP_S):
                recover(place)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be reached ({error})") from None
    return place


def setup_lock(place: Path) -> Path:
    """Return the lock that is held while a store is laid out, grown or exchanged."""
    return lock_of(place, SETUP)
