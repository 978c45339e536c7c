"""Repetition codes: syndromes measured, atoms reset, corrections fed forward, round after round."""

from __future__ import annotations

from typing import Any, Literal, get_args

from rydberg_qmem import arguments
from rydberg_qmem.language.program import Program
from rydberg_qmem.programs.protocols.rewards import coin

Error = Literal["bit", "phase"]
DATA = ("d0", "d1", "d2")
SYNDROME = ("a0", "a1")


@arguments.taking(
    error=arguments.one_of(*get_args(Error)),
    p=arguments.setting,
    q=arguments.setting,
    rounds=arguments.setting,
    method=arguments.text,
)
def repetition_code(
    error: Error = "bit",
    *,
    p: float = 0.05,
    q: float = 0.0,
    rounds: int = 3,
    method: str = "pi-2pi-pi",
    device: str = "MockDevice",
) -> Program:
    """Return the repetition code on three data atoms, its syndrome measured and corrected round after round.

    Flips are coins (a turned, measured and reset atom), so exact runs hold them all. The phase code is the bit code
    between quarter turns about y. At the end `data` is measured in the code's own basis; the logical bit is its
    majority, 0 if nothing went wrong. Without syndrome errors one round fails with probability p_L = 3p² - 2p³, and n
    rounds with (1 - (1 - 2p_L)ⁿ)/2.

    Args:
        error: What is corrected: "bit" (default) or "phase".
        p: Probability with which each data atom is flipped in a round.
        q: Probability with which each syndrome bit is flipped.
        rounds: Number n of rounds.
        method: Method of the CNOT gates, as of the block `cnot`.
        device: Name of the device.

    Raises InputError for an unknown error; ProgramError for an unknown method, or numbers that are not finite.

    >>> repetition_code("phase").name
    'phase_flip_code'
    """
    into, back = ([], []) if error == "bit" else (_quarter("-pi / 2"), _quarter("pi / 2"))
    flips = [step for atom in DATA for step in _flip(atom, "p", "x" if error == "bit" else "z")]
    faults = [step for atom in SYNDROME for step in _flip(atom, "q", "x")] if q else []
    body = [*flips, *into, *_copied(method), *faults, *_corrected(), *back]
    return Program(
        name=f"{error}_flip_code",
        device=device,
        register={"atoms": {"d0": (0, 0), "a0": (5, 0), "d1": (10, 0), "a1": (15, 0), "d2": (20, 0), "c": (40, 0)}},
        parameters={"p": p, "rounds": rounds, **({"q": q} if q else {})},
        body=[
            *back,
            {"repeat": {"times": "rounds", "body": body}},
            *into,
            {"measure": {"atoms": list(DATA), "key": "data"}},
            {"set": {"logical": _MAJORITY}},
        ],
    )


_MAJORITY = " > ".join(" + ".join(f"(data.{atom} == {bit})" for atom in DATA) for bit in (1, 0))
"""The majority of the data atoms that are there: a lost one has no vote."""


def _copied(method: str) -> list[Any]:
    """Return the gates that copy the parities of neighbours to the syndrome's atoms."""
    pairs = (("d0", "a0"), ("d1", "a0"), ("d1", "a1"), ("d2", "a1"))
    return [{"cnot": {"control": control, "target": target, "method": method}} for control, target in pairs]


def _corrected() -> list[Any]:
    """Return the reading of the syndrome, and what it corrects."""
    return [
        {"measure": {"atoms": list(SYNDROME), "key": "syndrome"}},
        {"reset": {"atoms": list(SYNDROME)}},
        _correct("syndrome.a0 == 1 and syndrome.a1 == 0", "d0"),
        _correct("syndrome.a0 == 1 and syndrome.a1 == 1", "d1"),
        _correct("syndrome.a0 == 0 and syndrome.a1 == 1", "d2"),
    ]


def _quarter(angle: str) -> list[Any]:
    return [{"rotate": {"atom": atom, "axis": "y", "angle": angle}} for atom in DATA]


def _flip(atom: str, probability: str, axis: str) -> list[Any]:
    turn = {"rotate": {"atom": atom, "axis": axis, "angle": "pi"}}
    key = f"flip_{atom}"
    return [*coin("c", probability, key=key), {"when": {"if": f"{key} == 1", "then": [turn]}}]


def _correct(condition: str, atom: str) -> dict[str, Any]:
    return {"when": {"if": condition, "then": [{"rotate": {"atom": atom, "axis": "x", "angle": "pi"}}]}}
