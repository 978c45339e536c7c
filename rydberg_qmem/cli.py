"""The command line `rqm`: list, show, check, draw and run programs; look at and analyse their records."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer
from typer.core import TyperCommand

from rydberg_qmem.errors import InputError, ProgramError, QmemError, did_you_mean, short

if TYPE_CHECKING:
    import xarray as xr

    from rydberg_qmem.compile.steps import Compiled
    from rydberg_qmem.execute.run import Progress
    from rydberg_qmem.language.blocks import AnyBlock
    from rydberg_qmem.language.expressions import Expression
    from rydberg_qmem.language.program import Program

INTERRUPTED = 130
PICTURES = (".png", ".pdf", ".svg")
MOST_LOOPS = 8
"""As many sweep points can be told apart by colour in one plot."""


class _Command(TyperCommand):
    """A command whose errors are one plain message on stderr and an exit code; `--debug` may follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--debug" in args:
            ctx.find_root().params["debug"] = True
        return super().parse_args(ctx, [arg for arg in args if arg != "--debug"])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:  # whoever read our output has had enough of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            debug = bool(ctx.find_root().params.get("debug"))
            raise typer.Exit(_told(error, debug=debug)) from None


def _told(error: Exception, *, debug: bool) -> int:
    """Write what went wrong to stderr and return the exit code."""
    if debug:
        import traceback

        traceback.print_exception(error)
        return getattr(error, "exit_code", 1)
    if isinstance(error, QmemError):
        typer.echo(str(error), err=True)
        return error.exit_code
    what = f"{type(error).__name__}: {error}".replace("\n", " ")
    typer.echo(f"internal error: {what}; run with --debug", err=True)
    return 1


