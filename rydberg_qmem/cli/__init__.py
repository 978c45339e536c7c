"""The command line `rqm`: list, show, check, draw and run programs; look at and analyse their records."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rydberg_qmem.cli.commands import app as app

__all__ = ["app", "main"]

INTERRUPTED, TERMINATED = 130, 143


class Terminated(KeyboardInterrupt):
    """The system asked the program to end (SIGTERM): it ends as cleanly as after Ctrl-C."""


def main() -> None:
    """Run the command line: the entry point of `rqm`.

    The commands are imported here, so that an interrupt meanwhile ends the program as one during a command does.
    """
    try:
        signal.signal(signal.SIGTERM, terminate)
        from rydberg_qmem.cli.commands import app

        app()
    except KeyboardInterrupt as stopped:  # before a command has begun, or after it
        sys.exit(exit_code_of(stopped))
    except OSError as error:  # of a page of help, which no command writes
        if not is_full_output(error):
            raise
        sys.exit(leave_output(error))
    except SystemExit as end:  # typer has one code for every interrupt before a command has begun
        reason: BaseException | None = end
        while reason is not None and not isinstance(reason, Terminated):
            reason = reason.__cause__ or reason.__context__
        sys.exit(end.code if reason is None else TERMINATED)


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


def __getattr__(name: str) -> Any:
    if name == "app":
        from rydberg_qmem.cli.commands import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
