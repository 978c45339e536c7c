"""Check a program before it runs: names, atoms, keys, bases, timing and device limits; every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from rydberg_qmem.arguments import taking
from rydberg_qmem.compile.bind import SETTINGS, bind_parameters
from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.frames import frames_of
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.devices import device_of, make_target
from rydberg_qmem.errors import Findings, InputError, Problem, ProgramError, QmemError
from rydberg_qmem.language import library
from rydberg_qmem.language.hardware import HardwareProfile, profile_of
from rydberg_qmem.language.program import Program
from rydberg_qmem.pulses import validate_register
from rydberg_qmem.verification._block_references import Checker
from rydberg_qmem.verification._budget import Budget, Undecided
from rydberg_qmem.verification._findings import as_problem, located
from rydberg_qmem.verification._limits import UNDECIDED, limits
from rydberg_qmem.verification._names import clashes
from rydberg_qmem.verification._notes import degrees, unread
from rydberg_qmem.verification._segment_limits import MOST_SCHEDULED, segment_problems, too_long_after_pauses
from rydberg_qmem.verification._sizes import sizes

MAX_ATOMS = 256


@taking(program=library.program, **SETTINGS)
def check(
    program: Program | str | Path | Mapping[str, Any],
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    hardware: HardwareProfile | Mapping[str, Any] | str | Path | None = None,
) -> Findings:
    """Return every problem of a program, with file, line and column where it came from a file; an empty list may run.

    A control that some outcomes take beyond a limit is a problem, with these outcomes, however improbable; one that
    can neither be proved to keep its limits nor be shown to break them is one of the `notes`, and no problem: the
    run checks each value. With a hardware profile that loses atoms, proofs hold for lost ones too, which read -1.

    Args:
        program: A `Program`, the name of a bundled one, the path of a file, or what `Program.to_dict` gives.
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.
        inputs: For each input by name, an expression of the round k, or one number for each round, shape (rounds,).
        rounds: How many rounds the inputs that are expressions have; as the program says if not given.
        hardware: A `HardwareProfile`, a mapping of its fields, a profile's name, or a path; the program's own if not
            given.

    Raises InputError for arguments of the wrong kind, or where no program can be read; ProgramError for a file whose
    content is no program. What is wrong with a program that was read is returned.

    >>> program = Program(name="p", register={"atoms": {"q": (0, 0)}}, body=[{"measure": {"atoms": "p", "key": "m"}}])
    >>> [str(problem) for problem in check(program)]
    ["body[0].measure.atoms: must be an atom of the register; known: q ('p')"]
    """
    return check_and_compile(
        library.load(program), parameters=parameters, inputs=inputs, rounds=rounds, hardware=hardware
    )[0]


def check_and_compile(
    program: Program,
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
    hardware: HardwareProfile | Mapping[str, Any] | str | Path | None = None,
) -> tuple[Findings, Compiled | None]:
    """Return what `check` returns, and the program compiled, where it came that far."""
    compiled: list[Compiled] = []
    found = list(_check(program, parameters, inputs, rounds, compiled))
    if compiled and not Findings(found):
        found += _values(compiled[0], _profile(program, hardware))
    return located(program, found), compiled[0] if compiled else None


def check_values(
    compiled: Compiled, *, hardware: HardwareProfile | Mapping[str, Any] | str | Path | None = None
) -> Findings:
    """Return what is wrong with the values of a compiled program whose names, atoms and numbers were checked."""
    return located(compiled.program, _values(compiled, _profile(compiled.program, hardware)))


def compile_checked(
    program: Program,
    *,
    parameters: Mapping[str, float] | None = None,
    inputs: Mapping[str, ArrayLike | str] | None = None,
    rounds: int | None = None,
) -> Compiled:
    """Return a program compiled, or raise ProgramError with all that is wrong with its names, atoms and numbers.

    Nothing is proved of the values that its controls take.
    """
    compiled: list[Compiled] = []
    found = located(program, _check(program, parameters, inputs, rounds, compiled))
    if found:
        raise ProgramError(found)
    return compiled[0]


def _profile(
    program: Program, hardware: HardwareProfile | Mapping[str, Any] | str | Path | None
) -> HardwareProfile | None:
    return profile_of(hardware if hardware is not None else program.hardware)


def _check(
    program: Program,
    parameters: Mapping[str, float] | None,
    inputs: Mapping[str, ArrayLike | str] | None,
    rounds: int | None,
    compiled: list[Compiled],
) -> Iterator[Problem]:
    """Yield what is wrong before any value is looked at; append the program compiled, where it comes that far."""
    large = list(sizes(program))
    yield from large
    if large:
        return
    names = list(clashes(program))
    yield from names
    try:
        device = device_of(program)
    except QmemError as error:
        yield Problem("device", str(error))
        return
    if len(program.register.names) > MAX_ATOMS:
        yield Problem("register", f"must hold at most {MAX_ATOMS} atoms", str(len(program.register.names)))
        return
    checker = Checker(program, device)
    yield from checker.run()
    if names or checker.found:
        return
    yield from degrees(program)
    yield from unread(program)
    try:
        compiled.append(_compiled(program, parameters, inputs, rounds))
    except QmemError as error:
        yield as_problem(error)


def _compiled(
    program: Program,
    parameters: Mapping[str, float] | None,
    inputs: Mapping[str, ArrayLike | str] | None,
    rounds: int | None,
) -> Compiled:
    """Look at numbers and register, and compile."""
    bind_parameters(program, parameters)
    if rounds is not None and not program.inputs:
        raise InputError(f"rounds: program {program.name!r} has no input whose rounds could be set")
    validate_register(make_target(program, bases_of(program)))
    return compile_program(program, parameters=parameters, inputs=inputs, rounds=rounds)


def _values(compiled: Compiled, profile: HardwareProfile | None) -> Iterator[Problem]:
    """Schedule; what can be evaluated before the run is held against the limits."""
    budget = Budget(MOST_SCHEDULED)
    found: list[Problem] = []
    try:
        found += segment_problems(compiled, budget)
        found += () if Findings(found) else frames_of(compiled).problems.values()
        if profile is None and not Findings(found):  # else the pauses pass while atoms are measured and reset
            found += too_long_after_pauses(compiled, budget)
    except Undecided:
        found.append(UNDECIDED)
    yield from found
    if not Findings(found):
        yield from limits(compiled, loses=profile is not None and profile.loss > 0)
