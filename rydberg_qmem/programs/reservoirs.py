"""Programs of quantum-memristor cells for learning: what a round's inputs do, and how each cell remembers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from rydberg_qmem import arguments
from rydberg_qmem.checked import known_word, whole_number
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.program import Program

Port = Literal["both", "transmitted", "reflected"]
Kind = Literal["exponential", "window"]
_GAP_UM = 1000.0  # cells so far apart do not interact

_SEEN = {"both": "ensemble_mean(m{c}.a{c} + m{c}.s{c})", "transmitted": "ensemble_mean(m{c}.s{c})",
         "reflected": "ensemble_mean(m{c}.a{c})"}  # fmt: skip


@arguments.taking(
    photons=arguments.values(arguments.text, "expressions", 1),
    time_constants=arguments.values(arguments.real(above=0), "numbers", 1),
    port=arguments.text,
    memory=arguments.text,
)
def memristor_network(
    photons: Sequence[str],
    *,
    time_constants: Sequence[float],
    channels: int = 1,
    port: Port = "both",
    memory: Kind = "exponential",
) -> Program:
    """Return a program of memristor cells, one for each expression of a photon at its input.

    In each round, cell c splits its photon with reflectivity R_c, measures both ports (`m<c>`: atoms `a<c>` reflected,
    `s<c>` transmitted), and its memory, started at 1/2, follows R_c <- R_c + (p - R_c) / tau_c, where p is the mean
    over the shots of what arrived at `port`. Cells stand 1 mm apart and do not interact. The parameter `strength`
    scales feedback: R = 1/2 + strength (memory - 1/2).

    Args:
        photons: For each cell the chance of a photon, an expression of the inputs `x0`, `x1`, ... that lies from 0 to
            1.
        time_constants: tau_c of each cell, in rounds, 1 or more.
        channels: Number of inputs.
        port: What feeds back: "both" (default), "reflected" or "transmitted".
        memory: "exponential" (default), or "window": R_c is the mean of p over the last tau_c rounds, a whole number,
            which are 1/2 before the first.

    Raises InputError for other words, and time constants that do not fit.

    >>> memristor_network(["x0"], time_constants=[4]).inputs["x0"].rounds is None
    False
    """
    known_word("port", port, get_args(Port))
    known_word("memory", memory, get_args(Kind))
    whole_number("channels", channels)
    if len(time_constants) != len(photons) or not photons or min(time_constants) < 1:
        raise InputError(f"time_constants must be one of 1 or more for each of {len(photons)} cells: {time_constants}")
    if memory == "window" and any(tau != int(tau) for tau in time_constants):
        raise InputError(f"time_constants of windows must be whole numbers: {time_constants}")
    cells = enumerate(zip(photons, time_constants, strict=True))
    body = [block for c, (photon, tau) in cells for block in _cell(c, photon, tau, port, memory)]
    places = {f"{x}{c}": (c * _GAP_UM + dx, 0) for c in range(len(photons)) for x, dx in (("s", 0), ("a", 5))}
    inputs: dict[str, Any] = {f"x{i}": {"default": "0.5", "rounds": 2} for i in range(channels)}
    return Program.model_validate(
        {
            "name": "memristor_network",
            "device": "MockDevice",
            "register": {"atoms": places},
            "parameters": {"strength": 1.0},
            "inputs": inputs,
            "memory": _memory(time_constants, memory),
            "body": [{"repeat": {"over": list(inputs) if channels > 1 else "x0", "body": body}}],
        }
    )


def _cell(c: int, photon: str, tau: float, port: Port, memory: Kind) -> list[Any]:
    """Return what a cell does in a round: its photon comes in, is split and read, and its memory follows."""
    seen = _SEEN[port].format(c=c)
    return [
        {"rotate": {"atom": f"s{c}", "angle": f"2 * asin(sqrt({photon}))"}},
        {
            "beam_splitter": {
                "system": f"s{c}",
                "ancilla": f"a{c}",
                "reflectivity": f"0.5 + strength * (R{c} - 0.5)",
            }
        },
        {"measure": {"atoms": [f"a{c}", f"s{c}"], "key": f"m{c}"}},
        {"reset": {"atoms": [f"a{c}", f"s{c}"]}},
        *([{"push": {f"seen{c}": seen}}] if memory == "window" else []),
        {"set": {f"R{c}": _followed(c, seen, tau, memory)}},
    ]


def _followed(cell: int, seen: str, tau: float, memory: Kind) -> str:
    if memory == "window":
        return f"clip(mean(seen{cell}), 0, 1)"
    return f"clip(R{cell} + ({seen} - R{cell}) / {float(tau)!r}, 0, 1)"


def _memory(time_constants: Sequence[float], memory: Kind) -> dict[str, Any]:
    windows = {f"seen{c}": {"window": int(tau), "initial": 0.5} for c, tau in enumerate(time_constants)}
    return {f"R{c}": {"initial": 0.5} for c in range(len(time_constants))} | (windows if memory == "window" else {})


@arguments.taking(
    cells=arguments.whole(1, 10_000), channels=arguments.whole(1, 10_000), seed=arguments.SEED, gain=arguments.real()
)
def random_photons(cells: int, channels: int, *, seed: int, gain: float = 1.0) -> list[str]:
    """Return random encodings sin²(π/2 (b + gain w·x)) as expressions of `x0`, `x1`, ..., one for each cell.

    w is standard normal over sqrt(channels), b uniform in [0, 1).

    Args:
        cells: Number of expressions.
        channels: Number of inputs that each reads.
        seed: Draws w and b.
        gain: Factor on w.

    Raises InputError for numbers out of range.

    >>> random_photons(1, 1, seed=0, gain=0.0)[0].count("x0")
    1
    """
    rng = np.random.default_rng(seed)
    weights, bias = rng.normal(size=(cells, channels)) * gain / channels**0.5, rng.uniform(size=cells)
    made = []
    for row, b in zip(weights.round(6).tolist(), bias.round(6).tolist(), strict=True):
        total = " + ".join(f"({w!r}) * x{i}" for i, w in enumerate(row))
        made.append(f"sin(pi / 2 * ({b!r} + {total})) ** 2")
    return made
