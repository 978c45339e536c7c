"""Where pictures go: places are refused before any work, and nothing needs a screen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rydberg_qmem.errors import InputError

PICTURES = (".png", ".pdf", ".svg")


def picture_place(path: Path, option: str) -> None:
    """Refuse, before any work, a place where no picture can be written."""
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{option}: must end in {', '.join(PICTURES)} ({path})")
    if path.is_dir():
        raise InputError(f"{option}: is a folder ({path})")
    make_parent(path, option)


def make_parent(path: Path, option: str) -> None:
    """Make the folder that a file goes to, or refuse the option."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{option}: its folder cannot be made ({error})") from None


def without_screen() -> None:
    """Let matplotlib draw where no screen is."""
    os.environ.setdefault("MPLBACKEND", "agg")


def save_picture(ax: Any, path: Path) -> None:
    """Write the figure of some axes."""
    try:
        ax.figure.savefig(path, dpi=300)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error})") from None
