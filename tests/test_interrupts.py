"""Interrupts of the command line while it is being imported: no traceback, the exit codes of any interrupt."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

STOPPED_AT = """
import os, sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})

from rydberg_qmem.cli import main
sys.meta_path.insert(0, Stop())
sys.argv = ["rqm", "check", "rabi"]
main()
"""
"""The command line, which a signal meets where it first imports a module."""
MODULES = (
    "rydberg_qmem.cli.commands", "typer", "rydberg_qmem.cli.command", "rydberg_qmem.cli.stores",
    "rydberg_qmem.language.library", "numpy", "pydantic", "rydberg_qmem.verification._check", "pulser",
)  # fmt: skip
"""From the first module that the commands need to the last."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", [MODULES[0], MODULES[3], MODULES[6]])
def test_an_interrupt_during_imports_ends_the_program_as_any_other(
    name: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    assert ending(name, number, tmp_path) == (code, False)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", MODULES)
def test_an_interrupt_at_any_import_ends_the_program_as_any_other(
    name: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    assert ending(name, number, tmp_path) == (code, False)


def ending(name: str, number: int, folder: Path) -> tuple[int, bool]:
    """Return the exit code and whether there was a traceback, of a command that a signal meets at an import."""
    script = folder / "stopped.py"
    script.write_text(STOPPED_AT.format(name=name, number=int(number)))
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background would not hear it
    )
    return done.returncode, "Traceback" in done.stderr
