"""Networks of memristors: cells in a row, a ring, a triangle, a grid or all to all, coupled or not."""

from __future__ import annotations

from itertools import combinations
from math import dist
from typing import Literal, get_args

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import (
    ZZ,
    AnyBlock,
    BeamSplitter,
    Exchange,
    Measure,
    Probe,
    Push,
    Repeat,
    Reset,
    Rotate,
    Set,
)
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.programs.topology import Topology, ancilla_shifts, links, places

Coupling = Literal["none", "exchange", "zz", "interaction"]


@arguments.taking(
    units=arguments.whole(1, 40),
    coupling=arguments.one_of(*get_args(Coupling)),
    topology=arguments.one_of(*get_args(Topology)),
    strength=arguments.real(),
    memory=arguments.one_of("own", "shared"),
    period=arguments.whole(1, 1_000_000),
    window=arguments.whole(1, 1_000_000),
    phase=arguments.real(),
    spacing_um=arguments.real(above=0),
    least=arguments.real(0),
    probes=arguments.flag,
    device=arguments.optional(arguments.text),
)
def network(
    units: int,
    *,
    coupling: Coupling = "exchange",
    topology: Topology = "line",
    strength: float = 0.2,
    memory: Literal["own", "shared"] = "own",
    period: int = 12,
    window: int = 4,
    phase: float = 0.0,
    spacing_um: float = 6.0,
    least: float = 0.05,
    probes: bool = True,
    device: str | None = None,
) -> Program:
    """Return photonic-type memristors under ensemble feedback, coupled between beam splitter and reading.

    Each round cell i gets n_in = sin²(π k / period + i phase / 2), loses R_i of it to its ancilla, is coupled to its
    neighbours, and is read. R_i is the mean over `window` rounds of the cell's own n_in, estimated from its ancilla
    alone, or of all cells'.

    Cells stand side by side, coupled pairs that are farther apart ("all", the long way in a "ring") have slower gates.
    Cross-talk is what `exact` has and `ideal` has not. Only the pair of a gate is ever in r, so nothing outside it
    interacts; `crosstalk` says how strongly it would, and the program's `about` how near the nearest stand.

    Args:
        units: Number of cells, 1 to 12.
        coupling: "exchange" (default), exp(-i strength (XX + YY)/2); "zz", exp(-i strength/2 ZZ), both gates under the
            blockade; "interaction", the same ZZ in analog, its angle gathered by the van der Waals interaction of two
            excited atoms, which takes a `spacing_um` of 10 or more; "none".
        topology: "line" (default), "ring", "triangle", "grid" or "all".
        strength: Angle of the coupling (rad).
        memory: "own" (default), each cell's own mean, or "shared", that of all.
        period: Rounds of one period of n_in; the program runs two.
        window: Rounds over which the memory averages.
        phase: Lag of each cell behind the one before it, as a phase of n_in (rad).
        spacing_um: Distance of neighbours (µm).
        least: Smallest value of R.
        probes: Whether the systems' joint state before the reading (that of the first two if there are more than three)
            is kept under `rho`, for emulators only.
        device: Name of the device; by default MockDevice for "interaction", whose laser drives two atoms of many
            together, else DigitalAnalogDevice.

    Raises InputError for numbers and names out of these ranges.

    >>> network(3, topology="triangle").register.names
    ('s0', 's1', 's2', 'a0', 'a1', 'a2')
    """
    if not 1 <= units <= 12:
        raise InputError(f"units must be from 1 to 12, but is {units}")
    cells, pairs = range(units), () if coupling == "none" else links(units, topology)
    body = [block for i in cells for block in _entered(i, period, phase, memory)]
    body += _read(tuple(f"a{i}" for i in cells), "reflected")  # before the coupling: ancillas stay out of the net
    body += [_link(coupling, (f"s{i}", f"s{j}"), strength) for i, j in pairs]
    if probes:
        some = tuple(f"s{i}" for i in (cells if units <= 3 else range(2)))
        body.append(Probe(atoms=some, density_matrix=True, key="rho", basis="digital"))
    body += [*_read(tuple(f"s{i}" for i in cells), "out"), *_remembered(units, memory, least)]
    memories = range(1 if memory == "shared" else units)
    atoms = _cells_at(units, topology, spacing_um)
    return Program(
        name="network",
        about=f"{units} photonic-type memristors, {topology}, coupling {coupling}, memory {memory}. "
        f"Expected (derived): reflected = R n_in in each cell whatever the coupling. {_stated(atoms)}",
        tags=("memristor", "network", "ensemble"),
        device=device or ("MockDevice" if coupling == "interaction" else "DigitalAnalogDevice"),
        register={"atoms": atoms},
        inputs={"tick": {"default": "k", "rounds": 2 * period}},
        memory={
            **{f"R{i}": {"initial": 0.5} for i in memories},
            **{f"seen{i}": {"window": window, "initial": 0.5} for i in memories},
        },
        body=(Repeat(over="tick", body=tuple(body)),),
    )


