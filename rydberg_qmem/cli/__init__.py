"""The command line `rqm`: list, show, check, draw and run programs; look at and analyse their records."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

from rydberg_qmem.cli.ending import TERMINATED, Terminated, exit_code_of, is_full_output, leave_output, terminate

if TYPE_CHECKING:
    from rydberg_qmem.cli.commands import app as app

__all__ = ["app", "main"]


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


def __getattr__(name: str) -> Any:
    if name == "app":
        from rydberg_qmem.cli.commands import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
