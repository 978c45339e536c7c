"""The command that writes the page of memristors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rydberg_qmem.cli.command import Command, app
from rydberg_qmem.cli.pictures import without_screen
from rydberg_qmem.cli.text import echo


@app.command(cls=Command)
def gallery(
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("docs/memristors.md"),
    workers: Annotated[int, typer.Option(min=1, help="How many rows are computed at a time, each by a process.")] = 1,
    pictures: Annotated[bool, typer.Option(help="Draw the pictures too, into figures/ beside the page.")] = True,
) -> None:
    """Compute every memristor's figures and write them beside their references: several minutes, mostly noise."""
    from rydberg_qmem.gallery.page import write

    without_screen()
    made = write(output, pictures=pictures, workers=workers, progress=lambda text: echo([text], err=True))
    echo([str(made)])
