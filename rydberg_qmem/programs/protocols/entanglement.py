"""Entanglement moved and made by measurement and feedforward: teleportation, swapping, GHZ states in constant depth."""

from __future__ import annotations

from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.language.program import Program


def _turn(atom: str, axis: str, angle: str) -> dict[str, Any]:
    return {"rotate": {"atom": atom, "axis": axis, "angle": angle}}


def _cnot(control: str, target: str) -> dict[str, Any]:
    return {"cnot": {"control": control, "target": target}}


def _pair(one: str, other: str) -> list[Any]:
    """Return the steps that make (gg + hh)/√2 of two atoms in g."""
    return [_turn(one, "y", "pi / 2"), _cnot(one, other)]


def _bell_measurement(one: str, other: str, key: str) -> list[Any]:
    return [_cnot(one, other), _turn(one, "y", "-pi / 2"), {"measure": {"atoms": [one, other], "key": key}}]


def _corrections(key: str, one: str, other: str, far: str) -> list[Any]:
    return [
        {"when": {"if": f"{key}.{other} == 1", "then": [_turn(far, "x", "pi")]}},
        {"when": {"if": f"{key}.{one} == 1", "then": [_turn(far, "z", "pi")]}},
    ]


def _probed(*atoms: str) -> dict[str, Any]:
    return {"probe": {"atoms": list(atoms), "density_matrix": True, "key": "rho"}}


@arguments.taking(theta=arguments.setting, phi=arguments.setting)
def teleportation(*, theta: float = 1.1, phi: float = 0.4, device: str = "MockDevice") -> Program:
    """Return the program that teleports cos(θ/2) g + exp(iφ) sin(θ/2) h from `alice` to `bob`, probed as `rho`.

    After C. H. Bennett et al., Phys. Rev. Lett. 70, 1895 (1993).

    Args:
        theta: θ (rad).
        phi: φ (rad).
        device: Name of the device.

    Raises ProgramError for numbers that are not finite.

    >>> import rydberg_qmem as rq
    >>> record = rq.run(teleportation(theta=1.1), shots=None, emulator="ideal", state="density_matrix")
    >>> round(float(rq.analysis.density_matrix(record, "rho")[0, 0].real), 6)  # cos²(0.55)
    0.726798
    """
    return Program(
        name="teleportation",
        device=device,
        register={"atoms": {"alice": (0, 0), "half": (5, 0), "bob": (10, 0)}},
        parameters={"theta": theta, "phi": phi},
        body=[
            _turn("alice", "y", "theta"),
            _turn("alice", "z", "phi"),
            *_pair("half", "bob"),
            *_bell_measurement("alice", "half", "m"),
            *_corrections("m", "alice", "half", "bob"),
            _probed("bob"),
        ],
    )


def entanglement_swapping(*, device: str = "MockDevice") -> Program:
    """Return the program that entangles `a` and `d`, which never meet, by a Bell measurement of their partners.

    Args:
        device: Name of the device.

    Raises ProgramError for a device that is no name.

    >>> entanglement_swapping().name
    'entanglement_swapping'
    """
    return Program(
        name="entanglement_swapping",
        device=device,
        register={"atoms": {"a": (0, 0), "b": (5, 0), "c": (10, 0), "d": (15, 0)}},
        body=[
            *_pair("a", "b"),
            *_pair("c", "d"),
            *_bell_measurement("b", "c", "m"),
            *_corrections("m", "b", "c", "d"),
            _probed("a", "d"),
        ],
    )


@arguments.taking(atoms=arguments.whole(2, 20))
def ghz_by_measurement(atoms: int = 4, *, device: str = "MockDevice") -> Program:
    """Return the program that makes a GHZ state of any length in two layers of CNOT, a measurement and feedforward.

    Every atom starts in (g + h)/√2; an ancilla between two neighbours measures whether they are equal; each atom is
    turned over if an odd number of walls lies before it. The depth does not grow with the length.

    Args:
        atoms: Number of atoms of the state, 2 to 20; as many ancillas less one stand between them.
        device: Name of the device.

    Raises InputError for another number of atoms.

    >>> sum(1 for block in ghz_by_measurement(5).body if block.kind == "cnot")
    8
    """
    chain = [f"d{k}" for k in range(atoms)]
    links = [f"a{k}" for k in range(atoms - 1)]
    place = {name: (10.0 * k, 0.0) for k, name in enumerate(chain)}
    place |= {name: (10.0 * k + 5.0, 0.0) for k, name in enumerate(links)}
    read = "max(walls, 0)" if len(links) == 1 else "max(walls.{}, 0)"  # a lost atom shows no wall
    before = [" + ".join(read.format(link) for link in links[:k]) for k in range(1, atoms)]
    return Program(
        name=f"ghz_{atoms}_by_measurement",
        device=device,
        register={"atoms": place},
        body=[
            *(_turn(atom, "y", "pi / 2") for atom in chain),
            *(_cnot(left, link) for left, link in zip(chain, links, strict=False)),
            *(_cnot(right, link) for right, link in zip(chain[1:], links, strict=True)),
            {"measure": {"atoms": links, "key": "walls"}},
            {"reset": {"atoms": links}},
            *(
                {"when": {"if": f"cos(pi * ({walls})) < 0", "then": [_turn(atom, "x", "pi")]}}
                for atom, walls in zip(chain[1:], before, strict=True)
            ),
            _probed(*chain),
        ],
    )
