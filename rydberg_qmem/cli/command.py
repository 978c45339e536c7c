"""The application that commands register with, how their errors are told, and the arguments they share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from rydberg_qmem.cli.ending import exit_code_of, is_full_output, leave_output
from rydberg_qmem.cli.text import echo
from rydberg_qmem.errors import QmemError


class Command(TyperCommand):
    """A command whose errors are one plain message on stderr and an exit code; `--debug` may follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take `--debug` out wherever it stands."""
        if "--debug" in args:
            ctx.find_root().params["debug"] = True
        return super().parse_args(ctx, [arg for arg in args if arg != "--debug"])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what it raises becomes an exit code."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:  # whoever read our output has had enough of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            debug = bool(ctx.find_root().params.get("debug"))
            raise typer.Exit(
                leave_output(error) if is_full_output(error) else print_error(error, debug=debug)
            ) from None
        except KeyboardInterrupt as stopped:
            echo(["interrupted", *getattr(stopped, "__notes__", ())], err=True)
            raise typer.Exit(exit_code_of(stopped)) from None
        except Exception as error:
            debug = bool(ctx.find_root().params.get("debug"))
            raise typer.Exit(print_error(error, debug=debug)) from None


def print_error(error: Exception, *, debug: bool) -> int:
    """Write what went wrong to stderr and return the exit code."""
    if debug:
        import traceback

        traceback.print_exception(error)
        return getattr(error, "exit_code", 1)
    if isinstance(error, QmemError):
        echo([str(error)], err=True)
        return error.exit_code
    what = f"{type(error).__name__}: {error}".replace("\n", " ")
    echo([f"internal error: {what}; run with --debug"], err=True)
    return 1


app = typer.Typer(
    name="rqm",
    help="Programs for neutral atoms that measure in the middle, reset and feed forward.",
    epilog="Exit codes: 0 done, 1 the run failed, 2 bad input, 130 interrupted, 143 ended by the system.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ProgramName = Annotated[str, typer.Argument(metavar="PROGRAM", help="A ready sequence's name, or a path.")]
Store = Annotated[Path, typer.Argument(metavar="STORE", help="A record written by `rqm run -o`.")]
NoiseFields = Annotated[
    list[str] | None,
    typer.Option("--noise", metavar="FIELD=VALUE", help="A field of Pulser's NoiseModel, or a YAML file of them."),
]
Hardware = Annotated[
    str | None, typer.Option("--hardware", help="A profile (ideal, zoned_2024, fast_cavity) or a YAML file.")
]
StateKind = Annotated[str, typer.Option("--state", help="vector, density_matrix, or auto: the cheaper one.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter; may be given several times."),
]
Workers = Annotated[int, typer.Option(help="How many processes.")]
Shard = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Do the I-th of N shares of the work; all shares write into one record."),
]
Neglect = Annotated[
    float,
    typer.Option(
        metavar="RAD", help="Leave out interactions of unentangled atoms that turn no amplitude by more in a segment."
    ),
]
Accuracy = Annotated[
    float | None,
    typer.Option(help="Leave out what makes an infidelity of so much at the most, in all; in place of --neglect."),
]
EmulatorOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--emulator-option", metavar="NAME=VALUE", help="An option of the emulator's class, such as gpu=true."
    ),
]
MaxMemory = Annotated[float, typer.Option(metavar="GB", help="Refuse a run that would need more memory.")]


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
