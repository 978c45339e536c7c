"""Commands that go on with a record, look it through, or hand it on: resume, verify, export-netcdf."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rydberg_qmem.cli.command import Command, MaxMemory, Shard, Store, Workers, app
from rydberg_qmem.cli.progress import shown
from rydberg_qmem.cli.runs import summary
from rydberg_qmem.cli.text import echo


@app.command(cls=Command)
def resume(store: Store, workers: Workers = 1, shard: Shard = None, max_memory: MaxMemory = 8.0) -> None:
    """Finish the run of a record that was interrupted, from what the record says."""
    from rydberg_qmem.running.parallel import shard_of
    from rydberg_qmem.running.run import run as run_program
    from rydberg_qmem.running.stored import resume as resumed

    with shown() as progress:
        record = resumed(
            store, run=run_program, workers=workers, shard=shard_of(shard), max_memory_gb=max_memory, progress=progress
        )
    echo(summary(record, store))


@app.command(cls=Command)
def verify(store: Store) -> None:
    """Read every file of a record, compare it with its checksum, and say what is damaged: then the exit code is 1."""
    from rydberg_qmem.store.verify import verify as verified

    found = verified(store)
    typer.echo(str(found))
    if not found:
        raise typer.Exit(1)


@app.command("export-netcdf", cls=Command)
def export_netcdf(
    store: Store,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file, .nc.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write a record as one netCDF file (needs the extra `netcdf`)."""
    from rydberg_qmem.store.netcdf import export
    from rydberg_qmem.store.store import open_record

    export(open_record(store), output, overwrite=overwrite)
    echo([str(output)])
