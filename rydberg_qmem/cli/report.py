"""The command that writes the page of a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rydberg_qmem.cli.command import Command, Store, app
from rydberg_qmem.cli.pictures import make_parent, without_screen
from rydberg_qmem.cli.text import echo
from rydberg_qmem.errors import InputError


@app.command(cls=Command)
def report(
    store: Store,
    output: Annotated[Path, typer.Option("-o", "--output", help="The page, .html.")] = Path("report.html"),
    drive: Annotated[str | None, typer.Option(help="What the loop shows along x.")] = None,
    response: Annotated[str | None, typer.Option(help="What the loop shows along y; key.atom for one atom.")] = None,
) -> None:
    """Write a record as one self-contained page: program, run, loops with errors, curves, how to run it again."""
    from rydberg_qmem.report import write
    from rydberg_qmem.store.resume import stored_identity
    from rydberg_qmem.store.store import open_record

    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--output: must end in .html ({output})")
    record = open_record(store).load()
    make_parent(output, "--output")
    without_screen()
    *_, call = stored_identity(store)
    try:
        made = write(record, output, drive=drive, response=response, call=call)
    except OSError as error:
        raise InputError(f"--output: cannot be written ({error})") from None
    echo([str(made)])
