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
from rydberg_qmem.errors import InputError, ProgramError, did_you_mean

if TYPE_CHECKING:
    from rydberg_qmem.language.program import Program

TARGETS = ("pulser", "openqasm")
CIRCUITS = (".qasm", ".qasm3")


@app.command(cls=Command)
def export(
    program: ProgramName,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A new folder of segments, with an index; or a circuit's file."),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", help="pulser (one JSON per segment) or openqasm (one circuit).")
    ] = "pulser",
    settings: Settings = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="NAME=VALUE", help="Memory, or an outcome (key or key.atom), as a run has it."),
    ] = None,
    round_: Annotated[int, typer.Option("--round", help="The round whose inputs and counters are taken.")] = 0,
    without_probes: Annotated[
        bool, typer.Option("--without-probes", help="Leave probes out, which OpenQASM does not have.")
    ] = False,
) -> None:
    """Write a program for others: each segment as a Pulser sequence in its abstract JSON, or OpenQASM 3."""
    from rydberg_qmem.gallery import load

    if to not in TARGETS:
        raise InputError(f"--to: must be {' or '.join(TARGETS)}{did_you_mean(to, TARGETS)} ({to!r})")
    if to == "openqasm":
        if values or round_:
            raise InputError("--to openqasm: writes the whole program, so it excludes --value and --round")
        text = load(program).to_openqasm(parameters=parameters_of(settings), probes=not without_probes)
        _written(text, output)
        return
    if without_probes:
        raise InputError("--without-probes: goes with --to openqasm")
    if output is None:
        raise InputError("--output: name a new folder for the segments")
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
        typer.Argument(
            metavar="FILE", help="A Pulser sequence in its abstract JSON, or a job of one; an OpenQASM circuit, .qasm."
        ),
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
    device: Annotated[str | None, typer.Option(help="A circuit's device; DigitalAnalogDevice if not given.")] = None,
    spacing: Annotated[
        float | None, typer.Option(metavar="UM", help="How far apart a circuit's atoms stand in their row, in µm.")
    ] = None,
    while_rounds: Annotated[int | None, typer.Option(help="Rounds of a `while` that only the run ends.")] = None,
) -> None:
    """Turn a Pulser sequence, or an OpenQASM circuit, into a program that does the same."""
    if sequence.suffix in CIRCUITS:
        _only_for_sequences(key, basis, qubits, job)
        made = _circuit(sequence, settings, device, spacing, while_rounds)
        _written(made.to_yaml(), output)
        return
    if (device, spacing, while_rounds) != (None, None, None):
        raise InputError("--device, --spacing and --while-rounds are for circuits, whose names end in .qasm")
    from rydberg_qmem.language.files import read_text
    from rydberg_qmem.language.program import Program, name_of

    made = Program.from_pulser(
        read_text(sequence), name=name_of(sequence), key=key, basis=basis, job=job,
        variables=variables_of(settings), qubits=traps_of(qubits),
    )  # fmt: skip
    _written(made.to_yaml(), output)


def _only_for_sequences(key: str, basis: str | None, qubits: list[str] | None, job: int | None) -> None:
    """Refuse what a circuit says itself."""
    given = {"--key": key != "m", "--basis": basis is not None, "--qubits": bool(qubits), "--job": job is not None}
    for option in (name for name, is_given in given.items() if is_given):
        raise InputError(f"{option}: is for Pulser sequences; a circuit says it itself")


def _circuit(
    path: Path, settings: list[str] | None, device: str | None, spacing: float | None, while_rounds: int | None
) -> Program:
    """Return the program of a circuit; `--set` gives the numbers of its inputs."""
    from rydberg_qmem.language.program import Program, name_of

    named = {} if device is None else {"device": device}
    return Program.from_openqasm(
        path,
        name=name_of(path),
        parameters=parameters_of(settings),
        spacing_um=spacing,
        while_rounds=while_rounds,
        **named,
    )


def _written(text: str, output: Path | None) -> None:
    """Write a text to a file, or to the terminal."""
    if output is None:
        typer.echo(text.rstrip())
        return
    make_parent(output, "--output")
    try:
        output.write_text(text, encoding="utf-8")
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
