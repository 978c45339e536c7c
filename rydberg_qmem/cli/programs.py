"""Commands about programs: list, show, check, calibrate, draw, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rydberg_qmem.cli.arguments import checked, checked_with_notes, parameters_of
from rydberg_qmem.cli.command import Command, Hardware, ProgramName, Settings, app
from rydberg_qmem.cli.machines import machines_of
from rydberg_qmem.cli.pictures import make_parent, picture_place, save_picture, without_screen
from rydberg_qmem.cli.text import aligned, echo, to_terminal
from rydberg_qmem.cli.tree import tree_of
from rydberg_qmem.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from rydberg_qmem.emulators.process import GateReport

VIEWS = ("pulses", "circuit", "register")
MEASURED = ("ns", "process infidelity", "numbers")


@app.command("list", cls=Command)
def list_(
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="Show only those whose name, tags or description hold this.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Show only those with this tag.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write all of them as a page with pictures, .md; takes minutes."),
    ] = None,
) -> None:
    """List the ready sequences, or write them as a page with pictures."""
    from rydberg_qmem.gallery import entries

    if output is not None:
        _page(output, text, tag)
        return
    tags = sorted({one for entry in entries() for one in entry.tags}, key=str.lower)
    if tag is not None and tag.lower() not in map(str.lower, tags):
        raise InputError(f"--tag: must be a tag of a ready sequence{did_you_mean(tag, tags)} ({tag!r})")
    found = entries(text or "", tag=tag)
    if found:
        rows = [(entry.name, ", ".join(entry.tags), entry.summary) for entry in found]
        echo(to_terminal(aligned([("name", "tags", "about"), *rows])))
        return
    echo([f"no ready sequence has {text!r}{did_you_mean(text or '', tags)}"], err=True)


def _page(output: Path, text: str | None, tag: str | None) -> None:
    """Write the page of all ready sequences."""
    if text is not None or tag is not None:
        raise InputError("--output: writes all ready sequences, so it excludes a text and --tag")
    if output.suffix != ".md":
        raise InputError(f"--output: must end in .md ({output})")
    make_parent(output, "--output")
    without_screen()
    from rydberg_qmem.gallery.catalogue import write

    echo([str(write(output, progress=lambda name: echo([name], err=True)))])


@app.command(cls=Command)
def show(
    program: Annotated[
        str | None, typer.Argument(metavar="[PROGRAM]", help="A ready sequence's name, or a path.")
    ] = None,
    hardware: Hardware = None,
) -> None:
    """Show a program as an indented tree, or a hardware profile with the source of each number."""
    if (program is None) == (hardware is None):
        raise InputError("show: give either a program or --hardware")
    if hardware is not None:
        from rydberg_qmem.language.hardware import HardwareProfile, profile_of

        profile = profile_of(hardware) or HardwareProfile()
        echo([f"{profile.name}: {profile.about}", *aligned(profile.rows() or [("all", "0", "by definition")])])
        return
    from rydberg_qmem.gallery import load

    loaded = load(str(program))
    echo([*tree_of(loaded), *machines_of(loaded)])


@app.command(cls=Command)
def check(program: ProgramName, settings: Settings = None) -> None:
    """Check a program: say everything that is wrong with it, or ok."""
    from rydberg_qmem.gallery import load

    loaded = load(program)
    compiled, notes = checked_with_notes(loaded, parameters_of(settings))
    atoms = len(loaded.register.names)
    loops = "".join(f", {name} {times}" for name, times in compiled.rounds.items())
    noun = "atom" if atoms == 1 else "atoms"
    echo([f"ok: {loaded.name}, {atoms} {noun} on {loaded.device_name}{loops}, {loaded.fingerprint()[:12]}"])
    if notes:
        echo(f"note: {note}" for note in notes)


@app.command(cls=Command)
def calibrate(
    program: Annotated[
        str | None, typer.Argument(metavar="[PROGRAM]", help="A ready sequence's name, or a path.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Without a program: a device's name.")] = None,
    distance: Annotated[
        float | None, typer.Option(metavar="UM", help="Without a program: how far two atoms are apart, in µm.")
    ] = None,
    settings: Settings = None,
) -> None:
    """Print how gates are played: durations, numbers, infidelity from the engine; a program's, or all at a distance."""
    if program is None:
        if distance is None or settings:
            raise InputError("calibrate: give a program, or --distance (and --device) without --set")
        _calibrate_all(device or "DigitalAnalogDevice", distance)
        return
    if device is not None or distance is not None:
        raise InputError("calibrate: --device and --distance are for a call without a program, which has its own")
    from rydberg_qmem.emulators.process import gate_reports
    from rydberg_qmem.gallery import load

    loaded = load(program)
    compiled = checked(loaded, parameters_of(settings))
    reports = gate_reports(compiled)
    if not reports:
        echo([f"{loaded.name} has no gates: nothing to calibrate"], err=True)
        return
    header = ("gate", "atoms", "µm", *MEASURED)
    rows = [
        (
            report.gate,
            ", ".join(report.atoms),
            f"{report.distance_um:.3g}" if len(report.atoms) > 1 else "",
            *_measured(report),
        )
        for report in reports
    ]
    echo(to_terminal(aligned([header, *rows])))


def _calibrate_all(device: str, distance_um: float) -> None:
    """Print every gate of a device at a distance; those that it cannot make, with the reason, below."""
    from rydberg_qmem.emulators.gate_set import gate_set

    found = gate_set(device, distance_um)
    made = {name: report for name, report in found.items() if not isinstance(report, str)}
    echo(to_terminal(aligned([("gate", *MEASURED), *((name, *_measured(report)) for name, report in made.items())])))
    echo(to_terminal(f"{name}: not here: {reason}" for name, reason in found.items() if isinstance(reason, str)))


def _measured(report: GateReport) -> tuple[str, str, str]:
    numbers = ", ".join(f"{name} {value:.6g}" for name, value in report.parameters)
    return str(report.duration_ns), f"{report.process_infidelity:.2e}", numbers


@app.command(cls=Command)
def draw(
    program: ProgramName,
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture: .png, .pdf or .svg.")],
    view: Annotated[str, typer.Option(help="pulses (in laboratory time), circuit or register.")] = "pulses",
    settings: Settings = None,
) -> None:
    """Draw a program: its pulses in laboratory time, its circuit, or its register."""
    from rydberg_qmem.gallery import load

    loaded, parameters = load(program), parameters_of(settings)
    if view not in VIEWS:
        raise InputError(f"--view: must be {', '.join(VIEWS)}{did_you_mean(view, VIEWS)} ({view!r})")
    picture_place(output, "--output")
    without_screen()
    from rydberg_qmem import plots

    match view:
        case "register":
            ax = plots.register(loaded)
        case "circuit":
            ax = plots.program(loaded, parameters=parameters)
        case _:
            ax = plots.pulses(loaded, parameters=parameters)
    save_picture(ax, output)
    echo([str(output)])


@app.command(cls=Command)
def schema(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write it to this file.")] = None,
) -> None:
    """Write the JSON Schema of program files."""
    import json

    from rydberg_qmem.language.program import schema as program_schema

    text = json.dumps(program_schema(), indent=2)
    if output is None:
        typer.echo(text)
        return
    make_parent(output, "--output")
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error})") from None
