"""The command line `rqm`: list, show, check, draw and run programs; look at and analyse their records."""

from __future__ import annotations

import signal
import sys

from rydberg_qmem.cli import (
    machines,
    page,
    programs,
    records,
    report,
    runs,
    stores,
)  # their commands register with the app
from rydberg_qmem.cli.command import INTERRUPTED, TERMINATED, Terminated, app, terminate

__all__ = ["app", "machines", "main", "page", "programs", "records", "report", "runs", "stores"]


def main() -> None:
    """Run the command line: the entry point of `rqm`."""
    try:
        signal.signal(signal.SIGTERM, terminate)
        app()
    except KeyboardInterrupt as stopped:  # before a command has begun, or after it
        sys.exit(TERMINATED if isinstance(stopped, Terminated) else INTERRUPTED)