def _entered(cell: int, period: int, phase: float, memory: str) -> list[AnyBlock]:
    """Return what brings a cell its part of a photon, and splits it by what the cell remembers."""
    angle = Expression(f"2 * asin(sqrt(sin(pi * k / {period} + {cell * phase / 2!r}) ** 2))")
    reflectivity = "R0" if memory == "shared" else f"R{cell}"
    split = BeamSplitter(system=f"s{cell}", ancilla=f"a{cell}", reflectivity=reflectivity, shape="blackman")
    return [Rotate(atom=f"s{cell}", angle=angle), split]


def _read(atoms: tuple[str, ...], key: str) -> list[AnyBlock]:
    return [Measure(atoms=atoms, key=key, basis="digital"), Reset(atoms=atoms)]


def _remembered(units: int, memory: str, least: float) -> list[AnyBlock]:
    """Return what puts the reflected light of the round into the memory of each cell, or into that of all."""
    seen = [f"ensemble_mean(reflected.a{i})" for i in range(units)]
    if memory == "shared":
        seen = [f"ensemble_mean(({' + '.join(f'reflected.a{i}' for i in range(units))}) / {units})"]
    pushed = {f"seen{i}": Expression(f"{light} / R{i}") for i, light in enumerate(seen)}
    followed = {f"R{i}": Expression(f"clip(mean(seen{i}), {least!r}, 1)") for i in range(len(seen))}
    return [Push(values=pushed), Set(values=followed)]


def _cells_at(units: int, topology: Topology, spacing_um: float) -> dict[str, tuple[float, float]]:
    """Return the places (µm) of systems, then of ancillas."""
    where = places(units, topology, spacing_um)
    shift = ancilla_shifts(where, topology, spacing_um)
    systems = {f"s{i}": place for i, place in enumerate(where)}
    return systems | {f"a{i}": (x + dx, y + dy) for i, ((x, y), (dx, dy)) in enumerate(zip(where, shift, strict=True))}


@arguments.taking(program=library.program)
def crosstalk(program: Program) -> dict[tuple[str, str], float]:
    """Return the interaction (rad/µs) of each two atoms of different cells, if both were in r: C6/R⁶ at n = 70.

    Args:
        program: A program whose atoms bear the number of their cell: s0 and a0.

    Raises InputError for a register without coordinates.

    >>> worst = max(crosstalk(network(2, spacing_um=8)).items(), key=lambda pair: pair[1])
    >>> worst[0], round(worst[1], 2)
    (('s0', 's1'), 20.68)
    """
    from pulser import MockDevice

    atoms = program.register.atoms
    if atoms is None:
        raise InputError("crosstalk needs a register of named atoms with coordinates")
    return {
        (one, two): float(MockDevice.interaction_coeff / dist(atoms[one], atoms[two]) ** 6)
        for one, two in combinations(atoms, 2)
        if one[1:] != two[1:]
    }


def _stated(atoms: dict[str, tuple[float, float]]) -> str:
    """Return the smallest distance of atoms of different cells as a sentence."""
    gaps = {(a, b): dist(atoms[a], atoms[b]) for a, b in combinations(atoms, 2) if a[1:] != b[1:]}
    if not gaps:
        return "One cell has no cross-talk."
    near = min(gaps, key=lambda pair: gaps[pair])
    return f"Nearest atoms of different cells: {near[0]} and {near[1]}, {gaps[near]:.2f} µm apart."


