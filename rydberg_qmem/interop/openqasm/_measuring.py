"""Measurements: outcomes under keys, and the variables that take them."""

from __future__ import annotations

from typing import Any

from rydberg_qmem.interop.openqasm._operands import qubits
from rydberg_qmem.interop.openqasm._reading import refuse
from rydberg_qmem.interop.openqasm._scopes import Atoms, Cell
from rydberg_qmem.interop.openqasm._translation import Translation, measured_bit


def measure(here: Translation, node: Any, cells: tuple[Cell, ...] | None, register: str | None = None) -> None:
    """Append a measurement; its outcomes go into variables, if any are named.

    A bit that is measured once, outside of what the program decides, is read from the key of its own name; any other
    outcome is kept under a key of its own, and copied into the memory of its variable.
    """
    atoms = qubits(here, node.qubit)
    if cells is None:
        _block(here, atoms, here.namer.name("m"))
        return
    if len(cells) != len(atoms.names):
        refuse(node, "measure", f"gives {len(atoms.names)} bits, which do not fit into {len(cells)}")
    numbers = [here.number_of(cell) for cell in cells]
    direct = not any(
        cell.pins or n in here.in_memory or n in here.direct for cell, n in zip(cells, numbers, strict=True)
    )
    name = cells[0].name if len(cells) == 1 else register
    if direct and name is not None:
        here.direct.update(numbers)
        for cell, text in zip(cells, _block(here, atoms, name), strict=True):
            cell.value = measured_bit(text)
        return
    here.wanted.update(n for n in numbers if n in here.direct)
    texts = _block(here, atoms, here.namer.name(f"m_{name or 'bits'}"))
    here.assign(*((cell, measured_bit(text)) for cell, text in zip(cells, texts, strict=True)))


def _block(here: Translation, atoms: Atoms, key: str) -> list[str]:
    """Append the block of a measurement, and return how each outcome is read."""
    if len(set(atoms.names)) < len(atoms.names):
        refuse(None, "measure", "must name each qubit once", ", ".join(atoms.names))
    here.emit("measure", {"atoms": list(atoms.names), "key": key, "basis": "digital"})
    return [key] if len(atoms.names) == 1 else [f"{key}.{atom}" for atom in atoms.names]
