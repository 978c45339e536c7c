"""All commands: importing the modules that hold them registers them with the application."""

from __future__ import annotations

from rydberg_qmem.cli import machines, page, programs, records, report, runs, stores
from rydberg_qmem.cli.command import app

__all__ = ["app", "machines", "page", "programs", "records", "report", "runs", "stores"]