app = typer.Typer(
    name="rqm",
    help="Programs for neutral atoms that measure in the middle, reset and feed forward.",
    epilog="Exit codes: 0 done, 1 the run failed, 2 bad input, 130 interrupted.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ProgramName = Annotated[str, typer.Argument(metavar="PROGRAM", help="A ready sequence's name, or a path.")]
Store = Annotated[Path, typer.Argument(metavar="STORE", help="A record written by `rqm run -o`.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; may be given several times."),
]


def _version(wanted: bool) -> None:
    if wanted:
        from rydberg_qmem import __version__

        typer.echo(f"rqm {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Programs for neutral atoms that measure in the middle, reset and feed forward."""


@app.command("list", cls=_Command)
def list_(
    text: Annotated[
        str | None, typer.Argument(metavar="[TAG-OR-TEXT]", help="Show only those with this tag or text.")
    ] = None,
) -> None:
    """List the ready sequences."""
    from rydberg_qmem.gallery import entries

    found = entries(text or "")
    if found:
        rows = [(entry.name, ", ".join(entry.tags), entry.summary) for entry in found]
        _echo(_to_terminal(_aligned([("name", "tags", "about"), *rows])))
        return
    tags = sorted({tag for entry in entries() for tag in entry.tags})
    typer.echo(f"no ready sequence has {text!r}{did_you_mean(text or '', tags)}", err=True)


def _to_terminal(lines: Iterable[str]) -> list[str]:
    """Return lines cut to the width of the terminal, if they go to one."""
    if not sys.stdout.isatty():
        return list(lines)
    from shutil import get_terminal_size

    width = get_terminal_size().columns
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


@app.command(cls=_Command)
def show(program: ProgramName) -> None:
    """Show a program as an indented tree."""
    from rydberg_qmem.gallery import load

    _echo(_tree(load(program)))


@app.command(cls=_Command)
def check(program: ProgramName, settings: Settings = None) -> None:
    """Check a program: say everything that is wrong with it, or ok."""
    from rydberg_qmem.gallery import load

    loaded = load(program)
    compiled = _checked(loaded, _parameters(settings))
    atoms = len(loaded.register.names)
    loops = "".join(f", {name} {times}" for name, times in compiled.rounds.items())
    noun = "atom" if atoms == 1 else "atoms"
    typer.echo(f"ok: {loaded.name}, {atoms} {noun} on {loaded.device_name}{loops}, {loaded.fingerprint()[:12]}")


def _checked(program: Program, parameters: Mapping[str, float], **signals: Any) -> Compiled:
    """Return the compiled program, or raise all its problems at once."""
    from rydberg_qmem.compile.check import check as check_program
    from rydberg_qmem.compile.segments import compile_program

    problems = check_program(program, parameters=parameters, **signals)
    if problems:
        raise ProgramError(problems)
    return compile_program(program, parameters=parameters, **signals)


@app.command(cls=_Command)
def draw(
    program: ProgramName,
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture: .png, .pdf or .svg.")],
) -> None:
    """Draw a program: atoms, pulses, measurements, and the memory that they feed."""
    from rydberg_qmem.gallery import load

    loaded = load(program)
    _picture_place(output, "--output")
    _without_screen()
    from rydberg_qmem.plots.program import program as draw_program

    _save(draw_program(loaded), output)
    typer.echo(str(output))


def _picture_place(path: Path, option: str) -> None:
    """Refuse, before any work, a place where no picture can be written."""
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{option}: must end in {', '.join(PICTURES)} ({path})")
    if path.is_dir():
        raise InputError(f"{option}: is a folder ({path})")
    _make_parent(path, option)


def _make_parent(path: Path, option: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{option}: its folder cannot be made ({error})") from None


def _without_screen() -> None:
    os.environ.setdefault("MPLBACKEND", "agg")


def _save(ax: Any, path: Path) -> None:
    try:
        ax.figure.savefig(path, dpi=300)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error})") from None


@app.command(cls=_Command)
def run(
    program: ProgramName,
    shots: Annotated[int | None, typer.Option(help="How many shots (default 1000).")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Sample nothing: exact expectation values.")] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the random numbers; drawn if not given.")] = None,
    settings: Settings = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=EXPRESSION", help="An input, as an expression of the round k."),
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="How many rounds the inputs last.")] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=V1,V2,…", help="Run all combinations of these parameter values."),
    ] = None,
    emulator: Annotated[str, typer.Option(help="exact, ideal, qutip, emu_sv or emu_mps.")] = "exact",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to keep the record.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a record that is there.")] = False,
    workers: Annotated[int, typer.Option(help="How many processes.")] = 1,
    plot: Annotated[Path | None, typer.Option(help="Draw the hysteresis loop: .png, .pdf or .svg.")] = None,
    drive: Annotated[str | None, typer.Option(help="What the plot shows along x.")] = None,
    response: Annotated[str | None, typer.Option(help="What the plot shows along y; key.atom for one atom.")] = None,
) -> None:
    """Run a program and keep its record."""
    from rydberg_qmem.execute.run import run as run_program
    from rydberg_qmem.gallery import load

    loaded = load(program)
    parameters, points = _parameters(settings), _sweep(sweep, settings)
    signals: dict[str, Any] = {"inputs": _inputs(inputs), "rounds": _rounds(loaded, rounds)}
    wanted = _shots(shots, exact)
    if plot is not None:
        _picture_place(plot, "--plot")
        _few_loops(points)
        first = {name: values[0] for name, values in points.items()}
        drive, response = _loop_of(_checked(loaded, {**parameters, **first}, **signals), drive, response)
    with _progress() as progress:
        record = run_program(
            loaded, parameters=parameters, shots=wanted, seed=seed, emulator=emulator, sweep=points or None,
            store=output, overwrite=overwrite, workers=workers, progress=progress, **signals,
        )  # fmt: skip
    lines = _summary(record, output)
    try:
        if plot is not None and drive is not None and response is not None:
            lines += _plotted(record, plot, drive, response)
    finally:
        _echo(lines)


def _shots(shots: int | None, exact: bool) -> int | None:
    if exact and shots is not None:
        raise InputError("--shots and --exact exclude each other")
    return None if exact else 1000 if shots is None else shots


def _rounds(program: Program, rounds: int | None) -> int | None:
    if rounds is not None and not program.inputs:
        raise InputError(f"--rounds: program {program.name!r} has no input whose rounds could be set")
    return rounds


