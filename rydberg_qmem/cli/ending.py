"""How the command line ends: exit codes after an interrupt, or when standard output takes no more."""

from __future__ import annotations

import errno
import os
import sys

INTERRUPTED, TERMINATED = 130, 143


class Terminated(KeyboardInterrupt):
    """The system asked the program to end (SIGTERM): it ends as cleanly as after Ctrl-C."""


def terminate(number: int, frame: object) -> None:
    """Answer SIGTERM."""
    raise Terminated


def is_full_output(error: OSError) -> bool:
    """Return whether an error is that standard output takes no more: a full disk, and no file of ours."""
    return error.errno == errno.ENOSPC and error.filename is None


def leave_output(error: OSError) -> int:
    """Say that standard output cannot be written, write nothing more to it, and return the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"standard output cannot be written: {error.strerror}", file=sys.stderr)
    return 1


def exit_code_of(stopped: KeyboardInterrupt) -> int:
    """Return the exit code that tells an interrupt from an end that the system asked for."""
    return TERMINATED if isinstance(stopped, Terminated) else INTERRUPTED