def _link(coupling: Coupling, pair: tuple[str, str], strength: float) -> AnyBlock:
    """Return the block that couples two systems."""
    angle = Expression(strength)
    match coupling:
        case "exchange":
            return Exchange(atoms=pair, angle=angle, shape="blackman")
        case "interaction":
            return ZZ(atoms=pair, angle=angle, method="analog")
        case _:
            return ZZ(atoms=pair, angle=angle, shape="blackman")


@arguments.taking(
    units=arguments.whole(1, 40),
    topology=arguments.one_of(*get_args(Topology)),
    rate=arguments.real(0),
    damping=arguments.real(0),
    angle=arguments.real(),
    steps=arguments.whole(1, 1_000_000),
    step=arguments.real(above=0),
    device=arguments.text,
)
def coupled(
    units: int = 2,
    *,
    topology: Topology = "line",
    rate: float = 0.1,
    damping: float = 0.02,
    angle: float = 0.3,
    steps: int = 60,
    step: float = 0.25,
    device: str = "DigitalAnalogDevice",
) -> Program:
    """Return CA-SQUID type memristors, coupled by exchange: damping γ(t) = γ0 [1 + cos(π/2 + sin t)] on each.

    Each step is a half step of exchange forwards, damping into a fresh ancilla that is reset unread, a half step
    backwards. The cells start in (|h⟩ + exp(i angle)|g⟩)/√2 of the rotating frame. The systems' joint state is probed
    under `rho` at each round's start; run it with state="density_matrix", where unread resets make no branches. After
    Kumar and others, PRA 104, 062605 (2021) and PR Applied 18, 034004 (2022).

    Args:
        units: Number of cells, 1 to 40.
        topology: "line" (default), "ring", "triangle", "grid" or "all".
        rate: Exchange k, in units of the oscillators' frequency.
        damping: γ0, in the same unit; with 0 there are no ancillas.
        angle: Phase of the first state (rad).
        steps: Number of steps, one round each.
        step: Length of a step, in units of the oscillators' inverse frequency.
        device: Name of the device.

    Raises InputError for numbers and names out of these ranges.

    >>> coupled(2).register.names
    ('s0', 's1', 'a0', 'a1')
    """
    systems, ancillas = [f"s{i}" for i in range(units)], [f"a{i}" for i in range(units)]
    atoms = {name: at for name, at in _cells_at(units, topology, 5.0).items() if damping or name in systems}
    pairs = links(units, topology)
    half = Expression(f"rate * {step!r} / 2")
    forth = [Exchange(atoms=(systems[i], systems[j]), angle=half, shape="blackman") for i, j in pairs]
    body: list[AnyBlock] = [Probe(atoms=tuple(systems), density_matrix=True, key="rho", basis="digital"), *forth]
    for s, a in zip(systems, ancillas, strict=True) if damping else ():
        body.append(BeamSplitter(system=s, ancilla=a, reflectivity="1 - exp(-loss)", shape="blackman"))
        body.append(Reset(atoms=a))
    body += forth[::-1]
    start: list[AnyBlock] = []
    for s in systems:
        start += [Rotate(atom=s, angle="pi / 2"), Rotate(atom=s, axis="z", angle=-angle)]
    return Program(
        name="coupled",
        about="Coupled CA-SQUID type memristors. Expected: concurrence |sin kt| of two without damping (derived).",
        tags=("memristor", "entanglement"),
        device=device,
        register={"atoms": atoms},
        parameters={"rate": rate, "damping": damping},
        inputs={"loss": {"default": _loss(step), "rounds": steps}},
        body=(*start, Repeat(over="loss", body=tuple(body))),
    )


def _loss(step: float) -> str:
    """Return the damping over step k: the integral of the rate, by Simpson's rule."""
    rate_at = "(1 - sin(sin({})))"
    mean = " + ".join(
        f"{weight} * {rate_at.format(f'(k + {part}) * {step!r}')}" for weight, part in ((1, 0), (4, 0.5), (1, 1))
    )
    return f"damping * {step!r} * ({mean}) / 6"
