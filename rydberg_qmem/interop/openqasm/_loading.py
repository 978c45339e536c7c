"""From OpenQASM to a program: read, translated, placed and checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.devices import device_of
from rydberg_qmem.errors import InputError, ProgramError
from rydberg_qmem.interop.openqasm._assigned import cells_of
from rydberg_qmem.interop.openqasm._placement import placed
from rydberg_qmem.interop.openqasm._reading import parsed, refuse
from rydberg_qmem.interop.openqasm._scopes import TAKEN
from rydberg_qmem.interop.openqasm._statements import call, play
from rydberg_qmem.interop.openqasm._translation import Call, Translation
from rydberg_qmem.language.files import read_text
from rydberg_qmem.language.program import Program, name_of
from rydberg_qmem.verification import check

PASSES = 4
MAX_WHILE_ROUNDS = 10_000


@arguments.taking(
    name=arguments.optional(arguments.text),
    device=arguments.text,
    spacing_um=arguments.optional(arguments.real()),
    parameters=arguments.optional(arguments.names_to("numbers", arguments.real())),
    while_rounds=arguments.optional(arguments.whole(1, MAX_WHILE_ROUNDS)),
)
def from_openqasm(
    source: str | Path, *, name: str | None = None, device: str = "DigitalAnalogDevice", register: Any = None,
    spacing_um: float | None = None, parameters: Mapping[str, float] | None = None, while_rounds: int | None = None,
) -> Program:  # fmt: skip
    """Return the program of an OpenQASM 3 circuit, or of one of OpenQASM 2.

    Qubits become atoms in g, in the order of their declarations; bits become keys where they are measured once, else
    memory, as numbers do; `if` becomes `when`, and a `for` a `repeat` where its variable is no index. Gates become
    rotations, `cz`, `cphase`, `cnot` and `swap`; global phases are dropped, which `about` says. Known numbers are
    computed while the file is read, subroutines and gates written out.

    Atoms stand in a row, 5 µm apart, or less where a gate joins atoms that are no neighbours, so that pairs are within
    7 µm; where the device allows no such row, on a triangular patch; else as far apart as gates reach.

    Args:
        source: The text, or the path of a file.
        name: Name of the program; the file's, or `circuit`, if not given.
        device: A device of Pulser's, or of the program; it needs local channels on both transitions.
        register: Where the atoms are, by the names of the qubits (`q0`, `q1`, … for `qubit[2] q`); a row if not given.
        spacing_um: Distance (µm) of neighbours in the row, in place of the rule.
        parameters: Numbers for the inputs of the file, by name.
        while_rounds: How many rounds a `while` goes on at most whose condition only the run knows; the memory
            `unfinished` is then 1 for shots whose loop was cut. Such loops are refused if it is not given.

    Raises ProgramError, with line and column, for text that is no OpenQASM and for what no program can say, with the
    way out; InputError where the parser is not installed (`pip install 'rydberg_qmem[openqasm]'`).

    >>> text = 'include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
    >>> [block.kind for block in from_openqasm(text).body]
    ['rotate', 'rotate', 'cnot', 'measure']
    """
    text, file = _text(source)
    wanted = name or (name_of(Path(file)) if file else "circuit")
    try:
        return _program(text, wanted, device, register, spacing_um, parameters or {}, while_rounds)
    except ProgramError as error:
        at = (problem.at(file, problem.line, problem.column) for problem in error.problems)
        raise ProgramError(at) from None
    except RecursionError:
        raise ProgramError([]) from None


def _text(source: str | Path) -> tuple[str, str | None]:
    """Return the text of a circuit and its file, if it is one: a path has one line and no `;`."""
    if isinstance(source, str) and (";" in source or "\n" in source or not source.strip()):
        return source, None
    if not isinstance(source, str | Path):
        raise arguments.refuse("source", "OpenQASM text or the path of a file", source)
    return read_text(Path(source)), str(source)


def _program(
    text: str, name: str, device: str, register: Any, spacing_um: float | None, inputs: Mapping[str, float],
    rounds: int | None,
) -> Program:  # fmt: skip
    tree = parsed(text)
    atom = {"atoms": {"q": (0, 0)}}
    played_on = device_of(Program.model_validate({"name": "circuit", "device": device, "register": atom, "body": ()}))
    made = _translated(tree, played_on, inputs, rounds)
    unused = inputs.keys() - _inputs(tree)
    if unused:
        raise InputError(f"parameters: the file has no input {sorted(unused)[0]!r}")
    if not made.atoms:
        refuse(tree, "", "declares no qubit, so that there is nothing to place")
    place, where = placed(made.atoms, made.pairs, played_on, register, spacing_um)
    program = Program.from_dict(
        {
            "name": name,
            "about": _about(made, where),
            "device": device,
            "register": place,
            "parameters": made.parameters,
            "memory": {cell: {"initial": value} for cell, value in made.memory.items()},
            "body": made.blocks,
        }
    )
    problems = check(program)
    if problems:
        raise ProgramError(replace(problem, place=f"as a program: {problem.place}") for problem in problems)
    return program


def _inputs(tree: Any) -> set[str]:
    return {one.identifier.name for one in tree.statements if type(one).__name__ == "IODeclaration"}


def _translated(tree: Any, device: Any, inputs: Mapping[str, float], rounds: int | None) -> Translation:
    """Translate, again where a bit that had a key of its own turned out to need memory."""
    in_memory: Collection[int] = ()
    for _ in range(PASSES):
        made = Translation(device, {}, inputs, rounds, in_memory, play, call)
        made.namer.taken |= TAKEN
        made.frames.append(Call(None, made.flag()))
        made.play(made, tree.statements)
        again = made.wanted & made.direct
        if not again:
            break
        in_memory = {*in_memory, *again}
    else:
        raise AssertionError("bits that need memory are found within a few passes")
    for meaning in list(made.scope.names.values()):
        for cell in cells_of(meaning):
            if cell.kept and cell.value is not None:
                cell.pins += 1
                made.assign((cell, cell.value))
    return made


def _about(made: Translation, where: str) -> str:
    """Return what was done to the circuit, in words."""
    said = [f"From OpenQASM. Atoms stand in {where}."]
    phases, cut, hints = (made.notes[key] for key in ("global phases", "loops cut", "annotations"))
    if phases:
        said.append(f"Global phases of {phases} gate{'s' * (phases != 1)} are dropped.")
    if cut:
        said.append(
            f"{cut} while loop{'s' * (cut != 1)} end after a number of rounds; `unfinished` says where one was cut."
        )
    if hints:
        said.append(f"{hints} annotation{'s' * (hints != 1)} left out.")
    return " ".join(said)
