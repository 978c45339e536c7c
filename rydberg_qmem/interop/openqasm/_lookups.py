"""What names stand for where they are read, and their present values."""

from __future__ import annotations

from typing import Any, NoReturn

from rydberg_qmem.errors import ProgramError, did_you_mean
from rydberg_qmem.interop.openqasm._functions import CONSTANTS
from rydberg_qmem.interop.openqasm._reading import NeedsKnown, refuse
from rydberg_qmem.interop.openqasm._scopes import Array, Atoms, BitRegister, Cell, Gate, Meaning, Scope, Subroutine
from rydberg_qmem.interop.openqasm._terms import MustBeKnown, Unsaid
from rydberg_qmem.interop.openqasm._translation import Translation
from rydberg_qmem.interop.openqasm._values import FLOAT, Bits, Number, Value, known


def refuse_unsaid(node: Any, place: str, error: Unsaid) -> NoReturn:
    """Refuse what arithmetic cannot say, as what needs a known number where it is that."""
    refuse(node, place, str(error), error=NeedsKnown if isinstance(error, MustBeKnown) else ProgramError)


def meaning(here: Translation, node: Any) -> Meaning:
    """Return what an identifier stands for; refuse one that stands for nothing here."""
    found = here.scope.find(node.name)
    if found is not None:
        return found
    if node.name in CONSTANTS:
        return known(FLOAT, CONSTANTS[node.name])
    refuse(node, node.name, f"is not declared here{did_you_mean(node.name, _names(here))}")


def _names(here: Translation) -> list[str]:
    found: list[str] = []
    scope: Scope | None = here.scope
    while scope is not None:
        found += scope.names
        scope = scope.outer
    return found


def value_of(here: Translation, node: Any, found: Meaning) -> Value:
    """Return the present value of what a name stands for."""
    match found:
        case Number() | Bits():
            return found
        case Cell():
            return found.number
        case BitRegister(cells=cells):
            return Bits(tuple(cell.number for cell in cells))
        case _:
            what = {Atoms: "qubits", Array: "a whole array", Gate: "a gate", Subroutine: "a subroutine"}[type(found)]
            refuse(node, "", f"{what} cannot stand in an expression")
