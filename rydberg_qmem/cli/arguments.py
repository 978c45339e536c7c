"""From the text of options to values: NAME=VALUE pairs, expressions, sweeps, shots and rounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rydberg_qmem.errors import InputError, Problem, ProgramError, short

if TYPE_CHECKING:
    from rydberg_qmem.compile.compiled import Compiled
    from rydberg_qmem.emulators.protocol import Emulator
    from rydberg_qmem.language.expressions import Expression
    from rydberg_qmem.language.program import Program


def checked(program: Program, parameters: Mapping[str, float], **signals: Any) -> Compiled:
    """Return the compiled program, or raise all its problems at once."""
    return checked_with_notes(program, parameters, **signals)[0]


def checked_with_notes(
    program: Program, parameters: Mapping[str, float], **signals: Any
) -> tuple[Compiled, tuple[Problem, ...]]:
    """Return the compiled program and the notes on it, or raise all its problems at once."""
    from rydberg_qmem.compile.segments import compile_program
    from rydberg_qmem.verification import check as check_program

    problems = check_program(program, parameters=parameters, **signals)
    if problems:
        raise ProgramError(problems)
    return compile_program(program, parameters=parameters, **signals), problems.notes


def shots_of(shots: int | None, exact: bool) -> int | None:
    """Return how many shots were asked for; None asks for exact expectation values."""
    if exact and shots is not None:
        raise InputError("--shots and --exact exclude each other")
    if shots is not None and shots < 1:
        raise InputError(f"--shots: must be at least 1; for expectation values without sampling give --exact ({shots})")
    return None if exact else 1000 if shots is None else shots


def rounds_of(program: Program, rounds: int | None) -> int | None:
    """Return how many rounds were asked for; only inputs have rounds to set."""
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
    from rydberg_qmem.language.evaluation import ExpressionError
    from rydberg_qmem.language.expressions import Expression

    try:
        return Expression(text)
    except ExpressionError as error:
        raise InputError(f"{place}: {error}") from None


def _number(text: str, place: str) -> float:
    from rydberg_qmem.compile.bind import known_number

    return known_number(_expression(text, place), {}, place)


def inputs_of(given: Iterable[str] | None) -> dict[str, str]:
    """Return `--input` as expressions of the round."""
    return {name: str(_expression(text, f"--input {name}")) for name, text in _pairs(given, "--input").items()}


def parameters_of(settings: Iterable[str] | None) -> dict[str, float]:
    """Return `--set` as numbers."""
    return {name: _number(value, f"--set {name}") for name, value in _pairs(settings, "--set").items()}


def noise_of(given: Sequence[str] | None) -> dict[str, Any] | None:
    """Return `--noise` as a mapping: fields given one by one, or one file of them."""
    if not given:
        return None
    from rydberg_qmem.language import files

    if len(given) == 1 and "=" not in given[0]:
        data, _ = files.parse(files.read_text(Path(given[0])), given[0])
        if not isinstance(data, dict):
            raise InputError(f"--noise: must be a mapping of fields ({given[0]})")
        return data
    return {name: _number(value, f"--noise {name}") for name, value in _pairs(given, "--noise").items()}


def numbers_of(given: Iterable[str] | None, option: str) -> dict[str, float]:
    """Return NAME=VALUE arguments as numbers."""
    return {name: _number(value, f"{option} {name}") for name, value in _pairs(given, option).items()}


def emulator_with(name: str, given: Iterable[str] | None) -> str | Emulator:
    """Return the emulator of a name, set up with `--emulator-option` as numbers, or as true and false."""
    from rydberg_qmem.emulators.registry import with_options

    return with_options(name, {key: _option(text, key) for key, text in _pairs(given, "--emulator-option").items()})


def _option(text: str, name: str) -> bool | float:
    if text in ("true", "false"):
        return text == "true"
    value = _number(text, f"--emulator-option {name}")
    return int(value) if value.is_integer() else value


def variables_of(given: Iterable[str] | None) -> dict[str, Any]:
    """Return `--set` as values of a sequence's variables: numbers, or several parted by colons."""
    return {name: _setting(text, name, option="--set") for name, text in _pairs(given, "--set").items()}


def traps_of(given: Iterable[str] | None) -> dict[str, int] | None:
    """Return `--qubits` as the trap of each qubit; they may stand in one text, parted by commas."""
    pairs = [pair for text in given or () for pair in text.split(",")]
    made: dict[str, int] = {}
    for name, text in _pairs(pairs, "--qubits").items():
        if not text.isdecimal():
            raise InputError(f"--qubits {name}: must be the number of a trap, from 0 ({short(text)})")
        made[name] = int(text)
    return made or None


def sweep_of(given: Iterable[str] | None, settings: Iterable[str] | None) -> dict[str, list[Any]]:
    """Return axes, NAME=V1,V2 or A,B=A1:B1,A2:B2 for what goes together; what is swept cannot be set too."""
    swept = _pairs(given, "--sweep")
    for name in {name.strip() for axis in swept for name in axis.split(",")} & _pairs(settings, "--set").keys():
        raise InputError(f"--sweep: {name} is set by --set too")
    return {axis: [_setting(text, axis) for text in values.split(",")] for axis, values in swept.items()}


def _setting(text: str, axis: str, *, option: str = "--sweep") -> Any:
    values = tuple(_number(value, f"{option} {axis}") for value in text.split(":"))
    return values if len(values) > 1 else values[0]