def _pairs(given: Iterable[str] | None, option: str) -> dict[str, str]:
    """Return NAME=VALUE arguments as a mapping."""
    found: dict[str, str] = {}
    for text in given or ():
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise InputError(f"{option}: must be NAME=VALUE ({short(text)})")
        if name in found:
            raise InputError(f"{option}: {name} is given twice")
        found[name] = value
    return found


def _expression(text: str, place: str) -> Expression:
    from rydberg_qmem.language.expressions import Expression, ExpressionError

    try:
        return Expression(text)
    except ExpressionError as error:
        raise InputError(f"{place}: {error}") from None


def _number(text: str, place: str) -> float:
    from rydberg_qmem.compile.bind import number

    return number(_expression(text, place), {}, place)


def _inputs(given: Iterable[str] | None) -> dict[str, str]:
    return {name: str(_expression(text, f"--input {name}")) for name, text in _pairs(given, "--input").items()}


def _parameters(settings: Iterable[str] | None) -> dict[str, float]:
    return {name: _number(value, f"--set {name}") for name, value in _pairs(settings, "--set").items()}


def _sweep(given: Iterable[str] | None, settings: Iterable[str] | None) -> dict[str, list[float]]:
    swept = _pairs(given, "--sweep")
    for name in swept.keys() & _pairs(settings, "--set").keys():
        raise InputError(f"--sweep: {name} is set by --set too")
    return {name: [_number(value, f"--sweep {name}") for value in values.split(",")] for name, values in swept.items()}


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
    """Return the names of all series over rounds that the record will hold, a key's atoms one by one."""
    found: list[str] = []
    for variable in compiled.variables:
        if variable.name in compiled.keys and len(compiled.keys[variable.name]) > 1:
            found += [f"{variable.name}.{atom}" for atom in compiled.keys[variable.name]]
        elif variable.loops and not variable.extra_dims:
            found.append(variable.name)
    return found


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Give a function that shows progress on stderr, or None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("running", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _summary(record: xr.Dataset, output: Path | None) -> list[str]:
    attrs = record.attrs
    sampled = "exact" if attrs["shots"] == "exact" else f"{attrs['shots']} shots, seed {attrs['seed']}"
    return [
        f"{attrs['title']}: {sampled}, emulator {attrs['emulator']}, {attrs['wall_s']:.2f} s",
        f"dims: {_sizes(record.sizes)}",
        f"file: {output}" if output is not None else "file: none; keep the record with -o",
    ]


def _sizes(sizes: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {size}" for name, size in sizes.items()) or "none"


def _plotted(record: xr.Dataset, path: Path, drive: str, response: str) -> list[str]:
    """Draw the loop of each point, and return what there is to say about it."""
    _without_screen()
    from rydberg_qmem.analysis.hysteresis import hysteresis
    from rydberg_qmem.plots.hysteresis import hysteresis as draw_loop

    lines, ax = [f"plot: {path}"], None
    for label, point in _points(record):
        ax = draw_loop(point, drive=drive, response=response, ax=ax, label=label)
        figures = hysteresis(point, drive=drive, response=response)
        area = _with_error(float(figures.area), float(figures.area_error))
        lines.append(f"loop area{f' at {label}' if label else ''}: {area} ({response} against {drive})")
    _save(ax, path)
    return lines


def _points(record: xr.Dataset) -> Iterator[tuple[str | None, xr.Dataset]]:
    """Yield each point of a sweep with its setting as text; a record without a sweep is one point."""
    if "point" not in record.dims:
        yield None, record
        return
    swept = [name for name, c in record.coords.items() if c.dims == ("point",) and name != "point"]
    for i in range(record.sizes["point"]):
        point = record.isel(point=i, drop=True)
        yield ", ".join(f"{name} = {float(record[name][i]):g}" for name in swept), point


def _with_error(value: float, error: float) -> str:
    """Return value ± error, digits as the error allows.

    >>> _with_error(0.29512, 0.0031)
    '0.2951 ± 0.0031'
    >>> _with_error(0.294922, 0.0)
    '0.294922'
    """
    if not 0 < error < float("inf"):
        return f"{value:.6g}"
    from math import floor, log10

    digits = max(0, 1 - floor(log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


@app.command(cls=_Command)
def estimate(
    program: ProgramName,
    shots: Annotated[int | None, typer.Option(help="How many shots (default 1000).")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Sample nothing: exact expectation values.")] = False,
    settings: Settings = None,
    rounds: Annotated[int | None, typer.Option(help="How many rounds the inputs last.")] = None,
    emulator: Annotated[str, typer.Option(help="exact or ideal.")] = "exact",
) -> None:
    """Say what a run will take, time and memory, and how each segment will be computed: runs a few rounds."""
    from rydberg_qmem.execute.estimate import estimate as estimated
    from rydberg_qmem.gallery import load

    loaded = load(program)
    made = estimated(
        loaded,
        shots=_shots(shots, exact),
        parameters=_parameters(settings),
        rounds=_rounds(loaded, rounds),
        emulator=emulator,
    )
    typer.echo(str(made))


@app.command(cls=_Command)
def info(store: Store) -> None:
    """Say what is in a record."""
    import json

    from rydberg_qmem.execute.store import open_record

    record = open_record(store)
    attrs = record.attrs
    fields = {
        "title": "title", "program": "program_sha256", "device": "device", "levels": "levels", "shots": "shots",
        "seed": "seed", "emulator": "emulator", "made": "created_at", "seconds": "wall_s",
    }  # fmt: skip
    rows = [(label, str(attrs[name])) for label, name in fields.items() if name in attrs]
    for label in ("parameters", "versions"):
        values = json.loads(attrs.get(f"{label}_json", "{}"))
        shown = (
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
        )
        rows.append((label, ", ".join(shown) or "none"))
    rows += [("dims", _sizes(record.sizes)), ("size", f"{record.nbytes / 1e6:.3g} MB in memory")]
    _echo(_aligned(rows))
    variables = [
        (f"  {name}", str(v.dtype), _sizes(v.sizes), str(v.attrs.get("units", "")), str(v.attrs.get("long_name", "")))
        for name, v in record.data_vars.items()
    ]
    _echo(["variables", *_aligned(variables)])


@app.command(cls=_Command)
def analyse(
    store: Store,
    drive: Annotated[str, typer.Option(help="A variable of the record; key.atom for one atom.")],
    response: Annotated[str, typer.Option(help="A variable of the record; key.atom for one atom.")],
    period: Annotated[int | None, typer.Option(help="Rounds of one cycle; found if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Measure the hysteresis loop of a record: its last cycle, with errors."""
    from rydberg_qmem.analysis.hysteresis import hysteresis
    from rydberg_qmem.execute.store import open_record

    figures = hysteresis(open_record(store), drive=drive, response=response, period=period)
    if as_json:
        typer.echo(_json_of(figures, drive=drive, response=response))
        return
    for label, point in _points(figures):
        if label is not None:
            typer.echo(f"{label}:")
        _echo(_aligned(list(_measures(point))))


def _measures(figures: xr.Dataset) -> Iterator[tuple[str, str, str]]:
    for name, values in figures.data_vars.items():
        if str(name).endswith("_error"):
            continue
        error = f"{name}_error"
        value = float(values)
        shown = _with_error(value, float(figures[error])) if error in figures else f"{value:.6g}"
        yield str(name), shown, str(values.attrs.get("long_name", ""))


def _json_of(figures: xr.Dataset, **asked: str) -> str:
    """Return figures as JSON: numbers, or lists over the points of a sweep; what is not finite is null."""
    import json
    from math import isfinite

    def plain(values: Any) -> Any:
        if isinstance(values, list):
            return [plain(value) for value in values]
        return values if isfinite(values) else None

    swept = {str(name): plain(c.values.tolist()) for name, c in figures.coords.items() if c.dtype.kind in "iufb"}
    measures = {str(name): plain(values.values.tolist()) for name, values in figures.data_vars.items()}
    return json.dumps({**asked, **swept, **measures}, indent=2, allow_nan=False)


@app.command(cls=_Command)
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
    _make_parent(output, "--output")
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error})") from None


# Text


def _echo(lines: Iterable[str]) -> None:
    typer.echo("\n".join(lines))


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows as lines whose columns begin one below the other.

    >>> _aligned([("a", "1"), ("long", "2")])
    ['a     1', 'long  2']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _tree(program: Program) -> Iterator[str]:
    """Yield a program as lines of indented text."""
    yield program.name
    yield from (f"  {line}" for line in program.about.strip().splitlines())
    yield f"  device {program.device_name}"
    yield "  register (µm)"
    for name, place in program.register.positions.items():
        yield f"    {name} at {', '.join(f'{x:g}' for x in place)}"
    yield from _section("parameters", [f"{name} = {value}" for name, value in program.parameters.items()])
    yield from _section("inputs", [f"{name} = {_input_text(given)}" for name, given in program.inputs.items()])
    yield from _section("memory", [f"{name} = {_memory_text(kept)}" for name, kept in program.memory.items()])
    yield "  body"
    for block in program.body:
        yield from _block_tree(block, "    ")


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"  {title}"
        yield from (f"    {line}" for line in lines)


def _input_text(given: Any) -> str:
    if isinstance(given.default, tuple):
        return f"{short(list(given.default))}, {len(given.default)} rounds"
    return f"{given.default} for {given.rounds} rounds"


def _memory_text(kept: Any) -> str:
    return str(kept.initial) if kept.window is None else f"the last {kept.window} values, at first {kept.initial}"


def _block_tree(block: AnyBlock, indent: str) -> Iterator[str]:
    """Yield one block, and the blocks within it, as lines of indented text."""
    from rydberg_qmem.language import blocks as b

    match block:
        case b.Repeat(times=times, over=over):
            what = f"{times} times" if times is not None else f"for each {', '.join(over or ())}"
            named = "" if block.name is None else f" as {block.name}"
            yield f"{indent}repeat {what}{named} (counter {block.counter})"
            yield from _inside(block.body, indent)
        case b.When(condition=condition, then=then, otherwise=otherwise):
            yield f"{indent}when {condition}"
            yield from _inside(then, indent)
            if otherwise:
                yield f"{indent}otherwise"
                yield from _inside(otherwise, indent)
        case b.ForEach(atom=atoms, variable=variable):
            yield f"{indent}for_each ${variable} in {_value_text(atoms)}"
            yield from _inside(block.body, indent)
        case b.Set(values=values) | b.Push(values=values):
            yield from (f"{indent}{block.kind} {name} <- {value}" for name, value in values.items())
        case (
            b.Pulse() | b.DetuningMap() | b.Delay() | b.Align() | b.PhaseShift() | b.Rotate() | b.CZ() | b.CNOT()
            | b.Damp() | b.BeamSplitter() | b.WeakMeasure() | b.Measure() | b.Reset() | b.Probe()
        ):  # fmt: skip
            yield f"{indent}{block.kind} {_fields_text(block)}".rstrip()
        case _:
            assert_never(block)


def _inside(body: Iterable[AnyBlock], indent: str) -> Iterator[str]:
    for block in body:
        yield from _block_tree(block, f"{indent}  ")


def _fields_text(part: Any) -> str:
    """Return the fields of a block or waveform that differ from their defaults."""
    shown = []
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if field.is_required() or value != field.get_default():
            shown.append(f"{field.alias or name} {_value_text(value)}")
    return ", ".join(shown)


def _value_text(value: Any) -> str:
    if hasattr(type(value), "kind"):
        return f"{value.kind}({_fields_text(value)})"
    if isinstance(value, tuple):
        return _listed([_value_text(item) for item in value])
    if isinstance(value, dict):
        return _listed([f"{name}: {_value_text(item)}" for name, item in value.items()])
    return str(value)


def _listed(items: Sequence[str], most: int = 12) -> str:
    """Return items joined by commas in brackets, the middle of a long list left out.

    >>> _listed(["s", "a"])
    '[s, a]'
    >>> _listed([str(i) for i in range(100)], most=3)
    '[0, 1, …, 99]'
    """
    kept = list(items) if len(items) <= most else [*items[: most - 1], "…", items[-1]]
    return f"[{', '.join(kept)}]"


def main() -> None:
    """Run the command line: the entry point of `rqm`."""
    app()
