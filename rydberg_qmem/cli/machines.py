"""Commands about Pulser and machines: export, import, qpu-report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rydberg_qmem.cli.arguments import checked, numbers_of, parameters_of, traps_of, variables_of
from rydberg_qmem.cli.command import Command, ProgramName, Settings, app
from rydberg_qmem.cli.pictures import make_parent
from rydberg_qmem.cli.text import echo
from rydberg_qmem.errors import InputError, ProgramError

if TYPE_CHECKING:
    from rydberg_qmem.language.program import Program


@app.command(cls=Command)
def export(
    program: ProgramName,
    output: Annotated[Path, typer.Option("-o", "--output", help="A new folder: one JSON per segment, and an index.")],
    settings: Settings = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="NAME=VALUE", help="Memory, or an outcome (key or key.atom), as a run has it."),
    ] = None,
    round_: Annotated[int, typer.Option("--round", help="The round whose inputs and counters are taken.")] = 0,
) -> None:
    """Write each segment of a program as a Pulser sequence in its abstract JSON."""
    from rydberg_qmem.gallery import load
    from rydberg_qmem.interop.export import write
    from rydberg_qmem.interop.to_pulser import to_pulser

    loaded, parameters = load(program), parameters_of(settings)
    checked(loaded, parameters)
    made = to_pulser(loaded, parameters=parameters, values=numbers_of(values, "--value"), round=round_)
    echo(str(path) for path in write(made, loaded, output))


@app.command("import", cls=Command)
def import_(
    sequence: Annotated[
        Path,
        typer.Argument(metavar="SEQUENCE", help="A Pulser sequence in its abstract JSON, or a job of one."),
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the program to this YAML file.")] = None,
    key: Annotated[str, typer.Option(help="The name that the outcome is kept under.")] = "m",
    basis: Annotated[str | None, typer.Option(help="The basis to measure in, if the sequence names none.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A variable of the sequence; V1:V2:… where it has several."),
    ] = None,
    qubits: Annotated[
        list[str] | None,
        typer.Option("--qubits", metavar="QUBIT=TRAP", help="The trap of a qubit, where the register is mappable."),
    ] = None,
    job: Annotated[int | None, typer.Option(help="The job whose values are taken, from 0, of several.")] = None,
) -> None:
    """Turn a Pulser sequence into a program that plays the same and measures at the end."""
    from rydberg_qmem.language.files import read_text
    from rydberg_qmem.language.program import Program, name_of

    made = Program.from_pulser(
        read_text(sequence), name=name_of(sequence), key=key, basis=basis, job=job,
        variables=variables_of(settings), qubits=traps_of(qubits),
    )  # fmt: skip
    if output is None:
        typer.echo(made.to_yaml().rstrip())
        return
    make_parent(output, "--output")
    try:
        output.write_text(made.to_yaml(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error})") from None
    echo([str(output)])


@app.command("qpu-report", cls=Command)
def qpu_report(
    program: ProgramName,
    device: Annotated[str | None, typer.Option(help="A device's name; the program's own if not given.")] = None,
    settings: Settings = None,
) -> None:
    """Say what a machine without mid-sequence measurement can run of a program, and why not the rest."""
    from rydberg_qmem.gallery import load

    echo([str(load(program).qpu_report(device, parameters=parameters_of(settings)))])


def machines_of(program: Program) -> Iterator[str]:
    """Yield where a program can run, if nothing is wrong with it."""
    try:
        report = program.qpu_report()
    except ProgramError:
        return
    yield f"  runs on {'emulators only' if report.emulator_only else 'emulators, and as jobs that read at their end'}"
    yield from (f"    {part}" for part in report.parts if part.reason and not part.after)
