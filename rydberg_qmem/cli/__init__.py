"""The command line `rqm`: list, show, check, draw and run programs; look at and analyse their records."""

from __future__ import annotations

import signal

from rydberg_qmem.cli import (
    machines,
    page,
    programs,
    records,
    report,
    runs,
    stores,
)  # their commands register with the app
from rydberg_qmem.cli.command import app, terminate

__all__ = ["app", "machines", "main", "page", "programs", "records", "report", "runs", "stores"]


def main() -> None:
    """Run the command line: the entry point of `rqm`."""
    signal.signal(signal.SIGTERM, terminate)
    app()
