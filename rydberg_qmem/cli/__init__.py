"""The command line `rqm`: list, show, check, draw and run programs; look at and analyse their records."""

from __future__ import annotations

from rydberg_qmem.cli import programs, records, runs  # their commands register with the app
from rydberg_qmem.cli.command import app

__all__ = ["app", "main", "programs", "records", "runs"]


def main() -> None:
    """Run the command line: the entry point of `rqm`."""
    app()
