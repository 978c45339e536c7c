"""Qubits that statements name: atoms by their registers, or by a machine's own numbers."""

from __future__ import annotations

from typing import Any

from rydberg_qmem.interop.openqasm._expressions import MAX_QUBITS, resolved
from rydberg_qmem.interop.openqasm._reading import refuse
from rydberg_qmem.interop.openqasm._scopes import Atoms
from rydberg_qmem.interop.openqasm._translation import Translation


def qubits(here: Translation, node: Any) -> Atoms:
    """Return the atoms that an operand names; a machine's own `$k` is the k-th atom in the row."""
    name = getattr(node, "name", None)
    if isinstance(name, str) and name.startswith("$"):
        return _hardware(here, node, name)
    found = resolved(here, node)
    if not isinstance(found, Atoms):
        refuse(node, "", "must be qubits", getattr(name, "name", name))
    return found


def _hardware(here: Translation, node: Any, name: str) -> Atoms:
    if not name[1:].isdecimal() or int(name[1:]) >= MAX_QUBITS:
        refuse(node, name, f"must be one of $0 to ${MAX_QUBITS - 1}")
    wanted = f"${int(name[1:])}"
    top = here.scope
    while top.outer is not None:
        top = top.outer
    found = top.names.get(wanted)
    if not isinstance(found, Atoms):
        found = here.new_atoms(f"q{wanted[1:]}", 1, single=True)
        top.names[wanted] = found
    return found
