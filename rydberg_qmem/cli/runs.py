"""Commands that run programs: run, estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rydberg_qmem.cli.arguments import (
    checked,
    emulator_with,
    inputs_of,
    noise_of,
    parameters_of,
    rounds_of,
    shots_of,
    sweep_of,
)
from rydberg_qmem.cli.command import (
    Accuracy,
    Command,
    EmulatorOptions,
    Hardware,
    MaxMemory,
    Neglect,
    NoiseFields,
    ProgramName,
    Settings,
    Shard,
    StateKind,
    Workers,
    app,
)
from rydberg_qmem.cli.pictures import picture_place, save_picture, without_screen
from rydberg_qmem.cli.progress import shown
from rydberg_qmem.cli.text import echo, sizes_text, with_error
from rydberg_qmem.emulators import EMULATORS
from rydberg_qmem.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import xarray as xr

    from rydberg_qmem.compile.compiled import Compiled

*_FIRST, _LAST = EMULATORS
Shots = Annotated[int | None, typer.Option(help="How many shots (default 1000).")]
ExactMeans = Annotated[bool, typer.Option("--exact", help="Sample nothing: exact expectation values.")]
EmulatorName = Annotated[str, typer.Option(help=f"{', '.join(_FIRST)} or {_LAST}.")]
Rounds = Annotated[int | None, typer.Option(help="How many rounds the inputs last.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME=EXPRESSION", help="An input, as an expression of the round k."),
]
SweptValues = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=V1,V2,…", help="Run all combinations of these values; A,B=1:2,3:4 sets A and B together."
    ),
]
Kept = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Where to keep the record; the same run again goes on with it."),
]
MOST_LOOPS = 8
"""As many sweep points can be told apart by colour in one plot."""


@app.command(cls=Command)
def run(
    program: ProgramName,
    shots: Shots = None,
    exact: ExactMeans = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the random numbers; drawn if not given.")] = None,
    settings: Settings = None,
    inputs: Inputs = None,
    rounds: Rounds = None,
    sweep: SweptValues = None,
    emulator: EmulatorName = "exact",
    emulator_option: EmulatorOptions = None,
    noise: NoiseFields = None,
    hardware: Hardware = None,
    state: StateKind = "auto",
    output: Kept = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a record that is there.")] = False,
    workers: Workers = 1,
    shard: Shard = None,
    max_memory: MaxMemory = 8.0,
    max_seconds: Annotated[float | None, typer.Option(help="Refuse a run that would take longer.")] = None,
    neglect: Neglect = 1e-10,
    accuracy: Accuracy = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the hysteresis loop: .png, .pdf or .svg.")] = None,
    drive: Annotated[str | None, typer.Option(help="What the plot shows along x.")] = None,
    response: Annotated[str | None, typer.Option(help="What the plot shows along y; key.atom for one atom.")] = None,
) -> None:
    """Run a program and keep its record."""
    from rydberg_qmem.gallery import load
    from rydberg_qmem.running.parallel import shard_of
    from rydberg_qmem.running.run import run as run_program
    from rydberg_qmem.running.sweep import points_of as settings_of

    loaded = load(program)
    parameters, points = parameters_of(settings), sweep_of(sweep, settings)
    signals: dict[str, Any] = {"inputs": inputs_of(inputs), "rounds": rounds_of(loaded, rounds)}
    wanted = shots_of(shots, exact)
    if plot is not None:
        picture_place(plot, "--plot")
        _few_loops(points)
        if shard is not None:
            raise InputError("--plot: needs the whole record, so it excludes --shard")
        first = settings_of(loaded, {}, points or None)[0]
        drive, response = _loop_of(checked(loaded, {**parameters, **first}, **signals), drive, response)
    with shown() as progress:
        record = run_program(
            loaded, parameters=parameters, shots=wanted, seed=seed, sweep=points or None,
            emulator=emulator_with(emulator, emulator_option),
            store=output, overwrite=overwrite, workers=workers, shard=shard_of(shard), max_memory_gb=max_memory,
            max_seconds=max_seconds, neglect=neglect, accuracy=accuracy, progress=progress, **signals,
            noise=noise_of(noise), hardware=hardware, state=state,
        )  # fmt: skip
    lines = summary(record, output)
    try:
        if plot is not None and drive is not None and response is not None:
            lines += _plotted(record, plot, drive, response)
    finally:
        echo(lines)


def _few_loops(points: Mapping[str, Sequence[float]]) -> None:
    count = 1
    for values in points.values():
        count *= len(values)
    if count > MOST_LOOPS:
        raise InputError(f"--plot: shows at most {MOST_LOOPS} points of a sweep ({count})")


def _loop_of(compiled: Compiled, drive: str | None, response: str | None) -> tuple[str, str]:
    """Return what a plot shows: as asked, else the only input and the last atom of the only wide key."""
    known = _series(compiled)
    if not known:
        raise InputError("--plot: the program has no repeat, so there is no loop to draw")
    inputs = list(compiled.program.inputs)
    wide = [key for key, atoms in compiled.keys.items() if len(atoms) > 1]
    if drive is None and len(inputs) == 1:
        drive = inputs[0]
    if response is None and len(wide) == 1:
        response = f"{wide[0]}.{compiled.keys[wide[0]][-1]}"
    if drive is None or response is None:
        missing = " and ".join(o for o, v in (("--drive", drive), ("--response", response)) if v is None)
        raise InputError(f"--plot: give {missing}; the record will hold {', '.join(known)}")
    for option, name in (("--drive", drive), ("--response", response)):
        if name not in known:
            raise InputError(f"{option}: must be a series of the record{did_you_mean(name, known)} ({name!r})")
    return drive, response


def _series(compiled: Compiled) -> list[str]:
    """Return the names of all series over rounds that the record will hold, atoms and axes of a key one by one."""
    found: list[str] = []
    for variable in compiled.variables:
        if variable.loops and not variable.dtype.startswith("complex"):
            labels = (compiled.coordinates[dim] for dim in variable.extra_dims)
            found += [".".join((variable.name, *chosen)) for chosen in product(*labels)]
    return found


def summary(record: xr.Dataset, output: Path | None) -> list[str]:
    """Return what there is to say about a run."""
    attrs = record.attrs
    sampled = "exact" if attrs["shots"] == "exact" else f"{attrs['shots']} shots, seed {attrs['seed']}"
    return [
        f"{attrs['title']}: {sampled}, emulator {attrs['emulator']}, {attrs['wall_s']:.2f} s",
        f"dims: {sizes_text(record.sizes)}",
        f"file: {output}" if output is not None else "file: none; keep the record with -o",
        *_left(output),
    ]


def _left(output: Path | None) -> list[str]:
    from rydberg_qmem.running.stored import progress_of

    done, total = (None if output is None else progress_of(output)) or (0, 0)
    return [f"done: {done} of {total} cohorts; the other shards, or rqm resume, bring the rest"] if done < total else []


def _plotted(record: xr.Dataset, path: Path, drive: str, response: str) -> list[str]:
    """Draw the loop of each point, and return what there is to say about it."""
    without_screen()
    from rydberg_qmem.analysis.hysteresis import hysteresis
    from rydberg_qmem.analysis.sweep_points import points_of
    from rydberg_qmem.plots import hysteresis as draw_loop

    lines, ax = [f"plot: {path}"], None
    rough: dict[str, None] = {}
    for label, point in points_of(record):
        ax = draw_loop(point, drive=drive, response=response, ax=ax, label=label)
        figures = hysteresis(point, drive=drive, response=response)
        area = with_error(float(figures.area), float(figures.area_error))
        lines.append(f"loop area{f' at {label}' if label else ''}: {area} ({response} against {drive})")
        rough |= {figures.attrs["errors"]: None} if "errors" in figures.attrs else {}
    save_picture(ax, path)
    return [*lines, *rough]


@app.command(cls=Command)
def estimate(
    program: ProgramName,
    shots: Shots = None,
    exact: ExactMeans = False,
    settings: Settings = None,
    rounds: Rounds = None,
    emulator: EmulatorName = "exact",
    emulator_option: EmulatorOptions = None,
    noise: NoiseFields = None,
    hardware: Hardware = None,
    state: StateKind = "auto",
    neglect: Neglect = 1e-10,
    accuracy: Accuracy = None,
) -> None:
    """Say what a run will take, time and memory, and how each segment will be computed: runs a few rounds."""
    from rydberg_qmem.gallery import load
    from rydberg_qmem.running.estimate import estimate as estimated

    loaded = load(program)
    made = estimated(
        loaded,
        shots=shots_of(shots, exact),
        parameters=parameters_of(settings),
        rounds=rounds_of(loaded, rounds),
        emulator=emulator_with(emulator, emulator_option),
        noise=noise_of(noise),
        hardware=hardware,
        state=state,
        neglect=neglect,
        accuracy=accuracy,
    )
    echo([str(made)])
