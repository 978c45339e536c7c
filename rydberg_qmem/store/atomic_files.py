"""Files that are there whole or not at all: flushed to the disk before they take their names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

AT_ONCE = 8
"""Files that are flushed together: a disk serves several requests in the time of one."""


def put(contents: Mapping[Path, bytes]) -> None:
    """Write files; each has its old content or its new one, whatever is killed when, a power cut included.

    Folders must be there: OSError if one is not, or if the disk does not take a file, and then nothing of it is left.
    """
    scratch = {path: path.with_name(f"{path.name}.{os.getpid()}.part") for path in contents}
    try:
        for path, content in contents.items():
            scratch[path].write_bytes(content)
        flush(scratch.values())
        for path, written in scratch.items():
            take_place(written, path)
        flush({path.parent for path in contents})
    except OSError:
        for written in scratch.values():
            with suppress(OSError):
                written.unlink(missing_ok=True)
        raise


def make_folders(folder: Path, name: str) -> None:
    """Make the folders between a folder, which must be there, and a file below it."""
    for part in name.split("/")[:-1]:
        above, folder = folder, folder / part
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            flush([above])


def take_place(written: Path, path: Path) -> None:
    """Give a written file its name, in one step."""
    os.replace(written, path)


def flush(paths: Iterable[Path]) -> None:
    """Wait until files, or the names in folders, are on the disk itself."""
    every = list(paths)
    if len(every) < 2:
        for path in every:
            _flush(path)
        return
    with ThreadPoolExecutor(min(AT_ONCE, len(every))) as pool:
        list(pool.map(_flush, every))


def _flush(path: Path) -> None:
    if path.is_dir():
        if os.name == "nt":  # names there need no flushing of their own
            return
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR)
    try:
        sync(handle)
    finally:
        os.close(handle)


def sync(handle: int) -> None:
    """Wait until an open file is on the disk."""
    os.fsync(handle)


def flush_tree(folder: Path) -> None:
    """Wait until a whole folder is on the disk."""
    every = list(folder.rglob("*"))
    flush([path for path in every if path.is_file()])
    flush([folder, *(path for path in every if path.is_dir())])
